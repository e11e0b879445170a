//! The facts of each node that a plan needs, collected in one walk over the pods.

use jiff::Timestamp;

use super::admitted::Admitted;
use super::common::{CommonTaints, Population};
use super::daemons::Daemons;
use super::given_back::is_only_object;
use super::live_pods::LivePods;
use super::notes::Warning;
use super::pools::PoolIndex;
use super::reach::Site;
use super::ready::Ready;
use super::reason::{KeepReason, Loss};
use super::state::{Cordon, is_adopted};
use super::usage::NodeUsage;
use super::user_kinds::Kinds;
use super::value::NodeState;
use crate::model::{Amounts, Node, NodeIndex, Pod, Snapshot, annotation, taint};
use crate::policy::{AdoptCordons, Drain, Policy, PoolName};

/// A cluster as a policy sees it.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
    /// The facts of the nodes, parallel to the snapshot's nodes.
    pub(crate) nodes: Vec<NodeFacts<'a>>,
    /// Whether parked nodes may be woken: under the guard of section 9, the running nodes must make up for them.
    pub(crate) may_wake: bool,
    /// The pools, sorted by name: of the managed nodes, and of node groups without nodes that name one. A cluster without
    /// `POOL_LABEL` has the one pool with the empty name, even without nodes.
    pub(crate) pools: Vec<PoolName>,
    /// The pool of each node group of the snapshot, in its order; `None` where nothing names one.
    pub(crate) group_pools: Vec<Option<PoolIndex>>,
    /// The pods taken into account that are bound to no node, apart from daemons and pods that are being deleted: users'
    /// and critical pods and placeholders.
    pub(crate) unbound: Vec<UnboundPod<'a>>,
    /// The pods that the scheduler may still bind to a node that it was promised: unbound, not a daemon, not gated, not
    /// being deleted, and such that they would keep a node.
    pub(crate) may_bind_late: Vec<&'a Pod>,
    /// The omitted pods without a node that their controller recreates: not gated, and not being deleted.
    pub(crate) unplaced: Vec<&'a Pod>,
    /// The bound daemons with a controller on managed nodes.
    pub(super) daemons: Daemons<'a>,
    /// The users' pods on managed nodes by what decides where one more finds room.
    pub(super) kinds: Kinds<'a>,
    /// For each pool, which sets of lasting taints are common (section 3): the records of the ledger and the new
    /// judgements. A difference to the ledger is stored.
    pub(crate) judged_common: Vec<CommonTaints>,
    /// The Ready candidates, once they were needed.
    pub(super) ready: Ready,
    /// Which nodes admit pods with long constraints.
    pub(super) admitted: Admitted,
    /// The pods by which lasting taints are judged.
    pub(super) population: Population<'a>,
    /// The pods of controllers with a replica to lose: see [`Replicas`](super::replicas::Replicas).
    pub(crate) live_pods: LivePods<'a>,
    pub(crate) warnings: Vec<Warning>,
}

/// A pod that is taken into account and bound to no node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnboundPod<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) kind: OccupantKind,
}

/// The classes of pods whose requests are part of the demand, without daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OccupantKind {
    /// Keeps its node from being cordoned.
    Critical,
    /// A user's pod.
    Dynamic,
    /// A reserve that any user's pod may displace; no occupant, and never placed.
    Placeholder,
}

