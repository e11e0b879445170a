//! Accounts: their credentials and permitted actions.

use std::collections::BTreeSet;

/// An application, and the identity of the machine with the same rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The tenant.
    pub tenant: String,
    /// The ID of the application.
    pub client: String,
    /// Its secret.
    pub secret: String,
    /// The cluster's token that is accepted for it.
    pub assertion: String,
    /// The actions that it may do; `None` for all.
    pub actions: Option<BTreeSet<String>>,
}

impl Account {
    /// An application that may do everything.
    #[must_use]
    pub fn ops() -> Self {
        let text = str::to_owned;
        Self {
            tenant: text("tenant"),
            client: text("client"),
            secret: text("secret"),
            assertion: text("assertion"),
            actions: None,
        }
    }

    /// The same with these actions alone.
    #[must_use]
    pub fn with_actions(mut self, actions: &[&str]) -> Self {
        self.actions = Some(actions.iter().map(|action| action.to_ascii_lowercase()).collect());
        self
    }

    pub(crate) fn may(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.contains(&action.to_ascii_lowercase()))
    }
}
