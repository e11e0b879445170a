//! Impersonation of a service account.

use std::ops::RangeInclusive;

use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_gax::error::CredentialsError;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{Address, Clients};
use super::ask::json as ask_for_json;
use super::granted::Granted;

/// The lifetime of a token in seconds, unless the file of credentials names another.
pub(super) const LASTS: u64 = 3600;
/// The lifetimes that a file may name, as for Google's libraries.
const LIFETIMES: RangeInclusive<u64> = 600..=43_200;

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
    /// The requested lifetime of the token, in seconds.
    pub(super) lifetime: u64,
}

/// The lifetime that a file of a federation names, else the usual one. A null is no lifetime.
pub(super) fn lifetime(file: &Value) -> Result<u64, String> {
    let named = file.pointer("/service_account_impersonation/token_lifetime_seconds");
    let Some(named) = named.filter(|named| !named.is_null()) else { return Ok(LASTS) };
    named.as_u64().filter(|seconds| LIFETIMES.contains(seconds)).ok_or_else(|| {
        // A text may be a secret in the wrong place; a number is not.
        let shown = if named.is_number() { named.to_string() } else { "not a number".to_owned() };
        let (shortest, longest) = LIFETIMES.into_inner();
        format!("its token_lifetime_seconds is {shown}, expected a whole number from {shortest} to {longest}")
    })
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
        let mut asked = json!({"scope": [self.scope], "lifetime": format!("{}s", self.lifetime)});
        if let (false, Some(asked)) = (self.delegates.is_empty(), asked.as_object_mut()) {
            asked.insert("delegates".to_owned(), json!(self.delegates));
        }
        let request = clients.post(&self.address).headers(headers);
        let request = request.header(CONTENT_TYPE, "application/json").body(asked.to_string());
        let answer: Answer = ask_for_json(request).await?;
        let token_type = "Bearer".to_owned();
        Ok(Granted { access_token: answer.access_token, expires_in: Some(self.lifetime), token_type })
    }
}
