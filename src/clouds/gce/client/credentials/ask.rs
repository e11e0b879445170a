//! Requests for tokens, and the errors of their answers.

use google_cloud_gax::error::CredentialsError;
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::super::http::{Unreadable, ask, decode};

/// A server refused a token. Its message may repeat the request, so only the status is kept.
#[derive(Debug, thiserror::Error)]
#[error("the token server answered {0}")]
struct Refused(u16);

/// The answer to a request, if it is a success.
pub(super) async fn body(request: reqwest::RequestBuilder) -> Result<Vec<u8>, CredentialsError> {
    let answer = ask(request).await.map_err(|error| {
        let passes = matches!(&error, Unreadable::Broken(error) if error.is_connect() || error.is_request());
        CredentialsError::from_source(passes, without_url(error))
    })?;
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    Err(CredentialsError::from_source(may_pass(answer.status), Refused(answer.status.as_u16())))
}

/// The answer to a request, as JSON.
pub(super) async fn json<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
) -> Result<T, CredentialsError> {
    decode(&body(request).await?).map_err(lasting)
}

/// An error for which a retry does not help.
pub(super) fn lasting(error: impl std::error::Error + Send + Sync + 'static) -> CredentialsError {
    CredentialsError::from_source(false, error)
}

/// Removes the URL of an error: an address of the operator's file may have a secret in its path or
/// query.
fn without_url(error: Unreadable) -> Unreadable {
    match error {
        Unreadable::Broken(error) => Unreadable::Broken(error.without_url()),
        Unreadable::TooLarge(error) => Unreadable::TooLarge(error),
    }
}

fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}
