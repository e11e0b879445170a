use std::process::Command;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Options};
use kube_rebalancer_ports::Environment;

use super::server::{Reply, Server, TOKEN, ok, refusal};
use super::zonal;
use crate::client::{ConnectOptions, connect};
use crate::error::ErrorKind;

/// An address without a server: a port that was free a moment ago may belong to a fake by now.
const NOBODY: &str = "127.0.0.1:1";

const ADVICE: &str = "; on a laptop run `gcloud auth application-default login`, in a cluster give the service account an \
                      identity (Workload Identity)";

#[tokio::test]
async fn a_metadata_server_that_never_answers_is_given_up() {
    let server = Server::with_metadata(|_| Reply::Silence, |_, _| ok("{}"));
    assert_eq!(server.options().connect_timeout, Duration::from_secs(5));
    let options = ConnectOptions { connect_timeout: Duration::from_millis(200), ..server.options() };
    let error = connect(options).await.unwrap_err();
    assert_eq!(error.message, format!("no credentials for Google Cloud: no answer within 0.2 s{ADVICE}"));
    assert_eq!((error.kind, error.unchanged), (ErrorKind::Credentials, true));
}

#[tokio::test]
async fn a_metadata_server_that_is_not_ready_yet_is_asked_again() {
    let server = Server::with_metadata(
        |n| if n == 0 { Reply::Answer(503, "not yet".to_owned()) } else { ok(TOKEN) },
        |_, _| Reply::Close,
    );
    connect(server.options()).await.unwrap();
}

#[tokio::test]
async fn a_metadata_server_without_an_account_is_not_asked_again() {
    let server = Server::with_metadata(
        |n| if n == 0 { Reply::Answer(404, "no account".to_owned()) } else { ok(TOKEN) },
        |_, _| Reply::Close,
    );
    let error = connect(server.options()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("404") && error.message.ends_with(ADVICE), "{error}");
}

#[tokio::test]
async fn a_token_is_in_no_message_whatever_is_wrong_with_its_answer() {
    let odd = r#"{"access_token": "SECRET", "expires_in": "SECRET", "token_type": "Bearer"}"#;
    let server = Server::with_metadata(move |_| ok(odd), |_, _| Reply::Close);
    let error = connect(server.options()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("invalid type: string (hidden), expected u64"), "{error}");
    assert!(!error.message.contains("SECRET"), "{error}");
}

#[tokio::test]
async fn a_token_that_compute_engine_repeats_is_hidden() {
    let server = Server::start(|_, _| refusal(403, "forbidden", "bad token Bearer SECRET of yours"));
    let error = server.connect().await.group(&zonal()).await.unwrap_err();
    assert!(error.message.contains("bad token Bearer (hidden) of yours"), "{error}");
}

#[tokio::test]
async fn a_metadata_server_that_is_not_there_is_told_with_what_to_do() {
    let server = Server::start(|_, _| ok("{}"));
    let metadata_server = Some(format!("http://{NOBODY}"));
    let options = ConnectOptions { metadata_server, ..server.options() };
    let error = connect(options).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("refused") && error.message.ends_with(ADVICE), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    let server = Server::start(|_, _| ok("{}"));
    let options = ConnectOptions { endpoint: Some("not an address".to_owned()), ..server.options() };
    let error = connect(options).await.unwrap_err();
    assert!(error.message.starts_with("no connection to Compute Engine can be made: "), "{error}");
}

/// The output of a process that connects with the credentials that it finds. It is a child process, because the
/// environment determines the credentials, and a test cannot change it for itself alone.
fn told_by_a_child(environment: &[(&str, &str)]) -> String {
    let nowhere = env!("CARGO_MANIFEST_DIR");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "client::tests::credentials::child", "--ignored", "--nocapture"]);
    child.env("HOME", nowhere);
    for name in ["GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "HTTP_PROXY", "http_proxy"] {
        child.env_remove(name);
    }
    child.envs(environment.iter().copied());
    let output = child.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let line = told.lines().find_map(|line| line.split_once("told: ").map(|(_, told)| told.to_owned()));
    line.unwrap_or_else(|| panic!("the child told nothing: {told}"))
}

