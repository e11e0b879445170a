//! Credentials that are exchanged for a token: a federation of identities, and the identity of another service account.

use std::process::Command;
use std::time::Duration;

use kube_rebalancer_ports::Environment;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{Reply, Server, ok, refusal};
use super::zonal;
use crate::client::{ConnectOptions, connect};
use crate::error::{ComputeError, ErrorKind};

const EXCHANGED: &str = r#"{"access_token": "federated", "expires_in": 3600, "token_type": "Bearer",
                            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}"#;
const IMPERSONATED: &str = r#"{"accessToken": "impersonated", "expireTime": "2001-01-01T00:00:00Z"}"#;
const LOGIN: &str = r#"{"access_token": "login", "expires_in": 3600, "token_type": "Bearer"}"#;

/// Answers each kind of request in the usual way.
fn usual(request: &str) -> Reply {
    match request.split_once(' ').map_or("", |(_, path)| path) {
        path if path.starts_with("/source") => ok("SUBJECT"),
        path if path.starts_with("/sts") => ok(EXCHANGED),
        path if path.starts_with("/account:generate") => ok(IMPERSONATED),
        path if path.starts_with("/login") => ok(LOGIN),
        _ => refusal(404, "notFound", "no group"),
    }
}

pub(super) fn server() -> Server {
    Server::start(|_, request| usual(request))
}

/// A server with a special answer for requests to one path.
fn server_but(path: &'static str, reply: Reply) -> Server {
    Server::start(move |_, request| if request.contains(path) { reply.clone() } else { usual(request) })
}

/// A file of a federation whose subject token is in a file.
fn federation(server: &Server, source: &Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/sts", server.address),
        "credential_source": source,
    })
}

pub(super) fn from_url(server: &Server) -> Value {
    federation(server, &json!({"url": format!("{}/source", server.address)}))
}

/// A file of another account's identity, behind a person's login.
fn identity(server: &Server) -> Value {
    json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": format!("{}/account:generateAccessToken", server.address),
        "delegates": ["projects/-/serviceAccounts/between"],
        "source_credentials": {
            "type": "authorized_user", "client_id": "me", "client_secret": "SECRET", "refresh_token": "SECRET",
            "token_uri": format!("{}/login", server.address),
        },
    })
}

pub(super) fn with(mut file: Value, field: &str, value: impl Into<Value>) -> Value {
    file[field] = value.into();
    file
}

