//! A token as servers return it.

use serde::Deserialize;

/// A token with its lifetime in seconds.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) expires_in: Option<u64>,
    pub(super) token_type: String,
}
