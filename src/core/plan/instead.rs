//! The alternatives if the cloud refuses: other groups in place of a group; further parked nodes, then groups, in place of a
//! parked node. Sections 7 and 15.

use std::collections::BTreeSet;

use super::action::{GroupSize, WakeInstead};
use super::decided::Run;
use super::fit::Shape;
use super::group::GroupIndex;
use super::once::why_not_again;
use super::parked::parked_nodes;
use super::places::{Stage, booting_node};
use super::placing::Fate;
use super::pools::PoolIndex;
use super::waiting::WaitingPod;
use crate::model::NodeIndex;

/// Maximum number of parked nodes that a plan names in place of one. If all of them are refused, the next run plans again.
const MOST_NODES: usize = 10;

impl Run<'_, '_> {
    /// The groups of a pool that can create the same nodes as this one: they take the same waiting pods, and the plan does
    /// not grow them yet.
    pub(super) fn instead_of(&self, group: GroupIndex, pool: PoolIndex) -> Vec<GroupSize> {
        let Some(decision) = self.changes.decisions.get(pool) else { return Vec::new() };
        let pods = self.placeable(pool);
        let needs = decision.placement.needs.new.iter().zip(&decision.placement.new_for);
        let on_it: Vec<_> = needs
            .filter(|(created_in, _)| **created_in == group)
            .flat_map(|(_, on_it)| on_it.iter().filter_map(|index| pods.get(*index)))
            .collect();
        self.further_groups(pool, |other| self.may_create(other, &on_it))
    }

    /// The alternatives to each node to wake, in the order of these nodes: the parked nodes of its pool that the plan leaves
    /// alone, then the groups, if the limits of creations have room for all woken nodes.
    pub(super) fn wake_instead(&self) -> Vec<WakeInstead> {
        let created: usize = self.changes.grow.values().sum();
        let mut creations =
            self.survey.policy.max_creations.allows(self.survey.managed().count()).saturating_sub(created);
        let mut every = Vec::new();
        for (pool, decision) in self.changes.decisions.iter().enumerate() {
            let woken = decision.wake.len();
            let room = self.growth.allowed.get(pool).copied().unwrap_or(0).saturating_sub(decision.new.len());
            let spare = self.spare(pool);
            let may_grow = woken <= room.min(creations);
            let of_pool: Vec<WakeInstead> = self
                .changes
                .wake
                .iter()
                .filter(|index| self.survey.nodes.get(**index).is_some_and(|facts| facts.pool == pool))
                .map(|index| self.in_place_of(*index, pool, &spare, may_grow))
                .collect();
            if of_pool.iter().any(|instead| !instead.groups.is_empty()) {
                creations = creations.saturating_sub(woken);
            }
            every.extend(of_pool);
        }
        every
    }

    /// The parked nodes of a pool that the plan neither wakes nor deletes.
    fn spare(&self, pool: PoolIndex) -> Vec<NodeIndex> {
        let is_spare =
            |index: &NodeIndex| !self.changes.wake.contains(index) && !self.deletions.delete.contains(index);
        parked_nodes(self.survey, pool).into_iter().filter(is_spare).collect()
    }

    fn in_place_of(
        &self,
        index: NodeIndex,
        pool: PoolIndex,
        spare: &[NodeIndex],
        may_grow: bool,
    ) -> WakeInstead {
        let pods = self.placed_on(index, pool);
        let fits = |other: &&NodeIndex| {
            pods.is_empty()
                || booting_node(self.survey, self.growth, **other)
                    .is_some_and(|place| pods.iter().all(|one| place.would_take_now(one.shape())))
        };
        let mut fitting = spare.iter().filter(fits);
        let nodes = fitting.by_ref().take(MOST_NODES).map(|other| self.name(*other)).collect();
        // Parked nodes come before new ones.
        let groups = if may_grow && fitting.next().is_none() {
            self.further_groups(pool, |other| self.may_create(other, &pods))
        } else {
            Vec::new()
        };
        let uids = pods.iter().map(|one| one.unbound.uid.to_string()).filter(|uid| !uid.is_empty());
        WakeInstead { nodes, groups, pods: uids.collect() }
    }

