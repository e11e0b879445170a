//! The violations of a plan: one variant for each rule, with the numbers.

use jiff::Timestamp;

use crate::model::Resource;
use crate::plan::NodeState;
use crate::policy::{AdoptCordons, PartsPerMillion};

/// The kind of an action on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It becomes schedulable.
    Uncordon,
    /// It becomes unschedulable.
    Cordon,
    /// It is deleted.
    Delete,
    /// Its machine is parked.
    Park,
    /// Its parked machine is woken.
    Wake,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Uncordon => "uncordon",
            Self::Cordon => "cordon",
            Self::Delete => "delete",
            Self::Park => "park",
            Self::Wake => "wake",
        })
    }
}

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant is documented by its sentence, and its fields by their use in it"
)]
pub enum Violation {
    // The plan as a whole.
    #[error("the plan was made from an observation of {plan}, not from this one of {snapshot}")]
    OtherObservation { plan: Timestamp, snapshot: Timestamp },
    #[error("a plan was made although none of {nodes} nodes is managed and NODE_GROUPS names no group")]
    NoManagedNode { nodes: usize },
    #[error("a plan was made although {nodes} nodes are there and not one pod is visible")]
    NoPodVisible { nodes: usize },
    #[error("{broken} of {managed} managed nodes are broken or not in use, and the plan {}", if *guarded { "is guarded all the same" } else { "is not guarded" })]
    GuardDiffers { broken: usize, managed: usize, guarded: bool },
    #[error("too many nodes are broken, and the plan has a {verb} action; only uncordon is allowed")]
    ActsUnderGuard { verb: &'static str },
    #[error(
        "{later} comes after {earlier}; the order is uncordon, wake, grow, cordon, delete or park, evict, then what is written on nodes"
    )]
    OutOfOrder { earlier: &'static str, later: &'static str },

    // Nodes and verdicts.
    #[error("{verb} of {node}, which is not in the snapshot")]
    UnknownNode { node: String, verb: &'static str },
    #[error("node {node} is acted on twice: {first} and {second}")]
    ActedOnTwice { node: String, first: Direction, second: Direction },
    #[error("{verb} of {node}, which is not managed")]
    Unmanaged { node: String, verb: &'static str },
    #[error("node {node} has {count} verdicts instead of one")]
    Verdicts { node: String, count: usize },
    #[error("a verdict on {node}, which is not in the snapshot")]
    VerdictOnUnknownNode { node: String },
    #[error("the verdict on {node} is {verdict}, its action is {action}")]
    VerdictDiffers { node: String, verdict: &'static str, action: &'static str },
    #[error("the verdict on {node} and its action give two reasons: {verdict} and {action}")]
    ReasonDiffers { node: String, verdict: String, action: String },
    #[error("node {node}: {fact} is {plan} in the plan, {expected} by the snapshot")]
    FactDiffers { node: String, fact: &'static str, plan: String, expected: String },

    // Uncordons and cordons.
    #[error("{direction} of {node}, on which the critical pod {pod} runs")]
    CriticalNode { node: String, direction: Direction, pod: String },
    #[error("{direction} of {node}, which is annotated scale-down-disabled")]
    ScaleDownDisabled { node: String, direction: Direction },
    #[error("{direction} of {node}, which somebody else cordoned; ADOPT_CORDONS is {adopt}")]
    CordonedByOthers { node: String, direction: Direction, adopt: AdoptCordons },
    #[error("{direction} of {node}, on which somebody else put the taint {taint} after our cordon")]
    TaintedByOthers { node: String, direction: Direction, taint: String },
    #[error("{direction} of {node}, which another run is about to delete")]
    Claimed { node: String, direction: Direction },
    #[error("cordon of {node}, which is cordoned")]
    AlreadyCordoned { node: String },
    #[error("cordon of {node}, which is {state:?}: only serving and broken nodes are cordoned")]
    CordonOfIdle { node: String, state: NodeState },
    #[error("cordon of {node}, which is reserved for other pods")]
    CordonOfReserved { node: String },
    #[error("uncordon of {node}, which is schedulable")]
    NotCordoned { node: String },
    #[error("uncordon of the reserved node {node}, {why}")]
    UncordonOfReserved { node: String, why: &'static str },
    #[error("uncordon of {node}, which is {state:?} and could not serve")]
    UncordonOfNotReady { node: String, state: NodeState },
    #[error("{cordons} cordons, MAX_CORDONS allows {allowed} of {managed} managed nodes")]
    TooManyCordons { cordons: usize, allowed: usize, managed: usize },
    #[error("node {node} stays unschedulable under our own cordon; it must be uncordoned: {why}")]
    StaysCordoned { node: String, why: String },

    // Service after the plan.
    #[error("pool {pool:?}: no node of zone {zone} serves after the plan; {before} did before")]
    ZoneUnserved { pool: String, zone: String, before: usize },
    #[error("pool {pool:?}: {node} takes another pod like {pod} now, and no node does after the plan")]
    NoRoomLeft { pool: String, pod: String, node: String },
    #[error(
        "pool {pool:?}: after the cordons {after} Ready nodes are left, {before} serve now, MIN_NODES is {min}"
    )]
    CordonsBelowMinNodes { pool: String, after: usize, before: usize, min: usize },
    #[error(
        "pool {pool:?}: after the cordons {} of {} {resource} are requested on what is Ready, which is more than {max}",
        resource.show(*requested), resource.show(*capacity)
    )]
    CordonsRunAhead { pool: String, resource: Resource, requested: u64, capacity: u64, max: PartsPerMillion },
    #[error(
        "pool {pool:?}: {after} nodes serve, boot or are asked for after the plan, MIN_NODES is {min}, and {unused} is left out"
    )]
    TooFewNodes { pool: String, after: usize, min: usize, unused: String },

    // Growth.
    #[error("group {group} is not in the snapshot")]
    UnknownGroup { group: String },
    #[error("nodes without a group are asked for, but {groups} node group(s) are known")]
    GroupNotNamed { groups: usize },
    #[error("group {group} is grown twice")]
    GrownTwice { group: String },
    #[error("group {group} would not grow: from {from} to {to}")]
    DoesNotGrow { group: String, from: u32, to: u32 },
    #[error("group {group} is grown from {from}, its size is {size}")]
    GrowsFromElsewhere { group: String, from: u32, size: u32 },
    #[error("group {group} is grown, but: {why}")]
    NotGrowable { group: String, why: String },
    #[error("group {group} is grown, but none of its nodes is managed and NODE_GROUPS is empty")]
    GroupNotManaged { group: String },
    #[error("group {group} is grown for pool {pool:?}, to which it does not belong")]
    GroupOfOtherPool { group: String, pool: String },
    #[error("group {group} is grown, and all of its nodes are reserved: a new one would be too")]
    GrowsReserved { group: String },
    #[error("nodes are asked for in pool {pool:?}, which has no group and no common node")]
    NothingToCopy { pool: String },
    #[error(
        "pool {pool:?}: {new} new node(s) with {common} common ones and {instances} instance(s) without a node: MAX_NODES is {max}"
    )]
    TooManyNodes { pool: String, new: usize, common: usize, instances: usize, max: usize },
    #[error("{new} new nodes, MAX_CREATIONS allows {allowed} with {managed} managed nodes")]
    TooManyCreations { new: usize, allowed: usize, managed: usize },
    #[error("pool {pool:?}: {new} new node(s) of unknown size, {allowed} allowed while {booting} boot")]
    TooManyOfUnknownSize { pool: String, new: usize, allowed: usize, booting: usize },

    // Deletions.
    #[error("delete of {node}, which was not cordoned when the run began")]
    DeleteOfSchedulable { node: String },
    #[error("delete of {node}, which has {occupants} pod(s), among them {pod}")]
    DeleteOfOccupied { node: String, occupants: usize, pod: String },
    #[error("delete of {node}: nobody would bring back the pod {pod}")]
    DeleteLosesPod { node: String, pod: String },
    #[error("delete of {node}, on whose disk volume {volume} is")]
    DeleteLosesVolume { node: String, volume: String },
    #[error("delete of {node}, although the persistent volumes could not be listed")]
    DeleteWithUnknownVolumes { node: String },
    #[error("delete of {node}: {pod} is the last Ready pod of {controller} outside of the nodes that go")]
    DeleteOfLastReplica { node: String, pod: String, controller: String },
    #[error("delete of {node}: no other node that takes pods has room for the pod {pod} and would take it")]
    DeleteOfOnlyPlace { node: String, pod: String },
    #[error("delete of {node}: the other nodes have no room for all omitted pods that leave it")]
    DeleteWithoutRoom { node: String },
    #[error("delete of {node}, which the annotation {annotation} delays")]
    DeletionDelayed { node: String, annotation: String },
    #[error("delete of {node}, on which this run's own pod is")]
    DeleteOfOwnNode { node: String },
    #[error("delete of {node}, whose machine is that of {other} too")]
    DeleteOfSharedMachine { node: String, other: String },
    #[error("delete of {node}, which is in no node group: {why}")]
    DeleteOutsideGroups { node: String, why: String },
    #[error("delete of {node} from node group {group}, from which nothing must be deleted: {why}")]
    DeleteFromGroup { node: String, group: String, why: String },
    #[error("delete of {node}, empty for {empty_seconds} s of the EMPTY_GRACE of {grace_seconds} s")]
    DeleteTooEarly { node: String, empty_seconds: i64, grace_seconds: i64 },
    #[error("delete of {node}, where the volume {volume} is still in use")]
    DeleteWithMount { node: String, volume: String },
    #[error("delete of {node}, cordoned {seconds} s ago: the scheduler may not know yet")]
    CordonedRecently { node: String, seconds: i64 },
    #[error(
        "delete of {node}: the unbound pod {pod} may have been promised it before its cordon, which is younger than 660 s"
    )]
    LateBind { node: String, pod: String },
    #[error("delete of {node}: the unbound pod {pod} tolerates cordons and may be bound there")]
    ToleratesCordon { node: String, pod: String },
    #[error("delete of the Ready node {node}, which would take {pod}, a pod in its first hour of waiting")]
    WouldTakeWaitingPod { node: String, pod: String },
    #[error("delete of the Ready node {node} in pool {pool:?}, which grows in this run")]
    DeleteWhileGrowing { node: String, pool: String },
    #[error("delete of the Ready node {node} while {serving} serve after the plan; MIN_NODES is {min}")]
    DeleteOfReserve { node: String, serving: usize, min: usize },
    #[error("pool {pool:?}: all {deleted} common nodes of zone {zone} are deleted")]
    ZoneDeleted { pool: String, zone: String, deleted: usize },
    #[error(
        "pool {pool:?}: all {deleted} managed nodes are deleted, and NODE_GROUPS does not say where to grow again"
    )]
    PoolDeleted { pool: String, deleted: usize },
    #[error("{deletions} deletions, MAX_DELETIONS allows {allowed} of {managed} managed nodes")]
    TooManyDeletions { deletions: usize, allowed: usize, managed: usize },

    #[error("delete of {node}, from which {pod} is to be evicted first")]
    DeleteBeforeDrain { node: String, pod: String },
    #[error("delete of {node}, from which a pod was evicted {seconds} s ago")]
    DeleteAfterEviction { node: String, seconds: i64 },
    #[error("delete of {node}, and {pod}, of a controller with an evicted pod, is not Ready")]
    DeleteBeforeUp { node: String, pod: String },

    // Evictions.
    #[error("eviction of {pod}, which is not in the snapshot")]
    EvictionOfUnknown { pod: String },
    #[error("eviction of {pod}: {why}")]
    EvictionOf { pod: String, why: String },
    #[error("eviction from {node}, {why}")]
    EvictionFrom { node: String, why: String },
    #[error("{evictions} evictions, MAX_EVICTIONS allows {allowed}")]
    TooManyEvictions { evictions: usize, allowed: usize },
    #[error(
        "{evictions} evictions of pods that PodDisruptionBudget {budget} protects, which allows {allowed}"
    )]
    EvictionAgainstBudget { budget: String, evictions: u32, allowed: u32 },
    #[error("pool {pool:?}: the nodes that stay in service have no room for all that is evicted")]
    EvictionsWithoutRoom { pool: String },
    #[error("pods are evicted while {pod} waits for a node")]
    EvictionBeforeWaiting { pod: String },

    // Parked nodes.
    #[error("park of {node}, but GIVE_BACK is delete")]
    ParkNotWanted { node: String },
    #[error("park of {node}, which is not Ready: nothing shows that its machine would be of use again")]
    ParkOfUnready { node: String },
    #[error("park of {node} of node group {group}, which cannot: {why}")]
    ParkInGroup { node: String, group: String, why: String },
    #[error("wake of {node}, {why}")]
    WakeUnfounded { node: String, why: String },
    #[error("wake of {instead} instead of {node}, {why}")]
    InsteadUnfounded { node: String, instead: String, why: String },
    #[error("delete of the parked node {node}: {parked} stay parked, PARKED_MAX allows {allowed}")]
    DeleteOfParked { node: String, parked: usize, allowed: usize },
    #[error("{parked} nodes stay parked after {parks} more, PARKED_MAX allows {allowed}")]
    TooManyParked { parked: usize, parks: usize, allowed: usize },
    #[error("delete of {node}, which was woken and may become Ready any moment")]
    DeleteOfWoken { node: String },
    #[error("pool {pool:?} grows by {new}, and {node}, which is parked and would serve, is not woken")]
    GrowsBeforeWaking { pool: String, new: usize, node: String },

    // Instances without a node.
    #[error("delete of instance {instance} of group {group}, which is not in the snapshot")]
    UnknownInstance { group: String, instance: String },
    #[error("delete of instance {instance} of group {group}, {why}")]
    InstanceStays { group: String, instance: String, why: String },

    // Book-keeping.
    #[error("{node} is marked as empty, but {why}")]
    MarkUnfounded { node: String, why: &'static str },
    #[error("marks are removed from {node}, but {why}")]
    UnmarkUnfounded { node: String, why: &'static str },
    #[error("{node} is not empty and keeps its mark of being empty; a later run would believe it")]
    StaleMark { node: String },
    #[error("the claim on {node} has expired, and nothing removes it: its taint keeps every pod away")]
    StaleClaim { node: String },

    // Node objects.
    #[error("deletion of the Node object {node}, but {why}")]
    ObjectDeleted { node: String, why: &'static str },
    #[error("{node} is noted as without a machine, but {why}")]
    GoneUnfounded { node: String, why: &'static str },
    #[error(
        "{node} keeps the note that its machine is gone, which is not proven; a later run would believe it"
    )]
    StaleGoneNote { node: String },

    // Packing.
    #[error("{verb} of {node}, but {why}")]
    SteerUnfounded { node: String, verb: &'static str, why: &'static str },
    #[error("{actions} soft taints are written or removed, at most {most} may be")]
    SteersTooMany { actions: usize, most: usize },
    #[error("pool {pool:?}: nodes are made to fill last while the other nodes have too little room")]
    SteersWithoutRoom { pool: String },
    #[error("PACK is off, and {node} keeps the soft taint")]
    StaysSteered { node: String },

    // Planning again.
    #[error("planning again on the outcome would {verb} {what}; the plan is not final")]
    NotSettled { verb: &'static str, what: String },
    #[error("planning again on the outcome is refused")]
    RefusedOnOutcome,
}
