//! Node groups of a cloud (on Google Compute Engine: managed instance groups).

use jiff::Timestamp;

use super::{Labels, NodeResources, Taint};

/// A node group as the cloud listed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeGroup {
    /// `zone/name`, or `region/name` for a regional group.
    pub name: String,
    /// The zone that its instances are in; `None` for a regional group.
    pub zone: Option<String>,
    /// The zones in which a regional group may make nodes, where they are known; empty for a zonal group.
    pub zones: Vec<String>,
    /// The requested number of instances.
    pub target_size: u32,
    /// Its instances, with and without a node.
    pub instances: Vec<Instance>,
    /// The node that a new instance would become, if the group's template describes it.
    pub template: Option<NodeTemplate>,
    /// The reason why the group must not grow, if so (an autoscaler is attached, …).
    pub not_growable: Option<String>,
    /// The reason why none of its instances must be deleted, if so (the cloud would delete others in their place, …).
    pub not_shrinkable: Option<String>,
    /// The reason why none of its instances can be parked, if so (the provider cannot, something would recreate it, …).
    pub not_parkable: Option<String>,
    /// The reason why none of its parked instances can be woken, if so.
    pub not_wakeable: Option<String>,
}

/// How a node belongs to the groups of a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The name of the group that its instance belongs to.
    pub group: Option<String>,
    /// The reason why it belongs to none, if so.
    pub outside: Option<String>,
    /// Whether its instance is being deleted.
    pub leaving: bool,
}

/// An instance of a node group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Whether a node of the snapshot runs on it.
    pub has_node: bool,
    /// The time at which it was created; `None` while the cloud has not begun.
    pub created_at: Option<Timestamp>,
    /// The cloud's message, if the creation failed.
    pub creation_error: Option<String>,
    /// Whether it is certain that no node of the cluster runs on it: every node has a provider ID of this cloud, and none
    /// has the instance's ID, name or address.
    pub surely_no_node: bool,
}

/// The node that a new instance would become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTemplate {
    /// Expected `status.allocatable`.
    pub allocatable: NodeResources,
    /// Expected `status.capacity`.
    pub capacity: NodeResources,
    /// Expected labels.
    pub labels: Labels,
    /// Expected taints.
    pub taints: Vec<Taint>,
    /// Whether only the sizes are known: the cloud does not describe the labels and taints of a new node, and the ones here are
    /// some of them.
    pub only_size: bool,
}
