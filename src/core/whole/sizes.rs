//! Whole plans of clusters whose new nodes come smaller than their group's template.

use super::{actions, cluster, group, policy, serving, sound, user};
use crate::model::{
    Bytes, CreatedFor, Ledger, Node, NodeGroup, NodeTemplate, Pod, SchedulerRefusal, Unbound, size_key,
};
use crate::plan::Plan;
use crate::plan::fixture::{Build, ago, now, pod};

/// A group whose template promises 64 GiB. Its nodes have 32.
fn promising() -> NodeGroup {
    let mut large = serving("n");
    (large.allocatable.memory, large.capacity.memory) = (Some(Bytes(64 << 30)), Some(Bytes(64 << 30)));
    let template =
        NodeTemplate { allocatable: large.allocatable, capacity: large.capacity, ..NodeTemplate::default() };
    NodeGroup { template: Some(template), ..group() }
}

/// A user's pod that was refused ten seconds ago: the third one in place of the first.
fn third(gibibytes: u64) -> Pod {
    let refusal = Some(SchedulerRefusal { message: "".into(), since: Some(ago(10)) });
    let unbound = Unbound { uid: "uid-3".into(), refusal, created_at: Some(ago(10)), ..Unbound::default() };
    Pod { unbound: Some(Box::new(unbound)), ready: false, ..user("ada", gibibytes) }
}

fn came(name: &str, seconds: i64) -> Node {
    Node { created_at: Some(ago(seconds)), ..serving(name) }
}

/// The plan of four nodes in the middle of the band, and of further ones.
fn with(further: &[Node], gibibytes: u64, created_for: &[(String, u32, i64)]) -> Plan {
    let noted = created_for.iter().map(|(key, nodes, seconds)| {
        ((key.clone(), group().name), CreatedFor { nodes: *nodes, at: ago(*seconds) })
    });
    let ledger = Ledger { created_for: noted.collect(), ..Ledger::default() };
    let names = ["a", "c", "d", "e"];
    let nodes = [names.map(serving).to_vec(), further.to_vec()].concat();
    let mut pods = names.map(|name| user(name, 14).on(name)).to_vec();
    pods.push(third(gibibytes));
    sound(&cluster(&nodes, &pods, promising()).with_ledger(Some(ledger)), &policy())
}

fn grows(plan: &Plan) -> bool {
    actions(plan).iter().any(|action| action.starts_with("grow"))
}

fn noted(plan: &Plan, key: &str) -> Option<CreatedFor> {
    plan.ledger.as_ref()?.created_for.get(&(key.to_owned(), group().name)).copied()
}

#[test]
fn a_new_node_that_is_too_small_is_noted_for_every_pod_with_these_requests() {
    let key = size_key(&user("x", 40).requests);
    assert!(grows(&with(&[], 40, &[])), "no node came yet");
    // The node came for an earlier pod, before the refusal of this one.
    let plan = with(&[came("b", 60)], 40, &[]);
    assert!(!grows(&plan), "{:?}", actions(&plan));
    assert_eq!(noted(&plan, &key), Some(CreatedFor { nodes: 1, at: now() }));
    let again = with(&[came("b", 60)], 40, &[(key.clone(), 1, 30)]);
    assert!(!grows(&again));
    assert_eq!(noted(&again, &key), None, "each node counts once, and nothing else is to be stored");
    let second = with(&[came("b", 60)], 40, &[(key.clone(), 1, 1000)]);
    assert_eq!(noted(&second, &key), Some(CreatedFor { nodes: 2, at: now() }));
    let two = with(&[came("b", 60), came("f", 90)], 40, &[(key.clone(), 1, 1000)]);
    assert_eq!(noted(&two, &key), Some(CreatedFor { nodes: 3, at: now() }));
    let large = Node { allocatable: promising().template.unwrap().allocatable, ..came("f", 90) };
    let cleared = with(&[large], 40, &[(key.clone(), 1, 1000)]);
    assert_eq!((cleared.ledger.is_some(), noted(&cleared, &key)), (true, None), "a node that holds it");
}

/// The scheduler gave the new node to others first. That is no fault of its size.
#[test]
fn a_new_node_that_an_omitted_pod_fills_is_not_too_small() {
    let key = size_key(&user("x", 30).requests);
    let mut policy = policy();
    policy.omit_labels = ["job".to_owned()].into();
    let mut pods = ["a", "c", "d", "e"].map(|name| user(name, 14).on(name)).to_vec();
    pods.push(third(30));
    let nodes = [["a", "c", "d", "e"].map(serving).to_vec(), vec![came("b", 60)]].concat();
    let job = pod("hub/job").labelled("job").asking(4, 100).on("b");
    for (sentence, other) in [("a job", job), ("a user", user("ben", 4).on("b"))] {
        let pods = [pods.clone(), vec![other]].concat();
        let snapshot = cluster(&nodes, &pods, promising()).with_ledger(Some(Ledger::default()));
        let plan = sound(&snapshot, &policy);
        assert!(grows(&plan), "{sentence}: {:?}", actions(&plan));
        assert_eq!(noted(&plan, &key), None, "{sentence}");
    }
}

#[test]
fn the_pause_after_nodes_that_were_too_small_doubles_and_is_of_these_requests_alone() {
    let key = size_key(&user("x", 40).requests);
    let after = |nodes, seconds, gibibytes| grows(&with(&[], gibibytes, &[(key.clone(), nodes, seconds)]));
    assert_eq!([899, 900].map(|seconds| after(1, seconds, 40)), [false, true]);
    assert_eq!([1799, 1800].map(|seconds| after(2, seconds, 40)), [false, true]);
    assert_eq!([86_399, 86_400].map(|seconds| after(40, seconds, 40)), [false, true]);
    assert!(after(2, 60, 41), "other requests");
}
