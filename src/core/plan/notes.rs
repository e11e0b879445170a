//! The limits and warnings of a plan: settings that changed a number, and facts that an operator should know.

mod objects;

use std::sync::Arc;

use super::reason::{Elapsed, Reason, among, excerpt, plural, reasons};
use super::utilization::Utilization;
use crate::model::Resource;
use crate::policy::PartsPerMillion;

/// Above this number, the exact number of nodes does not help an operator and is not computed.
pub(super) const ENOUGH_NODES: usize = 10_000;

/// A number of nodes, or `more than` the largest number that is computed.
fn needed(nodes: usize) -> String {
    if nodes > ENOUGH_NODES { format!("more than {ENOUGH_NODES} nodes") } else { plural(nodes, "node") }
}

reasons! {
    /// A setting that changed a number of the plan.
    Limit {
        /// Fewer nodes would have been enough.
        MinNodes {
            /// Nodes that the utilization needs.
            asked: usize,
            /// Nodes left in service.
            allowed: usize,
        } => ("MIN_NODES: {} would be enough, {allowed} kept in service", plural(*.asked, "node")),
        /// More nodes would have been needed, or serve, than `MAX_NODES` allows.
        MaxNodes {
            /// Nodes that the utilization needs.
            asked: usize,
            /// Nodes left in service.
            allowed: usize,
            /// The utilization with these nodes.
            utilization: Utilization,
            /// `MAX_UTILIZATION`.
            max: PartsPerMillion,
        } => (
            "MAX_NODES: {} needed, {allowed} may serve; utilization is then {utilization} (MAX_UTILIZATION is {max})",
            needed(*.asked)
        ),
        /// More nodes must be kept than `MAX_NODES`; they are kept anyway.
        MustKeep {
            /// Nodes that must be kept.
            asked: usize,
            /// `MAX_NODES`.
            allowed: usize,
        } => ("MAX_NODES: {asked} nodes must be kept, which is more than {allowed}; they are kept all the same"),
        /// Waiting pods need more new nodes than may be created.
        WaitingPods {
            /// New nodes that would take them.
            asked: usize,
            /// New nodes that may be created.
            allowed: usize,
        } => ("MAX_NODES: waiting pods need {}, {allowed} may be created", plural(*.asked, "new node")),
        /// More cordons than one run may make.
        MaxCordons {
            /// Cordons that the choice asks for.
            asked: usize,
            /// Cordons in the plan.
            allowed: usize,
        } => ("MAX_CORDONS: {} asked for, {allowed} made", plural(*.asked, "cordon")),
        /// More deletions than one run may make.
        MaxDeletions {
            /// Nodes that could be deleted.
            asked: usize,
            /// Deletions in the plan.
            allowed: usize,
        } => ("MAX_DELETIONS: {} could be deleted, {allowed} deleted in this run", plural(*.asked, "node")),
        /// More evictions than one run may make.
        MaxEvictions {
            /// Pods that could be evicted.
            asked: usize,
            /// Evictions in the plan.
            allowed: usize,
        } => ("MAX_EVICTIONS: {} could be evicted, {allowed} evicted in this run", plural(*.asked, "pod")),
        /// More new nodes than one run may create.
        MaxCreations {
            /// New nodes that the choice asks for.
            asked: usize,
            /// New nodes in the plan.
            allowed: usize,
        } => ("MAX_CREATIONS: {} asked for, {allowed} created in this run", plural(*.asked, "new node")),
    }
}

impl Limit {
    /// The setting of the limit, the requested number, and the allowed number.
    #[must_use]
    pub fn numbers(&self) -> (&'static str, usize, usize) {
        match *self {
            Self::MinNodes { asked, allowed } => ("MIN_NODES", asked, allowed),
            Self::MaxNodes { asked, allowed, .. }
            | Self::MustKeep { asked, allowed }
            | Self::WaitingPods { asked, allowed } => ("MAX_NODES", asked, allowed),
            Self::MaxCordons { asked, allowed } => ("MAX_CORDONS", asked, allowed),
            Self::MaxDeletions { asked, allowed } => ("MAX_DELETIONS", asked, allowed),
            Self::MaxEvictions { asked, allowed } => ("MAX_EVICTIONS", asked, allowed),
            Self::MaxCreations { asked, allowed } => ("MAX_CREATIONS", asked, allowed),
        }
    }
}

