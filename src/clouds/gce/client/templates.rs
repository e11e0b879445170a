//! Instance templates and machine types.

use google_cloud_compute::client::{InstanceTemplates, MachineTypes, RegionInstanceTemplates};
use google_cloud_compute::model::{InstanceTemplate as Template, MachineType as Machine};
use google_cloud_gax::options::RequestOptionsBuilder;

use super::USER_AGENT;
use super::call::{Call, Pace};
use crate::engine::{InstanceTemplate, MachineType};
use crate::error::ComputeError;
use crate::name::{MachineTypeId, TemplateId};

/// The metadata item with which GKE sets up the kubelet.
const KUBE_ENV: &str = "kube-env";

/// The prefix of the names of NVIDIA's accelerators.
const NVIDIA: &str = "nvidia-";

/// The clients of the collections that describe a new instance.
#[derive(Debug)]
pub(super) struct Templates {
    pub(super) global: InstanceTemplates,
    pub(super) regional: RegionInstanceTemplates,
    pub(super) machine_types: MachineTypes,
}

impl Templates {
    /// Reads a template.
    pub(super) async fn template(
        &self,
        id: &TemplateId,
        pace: Pace,
    ) -> Result<InstanceTemplate, ComputeError> {
        let call = Call::read(format!("read instance template {id}"), pace);
        let project = id.project().as_str();
        let found = match id.region() {
            Some(region) => {
                call.make(|| {
                    let request = self.regional.get().set_project(project).set_region(region.as_str());
                    request.set_instance_template(id.name()).with_user_agent(USER_AGENT).send()
                })
                .await?
            }
            None => {
                call.make(|| {
                    let request = self.global.get().set_project(project);
                    request.set_instance_template(id.name()).with_user_agent(USER_AGENT).send()
                })
                .await?
            }
        };
        template(found).map_err(|words| call.not_understood(words))
    }

    /// Reads a machine type.
    pub(super) async fn machine_type(
        &self,
        id: &MachineTypeId,
        pace: Pace,
    ) -> Result<MachineType, ComputeError> {
        let call = Call::read(format!("read machine type {id}"), pace);
        let found = call.make(|| {
            let request = self.machine_types.get().set_project(id.project().as_str());
            let request = request.set_zone(id.zone().as_str()).set_machine_type(id.name());
            request.with_user_agent(USER_AGENT).send()
        });
        machine_type(&found.await?).map_err(|words| call.not_understood(words))
    }
}

pub(super) fn template(found: Template) -> Result<InstanceTemplate, &'static str> {
    let properties = found.properties.ok_or("the template has no properties")?;
    let machine_type = properties.machine_type.ok_or("the template has no machineType")?;
    let mut items = properties.metadata.unwrap_or_default().items.into_iter();
    let gpus = properties.guest_accelerators.iter();
    Ok(InstanceTemplate {
        machine_type: machine_type.rsplit('/').next().unwrap_or_default().to_owned(),
        gpus: gpus.map(|kind| count(kind.accelerator_type.as_deref(), kind.accelerator_count)).sum(),
        kube_env: items.find(|item| item.key.as_deref() == Some(KUBE_ENV)).and_then(|item| item.value),
    })
}

pub(super) fn machine_type(found: &Machine) -> Result<MachineType, &'static str> {
    let positive = |amount: Option<i32>| u64::try_from(amount?).ok().filter(|amount| *amount > 0);
    let gpus = found.accelerators.iter();
    Ok(MachineType {
        cpus: positive(found.guest_cpus).ok_or("the machine type has no guestCpus")?,
        memory_mib: positive(found.memory_mb).ok_or("the machine type has no memoryMb")?,
        gpus: gpus
            .map(|kind| count(kind.guest_accelerator_type.as_deref(), kind.guest_accelerator_count))
            .sum(),
        is_arm: found.architecture.as_ref().and_then(|kind| kind.name()) == Some("ARM64"),
    })
}

/// The number of NVIDIA devices of these accelerators. The name may be a whole URL.
fn count(kind: Option<&str>, count: Option<i32>) -> u64 {
    let name = kind.and_then(|kind| kind.rsplit('/').next()).unwrap_or_default();
    if name.starts_with(NVIDIA) { u64::try_from(count.unwrap_or_default()).unwrap_or_default() } else { 0 }
}
