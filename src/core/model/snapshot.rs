//! All input of a plan, observed at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::kinds::set_aside;
use super::{
    Affinity, DisruptionBudget, History, Ledger, MachineFate, Measured, Membership, Node, NodeGroup,
    NodeIndex, Pod, PodSample, Sample, StoredVolumes, Volumes, Window, of_no_claim,
};

/// A cluster at one moment.
///
/// Invariants, held by [`Snapshot::new`]: nodes are sorted by name and pods by namespace and name, each only once (apart from
/// pods that another one counts for), so the order of a server's or a file's list cannot affect a decision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    observed_at: Timestamp,
    nodes: Vec<Node>,
    /// Shared by the snapshots of one list: later looks at the nodes leave the pods as they were, and a large cluster has
    /// half a million.
    pods: Arc<Vec<Pod>>,
    bindings: Arc<Vec<Binding>>,
    groups: Vec<NodeGroup>,
    pods_seen: usize,
    volumes: Volumes,
    /// The same without the claims that their waiting pods cannot use now, if there are any.
    usable_volumes: Option<Volumes>,
    /// Shared by the snapshots of one run.
    stored: Arc<StoredVolumes>,
    budgets: Vec<DisruptionBudget>,
    fates: BTreeMap<String, MachineFate>,
    ledger: Option<Ledger>,
    history: Option<Arc<History>>,
    calendar: Arc<[Window]>,
    /// The samples, parallel to the pods.
    usage: Option<Arc<[Option<Sample>]>>,
}

/// The place of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// On no node yet.
    Unbound,
    /// On the node with this index.
    Node(NodeIndex),
    /// On a node that the snapshot does not have.
    UnknownNode,
}

/// The reason why a set of objects is not a valid cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Two nodes have one name.
    #[error("node {name} is in the input twice")]
    DuplicateNode {
        /// The name.
        name: String,
    },
    /// Two pods have one name.
    #[error("pod {namespace}/{name} is in the input twice")]
    DuplicatePod {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
}

