//! Accounts and their permissions.

use std::collections::BTreeSet;

/// An access key, and what it permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The access key ID.
    pub key: String,
    /// The secret; the fake does not check signatures.
    pub secret: String,
    /// The session token of temporary keys.
    pub session: Option<String>,
    /// The only actions that it permits; `None` for all.
    pub actions: Option<BTreeSet<String>>,
}

impl Account {
    /// The key `AKIAFAKE`, which permits everything.
    #[must_use]
    pub fn ops() -> Self {
        let key = "AKIAFAKE".to_owned();
        Self { key, secret: "secret".to_owned(), session: None, actions: None }
    }

    /// The same, with only these actions.
    #[must_use]
    pub fn only(actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        Self { actions: Some(actions), ..Self::ops() }
    }

    /// Temporary keys of a role.
    #[must_use]
    pub fn temporary(key: &str) -> Self {
        let session = Some(format!("session-of-{key}"));
        Self { key: key.to_owned(), session, ..Self::ops() }
    }

    /// Whether it permits an action.
    #[must_use]
    pub fn permits(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.contains(action))
    }
}
