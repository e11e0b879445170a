//! The trouble that the fake makes, as a client sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::client::{Answer, exchange, post, send};
use super::fake;
use crate::engine::{Group, GroupPath, OperationFailure};
use crate::fake::FakeGce;
use crate::{Fault, Moment, OwnFault, Requests};

const RESIZE: &str = "compute.instanceGroupManagers.resize";

fn users() -> (FakeGce, GroupPath) {
    let fake = fake();
    let group = fake.add_group(Group::zonal("p", "us-central1-a", "users").size(1));
    (fake, group)
}

/// Asks for two instances.
fn grow(fake: &FakeGce) -> Option<Answer> {
    send(fake.address(), "POST", "p/zones/us-central1-a/instanceGroupManagers/users/resize?size=2", "")
}

fn has_grown(fake: &FakeGce, group: &GroupPath) -> bool {
    fake.group(group).unwrap().target_size == 2
}

#[test]
fn a_refusal_by_script_has_its_status_and_reason_and_is_not_carried_out() {
    let cases = [
        (Fault::Unauthorized, 401, "authError"),
        (Fault::Forbidden, 403, "forbidden"),
        (Fault::Own(OwnFault::QuotaExceeded), 403, "quotaExceeded"),
        (Fault::NotFound, 404, "notFound"),
        (Fault::Conflict, 409, "resourceNotReady"),
        (Fault::Own(OwnFault::PreconditionFailed), 412, "conditionNotMet"),
        (Fault::TooManyRequests { retry_after_seconds: 7 }, 429, "rateLimitExceeded"),
        (Fault::InternalError, 500, "internalError"),
        (Fault::Unavailable, 503, "backendError"),
    ];
    for (fault, status, reason) in cases {
        let (fake, group) = users();
        fake.fail(Requests::method(RESIZE), fault.clone());
        assert_eq!(grow(&fake).unwrap().error(), (status, reason.to_owned()), "{fault:?}");
        assert!(!has_grown(&fake, &group), "{fault:?}");
        assert_eq!(fake.calls().len(), 1, "{fault:?}");
    }
}

#[test]
fn too_many_requests_tells_for_how_long_to_wait() {
    let (fake, _) = users();
    fake.fail(Requests::all(), Fault::TooManyRequests { retry_after_seconds: 7 });
    assert!(grow(&fake).unwrap().head.contains("retry-after: 7"));
}

#[test]
fn a_bad_gateway_answers_with_a_page_whether_it_passed_the_request_on_or_not() {
    for (moment, grown) in [(Moment::Before, false), (Moment::After, true)] {
        let (fake, group) = users();
        fake.fail(Requests::all(), Fault::BadGateway(moment));
        let answer = grow(&fake).unwrap();
        assert_eq!(answer.status, 502);
        assert!(
            answer.head.contains("content-type: text/html") && answer.body.starts_with("<!DOCTYPE html>")
        );
        assert_eq!(has_grown(&fake, &group), grown, "{moment:?}");
    }
}

#[test]
fn an_answer_that_never_comes_or_a_reset_leaves_the_change_done_or_not() {
    for (fault, grown) in [
        (Fault::Reset(Moment::Before), false),
        (Fault::Reset(Moment::After), true),
        (Fault::Hang(Moment::Before), false),
        (Fault::Hang(Moment::After), true),
    ] {
        let (fake, group) = users();
        fake.fail(Requests::all(), fault.clone());
        assert_eq!(grow(&fake), None, "{fault:?}");
        assert_eq!(has_grown(&fake, &group), grown, "{fault:?}");
    }
}

#[test]
fn an_answer_that_is_spoilt_comes_after_the_change() {
    for fault in [Fault::MalformedJson, Fault::HalfBody] {
        let (fake, group) = users();
        fake.fail(Requests::all(), fault.clone());
        let answer = grow(&fake).unwrap();
        assert_eq!(answer.status, 200, "{fault:?}");
        assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err(), "{fault:?}");
        let promised = answer.head.contains(&format!("content-length: {}", answer.body.len()));
        assert_eq!(promised, fault == Fault::MalformedJson, "{fault:?}");
        assert!(has_grown(&fake, &group), "{fault:?}");
    }
}

