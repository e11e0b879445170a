use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NOW: &str = "2026-01-15T09:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn user(text: &str) -> AuthInfo {
    serde_json::from_str(text).unwrap()
}

fn plugin(script: &str) -> AuthInfo {
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", script],
        "env": [{ "name": "GREETING", "value": "hello" }],
        "interactiveMode": "Never",
    });
    user(&json!({ "exec": exec }).to_string())
}

async fn header(user: &mut AuthInfo) -> Result<Option<String>, CredentialsError> {
    let header = Credentials::take(user, now()).await?.header(now()).await?;
    Ok(header.map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_plugin_gives_a_token_in_json_or_yaml() {
    for script in [
        r#"echo '{"kind":"ExecCredential","status":{"token":"hello"}}'"#,
        r#"echo "{\"status\":{\"token\":\"$GREETING\"}}""#,
        r#"printf 'status:\n  token: hello\n  expirationTimestamp: "2030-01-01T00:00:00Z"\n'"#,
        r#"echo "$KUBERNETES_EXEC_INFO" | grep -q '"interactive":false' && echo '{"status":{"token":"hello"}}'"#,
    ] {
        let mut user = plugin(script);
        assert_eq!(header(&mut user).await.unwrap().as_deref(), Some("Bearer hello"), "{script}");
        assert!(user.exec.is_none(), "the client library would run it too");
    }
}

#[tokio::test]
async fn a_plugin_that_writes_without_end_is_cut_off() {
    let error = header(&mut plugin("yes")).await.unwrap_err();
    assert_eq!(error, CredentialsError::TooMuch("sh".to_owned()));
    assert_eq!(error.to_string(), "the credentials plugin sh writes more than 1048576 bytes");
    // Its output to standard error is not kept either.
    let script = r#"yes 1>&2 | head -c 3000000 1>&2; echo '{"status":{"token":"t"}}'"#;
    let script = script.replace("yes 1>&2", "yes");
    assert_eq!(header(&mut plugin(&script)).await.unwrap().as_deref(), Some("Bearer t"));
}

#[tokio::test]
async fn what_is_no_credential_is_refused_without_a_word_of_it() {
    for script in ["echo SECRET", "echo '{}'", r#"echo '{"status":{"token":["SECRET"]}}'"#, "true"] {
        let error = header(&mut plugin(script)).await.unwrap_err();
        assert_eq!(error, CredentialsError::NotUnderstood("sh".to_owned()), "{script}");
    }
    let error = header(&mut plugin(r#"printf '{"status":{"token":"SEC\\nRET"}}'"#)).await.unwrap_err();
    assert_eq!(error, CredentialsError::Unsendable);
    let error = header(&mut plugin("echo SECRET; echo SECRET >&2; exit 3")).await.unwrap_err();
    assert_eq!(error.to_string(), "the credentials plugin sh failed with exit status: 3");
    let error = header(&mut user(r#"{"exec":{}}"#)).await.unwrap_err();
    assert_eq!(error, CredentialsError::NoCommand);
}

#[tokio::test]
async fn a_token_is_asked_for_again_a_minute_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = format!(
        r#"echo >> {0}; N=$(wc -l < {0}); echo "{{\"status\":{{\"token\":\"t$N\",\"expirationTimestamp\":\"2026-01-15T09:10:00Z\"}}}}""#,
        count.display()
    );
    let credentials = Credentials::take(&mut plugin(&script), now()).await.unwrap();
    for (at, token) in [
        (NOW, "Bearer t1"),
        ("2026-01-15T09:08:59Z", "Bearer t1"),
        ("2026-01-15T09:09:00Z", "Bearer t2"),
        ("2026-01-15T09:08:00Z", "Bearer t2"),
    ] {
        let header = credentials.header(at.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), token, "{at}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_plugin_goes_to_the_client() {
    let mut user = plugin(r#"echo '{"status":{"clientCertificateData":"cert","clientKeyData":"key"}}'"#);
    assert_eq!(header(&mut user).await.unwrap(), None);
    assert_eq!(user.client_certificate_data.as_deref(), Some("Y2VydA=="));
    assert!(user.client_key_data.is_some());
}

#[tokio::test]
async fn a_token_file_has_a_bound_and_is_believed_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let named = || user(&json!({ "tokenFile": file }).to_string());
    std::fs::write(&file, "first\n").unwrap();
    let credentials = Credentials::take(&mut named(), now()).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(credentials.header(now()).await.unwrap().unwrap(), "Bearer first");
    let error = header(&mut named()).await.unwrap_err();
    assert_eq!(error, CredentialsError::File { path: file.clone(), why: std::io::ErrorKind::NotFound });
    std::fs::write(&file, " ".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(header(&mut named()).await.unwrap_err(), CredentialsError::LongFile(file.clone()));
    let error = header(&mut user(r#"{"tokenFile":"/dev/zero"}"#)).await.unwrap_err();
    assert_eq!(error, CredentialsError::LongFile("/dev/zero".into()));
}

#[tokio::test(start_paused = true)]
async fn a_token_file_that_is_gone_keeps_its_last_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let mut named = user(&json!({ "tokenFile": file }).to_string());
    let credentials = Credentials::take(&mut named, now()).await.unwrap();
    std::fs::write(&file, "second").unwrap();
    assert_eq!(credentials.header(now()).await.unwrap().unwrap(), "Bearer first");
    tokio::time::advance(BELIEVED).await;
    assert_eq!(credentials.header(now()).await.unwrap().unwrap(), "Bearer second");
    std::fs::remove_file(&file).unwrap();
    tokio::time::advance(BELIEVED).await;
    assert_eq!(credentials.header(now()).await.unwrap().unwrap(), "Bearer second");
}

#[tokio::test]
async fn what_counts_for_more_than_a_plugin_leaves_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("ran");
    let script = folder.path().join("plugin");
    std::fs::write(&script, format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for other in [
        json!({ "token": "t" }),
        json!({ "username": "u", "password": "p" }),
        json!({ "auth-provider": { "name": "oidc", "config": { "id-token": "t" } } }),
    ] {
        let mut other = other;
        other["exec"] = json!({ "command": script });
        assert_eq!(header(&mut user(&other.to_string())).await.unwrap(), None);
        assert!(!marker.exists());
    }
    let provider = json!({ "name": "gcp", "config": { "cmd-path": script } });
    let error = header(&mut user(&json!({ "auth-provider": provider }).to_string())).await.unwrap_err();
    assert_eq!(error, CredentialsError::Provider);
    assert!(!marker.exists());
}
