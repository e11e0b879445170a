//! A cloud that can be grown and shrunk: one implementation for each kind of cloud, used as an object.
//!
//! ```text
//!   dyn ProviderKind (a constant of the provider's crate) -- wanted? --> connect --> dyn Provider
//!                                                                                   |
//!   run: list, then plan and check, then grow and delete  <-------------------------+
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use kube_rebalancer_core::model::{MachineFate, Membership, Node, NodeGroup, Snapshot};
use kube_rebalancer_core::policy::Policy;

use crate::{Abilities, Clock, CloudScope, GroupAnswer, InstanceToDelete, refused, unknown};

/// The node groups of one cloud. A provider holds its connection, and the proofs of what it listed.
///
/// Rules for all methods:
///
/// - Every method ends by itself, soon after the clock has no time left. It asks for no change after that.
/// - A provider changes only groups and instances that its last [`list`](Self::list) showed.
/// - Messages of the cloud are passed on unchanged. They are for a person; the program decides by the variant.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Lists the groups that the managed nodes belong to, or that `NODE_GROUPS` names, with all their instances.
    ///
    /// - The target size is the size that anybody has requested so far. Instances that the cloud has not created yet are
    ///   among the instances of the group, so that a run does not request them again.
    /// - A node is in a group only if account, zone, provider ID and name of node and instance agree. Of two such nodes of
    ///   one instance, neither is. Every other node of this cloud gets the reason why it is in none.
    /// - Only nodes that agree lead to a group. What one node claims about itself stops no other node.
    /// - `not_growable`, `not_shrinkable`, `not_parkable` and `not_wakeable` of a group name what the group cannot do, and
    ///   why: an autoscaler scales it, the cloud would delete others in place of the named ones, the provider cannot park.
    /// - An instance that is parked, or being parked, keeps its membership and counts as one of the group.
    /// - A node without a provider ID may be proven by `system_uuid` and name.
    /// - A part that could not be listed is a gap, not an error: a run acts on the rest, and grows nothing.
    /// - No two groups have one name.
    async fn list(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, ProviderError>;

    /// Grows a group to `to` instances, counted from the `from` that the plan saw.
    ///
    /// The provider reads the size again first and never asks for fewer instances than the group has. A group that
    /// shrank meanwhile gets as many more as were planned; one that has enough answers [`GroupAnswer::AlreadySo`].
    /// A repeated call grows the group once. After a lost answer the provider reads the group again; if that does not show
    /// the outcome, the answer is [`GroupAnswer::InDoubt`].
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer;

    /// Deletes the instances of these nodes and returns an answer for each, in the same order.
    ///
    /// Each instance is proven again right before the request. The answer is [`GroupAnswer::Conflict`] for an instance that
    /// was recreated under its name, [`GroupAnswer::AlreadySo`] for one that is gone or being deleted, and
    /// [`GroupAnswer::Refused`] for one that was never proven. The target size of the group decreases by the number of
    /// deleted instances, so that the group creates no others. The provider then verifies which instances are being
    /// deleted: only these answer [`GroupAnswer::Done`].
    ///
    /// The request is sent once in a call. After [`GroupAnswer::Busy`] or [`GroupAnswer::InDoubt`] the caller reads nodes and
    /// pods again before a second call. A provider whose request has an effect each time it is carried out sends none in the
    /// second call if the first may still be on its way.
    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer>;

    /// Parks the instances of these nodes (stops, shelves or deallocates them), so that they can be woken. Returns an
    /// answer for each, in the same order.
    ///
    /// Each instance is proven again right before the request, as for a deletion. The answer is
    /// [`GroupAnswer::AlreadySo`] for an instance that is parked or being parked, and [`GroupAnswer::Conflict`] for one that
    /// is being deleted or was recreated. The provider then verifies which instances are being parked: only these answer
    /// [`GroupAnswer::Done`]. The request is sent once.
    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        refused(nodes, "this cloud's provider does not park")
    }

    /// Wakes the instances of these nodes and returns an answer for each, in the same order.
    ///
    /// Each instance is proven again right before the request, as for a deletion. The answer is
    /// [`GroupAnswer::AlreadySo`] for an instance that runs or starts already, [`GroupAnswer::Exhausted`] if the cloud
    /// reports in time that it has no room (the run then tries the next parked instance, or a new one), and
    /// [`GroupAnswer::Done`] if the instance is starting. The request is sent once.
    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        refused(nodes, "this cloud's provider does not wake what is parked")
    }

    /// Finishes the waking of these nodes, which earlier runs began, in a cloud that wakes in several steps. A run calls it
    /// before any other change, for nodes that carry the mark of a waking, schedulable ones too, and for nodes with the mark of
    /// a parking that it is about to uncordon. Returns an answer for each in the same order. Proven as [`wake`](Self::wake).
    ///
    /// `None` is a proof that nothing is left to finish: the node then loses its mark. After every other answer,
    /// [`GroupAnswer::Done`] too, the mark stays, and a later run asks again. The answer is [`GroupAnswer::Busy`] for a machine
    /// that does not run yet.
    async fn rejoin(&self, nodes: &[InstanceToDelete]) -> Vec<Option<GroupAnswer>> {
        nodes.iter().map(|_| None).collect()
    }

    /// Deletes an instance that never became a node, by the name that the last [`list`](Self::list) showed. `nodes` are all
    /// nodes of the cluster, listed right before. It is proven again: the answer is [`GroupAnswer::Conflict`] for an instance
    /// that was recreated, or that may be one of the nodes by now. It is tried once.
    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let _ = nodes;
        GroupAnswer::Refused(format!(
            "instance {instance} of {group}: this cloud's provider deletes nodes only"
        ))
    }

    /// Reports the fate of the machines of these nodes, which the last [`list`](Self::list) showed in no group; an answer for
    /// each, in the same order. It changes nothing.
    ///
    /// [`MachineFate::Gone`] needs a proof about exactly this machine: the cloud answers a request for its ID, and for no
    /// other, that there is none. Absence from a list is no proof. Nor is such an answer alone: a wrong project or endpoint
    /// gives the same. So the provider then asks for another machine of the cluster, in the same place and in the same way;
    /// the first is gone only if that one is found. Every other result is [`MachineFate::Unknown`].
    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        unknown(nodes, "this cloud's provider cannot prove that a machine is gone")
    }
}

