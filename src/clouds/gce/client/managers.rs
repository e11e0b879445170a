//! One interface for the zonal and the regional half of the API, which have the same methods on different
//! types.

use google_cloud_compute::Result;
use google_cloud_compute::client::{InstanceGroupManagers, RegionInstanceGroupManagers};
use google_cloud_compute::model::{
    InstanceGroupManager, InstanceGroupManagersDeleteInstancesRequest, ManagedInstance, Operation,
    RegionInstanceGroupManagersDeleteInstancesRequest,
};
use google_cloud_gax::options::RequestOptionsBuilder;

use super::{USER_AGENT, pages};
use crate::name::{GroupId, Location};

/// The requests about one group, each a single try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Managers<'a> {
    project: &'a str,
    name: &'a str,
    at: At<'a>,
}

#[derive(Clone, Copy, Debug)]
enum At<'a> {
    Zone(&'a InstanceGroupManagers, &'a str),
    Region(&'a RegionInstanceGroupManagers, &'a str),
}

impl<'a> Managers<'a> {
    pub(super) fn of(
        zonal: &'a InstanceGroupManagers,
        regional: &'a RegionInstanceGroupManagers,
        group: &'a GroupId,
    ) -> Self {
        let at = match group.location() {
            Location::Zone(zone) => At::Zone(zonal, zone.as_str()),
            Location::Region(region) => At::Region(regional, region.as_str()),
        };
        Self { project: group.project().as_str(), name: group.name(), at }
    }

    pub(super) async fn get(&self) -> Result<InstanceGroupManager> {
        match self.at {
            At::Zone(client, zone) => {
                let request = client.get().set_project(self.project).set_zone(zone);
                request.set_instance_group_manager(self.name).with_user_agent(USER_AGENT).send().await
            }
            At::Region(client, region) => {
                let request = client.get().set_project(self.project).set_region(region);
                request.set_instance_group_manager(self.name).with_user_agent(USER_AGENT).send().await
            }
        }
    }

    /// A page of its instances, and the token of the next.
    pub(super) async fn list_managed_instances(
        &self,
        token: Option<String>,
    ) -> Result<(Vec<ManagedInstance>, Option<String>)> {
        match self.at {
            At::Zone(client, zone) => {
                let request = client.list_managed_instances().set_project(self.project).set_zone(zone);
                let request = request.set_instance_group_manager(self.name).set_max_results(pages::SIZE);
                let request = request.set_or_clear_page_token(token).with_user_agent(USER_AGENT);
                let page = request.send().await?;
                Ok((page.managed_instances, page.next_page_token))
            }
            At::Region(client, region) => {
                let request = client.list_managed_instances().set_project(self.project).set_region(region);
                let request = request.set_instance_group_manager(self.name).set_max_results(pages::SIZE);
                let request = request.set_or_clear_page_token(token).with_user_agent(USER_AGENT);
                let page = request.send().await?;
                Ok((page.managed_instances, page.next_page_token))
            }
        }
    }

    pub(super) async fn resize(&self, size: i32, request_id: &str) -> Result<Operation> {
        match self.at {
            At::Zone(client, zone) => {
                let request = client.resize().set_project(self.project).set_zone(zone);
                let request = request.set_instance_group_manager(self.name).set_size(size);
                request.set_request_id(request_id).with_user_agent(USER_AGENT).send().await
            }
            At::Region(client, region) => {
                let request = client.resize().set_project(self.project).set_region(region);
                let request = request.set_instance_group_manager(self.name).set_size(size);
                request.set_request_id(request_id).with_user_agent(USER_AGENT).send().await
            }
        }
    }

    /// Deletes instances, named by their partial URLs. Instances that have left the group are skipped.
    pub(super) async fn delete_instances(&self, urls: &[String], request_id: &str) -> Result<Operation> {
        match self.at {
            At::Zone(client, zone) => {
                let body = InstanceGroupManagersDeleteInstancesRequest::new();
                let body = body.set_instances(urls).set_skip_instances_on_validation_error(true);
                let request = client.delete_instances().set_project(self.project).set_zone(zone);
                let request = request.set_instance_group_manager(self.name).set_body(body);
                request.set_request_id(request_id).with_user_agent(USER_AGENT).send().await
            }
            At::Region(client, region) => {
                let body = RegionInstanceGroupManagersDeleteInstancesRequest::new();
                let body = body.set_instances(urls).set_skip_instances_on_validation_error(true);
                let request = client.delete_instances().set_project(self.project).set_region(region);
                let request = request.set_instance_group_manager(self.name).set_body(body);
                request.set_request_id(request_id).with_user_agent(USER_AGENT).send().await
            }
        }
    }

    /// The present state of an operation on it.
    pub(super) async fn operation(&self, name: &str) -> Result<Operation> {
        match self.at {
            At::Zone(client, zone) => {
                let request = client.get_operation().set_project(self.project).set_zone(zone);
                request.set_operation(name).with_user_agent(USER_AGENT).send().await
            }
            At::Region(client, region) => {
                let request = client.get_operation().set_project(self.project).set_region(region);
                request.set_operation(name).with_user_agent(USER_AGENT).send().await
            }
        }
    }
}
