//! The lifetime of a service account's token that a federation requests.

use serde_json::{Value, json};

use super::federation::{from_url, refused_with, server, token_with, with};
use super::server::Server;

/// A file of a federation that takes a service account's identity, with the given settings for it.
fn file(server: &Server, settings: Value) -> Value {
    let url = format!("{}/account:generateAccessToken", server.address);
    let file = with(from_url(server), "service_account_impersonation_url", url);
    with(file, "service_account_impersonation", settings)
}

#[tokio::test]
async fn a_federation_requests_the_lifetime_that_its_file_names() {
    for (settings, expected) in [
        (json!({"token_lifetime_seconds": 600}), "600s"),
        (json!({"token_lifetime_seconds": 43200}), "43200s"),
        (json!({"token_lifetime_seconds": null}), "3600s"),
        (json!({}), "3600s"),
        (Value::Null, "3600s"),
    ] {
        let server = server();
        let file = file(&server, settings);
        assert_eq!(token_with(&server, &file).await, "Bearer impersonated", "{file}");
        let seen = server.seen();
        let asked = seen[2].strip_prefix("POST /account:generateAccessToken ").unwrap();
        let asked: Value = serde_json::from_str(asked).unwrap();
        assert_eq!(asked["lifetime"], expected, "{file}");
    }
}

/// A text is not repeated: it may be a secret in the wrong place.
#[tokio::test]
async fn a_lifetime_outside_of_ten_minutes_to_twelve_hours_is_refused() {
    for (lifetime, shown) in [
        (json!(599), "599"),
        (json!(43201), "43201"),
        (json!(-600), "-600"),
        (json!(600.5), "600.5"),
        (json!("SECRET"), "not a number"),
    ] {
        let server = server();
        let file = file(&server, json!({"token_lifetime_seconds": lifetime}));
        let error = refused_with(&server, &file).await;
        let why = format!("its token_lifetime_seconds is {shown}, expected a whole number from 600 to 43200");
        assert!(error.message.contains(&why), "{error}");
        assert_eq!(server.seen(), [""; 0]);
    }
}
