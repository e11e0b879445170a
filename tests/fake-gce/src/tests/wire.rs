//! What clients see.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{exchange, get, post};
use super::fake;
use crate::engine::{Group, GroupPath, InstancePath, Location, Redistribution};
use crate::fake::FakeGce;

const USERS: &str = "p/zones/us-central1-a/instanceGroupManagers/users";
const URL: &str = "https://www.googleapis.com/compute/v1/projects/p";

fn users(size: usize) -> (FakeGce, GroupPath) {
    let fake = fake();
    let group = fake.add_group(Group::zonal("p", "us-central1-a", "users").size(size));
    (fake, group)
}

#[test]
fn a_zonal_group_as_json() {
    let (fake, _) = users(2);
    let group = get(fake.address(), USERS).good();
    assert_eq!(group["name"], "users");
    assert_eq!(group["targetSize"], 2);
    assert_eq!(group["baseInstanceName"], "gke-users");
    assert_eq!(group["zone"], format!("{URL}/zones/us-central1-a"));
    assert_eq!(group["selfLink"], format!("{URL}/zones/us-central1-a/instanceGroupManagers/users"));
    assert_eq!(group["status"]["isStable"], true);
    assert_eq!(group["currentActions"]["none"], 2);
    // Such members exist only if they have a value.
    assert_eq!(group["status"].get("autoscaler"), None);
    assert_eq!(group.get("distributionPolicy"), None);
    assert_eq!(group["updatePolicy"].get("instanceRedistributionType"), None);
    // The clock says eight; a day earlier it was midnight in California.
    assert_eq!(group["creationTimestamp"], "2026-01-14T00:00:00.000-08:00");
}

#[test]
fn a_regional_group_as_json() {
    let fake = fake();
    let group =
        Group::regional("p", "us-central1", "users").zones(&["us-central1-b", "us-central1-f"]).size(2);
    fake.add_group(group.redistribution(Redistribution::None).autoscaler("scaler"));
    let group = get(fake.address(), "p/regions/us-central1/instanceGroupManagers/users").good();
    assert_eq!(group["region"], format!("{URL}/regions/us-central1"));
    assert_eq!(group.get("zone"), None);
    assert_eq!(group["updatePolicy"]["instanceRedistributionType"], "NONE");
    assert_eq!(group["status"]["autoscaler"], format!("{URL}/regions/us-central1/autoscalers/scaler"));
    let zones = [
        json!({"zone": format!("{URL}/zones/us-central1-b")}),
        json!({"zone": format!("{URL}/zones/us-central1-f")}),
    ];
    assert_eq!(group["distributionPolicy"]["zones"], json!(zones));
}

#[test]
fn managed_instances_as_json() {
    let (fake, group) = users(0);
    fake.add_group(Group::zonal("p", "us-central1-a", "users").instances(&["node-1"]));
    fake.set_stockout("us-central1-a", true);
    fake.resize(&group, 2);
    fake.advance(Duration::from_secs(5));
    let list = post(fake.address(), &format!("{USERS}/listManagedInstances"), "{}").good();
    let instances = list["managedInstances"].as_array().unwrap();
    let (new, old): (Vec<&Value>, Vec<&Value>) = instances.iter().partition(|it| it["name"] != "node-1");

    assert_eq!(old[0]["instance"], format!("{URL}/zones/us-central1-a/instances/node-1"));
    assert_eq!((&old[0]["instanceStatus"], &old[0]["currentAction"]), (&json!("RUNNING"), &json!("NONE")));
    assert_eq!(old[0]["lastAttempt"], json!({}));
    // Numbers of 64 bits are texts in JSON.
    let id = old[0]["id"].as_str().unwrap();
    assert_eq!(fake.machines()[0].id, id.parse::<u64>().unwrap());

    assert_eq!(new[0]["currentAction"], "CREATING");
    assert_eq!((new[0].get("id"), new[0].get("instanceStatus")), (None, None));
    assert_eq!(new[0]["lastAttempt"]["errors"]["errors"][0]["code"], "ZONE_RESOURCE_POOL_EXHAUSTED");
    assert!(new[0]["instance"].as_str().unwrap().starts_with(URL));
}

