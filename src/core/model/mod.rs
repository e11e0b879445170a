//! The nouns: an observed cluster in Kubernetes' terms, with only the fields that a decision needs.

mod alike;
mod eviction;
mod group;
mod history;
mod kinds;
mod label;
mod labels;
mod ledger;
mod machine;
mod node;
mod pod;
mod quantity;
mod resources;
mod schedule;
mod snapshot;
mod usage;
mod volume;

pub use alike::fingerprint;
pub use eviction::{DisruptionBudget, EvictionFacts, MOST_CONTROLLERS};
pub use group::{Instance, Membership, NodeGroup, NodeTemplate};
pub use history::{History, LARGEST_PEAK, SLOTS_KEPT, Series, Slot, rounded, unit as history_unit};
pub use label::{LabelSelector, Operator, Requirement, is_label_of_place};
pub use labels::Labels;
pub use ledger::{CLOCK_SKEW, CreatedFor, LastingTaint, Ledger, TaintSet, is_size_key, size_key};
pub use machine::MachineFate;
pub use node::{
    Node, NodeResources, ReadyCondition, STORAGE_LABELS, STORAGELESS, Taint, TaintEffect, annotation, taint,
};
pub use pod::{
    Affinity, Bond, Constraints, Controller, ControllerKey, Pod, SESSION_LABELS, SchedulerRefusal,
    SelectorTerm, Stay, TolerableValue, Toleration, Unbound, session_label,
};
pub use quantity::{QuantityError, parse_bytes, parse_count, parse_millicores};
pub use resources::{Amounts, Bytes, FurtherAmounts, Millicores, Resource, is_extended_resource};
pub use schedule::{Assignment, Rule, Weekdays, Window};
pub use snapshot::{Binding, Snapshot, SnapshotError};
pub use usage::{Measured, PodSample, Sample};
pub use volume::{
    ClaimKey, StoredVolume, StoredVolumes, Volumes, is_of_the_host_of_its_pod, of_no_claim,
    of_the_host_of_its_pod,
};

/// The index of a node in [`Snapshot::nodes`].
pub type NodeIndex = usize;
