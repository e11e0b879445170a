//! The traits through which a plan is applied, implemented by the live adapters, by the tests' in-memory cluster and by
//! the simulator.

mod abilities;
mod answer;
mod bounded;
mod cause;
mod environment;
mod notes;
mod outcome;
mod pod_life;
mod provider;
mod scope;
mod source;
mod turns;
mod usage;
pub mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Ledger, MachineFate, Node, Pod, StoredVolumes, Taint};
use kube_rebalancer_core::plan::PodNotice;

pub use abilities::{Abilities, Can};
pub use answer::{EvictionAnswer, GroupAnswer, InstanceToDelete, NOT_ASKED, NodeToDelete, PodToEvict};
pub use bounded::{Bounded, LONGEST_FAILURE, count_objects, count_values};
pub use cause::{causes, chain};
pub use environment::Environment;
pub use notes::{Notes, SharedNotes};
pub use outcome::{NotTried, Outcome, OutcomeKind, Substitute};
pub use pod_life::{End, PodLife};
pub use provider::{CloudView, Connecting, NotWanted, Provider, ProviderError, ProviderKind, SharedClock};
pub use scope::{CloudScope, Commands, MagnumDelete, ParkBy};
pub use source::Source;
pub use turns::in_turn;
pub use usage::{LONGEST_USAGE, MOST_SAMPLES, UsageKind, UsageSource};

/// A failure that names what was tried and what came back; written for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// A change of one node, made only if the node is still at `resource_version`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePatch {
    /// The version that the change was decided on.
    pub resource_version: String,
    /// The new `spec.unschedulable`, if it changes.
    pub unschedulable: Option<bool>,
    /// Annotations to write, or with `None` to remove.
    pub annotations: BTreeMap<&'static str, Option<String>>,
    /// The new `spec.taints`, whole, if they change: a patch replaces the list, and the version protects taints that another
    /// client adds in the meantime.
    pub taints: Option<Vec<Taint>>,
}

/// The reason why a node was not patched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The node has changed since it was read.
    #[error("the node has changed since it was read")]
    Conflict,
    /// The node is gone.
    #[error("the node is gone")]
    Gone,
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// Every pod of the cluster that has not ended.
#[derive(Clone, Debug, Default)]
pub struct PodList {
    /// The pods.
    pub pods: Vec<Pod>,
    /// The number of visible pods, including pods that have ended.
    pub seen: usize,
}

/// An event about a node, recorded in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEvent {
    /// The node.
    pub node: String,
    /// Its uid.
    pub uid: String,
    /// One word, such as `NodeCordoned`.
    pub reason: &'static str,
    /// The action, such as `Cordon`.
    pub action: &'static str,
    /// One sentence.
    pub note: String,
    /// Whether something went wrong.
    pub warning: bool,
}

/// One pod, and the version that it was read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNow {
    /// The pod.
    pub pod: Pod,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// A Kubernetes cluster that can be changed.
