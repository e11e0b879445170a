//! Random clusters, as lists of objects that can be shuffled before they become a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Affinity, CreatedFor, History, Instance, Ledger, Node, NodeGroup, Operator, Pod, Requirement,
    SelectorTerm, Snapshot, StoredVolume, StoredVolumes, TaintEffect, Volumes, of_the_host_of_its_pod,
};

use super::{Bytes, NOW, ago, group, node, pod};

/// The objects that a server would list.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) groups: Vec<NodeGroup>,
    pub(crate) pods_seen: usize,
    pub(crate) volumes: Volumes,
    /// The volumes on the disks of nodes.
    pub(crate) stored: Arc<StoredVolumes>,
    pub(crate) ledger: Option<Ledger>,
    /// The history for foresight.
    pub(crate) history: Option<Arc<History>>,
    pub(crate) traits: Traits,
}

/// The properties of a whole cluster: the kinds of trouble that occur in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    pub(crate) nodes: usize,
    pub(crate) zones: usize,
    /// The percentage of nodes that are not Ready.
    pub(crate) unready: usize,
    /// The percentage of pods without a node.
    pub(crate) unbound: usize,
    /// The percentage of cordoned nodes.
    pub(crate) cordoned: usize,
    /// Whether nodes are of several kinds: large ones, tainted ones, with devices.
    pub(crate) kinds: bool,
    pub(crate) pools: bool,
    /// Cordons of others.
    pub(crate) others: bool,
    /// Startup taints, pressure, other actors, odd marks, deletions.
    pub(crate) strange: bool,
    /// Selectors, affinities, tolerations, claims.
    pub(crate) choosy: bool,
    /// Whether pods also request processor time.
    pub(crate) cpu: bool,
    /// Placeholders, nominations, gates, priorities.
    pub(crate) odd_pods: bool,
}

impl Traits {
    fn read(bytes: &mut Bytes<'_>, nodes: usize) -> Self {
        Self {
            nodes,
            zones: bytes.pick(&[0, 1, 2, 3]),
            unready: bytes.pick(&[0, 0, 10, 30]),
            unbound: bytes.pick(&[0, 10, 30]),
            cordoned: bytes.pick(&[35, 0, 20, 60]),
            kinds: bytes.chance(50),
            pools: bytes.chance(25),
            others: bytes.chance(40),
            strange: bytes.chance(35),
            choosy: bytes.chance(45),
            cpu: bytes.chance(50),
            odd_pods: bytes.chance(40),
        }
    }
}

pub(crate) const CLAIM: &str = "disk";
pub(crate) const LOCAL_CLAIM: &str = "local";

impl Cluster {
    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        nodes: &[Vec<u8>],
        pods: &[Vec<u8>],
        groups: &[Vec<u8>],
    ) -> Self {
        let traits = Traits::read(bytes, nodes.len());
        let made: Vec<group::Made> =
            (0..).zip(groups).map(|(at, bytes)| group::make(&traits, at, &mut Bytes::new(bytes))).collect();
        let mut cluster = Self {
            nodes: (0..)
                .zip(nodes)
                .map(|(at, one)| node::make(&traits, &made, at, &mut Bytes::new(one)))
                .collect(),
            pods: (0..).zip(pods).map(|(at, one)| pod::make(&traits, at, &mut Bytes::new(one))).collect(),
            groups: made.into_iter().map(|made| made.group).collect(),
            pods_seen: pods.len() + bytes.pick(&[1, 1, 1, 0]),
            volumes: volumes(bytes),
            ledger: ledger(bytes),
            // Read last, so that the rest of a cluster does not depend on it.
            stored: stored(bytes).into(),
            history: None,
            traits,
        };
        cluster.count_instances();
        cluster.move_control_plane();
        cluster
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_at(NOW)
    }

    pub(crate) fn snapshot_at(&self, now: jiff::Timestamp) -> Snapshot {
        let Self { nodes, pods, groups, pods_seen, volumes, stored, ledger, history, .. } = self.clone();
        let snapshot = Snapshot::new(now, nodes, pods, groups, pods_seen).unwrap();
        let snapshot = snapshot.with_volumes(volumes).with_stored_volumes(stored);
        snapshot.with_ledger(ledger).with_history(history)
    }

    /// Moves pods of the control plane to cordoned nodes, first to the last ones, which have the fewest pods: only there they
    /// can keep a node that would go.
    fn move_control_plane(&mut self) {
        let cordoned = self.nodes.iter().rev().filter(|node| node.unschedulable);
        let cordoned: Vec<&str> = cordoned.map(|node| node.name.as_str()).collect();
        let bound = self.pods.iter_mut().filter(|pod| pod.node_name.is_some());
        let parts = bound.filter(|pod| pod.name.contains('-'));
        for (at, pod) in parts.enumerate() {
            if let Some(name) = cordoned.get(at % cordoned.len().max(1)) {
                pod.node_name = Some((*name).into());
            }
        }
    }

    /// A group lists the instances of its nodes too.
    fn count_instances(&mut self) {
        for group in &mut self.groups {
            let members = self.nodes.iter().filter(|node| node.group.as_ref() == Some(&group.name));
            group.instances.extend(members.map(|node| Instance {
                name: node.name.clone(),
                has_node: true,
                created_at: node.created_at,
                ..Instance::default()
            }));
            group.target_size = u32::try_from(group.instances.len()).unwrap();
        }
    }
}

