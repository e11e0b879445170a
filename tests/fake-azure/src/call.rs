//! One request.

use fake_http::{Named, parameter};
use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::Value;

use crate::route::Route;

/// A request, for the fake to answer and for a test to count and inspect.
#[derive(Debug, Clone)]
pub struct Call {
    /// `token`, `operation`, `compute.sets`, `compute.set`, `compute.machines`, `compute.patch`, `compute.delete`, `compute.deallocate`,
    /// `compute.start`, `aks.clusters`, `aks.cluster`, `aks.pools`, `aks.pool`, `aks.put`, `aks.deleteMachines`. Empty if there is
    /// no such request.
    pub method: String,
    /// The scale set, the cluster or the pool that it is about, in lower case.
    pub target: Option<String>,
    /// `GET` and so on.
    pub verb: Method,
    /// Its path, as it was sent.
    pub path: String,
    /// Its query, as it was sent, without the question mark.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Null if there was none, or if it was no JSON.
    pub body: Value,
    /// The same as text.
    pub text: String,
}

impl Named for Call {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}

impl Call {
    pub(crate) fn new(head: &hyper::http::request::Parts, body: &[u8], route: Option<&Route>) -> Self {
        Self {
            method: route.map(Route::method).unwrap_or_default().to_owned(),
            target: route.and_then(|route| route.target().map(str::to_owned)),
            verb: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            text: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// The value of a query parameter, decoded; `None` if it is missing or empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    /// The value of a header, if it has it and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
