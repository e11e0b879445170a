//! What the checker computes once, however many pods users make.

use std::sync::Arc;

use super::super::demand::SEARCHES;
use super::super::facts::Facts;
use super::super::fixtures::*;
use super::super::outcome;
use super::super::reach::MET;
use super::super::service::CHANGES;
use crate::model::{Affinity, Constraints, Node, Operator, Pod, Requirement, SelectorTerm, Snapshot};
use crate::policy::Policy;

/// Constraints of many terms, of which the last one admits every node.
fn long() -> Arc<Constraints> {
    let term = |operator| SelectorTerm {
        labels: vec![Requirement { key: "key".to_owned(), operator }],
        fields: vec![],
    };
    let mut terms = vec![term(Operator::Exists); 20];
    terms.push(term(Operator::DoesNotExist));
    Arc::new(Constraints { affinity: Some(Affinity(terms)), ..Constraints::default() })
}

/// Refused pods, each of which asks for another amount.
fn refused(pods: u64, constraints: &Arc<Constraints>) -> Vec<Pod> {
    let of = |number: u64| {
        let mut pod = unbound(&format!("w{number:03}")).refused_for(300);
        pod.requests.memory.0 += number;
        pod.constraints = Arc::clone(constraints);
        pod
    };
    (0..pods).map(of).collect()
}

fn nodes() -> Vec<Node> {
    vec![node("n1"), node("n2"), cordoned("n3").empty_for(900), cordoned("n4").empty_for(900)]
}

#[test]
fn pods_that_share_constraints_share_their_preparation() {
    let mut pods = refused(2, &long());
    pods.push(unbound("other").selecting("a", "b"));
    let (snapshot, policy) = (world(nodes(), pods), policy());
    let facts = Facts::of(&snapshot, &policy);
    let of = |name: &str| {
        let pod = snapshot.pods().iter().find(|pod| *pod.name == *name).unwrap();
        facts.admission(pod)
    };
    assert!(of("w000").shares_with(&of("w001")));
    assert!(!of("w000").shares_with(&of("other")));
}

/// The comparisons of a check of deletions, and of the outcome of an uncordon.
fn compared(snapshot: &Snapshot, policy: &Policy) -> (usize, usize) {
    MET.set(0);
    assert!(!found(snapshot, policy, [delete("n3"), delete("n4")]).is_empty());
    let checked = MET.replace(0);
    outcome(snapshot, policy, &plan(snapshot, policy, [uncordon("n3")])).unwrap();
    (checked, MET.get())
}

#[test]
fn a_node_is_compared_once_with_long_constraints_that_many_pods_share() {
    let constraints = long();
    let of = |pods| compared(&world(nodes(), refused(pods, &constraints)), &policy());
    let (checked, looked) = of(2);
    assert!((1..=4).contains(&checked) && (1..=4).contains(&looked), "{checked} {looked}");
    assert_eq!(of(60), (checked, looked));
}

/// Every pod may belong to two pools, and each of these loses a node.
#[test]
fn the_nodes_of_a_pool_are_added_up_once_for_all_kinds_of_undecided_pods() {
    let mut nodes = Vec::new();
    let mut pods = Vec::new();
    for pool in ["a", "b"] {
        for number in 1..=3 {
            let name = format!("{pool}{number}");
            pods.push(user(&format!("u-{name}"), &name).asking_gibibytes(1));
            nodes.push(node(&name).in_pool(pool));
        }
    }
    // They fit only a node without other pods.
    for number in 0..30 {
        let mut pod = unbound(&format!("w{number:02}")).refused_for(300).asking_gibibytes(8);
        pod.requests.memory.0 -= number;
        pods.push(pod);
    }
    let (snapshot, policy) = (world(nodes, pods), with_pools());
    CHANGES.set(0);
    SEARCHES.set(0);
    drop(found(&snapshot, &policy, [cordon("a1"), cordon("b1")]));
    assert_eq!((CHANGES.get(), SEARCHES.get()), (2, 1));
}