/// A disk in the first zone, and one on the second node.
fn volumes(bytes: &mut Bytes<'_>) -> Volumes {
    let term = |key: &str, value: &str| {
        let operator = Operator::In(vec![value.to_owned()]);
        let labels = vec![Requirement { key: key.to_owned(), operator }];
        Some(Affinity(vec![SelectorTerm { labels, fields: Vec::new() }]))
    };
    let mut volumes = Volumes::new();
    if bytes.chance(70) {
        let zonal = term("topology.kubernetes.io/zone", "zone-0");
        for namespace in ["hub", "kube-system"] {
            volumes.insert((namespace.to_owned(), CLAIM.to_owned()), zonal.clone());
            let local = match namespace {
                "hub" => term("kubernetes.io/hostname", "n01"),
                _ => Some(of_the_host_of_its_pod()),
            };
            volumes.insert((namespace.to_owned(), LOCAL_CLAIM.to_owned()), local);
        }
    }
    volumes
}

/// Volumes by the names of nodes, by that of a host, and by a zone.
fn stored(bytes: &mut Bytes<'_>) -> StoredVolumes {
    if !bytes.chance(20) {
        let unknown = bytes.chance(3);
        return if unknown {
            StoredVolumes::Unknown { why: "timeout".into() }
        } else {
            StoredVolumes::NotListed
        };
    }
    let volume = |key: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let requirement = Requirement { key: key.to_owned(), operator: Operator::In(values) };
        let term = SelectorTerm { labels: vec![requirement], fields: Vec::new() };
        StoredVolume { name: format!("pv-{key}"), claim: None, affinity: Affinity(vec![term]) }
    };
    let on = bytes.pick(&["n00", "n01", "n02", "n05"]);
    StoredVolumes::Listed(vec![
        volume("topology.kubernetes.io/zone", &["zone-0"]),
        volume("kubernetes.io/hostname", &[on, "n03"]),
    ])
}

fn ledger(bytes: &mut Bytes<'_>) -> Option<Ledger> {
    if bytes.chance(40) {
        return None;
    }
    let mut ledger = Ledger::default();
    if bytes.chance(15) {
        let dedicated = BTreeSet::from([("dedicated".to_owned(), "x".to_owned(), TaintEffect::NoSchedule)]);
        let kept = bytes.pick(&[true, false]);
        for pool in ["", "users"] {
            ledger.common.insert(pool.to_owned(), BTreeMap::from([(dedicated.clone(), kept)]));
        }
    }
    if bytes.chance(30) {
        let at = bytes.pick(&[ago(60), ago(200_000)]);
        let note = CreatedFor { nodes: bytes.pick(&[1, 2]), at };
        for pod in 0..30 {
            ledger.created_for.insert((format!("uid-{pod:02}"), "zone-0/pool-0".to_owned()), note);
        }
    }
    if bytes.chance(15) {
        let at = bytes.pick(&[ago(60), ago(1500), ago(200_000)]);
        let note = CreatedFor { nodes: bytes.pick(&[1, 2, 9]), at };
        ledger.useless.insert("zone-0/pool-0".to_owned(), note);
    }
    Some(ledger)
}
