use std::time::Duration;

use super::server::{Reply, Server, is_read, of_size, ok, refusal};
use super::{REQUEST_ID, instance, regional, zonal};
use crate::client::{ConnectOptions, connect};
use crate::error::{ComputeError, ErrorKind};

const RUNNING: &str = r#"{"name": "operation-1", "status": "RUNNING"}"#;
const DONE: &str = r#"{"name": "operation-1", "status": "DONE"}"#;

async fn resize(server: &Server) -> Result<(), ComputeError> {
    server.connect().await.resize(&zonal(), 5, REQUEST_ID).await
}

#[tokio::test]
async fn a_size_is_set_once_and_its_operation_followed_until_it_is_done() {
    for (group, place) in [(zonal(), "zones/us-central1-a"), (regional(), "regions/us-central1")] {
        let server = Server::start(|n, _| match n {
            0 => ok(r#"{"name": "operation-1", "status": "PENDING"}"#),
            1 => ok(RUNNING),
            _ => ok(DONE),
        });
        server.connect().await.resize(&group, 5, REQUEST_ID).await.unwrap();
        let start = format!("/compute/v1/projects/p/{place}");
        let api = "%24alt=json&%24apiVersion=2026-09-01";
        let follow = format!("GET {start}/operations/operation-1?%24alt=json");
        let resize =
            format!("POST {start}/instanceGroupManagers/hub/resize?requestId={REQUEST_ID}&size=5&{api} {{}}");
        assert_eq!(server.seen(), [resize, follow.clone(), follow]);
    }
}

#[tokio::test]
async fn instances_are_deleted_by_zone_and_name_and_those_that_left_are_skipped() {
    let cases = [
        (zonal(), "zones/us-central1-a", ["us-central1-a", "us-central1-a"]),
        (regional(), "regions/us-central1", ["us-central1-a", "us-central1-f"]),
    ];
    for (group, place, [one, other]) in cases {
        let server = Server::start(|_, _| ok(DONE));
        let instances = [instance(one, "hub-1"), instance(other, "hub-10")];
        server.connect().await.delete_instances(&group, &instances, REQUEST_ID).await.unwrap();
        let path = format!("/compute/v1/projects/p/{place}/instanceGroupManagers/hub/deleteInstances");
        let query = format!("requestId={REQUEST_ID}&%24alt=json&%24apiVersion=2026-09-01");
        let urls = format!(r#"["zones/{one}/instances/hub-1","zones/{other}/instances/hub-10"]"#);
        let body = format!(r#"{{"instances":{urls},"skipInstancesOnValidationError":true}}"#);
        assert_eq!(server.seen(), [format!("POST {path}?{query} {body}")]);
    }
}

#[tokio::test]
async fn an_operation_that_failed_is_an_error_with_its_code() {
    let quota = r#"{"name": "operation-1", "status": "DONE", "httpErrorStatusCode": 403, "httpErrorMessage": "FORBIDDEN",
        "error": {"errors": [{"code": "QUOTA_EXCEEDED", "message": "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."}]}}"#;
    let stockout = r#"{"name": "operation-1", "status": "DONE", "error": {"errors": [
        {"code": "CONDITION_NOT_MET"}, {"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "The zone has no machines."}]}}"#;
    let status_only = r#"{"name": "operation-1", "status": "DONE", "httpErrorStatusCode": 404, "httpErrorMessage": "NOT FOUND"}"#;
    let empty = r#"{"name": "operation-1", "status": "DONE", "error": {"errors": []}}"#;
    let cases = [
        (
            quota,
            ErrorKind::Quota,
            r#"with 403: QUOTA_EXCEEDED: "Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1.""#,
        ),
        (
            stockout,
            ErrorKind::Exhausted,
            r#": CONDITION_NOT_MET; ZONE_RESOURCE_POOL_EXHAUSTED: "The zone has no machines.""#,
        ),
        (status_only, ErrorKind::NotFound, r#"with 404: "NOT FOUND""#),
        (empty, ErrorKind::Other, ""),
    ];
    for (operation, kind, told) in cases {
        let server = Server::start(move |n, _| ok(if n == 0 { RUNNING } else { operation }));
        let error = resize(&server).await.unwrap_err();
        let space = if told.starts_with("with") { " " } else { "" };
        let message =
            format!("cannot set the size of group us-central1-a/hub to 5: the operation failed{space}{told}");
        assert_eq!(error, ComputeError { kind, unchanged: false, message });
    }
}

#[tokio::test]
async fn an_operation_that_is_never_done_is_not_waited_for_for_ever() {
    let server = Server::start(|_, _| ok(RUNNING));
    let options = ConnectOptions { operation_timeout: Duration::from_millis(300), ..server.options() };
    let engine = connect(options).await.unwrap();
    let error = engine.resize(&zonal(), 5, REQUEST_ID).await.unwrap_err();
    let message = "cannot set the size of group us-central1-a/hub to 5: operation operation-1 was not done within 0.3 s";
    assert_eq!((error.message.as_str(), error.unchanged), (message, false));
    assert!(server.seen().len() > 1, "it was followed: {:?}", server.seen());
}

#[tokio::test]
async fn an_operation_without_a_name_is_an_error_and_no_panic() {
    for operation in [r#"{"status": "RUNNING"}"#, r#"{"name": "", "status": "RUNNING"}"#, "{}"] {
        let server = Server::start(move |_, _| ok(operation));
        let error = resize(&server).await.unwrap_err();
        assert!(error.message.ends_with("an operation that is not done has no name"), "{error}");
        assert!(!error.unchanged);
    }
}

#[tokio::test]
async fn an_operation_that_cannot_be_followed_is_a_change_in_doubt() {
    let server =
        Server::start(|n, _| if n == 0 { ok(RUNNING) } else { refusal(403, "forbidden", "Not yours.") });
    let error = resize(&server).await.unwrap_err();
    let message = "cannot set the size of group us-central1-a/hub to 5: cannot follow operation operation-1: \
                   Compute Engine answered 403 (forbidden): \"Not yours.\"";
    assert_eq!(
        error,
        ComputeError { kind: ErrorKind::Forbidden, unchanged: false, message: message.to_owned() }
    );
}

#[tokio::test]
async fn an_operation_is_followed_through_a_hiccup() {
    let server = Server::start(|n, _| match n {
        0 => ok(RUNNING),
        1 => refusal(503, "backendError", "Try again."),
        2 => Reply::Close,
        _ => ok(DONE),
    });
    resize(&server).await.unwrap();
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_change_is_tried_again_under_its_request_id() {
    for first in [503, 500, 502, 429] {
        let server = Server::start(move |n, request| match n {
            0 => refusal(first, "backendError", "Later."),
            _ if is_read(request) => ok(&of_size(4)),
            _ => ok(DONE),
        });
        resize(&server).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 3, "{first}");
        assert!(is_read(&seen[1]), "{seen:?}");
        assert_eq!(seen[0], seen[2]);
        assert!(seen[0].contains(&format!("requestId={REQUEST_ID}")), "{seen:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_an_earlier_try_leaves_the_change_in_doubt() {
    // The second try is refused for certain, but the first may have been carried out.
    let server = Server::start(|n, request| match n {
        0 => Reply::Close,
        _ if is_read(request) => ok(&of_size(3)),
        _ => refusal(403, "forbidden", "Not yours."),
    });
    let error = resize(&server).await.unwrap_err();
    assert_eq!((error.kind, error.unchanged), (ErrorKind::Forbidden, false));
    let server = Server::start(|_, _| refusal(403, "forbidden", "Not yours."));
    let error = resize(&server).await.unwrap_err();
    assert_eq!((error.kind, error.unchanged), (ErrorKind::Forbidden, true));
}

#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again() {
    let server = Server::start(|n, request| match n {
        0 => ok(r#"{"name": "operation-1", "sta"#),
        _ if is_read(request) => ok(&of_size(3)),
        _ => ok(DONE),
    });
    resize(&server).await.unwrap();
    let server = Server::start(|_, request| ok(&if is_read(request) { of_size(3) } else { "[]".to_owned() }));
    let error = resize(&server).await.unwrap_err();
    assert_eq!((error.kind, error.unchanged), (ErrorKind::Unavailable, false));
    assert!(error.message.contains("answer cannot be read"), "{error}");
}

#[tokio::test]
async fn what_can_only_be_wrong_is_refused_before_it_is_sent() {
    let server = Server::start(|_, _| ok(DONE));
    let engine = server.connect().await;
    let in_zone = |name: &str| instance("us-central1-a", name);
    let many: Vec<_> = (0..=1000).map(|number| in_zone(&format!("hub-{number}"))).collect();
    let of_another_project = "projects/other/zones/us-central1-a/instances/hub-1";
    let of_another_project = crate::InstanceId::from_url(of_another_project).unwrap();
    let errors = [
        engine.resize(&zonal(), 5, "").await,
        engine.resize(&zonal(), 5, "00000000-0000-0000-0000-000000000000").await,
        engine.resize(&zonal(), 5, "5f0e1f4c3f0a4c599d543e8c3b2f6a01").await,
        engine.resize(&zonal(), 1 << 31, REQUEST_ID).await,
        engine.delete_instances(&zonal(), &[in_zone("hub-1")], "once").await,
        engine.delete_instances(&zonal(), &many, REQUEST_ID).await,
        engine
            .delete_instances(&zonal(), &[in_zone("hub-1"), instance("us-central1-b", "hub-2")], REQUEST_ID)
            .await,
        engine.delete_instances(&regional(), &[instance("europe-west1-b", "hub-2")], REQUEST_ID).await,
        engine.delete_instances(&zonal(), &[of_another_project], REQUEST_ID).await,
    ];
    for (index, result) in errors.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.unchanged), (ErrorKind::Other, true), "{index}: {error}");
    }
    // Nothing to do is done.
    engine.delete_instances(&zonal(), &[], REQUEST_ID).await.unwrap();
    assert_eq!(server.seen(), [""; 0]);
    engine.delete_instances(&zonal(), &many[..1000], REQUEST_ID).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}
