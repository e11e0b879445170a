//! A token as servers give it.

use serde::Deserialize;

/// A token, and how many seconds it lasts.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) expires_in: Option<u64>,
    pub(super) token_type: String,
}
