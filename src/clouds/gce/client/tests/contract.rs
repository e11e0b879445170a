//! The promises of the trait, with a Compute Engine that makes its own decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fake_gce::{
    FakeGce, Fault, Group, GroupPath, InstancePath, Moment, OperationFailure, Options, OwnFault,
    Redistribution, Requests, Template, Timing,
};
use tokio::task::JoinSet;

use crate::client::{ConnectOptions, connect};
use crate::engine::{ComputeEngine, CurrentAction, InstanceTemplate, MachineType};
use crate::error::ErrorKind;
use crate::name::{GroupId, InstanceId, MachineTypeId, TemplateId};

/// A fake with a zonal and a regional group of the same name, in project `p`.
fn fake(timing: Timing) -> (FakeGce, [GroupPath; 2]) {
    let fake = FakeGce::start(Options { timing, ..Options::default() }).unwrap();
    let names = ["hub-1", "hub-10"];
    let zonal = fake.add_group(Group::zonal("p", "us-central1-a", "hub").instances(&names));
    let zones = ["us-central1-a", "us-central1-b"];
    let regional = Group::regional("p", "us-central1", "hub").zones(&zones).instances(&["n-1", "n-10"]);
    // Else it would move instances of its own accord.
    let regional = fake.add_group(regional.redistribution(Redistribution::None));
    (fake, [zonal, regional])
}

async fn client(fake: &FakeGce) -> Box<dyn ComputeEngine> {
    super::ring();
    let options = ConnectOptions {
        endpoint: Some(fake.url()),
        metadata_server: Some(fake.url()),
        attempt_timeout: Duration::from_secs(2),
        first_pause: Duration::from_millis(1),
        ..ConnectOptions::default()
    };
    connect(options).await.unwrap()
}

fn id(path: &GroupPath) -> GroupId {
    GroupId::from_url(&path.to_string()).unwrap()
}

fn instance(path: &InstancePath) -> InstanceId {
    InstanceId::from_url(&path.to_string()).unwrap()
}

/// A request id; another number, another id.
fn request_id(number: usize) -> String {
    format!("5f0e1f4c-3f0a-4c59-9d54-{number:012}")
}

fn method(path: &GroupPath, verb: &str) -> String {
    let regional = matches!(path.location, fake_gce::Location::Region(_));
    let resource = if regional { "regionInstanceGroupManagers" } else { "instanceGroupManagers" };
    format!("compute.{resource}.{verb}")
}

#[tokio::test]
async fn a_group_grows_and_its_new_instances_are_told_from_the_old() {
    let (fake, groups) = fake(Timing::lifelike());
    fake.set_timing(Timing { operation: Duration::ZERO, ..Timing::lifelike() });
    let engine = client(&fake).await;
    for (number, path) in groups.iter().enumerate() {
        assert_eq!(engine.group(&id(path)).await.unwrap().target_size, 2);
        engine.resize(&id(path), 5, &request_id(number)).await.unwrap();
        let group = engine.group(&id(path)).await.unwrap();
        assert_eq!((group.target_size, group.is_stable), (5, false), "{path}");
        let instances = engine.instances(&id(path)).await.unwrap();
        let (creating, running): (Vec<_>, Vec<_>) =
            instances.iter().partition(|instance| instance.action == CurrentAction::Creating);
        assert_eq!((creating.len(), running.len()), (3, 2), "{path}");
        for instance in running {
            assert_eq!(
                (&instance.action, instance.status.as_deref()),
                (&CurrentAction::None, Some("RUNNING"))
            );
            let number = fake
                .machines()
                .iter()
                .find(|machine| machine.path.name == instance.instance.name())
                .unwrap()
                .id;
            assert_eq!(instance.number, Some(number));
        }
        for instance in creating {
            assert_eq!((instance.number, &instance.status), (None, &None), "{instance:?}");
        }
    }
}