#[test]
fn an_instance_as_json() {
    let (fake, _) = users(1);
    let path = fake.machines().remove(0).path;
    let instance = get(fake.address(), &format!("p/zones/us-central1-a/instances/{}", path.name)).good();
    assert_eq!(instance["status"], "RUNNING");
    assert_eq!(instance["creationTimestamp"], "2026-01-14T00:00:00.000-08:00");
    let number = get(fake.address(), "p").good()["id"].as_str().unwrap().to_owned();
    let created_by = format!("projects/{number}/zones/us-central1-a/instanceGroupManagers/users");
    assert_eq!(instance["metadata"]["items"], json!([{"key": "created-by", "value": created_by}]));
}

#[test]
fn an_operation_as_json_from_its_beginning_to_its_end() {
    let (fake, _) = users(1);
    let id = "7f3b3c5e-2a5d-4b7e-9a63-0c3f1d2e4b5a";
    let begun = post(fake.address(), &format!("{USERS}/resize?size=2&requestId={id}"), "").good();
    assert_eq!((&begun["status"], &begun["progress"]), (&json!("PENDING"), &json!(0)));
    assert_eq!(begun["operationType"], "compute.instanceGroupManagers.resize");
    assert_eq!(begun["targetLink"], format!("{URL}/zones/us-central1-a/instanceGroupManagers/users"));
    assert_eq!(begun["clientOperationId"], id);
    assert_eq!(begun.get("endTime"), None);
    fake.advance(Duration::from_secs(2));
    let name = begun["name"].as_str().unwrap();
    let done = get(fake.address(), &format!("p/zones/us-central1-a/operations/{name}")).good();
    assert_eq!((&done["status"], &done["progress"]), (&json!("DONE"), &json!(100)));
    assert_eq!(done["endTime"], "2026-01-15T00:00:02.000-08:00");
    assert_eq!(done.get("error"), None);
}

#[test]
fn waiting_for_an_operation_ends_when_it_is_done() {
    let (fake, _) = users(1);
    let begun = post(fake.address(), &format!("{USERS}/resize?size=2"), "").good();
    let wait = format!("p/zones/us-central1-a/operations/{}/wait", begun["name"].as_str().unwrap());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| post(fake.address(), &wait, "").good());
        while fake.calls().iter().all(|call| call.method != "compute.zoneOperations.wait") {
            std::thread::yield_now();
        }
        fake.advance(Duration::from_secs(2));
        assert_eq!(waiting.join().unwrap()["status"], "DONE");
    });
}

