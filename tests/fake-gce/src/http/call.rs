//! One request.

use fake_http::{Named, parameter};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use super::route::Route;
use crate::engine::Location;

/// A request, for the fake to answer and for a test to count and inspect.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name in the REST reference, such as `compute.instanceGroupManagers.resize`; for the metadata server such
    /// as `metadata.token`. Empty if there is no such method.
    pub method: String,
    /// The permission that it takes, such as `compute.instanceGroupManagers.update`, if it takes any.
    pub permission: Option<String>,
    /// The project that it is about.
    pub project: Option<String>,
    /// The zone or region that it is about.
    pub location: Option<Location>,
    /// The name of the group, instance or operation that it is about.
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
    pub(super) fn new(head: &hyper::http::request::Parts, body: &[u8], route: Option<&Route>) -> Self {
        Self {
            method: route.map(Route::method).unwrap_or_default(),
            permission: route.and_then(Route::permission),
            project: route.and_then(|route| route.project().map(str::to_owned)),
            location: route.and_then(|route| route.location().cloned()),
            target: route.and_then(|route| route.target().map(str::to_owned)),
            verb: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// The value of a query parameter, decoded; None if it is missing or empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    /// By which a retry is known for one.
    #[must_use]
    pub fn request_id(&self) -> Option<String> {
        self.parameter("requestId")
    }

    /// Whether it carries any access token at all.
    pub(super) fn has_token(&self) -> bool {
        let value = self.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        value.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| !token.is_empty())
    }
}