    /// Whether a new node of the group takes each of these pods, and none of them must wait for an earlier one of it.
    fn may_create(&self, group: GroupIndex, pods: &[&WaitingPod<'_>]) -> bool {
        pods.iter().all(|one| {
            self.takes(group, one.shape()) && why_not_again(self.survey, self.growth, group, one).is_none()
        })
    }

    /// The waiting pods whose place is a parked node.
    fn placed_on(&self, index: NodeIndex, pool: PoolIndex) -> Vec<&WaitingPod<'_>> {
        let Some(decision) = self.changes.decisions.get(pool) else { return Vec::new() };
        let fates = self.placeable(pool).iter().zip(&decision.placement.fates);
        let here = fates.filter(|(_, fate)| **fate == Fate::OnNode(index, Stage::Parked));
        here.map(|(one, _)| one).collect()
    }

    /// The suitable groups of a pool that the plan does not grow yet, in the order in which they create nodes.
    fn further_groups(&self, pool: PoolIndex, suits: impl Fn(GroupIndex) -> bool) -> Vec<GroupSize> {
        let mut further = self.growth.order(pool);
        let mut asked: BTreeSet<GroupIndex> = self.changes.grow.keys().copied().collect();
        let mut instead = Vec::new();
        while let Some(other) = further.take(|index| !asked.contains(&index)) {
            asked.insert(other);
            let Some(of) = self.growth.groups.get(other) else { continue };
            if let Some(known) = of.group.filter(|_| suits(other)) {
                instead.push(GroupSize { group: known.name.clone(), size: known.target_size });
            }
        }
        instead
    }

    fn takes(&self, group: GroupIndex, shape: Shape<'_>) -> bool {
        self.growth.groups.get(group).is_some_and(|of| of.would_take(shape))
    }

    fn placeable(&self, pool: PoolIndex) -> &[WaitingPod<'_>] {
        self.waiting.placeable.get(pool).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{
        Ledger, Node, NodeGroup, Pod, ReadyCondition, SchedulerRefusal, Snapshot, Unbound, annotation,
    };
    use crate::plan::fixture::{Build, ago, node, now, pod};
    use crate::plan::{Action, plan};
    use crate::policy::{Budget, GiveBack, Policy};

    const GROUP: &str = "z/a";

    fn in_group(node: Node) -> Node {
        Node { group: Some(GROUP.to_owned()), ..node }
    }

    /// A node that was parked this number of hours ago.
    fn parked(name: &str, hours: i64) -> Node {
        let ready = Some(ReadyCondition { ready: false, since: Some(ago(hours * 3600)) });
        let mut node = Node { unschedulable: true, ready, ..in_group(node(name)) };
        node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(86_400).to_string());
        node.annotations.insert(annotation::PARKED_AT.to_owned(), ago(hours * 3600).to_string());
        node
    }

    fn group(name: &str, size: u32) -> NodeGroup {
        NodeGroup { name: name.to_owned(), target_size: size, ..NodeGroup::default() }
    }

    fn policy(min_nodes: usize) -> Policy {
        let mut policy = Policy {
            preemptible_labels: ["user".to_owned()].into(),
            give_back: GiveBack::Park,
            node_groups_named: true,
            ..Policy::default()
        };
        policy.bounds.min_nodes = min_nodes;
        policy
    }

    fn user(name: &str) -> Pod {
        pod(&format!("hub/{name}")).labelled("user").asking(2, 100)
    }