#[test]
fn the_aggregated_list_has_every_place_and_comes_in_pages() {
    let fake = fake();
    for name in ["a", "b"] {
        fake.add_group(Group::zonal("p", "us-central1-a", name));
    }
    fake.add_group(Group::regional("p", "us-central1", "c"));
    fake.add_group(Group::zonal("q", "us-central1-a", "of-another-project"));
    let list = "p/aggregated/instanceGroupManagers?maxResults=2&pageToken=";
    let first = get(fake.address(), list).good();
    let names = |page: &Value, scope: &str| -> Vec<String> {
        let groups = page["items"][scope]["instanceGroupManagers"].as_array();
        groups.into_iter().flatten().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first, "zones/us-central1-a"), ["a", "b"]);
    assert_eq!(first["items"]["regions/us-central1"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    let token = first["nextPageToken"].as_str().unwrap();
    let second = get(fake.address(), &format!("{list}{token}")).good();
    assert_eq!(names(&second, "regions/us-central1"), ["c"]);
    assert_eq!(names(&second, "zones/us-central1-a"), [""; 0]);
    assert_eq!(second.get("nextPageToken"), None);
    // Ten zones and three regions.
    assert_eq!(second["items"].as_object().unwrap().len(), 13);
    assert_eq!(get(fake.address(), &format!("{list}nonsense")).error(), (400, "invalid".to_owned()));
}

#[test]
fn instances_come_whole_unless_the_group_says_that_they_come_in_pages() {
    let (fake, _) = users(3);
    let list = format!("{USERS}/listManagedInstances?maxResults=2");
    let whole = post(fake.address(), &list, "{}").good();
    assert_eq!((whole["managedInstances"].as_array().unwrap().len(), whole.get("nextPageToken")), (3, None));
    fake.add_group(Group::zonal("p", "us-central1-a", "users").size(3).paginated());
    let page = post(fake.address(), &list, "{}").good();
    assert_eq!(page["managedInstances"].as_array().unwrap().len(), 2);
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = post(fake.address(), &format!("{list}&pageToken={token}"), "{}").good();
    assert_eq!((rest["managedInstances"].as_array().unwrap().len(), rest.get("nextPageToken")), (1, None));
}

#[test]
fn what_is_not_there_is_not_found() {
    let (fake, _) = users(1);
    let missing = [
        "p/zones/us-central1-a/instanceGroupManagers/other",
        "p/zones/us-central1-b/instanceGroupManagers/users",
        "p/regions/us-central1/instanceGroupManagers/users",
        "p/zones/us-central1-a/instances/nobody",
        "p/zones/us-central1-a/operations/nothing",
        "p/global/operations/nothing",
        "nowhere/zones/us-central1-a/instanceGroupManagers/users",
        "p/zones/us-central1-a/",
        "p/zones/us-central1-a/nonsense/users",
    ];
    for path in missing {
        assert_eq!(get(fake.address(), path).error(), (404, "notFound".to_owned()), "{path}");
    }
    let message = get(fake.address(), missing[0]).json()["error"]["message"].clone();
    assert_eq!(
        message,
        "The resource 'projects/p/zones/us-central1-a/instanceGroupManagers/other' was not found"
    );
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let (fake, group) = users(1);
    let wrong = [
        ("p/zones/mars-a/instanceGroupManagers/users/resize?size=1", "", "invalid"),
        ("p/zones/us-central1-a/instanceGroupManagers/users/resize", "", "required"),
        ("p/zones/us-central1-a/instanceGroupManagers/users/resize?size=-1", "", "invalid"),
        ("p/zones/us-central1-a/instanceGroupManagers/users/resize?size=1001", "", "invalid"),
        ("p/zones/us-central1-a/instanceGroupManagers/users/resize?size=2&requestId=1", "", "invalid"),
        ("p/zones/us-central1-a/instanceGroupManagers/users/deleteInstances", "{}", "required"),
        (
            "p/zones/us-central1-a/instanceGroupManagers/users/deleteInstances",
            r#"{"instances": "a"}"#,
            "invalid",
        ),
        (
            "p/zones/us-central1-a/instanceGroupManagers/users/listManagedInstances?filter=name%3Da",
            "{}",
            "invalid",
        ),
    ];
    for (path, body, reason) in wrong {
        assert_eq!(post(fake.address(), path, body).error(), (400, reason.to_owned()), "{path} {body}");
    }
    assert_eq!(fake.group(&group).unwrap().target_size, 1);
}

#[test]
fn nobody_gets_in_without_a_token() {
    let (fake, _) = users(1);
    let path = format!("/compute/v1/projects/{USERS}");
    for headers in ["", "Authorization: Bearer \r\n", "Authorization: Basic dGVzdA==\r\n"] {
        let answer = exchange(fake.address(), "GET", &path, headers, "").unwrap();
        assert_eq!(
            (answer.status, &answer.json()["error"]["status"]),
            (401, &json!("UNAUTHENTICATED")),
            "{headers}"
        );
    }
}

#[test]
fn the_metadata_server_gives_a_token_to_who_asks_in_the_right_way() {
    let (fake, _) = users(1);
    let ask = |path: &str, headers: &str| {
        exchange(fake.address(), "GET", &format!("/computeMetadata/v1/{path}"), headers, "").unwrap()
    };
    let flavor = "Metadata-Flavor: Google\r\n";
    let token = ask("instance/service-accounts/default/token", flavor);
    assert_eq!(token.good()["token_type"], "Bearer");
    assert!(token.head.contains("metadata-flavor: google"));
    assert_eq!(ask("project/project-id", flavor).body, "p");
    assert_eq!(ask("universe/universe-domain", flavor).body, "googleapis.com");
    assert_eq!(ask("instance/nonsense", flavor).status, 404);
    assert_eq!(ask("project/project-id", "").status, 403);
}

#[test]
fn a_project_that_is_closed_refuses_everything_and_the_others_nothing() {
    let (fake, _) = users(1);
    fake.close_project("evil");
    get(fake.address(), USERS).good();
    for path in ["zones/us-central1-a/instances/x", "aggregated/instanceGroupManagers"] {
        let refused = get(fake.address(), &format!("evil/{path}"));
        assert_eq!(refused.error(), (403, "forbidden".to_owned()), "{path}");
    }
}

#[test]
fn a_client_may_do_what_it_is_permitted_and_no_more() {
    let (fake, group) = users(1);
    fake.permit(&["compute.instanceGroupManagers.get", "compute.zoneOperations.get"]);
    get(fake.address(), USERS).good();
    let resize = post(fake.address(), &format!("{USERS}/resize?size=2"), "");
    assert_eq!(resize.error(), (403, "forbidden".to_owned()));
    let message = resize.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("Required 'compute.instanceGroupManagers.update' permission for 'projects/p/")
    );
    assert_eq!(fake.group(&group).unwrap().target_size, 1);
}

