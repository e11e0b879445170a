//! Access tokens of the metadata server, and of a person's login: what answers is read up to a bound. Google's library
//! reads it to its end.

use std::fmt;
use std::time::Duration;

use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider, EntityTag};
use google_cloud_gax::error::CredentialsError;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::http::{Unreadable, ask, decode};

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::from_mins(4);
/// Part of an address that only Google's own metadata has.
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const UNIVERSE: &str = "/computeMetadata/v1/universe/universe-domain";
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// A server gives no token. What it says may repeat what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the token server answered {0}")]
struct Refused(u16);

/// Where tokens are asked for.
pub(super) enum From {
    /// The metadata server, at this address.
    Metadata(String),
    /// The server that a login names, with the JSON that it takes.
    Login {
        /// The server.
        url: String,
        /// The request, with its secrets.
        body: String,
    },
}

/// Gives tokens, and asks for a new one before the last one ends.
pub(super) struct Tokens {
    client: reqwest::Client,
    from: From,
    scope: &'static str,
    quota_project: Option<HeaderValue>,
    current: Mutex<Option<Current>>,
}

/// The token in use.
struct Current {
    headers: HeaderMap,
    tag: EntityTag,
    /// When to ask for another one; `None` for never.
    until: Option<Instant>,
}

/// A token as servers give it.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
    token_type: String,
}

impl Tokens {
    pub(super) fn new(
        client: reqwest::Client,
        from: From,
        scope: &'static str,
        quota_project: Option<&str>,
    ) -> Self {
        let quota_project = quota_project.and_then(|project| HeaderValue::from_str(project).ok());
        Self { client, from, scope, quota_project, current: Mutex::new(None) }
    }

    fn request(&self) -> reqwest::RequestBuilder {
        match &self.from {
            From::Metadata(address) => {
                let url = format!("{}{TOKEN}?scopes={}", address.trim_end_matches('/'), self.scope);
                self.client.get(url).header("metadata-flavor", "Google")
            }
            From::Login { url, body } => {
                self.client.post(url).header(CONTENT_TYPE, "application/json").body(body.clone())
            }
        }
    }

    async fn fetch(&self) -> Result<Current, CredentialsError> {
        let answer = ask(self.request()).await.map_err(|error| {
            let passes =
                matches!(&error, Unreadable::Broken(error) if error.is_connect() || error.is_request());
            CredentialsError::from_source(passes, error)
        })?;
        if !answer.status.is_success() {
            return Err(CredentialsError::from_source(
                may_pass(answer.status),
                Refused(answer.status.as_u16()),
            ));
        }
        let token: Answer =
            decode(&answer.body).map_err(|error| CredentialsError::from_source(false, error))?;
        let mut value = HeaderValue::from_str(&format!("{} {}", token.token_type, token.access_token))
            .map_err(|error| CredentialsError::from_source(false, error))?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
        if let Some(project) = &self.quota_project {
            headers.insert(QUOTA_PROJECT, project.clone());
        }
        // A token that lasts longer than time can count lasts for ever.
        let until = token.expires_in.and_then(|seconds| {
            let lasts = Duration::from_secs(seconds).saturating_sub(EARLY);
            Instant::now().checked_add(lasts)
        });
        Ok(Current { headers, tag: EntityTag::new(), until })
    }
}

fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

impl CredentialsProvider for Tokens {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let mut current = self.current.lock().await;
        let held = current.take().filter(|held| held.until.is_none_or(|until| Instant::now() < until));
        let held = match held {
            Some(held) => held,
            None => self.fetch().await?,
        };
        let held = current.insert(held);
        if extensions.get::<EntityTag>() == Some(&held.tag) {
            return Ok(CacheableResource::NotModified);
        }
        Ok(CacheableResource::New { entity_tag: held.tag.clone(), data: held.headers.clone() })
    }

    async fn universe_domain(&self) -> Option<String> {
        let From::Metadata(address) = &self.from else { return None };
        let url = format!("{}{UNIVERSE}", address.trim_end_matches('/'));
        let answer = ask(self.client.get(url).header("metadata-flavor", "Google")).await.ok()?;
        let domain = String::from_utf8(answer.body).ok()?;
        let is_domain = |domain: &String| {
            domain.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        };
        Some(domain).filter(|domain| answer.status.is_success() && !domain.is_empty() && is_domain(domain))
    }
}

/// Shows no token.
impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match &self.from {
            From::Metadata(address) => address,
            From::Login { url, .. } => url,
        };
        formatter.debug_struct("Tokens").field("from", from).finish_non_exhaustive()
    }
}
