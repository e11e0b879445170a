//! The one sentence that summarizes a run.

use kube_rebalancer_core::plan::{
    Action, After, Band, KeepReason, Limit, NodeVerdict, Plan, PoolPlan, Target, Verdict,
};

use kube_rebalancer_page::count;

use super::band::band;

/// The sum of a plan's actions, and the state of the cluster after them.
#[must_use]
pub fn outcome(plan: &Plan) -> String {
    if let [pool] = plan.pools.as_slice() {
        return of_pool(plan, pool);
    }
    let pools = count(plan.pools.len(), "pool");
    match changes(plan.actions.iter()) {
        changes if changes.is_empty() => format!("Nothing to do in {pools}."),
        changes => format!("In {pools}: {}.", changes.join(", ")),
    }
}

/// The same for one pool.
pub(super) fn of_pool(plan: &Plan, pool: &PoolPlan) -> String {
    let changes = changes(plan.actions.iter().filter(|action| is_in(plan, pool, action)));
    if changes.is_empty() {
        return nothing(plan, pool);
    }
    let place = match (&plan.guard, pool.band) {
        (Some(_), _) => "Too many nodes are broken",
        (None, Band::Below) => "Below the band",
        (None, Band::Within) => "Within the band",
        (None, Band::Above) => "Above the band",
    };
    format!("{place}: {}; then {}.", changes.join(", "), serving(&pool.after))
}

fn is_in(plan: &Plan, pool: &PoolPlan, action: &Action) -> bool {
    match action.target() {
        Target::Group { pool: name, .. } | Target::Instance { pool: name, .. } => *name == *pool.name,
        Target::Node { node, .. } | Target::Pod { node, .. } => {
            plan.node(node).is_some_and(|verdict| verdict.pool == pool.name)
        }
    }
}

/// One part for each kind of action in the plan, in the order in which they are carried out. Notes are one
/// kind.
fn changes<'p>(actions: impl Iterator<Item = &'p Action>) -> Vec<String> {
    let mut counts: Vec<((&str, &str), usize)> = Vec::new();
    for action in actions {
        let number = match action.target() {
            Target::Group { from, to, .. } => usize::try_from(to.saturating_sub(from)).unwrap_or(0),
            Target::Node { .. } | Target::Pod { .. } | Target::Instance { .. } => 1,
        };
        let sum = action.kind().facts().sum;
        match counts.iter_mut().find(|(known, _)| *known == sum) {
            Some((_, count)) => *count += number,
            None => counts.push((sum, number)),
        }
    }
    let sentence = |((one, many), number): &((&str, &str), usize)| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    counts.iter().filter(|(_, number)| *number > 0).map(sentence).collect()
}

/// Why there is nothing to do.
fn nothing(plan: &Plan, pool: &PoolPlan) -> String {
    if plan.guard.is_some() {
        return "Nothing is done: too many nodes are broken.".to_owned();
    }
    let utilization = pool.before.utilization;
    let place = band(pool.band);
    let serving = serving(&pool.after);
    // Limits of deletions and evictions do not change the number of serving nodes.
    let limits = pool.limits.iter().chain(&plan.limits);
    let limited = limits
        .into_iter()
        .any(|limit| !matches!(limit, Limit::MaxDeletions { .. } | Limit::MaxEvictions { .. }));
    let awaits = |node: &&NodeVerdict| {
        node.pool == pool.name && matches!(node.verdict, Verdict::Keep(KeepReason::AwaitsReplacement { .. }))
    };
    let awaiting = plan.nodes.iter().filter(awaits).count();
    let requested = |node: &&NodeVerdict| {
        node.pool == pool.name && matches!(node.verdict, Verdict::Keep(KeepReason::Requested { .. }))
    };
    let requested = plan.nodes.iter().filter(requested).count();
    let outside = match (pool.band, limited) {
        (Band::Within, _) => return format!("Nothing to do: within the band; {serving}."),
        (Band::Below | Band::Above, true) => "a limit holds".to_owned(),
        (Band::Above, false) if pool.after.booting > 0 => "the booting nodes will be enough".to_owned(),
        (Band::Below | Band::Above, false) if awaiting > 0 => {
            format!("{} until a replacement serves", must_stay(awaiting))
        }
        (Band::Below | Band::Above, false) if requested > 0 => {
            format!("{} for what the pods request", must_stay(requested))
        }
        (Band::Below | Band::Above, false) => why_none_better(plan, pool),
    };
    format!("Nothing to do: utilization {utilization} is {place} the band, but {outside}; {serving}.")
}

fn must_stay(nodes: usize) -> String {
    if nodes == 1 { "1 node must stay".to_owned() } else { format!("{nodes} nodes must stay") }
}

/// The reason why the serving nodes stay, if no limit explains it.
fn why_none_better(plan: &Plan, pool: &PoolPlan) -> String {
    let critical = |node: &&NodeVerdict| {
        node.pool == pool.name
            && matches!(
                node.verdict,
                Verdict::Keep(KeepReason::CriticalPod { .. } | KeepReason::NotMovable { .. })
            )
    };
    let critical = plan.nodes.iter().filter(critical).count();
    match (pool.band, critical) {
        (Band::Below, 1..) if critical >= pool.before.serving => {
            format!("every node that serves must stay: {} critical pods", plural_runs(critical))
        }
        (Band::Below, 1..) => {
            format!("no other choice of nodes is better: {} critical pods", plural_runs(critical))
        }
        _ => "no other choice of nodes is better".to_owned(),
    }
}

