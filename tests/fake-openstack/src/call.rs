//! One request.

use fake_http::{Named, parameter};
use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::Value;

use crate::route::Route;

/// A request, for the fake to answer and for a test to count and inspect.
#[derive(Debug, Clone)]
pub struct Call {
    /// `identity.token`, `compute.list`, `compute.show`, `compute.delete`, or an action such as `compute.shelve` and
    /// `compute.os-stop`. Empty if there is no such request.
    pub method: String,
    /// The ID of the server that it is about.
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
    pub(crate) fn new(head: &hyper::http::request::Parts, body: Value, route: Option<&Route>) -> Self {
        Self {
            method: route.map(Route::method).unwrap_or_default(),
            target: route.and_then(|route| route.target().map(str::to_owned)),
            verb: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            body,
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
