//! An adapter of Google's client to this program's types.
//!
//! ```text
//!   connect: credentials --> Client
//!                              |
//!   ComputeEngine method --> Call: tries, pauses, what may have changed --> Managers: zonal or regional
//!                              |                                              |
//!        pages followed, operations waited for, answers converted        Transport --> http: bounded answers
//! ```
//!
//! The client has a transport of ours: its own has no bound on an answer. Its retries lack the following: whether an
//! earlier try of a change may have been carried out, `Retry-After`, a limit on a silent metadata server, and POST
//! requests that are safe to send twice.

mod anything;
mod call;
mod connect;
mod convert;
mod credentials;
mod failure;
mod http;
mod managers;
mod operation;
mod pages;
mod templates;
#[cfg(test)]
mod tests;
mod transport;
mod words;

pub use anything::read_answer;
pub use connect::{ConnectOptions, Connecting, connect};

use std::time::Duration;

use async_trait::async_trait;
use google_cloud_compute::client::{InstanceGroupManagers, Instances, RegionInstanceGroupManagers};
use google_cloud_compute::model;
use google_cloud_gax::options::RequestOptionsBuilder;
use jiff::Timestamp;

use crate::MAX_DELETED_AT_ONCE;
use crate::engine::{ComputeEngine, Group, GroupList, InstanceTemplate, MachineType, ManagedInstance};
use crate::error::{ComputeError, ErrorKind};
use crate::name::{GroupId, InstanceId, MachineTypeId, ProjectId, TemplateId};
use call::{Call, Pace};
use managers::Managers;
use templates::Templates;

/// The name of this program in Compute Engine's audit log.
const USER_AGENT: &str = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));

/// A connection to Compute Engine.
#[derive(Debug)]
struct Client {
    zonal: InstanceGroupManagers,
    regional: RegionInstanceGroupManagers,
    instances: Instances,
    templates: Templates,
    pace: Pace,
    /// Maximum time of waiting for an operation.
    operation_timeout: Duration,
}

#[async_trait]
impl ComputeEngine for Client {
    async fn groups(&self, project: &ProjectId) -> Result<GroupList, ComputeError> {
        let call = Call::read(format!("list the instance groups of project {project}"), self.pace);
        let pages = pages::all(&call, pages::MOST, |token| async move {
            let request = self.zonal.aggregated_list().set_project(project.as_str());
            let request = request.set_max_results(pages::SIZE).set_or_clear_page_token(token);
            let page = request.with_user_agent(USER_AGENT).send().await?;
            let next = page.next_page_token.clone();
            Ok((page, next))
        });
        convert::group_list(pages.await?).map_err(|words| call.not_understood(&words))
    }

    async fn group(&self, group: &GroupId) -> Result<Group, ComputeError> {
        self.read_group(Call::read(format!("read group {group}"), self.pace), group).await
    }

    async fn instances(&self, group: &GroupId) -> Result<Vec<ManagedInstance>, ComputeError> {
        let call = Call::read(format!("list the instances of group {group}"), self.pace);
        let managers = self.managers(group);
        let pages =
            pages::all(&call, pages::MOST_OF_A_GROUP, |token| managers.list_managed_instances(token)).await?;
        let instances = pages.into_iter().flatten().map(convert::managed_instance);
        instances.collect::<Result<_, _>>().map_err(|words| call.not_understood(&words))
    }