fn plural_runs(nodes: usize) -> String {
    if nodes == 1 { "1 node runs".to_owned() } else { format!("{nodes} nodes run") }
}

fn serving(after: &After) -> String {
    let nodes = match after.serving {
        0 => return "no node serves".to_owned(),
        1 => "1 node serves".to_owned(),
        nodes => format!("{nodes} nodes serve"),
    };
    let coming = match (after.booting, after.created) {
        (0, 0) => String::new(),
        (booting, 0) => format!(" ({booting} of them still booting)"),
        (0, created) => format!(" ({created} of them new)"),
        (booting, created) => format!(" ({booting} of them still booting, {created} new)"),
    };
    // A new node of unknown size has no capacity that could be counted.
    let ratio = after.utilization.ratio();
    let known = ratio.capacity > 0 || ratio.requested == 0;
    if known {
        format!("{nodes}{coming} at utilization {}", after.utilization)
    } else {
        format!("{nodes}{coming}, at a utilization that is not known yet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, GIBI};
    use kube_rebalancer_core::plan::{Elapsed, GrowReason, InstanceReason, Since, TooManyBroken};
    use kube_rebalancer_core::policy::PoolName;

    #[test]
    fn the_sentence_adds_up_what_the_actions_do() {
        let mut plan = fixture::quiet();
        plan.pools[0].band = Band::Above;
        plan.pools[0].after = After {
            serving: 6,
            booting: 1,
            created: 2,
            utilization: fixture::utilization((45 * GIBI, 60 * GIBI), (1, 2)),
        };
        plan.actions = vec![
            fixture::uncordon("a"),
            Action::Grow {
                pool: String::new(),
                group: None,
                from: 3,
                to: 5,
                instead: Vec::new(),
                reason: GrowReason::MinNodes { nodes: 3, min: 5 },
            },
            fixture::delete("b"),
            never_registered(),
            never_registered(),
        ];
        assert_eq!(
            outcome(&plan),
            "Above the band: 1 node is uncordoned, 2 nodes are created, 1 empty node is deleted, 2 instances that never \
             became nodes are deleted; then 6 nodes serve (1 of them still booting, 2 new) at utilization 0.750 of \
             memory."
        );
    }

    fn never_registered() -> Action {
        let limit = Elapsed(jiff::SignedDuration::from_mins(30));
        Action::DeleteInstance {
            pool: PoolName::new(),
            group: "z/users".to_owned(),
            instance: "i".to_owned(),
            reason: InstanceReason::NeverRegistered { created: Since(None), limit },
        }
    }

    #[test]
    fn nothing_to_do_says_why() {
        let mut plan = fixture::quiet();
        assert_eq!(
            outcome(&plan),
            "Nothing to do: within the band; 2 nodes serve at utilization 0.700 of memory."
        );
        let because = |plan: &Plan, why: &str| {
            let expected = format!(
                "Nothing to do: utilization 0.700 of memory is below the band, but {why}; 2 nodes serve at \
                 utilization 0.700 of memory."
            );
            assert_eq!(outcome(plan), expected);
        };
        plan.pools[0].band = Band::Below;
        plan.limits = vec![Limit::MaxDeletions { asked: 1, allowed: 0 }];
        because(&plan, "no other choice of nodes is better");
        plan.nodes[0].verdict = Verdict::Keep(KeepReason::CriticalPod { pod: "hub/hub".to_owned() });
        because(&plan, "no other choice of nodes is better: 1 node runs critical pods");
        plan.nodes[1].verdict = Verdict::Keep(KeepReason::CriticalPod { pod: "hub/proxy".to_owned() });
        because(&plan, "every node that serves must stay: 2 nodes run critical pods");
        let utilization = plan.pools[0].before.utilization;
        plan.nodes[1].verdict = Verdict::Keep(KeepReason::AwaitsReplacement { serving: 1, utilization });
        because(&plan, "1 node must stay until a replacement serves");
        plan.pools[0].limits = vec![Limit::MinNodes { asked: 1, allowed: 2 }];
        because(&plan, "a limit holds");
        plan.guard = Some(TooManyBroken { broken: 5, managed: 10, max_percent: 45, ok_nodes: 3 });
        assert_eq!(outcome(&plan), "Nothing is done: too many nodes are broken.");
    }

    #[test]
    fn several_pools_are_added_up_and_each_has_its_own_sentence() {
        let mut plan = fixture::two_pools();
        assert_eq!(outcome(&plan), "In 2 pools: 1 node is uncordoned, 1 node is cordoned.");
        assert_eq!(
            of_pool(&plan, &plan.pools[0]),
            "Above the band: 1 node is uncordoned; then 3 nodes serve at utilization 0.620 of cpu."
        );
        assert_eq!(
            of_pool(&plan, &plan.pools[1]),
            "Below the band: 1 node is cordoned; then no node serves."
        );
        plan.actions.clear();
        assert_eq!(outcome(&plan), "Nothing to do in 2 pools.");
    }
}