reasons! {
    /// Something that an operator should know.
    Warning {
        /// The pod is larger than any existing or possible node.
        FitsNowhere {
            /// `namespace/name`.
            pod: String,
            /// What the nearest node lacks.
            why: String,
        } => ("pod {pod} fits no node, even an empty one, and its request is ignored: {}", excerpt(.why)),
        /// The pod has waited for long, and its scheduler neither binds nor refuses it.
        Unanswered {
            /// `namespace/name`.
            pod: String,
            /// Since its creation.
            age: Elapsed,
        } => ("pod {pod} has waited for {age}, and no scheduler binds or refuses it: see its schedulerName, and whether that scheduler runs"),
        /// The pod has waited for long, and its scheduler fails to bind it.
        SchedulerFails {
            /// `namespace/name`.
            pod: String,
            /// Since its creation.
            age: Elapsed,
            /// The scheduler's own words.
            message: Arc<str>,
        } => ("pod {pod} has waited for {age}, and its scheduler fails to bind it: {}", excerpt(.message)),
        /// A scheduling gate holds the pod back.
        Gated {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} is held back by a scheduling gate; its request is ignored"),
        /// Waiting pods of more kinds than a run considers.
        TooManyKinds {
            /// One of the pods beyond them, `namespace/name`.
            pod: String,
            /// The number of these pods.
            pods: usize,
        } => (
            "waiting pods differ in their requests and constraints in more ways than a run considers; no node is created or uncordoned for {}",
            among(*.pods, "pod", .pod)
        ),
        /// The pod would fit an existing node, but that is full, and no new node would take it.
        NoRoom {
            /// `namespace/name`.
            pod: String,
            /// The reason why no node is created for it.
            why: String,
        } => ("pod {pod} waits: the nodes that could take it are full, and {}", excerpt(.why)),
        /// The pod fits a serving node by its requests, but the scheduler refuses it.
        RefusedByScheduler {
            /// `namespace/name`.
            pod: String,
            /// The node.
            node: String,
            /// The scheduler's own words.
            message: Arc<str>,
        } => ("pod {pod} fits on {node} by its requests, but the scheduler says: {}", excerpt(.message)),
        /// The new node that was created for the pod did not take it.
        NewNodeDidNotHelp {
            /// `namespace/name`.
            pod: String,
            /// The group.
            group: String,
            /// What the new node lacks, or that it still boots.
            lacks: String,
        } => ("pod {pod} waits: node group {group} is not grown for it again yet: {}", excerpt(.lacks)),
        /// Only a reserved node would take the pod.
        NeedsReserved {
            /// `namespace/name`.
            pod: String,
            /// The taint that reserves it.
            taint: String,
        } => ("pod {pod} waits for a node with the taint {taint}, which is reserved; POOL_LABEL makes such nodes a pool of their own"),
        /// Nodes are reserved by a taint.
        Reserved {
            /// The taint.
            taint: String,
            /// One of the nodes.
            node: String,
            /// The number.
            nodes: usize,
        } => (
            "reserved by the taint {taint}: {}; NODE_SELECTOR leaves such nodes out, POOL_LABEL makes them a pool",
            among(*.nodes, "node", .node)
        ),
        /// Windows nodes are reserved: few of the pool's pods ask for one.
        ReservedWindows {
            /// One of the nodes.
            node: String,
            /// The number.
            nodes: usize,
        } => (
            "reserved, because few pods ask for Windows: {}; NODE_SELECTOR leaves such nodes out, POOL_LABEL makes them a pool",
            among(*.nodes, "node", .node)
        ),
        /// Common nodes have lasting taints that some users' pods do not tolerate, and others have not.
        SeveralKinds {
            /// The taint that keeps most of them away.
            taint: String,
            /// One of the nodes.
            node: String,
            /// The number.
            nodes: usize,
            /// The number of users' pods that do not tolerate it.
            pods: usize,
            /// A label by which such nodes differ from the others; empty where none is known.
            label: String,
        } => (
            "nodes with the taint {taint} count as capacity for every user, but {} not tolerate it: {}; {} plans them separately",
            users_pods(*.pods),
            among(*.nodes, "node", .node),
            pool_label(.label)
        ),
        /// The size of a new node is unknown, so few are created.
        UnknownNewNode {
            /// The maximum.
            allowed: usize,
        } => ("the size of a new node is not known: at most {} created in this run", plural(*.allowed, "node")),
        /// A new node would be full of its own daemons.
        DaemonsFillNewNode {
            /// The group; empty where it is not known.
            group: String,
            /// The resource.
            resource: Resource,
            /// The requests of its daemons.
            daemons: u64,
            /// Its capacity.
            capacity: u64,
        } => (
            "a new node{} would be filled by its own daemon pods: {} of {} {resource}",
            of_group(.group),
            .resource.show(*.daemons),
            .resource.show(*.capacity)
        ),
        /// A new node would take no user's pod.
        NobodyReachesNewNode {
            /// The group; empty where it is not known.
            group: String,
        } => ("a new node{} would take no user's pod; none is created", of_group(.group)),
        /// Pods without a memory request are invisible to the utilization.
        NoMemoryRequest {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number.
            pods: usize,
        } => ("no memory is requested, so none is counted, by {}", among(*.pods, "pod", .pod)),
        /// A memory request of thousandths of a byte is a mistake in its unit.
        MillibyteRequest {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number.
            pods: usize,
        } => (
            "memory is requested in millibytes (the suffix m) by {}; Mi was probably meant",
            among(*.pods, "pod", .pod)
        ),
        /// No pod is a user's by `PREEMPTIBLE_LABELS`.
        NoUserPods {
            /// The keys of `PREEMPTIBLE_LABELS`, with `:` between them; empty if there are none.
            keys: String,
        } => ("{}, so every pod is critical and keeps its node", no_user_pods(.keys)),
        /// The pods of one namespace only are visible.
        OneNamespace {
            /// The namespace.
            namespace: String,
        } => ("all pods are in namespace {namespace}: kubectl get pods needs -A to list every namespace"),
        /// Another autoscaler acts on the same nodes.
        OtherAutoscaler {
            /// The autoscaler.
            actor: String,
            /// One of the nodes.
            node: String,
            /// The label or annotation that shows it.
            mark: String,
        } => ("{actor} also scales nodes such as {node} ({mark}); two autoscalers undo each other's work"),
        /// A Ready node that offers nothing of a deciding resource does not serve.
        NoCapacity {
            /// The node.
            node: String,
            /// The resource.
            resource: Resource,
        } => ("node {node} is Ready but reports no {resource}; it does not serve"),
        /// A node reports far more than its group's other nodes.
        BeyondMedian {
            /// The node.
            node: String,
            /// The resource.
            resource: Resource,
            /// The reported amount.
            reported: u64,
            /// The amount that counts: the median of its group.
            counted: u64,
        } => (
            "node {node} reports {} of {resource}, more than four times the median of its group; {} counts",
            .resource.show(*.reported),
            .resource.show(*.counted)
        ),
        /// A pod asks for more than its node has.
        BeyondNode {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number.
            pods: usize,
        } => (
            "a request larger than the node counts only as what the node has: {}",
            among(*.pods, "pod", .pod)
        ),
        /// A mark of ours that is not a time counts as absent.
        BadMark {
            /// The node.
            node: String,
            /// The annotation's key.
            annotation: String,
            /// Its value.
            value: String,
        } => ("node {node}: annotation {annotation} is not an RFC 3339 time: {:?}", excerpt(.value)),
        /// Nodes are not in use.
        NotInUse {
            /// The missing resource or the startup taint.
            what: String,
            /// One of the nodes.
            node: String,
            /// The number.
            nodes: usize,
        } => ("not in use, {}: {}", excerpt(.what), among(*.nodes, "node", .node)),
        /// A group is not grown.
        GroupNotGrown {
            /// The group; empty where it is not known.
            group: String,
            /// The reason.
            why: String,
        } => ("{} in this run: {}", not_grown(.group), excerpt(.why)),
        /// Nothing is deleted from a group.
        GroupNotShrunk {
            /// The group.
            group: String,
            /// The reason.
            why: String,
        } => ("nothing is deleted from node group {group}: {}", excerpt(.why)),
        /// A setting names pools that the cluster does not have.
        UnknownPool {
            /// The setting.
            setting: String,
            /// One of the pools that it names.
            pool: String,
            /// The number of such pools.
            unknown: usize,
            /// The pools of the cluster, with commas between them.
            known: String,
        } => (
            "{setting} names {}, but no node and no node group belongs to {}; {}",
            among(*.unknown, "pool", .pool),
            if *.unknown == 1 { "it" } else { "them" },
            known_pools(.known)
        ),
        /// A group without nodes belongs to no pool.
        GroupWithoutPool {
            /// The group.
            group: String,
        } => ("node group {group} belongs to no pool: it has no nodes, and neither its template nor NODE_GROUPS=pool=group names one"),
    }
}

