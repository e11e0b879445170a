//! Messages without credentials. What a plugin writes, and what an address holds before its `@`, is nobody's to read.

use std::error::Error;

use kube::client::AuthError;

/// What to say of a failure of the credentials, if that is what an error is about. `plugin` is the program that the
/// kubeconfig names; the error would name its arguments and variables too, and all that it wrote.
pub(super) fn credentials(error: &(dyn Error + 'static), plugin: &str) -> Option<String> {
    let mut link = Some(error);
    while let Some(one) = link {
        if let Some(found) = one.downcast_ref::<AuthError>() {
            return Some(of_credentials(found, plugin));
        }
        if let Some(kube::Error::Auth(found)) = one.downcast_ref::<kube::Error>() {
            return Some(of_credentials(found, plugin));
        }
        link = one.source();
    }
    None
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a library's errors: those that are not named may quote a secret"
)]
fn of_credentials(error: &AuthError, plugin: &str) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            format!("the credentials plugin {plugin} failed with {}", out.status)
        }
        AuthError::AuthExecStart(error) => {
            format!("the credentials plugin {plugin} cannot be started: {error}")
        }
        AuthError::AuthExecParse(_) => {
            format!("what the credentials plugin {plugin} writes is no ExecCredential")
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("the token file {} cannot be read: {error}", path.display())
        }
        _of_another_kind => {
            // A parser may quote the text that it could not read.
            let text = error.to_string();
            without_user(text.split_once(": ").map_or(text.as_str(), |(first, _)| first))
        }
    }
}

/// A text whose addresses have no user and no password: `https://user:password@host` becomes `https://host`.
pub(super) fn without_user(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        kept.push_str(before);
        kept.push_str("://");
        let end = after.find(|letter: char| letter == '/' || letter.is_whitespace()).unwrap_or(after.len());
        let (host, path) = after.split_at(end);
        kept.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        rest = path;
    }
    kept.push_str(rest);
    kept
}

/// A server's words without a token that it repeats: what follows `Bearer` or `Basic` up to the next space.
pub(super) fn without_token(text: &str) -> String {
    let mut hide = false;
    let words = text.split(' ').map(|word| {
        let shown = if hide && !word.is_empty() { "(hidden)" } else { word };
        let scheme = word.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic());
        hide = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("basic");
        shown
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_user_and_password_and_nothing_else() {
        for (text, expected) in [
            ("https://10.0.0.1:6443/", "https://10.0.0.1:6443/"),
            ("https://me:secret@api.example.com/", "https://api.example.com/"),
            (
                "no connection to http://u:p@ss@127.0.0.1:2: refused",
                "no connection to http://127.0.0.1:2: refused",
            ),
            ("proxy http://a:b@one and http://c@two/x@y", "proxy http://one and http://two/x@y"),
            ("me@example.com", "me@example.com"),
        ] {
            assert_eq!(without_user(text), expected);
        }
    }

    #[test]
    fn a_token_that_a_server_repeats_is_hidden() {
        for (text, expected) in [
            ("bad token: Bearer SECRET", "bad token: Bearer (hidden)"),
            ("got \"bearer SECRET\" from you", "got \"bearer (hidden) from you"),
            ("nodes is forbidden", "nodes is forbidden"),
        ] {
            assert_eq!(without_token(text), expected);
        }
    }

    #[test]
    fn nothing_that_a_plugin_was_given_or_wrote_is_shown() {
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt as _;
            let status = std::process::ExitStatus::from_raw(256);
            let out = std::process::Output { status, stdout: b"SECRET".to_vec(), stderr: b"SECRET".to_vec() };
            let cmd = r#"PW="a\"SECRET" "aws" "eks""#.to_owned();
            let error = kube::Error::Auth(AuthError::AuthExecRun { cmd, out: Box::new(out) });
            let words = credentials(&error, "aws").unwrap();
            assert_eq!(words, "the credentials plugin aws failed with exit status: 1");
        }
        let missing = AuthError::AuthExecStart(std::io::ErrorKind::NotFound.into());
        let words = credentials(&kube::Error::Auth(missing), "gke-gcloud-auth-plugin").unwrap();
        assert_eq!(
            words,
            "the credentials plugin gke-gcloud-auth-plugin cannot be started: entity not found"
        );
        let other = AuthError::AuthExec("Result is not a string SECRET".to_owned());
        let boxed = kube::Error::Service(Box::new(other));
        assert_eq!(credentials(&boxed, "").unwrap(), "failed exec auth");
        assert_eq!(credentials(&kube::Error::LinesCodecMaxLineLengthExceeded, ""), None);
    }
}
