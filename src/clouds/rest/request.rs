//! A request.

use http::{HeaderMap, Method};

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// Headers of this request alone. A secret is marked as sensitive.
    pub headers: HeaderMap,
    /// The body, with its content type.
    pub body: Option<(&'static str, String)>,
    /// Whether it only reads.
    pub is_read: bool,
    /// Whether it is sent a single time: the caller must read again before another try.
    pub is_once: bool,
    /// Whether it may still be sent when `RUN_TIMEOUT` has expired.
    pub is_last: bool,
}