/// A cloud's view of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudView {
    /// The groups.
    pub groups: Vec<NodeGroup>,
    /// How the nodes belong to them: one for each node of the snapshot, in its order. The nodes of other clouds have one too,
    /// which is ignored.
    pub memberships: Vec<Membership>,
    /// The parts that could not be listed, a sentence each.
    pub gaps: Vec<String>,
    /// Further facts for a person, a sentence each. They stop nothing.
    pub notes: Vec<String>,
    /// The parts of `NODE_GROUPS` that name no group of this cloud; another cloud may have it.
    pub unknown: BTreeSet<String>,
    /// The names of the groups that those parts were compared with.
    pub known: Vec<String>,
}

/// The reason why the groups of a cloud could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A setting is wrong for this cloud. The run ends before anything is changed.
    #[error("{0}")]
    Setting(String),
    /// The cloud does not answer, or denies access. The run continues without it.
    #[error("{0}")]
    Unseen(String),
}

/// The reason why a run does not use a cloud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWanted {
    /// The cloud has no managed node.
    #[error("no managed node is there")]
    Elsewhere,
    /// `NODE_GROUPS` names groups, but their account is unknown.
    #[error("{0}")]
    NoAccount(String),
}

/// A clock that a provider may keep.
pub type SharedClock = Arc<dyn Clock + Send + Sync>;

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Provider>, ProviderError>> + Send>>;

/// A kind of cloud: one line in the program's table of providers.
pub trait ProviderKind: Debug + Send + Sync {
    /// The cloud's name, for people, such as `Compute Engine`.
    fn cloud(&self) -> &'static str;

    /// Its name in `PROVIDER`, such as `gce`.
    fn name(&self) -> &'static str;

    /// The beginning of its provider IDs, such as `gce://`, by which nodes are assigned to this provider. `None` for a
    /// provider without such IDs: it is used only if `PROVIDER` names it, and then it is the only one and judges all nodes.
    fn scheme(&self) -> Option<&'static str>;

    /// The abilities for each kind of its node groups.
    fn abilities(&self) -> &'static [Abilities] {
        &[]
    }

    /// The reason why it can never prove that a machine is gone, so that `DELETE_NODE_OBJECTS` has no effect there; `None` if
    /// it can.
    fn cannot_prove_gone(&self, _scope: &CloudScope) -> Option<String> {
        Some(format!("the provider for {} cannot prove that a machine is gone", self.cloud()))
    }

    /// Whether a run uses this cloud, by the nodes of the cluster. Sends no request.
    fn wanted(&self, nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted>;

    /// Connects. The future is boxed, so that the program is compiled without the cloud's client.
    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting;
}
