//! Access tokens, with a bound on every answer, which Google's library does not have.

use std::fmt;
use std::time::Duration;

use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider, EntityTag};
use google_cloud_gax::error::CredentialsError;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::http::ask;
use super::address::{Address, Clients};
use super::ask::{json, lasting};
use super::federation::Federation;
use super::granted::Granted;
use super::impersonation::Impersonation;

/// The time before its expiry at which a token is replaced.
const EARLY: Duration = Duration::from_mins(4);
/// Part of an address that only Google's own metadata has.
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const UNIVERSE: &str = "/computeMetadata/v1/universe/universe-domain";
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// The source of tokens.
pub(super) enum From {
    /// The metadata server, at this address.
    Metadata {
        /// The server.
        address: String,
        /// The scope of tokens.
        scope: &'static str,
    },
    /// The server that a login names, with the JSON of the request.
    Login {
        /// The server.
        address: Address,
        /// The request, with its secrets.
        body: String,
    },
    /// An exchange of another provider's token.
    Federation(Box<Federation>),
    /// The identity of a service account.
    Impersonation(Impersonation),
}

/// Provides tokens, and requests a new one before the last one expires.
pub(super) struct Tokens {
    clients: Clients,
    from: From,
    quota_project: Option<HeaderValue>,
    /// The domain of their cloud, if it is known.
    universe: Option<String>,
    current: Mutex<Option<Current>>,
}

/// The token in use.
struct Current {
    headers: HeaderMap,
    tag: EntityTag,
    /// When to request another one; `None` for never.
    until: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(
        clients: Clients,
        from: From,
        quota_project: Option<&str>,
        universe: Option<String>,
    ) -> Self {
        let quota_project = quota_project.and_then(|project| HeaderValue::from_str(project).ok());
        Self { clients, from, quota_project, universe, current: Mutex::new(None) }
    }

    async fn granted(&self) -> Result<Granted, CredentialsError> {
        match &self.from {
            From::Metadata { address, scope } => {
                let url = format!("{}{TOKEN}?scopes={scope}", address.trim_end_matches('/'));
                // It is on this machine; a proxy would send the credentials elsewhere.
                json(self.clients.direct.get(url).header("metadata-flavor", "Google")).await
            }
            From::Login { address, body } => {
                let request = self.clients.post(address).header(CONTENT_TYPE, "application/json");
                json(request.body(body.clone())).await
            }
            From::Federation(federation) => federation.granted(&self.clients).await,
            From::Impersonation(impersonation) => impersonation.granted(&self.clients).await,
        }
    }

    async fn fetch(&self) -> Result<Current, CredentialsError> {
        let token = self.granted().await?;
        let mut value = HeaderValue::from_str(&format!("{} {}", token.token_type, token.access_token))
            .map_err(lasting)?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
        if let Some(project) = &self.quota_project {
            headers.insert(QUOTA_PROJECT, project.clone());
        }
        // A token whose lifetime exceeds the range of time never expires.
        let until = token.expires_in.and_then(|seconds| {
            let lasts = Duration::from_secs(seconds).saturating_sub(EARLY);
            Instant::now().checked_add(lasts)
        });
        Ok(Current { headers, tag: EntityTag::new(), until })
    }
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
        let address = match &self.from {
            _ if self.universe.is_some() => return self.universe.clone(),
            From::Metadata { address, .. } => address,
            From::Impersonation(impersonation) => return impersonation.source.universe_domain().await,
            From::Login { .. } | From::Federation(_) => return None,
        };
        let url = format!("{}{UNIVERSE}", address.trim_end_matches('/'));
        let answer = ask(self.clients.direct.get(url).header("metadata-flavor", "Google")).await.ok()?;
        let domain = String::from_utf8(answer.body).ok()?;
        Some(domain).filter(|domain| answer.status.is_success() && is_domain(domain))
    }
}

/// Whether a text is a domain, without other parts of a URL.
pub(super) fn is_domain(text: &str) -> bool {
    let is_part = |letter| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(is_part)
}

/// Shows no token.
impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match &self.from {
            From::Metadata { .. } => "metadata server",
            From::Login { .. } => "login",
            From::Federation(_) => "federation",
            From::Impersonation(_) => "impersonation",
        };
        formatter.debug_struct("Tokens").field("from", &from).finish_non_exhaustive()
    }
}
