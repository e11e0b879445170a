//! The requests to Compute Engine and its answers, in its own terms.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::ComputeError;
use crate::name::{GroupId, InstanceId, MachineTypeId, ProjectId, TemplateId, Zone};

/// Compute Engine. Every method ends by itself, but possibly late: callers bound it by the time of their run.
///
/// Changes take a request id (a UUID): a retry with the same one is the same change to Compute Engine.
#[async_trait]
pub trait ComputeEngine: Debug + Send + Sync {
    /// The managed instance groups of a project, zonal and regional: `instanceGroupManagers.aggregatedList`.
    async fn groups(&self, project: &ProjectId) -> Result<GroupList, ComputeError>;

    /// One group: `instanceGroupManagers.get`.
    async fn group(&self, group: &GroupId) -> Result<Group, ComputeError>;

    /// The instances of a group, all pages: `instanceGroupManagers.listManagedInstances`.
    async fn instances(&self, group: &GroupId) -> Result<Vec<ManagedInstance>, ComputeError>;

    /// The time at which an instance was created: `instances.get`. `None` if it is gone.
    async fn created_at(&self, instance: &InstanceId) -> Result<Option<Timestamp>, ComputeError>;

    /// The state of an instance, such as `RUNNING`: `instances.get`. `None` only if Compute Engine says of exactly this instance
    /// that it is not found; another answer of this kind is an error.
    async fn state(&self, instance: &InstanceId) -> Result<Option<String>, ComputeError>;

    /// The instance template of a group: `instanceTemplates.get`, `regionInstanceTemplates.get`.
    async fn template(&self, template: &TemplateId) -> Result<InstanceTemplate, ComputeError>;

    /// The size of a machine type: `machineTypes.get`.
    async fn machine_type(&self, machine_type: &MachineTypeId) -> Result<MachineType, ComputeError>;

    /// Sets the desired number of instances of a group, and waits for the operation: `instanceGroupManagers.resize`. With a
    /// smaller number Compute Engine chooses the instances to delete, so callers only ask for more.
    async fn resize(&self, group: &GroupId, size: u32, request_id: &str) -> Result<(), ComputeError>;

    /// Deletes instances of a group, at most [`MAX_DELETED_AT_ONCE`](crate::MAX_DELETED_AT_ONCE), lowers the group's size by as
    /// many, and waits for the operation: `instanceGroupManagers.deleteInstances` with `skipInstancesOnValidationError`. A
    /// finished operation only means *scheduled*, and some instances may have been skipped: [`Self::instances`] shows them.
    async fn delete_instances(
        &self,
        group: &GroupId,
        instances: &[InstanceId],
        request_id: &str,
    ) -> Result<(), ComputeError>;
}

/// The groups of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupList {
    /// The listed groups.
    pub groups: Vec<Group>,
    /// Zones and regions that did not answer, such as `zones/us-central1-a`.
    pub unreachable: Vec<String>,
}

/// A managed instance group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its identity.
    pub id: GroupId,
    /// `baseInstanceName`: the names of its instances begin with it, as a rule.
    pub base_instance_name: String,
    /// `targetSize`: the desired number of instances.
    pub target_size: u32,
    /// `status.isStable`.
    pub is_stable: bool,
    /// `status.autoscaler`: the autoscaler that is attached to it, as a URL.
    pub autoscaler: Option<String>,
    /// `updatePolicy.instanceRedistributionType` of a regional group, such as `PROACTIVE` or `NONE`.
    pub redistribution: Option<String>,
    /// The zones of `distributionPolicy` of a regional group.
    pub zones: Vec<Zone>,
    /// The instance template of new instances: `instanceTemplate`, or of several `versions` the one without a size of
    /// its own.
    pub template: Option<TemplateId>,
    /// Whether `instanceFlexibilityPolicy` lets the group take other machine types than the template's.
    pub mixed_machine_types: bool,
}

/// The fields of an instance template that describe a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceTemplate {
    /// `properties.machineType`, such as `e2-standard-4`.
    pub machine_type: String,
    /// The number of NVIDIA devices among `properties.guestAccelerators`.
    pub gpus: u64,
    /// The metadata item `kube-env`, with which GKE sets up the kubelet.
    pub kube_env: Option<String>,
}

/// The size of a machine type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineType {
    /// `guestCpus`.
    pub cpus: u64,
    /// `memoryMb`, which counts mebibytes.
    pub memory_mib: u64,
    /// The number of NVIDIA devices among `accelerators`.
    pub gpus: u64,
    /// Whether `architecture` is `ARM64`.
    pub is_arm: bool,
}

/// An instance of a managed instance group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedInstance {
    /// Its identity.
    pub instance: InstanceId,
    /// The number that Compute Engine gave it; an instance recreated under the same name has another one. `None` while it does
    /// not exist.
    pub number: Option<u64>,
    /// `instanceStatus`, such as `RUNNING`; `None` while it does not exist.
    pub status: Option<String>,
    /// `currentAction`.
    pub action: CurrentAction,
    /// `lastAttempt.errors`.
    pub errors: Vec<InstanceError>,
}

/// The action of a group on one of its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CurrentAction {
    /// Nothing.
    None,
    /// It is being created, recreated, or verified for the first time: `CREATING`, `CREATING_WITHOUT_RETRIES`, `RECREATING`,
    /// `VERIFYING`.
    Creating,
    /// It is leaving the group: `DELETING`, `ABANDONING`.
    Leaving,
    /// Anything else, in Compute Engine's word: `RESTARTING`, `REFRESHING`, `STOPPING`, ….
    Other(String),
}

/// The reason why the last attempt at an instance failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceError {
    /// The code, such as `ZONE_RESOURCE_POOL_EXHAUSTED` or `QUOTA_EXCEEDED`.
    pub code: String,
    /// The message, a sentence.
    pub message: String,
}