#[tokio::test]
async fn the_instances_that_are_named_are_deleted_and_no_others() {
    let (fake, groups) = fake(Timing::default());
    let engine = client(&fake).await;
    for (number, path) in groups.iter().enumerate() {
        let members = fake.group(path).unwrap().members;
        let victim = members.keys().find(|member| member.name.ends_with("-1")).unwrap();
        // One that is no member is skipped.
        let stranger =
            InstanceId::new("p".parse().unwrap(), victim.zone.parse().unwrap(), "stranger").unwrap();
        engine.delete_instances(&id(path), &[stranger, instance(victim)], &request_id(number)).await.unwrap();
        let group = engine.group(&id(path)).await.unwrap();
        assert_eq!(group.target_size, 1, "{path}");
        let lost: Vec<_> = fake.losses().into_iter().map(|loss| loss.path).collect();
        assert_eq!(lost.last(), Some(victim));
        assert_eq!(lost.len(), number + 1);
    }
}

#[tokio::test]
async fn the_groups_of_a_project_are_discovered() {
    let (fake, groups) = fake(Timing::default());
    fake.add_group(Group::zonal("other", "us-central1-a", "hub"));
    fake.set_autoscaler(&groups[0], Some("scaler"));
    let list = client(&fake).await.groups(&"p".parse().unwrap()).await.unwrap();
    let found: Vec<_> = list.groups.iter().map(|group| group.id.clone()).collect();
    assert_eq!(found, [id(&groups[0]), id(&groups[1])]);
    assert_eq!(list.unreachable, [""; 0]);
    let [zonal, regional] = &list.groups[..] else { panic!("{list:?}") };
    assert!(zonal.autoscaler.as_deref().unwrap().ends_with("/scaler"), "{zonal:?}");
    assert_eq!((regional.autoscaler.as_deref(), regional.redistribution.as_deref()), (None, Some("NONE")));
}

