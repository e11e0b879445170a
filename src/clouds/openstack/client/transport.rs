//! The connections to one OpenStack, and a request with its token and microversion.

use std::ops::Deref;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kube_rebalancer_ports::SharedClock;
use kube_rebalancer_rest::{Pace, Reply, Silence};
use serde_json::Value;

use crate::credentials::{Secret, Tls};
use kube_rebalancer_rest::{CloudError, Kind};

/// The header of a token.
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// The header of a microversion.
const VERSION: HeaderName = HeaderName::from_static("openstack-api-version");

/// The connections, with their bounds.
#[derive(Debug)]
pub(crate) struct Transport(kube_rebalancer_rest::Transport);

/// A request.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) token: Option<Secret>,
    pub(super) version: Option<&'static str>,
    pub(super) body: Option<Value>,
    /// Whether it only reads.
    pub(super) is_read: bool,
    /// Whether it is sent a single time.
    pub(super) is_once: bool,
    /// Whether it may still be sent when `RUN_TIMEOUT` has expired.
    pub(super) is_last: bool,
}

impl Deref for Transport {
    type Target = kube_rebalancer_rest::Transport;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Transport {
    /// Makes the client; the certificates are read, so this may block.
    pub(crate) fn new(tls: &Tls, clock: SharedClock, pace: Pace) -> Result<Self, CloudError> {
        let read = |path: &std::path::Path| {
            std::fs::read(path)
                .map_err(|error| CloudError::setting(format!("cannot read {}: {error}", path.display())))
        };
        let mut builder = reqwest::Client::builder();
        if let Some(path) = &tls.authorities {
            let found = reqwest::Certificate::from_pem_bundle(&read(path)?);
            let found = found.ok().filter(|all| !all.is_empty()).ok_or_else(|| no_certificate(path))?;
            builder = builder.tls_certs_merge(found);
        }
        if let Some((certificate, key)) = &tls.own {
            let mut pem = read(key)?;
            pem.push(b'\n');
            pem.extend(read(certificate)?);
            let identity = reqwest::Identity::from_pem(&pem).map_err(|_| no_certificate(certificate))?;
            builder = builder.identity(identity);
        }
        if tls.insecure {
            log::warn!("OpenStack's certificates are not checked: the credentials say so");
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let made = kube_rebalancer_rest::Transport::new(builder, clock, pace);
        let failed =
            |why| CloudError::new(Kind::Other, format!("no connection to OpenStack can be made: {why}"));
        made.map(Self).map_err(failed)
    }

    /// Makes a request. A read is retried after every temporary failure; a change only after a failure that certainly
    /// changed nothing.
    pub(super) async fn make(&self, request: &Request) -> Result<Reply, Silence> {
        let Request { method, url, token, version, body, is_read, is_once, is_last } = request;
        let mut headers = HeaderMap::new();
        if let Some(Secret(token)) = token {
            // Keystone's token; it must be valid as a header.
            let unusable = |_| Silence { in_doubt: false, words: "the token is no header".to_owned() };
            let mut value = HeaderValue::from_str(token).map_err(unusable)?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        if let Some(version) = version {
            headers.insert(VERSION, HeaderValue::from_static(version));
        }
        let request = kube_rebalancer_rest::Request {
            method: method.clone(),
            url: url.clone(),
            headers,
            body: body.as_ref().map(|body| ("application/json", body.to_string())),
            is_read: *is_read,
            is_once: *is_once,
            is_last: *is_last,
        };
        self.0.make(&request).await
    }
}

/// The JSON of an answer. `what` is the request, as it follows the word *cannot*.
pub(super) fn read<T: serde::de::DeserializeOwned>(reply: &Reply, what: &str) -> Result<T, CloudError> {
    reply.json().map_err(|why| CloudError::new(Kind::Other, format!("cannot {what}: {why}")))
}

fn no_certificate(path: &std::path::Path) -> CloudError {
    CloudError::setting(format!("{} holds no certificate in PEM form", path.display()))
}