#[tokio::test]
#[ignore = "the child process of the tests below"]
#[expect(clippy::print_stdout, reason = "this is how a child tells its parent")]
async fn child() {
    super::ring();
    #[expect(clippy::disallowed_methods, reason = "a child has an environment of its own")]
    let environment: Environment = std::env::vars().collect();
    // The fakes are both in one.
    let endpoint = environment.get("GCE_METADATA_HOST").map(|address| format!("http://{address}"));
    let options = ConnectOptions { endpoint, environment, ..ConnectOptions::default() };
    let told = match connect(options).await {
        Ok(engine) => match engine.group(&zonal()).await {
            Ok(_) => "connected".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    println!("told: {told}");
}

#[test]
fn outside_of_google_cloud_the_error_says_what_to_do() {
    let told = told_by_a_child(&[("GCE_METADATA_HOST", NOBODY)]);
    assert!(told.starts_with("no credentials for Google Cloud: ") && told.ends_with(ADVICE), "{told}");
}

#[test]
fn a_file_of_credentials_that_is_of_no_use_is_told() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        ("/does/not/exist.json", "cannot read /does/not/exist.json: No such file or directory"),
        (manifest, &format!("cannot parse {manifest}: line 1, column 2")),
    ];
    for (file, why) in cases {
        let told = told_by_a_child(&[("GOOGLE_APPLICATION_CREDENTIALS", file)]);
        let start = "no credentials for Google Cloud: the file that GOOGLE_APPLICATION_CREDENTIALS names, or else \
                     gcloud's own, is of no use: ";
        assert!(told.starts_with(&format!("{start}{why}")), "{told}");
    }
}

/// A file with a login whose tokens a server gives.
fn login(server: &Server) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("login.json");
    let uri = format!("{}/computeMetadata/v1/instance/service-accounts/default/token", server.address);
    let text = format!(
        r#"{{"type": "authorized_user", "client_id": "me", "client_secret": "SECRET", "refresh_token": "SECRET",
            "token_uri": "{uri}"}}"#
    );
    std::fs::write(&file, text).unwrap();
    let environment = [("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())].into_iter().collect();
    (folder, environment)
}

#[tokio::test]
async fn a_login_gives_a_token_and_its_answer_has_a_bound() {
    let server = Server::start(|_, _| Reply::Answer(404, String::new()));
    let (_folder, environment) = login(&server);
    let options = ConnectOptions { metadata_server: None, environment, ..server.options() };
    let error = connect(options).await.unwrap().group(&zonal()).await.unwrap_err();
    assert_eq!((error.kind, server.tokens()), (ErrorKind::NotFound, 1));

    let server = Server::with_metadata(|_| Reply::Endless(200, "["), |_, _| Reply::Close);
    let (_folder, environment) = login(&server);
    let options = ConnectOptions { metadata_server: None, environment, ..server.options() };
    let error = connect(options).await.unwrap_err();
    assert!(error.message.contains("asking for a token failed: it is longer than 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn a_file_of_credentials_has_a_bound_and_a_kind() {
    let server = Server::start(|_, _| Reply::Close);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.json");
    let long = " ".repeat((1 << 20) + 1);
    let cases = [
        (long.as_str(), "is longer than 1048576 bytes"),
        (r#"{"type": "SECRET"}"#, "its type is not one that this program knows"),
        (r#"{"type": "authorized_user", "refresh_token": "SECRET"}"#, "its login lacks a field"),
        (r#"{"type": SECRET"#, "line 1, column 10"),
    ];
    for (text, why) in cases {
        std::fs::write(&file, text).unwrap();
        let environment: Environment =
            [("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())].into_iter().collect();
        let options = ConnectOptions { metadata_server: None, environment, ..server.options() };
        let error = connect(options).await.unwrap_err();
        assert!(error.message.contains(why) && !error.message.contains("SECRET"), "{error}");
    }
}

#[test]
fn a_pod_with_workload_identity_is_let_in() {
    let fake = FakeGce::start(Options::default()).unwrap();
    fake.add_group(Group::zonal("p", "us-central1-a", "hub"));
    assert_eq!(told_by_a_child(&[("GCE_METADATA_HOST", &fake.address().to_string())]), "connected");
}
