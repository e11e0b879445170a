//! A small HTTP client for an API server, real or fake: JSON in, JSON out, blocking, a separate connection
//! for every request, no retries, so that a test sees exactly the result of its one request.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::certificates::Certificate;
use crate::background;

/// The reason why a request got no complete answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("no answer")]
    NoAnswer(#[source] legacy::Error),
    #[error("the answer's body broke off")]
    Body(#[source] hyper::Error),
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// A whole answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as it came, for what is no text.
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The body, which must be JSON.
    #[expect(clippy::panic, reason = "shows the body that is none")]
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in the body {:?}", self.text))
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub(crate) fn success(&self) -> Value {
        assert!((200..300).contains(&self.status), "status {}: {}", self.status, self.text);
        self.json()
    }
}

/// A client of one API server as one user.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: String,
    headers: HeaderMap,
    accept: HeaderValue,
    timeout: Duration,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// A client over plain HTTP; `base` is like `http://127.0.0.1:8001`.
    pub(crate) fn plain(base: &str) -> Self {
        Self::new(base, tls(RootCertStore::empty(), None))
    }

    /// A client over HTTPS that trusts `authority` alone, and shows `certificate` if there is one.
    pub(crate) fn secure(base: &str, authority: &str, certificate: Option<&Certificate>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        Self::new(base, tls(roots, certificate))
    }

    fn new(base: &str, tls: ClientConfig) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let http = legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let timeout = Duration::from_secs(30);
        let accept = HeaderValue::from_static("application/json");
        Self { base: base.to_owned(), headers: HeaderMap::new(), accept, timeout, http }
    }

    /// The same client with one more header on every request.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same client with another limit than 30 seconds for a whole request.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same client, which prefers this media type to JSON.
    pub(crate) fn preferring(mut self, media_type: &str) -> Self {
        self.accept = HeaderValue::from_str(&format!("{media_type},application/json")).unwrap();
        self
    }

    /// Sends one request and waits for the whole answer; `path` may carry a query.
    pub(crate) fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.base))
            .header(ACCEPT, self.accept.clone());
        if body.is_some() {
            let merge = *method == Method::PATCH;
            let kind = if merge { "application/merge-patch+json" } else { "application/json" };
            request = request.header(CONTENT_TYPE, kind);
        }
        let body = body.map_or_else(Bytes::new, |json| Bytes::from(json.to_string()));
        let mut request = request.body(Full::new(body)).unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }

        let (http, timeout) = (self.http.clone(), self.timeout);
        background::wait_for(async move {
            let exchange = async {
                let (head, body) = http.request(request).await.map_err(ClientError::NoAnswer)?.into_parts();
                let bytes = body.collect().await.map_err(ClientError::Body)?.to_bytes();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Ok(Answer { status: head.status.as_u16(), headers: head.headers, text, bytes })
            };
            tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(ClientError::TimedOut(timeout)))
        })
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.must_send(&Method::GET, path, None)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.must_send(&Method::POST, path, Some(body))
    }

    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.must_send(&Method::PUT, path, Some(body))
    }

    /// A JSON merge patch.
    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.must_send(&Method::PATCH, path, Some(body))
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.must_send(&Method::DELETE, path, None)
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "shows the request that failed")]
    fn must_send(&self, method: &Method, path: &str, body: Option<&Value>) -> Answer {
        self.send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }
}

fn tls(roots: RootCertStore, certificate: Option<&Certificate>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let Some(Certificate { certificate, key }) = certificate else { return config.with_no_client_auth() };
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    config.with_client_auth_cert(chain, key).unwrap()
}
