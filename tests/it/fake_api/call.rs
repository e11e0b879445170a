//! One request.

use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::Value;

/// A request, whole and in order, for the fake to answer and for a test to count and inspect.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The query as it was sent, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// Null if there was none, or if it was no JSON.
    pub(crate) body: Value,
}

impl Call {
    /// The value of a query parameter, decoded; None if it is missing or empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        fake_http::parameter(&self.query, name)
    }
}
