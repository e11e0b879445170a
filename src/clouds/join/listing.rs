//! What a cloud shows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube_rebalancer_core::model::NodeTemplate;

/// The node groups of a cloud, as far as they concern a run.
#[derive(Clone, Debug)]
pub struct Listing<I> {
    /// The groups.
    pub groups: Vec<ListedGroup<I>>,
    /// What could not be seen, a sentence each. What is coming is then not known, so no group is grown.
    pub gaps: Vec<String>,
    /// Instances that are in none of the groups for a reason that the cloud knows, with a sentence such as
    /// `its instance us-central1-a/a is gone`.
    pub outside: BTreeMap<I, String>,
    /// Where an instance is that is in none of the groups and not in `outside`: the end of a sentence, such as
    /// `is in no managed instance group`.
    pub elsewhere: String,
}

/// A node group and its instances.
#[derive(Clone, Debug)]
pub struct ListedGroup<I> {
    /// Its name in plans and reports; no other group of the cloud has it.
    pub name: String,
    /// The zone that all its instances are in, if it is one.
    pub zone: Option<String>,
    /// The zones in which it may make instances, where they are several and known.
    pub zones: Vec<String>,
    /// What its next node would be like, where the cloud tells.
    pub template: Option<NodeTemplate>,
    /// How many instances it was asked to have.
    pub target_size: u32,
    /// Its instances.
    pub instances: Vec<ListedInstance<I>>,
    /// Why it must not be grown, if so.
    pub not_growable: Option<String>,
    /// Why none of its instances must be deleted, if so.
    pub not_shrinkable: Option<String>,
    /// Why none of its instances can be parked, if so.
    pub not_parkable: Option<String>,
    /// Why none of its parked instances can be woken, if so.
    pub not_wakeable: Option<String>,
}

/// An instance of a node group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedInstance<I> {
    /// Its identity.
    pub id: I,
    /// Its name.
    pub name: String,
    /// A number or ID that no other instance ever has, one made anew under the same name included. `None` while the
    /// cloud has not given it.
    pub uid: Option<String>,
    /// What it is doing.
    pub state: InstanceState,
    /// When it was created, where that was asked.
    pub created_at: Option<Timestamp>,
    /// The cloud's own words, if the last try to create it failed.
    pub creation_error: Option<String>,
}

/// What an instance is doing, as far as a run cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// The cloud makes it, or makes it anew.
    Creating,
    /// It runs, or does something else that ends in running.
    Present,
    /// It is stopped, suspended or shelved, or on its way there, and stays so by itself.
    Asleep,
    /// It is going away.
    Leaving,
}
