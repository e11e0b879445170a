//! Azure Resource Manager: one request with its token, and its result.

use std::fmt;

use http::header::{AUTHORIZATION, IF_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use kube_rebalancer_ports::SharedClock;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind, LONGEST, Pace, Reply, Request, Silence, Transport};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::failure::kind;
use super::token;
use crate::credentials::{Credentials, Secret};

/// Maximum number of pages of a list.
const MOST_PAGES: usize = 1000;

/// The result of a request for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was accepted.
    Accepted,
    /// Another client wrote in between (412): nothing was changed.
    Stale(CloudError),
    /// It was refused, and changed nothing.
    Refused(CloudError),
    /// Its answer was lost: it may or may not have been carried out.
    Lost(CloudError),
}

/// A request for a change.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// The request, as it follows the word *cannot*.
    pub(super) what: &'a str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) version: &'static str,
    /// The version of the object to change; a change by name has none.
    pub(super) etag: Option<&'a str>,
    pub(super) body: Value,
}

/// A connection to Azure Resource Manager with one identity.
pub(crate) struct Arm {
    transport: Transport,
    /// For the metadata server, which no proxy reaches.
    metadata: Transport,
    credentials: Credentials,
    token: Mutex<Secret>,
}

impl fmt::Debug for Arm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, metadata: _, credentials, token: _ } = self;
        formatter
            .debug_struct("Arm")
            .field("transport", transport)
            .field("credentials", credentials)
            .finish_non_exhaustive()
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "nextLink")]
    next: Option<String>,
}

impl Arm {
    /// Asks for a token.
    pub(crate) async fn connect(
        credentials: Credentials,
        clock: SharedClock,
        pace: Pace,
    ) -> Result<Self, CloudError> {
        let failed = |why| CloudError::new(Kind::Other, format!("no connection to Azure can be made: {why}"));
        let builder = reqwest::Client::builder;
        let transport = Transport::new(builder(), SharedClock::clone(&clock), pace).map_err(failed)?;
        let metadata = Transport::new(builder().no_proxy(), clock, pace).map_err(failed)?;
        let token = token::ask(&transport, &metadata, &credentials).await?;
        Ok(Self { transport, metadata, credentials, token: Mutex::new(token) })
    }

