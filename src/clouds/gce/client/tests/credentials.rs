use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Options};

use super::server::{Reply, Server, TOKEN, ok, refusal};
use super::zonal;
use crate::client::{ConnectOptions, connect};
use crate::error::ErrorKind;

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
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = ConnectOptions { metadata_server: Some(format!("http://{free}")), ..server.options() };
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

/// What a process tells that connects with the credentials it finds. A child process, because they are found by the
/// environment, which a test cannot change for itself alone.
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
    #[expect(clippy::disallowed_methods, reason = "the credentials are found by it as well")]
    let server = std::env::var("GCE_METADATA_HOST").ok();
    // The fakes are both in one.
    let endpoint = server.map(|address| format!("http://{address}"));
    let told = match connect(ConnectOptions { endpoint, ..ConnectOptions::default() }).await {
        Ok(engine) => match engine.group(&zonal()).await {
            Ok(_) => "connected".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    println!("told: {told}");
}

#[test]
fn who_is_not_on_google_cloud_is_told_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let told = told_by_a_child(&[("GCE_METADATA_HOST", &free)]);
    assert!(told.starts_with("no credentials for Google Cloud: ") && told.ends_with(ADVICE), "{told}");
}

#[test]
fn a_file_of_credentials_that_is_of_no_use_is_told() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        ("/does/not/exist.json", "could not find or open the credentials file /does/not/exist.json"),
        (manifest, "cannot parse the credentials file"),
    ];
    for (file, why) in cases {
        let told = told_by_a_child(&[("GOOGLE_APPLICATION_CREDENTIALS", file)]);
        let start = "no credentials for Google Cloud: the file that GOOGLE_APPLICATION_CREDENTIALS names, or else \
                     gcloud's own, is of no use: ";
        assert!(told.starts_with(&format!("{start}{why}")), "{told}");
    }
}

#[test]
fn a_pod_with_workload_identity_is_let_in() {
    let fake = FakeGce::start(Options::default()).unwrap();
    fake.add_group(Group::zonal("p", "us-central1-a", "hub"));
    assert_eq!(told_by_a_child(&[("GCE_METADATA_HOST", &fake.address().to_string())]), "connected");
}
