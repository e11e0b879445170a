//! Decides which nodes fill last: the others must have enough room for the next pods. Section 13.

use super::action::Action;
use super::changes::serves_after;
use super::decided::Run;
use super::median::lower_median;
use super::order::ready_candidates;
use super::places::free_now;
use super::pools::PoolIndex;
use super::reason::{SteerReason, UnsteerReason};
use super::state::Cordon;
use super::survey::NodeFacts;
use super::taints::{fills_last, others_soft_taint, written};
use crate::model::{NodeIndex, Resource};

/// Maximum number of soft taints that a run writes or removes: each is a request to the API server.
pub(crate) const MOST_STEERED: usize = 50;

/// The room of a pool, times twenty: the larger of 0.3 of a node's capacity and 5 % of the demand. Twentieths keep it an
/// integer.
#[derive(Clone, Copy, Debug)]
struct Room {
    twentieths: u128,
    resource: Resource,
}

impl Room {
    /// Whether this much free room is enough. A node that fills first now is not made to fill last before there is half as
    /// much again, so that its taint does not change with every pod.
    fn is_left(self, free: u128, fills_last_now: bool) -> bool {
        let free = free.saturating_mul(20);
        if fills_last_now {
            free >= self.twentieths
        } else {
            free.saturating_mul(2) >= self.twentieths.saturating_mul(3)
        }
    }

    /// A number of halves of the room, rounded up, for a message.
    fn shown(self, halves: u128) -> u64 {
        u64::try_from(self.twentieths.saturating_mul(halves).div_ceil(40)).unwrap_or(u64::MAX)
    }

    fn needed(self) -> UnsteerReason {
        UnsteerReason::Needed { resource: self.resource, room: self.shown(2) }
    }

    fn fill_last(self) -> SteerReason {
        SteerReason::FillLast { resource: self.resource, room: self.shown(3) }
    }
}

/// The soft taints that change. Removals go first, because they add room.
pub(super) fn steering(run: &Run<'_, '_>) -> Vec<Action> {
    let mut steering = Steering::default();
    if run.survey.policy.pack {
        for pool in 0..run.survey.pools.len() {
            steering.pack(run, pool);
        }
        steering.sweep(run, &UnsteerReason::OutOfService, |facts| {
            facts.reserved.is_some() || facts.cordon == Cordon::Ours
        });
    } else {
        steering.sweep(run, &UnsteerReason::PackOff, |_| true);
    }
    let Steering { unsteer, steer } = steering;
    // If the limit does not allow all, the nodes at the end of the order come first.
    let steer = steer.into_iter().rev();
    let steer = steer.map(|(index, reason)| Action::Steer { node: run.name(index), reason });
    unsteer.into_iter().chain(steer).take(MOST_STEERED).collect()
}

#[derive(Debug, Default)]
struct Steering {
    unsteer: Vec<Action>,
    /// The nodes that may fill last, in the keep order.
    steer: Vec<(NodeIndex, SteerReason)>,
}

impl Steering {
    /// Walks down the keep order of the nodes that serve after the plan: part 1, then the others, both by the order of
    /// part 2.
    fn pack(&mut self, run: &Run<'_, '_>, pool: PoolIndex) {
        let Some(decision) = run.changes.decisions.get(pool) else { return };
        let Some(resource) = run.now.get(pool).map(|now| now.before.utilization.decides()) else { return };
        let ready = ready_candidates(run.survey, pool, &run.changes.cordons, resource);
        let (first, rest): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|index| decision.must.contains_key(index));
        let serving: Vec<(NodeIndex, &NodeFacts<'_>)> = first
            .into_iter()
            .chain(rest)
            .filter_map(|index| Some((index, run.survey.nodes.get(index)?)))
            .filter(|(index, facts)| serves_after(&run.changes, facts, *index))
            .collect();
        let Some(room) = room(run, pool, resource, &serving) else { return };
        let mut before = 0_u128;
        for (index, facts) in serving {
            let node = || facts.node.name.clone();
            let fills_last_now = !facts.bare && fills_last(facts.node);
            let others = if facts.bare { None } else { others_soft_taint(facts.node) };
            if let Some(taint) = others {
                if fills_last_now {
                    let taint = written(&taint.key, &taint.value, taint.effect);
                    let reason = UnsteerReason::OthersTaint { taint };
                    self.unsteer.push(Action::Unsteer { node: node(), reason });
                }
                continue;
            }
            match (fills_last_now, room.is_left(before, fills_last_now)) {
                (false, true) => self.steer.push((index, room.fill_last())),
                (true, false) => self.unsteer.push(Action::Unsteer { node: node(), reason: room.needed() }),
                (true, true) | (false, false) => {}
            }
            let free = free_now(facts, index, &run.waiting.nominated);
            before = before.saturating_add(u128::from(free.of(room.resource)));
        }
    }

