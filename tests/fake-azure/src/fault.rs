//! What goes wrong with requests to Azure: nothing that is its own.

use std::convert::Infallible;

/// What goes wrong with a request.
pub type Fault = fake_http::Fault<Infallible>;
