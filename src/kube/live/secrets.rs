//! Messages without credentials.

use std::error::Error;

use kube::client::AuthError;
use kube_rebalancer_core::secret::without_user;

/// The message for a failure of the client library's credentials, if the error is one.
pub(super) fn credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let mut link = Some(error);
    while let Some(one) = link {
        if let Some(found) = one.downcast_ref::<AuthError>() {
            return Some(of_credentials(found));
        }
        if let Some(kube::Error::Auth(found)) = one.downcast_ref::<kube::Error>() {
            return Some(of_credentials(found));
        }
        link = one.source();
    }
    None
}

/// A parser may quote the text that it could not read, and the failure of a command its whole
/// output.
fn of_credentials(error: &AuthError) -> String {
    let text = error.to_string();
    without_user(text.split_once(": ").map_or(text.as_str(), |(first, _)| first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_credentials_hold_is_shown() {
        let other = AuthError::AuthExec("Result is not a string SECRET".to_owned());
        let boxed = kube::Error::Service(Box::new(other));
        assert_eq!(credentials(&boxed).unwrap(), "failed exec auth");
        assert_eq!(credentials(&kube::Error::LinesCodecMaxLineLengthExceeded), None);
    }
}
