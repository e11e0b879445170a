//! The checker: judges whether a plan may be carried out, by rules that share no code with the planner.
//!
//! ```text
//!   snapshot + policy --> facts (what each node is) --+
//!                                                     +--> rules --> Vec<Violation>
//!   plan ---------------> steps (what it does) -------+
//! ```
//!
//! It runs in production before the first change, and after every planner test. Everything here is derived from
//! docs/decisions.md alone; of `plan` only the value types are used, so a mistake must be made twice to pass.

mod book_keeping;
mod cordons;
mod deletions;
mod demand;
mod disks;
mod elsewhere;
mod evictions;
mod facts;
mod growth;
mod guard;
mod instances;
mod objects;
mod outcome;
mod packing;
mod parked;
mod reach;
mod replicas;
mod room;
mod service;
mod settled;
mod steps;
mod verdicts;
mod violation;
mod waiting;
mod woken_instead;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use outcome::outcome;
pub use settled::{check_settled, cut_short};
pub use violation::{Direction, Violation};

use deletions::Gate;
use facts::Facts;
use steps::Steps;

use crate::model::{Node, Pod, Snapshot};
use crate::plan::Plan;
use crate::policy::Policy;

/// Returns all violations of a plan; none if it is sound.
///
/// n log n in the nodes and in the pods, apart from the kinds of waiting pods: each kind is compared with each node. Long
/// constraints are compared with a node once, however many kinds share them. [`check_settled`] checks that planning again changes nothing.
///
/// # Examples
///
/// A plan cordons the node `n2`, which has no pods. The checker accepts it. Then the hub's pod appears on `n2`: the same plan
/// breaks a rule.
///
/// ```
/// use kube_rebalancer_core::check::check;
/// use kube_rebalancer_core::model::{
///     Amounts, Bytes, Millicores, Node, NodeResources, Pod, ReadyCondition, Snapshot,
/// };
/// use kube_rebalancer_core::plan::plan;
/// use kube_rebalancer_core::policy::Policy;
///
/// let offers = NodeResources {
///     memory: Some(Bytes(8 << 30)),
///     cpu: Some(Millicores(4000)),
///     pods: Some(110),
///     further: None,
/// };
/// let node = |name: &str| Node {
///     name: name.to_owned(),
///     created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
///     ready: Some(ReadyCondition { ready: true, since: None }),
///     allocatable: offers.clone(),
///     capacity: offers.clone(),
///     ..Node::default()
/// };
/// let pod = |name: &str, label: &str, node: &str| Pod {
///     namespace: "hub".into(),
///     name: name.into(),
///     label_keys: [label.into()].into(),
///     node_name: Some(node.into()),
///     containers: 1,
///     requests: Amounts::pod(Bytes(3 << 30), Millicores(500)),
///     ready: true,
///     ..Pod::default()
/// };
/// let cluster = |pods: Vec<Pod>| {
///     let (now, number) = ("2026-01-15T22:00:00Z".parse().unwrap(), pods.len());
///     Snapshot::new(now, vec![node("n1"), node("n2")], pods, Vec::new(), number).unwrap()
/// };
/// let user = pod("jupyter-ada", "hub.jupyter.org/username", "n1");
/// let hub = pod("hub-0", "app", "n2");
///
/// let mut policy = Policy::default();
/// policy.bounds.min_nodes = 1;
/// policy.preemptible_labels.insert("hub.jupyter.org/username".to_owned());
/// let evening = cluster(vec![user.clone()]);
/// let planned = plan(&evening, &policy).unwrap();
/// assert_eq!(check(&evening, &policy, &planned), []);
///
/// let violations = check(&cluster(vec![user, hub]), &policy, &planned);
/// let sentences: Vec<String> = violations.iter().map(ToString::to_string).collect();
/// assert!(sentences.contains(&"cordon of n2, on which the critical pod hub/hub-0 runs".to_owned()));
/// ```
#[must_use]
pub fn check(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Vec<Violation> {
    let policy = &*policy.in_force(snapshot);
    let facts = Facts::of(snapshot, policy);
    let mut found = Vec::new();
    let steps = Steps::of(&facts, plan, &mut found);
    guard::check(&facts, plan, &mut found);
    verdicts::check(&facts, plan, &mut found);
    cordons::check(&facts, &steps, &mut found);
    service::check(&facts, plan, &steps, &mut found);
    room::check(&facts, &steps, &mut found);
    growth::check(&facts, &steps, &mut found);
    deletions::check(&facts, &steps, &mut found);
    parked::check(&facts, plan, &steps, &mut found);
    woken_instead::check(&facts, plan, &steps, &mut found);
    instances::check(&facts, plan, &mut found);
    evictions::check(&facts, plan, &steps, &mut found);
    objects::check(&facts, plan, &steps, &mut found);
    book_keeping::check(&facts, plan, &steps, &mut found);
    packing::check(&facts, plan, &steps, &mut found);
    found
}

/// Returns all violations of parking one node, by the cluster right before it; as for [`deletion`].
#[must_use]
pub fn parking(snapshot: &Snapshot, policy: &Policy, node: &str, going: &BTreeSet<String>) -> Vec<Violation> {
    giving_back(snapshot, policy, node, going, Direction::Park)
}

/// Returns all violations of deleting one node, by the cluster right before it.
///
/// The node may carry this run's own claim. `going` names every node that this run deletes: two nodes with the two live
/// replicas of one controller must not both be deleted.
#[must_use]
pub fn deletion(
    snapshot: &Snapshot,
    policy: &Policy,
    node: &str,
    going: &BTreeSet<String>,
) -> Vec<Violation> {
    giving_back(snapshot, policy, node, going, Direction::Delete)
}

/// The reason why a Node object must not be deleted, by the cluster right before it and the provider's latest answer about
/// its machine; `None` if it may be.
#[must_use]
pub fn object(snapshot: &Snapshot, policy: &Policy, node: &str) -> Option<&'static str> {
    objects::stays(snapshot, &policy.in_force(snapshot), node)
}

/// The reason why a pod must not be evicted from a node, by the snapshot right before it; `None` if it may.
#[must_use]
pub fn eviction(snapshot: &Snapshot, policy: &Policy, node: &Node, pod: &Pod, uid: &str) -> Option<String> {
    evictions::refusal(snapshot, policy, node, pod, uid)
}

fn giving_back(
    snapshot: &Snapshot,
    policy: &Policy,
    node: &str,
    going: &BTreeSet<String>,
    direction: Direction,
) -> Vec<Violation> {
    let verb = if direction == Direction::Park { "park" } else { "delete" };
    let policy = &*policy.in_force(snapshot);
    let facts = Facts::of(snapshot, policy);
    let Some(index) = facts.find(node) else {
        return vec![Violation::UnknownNode { node: node.to_owned(), verb }];
    };
    let mut found = Vec::new();
    let mut indices: BTreeSet<_> = going.iter().filter_map(|name| facts.find(name)).collect();
    indices.insert(index);
    if let Some(judged) = facts.nodes.get(index) {
        if !judged.managed {
            found.push(Violation::Unmanaged { node: node.to_owned(), verb });
        }
        Gate::new(&facts, &indices, |_, one| !one.node.unschedulable).judge(
            &facts,
            (index, judged),
            direction,
            &mut found,
        );
    }
    found
}
