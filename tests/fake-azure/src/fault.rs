//! The faults of requests to Azure: only the common ones.

use std::convert::Infallible;

/// The fault of a request.
pub type Fault = fake_http::Fault<Infallible>;
