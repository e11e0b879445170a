use std::net::TcpListener;
use std::time::Duration;

use super::server::{Reply, Server, of_size, ok, refusal};
use super::{REQUEST_ID, zonal};
use crate::client::failure::Failure;
use crate::client::{ConnectOptions, connect};
use crate::error::ErrorKind;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Status;
use http::{HeaderMap, HeaderValue};

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let cases = [
        ("503", refusal(503, "backendError", "Later."), ErrorKind::Unavailable, 6),
        ("429", refusal(429, "rateLimitExceeded", "Slower."), ErrorKind::Unavailable, 6),
        ("403 of haste", refusal(403, "rateLimitExceeded", "Slower."), ErrorKind::Unavailable, 6),
        ("a broken connection", Reply::Close, ErrorKind::Unavailable, 6),
        ("a page for browsers", Reply::Answer(502, "<html>Bad</html>".to_owned()), ErrorKind::Unavailable, 6),
        ("403", refusal(403, "forbidden", "No."), ErrorKind::Forbidden, 1),
        ("quota", refusal(403, "quotaExceeded", "No more."), ErrorKind::Quota, 1),
        ("401", refusal(401, "authError", "Who?"), ErrorKind::Credentials, 1),
        ("404", refusal(404, "notFound", "Where?"), ErrorKind::NotFound, 1),
    ];
    for (case, reply, kind, tries) in cases {
        let server = Server::start(move |_, _| reply.clone());
        // A list of instances is a POST, and safe to send twice all the same.
        let error = server.connect().await.instances(&zonal()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.unchanged, server.seen().len()),
            (kind, true, tries),
            "{case}: {error}"
        );
    }
}

#[tokio::test]
async fn the_last_failure_is_told_with_the_number_of_tries() {
    let cases = [
        (refusal(503, "backendError", "Come\\nback."), "503 (backendError): \"Come back.\" (tried 6 times)"),
        (Reply::Answer(502, "<html>Bad</html>".to_owned()), "502 (tried 6 times)"),
        (refusal(412, "conditionNotMet", ""), "412 (conditionNotMet)"),
    ];
    for (reply, told) in cases {
        let server = Server::start(move |_, _| reply.clone());
        let error = server.connect().await.group(&zonal()).await.unwrap_err();
        assert_eq!(
            error.message,
            format!("cannot read group us-central1-a/hub: Compute Engine answered {told}")
        );
    }
}

#[tokio::test]
async fn a_server_that_goes_silent_is_given_up() {
    let server = Server::start(|_, _| Reply::Silence);
    let options = ConnectOptions { attempt_timeout: Duration::from_millis(100), ..server.options() };
    let engine = connect(options).await.unwrap();
    let error = engine.resize(&zonal(), 5, REQUEST_ID).await.unwrap_err();
    // The read before the second try is silent, too.
    let message = "cannot set the size of group us-central1-a/hub to 5: cannot read group us-central1-a/hub again: no \
                   answer within 0.1 s (tried 6 times)";
    assert_eq!(
        (error.kind, error.unchanged, error.message.as_str()),
        (ErrorKind::Unavailable, false, message)
    );
}

/// The first try is refused or lost; then somebody raises the size. A second try of the same number would shrink the group.
#[tokio::test]
async fn a_size_is_not_sent_again_once_another_client_has_raised_it() {
    for (first, unchanged) in [
        (refusal(429, "rateLimitExceeded", "Slower."), true),
        (refusal(503, "backendError", "Later."), false),
        (Reply::Close, false),
    ] {
        let server = Server::start(move |n, _| if n == 0 { first.clone() } else { ok(&of_size(7)) });
        let error = server.connect().await.resize(&zonal(), 5, REQUEST_ID).await.unwrap_err();
        let seen = server.seen();
        let resizes = seen.iter().filter(|request| request.contains("/resize?")).count();
        assert_eq!((error.unchanged, resizes, seen.len()), (unchanged, 1, 2), "{error}");
        let reason = "another client enlarged it to 7 meanwhile (tried 2 times)";
        assert!(error.message.ends_with(reason), "{error}");
    }
}

#[tokio::test]
async fn a_metadata_server_that_goes_silent_later_is_given_up_too() {
    // The first token expires at once, so that every request requests another one.
    let expired = r#"{"access_token": "a-token", "expires_in": 0, "token_type": "Bearer"}"#;
    let server = Server::with_metadata(
        move |n| if n == 0 { ok(expired) } else { Reply::Silence },
        |_, _| ok(r#"{"targetSize": 3}"#),
    );
    let options = ConnectOptions { attempt_timeout: Duration::from_millis(100), ..server.options() };
    let engine = connect(options).await.unwrap();
    let error = engine.group(&zonal()).await.unwrap_err();
    assert!(error.message.ends_with("no answer within 0.1 s (tried 6 times)"), "{error}");
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn a_connection_that_is_refused_changed_nothing() {
    let server = Server::start(|_, _| ok("{}"));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = ConnectOptions { endpoint: Some(format!("http://{free}")), ..server.options() };
    let engine = connect(options).await.unwrap();
    let error = engine.resize(&zonal(), 5, REQUEST_ID).await.unwrap_err();
    assert_eq!((error.kind, error.unchanged), (ErrorKind::Unavailable, true));
    let start = "cannot set the size of group us-central1-a/hub to 5: ";
    assert!(
        error.message.starts_with(start) && error.message.contains("no connection to Compute Engine: "),
        "{error}"
    );
}

fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Failure {
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
    let headers: HeaderMap = headers.collect();
    Failure::of(&Error::service_with_http_metadata(Status::default(), Some(status), Some(headers)))
}

#[test]
fn a_refusal_is_certain_and_a_breakdown_is_not() {
    for certain in [400, 401, 403, 404, 409, 412, 429] {
        assert!(!answer(certain, &[]).in_doubt, "{certain}");
    }
    for in_doubt in [300, 408, 500, 502, 503, 504] {
        assert!(answer(in_doubt, &[]).in_doubt, "{in_doubt}");
    }
}

#[test]
fn how_long_the_service_asks_to_wait_is_heard() {
    let cases: [(&[(&str, &str)], u64); 4] = [
        (&[("retry-after", "7")], 7),
        (&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], 0),
        (&[("retry-after", "-1")], 0),
        (&[], 0),
    ];
    for (headers, seconds) in cases {
        let headers: Vec<_> = headers.to_vec();
        assert_eq!(answer(503, &headers).retry_after, Duration::from_secs(seconds), "{headers:?}");
    }
}