fn no_user_pods(keys: &str) -> String {
    if keys.is_empty() {
        "PREEMPTIBLE_LABELS names no label key".to_owned()
    } else {
        format!("no pod carries a label key of PREEMPTIBLE_LABELS={}", excerpt(keys))
    }
}

fn users_pods(pods: usize) -> String {
    if pods == 1 { "1 user's pod does".to_owned() } else { format!("{pods} users' pods do") }
}

fn pool_label(label: &str) -> String {
    if label.is_empty() {
        "POOL_LABEL with a label by which these nodes differ from others".to_owned()
    } else {
        format!("POOL_LABEL={}", excerpt(label))
    }
}

fn known_pools(known: &str) -> String {
    if known.is_empty() {
        "there are no pools".to_owned()
    } else {
        format!("the pools are {}", excerpt(known))
    }
}

fn not_grown(group: &str) -> String {
    if group.is_empty() {
        "no node is created".to_owned()
    } else {
        format!("node group {group} is not grown")
    }
}

fn of_group(group: &str) -> String {
    if group.is_empty() { String::new() } else { format!(" of {group}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_group_is_known_none_is_named() {
        let of = |group: &str| {
            Warning::GroupNotGrown { group: group.into(), why: "it is late".into() }.to_string()
        };
        assert_eq!(of("z1/users"), "node group z1/users is not grown in this run: it is late");
        assert_eq!(of(""), "no node is created in this run: it is late");
    }
}