#[test]
fn an_answer_of_wrong_types_is_json_all_the_same() {
    let (fake, group) = users();
    fake.fail(Requests::all(), Fault::WrongTypes);
    let answer = grow(&fake).unwrap().good();
    assert_eq!((&answer["name"], &answer["progress"]), (&7.into(), &"seven".into()));
    assert!(has_grown(&fake, &group));
}

#[test]
fn a_slow_answer_comes_after_the_change() {
    let (fake, group) = users();
    fake.fail(Requests::all(), Fault::Slow(Duration::from_secs(30)));
    // The client waits for a second.
    assert_eq!(grow(&fake), None);
    assert!(has_grown(&fake, &group));
}

#[test]
fn an_operation_that_fails_is_accepted_and_says_so_when_it_is_done() {
    let (fake, group) = users();
    let failure =
        OperationFailure { status: 403, code: "QUOTA_EXCEEDED".to_owned(), message: "No more.".to_owned() };
    fake.fail(Requests::method(RESIZE), Fault::Own(OwnFault::OperationFails(failure)));
    let begun = grow(&fake).unwrap().good();
    assert_eq!((begun.get("error"), begun["status"].as_str()), (None, Some("PENDING")));
    fake.advance(Duration::from_secs(2));
    let path = format!("p/zones/us-central1-a/operations/{}/wait", begun["name"].as_str().unwrap());
    let done = post(fake.address(), &path, "").good();
    assert_eq!(done["status"], "DONE");
    assert_eq!(
        (done["httpErrorStatusCode"].as_u64(), done["httpErrorMessage"].as_str()),
        (Some(403), Some("FORBIDDEN"))
    );
    assert_eq!(done["error"]["errors"][0]["code"], "QUOTA_EXCEEDED");
    assert!(!has_grown(&fake, &group));
}

#[test]
fn a_rule_is_for_its_method_its_target_and_its_turn() {
    let (fake, _) = users();
    fake.fail(Requests::method("compute.instanceGroupManagers.get"), Fault::Unavailable);
    fake.fail(Requests::method(RESIZE).of("others"), Fault::Forbidden);
    fake.fail(Requests::method(RESIZE).of("users").nth(2), Fault::Conflict);
    fake.fail(Requests::method(RESIZE).since_nth(4), Fault::InternalError);
    let statuses: Vec<u16> = (0..5).map(|_| grow(&fake).unwrap().status).collect();
    assert_eq!(statuses, [200, 409, 200, 500, 500]);
    fake.behave();
    assert_eq!(grow(&fake).unwrap().status, 200);
}

#[test]
fn the_first_of_several_rules_wins() {
    let (fake, _) = users();
    fake.fail(Requests::all(), Fault::NotFound);
    fake.fail(Requests::all(), Fault::Conflict);
    assert_eq!(grow(&fake).unwrap().status, 404);
}

#[test]
fn a_test_is_told_before_and_after_and_may_use_the_fake_meanwhile() {
    let (fake, group) = users();
    let fake = Arc::new(fake);
    let sizes = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    for (index, moment) in [Moment::Before, Moment::After].into_iter().enumerate() {
        let (inside, sizes, group) = (Arc::clone(&fake), Arc::clone(&sizes), group.clone());
        fake.on(Requests::method(RESIZE), moment, move |_| {
            sizes[index].store(inside.group(&group).unwrap().target_size, Ordering::Relaxed);
        });
    }
    grow(&fake).unwrap().good();
    assert_eq!([1, 2], [0, 1].map(|index: usize| sizes[index].load(Ordering::Relaxed)));
    // The hooks hold the fake that holds them.
    fake.behave();
}

#[test]
fn a_crash_cuts_the_connection_and_kills() {
    let (fake, group) = users();
    let killed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&killed);
    fake.crash(&Requests::method(RESIZE), Moment::After, move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(grow(&fake), None);
    assert_eq!(killed.load(Ordering::Relaxed), 1);
    assert!(has_grown(&fake, &group));
}

#[test]
fn the_metadata_server_fails_by_script_too() {
    let (fake, _) = users();
    fake.fail(Requests::method("metadata.token"), Fault::Hang(Moment::Before));
    let ask = |path: &str| {
        let path = format!("/computeMetadata/v1/{path}");
        exchange(fake.address(), "GET", &path, "Metadata-Flavor: Google\r\n", "")
    };
    assert_eq!(ask("instance/service-accounts/default/token"), None);
    assert!(ask("project/project-id").is_some());
}
