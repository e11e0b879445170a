//! Kubeconfigs that hang, fail, or have unreadable files.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::fake_api::FakeApi;
use crate::objects::{Node, Pod};

/// A kubeconfig whose one user is this, in JSON, and whose cluster is at an address where nothing listens.
fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{{"name":"c","context":{{"cluster":"k","user":"u"}}}}],
           "clusters":[{{"name":"k","cluster":{{"server":"{server}"}}}}],"users":[{{"name":"u","user":{user}}}]}}"#
    )
}

/// The exit code and what is said of a run with this kubeconfig.
#[expect(clippy::disallowed_methods, reason = "the programs that a kubeconfig names are found on the PATH")]
fn run(home: &Path, kubeconfig: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .arg("--dry-run")
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KUBECONFIG", kubeconfig)
        .env("RUN_TIMEOUT", "1s")
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn run_with(text: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    run(home.path(), &path)
}

#[test]
fn no_credential_is_in_any_message() {
    let exec = |command: &str, arguments: &str| {
        format!(
            r#"{{"exec":{{"apiVersion":"client.authentication.k8s.io/v1","command":"{command}","args":{arguments},
               "env":[{{"name":"PW","value":"a\"SECRET-ENV"}}],"interactiveMode":"Never"}}}}"#
        )
    };
    let here = "http://127.0.0.1:1";
    for (server, user, expected) in [
        (
            here,
            exec("sh", r#"["-c", "echo SECRET; echo SECRET >&2; exit 3"]"#),
            "the credentials plugin sh failed with exit status: 3",
        ),
        (
            here,
            exec("sh", r#"["-c", "echo SECRET: {"]"#),
            "the output of the credentials plugin sh is no ExecCredential",
        ),
        (here, exec("yes", r#"["SECRET"]"#), "the credentials plugin yes writes more than 1048576 bytes"),
        (
            here,
            r#"{"tokenFile":"/dev/zero"}"#.to_owned(),
            "the token file /dev/zero is longer than 1048576 bytes",
        ),
        (here, exec("no-such-plugin", "[]"), "the credentials plugin no-such-plugin cannot be started"),
        (
            "http://user:SECRET@127.0.0.1:1",
            r#"{"token":"SECRET"}"#.to_owned(),
            "no connection to http://127.0.0.1:1/",
        ),
    ] {
        let (code, said) = run_with(&kubeconfig(server, &user));
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn an_empty_kubeconfig_is_called_empty() {
    let (code, said) = run_with(r#"{"apiVersion":"v1","kind":"Config"}"#);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the kubeconfig names no current context and has none: it is empty"), "{said}");
}

/// The client library logs the address of every request, including the user and password before its `@`.
#[tokio::test(flavor = "multi_thread")]
async fn no_level_of_the_log_shows_a_credential() {
    let api = FakeApi::start();
    api.add_node(&Node::new("n1").memory("8Gi"));
    api.add_pod(&Pod::new("hub", "hub").memory("1Gi").on("n1"));
    let server = api.url().replace("http://", "http://user:SECRET-PASSWORD@");
    for log in ["trace", "debug", "kube_client=trace,hyper_util=trace,warn", "kube_client::client::builder"] {
        for format in ["text", "json"] {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("kubeconfig");
            std::fs::write(&path, kubeconfig(&server, r#"{"token":"SECRET-TOKEN"}"#)).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
                .arg("--dry-run")
                .env_clear()
                .env("HOME", home.path())
                .env("KUBECONFIG", &path)
                .env("RUST_LOG", log)
                .env("LOG_FORMAT", format)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(0), "{log} {format}: {said}");
            assert!(!said.contains("SECRET-"), "{log} {format}: {said}");
        }
    }
}

/// Opening a pipe without a writer blocks forever.
#[test]
fn a_pipe_that_nobody_writes_to_is_given_up_at_run_timeout() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        println!("skipped: no `mkfifo` to make a pipe with");
        return;
    }
    let (code, said) = run(home.path(), &pipe);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("did not give an answer within RUN_TIMEOUT"), "{said}");

    let path = home.path().join("kubeconfig");
    let user = format!(r#"{{"tokenFile":"{}"}}"#, pipe.display());
    std::fs::write(&path, kubeconfig("http://127.0.0.1:1", &user)).unwrap();
    let (code, said) = run(home.path(), &path);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("did not give an answer within RUN_TIMEOUT"), "{said}");
}
