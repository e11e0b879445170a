//! The one sentence that says what comes out of a run.

use kube_rebalancer_core::plan::{Action, After, Band, Limit, Plan};

use kube_rebalancer_page::count;

use super::header::band;

/// What the actions of a plan come to, and what the cluster is like after them.
#[must_use]
pub fn outcome(plan: &Plan) -> String {
    let changes = changes(&plan.actions);
    if changes.is_empty() {
        return nothing(plan);
    }
    let place = match (&plan.guard, plan.band) {
        (Some(_), _) => "Too many nodes are broken",
        (None, Band::Below) => "Below the band",
        (None, Band::Within) => "Within the band",
        (None, Band::Above) => "Above the band",
    };
    format!("{place}: {}; then {}.", changes.join(", "), serving(&plan.after))
}

/// One part for each kind of action there is, in the order in which they are carried out.
fn changes(actions: &[Action]) -> Vec<String> {
    let (mut back, mut created, mut out, mut deleted, mut notes) = (0, 0, 0, 0, 0);
    for action in actions {
        match action {
            Action::Uncordon { .. } => back += 1,
            Action::Grow { from, to, .. } => {
                created += usize::try_from(to.saturating_sub(*from)).unwrap_or(0);
            }
            Action::Cordon { .. } => out += 1,
            Action::Delete { .. } => deleted += 1,
            Action::Mark { .. } | Action::Unmark { .. } => notes += 1,
        }
    }
    [
        (back, "node", "is uncordoned", "are uncordoned"),
        (created, "node", "is created", "are created"),
        (out, "node", "is cordoned", "are cordoned"),
        (deleted, "empty node", "is deleted", "are deleted"),
        (notes, "node", "gets its notes updated", "get their notes updated"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, noun, one, many)| {
        format!("{} {}", count(number, noun), if number == 1 { one } else { many })
    })
    .collect()
}

/// Why there is nothing to do.
fn nothing(plan: &Plan) -> String {
    if plan.guard.is_some() {
        return "Nothing is done: too many nodes are broken.".to_owned();
    }
    let utilization = plan.before.utilization;
    let place = band(plan.band);
    let serving = serving(&plan.after);
    // How many nodes may be deleted says nothing about how many serve.
    let limited = plan.limits.iter().any(|limit| !matches!(limit, Limit::MaxDeletions { .. }));
    match (plan.band, limited) {
        (Band::Within, _) => format!("Nothing to do: within the band; {serving}."),
        (Band::Below | Band::Above, true) => {
            format!(
                "Nothing to do: utilization {utilization} is {place} the band, but a limit holds; {serving}."
            )
        }
        (Band::Above, false) if plan.after.booting > 0 => format!(
            "Nothing to do: utilization {utilization} is {place} the band, but what boots will be enough; {serving}."
        ),
        (Band::Below | Band::Above, false) => format!(
            "Nothing to do: utilization {utilization} is {place} the band, but no other choice of nodes is better; \
             {serving}."
        ),
    }
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
    // A new node of unknown size offers nothing that could be counted on.
    let known = after.utilization.capacity > 0 || after.utilization.requested == 0;
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
    use kube_rebalancer_core::plan::{GrowReason, TooManyBroken, Utilization};

    #[test]
    fn the_sentence_adds_up_what_the_actions_do() {
        let mut plan = fixture::quiet();
        plan.band = Band::Above;
        plan.after = After {
            serving: 6,
            booting: 1,
            created: 2,
            utilization: Utilization { requested: 45 * GIBI, capacity: 60 * GIBI },
        };
        plan.actions = vec![
            fixture::uncordon("a"),
            Action::Grow { group: None, from: 3, to: 5, reason: GrowReason::MinNodes { nodes: 3, min: 5 } },
            fixture::delete("b"),
        ];
        assert_eq!(
            outcome(&plan),
            "Above the band: 1 node is uncordoned, 2 nodes are created, 1 empty node is deleted; \
             then 6 nodes serve (1 of them still booting, 2 new) at utilization 0.750."
        );
    }

    #[test]
    fn nothing_to_do_says_why() {
        let mut plan = fixture::quiet();
        assert_eq!(outcome(&plan), "Nothing to do: within the band; 2 nodes serve at utilization 0.700.");
        plan.band = Band::Below;
        plan.limits = vec![Limit::MaxDeletions { asked: 1, allowed: 0 }];
        assert_eq!(
            outcome(&plan),
            "Nothing to do: utilization 0.700 is below the band, but no other choice of nodes is better; \
             2 nodes serve at utilization 0.700."
        );
        plan.limits = vec![Limit::MinNodes { asked: 1, allowed: 2 }];
        assert_eq!(
            outcome(&plan),
            "Nothing to do: utilization 0.700 is below the band, but a limit holds; 2 nodes serve at \
             utilization 0.700."
        );
        plan.guard = Some(TooManyBroken { broken: 5, managed: 10, max_percent: 45, ok_nodes: 3 });
        assert_eq!(outcome(&plan), "Nothing is done: too many nodes are broken.");
    }
}