    /// The connections.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Reads one object. A last read is made after the run's time too.
    pub(super) async fn look<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        version: &str,
        is_last: bool,
    ) -> Result<T, CloudError> {
        let url = self.url(path, version);
        let reply = self.get(what, &url, is_last).await?;
        reply.json().map_err(|why| not_understood(what, &why))
    }

    /// Lists all pages.
    pub(super) async fn list<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        version: &str,
        is_last: bool,
    ) -> Result<Vec<T>, CloudError> {
        let mut url = self.url(path, version);
        let (mut all, mut bytes) = (Vec::new(), 0_usize);
        for _ in 0..MOST_PAGES {
            let reply = self.get(what, &url, is_last).await?;
            bytes = bytes.saturating_add(reply.body.len());
            if bytes > LONGEST {
                return Err(not_understood(what, &format!("the pages have more than {LONGEST} bytes")));
            }
            let page: Page<T> = reply.json().map_err(|why| not_understood(what, &why))?;
            all.extend(page.value);
            match page.next.filter(|next| !next.is_empty()) {
                None => return Ok(all),
                // The token is sent nowhere else.
                Some(next) if !has_same_origin(&next, &self.credentials.manager) => {
                    let why = format!("its next page is elsewhere, at {}", words::clean(&next));
                    return Err(not_understood(what, &why));
                }
                Some(next) if next == url => return Err(not_understood(what, "the pages repeat")),
                Some(next) => url = next,
            }
        }
        Err(not_understood(what, &format!("there are more than {MOST_PAGES} pages")))
    }

    /// Asks for a change, once.
    pub(super) async fn change(&self, ask: Ask<'_>) -> Sent {
        let Ask { what, method, path, version, etag, body } = ask;
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            let Ok(value) = HeaderValue::from_str(&quoted(etag)) else {
                return Sent::Refused(not_understood(what, "its etag is no header"));
            };
            headers.insert(IF_MATCH, value);
        }
        let request = Request {
            method,
            url: self.url(&path, version),
            headers,
            body: Some(("application/json", body.to_string())),
            is_read: false,
            is_once: false,
            is_last: false,
        };
        let reply = match self.with_token(&request).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(silence)) => {
                let kind = if silence.in_doubt { Kind::Doubt } else { Kind::Busy };
                let error = CloudError::new(kind, format!("cannot {what}: {}", silence.words));
                return if silence.in_doubt { Sent::Lost(error) } else { Sent::Refused(error) };
            }
            Err(error) => return Sent::Refused(error),
        };
        let error = || failure(what, &reply);
        match reply.status.as_u16() {
            200..=299 => Sent::Accepted,
            412 => Sent::Stale(error()),
            408 | 500..=599 => Sent::Lost(error()),
            _ => Sent::Refused(error()),
        }
    }

    fn url(&self, path: &str, version: &str) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{}{path}{joint}api-version={version}", self.credentials.manager)
    }

    async fn get(&self, what: &str, url: &str, is_last: bool) -> Result<Reply, CloudError> {
        let request = Request {
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: None,
            is_read: true,
            is_once: false,
            is_last,
        };
        let reply = self.with_token(&request).await?;
        let silent =
            |silence: Silence| CloudError::new(Kind::Busy, format!("cannot {what}: {}", silence.words));
        let reply = reply.map_err(silent)?;
        if reply.status.is_success() { Ok(reply) } else { Err(failure(what, &reply)) }
    }

    /// Makes a request with the present token, and once more with a new one if that is no longer valid.
    async fn with_token(&self, request: &Request) -> Result<Result<Reply, Silence>, CloudError> {
        let token = self.token.lock().await.clone();
        let first = self.transport.make(&signed(request, &token)?).await;
        if !first.as_ref().is_ok_and(|reply| reply.status == StatusCode::UNAUTHORIZED) {
            return Ok(first);
        }
        let renewed = {
            let mut current = self.token.lock().await;
            // Another request may have renewed it in the meantime.
            if *current == token {
                *current = token::ask(&self.transport, &self.metadata, &self.credentials).await?;
            }
            current.clone()
        };
        Ok(self.transport.make(&signed(request, &renewed)?).await)
    }
}

/// Whether two addresses have the same scheme, host and port. Azure writes some of its next pages with `:443`.
fn has_same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    origin(one).is_some_and(|own| own.is_tuple() && Some(own) == origin(other))
}

/// An etag in the form of a header. Scale sets have it in quotation marks, agent pools without.
fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
}

fn signed(request: &Request, Secret(token): &Secret) -> Result<Request, CloudError> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| CloudError::new(Kind::Other, "the token of Azure is no header"))?;
    value.set_sensitive(true);
    let mut request = request.clone();
    request.headers.insert(AUTHORIZATION, value);
    Ok(request)
}

fn not_understood(what: &str, why: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: {why}"))
}

/// The error of a failed answer with Azure's message, which names a missing permission.
fn failure(what: &str, reply: &Reply) -> CloudError {
    CloudError::new(kind(reply), format!("cannot {what}: {}", reply.words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_is_at_the_managers_origin_in_each_form_of_it() {
        let manager = "https://management.azure.com";
        for (next, expected) in [
            ("https://management.azure.com/subscriptions/s?$skiptoken=7", true),
            ("https://management.azure.com:443/subscriptions/s?$skiptoken=7", true),
            ("HTTPS://Management.Azure.com/subscriptions/s", true),
            ("https://management.azure.com:8443/subscriptions/s", false),
            ("http://management.azure.com/subscriptions/s", false),
            ("https://management.azure.com.example.org/subscriptions/s", false),
            ("https://management.azure.com@example.org/subscriptions/s", false),
            ("/subscriptions/s", false),
            ("data:text/plain,a", false),
        ] {
            assert_eq!(has_same_origin(next, manager), expected, "{next}");
        }
    }
}
