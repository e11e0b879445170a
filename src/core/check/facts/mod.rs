//! The facts of every node, from sections 2 to 5: managed, common, its state, its occupants, its capacity.

mod believed;
mod capacity;
mod class;
mod common;
mod cordon;
mod groups;
mod health;
mod managed;
mod node;
mod pods;
pub(super) mod taints;
mod to_come;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::reach::{Admission, Selections};
use crate::model::{Amounts, Node, NodeGroup, NodeIndex, Pod, Snapshot};
use crate::policy::Policy;

pub(super) use capacity::deciding;
pub(super) use class::{Class, class, is_evictable, is_omitted, is_own, names_host, would_keep_a_node};
pub(super) use cordon::{Cordon, CordonFacts, age, not_ahead};
pub(super) use health::Health;
pub(super) use managed::{is_in_other_hands, is_virtual};
pub(super) use node::NodeFacts;
use pods::Counted;
pub(super) use taints::{has_startup_taint, takes_pods_now};

/// An unbound pod with the pools that it may belong to. Equal pods share the list.
pub(super) type Home<'a> = (&'a Pod, Rc<[&'a str]>);

/// The facts of the cluster.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    /// The facts of the nodes, sorted by name as in the snapshot.
    pub(super) nodes: Vec<NodeFacts<'a>>,
    /// The unbound pods that may be bound, including omitted ones, gated ones and placeholders.
    pub(super) unbound: Vec<&'a Pod>,
    /// The counted pods on managed nodes that may be reserved.
    pub(super) on_tainted: Vec<(NodeIndex, &'a Pod)>,
    /// The Ready omitted pods that a controller recreates.
    pub(super) recreated: Vec<(NodeIndex, &'a Pod)>,
    /// The managed nodes of each pool.
    pools: BTreeMap<&'a str, Vec<NodeIndex>>,
    /// The pool of each node group that has managed nodes.
    group_pools: BTreeMap<&'a str, &'a str>,
    selections: Selections<'a>,
    /// The pools of the unbound pods, once a rule has asked for them.
    pub(super) homes: OnceCell<Vec<Home<'a>>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let now = snapshot.observed_at();
        let mut nodes: Vec<_> =
            snapshot.nodes().iter().enumerate().map(|one| bare(one, now, policy)).collect();
        let counted = pods::count(snapshot, policy, &mut nodes);
        capacity::complete(&mut nodes, snapshot.groups(), policy);
        common::complete(&mut nodes, &counted.voters, snapshot.ledger(), policy);
        to_come::complete(&mut nodes, &counted.daemons, snapshot);
        believed::complete(&mut nodes, snapshot.groups());
        let mut pools: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.managed) {
            pools.entry(node.pool).or_default().push(index);
        }
        let group_pools = groups::pools(&nodes);
        let Counted { unbound, on_tainted, recreated, .. } = counted;
        let (selections, homes) = (Selections::default(), OnceCell::new());
        Self {
            snapshot,
            policy,
            nodes,
            unbound,
            on_tainted,
            recreated,
            pools,
            group_pools,
            selections,
            homes,
        }
    }

    /// The index of a node, by name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.nodes.binary_search_by(|facts| facts.node.name.as_str().cmp(name)).ok()
    }

    /// The rules by which nodes admit a pod.
    pub(super) fn admission(&self, pod: &'a Pod) -> Admission<'a> {
        self.selections.admission(pod, self.snapshot.volumes())
    }

    /// The same without its volumes.
    pub(super) fn admission_aside_of_volumes(&self, pod: &'a Pod) -> Admission<'a> {
        self.selections.aside_of_volumes(pod)
    }

    /// The same as `admission`, if the pod can use each of its claims: a claim that it cannot use now may be usable in a moment.
    pub(super) fn admission_soon(&self, pod: &'a Pod) -> Admission<'a> {
        self.selections.admission(pod, self.snapshot.usable_volumes())
    }

    pub(super) fn managed(&self) -> impl Iterator<Item = &NodeFacts<'a>> {
        self.nodes.iter().filter(|facts| facts.managed)
    }

    /// The number of managed nodes, to which a budget's percentage refers.
    pub(super) fn managed_count(&self) -> usize {
        self.managed().count()
    }

    /// The names of the pools of managed nodes.
    pub(super) fn pools(&self) -> BTreeSet<&'a str> {
        self.pools.keys().copied().collect()
    }

    /// The pool that a node group belongs to.
    pub(super) fn pool_of<'g>(&self, group: &'g NodeGroup) -> Option<&'g str>
    where
        'a: 'g,
    {
        let Some(label) = &self.policy.pool_label else { return Some("") };
        let of_nodes = self.group_pools.get(group.name.as_str()).copied();
        of_nodes.or_else(|| groups::pool_of_empty(group, label, self.policy))
    }

    /// The managed nodes of a pool, with their index.
    pub(super) fn of_pool(&self, pool: &str) -> impl Iterator<Item = (usize, &NodeFacts<'a>)> {
        let members = self.pools.get(pool).into_iter().flatten();
        members.filter_map(|index| self.nodes.get(*index).map(|node| (*index, node)))
    }
}

/// `namespace/name`.
pub(super) fn pod_name(pod: &Pod) -> String {
    pod.full_name()
}

/// The node's facts without its pods.
fn bare<'a>((index, node): (NodeIndex, &'a Node), now: jiff::Timestamp, policy: &'a Policy) -> NodeFacts<'a> {
    let managed = managed::is_managed(node, policy);
    let pool = policy.pool_label.as_ref().filter(|_| managed).and_then(|label| node.labels.get(label));
    let marks = CordonFacts::of(node, now, policy);
    let zero = || deciding(0, 0);
    NodeFacts {
        node,
        index,
        managed,
        pool: pool.unwrap_or_default(),
        reserved: false,
        health: Health::of(node, marks, now, policy),
        marks,
        capacity: zero(),
        occupants: 0,
        occupant: None,
        critical_pod: None,
        lost_pod: None,
        claimant: None,
        movable: 0,
        to_evict: None,
        dynamic: zero(),
        critical: zero(),
        placeholders: zero(),
        daemons: zero(),
        omitted: zero(),
        displaceable_load: zero(),
        fixed_load: zero(),
        to_come: Amounts::default(),
        beyond: Amounts::default(),
        own: policy.own_node.as_deref() == Some(node.name.as_str()),
    }
}
