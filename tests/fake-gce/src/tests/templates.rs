//! Instance templates and machine types on the wire.

use serde_json::json;

use super::client::get;
use super::fake;
use crate::engine::{Group, Template};
use crate::{Fault, Requests};

const URL: &str = "https://www.googleapis.com/compute/v1/projects/p";

#[test]
fn a_template_has_its_machine_type_its_accelerators_and_its_kube_env() {
    let fake = fake();
    fake.add_group(Group::zonal("p", "us-central1-a", "gpu").template("gpu-1"));
    let template = Template::global("p", "gpu-1").machine_type("n1-standard-4").kube_env("A: b\n");
    fake.add_template(template.accelerators("nvidia-tesla-t4", 2));
    let group = get(fake.address(), "p/zones/us-central1-a/instanceGroupManagers/gpu").good();
    assert_eq!(group["instanceTemplate"], format!("{URL}/global/instanceTemplates/gpu-1"));
    assert_eq!(group["versions"][0]["instanceTemplate"], group["instanceTemplate"]);
    let found = get(fake.address(), "p/global/instanceTemplates/gpu-1").good();
    assert_eq!((&found["name"], &found["selfLink"]), (&json!("gpu-1"), &group["instanceTemplate"]));
    let properties = &found["properties"];
    assert_eq!(properties["machineType"], "n1-standard-4");
    assert_eq!(properties["metadata"]["items"], json!([{"key": "kube-env", "value": "A: b\n"}]));
    let accelerators = json!([{"acceleratorType": "nvidia-tesla-t4", "acceleratorCount": 2}]);
    assert_eq!(properties["guestAccelerators"], accelerators);
    assert_eq!(found.get("region"), None);
}

#[test]
fn a_template_of_a_region_is_another_and_one_that_no_group_names_is_not_found() {
    let fake = fake();
    let users = Group::regional("p", "us-central1", "users").regional_template("us-central1", "t");
    fake.add_group(users);
    let found = get(fake.address(), "p/regions/us-central1/instanceTemplates/t").good();
    assert_eq!(found["selfLink"], format!("{URL}/regions/us-central1/instanceTemplates/t"));
    assert_eq!(found["region"], format!("{URL}/regions/us-central1"));
    assert_eq!(found["properties"]["metadata"].get("items"), None);
    let global = get(fake.address(), "p/global/instanceTemplates/t");
    assert_eq!(global.error(), (404, "notFound".to_owned()));
    let calls: Vec<_> = fake.calls().into_iter().map(|call| (call.method, call.permission)).collect();
    let expected = ["compute.regionInstanceTemplates.get", "compute.instanceTemplates.get"];
    let permission = Some("compute.instanceTemplates.get".to_owned());
    assert_eq!(calls, expected.map(|method| (method.to_owned(), permission.clone())));
}

#[test]
fn a_machine_type_has_the_size_that_its_name_tells() {
    let fake = fake();
    fake.add_project("p");
    for (name, cpus, memory) in [
        ("e2-standard-4", 4, 16_384),
        ("n2-highmem-8", 8, 65_536),
        ("c3-highcpu-4", 4, 4096),
        ("n2-custom-4-10240", 4, 10_240),
        ("n2-custom-2-65536-ext", 2, 65_536),
    ] {
        let found = get(fake.address(), &format!("p/zones/us-central1-a/machineTypes/{name}")).good();
        assert_eq!((&found["guestCpus"], &found["memoryMb"]), (&json!(cpus), &json!(memory)), "{name}");
    }
    let unknown = get(fake.address(), "p/zones/us-central1-a/machineTypes/huge");
    assert_eq!(unknown.error(), (404, "notFound".to_owned()));
}

#[test]
fn templates_and_machine_types_take_their_permissions_and_fail_as_a_test_asks() {
    let fake = fake();
    fake.add_group(Group::zonal("p", "us-central1-a", "users"));
    let paths =
        ["p/global/instanceTemplates/users-template", "p/zones/us-central1-a/machineTypes/e2-standard-2"];
    for (path, method) in paths.iter().zip(["compute.instanceTemplates.get", "compute.machineTypes.get"]) {
        fake.permit(&[method]);
        get(fake.address(), path).good();
        fake.permit(&["compute.instanceGroupManagers.get"]);
        let refused = get(fake.address(), path);
        assert_eq!(refused.error(), (403, "forbidden".to_owned()));
        assert!(refused.body.contains(&format!("Required '{method}' permission")), "{}", refused.body);
        fake.fail(Requests::method(method), Fault::Unavailable);
        assert_eq!(get(fake.address(), path).status, 503);
    }
}
