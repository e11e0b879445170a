//! Impersonation of a service account.

use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_gax::error::CredentialsError;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap};
use serde::Deserialize;
use serde_json::json;

use super::address::{Address, Clients};
use super::ask::json as ask_for_json;
use super::granted::Granted;

/// The requested lifetime of a token, in seconds.
const LASTS: u64 = 3600;

/// Asks for a service account's token.
pub(super) struct Impersonation {
    /// The credentials that impersonate.
    pub(super) source: Credentials,
    /// The address for the token.
    pub(super) address: Address,
    /// The service accounts between the two.
    pub(super) delegates: Vec<String>,
    /// The scope of the token.
    pub(super) scope: &'static str,
}

/// A service account's token. Its lifetime is the requested one; the time in the answer is not
/// needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
}

impl Impersonation {
    pub(super) async fn granted(&self, clients: &Clients) -> Result<Granted, CredentialsError> {
        let headers = match self.source.headers(Extensions::new()).await? {
            CacheableResource::New { data, .. } => data,
            CacheableResource::NotModified => HeaderMap::new(),
        };
        let mut asked = json!({"scope": [self.scope], "lifetime": format!("{LASTS}s")});
        if let (false, Some(asked)) = (self.delegates.is_empty(), asked.as_object_mut()) {
            asked.insert("delegates".to_owned(), json!(self.delegates));
        }
        let request = clients.post(&self.address).headers(headers);
        let request = request.header(CONTENT_TYPE, "application/json").body(asked.to_string());
        let answer: Answer = ask_for_json(request).await?;
        let token_type = "Bearer".to_owned();
        Ok(Granted { access_token: answer.access_token, expires_in: Some(LASTS), token_type })
    }
}
