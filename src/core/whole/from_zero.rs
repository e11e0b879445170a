//! Whole plans of groups without nodes, of which the cloud tells only the size of a new node: its labels and taints are
//! unknown.

use super::{group, policy, serving, sound, user};
use crate::model::{
    Bytes, Constraints, LabelSelector, Millicores, NodeGroup, NodeResources, NodeTemplate, Operator, Pod,
    Requirement, SchedulerRefusal, Snapshot, Unbound,
};
use crate::plan::fixture::{Build, ago, now};
use crate::plan::{Action, Plan};
use crate::policy::{Bounds, Policy};

fn size(gibibytes: u64) -> NodeResources {
    NodeResources {
        memory: Some(Bytes(gibibytes << 30)),
        cpu: Some(Millicores(4000)),
        pods: Some(110),
        further: None,
    }
}

/// A group without nodes. The cloud tells nothing of a new node but its size.
fn empty(name: &str, gibibytes: u64) -> NodeGroup {
    let template = NodeTemplate {
        allocatable: size(gibibytes),
        capacity: size(gibibytes),
        only_size: true,
        ..NodeTemplate::default()
    };
    NodeGroup { name: name.to_owned(), template: Some(template), ..NodeGroup::default() }
}

/// A user who waits for a node with a label.
fn waits(name: &str, gibibytes: u64) -> Pod {
    let refusal = Some(SchedulerRefusal { message: "".into(), since: Some(ago(10)) });
    let unbound = Unbound { uid: name.into(), refusal, created_at: Some(ago(10)), ..Unbound::default() };
    let selects = Constraints {
        node_selector: [("hub.jupyter.org/node-purpose".to_owned(), "user".to_owned())].into(),
        ..Constraints::default()
    };
    Pod { unbound: Some(Box::new(unbound)), ready: false, ..user(name, gibibytes).constrained(selects) }
}

fn planned(groups: Vec<NodeGroup>, pods: &[Pod], policy: &Policy) -> Plan {
    let snapshot = Snapshot::new(now(), Vec::new(), pods.to_vec(), groups, pods.len() + 1).unwrap();
    sound(&snapshot, policy)
}

fn named() -> Policy {
    let bounds = Bounds { min_nodes: 0, ..Bounds::default() };
    Policy { node_groups_named: true, bounds, ..policy() }
}

/// Name and new size of each group that grows.
fn grown(plan: &Plan) -> Vec<(String, u32)> {
    let grows = plan.actions.iter().filter_map(|action| {
        let Action::Grow { group, to, .. } = action else { return None };
        Some((group.clone(), *to))
    });
    grows.map(|(group, to)| (group.unwrap_or_default(), to)).collect()
}

#[test]
fn of_groups_whose_sizes_alone_are_known_the_one_that_holds_the_pod_grows() {
    let both = || vec![empty("z/a-small", 8), empty("z/b-large", 64)];
    assert_eq!(grown(&planned(both(), &[waits("ada", 40)], &named())), [("z/b-large".to_owned(), 1)]);
    // Both hold this one: the first by name.
    assert_eq!(grown(&planned(both(), &[waits("ada", 4)], &named())), [("z/a-small".to_owned(), 1)]);
    // A node would come in vain.
    assert_eq!(grown(&planned(both(), &[waits("ada", 100)], &named())), []);
}

#[test]
fn labels_and_taints_are_unknown_so_one_node_comes_first() {
    let three = [waits("ada", 10), waits("ben", 10), waits("cem", 10)];
    let plan = planned(vec![empty("z/b", 16)], &three, &named());
    assert_eq!(grown(&plan), [("z/b".to_owned(), 1)]);
    // The labels of NODE_SELECTOR may come with the node: a pool that has shrunk to nothing grows again.
    let of_users = Requirement { key: "pool".to_owned(), operator: Operator::In(vec!["user".to_owned()]) };
    let selected = Policy { node_selector: LabelSelector(vec![of_users]), ..named() };
    let plan = planned(vec![empty("z/b", 16)], &[waits("ada", 10)], &selected);
    assert_eq!(grown(&plan), [("z/b".to_owned(), 1)]);
}

#[test]
fn a_group_whose_nodes_are_described_whole_comes_before_one_whose_size_alone_is_known() {
    let mut whole = empty("z/b-whole", 64);
    let template = whole.template.as_mut().unwrap();
    template.only_size = false;
    template.labels.insert("hub.jupyter.org/node-purpose", "user");
    let plan = planned(vec![empty("z/a-size", 64), whole], &[waits("ada", 40)], &named());
    assert_eq!(grown(&plan), [("z/b-whole".to_owned(), 1)]);
}

/// A node of unknown labels may take nobody; beside known nodes none is tried.
#[test]
fn beside_a_group_with_nodes_a_group_of_which_only_the_size_is_known_does_not_grow() {
    let with = |pods: &[Pod]| {
        let groups = vec![group(), empty("z/a-users", 64)];
        let snapshot = Snapshot::new(now(), vec![serving("core")], pods.to_vec(), groups, 9);
        grown(&sound(&snapshot.unwrap(), &named()))
    };
    let plain = |gibibytes| waits("ada", gibibytes).constrained(Constraints::default());
    let full = || user("full", 24).on("core");
    assert_eq!(with(&[full(), plain(20)]), [("z/pool".to_owned(), 10)]);
    assert_eq!(with(&[full(), waits("ada", 40)]), []);
}

/// The cloud's size has no devices but the common ones, and what an image reserves is an estimate.
#[test]
fn a_known_size_excludes_by_memory_and_cpu_alone() {
    let mut pod = waits("ada", 16);
    pod.requests = pod.requests.with_further(Some(std::sync::Arc::new([("amd.com/gpu".into(), 1)].into())));
    assert_eq!(grown(&planned(vec![empty("z/b", 16)], &[pod], &named())), [("z/b".to_owned(), 1)]);
}