#[tokio::test]
async fn a_group_of_1201_instances_comes_in_three_pages() {
    let (fake, _) = fake(Timing::default());
    let path = fake.add_group(Group::zonal("p", "us-central1-b", "large").size(1201).paginated());
    let instances = client(&fake).await.instances(&id(&path)).await.unwrap();
    let names: BTreeSet<_> = instances.iter().map(|instance| instance.instance.clone()).collect();
    assert_eq!((instances.len(), names.len()), (1201, 1201));
    let lists = fake.calls().iter().filter(|call| call.method.ends_with("listManagedInstances")).count();
    assert_eq!(lists, 3);
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_made_once() {
    let faults = [
        Fault::Reset(Moment::After),
        Fault::BadGateway(Moment::After),
        Fault::HalfBody,
        Fault::MalformedJson,
        Fault::WrongTypes,
        Fault::Hang(Moment::After),
    ];
    made_once_in_two_tries(faults).await;
}

#[tokio::test]
async fn a_change_that_did_not_get_through_is_made_by_the_second_try() {
    let faults = [
        Fault::Reset(Moment::Before),
        Fault::BadGateway(Moment::Before),
        Fault::Hang(Moment::Before),
        Fault::Unavailable,
        Fault::InternalError,
        Fault::TooManyRequests { retry_after_seconds: 0 },
    ];
    made_once_in_two_tries(faults).await;
}

/// Deletes an instance and adds two, each with one of these faults at the first try. A deletion is not retried
/// automatically: its caller reads the node in between.
async fn made_once_in_two_tries(faults: impl IntoIterator<Item = Fault>) {
    let mut cases = JoinSet::new();
    for fault in faults {
        cases.spawn(async move {
            let (fake, groups) = fake(Timing::default());
            let engine = client(&fake).await;
            for (number, path) in groups.iter().enumerate() {
                let verbs = ["deleteInstances", "resize"].map(|verb| method(path, verb));
                for verb in &verbs {
                    fake.fail(Requests::method(verb).nth(1), fault.clone());
                }
                let victim = fake.group(path).unwrap().members.into_keys().next().unwrap();
                let delete = async || {
                    engine.delete_instances(&id(path), &[instance(&victim)], &request_id(number)).await
                };
                delete().await.unwrap_err();
                delete().await.unwrap();
                engine.resize(&id(path), 3, &request_id(number + 10)).await.unwrap();

                assert_eq!(fake.group(path).unwrap().target_size, 3, "{fault:?} {path}");
                let lost: Vec<_> = fake.losses().into_iter().map(|loss| loss.path).collect();
                assert_eq!((lost.len(), lost.last()), (number + 1, Some(&victim)), "{fault:?} {path}");
                for (verb, id) in verbs.iter().zip([request_id(number), request_id(number + 10)]) {
                    let calls = fake.calls();
                    let calls = calls.iter().filter(|call| call.method == *verb);
                    let ids: Vec<_> = calls.map(fake_gce::Call::request_id).collect();
                    assert_eq!(ids, [Some(id.clone()), Some(id)], "{fault:?} {verb}");
                }
            }
        });
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap();
    }
}

#[tokio::test]
async fn a_change_that_is_refused_is_certain_not_to_have_been_made() {
    let cases = [
        (Fault::Unauthorized, ErrorKind::Credentials, "401 (authError)"),
        (Fault::Forbidden, ErrorKind::Forbidden, "403 (forbidden)"),
        (Fault::Own(OwnFault::QuotaExceeded), ErrorKind::Quota, "403 (quotaExceeded)"),
        (Fault::NotFound, ErrorKind::NotFound, "404 (notFound)"),
        (Fault::Conflict, ErrorKind::Other, "409 (resourceNotReady)"),
        (Fault::Own(OwnFault::PreconditionFailed), ErrorKind::Other, "412 (conditionNotMet)"),
    ];
    for (fault, kind, told) in cases {
        let (fake, groups) = fake(Timing::default());
        let engine = client(&fake).await;
        for path in &groups {
            fake.fail(Requests::method(&method(path, "resize")), fault.clone());
            let error = engine.resize(&id(path), 4, &request_id(0)).await.unwrap_err();
            assert_eq!((error.kind, error.unchanged), (kind, true), "{error}");
            let message =
                format!("cannot set the size of group {} to 4: Compute Engine answered {told}: \"", id(path));
            assert!(error.message.starts_with(&message), "{error}");
            assert_eq!(fake.group(path).unwrap().target_size, 2);
        }
        assert_eq!(
            fake.calls().iter().filter(|call| call.method.ends_with("resize")).count(),
            2,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_operation_that_fails_is_told_with_its_code() {
    let (fake, groups) = fake(Timing::default());
    let failure = OperationFailure {
        status: 403,
        code: "QUOTA_EXCEEDED".to_owned(),
        message: "Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1.".to_owned(),
    };
    let engine = client(&fake).await;
    for (number, path) in groups.iter().enumerate() {
        fake.fail(
            Requests::method(&method(path, "resize")),
            Fault::Own(OwnFault::OperationFails(failure.clone())),
        );
        let error = engine.resize(&id(path), 4, &request_id(number)).await.unwrap_err();
        assert_eq!((error.kind, error.unchanged), (ErrorKind::Quota, false));
        let told = r#"with 403: QUOTA_EXCEEDED: "Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1.""#;
        assert!(error.message.ends_with(told), "{error}");
    }
}

#[tokio::test]
async fn a_zone_without_machines_shows_in_its_instances() {
    let (fake, groups) = fake(Timing::default());
    fake.set_stockout("us-central1-a", true);
    let engine = client(&fake).await;
    engine.resize(&id(&groups[0]), 3, &request_id(0)).await.unwrap();
    let instances = engine.instances(&id(&groups[0])).await.unwrap();
    let failing: Vec<_> = instances.iter().filter(|instance| !instance.errors.is_empty()).collect();
    let [failing] = failing[..] else { panic!("{instances:?}") };
    assert_eq!((&failing.action, failing.number), (&CurrentAction::Creating, None));
    let codes: BTreeSet<_> = failing.errors.iter().map(|error| error.code.as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["ZONE_RESOURCE_POOL_EXHAUSTED"]));
}

#[tokio::test]
async fn an_instance_made_anew_has_another_number_and_one_that_is_gone_no_time() {
    let (fake, groups) = fake(Timing::instant());
    let engine = client(&fake).await;
    let path = fake.group(&groups[0]).unwrap().members.into_keys().next().unwrap();
    let before = engine.instances(&id(&groups[0])).await.unwrap();
    let created = engine.created_at(&instance(&path)).await.unwrap().unwrap();
    let machine = fake.machines().into_iter().find(|machine| machine.path == path).unwrap();
    assert_eq!(created.as_millisecond(), machine.created.as_millisecond());
    assert_eq!(engine.state(&instance(&path)).await.unwrap().as_deref(), Some("RUNNING"));
    fake.recreate_instance(&path);
    let after = engine.instances(&id(&groups[0])).await.unwrap();
    let number = |of: &[crate::ManagedInstance]| {
        of.iter().find(|found| found.instance == instance(&path)).unwrap().number.unwrap()
    };
    assert_ne!(number(&before), number(&after));
    engine.delete_instances(&id(&groups[0]), &[instance(&path)], &request_id(0)).await.unwrap();
    assert_eq!(engine.created_at(&instance(&path)).await.unwrap(), None);
    assert_eq!(engine.state(&instance(&path)).await.unwrap(), None);
}

#[tokio::test]
async fn no_more_is_permitted_than_is_needed() {
    let (fake, groups) = fake(Timing::default());
    // With fewer permissions the calls below fail, and a call that needs more fails too.
    fake.permit(&[
        "compute.instanceGroupManagers.get",
        "compute.instanceGroupManagers.list",
        "compute.instanceGroupManagers.update",
        "compute.instanceTemplates.get",
        "compute.instances.get",
        "compute.machineTypes.get",
        "compute.regionOperations.get",
        "compute.zoneOperations.get",
    ]);
    let engine = client(&fake).await;
    engine.groups(&"p".parse().unwrap()).await.unwrap();
    for (number, path) in groups.iter().enumerate() {
        let found = engine.instances(&id(path)).await.unwrap();
        engine.group(&id(path)).await.unwrap();
        engine.created_at(&found[0].instance).await.unwrap();
        engine.template(&engine.group(&id(path)).await.unwrap().template.unwrap()).await.unwrap();
        engine.resize(&id(path), 3, &request_id(number)).await.unwrap();
        engine
            .delete_instances(&id(path), &[found[0].instance.clone()], &request_id(number + 10))
            .await
            .unwrap();
    }
    let of_region = "projects/p/regions/us-central1/instanceTemplates/t";
    fake.add_template(
        Template::regional("p", "us-central1", "t").machine_type("n2-custom-4-10240").kube_env("A: b"),
    );
    let found = engine.template(&TemplateId::from_url(of_region).unwrap()).await.unwrap();
    let expected = InstanceTemplate {
        machine_type: "n2-custom-4-10240".to_owned(),
        gpus: 0,
        kube_env: Some("A: b".to_owned()),
    };
    assert_eq!(found, expected);
    let zone = "us-central1-a".parse().unwrap();
    let custom = MachineTypeId::new("p".parse().unwrap(), zone, &found.machine_type).unwrap();
    let found = engine.machine_type(&custom).await.unwrap();
    assert_eq!(found, MachineType { cpus: 4, memory_mib: 10_240, gpus: 0, is_arm: false });
    let mut methods: BTreeMap<String, usize> = BTreeMap::new();
    for call in fake.calls() {
        *methods.entry(call.method).or_default() += 1;
    }
    let expected = [
        "compute.instanceGroupManagers.aggregatedList",
        "compute.instanceGroupManagers.deleteInstances",
        "compute.instanceGroupManagers.get",
        "compute.instanceGroupManagers.listManagedInstances",
        "compute.instanceGroupManagers.resize",
        "compute.instanceTemplates.get",
        "compute.instances.get",
        "compute.machineTypes.get",
        "compute.regionInstanceGroupManagers.deleteInstances",
        "compute.regionInstanceGroupManagers.get",
        "compute.regionInstanceGroupManagers.listManagedInstances",
        "compute.regionInstanceGroupManagers.resize",
        "compute.regionInstanceTemplates.get",
        "compute.regionOperations.get",
        "compute.zoneOperations.get",
    ];
    assert_eq!(methods.get("metadata.token"), Some(&1), "one token serves all clients");
    let called: Vec<&str> =
        methods.keys().map(String::as_str).filter(|name| name.starts_with("compute.")).collect();
    assert_eq!(called, expected);
}
