//! The alternatives to a node that is not woken.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Node, NodeGroup, ReadyCondition, annotation};
use crate::plan::{Action, GroupSize, Since, WakeInstead, WakeReason};
use crate::policy::{Budget, GiveBack, Policy};

fn parked(name: &str) -> Node {
    let ready = Some(ReadyCondition { ready: false, since: Some(ago(3600)) });
    let mut node = Node { ready, ..cordoned(name).in_group("z/pool") };
    node.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
    node
}

fn wake(node: &str, nodes: &[&str], groups: &[(&str, u32)], reason: WakeReason) -> Action {
    let groups = groups.iter().map(|(group, size)| GroupSize { group: text(group), size: *size });
    let nodes = nodes.iter().map(|node| text(node)).collect();
    let instead = WakeInstead { nodes, groups: groups.collect(), pods: vec![] };
    Action::Wake { node: text(node), instead, reason }
}

fn needed() -> WakeReason {
    WakeReason::Needed { parked: Since(None) }
}

fn parks() -> Policy {
    Policy { give_back: GiveBack::Park, ..policy() }
}

fn unfounded(instead: &str, why: &str) -> Vec<Violation> {
    vec![Violation::InsteadUnfounded { node: text("p1"), instead: text(instead), why: text(why) }]
}

#[test]
fn a_node_that_is_woken_in_place_of_another_must_be_as_fit() {
    let reserved = parked("p4").tainted("dedicated");
    let nodes =
        || vec![node("a").in_group("z/pool"), parked("p1"), parked("p2"), parked("p3"), reserved.clone()];
    let snapshot = world_with_groups(nodes(), vec![], vec![group("z/pool", 5)]);
    let instead = |names: &[&str]| found(&snapshot, &parks(), [wake("p1", names, &[], needed())]);
    assert_eq!(instead(&["p2", "p3"]), []);
    assert_eq!(instead(&["p9"]), unfounded("p9", "which is not in the snapshot"));
    assert_eq!(instead(&["p1"]), unfounded("p1", "which the plan acts on"));
    assert_eq!(instead(&["p2", "p2"]), unfounded("p2", "which is named twice"));
    assert_eq!(instead(&["a"]), unfounded("a", "which is not parked"));
    assert_eq!(instead(&["p4"]), unfounded("p4", "which is reserved for other pods"));
    let of_pools = vec![node("a").in_pool("x"), parked("p1").in_pool("x"), parked("p2").in_pool("y")];
    let snapshot = world_with_groups(of_pools, vec![], vec![group("z/pool", 3)]);
    let policy = Policy { give_back: GiveBack::Park, ..with_pools() };
    let other = found(&snapshot, &policy, [wake("p1", &["p2"], &[], needed())]);
    assert_eq!(other, unfounded("p2", "which is not managed in its pool"));
    let asleep = NodeGroup { not_wakeable: Some(text("a hold")), ..group("z/pool", 3) };
    let snapshot = world_with_groups(vec![parked("p2"), node("a")], vec![], vec![asleep]);
    let fixed = found(&snapshot, &parks(), [wake("p2", &[], &[], needed())]);
    assert!(matches!(&*fixed, [Violation::WakeUnfounded { .. }]), "{fixed:?}");
}

#[test]
fn a_group_that_grows_in_place_must_be_as_fit_as_for_a_growth_of_all_that_is_woken() {
    let nodes = || vec![node("a").in_group("z/pool"), parked("p1"), parked("p2")];
    let with = |groups: Vec<NodeGroup>, policy: &Policy, instead: &[(&str, u32)], nodes_instead: &[&str]| {
        let snapshot = world_with_groups(nodes(), vec![], groups);
        found(&snapshot, policy, [wake("p1", nodes_instead, instead, needed())])
    };
    let pool = || vec![group("z/pool", 3)];
    assert_eq!(with(pool(), &parks(), &[("z/pool", 3)], &["p2"]), []);
    let left = Violation::GrowsBeforeWaking { pool: String::new(), new: 1, node: text("p2") };
    assert_eq!(with(pool(), &parks(), &[("z/pool", 3)], &[]), [left]);
    let size = Violation::GrowsFromElsewhere { group: text("z/pool"), from: 2, size: 3 };
    assert_eq!(with(pool(), &parks(), &[("z/pool", 2)], &["p2"]), [size]);
    let unknown = Violation::UnknownGroup { group: text("z/no") };
    let found_unknown = with(pool(), &parks(), &[("z/no", 0)], &["p2"]);
    assert!(found_unknown.contains(&unknown), "{found_unknown:?}");
    let scaled = NodeGroup { not_growable: Some(text("an autoscaler")), ..group("z/pool", 3) };
    let refused = Violation::NotGrowable { group: text("z/pool"), why: text("an autoscaler") };
    assert_eq!(with(vec![scaled], &parks(), &[("z/pool", 3)], &["p2"]), [refused]);

    // A waiting pod may need a node of another kind than the one that stays parked.
    let reason = WakeReason::WaitingPod { pod: text("hub/ada"), pods: 1 };
    let snapshot = world_with_groups(nodes(), vec![], pool());
    assert_eq!(found(&snapshot, &parks(), [wake("p1", &[], &[("z/pool", 3)], reason)]), []);
}

#[test]
fn what_is_created_in_place_stays_within_the_limits_if_nothing_at_all_is_woken() {
    let nodes = vec![node("a").in_group("z/pool"), parked("p1"), parked("p2")];
    let snapshot = world_with_groups(nodes, vec![], vec![group("z/pool", 3)]);
    let both = || ["p1", "p2"].map(|node| wake(node, &[], &[("z/pool", 3)], needed()));
    let max = |max_nodes| Policy { bounds: with_bounds(|b| b.max_nodes = max_nodes).bounds, ..parks() };
    assert_eq!(found(&snapshot, &max(3), both()), []);
    let many = Violation::TooManyNodes { pool: String::new(), new: 2, common: 1, instances: 0, max: 2 };
    assert_eq!(found(&snapshot, &max(2), both()), [many]);
    let created = |number| Policy { max_creations: Budget::Count(number), ..parks() };
    assert_eq!(found(&snapshot, &created(2), both()), []);
    let many = Violation::TooManyCreations { new: 2, allowed: 1, managed: 3 };
    assert_eq!(found(&snapshot, &created(1), both()), [many]);
    // The plan already grows that group.
    let grows = [
        wake("p1", &[], &[("z/pool", 3)], needed()),
        wake("p2", &[], &[], needed()),
        grow(Some("z/pool"), 3, 4),
    ];
    assert_eq!(found(&snapshot, &parks(), grows), [Violation::GrownTwice { group: text("z/pool") }]);
}