#[test]
fn calls_are_recorded_by_method_place_and_target() {
    let fake = fake();
    fake.add_group(Group::regional("p", "us-central1", "users").size(1));
    let group = "p/regions/us-central1/instanceGroupManagers/users";
    let id = "7f3b3c5e-2a5d-4b7e-9a63-0c3f1d2e4b5a";
    let body =
        r#"{"instances": ["zones/us-central1-a/instances/a"], "skipInstancesOnValidationError": true}"#;
    post(fake.address(), &format!("{group}/deleteInstances?requestId={id}&%24alt=json"), body).good();
    get(fake.address(), "p/aggregated/instanceGroupManagers").good();
    let calls = fake.calls();
    let delete = &calls[0];
    assert_eq!(delete.method, "compute.regionInstanceGroupManagers.deleteInstances");
    assert_eq!(delete.permission.as_deref(), Some("compute.instanceGroupManagers.update"));
    assert_eq!(delete.project.as_deref(), Some("p"));
    assert_eq!(delete.location, Some(Location::Region("us-central1".to_owned())));
    assert_eq!(delete.target.as_deref(), Some("users"));
    assert_eq!(delete.request_id().as_deref(), Some(id));
    assert_eq!(delete.body["skipInstancesOnValidationError"], true);
    assert_eq!(
        (calls[1].method.as_str(), &calls[1].target),
        ("compute.instanceGroupManagers.aggregatedList", &None)
    );
    assert_eq!(calls[1].permission.as_deref(), Some("compute.instanceGroupManagers.list"));
}

#[test]
fn an_instance_of_no_group_is_listed_and_can_be_deleted() {
    let (fake, _) = users(0);
    fake.add_instance(InstancePath::new("p", "us-central1-a", "alone"));
    let list = get(fake.address(), "p/zones/us-central1-a/instances").good();
    assert_eq!(list["items"][0]["name"], "alone");
    let path = "/compute/v1/projects/p/zones/us-central1-a/instances/alone";
    let deleted = exchange(fake.address(), "DELETE", path, "Authorization: Bearer t\r\n", "").unwrap().good();
    assert_eq!(deleted["operationType"], "compute.instances.delete");
    fake.advance(Duration::from_secs(7));
    assert_eq!(fake.machines(), []);
}

#[test]
fn a_batch_is_answered_part_by_part() {
    let (fake, _) = users(1);
    let part = |id: &str, path: &str| {
        format!(
            "--limit\nContent-Type: application/http\nContent-ID: <base+{id}>\n\nGET /compute/v1/projects/{path} HTTP/1.1\nHost: fake\n\n\n"
        )
    };
    let body =
        format!("{}{}--limit--\n", part("0", USERS), part("1", "p/zones/us-central1-a/instances/nobody"));
    let headers = "Authorization: Bearer t\r\nContent-Type: multipart/mixed; boundary=\"limit\"\r\n";
    let answer = exchange(fake.address(), "POST", "/batch/compute/v1", headers, &body).unwrap();
    let parts: Vec<&str> = answer.body.split("--batch_of_answers").collect();
    assert_eq!(parts.len(), 4, "{}", answer.body);
    assert!(parts[1].contains("Content-ID: <response-base+0>") && parts[1].contains("HTTP/1.1 200 OK"));
    assert!(
        parts[2].contains("Content-ID: <response-base+1>") && parts[2].contains("HTTP/1.1 404 Not Found")
    );
    assert_eq!(fake.calls().len(), 2);
}
