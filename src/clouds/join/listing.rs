//! The listing of a cloud.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube_rebalancer_core::model::NodeTemplate;

/// The node groups of a cloud that a run uses.
#[derive(Clone, Debug)]
pub struct Listing<I> {
    /// The groups.
    pub groups: Vec<ListedGroup<I>>,
    /// The gaps in the listing, a sentence each. With a gap, coming instances are unknown, so no group grows.
    pub gaps: Vec<String>,
    /// Instances that are in none of the groups for a reason that the cloud knows, with a sentence such as
    /// `its instance us-central1-a/a is gone`.
    pub outside: BTreeMap<I, String>,
    /// Nodes that are in none of the groups for a reason of their own, by name, with a sentence such as `its server a has another
    /// name, b`. It concerns no other node that names the same instance.
    pub strays: BTreeMap<String, String>,
    /// The nodes among them that are certainly not the instance that they name, because another one has their name. What they name
    /// counts against no other node.
    pub mistaken: BTreeSet<String>,
    /// The text about an instance that is in none of the groups and not in `outside`: the end of a sentence, such
    /// as `is in no managed instance group`.
    pub elsewhere: String,
}

/// A node group and its instances.
#[derive(Clone, Debug)]
pub struct ListedGroup<I> {
    /// Its name in plans and reports; no other group of the cloud has it.
    pub name: String,
    /// The zone that all its instances are in, if it is one.
    pub zone: Option<String>,
    /// The zones in which it may create instances, if there are several known ones.
    pub zones: Vec<String>,
    /// Its next node, if the cloud describes it.
    pub template: Option<NodeTemplate>,
    /// The requested number of instances.
    pub target_size: u32,
    /// Its instances.
    pub instances: Vec<ListedInstance<I>>,
    /// The reason why it must not be grown, if so.
    pub not_growable: Option<String>,
    /// The reason why none of its instances must be deleted, if so.
    pub not_shrinkable: Option<String>,
    /// The reason why none of its instances can be parked, if so.
    pub not_parkable: Option<String>,
    /// The reason why none of its parked instances can be woken, if so.
    pub not_wakeable: Option<String>,
}

/// An instance of a node group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedInstance<I> {
    /// Its identity.
    pub id: I,
    /// Its name.
    pub name: String,
    /// A number or ID that no other instance ever has, not even one recreated under the same name. `None` while the
    /// cloud has not assigned it.
    pub uid: Option<String>,
    /// Its state.
    pub state: InstanceState,
    /// When it was created, if that was requested.
    pub created_at: Option<Timestamp>,
    /// The cloud's message, if the last try to create it failed.
    pub creation_error: Option<String>,
}

/// The state of an instance, as a run distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// The cloud creates or recreates it.
    Creating,
    /// It runs, or will run soon.
    Present,
    /// It is stopped, suspended or shelved, or being so, and stays so by itself.
    Asleep,
    /// It is being deleted.
    Leaving,
}
