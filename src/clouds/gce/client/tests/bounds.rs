//! Every answer is read with a bound, and none becomes large in memory.

use std::fmt::Write as _;

use super::server::{Reply, Server, TOKEN, ok};
use super::zonal;
use crate::client::connect;
use crate::client::http::{MOST_OBJECTS, MOST_VALUES, Undecoded, decode};
use crate::error::ErrorKind;

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_a_bound_and_not_asked_for_again() {
    for text in [" ", "{", r#"{"items": ["#, r#"{"kind": "a", "#] {
        let server = Server::start(move |_, _| Reply::Endless(200, text));
        let error = server.connect().await.group(&zonal()).await.unwrap_err();
        let expected = "cannot read group us-central1-a/hub: Compute Engine's answer cannot be read: it is longer than \
                        8388608 bytes";
        assert_eq!(error.message, expected);
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_failure_without_end_is_read_as_far_as_its_words_go() {
    let server = Server::start(|_, _| Reply::Endless(403, "go away "));
    let error = server.connect().await.group(&zonal()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("answered 403: \"go away go away "), "{error}");
}

#[tokio::test]
async fn a_metadata_server_without_end_is_read_up_to_a_bound() {
    for status in [200, 403] {
        let server = Server::with_metadata(move |_| Reply::Endless(status, "{"), |_, _| Reply::Close);
        let error = connect(server.options()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Credentials);
        let why =
            if status == 200 { "it is longer than 8388608 bytes" } else { "the token server answered 403" };
        let start = format!("no credentials for Google Cloud: asking for a token failed: {why}; ");
        assert!(error.message.starts_with(&start), "{error}");
    }
}

#[tokio::test]
async fn a_short_answer_of_many_objects_is_not_decoded() {
    let server = Server::start(|_, _| {
        let mut items = String::from("{}");
        for _ in 0..MOST_OBJECTS {
            items.push_str(",{}");
        }
        ok(&format!(r#"{{"managedInstances": [{items}]}}"#))
    });
    let error = server.connect().await.instances(&zonal()).await.unwrap_err();
    assert!(error.message.ends_with("cannot be read: it has more than 50000 objects"), "{error}");
    assert_eq!(server.seen().len(), 1);
    let mut most = String::from("[{}");
    for _ in 1..MOST_OBJECTS {
        write!(most, ",{{}}").unwrap();
    }
    most.push(']');
    decode::<serde_json::Value>(most.as_bytes()).unwrap();
    let more = most.replacen("{}", "{},{}", 1);
    assert!(matches!(decode::<serde_json::Value>(more.as_bytes()), Err(Undecoded::TooLarge(_))));
}

/// Google's types keep the values of fields that they do not know.
#[tokio::test]
async fn a_short_answer_of_many_values_is_not_decoded() {
    let server = Server::start(|_, _| ok(&format!(r#"{{"zz": [{}]}}"#, vec!["0"; MOST_VALUES].join(","))));
    let error = server.connect().await.instances(&zonal()).await.unwrap_err();
    assert!(error.message.ends_with("cannot be read: it has more than 250000 values"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_, _| ok("{}"));
    let address = elsewhere.address.clone();
    let server = Server::start(move |_, _| Reply::Redirect(address.clone()));
    let error = server.connect().await.group(&zonal()).await.unwrap_err();
    assert!(error.message.contains("answered 302"), "{error}");
    assert_eq!(elsewhere.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_is_asked_for_again_when_it_is_about_to_end() {
    let short = r#"{"access_token": "a", "expires_in": 239, "token_type": "Bearer"}"#;
    for (token, asked) in [(short, 4), (TOKEN, 1), (r#"{"access_token": "a", "token_type": "Bearer"}"#, 1)] {
        let server = Server::with_metadata(move |_| ok(token), |_, _| Reply::Answer(404, String::new()));
        let engine = server.connect().await;
        for _ in 0..3 {
            engine.group(&zonal()).await.unwrap_err();
        }
        assert_eq!(server.tokens(), asked, "{token}");
    }
}

#[tokio::test]
async fn a_token_that_lasts_longer_than_time_can_count_is_one_that_lasts() {
    let token = format!(r#"{{"access_token": "a", "expires_in": {}, "token_type": "Bearer"}}"#, u64::MAX);
    let server = Server::with_metadata(move |_| ok(&token), |_, _| Reply::Answer(404, String::new()));
    let error = server.connect().await.group(&zonal()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}