    /// Removes the taint from managed nodes that must not carry it. The patch of a cordon removes it by itself.
    fn sweep(
        &mut self,
        run: &Run<'_, '_>,
        reason: &UnsteerReason,
        is_swept: impl Fn(&NodeFacts<'_>) -> bool,
    ) {
        for (index, facts) in run.survey.managed().filter(|(_, facts)| !facts.bare && fills_last(facts.node))
        {
            let cordoned_now =
                facts.cordon == Cordon::None && run.changes.cordons.get(index) != Some(&Cordon::None);
            let opened =
                facts.cordon != Cordon::None && run.changes.cordons.get(index) == Some(&Cordon::None);
            let object_goes =
                || run.objects.delete.iter().any(|action| action.node() == Some(facts.node.name.as_str()));
            let goes = run.deletions.delete.contains(&index) || object_goes();
            let written_by_others = facts.claimed || cordoned_now || goes;
            let judged_by_its_pool = run.survey.policy.pack && opened && facts.reserved.is_none();
            if !written_by_others && !judged_by_its_pool && is_swept(facts) {
                self.unsteer.push(Action::Unsteer { node: facts.node.name.clone(), reason: reason.clone() });
            }
        }
    }
}

/// The room that nodes that fill first must have; `None` if no node serves.
fn room(
    run: &Run<'_, '_>,
    pool: PoolIndex,
    resource: Resource,
    serving: &[(NodeIndex, &NodeFacts<'_>)],
) -> Option<Room> {
    let now = run.now.get(pool)?;
    let capacity = lower_median(serving.iter().map(|(_, facts)| facts.capacity.of(resource)).collect())?;
    let daemons = serving.iter().map(|(_, facts)| u128::from(facts.daemons.of(resource)));
    let asked = u128::from(now.demand.total().of(resource)).saturating_add(daemons.sum());
    // 0.3 of the capacity is six twentieths of it, 5 % of the demand one twentieth.
    let twentieths = asked.max(u128::from(capacity).saturating_mul(6)).max(1);
    Some(Room { twentieths, resource })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, Pod, Taint, TaintEffect, annotation, taint};
    use crate::plan::fixture::{Build, ago, cluster, node, pod, taint as of};
    use crate::plan::plan;
    use crate::policy::{Bounds, PartsPerMillion, Policy};

    const USER: &str = "hub.jupyter.org/username";

    /// A band so wide that nothing is cordoned; memory alone decides.
    fn policy() -> Policy {
        let bounds = Bounds {
            min_utilization: PartsPerMillion(1),
            max_utilization: PartsPerMillion(1_000_000),
            min_nodes: 0,
            ..Bounds::default()
        };
        let resources = vec![Resource::Memory];
        Policy { bounds, resources, preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
    }

    fn soft(key: &str) -> Taint {
        Taint { effect: TaintEffect::PreferNoSchedule, ..of(key) }
    }

    /// A node of 32Gi that fills last.
    fn last(name: &str) -> Node {
        Node { taints: vec![soft(taint::FILL_LAST)], ..node(name) }
    }

    /// Users of 1Gi on a node.
    fn users(on: &str, count: usize) -> Vec<Pod> {
        let user = |number| pod(&format!("hub/{on}-{number:02}")).labelled(USER).asking(1, 0).on(on);
        (0..count).map(user).collect()
    }

    /// The steered nodes, written as `+n3` and `-n1`.
    fn steered(nodes: Vec<Node>, pods: Vec<Pod>, policy: &Policy) -> Vec<String> {
        let plan = plan(&cluster(nodes, pods), policy).unwrap();
        let shown = |action: &Action| {
            let sign = match action.verb() {
                "steer" => '+',
                "unsteer" => '-',
                _ => return None,
            };
            Some(format!("{sign}{}", action.node()?))
        };
        plan.actions.iter().filter_map(shown).collect()
    }

    // Nodes of 32Gi: the room is 9.6Gi, and one and a half times that 14.4Gi.

    #[test]
    fn nodes_fill_last_once_those_before_them_have_room_and_a_half() {
        let four = || ["n0", "n1", "n2", "n3"].map(node).to_vec();
        for (sentence, occupants, expected) in [
            // Before n2 there are 4 + 10 Gi, before n3 also 22.
            ("14Gi are not enough", [28, 22, 10, 5], vec!["+n3"]),
            ("15Gi are", [28, 21, 10, 5], vec!["+n3", "+n2"]),
            ("an idle cluster fills one node first", [1, 0, 0, 0], vec!["+n3", "+n2", "+n1"]),
            ("a full one needs them all", [32, 32, 31, 31], vec![]),
        ] {
            let nodes = four();
            let pods =
                nodes.iter().zip(occupants).flat_map(|(node, count)| users(&node.name, count)).collect();
            assert_eq!(steered(nodes, pods, &policy()), expected, "{sentence}");
        }
    }

    #[test]
    fn a_node_that_fills_last_does_so_until_less_than_the_room_is_left_before_it() {
        let nodes = || vec![node("n0"), last("n1")];
        let with = |count| steered(nodes(), users("n0", count), &policy());
        assert_eq!(with(22), Vec::<String>::new(), "10Gi are left");
        assert_eq!(with(23), ["-n1"], "9Gi are left");
        let open = |count| steered(vec![node("n0"), node("n1")], users("n0", count), &policy());
        assert_eq!(open(18), Vec::<String>::new(), "14Gi are left");
        assert_eq!(open(17), ["+n1"], "15Gi are left");
    }

    #[test]
    fn in_a_large_pool_the_room_is_five_percent_of_what_is_asked_for() {
        // 12 nodes with 30 users each: 360Gi, of which 5 % are 18Gi, and 27Gi with the half. Each node before adds 2Gi.
        let names: Vec<String> = (0..13).map(|number| format!("n{number:02}")).collect();
        let full = || names.iter().take(12).flat_map(|name| users(name, 30));
        let nodes = || names.iter().map(|name| node(name)).collect::<Vec<_>>();
        assert_eq!(steered(nodes(), full().collect(), &policy()), Vec::<String>::new(), "24Gi");
        let fewer = full().filter(|pod| !pod.name.starts_with("n11-0")).collect();
        assert_eq!(steered(nodes(), fewer, &policy()), ["+n12"], "34Gi");
    }

    #[test]
    fn a_soft_taint_of_others_counts_as_ours_would() {
        let avoided = |name: &str| Node { taints: vec![soft("of-others")], ..node(name) };
        // n0 is empty, but the scheduler avoids it: its room does not count for the nodes after it.
        let nodes = vec![avoided("n0"), node("n1"), node("n2")];
        assert_eq!(steered(nodes, users("n1", 1), &policy()), ["+n2"]);
        let mut both = avoided("n0");
        both.taints.push(soft(taint::FILL_LAST));
        assert_eq!(steered(vec![both, node("n1")], users("n1", 1), &policy()), ["-n0"]);
    }

    #[test]
    fn without_pack_every_taint_of_ours_goes_and_with_it_those_that_are_of_no_use() {
        let off = Policy { pack: false, ..policy() };
        let ours = |name: &str| {
            let mut node = Node { unschedulable: true, ..last(name) };
            node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(600).to_string());
            node
        };
        let reserved = |name: &str| {
            let mut node = last(name);
            node.taints.push(of("dedicated"));
            node
        };
        let theirs = |name: &str| Node { unschedulable: true, ..last(name) };
        let nodes = || vec![node("n0"), last("n1"), ours("n2"), reserved("n3"), theirs("n4")];
        let pods = || [users("n0", 2), users("n1", 1), users("n2", 1)].concat();
        assert_eq!(steered(nodes(), pods(), &off), ["-n1", "-n2", "-n3", "-n4"]);
        assert_eq!(steered(nodes(), pods(), &policy()), ["-n2", "-n3"]);
    }

    #[test]
    fn at_most_fifty_taints_change_in_a_run_and_what_adds_room_goes_first() {
        let names: Vec<String> = (0..60).map(|number| format!("n{number:02}")).collect();
        let all: Vec<Node> = names.iter().map(|name| node(name)).collect();
        let steer = steered(all, users("n00", 1), &policy());
        assert_eq!(
            (steer.len(), steer.first(), steer.last()),
            (50, Some(&"+n59".into()), Some(&"+n10".into()))
        );
        let full = names.iter().flat_map(|name| users(name, 32)).collect();
        let unsteer = steered(names.iter().map(|name| last(name)).collect(), full, &policy());
        let expected: (_, Option<&String>, Option<&String>) =
            (50, Some(&"-n00".into()), Some(&"-n49".into()));
        assert_eq!((unsteer.len(), unsteer.first(), unsteer.last()), expected);
    }

    #[test]
    fn a_node_that_is_uncordoned_is_steered_in_the_same_run() {
        let cordoned = |name: &str| {
            let mut node = Node { unschedulable: true, ..node(name) };
            node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(600).to_string());
            node
        };
        let bounds = Bounds { min_nodes: 2, ..policy().bounds };
        let nodes = vec![node("n0"), cordoned("n1")];
        assert_eq!(steered(nodes, users("n0", 1), &Policy { bounds, ..policy() }), ["+n1"]);
    }
}