/// One node as a policy sees it. The fields that most passes read come first and side by side: a plan passes over the nodes
/// many times, and the memory of thousands is slow.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct NodeFacts<'a> {
    pub(crate) node: &'a Node,
    /// Its pool; 0 for a node that is not managed, unless it is one that cannot be read.
    pub(crate) pool: PoolIndex,
    /// The reason why it is not managed; the pods of such a node are ignored. It is boxed like everything below that few
    /// nodes have: the facts of 15,000 nodes are a large part of a run's memory.
    pub(crate) unmanaged: Option<Box<KeepReason>>,
    /// The reason why it is reserved, if it is: it is then no capacity, counts in no bound, and is never cordoned.
    pub(crate) reserved: Option<Box<KeepReason>>,
    /// Its state, for common and reserved nodes alike.
    pub(crate) state: NodeState,
    /// Whether its Ready condition is true, even if it cannot serve.
    pub(crate) says_ready: bool,
    /// Whether it lacks nothing but capacity: none of a deciding resource is left beside its omitted pods.
    pub(crate) without_capacity: bool,
    pub(crate) cordon: Cordon,
    pub(crate) scale_down_disabled: bool,
    /// Whether a run has claimed it in order to delete it, or has asked it to park a moment ago.
    pub(crate) claimed: bool,
    /// Whether this run's own pod is on it.
    pub(crate) own: bool,
    /// Whether a pod on it, daemons and placeholders aside, may own a volume that is mounted there.
    pub(super) has_claims: bool,
    /// Whether it has neither taints nor annotations that are read, like most nodes.
    pub(super) bare: bool,
    /// Whether it offers an extended resource.
    pub(super) has_device: bool,
    /// Whether it runs Windows.
    pub(super) windows: bool,
    /// The number of critical and dynamic pods.
    pub(crate) occupants: usize,
    /// The first critical one by name.
    pub(crate) critical: Option<&'a Pod>,
    /// The usage of its pods, if a source of metrics was asked.
    pub(crate) usage: Option<Box<NodeUsage>>,
    /// Its capacity: `C` of section 4, with omitted pods subtracted and absurd amounts replaced.
    pub(crate) capacity: Amounts,
    /// Requests of the daemons taken into account.
    pub(crate) daemons: Amounts,
    /// Its zone, looked up once.
    pub(crate) zone: Option<&'a str>,
    /// The part of its bound pods in the pool's demand (`W` of section 4), without daemons. Zero for a node that is not
    /// managed, unless it cannot be read: then its pods count.
    pub(crate) demand: Amounts,
    /// Another autoscaler that scales nodes of this kind, and its mark.
    pub(super) autoscaler: Option<Box<(&'static str, String)>>,
    /// When it became NotReady, or when it was created.
    pub(crate) not_ready_since: Option<Timestamp>,
    /// The reason why it does not serve although it is Ready: the startup or pressure taint, or the device that is
    /// missing.
    pub(crate) impaired_by: Option<String>,
    /// The key of an annotation that delays its deletion.
    pub(crate) deletion_delayed: Option<&'a str>,
    /// Another node of the same machine, if it is cordoned.
    pub(crate) twin: Option<&'a str>,
    /// When it was cordoned: by the younger of mark and taint, for a cordon of others by the taint.
    pub(crate) cordoned_at: Option<Timestamp>,
    pub(crate) empty_since: Option<Timestamp>,
    /// When it was parked under our own cordon, or was asked to park.
    pub(crate) parked_at: Option<Timestamp>,
    /// The time at which it was woken under our own cordon.
    pub(crate) woken_at: Option<Timestamp>,
    /// The total amount of every resource that the scheduler can allocate there.
    pub(crate) offer: Amounts,
    /// Requests of critical pods.
    pub(crate) critical_requests: Amounts,
    /// Requests of dynamic pods.
    pub(crate) dynamic_requests: Amounts,
    /// Requests of placeholders.
    pub(crate) placeholder_requests: Amounts,
    /// The first occupant by name.
    pub(crate) occupant: Option<&'a Pod>,
    /// The first omitted pod by name that would be lost with the node, and why. Whether it is the last live replica
    /// depends on the nodes that are deleted with it: see [`NodeFacts::replicas`].
    pub(crate) loses: Option<Box<(&'a Pod, Loss)>>,
    /// The omitted Ready pods of a recreating controller that has two or more pods.
    pub(crate) replicas: Vec<&'a Pod>,
    /// The omitted pods that are recreated elsewhere if the node is deleted.
    pub(crate) moves: Vec<&'a Pod>,
    /// Its occupants that may be moved: they do not keep it from being cordoned.
    pub(crate) movable: Vec<&'a Pod>,
    /// The evicted pod that is not Ready again, as the reason to keep the node.
    pub(super) awaits: Option<Box<KeepReason>>,
    /// Requests of all pods on the node.
    pub(crate) load: Amounts,
    /// Requests of the pods that come with every node of its kind: all daemons.
    pub(crate) daemon_load: Amounts,
    /// Requests of the omitted pods, daemons included and placeholders aside.
    pub(crate) omitted_load: Amounts,
    /// Its place among the snapshot's nodes.
    pub(super) index: NodeIndex,
}

impl NodeFacts<'_> {
    pub(crate) fn managed(&self) -> bool {
        self.unmanaged.is_none()
    }

    /// Whether it is managed and not reserved.
    pub(crate) fn common(&self) -> bool {
        self.managed() && self.reserved.is_none()
    }

    /// Ready in the sense of section 5: Ready and not booting, not in use, under pressure, parked or claimed.
    pub(crate) fn ready(&self) -> bool {
        matches!(self.state, NodeState::Serving | NodeState::Cordoned)
    }

    /// Whether it is typical of its group: it is Ready, or omitted pods fill it.
    pub(crate) fn is_typical(&self) -> bool {
        self.ready() || (self.without_capacity && self.state == NodeState::NotInUse)
    }

    /// When it began to exist or, if it was parked, to run again.
    pub(crate) fn began_at(&self) -> Option<Timestamp> {
        self.woken_at.max(self.node.created_at)
    }

    /// Whether it takes pods now.
    pub(crate) fn serves(&self) -> bool {
        self.state == NodeState::Serving && self.common()
    }

    /// The amount that a choice counts of its bound pods (`DEMAND`), without daemons.
    pub(crate) fn counted_demand(&self) -> &Amounts {
        self.usage.as_ref().map_or(&self.demand, |usage| &usage.demand.counted)
    }

    /// The amount that a choice counts of its counted daemons.
    pub(crate) fn counted_daemons(&self) -> &Amounts {
        self.usage.as_ref().map_or(&self.daemons, |usage| &usage.daemons.counted)
    }

    /// Whether the node is empty, apart from last live replicas.
    pub(crate) fn empty(&self) -> bool {
        self.occupants == 0 && self.loses.is_none()
    }

    /// The number of its occupants that no run evicts.
    pub(crate) fn staying_occupants(&self) -> usize {
        self.occupants.saturating_sub(self.movable.len())
    }

    /// The evicted pod that is not Ready again, in words.
    pub(crate) fn awaits(&self) -> Option<String> {
        self.awaits.as_ref().map(ToString::to_string)
    }

    /// Whether its last pods are evicted before it is given back. Pods on a node that is not Ready are not evicted.
    pub(crate) fn is_drained_first(&self, policy: &Policy) -> bool {
        policy.drain != Drain::None && self.says_ready && !(self.movable.is_empty() && self.moves.is_empty())
    }

    /// Whether it carries a claim, running or over: its note or its taint.
    pub(crate) fn has_claim_note(&self) -> bool {
        if self.bare {
            return false;
        }
        self.node.annotations.contains_key(annotation::DELETING_UNTIL)
            || self.node.taints.iter().any(|taint| taint.key == taint::DELETING)
    }

    /// Whether its pods or annotations protect it from cordon and deletion.
    pub(crate) fn protected(&self) -> bool {
        self.critical.is_some() || self.scale_down_disabled
    }

    /// Whether another actor cordoned it and this run must not undo that.
    pub(crate) fn in_others_hands(&self, policy: &Policy) -> bool {
        self.cordon == Cordon::Others && (self.protected() || policy.adopt_cordons != AdoptCordons::Always)
    }

    /// Whether a cordon of others is old enough for its empty node to be deleted; unknown age is young.
    pub(crate) fn cordon_adopted(&self, policy: &Policy, observed_at: Timestamp) -> bool {
        is_adopted(self.cordoned_at, policy, observed_at)
    }
}

