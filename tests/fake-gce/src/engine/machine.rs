//! Instances, independent of their creator.

use jiff::Timestamp;

use super::path::{GroupPath, InstancePath};

/// The status of an instance that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineStatus {
    /// It gets its resources.
    Provisioning,
    /// It is being prepared for its first boot.
    Staging,
    /// It boots or runs.
    Running,
    /// It is being stopped, in order to be deleted.
    Stopping,
}

impl MachineStatus {
    /// In Compute Engine's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Staging => "STAGING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
        }
    }
}

/// An instance that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Which.
    pub path: InstancePath,
    /// An instance that was created again under the same name has another one.
    pub id: u64,
    /// The time of its creation.
    pub created: Timestamp,
    /// Its status.
    pub status: MachineStatus,
    /// The group that made it.
    pub created_by: Option<GroupPath>,
}

/// The cause of the loss of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// `deleteInstances` named it.
    DeleteInstances,
    /// The group was made smaller, and Compute Engine picked this one.
    Resize,
    /// A regional group evened out its zones, and picked this one.
    Redistribution,
    /// It was deleted or stopped without its group.
    Outside,
    /// It was created again under its name.
    Recreate,
}

/// An instance that was lost while it existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub path: InstancePath,
    /// Its id.
    pub id: u64,
    /// Its status before.
    pub was: MachineStatus,
    /// Why.
    pub cause: Cause,
    /// The time at which it began to stop.
    pub at: Timestamp,
}
