//! Messages without credentials: nobody may read what a plugin writes.

use std::error::Error;

use kube::client::AuthError;
use kube_rebalancer_core::secret::without_user;

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

#[cfg(test)]
mod tests {
    use super::*;

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