impl Snapshot {
    /// Sorts the observed objects and resolves the node of each pod.
    ///
    /// `pods_seen` counts every visible pod, including pods that have ended: zero looks like a missing permission, and
    /// prevents a plan.
    pub fn new(
        observed_at: Timestamp,
        mut nodes: Vec<Node>,
        mut pods: Vec<Pod>,
        mut groups: Vec<NodeGroup>,
        pods_seen: usize,
    ) -> Result<Self, SnapshotError> {
        nodes.sort_by(|left, right| left.name.cmp(&right.name));
        for pair in nodes.windows(2) {
            if let [left, right] = pair
                && left.name == right.name
            {
                return Err(SnapshotError::DuplicateNode { name: left.name.clone() });
            }
        }
        pods.sort_unstable_by(|left, right| {
            (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name))
        });
        for pair in pods.windows(2) {
            if let [left, right] = pair
                && left.namespace == right.namespace
                && left.name == right.name
            {
                return Err(SnapshotError::DuplicatePod {
                    namespace: left.namespace.to_string(),
                    name: left.name.to_string(),
                });
            }
        }
        groups.sort_by(|left, right| left.name.cmp(&right.name));
        set_aside(&mut pods, nodes.len());
        let mut known = BTreeMap::new();
        let bindings = pods
            .iter()
            .map(|pod| match &pod.node_name {
                None => Binding::Unbound,
                // Most pods of a node share its name's allocation, and addresses are compared faster than names.
                Some(name) => *known.entry(Arc::as_ptr(name)).or_insert_with(|| {
                    nodes
                        .binary_search_by(|node| node.name.as_str().cmp(name))
                        .map_or(Binding::UnknownNode, Binding::Node)
                }),
            })
            .collect();
        Ok(Self {
            observed_at,
            nodes,
            pods: Arc::new(pods),
            bindings: Arc::new(bindings),
            groups,
            pods_seen,
            volumes: Volumes::new(),
            usable_volumes: None,
            stored: Arc::default(),
            budgets: Vec::new(),
            fates: BTreeMap::new(),
            ledger: None,
            history: None,
            calendar: Arc::default(),
            usage: None,
        })
    }

    /// The same cluster with a cloud's view: its groups, and the membership of each node, in the order of the nodes.
    #[must_use]
    pub fn with_groups(mut self, mut groups: Vec<NodeGroup>, memberships: Vec<Membership>) -> Self {
        groups.sort_by(|left, right| left.name.cmp(&right.name));
        self.groups = groups;
        for (node, membership) in self.nodes.iter_mut().zip(memberships) {
            node.group = membership.group;
            node.outside = membership.outside;
            node.deleting |= membership.leaving;
        }
        self
    }

    /// The same cluster, with each node that was read again in its later state.
    #[must_use]
    pub fn with_nodes<'n>(&self, later: impl Fn(&Node) -> Option<&'n Node>) -> Self {
        let mut snapshot = self.clone();
        for node in &mut snapshot.nodes {
            if let Some(seen) = later(node).filter(|seen| seen.name == node.name) {
                // The cloud's facts of a node are not part of the API server's answer.
                let (group, outside, deleting) = (node.group.take(), node.outside.take(), node.deleting);
                *node = Node { group, outside, deleting: deleting || seen.deleting, ..seen.clone() };
            }
        }
        snapshot
    }

    /// The same cluster without some nodes. Their pods are on nodes that the snapshot does not have.
    #[must_use]
    pub fn without_nodes(mut self, gone: &BTreeSet<String>) -> Self {
        if gone.is_empty() {
            return self;
        }
        let mut left = 0..;
        let places: Vec<Option<NodeIndex>> = self
            .nodes
            .iter()
            .map(|node| if gone.contains(&node.name) { None } else { left.next() })
            .collect();
        let moved = |binding: &Binding| match binding {
            Binding::Node(index) => {
                places.get(*index).copied().flatten().map_or(Binding::UnknownNode, Binding::Node)
            }
            Binding::Unbound | Binding::UnknownNode => *binding,
        };
        self.bindings = Arc::new(self.bindings.iter().map(moved).collect());
        self.nodes.retain(|node| !gone.contains(&node.name));
        self
    }

    /// The same cluster, with the volumes of claims that were looked up.
    #[must_use]
    pub fn with_volumes(mut self, volumes: Volumes) -> Self {
        let is_usable = |volume: &Option<Affinity>| *volume != of_no_claim();
        self.usable_volumes = (!volumes.values().all(is_usable)).then(|| {
            let usable = volumes.iter().filter(|(_, volume)| is_usable(volume));
            usable.map(|(claim, volume)| (claim.clone(), volume.clone())).collect()
        });
        self.volumes = volumes;
        self
    }

    /// The same cluster, with the volumes whose data is on some nodes only.
    #[must_use]
    pub fn with_stored_volumes(mut self, stored: Arc<StoredVolumes>) -> Self {
        self.stored = stored;
        self
    }

    /// The same cluster, with the budgets that protect its pods.
    #[must_use]
    pub fn with_budgets(mut self, mut budgets: Vec<DisruptionBudget>) -> Self {
        budgets.sort_unstable();
        self.budgets = budgets;
        self
    }

    /// The same cluster, with the providers' answers about the machines of nodes that were given back, by the nodes' names.
    #[must_use]
    pub fn with_fates(mut self, fates: BTreeMap<String, MachineFate>) -> Self {
        self.fates = fates;
        self
    }

    /// The same cluster, with the records of earlier runs.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Option<Ledger>) -> Self {
        self.ledger = ledger;
        self
    }

    /// The same cluster, with the demand of the last weeks.
    #[must_use]
    pub fn with_history(mut self, history: Option<Arc<History>>) -> Self {
        self.history = history;
        self
    }

    /// The same cluster, with the events of a calendar around its time.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Arc<[Window]>) -> Self {
        self.calendar = calendar;
        self
    }

    /// The same cluster, with the usage of its pods if a source of metrics was asked. Samples of other pods are dropped; two
    /// samples of one pod are both ignored.
    #[must_use]
    pub fn with_usage(mut self, samples: Option<Vec<PodSample>>) -> Self {
        self.usage = samples.map(|samples| {
            let mut usage: Vec<Option<Sample>> = vec![None; self.pods.len()];
            for PodSample { namespace, name, sample } in samples {
                let key = (namespace.as_str(), name.as_str());
                let index = self.pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&key));
                let Some(found) = index.ok().and_then(|index| usage.get_mut(index)) else { continue };
                *found = Some(match found {
                    None => sample,
                    Some(_) => Sample { memory: Measured::Absurd, cpu: Measured::Absurd, ..sample },
                });
            }
            usage.into()
        });
        self
    }

    /// The same cluster, with the usage of another snapshot of the same pods.
    #[must_use]
    pub fn with_usage_of(mut self, other: &Self) -> Self {
        self.usage = other.usage.clone().filter(|usage| usage.len() == self.pods.len());
        self
    }

    /// The time at which the cluster was observed: the only clock a decision knows.
    #[must_use]
    pub fn observed_at(&self) -> Timestamp {
        self.observed_at
    }

    /// The nodes, sorted by name.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The pods that have not ended, sorted by namespace and name.
    #[must_use]
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The pods, each with its place.
    pub fn placed_pods(&self) -> impl Iterator<Item = (&Pod, Binding)> {
        self.pods.iter().zip(self.bindings.iter().copied())
    }

    /// The node groups, sorted by name; empty where no cloud is known.
    #[must_use]
    pub fn groups(&self) -> &[NodeGroup] {
        &self.groups
    }

    /// The volumes of claims that were looked up.
    #[must_use]
    pub fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    /// The same without the claims that their waiting pods cannot use now. Such a claim may be usable a moment later, so it
    /// ties a pod to no place where a node is kept for the pod.
    #[must_use]
    pub fn usable_volumes(&self) -> &Volumes {
        self.usable_volumes.as_ref().unwrap_or(&self.volumes)
    }

    /// The volumes whose data is on some nodes only; read only where nodes may be given back.
    #[must_use]
    pub fn stored_volumes(&self) -> &Arc<StoredVolumes> {
        &self.stored
    }

    /// The budgets that protect pods, sorted; read only where pods may be evicted.
    #[must_use]
    pub fn budgets(&self) -> &[DisruptionBudget] {
        &self.budgets
    }

    /// The providers' answers about the machines of nodes that were given back, by the nodes' names; only if Node objects may
    /// be deleted, and only for nodes that were asked about.
    #[must_use]
    pub fn fates(&self) -> &BTreeMap<String, MachineFate> {
        &self.fates
    }

    /// The records of earlier runs; `None` if runs cannot store any.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The demand of the last weeks; `None` if runs cannot store it, and no file gives it.
    #[must_use]
    pub fn history(&self) -> Option<&Arc<History>> {
        self.history.as_ref()
    }

    /// The events of a calendar around the snapshot's time.
    #[must_use]
    pub fn calendar(&self) -> &Arc<[Window]> {
        &self.calendar
    }

    /// The usage of each pod, parallel to the pods; `None` if no source of metrics was asked, or none answered.
    #[must_use]
    pub fn usage(&self) -> Option<&[Option<Sample>]> {
        self.usage.as_deref()
    }

    /// The number of visible pods, including pods that have ended.
    #[must_use]
    pub fn pods_seen(&self) -> usize {
        self.pods_seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node { name: name.to_owned(), ..Node::default() }
    }

    #[test]
    fn a_node_that_is_listed_twice_is_an_error() {
        let result =
            Snapshot::new(Timestamp::UNIX_EPOCH, vec![node("b"), node("a"), node("b")], vec![], vec![], 0);
        assert_eq!(result.unwrap_err(), SnapshotError::DuplicateNode { name: "b".into() });
    }

    #[test]
    fn a_later_look_at_the_nodes_shares_the_pods() {
        let snapshot =
            Snapshot::new(Timestamp::UNIX_EPOCH, vec![node("a"), node("b")], vec![], vec![], 0).unwrap();
        let cordoned = Node { unschedulable: true, ..node("b") };
        let later = snapshot.with_nodes(|node| (node.name == "b").then_some(&cordoned));
        assert!(later.nodes()[1].unschedulable && !snapshot.nodes()[1].unschedulable);
        assert!(Arc::ptr_eq(&snapshot.pods, &later.pods) && Arc::ptr_eq(&snapshot.bindings, &later.bindings));
    }

    #[test]
    fn nodes_are_sorted_by_name() {
        let snapshot =
            Snapshot::new(Timestamp::UNIX_EPOCH, vec![node("b"), node("a")], vec![], vec![], 0).unwrap();
        let names: Vec<_> = snapshot.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