/// The connection options with a file of credentials.
fn options(server: &Server, file: &Value) -> (TempDir, ConnectOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let environment: Environment =
        [("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())].into_iter().collect();
    (folder, ConnectOptions { metadata_server: None, environment, ..server.options() })
}

/// The token of a request to Compute Engine for an unknown group.
pub(super) async fn token_with(server: &Server, file: &Value) -> String {
    let (_folder, options) = options(server, file);
    let error = connect(options).await.unwrap().group(&zonal()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    server.authorizations().pop().unwrap()
}

/// The error of connecting with a file.
pub(super) async fn refused_with(server: &Server, file: &Value) -> ComputeError {
    let (_folder, options) = options(server, file);
    let error = connect(options).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
    assert!(!error.message.contains("SECRET") && !error.message.contains("SUBJECT"), "{error}");
    error
}

#[tokio::test]
async fn a_federation_exchanges_the_token_of_a_file_or_of_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let (text, field) = (folder.path().join("text"), folder.path().join("field"));
    std::fs::write(&text, "SUBJECT\n").unwrap();
    std::fs::write(&field, r#"{"id": "SUBJECT"}"#).unwrap();
    let format = json!({"type": "json", "subject_token_field_name": "id"});
    for source in [json!({"file": text}), json!({"file": field, "format": format})] {
        let server = server();
        assert_eq!(token_with(&server, &federation(&server, &source)).await, "Bearer federated");
        let seen = server.seen();
        assert_eq!(seen.len(), 2, "{seen:?}");
        let body = seen[0].strip_prefix("POST /sts ").unwrap();
        let expected = [
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
            "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
            "audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fp%2Fproviders%2Fk",
            "scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcompute",
            "subject_token=SUBJECT",
            "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt",
        ];
        let mut parts: Vec<_> = body.split('&').collect();
        let mut expected = expected.to_vec();
        parts.sort_unstable();
        expected.sort_unstable();
        assert_eq!(parts, expected);
        assert_eq!(server.authorizations()[0], "");
    }
    let server = server();
    let file = with(with(from_url(&server), "client_id", "me"), "client_secret", "SECRET");
    assert_eq!(token_with(&server, &file).await, "Bearer federated");
    assert_eq!(server.seen()[0], "GET /source");
    assert_eq!(server.authorizations()[1], "Basic bWU6U0VDUkVU");
}

#[tokio::test]
async fn a_federation_takes_the_identity_of_a_service_account() {
    let server = server();
    let url = format!("{}/account:generateAccessToken", server.address);
    let file = with(from_url(&server), "service_account_impersonation_url", url);
    assert_eq!(token_with(&server, &file).await, "Bearer impersonated");
    let seen = server.seen();
    assert_eq!(seen.len(), 4, "{seen:?}");
    // The first token is used to request the second one, and for nothing else.
    assert!(seen[1].contains("scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fiam&"), "{seen:?}");
    let asked = seen[2].strip_prefix("POST /account:generateAccessToken ").unwrap();
    let asked: Value = serde_json::from_str(asked).unwrap();
    let scope = "https://www.googleapis.com/auth/compute";
    assert_eq!(asked, json!({"scope": [scope], "lifetime": "3600s"}));
    assert_eq!(server.authorizations()[2], "Bearer federated");
}

#[tokio::test]
async fn a_login_takes_the_identity_of_a_service_account() {
    let server = server();
    assert_eq!(token_with(&server, &identity(&server)).await, "Bearer impersonated");
    let seen = server.seen();
    let login: Value = serde_json::from_str(seen[0].strip_prefix("POST /login ").unwrap()).unwrap();
    assert_eq!(login["scopes"], "https://www.googleapis.com/auth/cloud-platform");
    let asked = seen[1].strip_prefix("POST /account:generateAccessToken ").unwrap();
    let asked: Value = serde_json::from_str(asked).unwrap();
    assert_eq!(asked["delegates"], json!(["projects/-/serviceAccounts/between"]));
    assert_eq!(server.authorizations()[1], "Bearer login");
}

#[tokio::test]
async fn a_token_goes_to_an_encrypted_address_or_to_this_machine_and_nowhere_else() {
    let server = server();
    let elsewhere = [
        "http://elsewhere.example.org/SECRET",
        "https://me:SECRET@elsewhere.example.org/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@elsewhere.example.org/",
        "http://169.254.169.254/",
        "ftp://127.0.0.1/SECRET",
        "file:///etc/passwd",
        "SECRET",
        "",
    ];
    for text in elsewhere {
        let federated = from_url(&server);
        let mut login = identity(&server);
        login["source_credentials"]["token_uri"] = text.into();
        let cases = [
            (with(federated.clone(), "token_url", text), "token_url"),
            (with(federated, "service_account_impersonation_url", text), "service_account_impersonation_url"),
            (
                with(identity(&server), "service_account_impersonation_url", text),
                "service_account_impersonation_url",
            ),
            (login["source_credentials"].clone(), "token_uri"),
            (login, "token_uri"),
        ];
        for (file, field) in cases {
            let error = refused_with(&server, &file).await;
            let why =
                format!("is of no use: its {field} is neither an https address nor one of this machine;");
            assert!(error.message.contains(&why), "{text} {error}");
        }
        if text != "http://169.254.169.254/" {
            let error = refused_with(&server, &federation(&server, &json!({"url": text}))).await;
            let why = "its credential_source.url is neither an https address nor one of this machine or of its \
                       metadata server;";
            assert!(error.message.contains(why), "{text} {error}");
        }
    }
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn compute_engine_is_at_a_domain_of_google_s_kind() {
    for text in ["evil.example.org/", "a@b", "b:1", "", "A.example"] {
        let server = server();
        for file in [from_url(&server), identity(&server), json!({"type": "service_account"})] {
            let error = refused_with(&server, &with(file, "universe_domain", text)).await;
            assert!(error.message.contains("its universe_domain is no domain;"), "{error}");
        }
        assert_eq!(server.seen(), [""; 0]);
    }
}

#[tokio::test]
async fn a_source_that_runs_a_program_or_asks_aws_is_refused() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let command = format!("touch {}", ran.display());
    let cases = [
        (json!({"executable": {"command": command}}), "its credential_source runs a program"),
        (
            json!({"environment_id": "aws1", "region_url": "http://10.0.0.1/"}),
            "its credential_source is of AWS",
        ),
        (json!({"certificate": {}}), "its credential_source is neither a file nor an address"),
        (json!({"url": 1}), "its credential_source is neither a file nor an address"),
        (json!({"file": "/f", "format": {"type": "xml"}}), "its credential_source has a format other than"),
        (json!({"file": "/f", "format": {"type": "json"}}), "its credential_source names no field"),
    ];
    for (source, why) in cases {
        let mut file = federation(&server, &source);
        let (_folder, mut options) = options(&server, &file);
        let variables =
            options.environment.iter().chain([("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")]);
        options.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let error = connect(options).await.unwrap_err();
        assert!(error.message.contains(why), "{error}");
        file["credential_source"] = Value::Null;
        assert!(refused_with(&server, &file).await.message.contains("its credential_source"), "{file}");
    }
    assert!(!ran.exists());
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn a_file_that_lacks_a_field_or_is_nested_is_refused() {
    let server = server();
    for (file, why) in [
        (json!({"type": "external_account", "client_secret": "SECRET"}), "its federation lacks a field"),
        (json!({"type": "impersonated_service_account"}), "its impersonation lacks a field"),
        (
            with(identity(&server), "source_credentials", identity(&server)),
            "its source_credentials impersonate a service account, too",
        ),
        (
            with(identity(&server), "source_credentials", json!({"type": "SECRET"})),
            "its type is not one that this program knows",
        ),
    ] {
        let error = refused_with(&server, &file).await;
        assert!(error.message.contains(why), "{error}");
    }
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn every_answer_and_file_on_the_way_to_a_token_has_a_bound() {
    for path in ["/source", "/sts", "/account:", "/login"] {
        for (status, why) in
            [(200, "it is longer than 8388608 bytes"), (403, "the token server answered 403")]
        {
            let server = server_but(path, Reply::Endless(status, "{"));
            let file = if path == "/login" {
                identity(&server)
            } else {
                let url = format!("{}/account:generateAccessToken", server.address);
                with(from_url(&server), "service_account_impersonation_url", url)
            };
            let error = refused_with(&server, &file).await;
            assert!(error.message.contains(&format!("asking for a token failed: {why}")), "{path} {error}");
        }
    }
    let server = server();
    let error = refused_with(&server, &federation(&server, &json!({"file": "/dev/zero"}))).await;
    assert!(error.message.contains("/dev/zero is longer than 1048576 bytes"), "{error}");
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn silence_on_the_way_to_a_token_ends_in_time() {
    for path in ["/source", "/sts", "/account:", "/login"] {
        let server = server_but(path, Reply::Silence);
        let url = format!("{}/account:generateAccessToken", server.address);
        let file = if path == "/login" {
            identity(&server)
        } else {
            with(from_url(&server), "service_account_impersonation_url", url)
        };
        let (_folder, options) = options(&server, &file);
        let options = ConnectOptions { connect_timeout: Duration::from_millis(200), ..options };
        let error = connect(options).await.unwrap_err();
        assert!(error.message.contains("no answer within 0.2 s"), "{path} {error}");
    }
    // The pipe has no writer.
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (_folder, options) = options(&server, &federation(&server, &json!({"file": pipe})));
    let options = ConnectOptions { connect_timeout: Duration::from_millis(200), ..options };
    let error = connect(options).await.unwrap_err();
    assert!(error.message.contains("no answer within 0.2 s"), "{error}");
    // The thread that reads it ends now. If a busy machine started none, only the thread that writes waits.
    std::thread::spawn(move || drop((std::fs::OpenOptions::new().write(true).open(&pipe), folder)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let thief = Server::start(|_, _| ok(EXCHANGED));
    for path in ["/source", "/sts", "/account:", "/login"] {
        let server = server_but(path, Reply::Redirect(thief.address.clone()));
        let file = if path == "/login" {
            identity(&server)
        } else {
            let url = format!("{}/account:generateAccessToken", server.address);
            with(from_url(&server), "service_account_impersonation_url", url)
        };
        let error = refused_with(&server, &file).await;
        assert!(error.message.contains("the token server answered 302"), "{path} {error}");
    }
    assert_eq!(thief.seen(), [""; 0]);
}

#[tokio::test]
async fn a_token_lasts_as_long_as_time_can_count() {
    let forever = format!(
        r#"{{"access_token": "federated", "expires_in": {}, "token_type": "Bearer", "issued_token_type": ""}}"#,
        u64::MAX
    );
    let server = server_but("/sts", ok(&forever));
    assert_eq!(token_with(&server, &from_url(&server)).await, "Bearer federated");
    for end in ["9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "SECRET"] {
        let answer = json!({"accessToken": "impersonated", "expireTime": end}).to_string();
        let server = server_but("/account:", ok(&answer));
        assert_eq!(token_with(&server, &identity(&server)).await, "Bearer impersonated");
    }
}

#[tokio::test]
async fn a_server_that_cannot_answer_yet_is_asked_again() {
    let server =
        Server::start(|n, request| if n == 1 { Reply::Answer(503, String::new()) } else { usual(request) });
    assert_eq!(token_with(&server, &from_url(&server)).await, "Bearer federated");
    let paths: Vec<_> = server.seen().iter().map(|seen| seen.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(&paths[..4], ["/source", "/sts", "/source", "/sts"]);
}

#[tokio::test]
async fn no_secret_is_in_a_message_whatever_is_wrong_with_an_answer() {
    let odd = [
        r#"{"access_token": "SECRET", "expires_in": "SECRET", "token_type": "Bearer"}"#,
        r#"{"access_token": "SECRET\n", "expires_in": 1, "token_type": "Bearer"}"#,
        r#"{"accessToken": ["SECRET"]}"#,
        r#"{"accessToken": "SECRET\n"}"#,
        r#""SECRET""#,
        "SECRET",
    ];
    for answer in odd {
        for path in ["/sts", "/account:", "/login"] {
            let server = server_but(path, ok(answer));
            let file = if path == "/sts" { from_url(&server) } else { identity(&server) };
            assert!(refused_with(&server, &file).await.message.contains("asking for a token failed: "));
        }
    }
    for status in [400, 401, 403] {
        for path in ["/source", "/sts"] {
            let server = server_but(path, Reply::Answer(status, "the token SUBJECT of SECRET".to_owned()));
            let error = refused_with(&server, &from_url(&server)).await;
            assert!(error.message.contains(&format!("the token server answered {status}")), "{error}");
        }
    }
    let format = json!({"type": "json", "subject_token_field_name": "id"});
    for answer in [r#"{"token": "SECRET"}"#, r#"{"id": ["SECRET"]}"#, "SECRET", r#"{"id": ""}"#] {
        let server = server_but("/source", ok(answer));
        let source = json!({"url": format!("{}/source", server.address), "format": format});
        let error = refused_with(&server, &federation(&server, &source)).await;
        assert!(error.message.contains("asking for a token failed: "), "{error}");
    }
    let server = server_but("/source", ok(" \n"));
    let error = refused_with(&server, &from_url(&server)).await;
    assert!(error.message.contains("the source of the subject token gives none"), "{error}");
}