    async fn created_at(&self, instance: &InstanceId) -> Result<Option<Timestamp>, ComputeError> {
        let call = Call::read(format!("read instance {instance}"), self.pace);
        match self.instance(&call, instance).await {
            Ok(found) => convert::created_at(&found).map(Some).map_err(|words| call.not_understood(&words)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn state(&self, instance: &InstanceId) -> Result<Option<String>, ComputeError> {
        let call = Call::read(format!("read instance {instance}"), self.pace);
        match self.instance(&call, instance).await {
            Ok(found) => {
                convert::state(found, instance).map(Some).map_err(|words| call.not_understood(&words))
            }
            // A missing zone or project, and a path that is not of this API, are other words.
            Err(error) if error.kind == ErrorKind::NotFound && names(&error, instance) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn template(&self, template: &TemplateId) -> Result<InstanceTemplate, ComputeError> {
        self.templates.template(template, self.pace).await
    }

    async fn machine_type(&self, machine_type: &MachineTypeId) -> Result<MachineType, ComputeError> {
        self.templates.machine_type(machine_type, self.pace).await
    }

    async fn resize(&self, group: &GroupId, size: u32, request_id: &str) -> Result<(), ComputeError> {
        let call = Call::change(format!("set the size of group {group} to {size}"), self.pace);
        call.check_request_id(request_id)?;
        let size_sent = i32::try_from(size).map_err(|_| call.refused("expected at most 2147483647"))?;
        let managers = self.managers(group);
        let resize = || managers.resize(size_sent, request_id);
        let operation = call.make_while(resize, || self.has_at_most(group, size)).await?;
        operation::finish(&call, &managers, operation, self.operation_timeout).await
    }

    async fn delete_instances(
        &self,
        group: &GroupId,
        instances: &[InstanceId],
        request_id: &str,
    ) -> Result<(), ComputeError> {
        // Before every try of a deletion, the caller reads node and pods again.
        let call = Call::change(format!("delete {} of group {group}", told(instances)), self.pace).once();
        call.check_request_id(request_id)?;
        if instances.is_empty() {
            return Ok(());
        }
        if instances.len() > MAX_DELETED_AT_ONCE {
            return Err(call.refused(&format!("expected at most {MAX_DELETED_AT_ONCE} at once")));
        }
        // The request names instances by zone and name, in the group's project.
        let elsewhere = |instance: &&InstanceId| {
            instance.project() != group.project() || !group.location().contains(instance.zone())
        };
        if let Some(instance) = instances.iter().find(elsewhere) {
            let (project, own) = (instance.project(), group.project());
            let words = format!(
                "instance {instance} of project {project} cannot be one of its group in project {own}"
            );
            return Err(call.refused(&words));
        }
        let urls: Vec<String> = instances.iter().map(InstanceId::partial_url).collect();
        let managers = self.managers(group);
        let operation = call.make(|| managers.delete_instances(&urls, request_id)).await?;
        operation::finish(&call, &managers, operation, self.operation_timeout).await
    }
}

impl Client {
    async fn read_group(&self, call: Call, group: &GroupId) -> Result<Group, ComputeError> {
        let managers = self.managers(group);
        let found = call.make(|| managers.get()).await?;
        convert::group(found)
            .and_then(|found| convert::expected(found, group))
            .map_err(|words| call.not_understood(&words))
    }

    /// Fails if a group has more instances than `size`: a request for that size would shrink it. A single try, because it is
    /// part of another request's tries.
    async fn has_at_most(&self, group: &GroupId, size: u32) -> Result<(), ComputeError> {
        let call = Call::read(format!("read group {group} again"), self.pace).once();
        let now = self.read_group(call, group).await?.target_size;
        if now <= size {
            return Ok(());
        }
        let message = format!("another client enlarged it to {now} meanwhile");
        Err(ComputeError { kind: ErrorKind::Other, unchanged: true, message })
    }

    async fn instance(&self, call: &Call, instance: &InstanceId) -> Result<model::Instance, ComputeError> {
        let asked = call.make(|| {
            let request = self.instances.get().set_project(instance.project().as_str());
            let request = request.set_zone(instance.zone().as_str()).set_instance(instance.name());
            request.with_user_agent(USER_AGENT).send()
        });
        asked.await
    }

    fn managers<'a>(&'a self, group: &'a GroupId) -> Managers<'a> {
        Managers::of(&self.zonal, &self.regional, group)
    }
}

/// Whether Compute Engine's words name exactly this instance as not found.
fn names(error: &ComputeError, instance: &InstanceId) -> bool {
    let url = format!("projects/{}/{}", instance.project(), instance.partial_url());
    error.message.contains(&format!("The resource '{url}' was not found"))
}

/// Names one instance, counts several.
fn told(instances: &[InstanceId]) -> String {
    match instances {
        [one] => format!("instance {one}"),
        several => format!("{} instances", several.len()),
    }
}