impl<'a> Survey<'a> {
    /// The managed nodes with their index.
    pub(crate) fn managed(&self) -> impl Iterator<Item = (NodeIndex, &NodeFacts<'a>)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.managed())
    }

    /// The site of a node, which remembers its answers about long constraints.
    pub(super) fn site<'s>(&'s self, facts: &NodeFacts<'s>) -> Site<'s> {
        Site::of(facts.node, self.policy).remembered(&self.admitted, facts.index)
    }

    /// The managed nodes of a pool with their index.
    pub(crate) fn of_pool(&self, pool: PoolIndex) -> impl Iterator<Item = (NodeIndex, &NodeFacts<'a>)> {
        self.managed().filter(move |(_, node)| node.pool == pool)
    }

    /// Whether a node is only a Node object without a machine, and without pods.
    pub(super) fn is_only_object(&self, facts: &NodeFacts<'_>) -> bool {
        facts.empty() && !facts.own && is_only_object(facts.node, self.snapshot, self.policy)
    }

    /// The demand of a pool's bound pods, without daemons.
    pub(crate) fn asked_of(&self, pool: PoolIndex) -> Amounts {
        let mut asked = Amounts::default();
        for node in self.nodes.iter().filter(|node| node.pool == pool) {
            asked.add(&node.demand);
        }
        asked
    }

    /// The amount that a choice counts of a pool's bound pods, without daemons.
    pub(crate) fn counted_of(&self, pool: PoolIndex) -> Amounts {
        let mut counted = Amounts::default();
        for node in self.nodes.iter().filter(|node| node.pool == pool) {
            counted.add(node.counted_demand());
        }
        counted
    }

    /// The common nodes of a pool with their index.
    pub(crate) fn common(&self, pool: PoolIndex) -> impl Iterator<Item = (NodeIndex, &NodeFacts<'a>)> {
        self.of_pool(pool).filter(|(_, node)| node.common())
    }
}
