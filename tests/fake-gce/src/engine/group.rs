//! Managed instance groups and their actions on instances.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::path::{GroupPath, InstancePath};

/// The action of a group on an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing.
    None,
    /// Making it, until it succeeds.
    Creating,
    /// Looking whether it is well.
    Verifying,
    /// Creating it again under the same name.
    Recreating,
    /// Taking it away for good.
    Deleting,
}

impl Action {
    /// In Compute Engine's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Creating => "CREATING",
            Self::Verifying => "VERIFYING",
            Self::Recreating => "RECREATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// The error of the last attempt at an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptError {
    /// Its code, such as `ZONE_RESOURCE_POOL_EXHAUSTED`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// An instance as its group sees it, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The action of the group on it.
    pub action: Action,
    /// The errors of the last attempt.
    pub errors: Vec<AttemptError>,
    /// Steps that were planned under another ticket are no longer to be taken.
    pub(super) ticket: u64,
    /// The later it joined, the higher.
    pub(super) joined: u64,
}

/// Whether a regional group moves instances between its zones to even them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redistribution {
    /// It does: it deletes running ones. This is Google's default.
    Proactive,
    /// It does not.
    None,
}

impl Redistribution {
    /// In Compute Engine's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Proactive => "PROACTIVE",
            Self::None => "NONE",
        }
    }
}

/// A managed instance group.
#[derive(Debug, Clone)]
pub(crate) struct ManagedGroup {
    pub(crate) path: GroupPath,
    pub(crate) id: u64,
    pub(crate) created: Timestamp,
    pub(crate) base_instance_name: String,
    /// The path of its instance template within the project.
    pub(crate) template: String,
    pub(crate) target_size: usize,
    /// The zones that it may use: its own, or several of its region.
    pub(crate) zones: Vec<String>,
    pub(crate) redistribution: Redistribution,
    /// The name of an autoscaler that is attached to it.
    pub(crate) autoscaler: Option<String>,
    /// Whether `listManagedInstances` has pages; by default of Google it has none.
    pub(crate) paginated: bool,
    pub(crate) members: BTreeMap<InstancePath, Member>,
}

impl ManagedGroup {
    /// The path of its instance template.
    pub(crate) fn template_path(&self) -> String {
        format!("projects/{}/{}", self.path.project, self.template)
    }

    /// The members that are to stay.
    pub(super) fn staying(&self) -> impl Iterator<Item = (&InstancePath, &Member)> {
        self.members.iter().filter(|(_, member)| member.action != Action::Deleting)
    }

    /// The number of members to keep in each zone, in the order of the zones.
    pub(super) fn spread(&self) -> Vec<(&str, usize)> {
        let count = |zone: &str| self.staying().filter(|(path, _)| path.zone == zone).count();
        self.zones.iter().map(|zone| (zone.as_str(), count(zone))).collect()
    }

    /// The zone for one more member: the emptiest, and of several the first.
    pub(super) fn emptiest_zone(&self) -> Option<String> {
        self.spread().into_iter().min_by_key(|(_, count)| *count).map(|(zone, _)| zone.to_owned())
    }

    /// The zone to take a member from: the fullest, and of several the first.
    pub(super) fn fullest_zone(&self) -> Option<String> {
        self.spread().into_iter().rev().max_by_key(|(_, count)| *count).map(|(zone, _)| zone.to_owned())
    }

    /// Whether nothing is being done to any instance.
    pub(crate) fn is_stable(&self) -> bool {
        self.members.values().all(|member| member.action == Action::None)
    }
}
