//! Our transport sends what the one of Google's client sends.

use google_cloud_auth::credentials::anonymous;
use google_cloud_compute::client::{
    InstanceGroupManagers, InstanceTemplates, Instances, MachineTypes, RegionInstanceGroupManagers,
    RegionInstanceTemplates,
};
use google_cloud_compute::model::{
    InstanceGroupManagersDeleteInstancesRequest, RegionInstanceGroupManagersDeleteInstancesRequest,
};
use google_cloud_gax::retry_policy::NeverRetry;

use super::REQUEST_ID;
use super::server::{Server, ok};
use crate::client::http;
use crate::client::transport::Transport;

/// A client of each collection.
struct Clients {
    zonal: InstanceGroupManagers,
    regional: RegionInstanceGroupManagers,
    instances: Instances,
    templates: InstanceTemplates,
    regional_templates: RegionInstanceTemplates,
    machine_types: MachineTypes,
}

/// Makes every request that this program makes, some with names that no path can hold as they are.
async fn ask(clients: &Clients) {
    let Clients { zonal, regional, instances, templates, regional_templates, machine_types } = clients;
    for token in [None, Some("a token/+&=%".to_owned())] {
        let list = zonal.aggregated_list().set_project("p").set_max_results(500_u32);
        list.set_or_clear_page_token(token.clone()).send().await.unwrap();
        let list =
            zonal.list_managed_instances().set_project("p").set_zone("z").set_instance_group_manager("g");
        list.set_max_results(500_u32).set_or_clear_page_token(token.clone()).send().await.unwrap();
        let list = regional.list_managed_instances().set_project("p").set_region("r");
        let list = list.set_instance_group_manager("g").set_max_results(500_u32);
        list.set_or_clear_page_token(token).send().await.unwrap();
    }
    for name in ["g", "g h?#é"] {
        zonal.get().set_project("p").set_zone("z").set_instance_group_manager(name).send().await.unwrap();
        regional
            .get()
            .set_project("p")
            .set_region("r")
            .set_instance_group_manager(name)
            .send()
            .await
            .unwrap();
        zonal.get_operation().set_project("p").set_zone("z").set_operation(name).send().await.unwrap();
        regional.get_operation().set_project("p").set_region("r").set_operation(name).send().await.unwrap();
        instances.get().set_project("p").set_zone("z").set_instance(name).send().await.unwrap();
        templates.get().set_project("p").set_instance_template(name).send().await.unwrap();
        let get = regional_templates.get().set_project("p").set_region("r").set_instance_template(name);
        get.send().await.unwrap();
        machine_types.get().set_project("p").set_zone("z").set_machine_type(name).send().await.unwrap();
    }
    let resize = zonal.resize().set_project("p").set_zone("z").set_instance_group_manager("g").set_size(7);
    resize.set_request_id(REQUEST_ID).send().await.unwrap();
    let resize =
        regional.resize().set_project("p").set_region("r").set_instance_group_manager("g").set_size(7);
    resize.set_request_id(REQUEST_ID).send().await.unwrap();
    let body = InstanceGroupManagersDeleteInstancesRequest::new();
    let body = body.set_instances(["zones/z/instances/a"]).set_skip_instances_on_validation_error(true);
    let delete = zonal.delete_instances().set_project("p").set_zone("z").set_instance_group_manager("g");
    delete.set_body(body).set_request_id(REQUEST_ID).send().await.unwrap();
    let body = RegionInstanceGroupManagersDeleteInstancesRequest::new();
    let body = body.set_instances(["zones/z/instances/a"]).set_skip_instances_on_validation_error(true);
    let delete = regional.delete_instances().set_project("p").set_region("r").set_instance_group_manager("g");
    delete.set_body(body).set_request_id(REQUEST_ID).send().await.unwrap();
}

macro_rules! google {
    ($client:ident, $server:expr) => {
        $client::builder()
            .with_endpoint($server.address.clone())
            .with_credentials(anonymous::Builder::new().build())
            .with_retry_policy(NeverRetry)
            .build()
            .await
            .unwrap()
    };
}

#[tokio::test]
async fn every_request_is_the_one_that_googles_own_transport_sends() {
    super::ring();
    let theirs = Server::start(|_, _| ok("{}"));
    ask(&Clients {
        zonal: google!(InstanceGroupManagers, theirs),
        regional: google!(RegionInstanceGroupManagers, theirs),
        instances: google!(Instances, theirs),
        templates: google!(InstanceTemplates, theirs),
        regional_templates: google!(RegionInstanceTemplates, theirs),
        machine_types: google!(MachineTypes, theirs),
    })
    .await;
    let ours = Server::start(|_, _| ok("{}"));
    let base = ours.address.parse().unwrap();
    let transport = Transport::new(http::client().build().unwrap(), base, anonymous::Builder::new().build());
    ask(&Clients {
        zonal: InstanceGroupManagers::from_stub(transport.clone()),
        regional: RegionInstanceGroupManagers::from_stub(transport.clone()),
        instances: Instances::from_stub(transport.clone()),
        templates: InstanceTemplates::from_stub(transport.clone()),
        regional_templates: RegionInstanceTemplates::from_stub(transport.clone()),
        machine_types: MachineTypes::from_stub(transport),
    })
    .await;
    assert_eq!(ours.seen(), theirs.seen());
    assert_eq!(ours.seen().len(), 26);
}