pub trait Cluster: Sync {
    /// Lists the pods, consistently.
    fn pods(&self) -> impl Future<Output = Result<PodList, PortError>> + Send;
    /// Lists the nodes, consistently.
    fn nodes(&self) -> impl Future<Output = Result<Vec<Node>, PortError>> + Send;
    /// Reads one node; `None` if it is gone.
    fn node(&self, name: &str) -> impl Future<Output = Result<Option<Node>, PortError>> + Send;
    /// Lists once more the volumes whose data may be on the disks of these nodes.
    fn volumes_again(&self, nodes: &[Node]) -> impl Future<Output = StoredVolumes> + Send {
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let why = format!("the volumes of {} are not listed here", names.join(", "));
        async { StoredVolumes::Unknown { why } }
    }
    /// Changes one node and returns its new state.
    fn patch(&self, node: &str, patch: &NodePatch) -> impl Future<Output = Result<Node, PatchError>> + Send;
    /// Records an event about an action. A failure is only logged.
    fn tell(&self, event: &NodeEvent) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Records an event on a waiting pod: the action taken for it, or the reason why it waits. A failure is only logged.
    fn notify(&self, notice: &PodNotice) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Reads one pod; `None` if it is gone or has ended.
    fn pod(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<PodNow>, PortError>> + Send {
        let error = PortError(format!("pod {namespace}/{name} is not read here"));
        async { Err(error) }
    }
    /// Evicts one pod through the eviction API, with its own grace period. It is asked once.
    fn evict(&self, pod: &PodToEvict) -> impl Future<Output = EvictionAnswer> + Send {
        let words = format!("pod {}/{} is not evicted here", pod.namespace, pod.name);
        async { EvictionAnswer::Failed(words) }
    }
    /// Deletes one Node object, only if it is still this one in this version. It is asked once; after a lost answer the node is
    /// read back.
    fn delete_node(&self, node: &NodeToDelete) -> impl Future<Output = Result<(), PatchError>> + Send {
        let error = PortError(format!("node {} is not deleted here", node.name));
        async { Err(PatchError::Failed(error)) }
    }
    /// Whether no other run has taken the Lease.
    fn still_leads(&self) -> impl Future<Output = Result<bool, PortError>> + Send {
        async { Ok(true) }
    }
    /// Stores the ledger for later runs.
    fn remember(&self, ledger: &Ledger) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The node groups of a cluster, of all clouds.
pub trait NodeGroups: Sync {
    /// Asks a group for `to` instances, counted from the `from` that the plan saw; never for fewer than it has.
    fn grow(&self, group: &str, from: u32, to: u32) -> impl Future<Output = GroupAnswer> + Send;
    /// Deletes instances; answers for each in the same order.
    ///
    /// It is tried once: the caller reads nodes and pods again before a second try.
    fn delete(&self, nodes: &[InstanceToDelete]) -> impl Future<Output = Vec<GroupAnswer>> + Send;
    /// Parks instances: stops, shelves or deallocates them, so that they can be woken; answers for each in the same order.
    /// Proven and tried once as [`Self::delete`].
    fn park(&self, nodes: &[InstanceToDelete]) -> impl Future<Output = Vec<GroupAnswer>> + Send {
        let answers = refused(nodes, "no cloud is asked to park here");
        async { answers }
    }
    /// Wakes parked instances; answers for each in the same order. Proven and tried once as [`Self::delete`].
    fn wake(&self, nodes: &[InstanceToDelete]) -> impl Future<Output = Vec<GroupAnswer>> + Send {
        let answers = refused(nodes, "no cloud is asked to wake here");
        async { answers }
    }
    /// Finishes the waking of nodes, which earlier runs began; an answer for each in the same order, `None` where nothing is
    /// left to finish: see [`Provider::rejoin`].
    fn rejoin(&self, nodes: &[InstanceToDelete]) -> impl Future<Output = Vec<Option<GroupAnswer>>> + Send {
        let answers = nodes.iter().map(|_| None).collect();
        async { answers }
    }
    /// Deletes an instance that never became a node, by the name that the group showed. `nodes` are all nodes of the cluster,
    /// listed right before: an instance that may be one of them is left alone.
    fn delete_instance(
        &self,
        group: &str,
        instance: &str,
        nodes: &[Node],
    ) -> impl Future<Output = GroupAnswer> + Send;
    /// Reports the fate of the machines of nodes that are no longer in a group, an answer for each in the same order. Changes
    /// nothing.
    fn fates(&self, nodes: &[InstanceToDelete]) -> impl Future<Output = Vec<MachineFate>> + Send {
        let answers = unknown(nodes, "no cloud is asked here");
        async { answers }
    }
}

/// The answer *unknown* for each machine.
fn unknown(nodes: &[InstanceToDelete], why: &str) -> Vec<MachineFate> {
    nodes.iter().map(|_| MachineFate::Unknown(why.to_owned())).collect()
}

/// The answer *refused* for each instance.
fn refused(nodes: &[InstanceToDelete], why: &str) -> Vec<GroupAnswer> {
    nodes.iter().map(|_| GroupAnswer::Refused(why.to_owned())).collect()
}

/// The time by the cluster's clock, and the time that the run has left.
pub trait Clock: Sync {
    /// Now, by the API server's clock.
    fn now(&self) -> Timestamp;
    /// The time that the run has left; zero after a signal to stop.
    fn left(&self) -> SignedDuration;
    /// Waits, but no longer than the run may take. A clock that is moved by hand does not wait.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        let _ = duration;
        async {}
    }
}