    fn refused(pod: Pod) -> Pod {
        let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(10)) };
        let uid = format!("uid-{}", pod.name).into();
        let unbound =
            Unbound { uid, refusal: Some(refusal), created_at: Some(ago(10)), ..Unbound::default() };
        Pod { unbound: Some(Box::new(unbound)), ..pod }
    }

    /// The woken nodes with their alternatives: `p1 else p2 p3 then z/a (4)`.
    fn woken(nodes: Vec<Node>, pods: Vec<Pod>, groups: Vec<NodeGroup>, policy: &Policy) -> Vec<String> {
        let seen = pods.len();
        let snapshot = Snapshot::new(now(), nodes, pods, groups, seen).unwrap();
        let snapshot = snapshot.with_ledger(Some(Ledger::default()));
        let plan = plan(&snapshot, policy).unwrap();
        let told = plan.actions.iter().filter_map(|action| {
            let Action::Wake { node, instead, .. } = action else { return None };
            let groups = instead.groups.iter().map(|other| format!("{} ({})", other.group, other.size));
            let groups: Vec<String> = groups.collect();
            let pods = if instead.pods.is_empty() {
                String::new()
            } else {
                format!(" for {}", instead.pods.join(" "))
            };
            Some(format!("{node} else {} then {}{pods}", instead.nodes.join(" "), groups.join(" ")))
        });
        told.collect()
    }

    fn nodes(parked_nodes: usize) -> Vec<Node> {
        let parked_nodes = (1..=parked_nodes).map(|number| {
            let hours = i64::try_from(20 - number).unwrap();
            parked(&format!("p{number:02}"), hours)
        });
        std::iter::once(in_group(node("n0"))).chain(parked_nodes).collect()
    }

    #[test]
    fn further_parked_nodes_come_first_the_longest_parked_before_and_then_the_groups() {
        let groups = || vec![group(GROUP, 4), group("z/b", 7)];
        let ada = || vec![user("ada").on("n0")];
        // No node shows what z/b would create, so only z/a creates nodes.
        assert_eq!(woken(nodes(3), ada(), groups(), &policy(2)), ["p01 else p02 p03 then z/a (4)"]);
        let both = ["p01 else p03 then z/a (4)", "p02 else p03 then z/a (4)"];
        assert_eq!(woken(nodes(3), ada(), groups(), &policy(3)), both);
        // Without further parked nodes, the group is the only alternative.
        assert_eq!(woken(nodes(1), ada(), groups(), &policy(2)), ["p01 else  then z/a (4)"]);
        let full = NodeGroup { not_growable: Some("it is full".to_owned()), ..group(GROUP, 4) };
        assert_eq!(woken(nodes(2), ada(), vec![full], &policy(2)), ["p01 else p02 then "]);
    }

    #[test]
    fn nothing_is_created_in_place_where_a_limit_leaves_no_room_for_all_that_is_woken() {
        let groups = || vec![group(GROUP, 4)];
        let ada = || vec![user("ada").on("n0")];
        let max = |max_nodes| {
            let mut policy = policy(3);
            policy.bounds.max_nodes = max_nodes;
            woken(nodes(2), ada(), groups(), &policy)
        };
        assert_eq!(max(3), ["p01 else  then z/a (4)", "p02 else  then z/a (4)"]);
        let creations = |number| {
            let policy = Policy { max_creations: Budget::Count(number), ..policy(3) };
            woken(nodes(2), ada(), groups(), &policy)
        };
        assert_eq!(creations(2), max(3));
        assert_eq!(creations(1), ["p01 else  then ", "p02 else  then "]);
    }

    #[test]
    fn at_most_ten_are_named_and_then_nothing_is_created_before_the_rest_was_asked() {
        let groups = vec![group(GROUP, 14)];
        let found = woken(nodes(12), vec![user("ada").on("n0")], groups, &policy(2));
        assert_eq!(found, ["p01 else p02 p03 p04 p05 p06 p07 p08 p09 p10 p11 then "]);
    }

    #[test]
    fn in_place_of_a_node_for_a_waiting_user_only_what_would_take_the_user_is_asked() {
        let gpu = || {
            refused(user("ada")).constrained(crate::model::Constraints {
                node_selector: [("gpu".to_owned(), "true".to_owned())].into(),
                ..crate::model::Constraints::default()
            })
        };
        let with_gpu = |node: Node| {
            let labels = [("gpu".to_owned(), "true".to_owned())].into();
            Node { labels, ..node }
        };
        let of = |nodes: Vec<Node>| {
            woken(nodes, vec![user("ben").on("n0"), gpu()], vec![group(GROUP, 4)], &policy(1))
        };
        let some =
            vec![in_group(node("n0")), parked("p1", 9), with_gpu(parked("p2", 8)), with_gpu(parked("p3", 7))];
        // The group makes nodes without that label.
        assert_eq!(of(some), ["p2 else p3 then  for uid-ada"]);
        let all = vec![with_gpu(in_group(node("n0"))), with_gpu(parked("p1", 9))];
        let full: Vec<Pod> =
            (0..16).map(|number| user(&format!("full-{number}")).on("n0")).chain([gpu()]).collect();
        let found = woken(all, full, vec![group(GROUP, 4)], &policy(1));
        assert_eq!(found, ["p1 else  then z/a (4) for uid-ada"]);
    }
}
