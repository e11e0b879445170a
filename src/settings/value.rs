//! A setting with the value that this run uses, and its origin.

use kube_rebalancer_page::Setting;
use serde_json::Value;

use super::catalog::Entry;
use super::origin::Origin;

/// A setting as this run uses it.
#[derive(Clone, Debug)]
pub struct ResolvedSetting {
    /// The setting.
    pub entry: &'static Entry,
    /// Its value as it was written; empty for *unset*.
    pub text: String,
    /// The origin of the value.
    pub origin: Origin,
}

impl ResolvedSetting {
    /// The value as JSON: `3`, `0.85`, `true`, `"20%"`, `["a", "b"]`, `null` for *unset*.
    #[must_use]
    pub fn json(&self) -> Value {
        self.entry.shape.json.value(&self.text)
    }

    /// The setting as reports show it.
    pub(super) fn for_report(&self) -> Setting<'_> {
        Setting {
            name: self.entry.name,
            text: &self.text,
            json: self.json(),
            is_default: self.text == self.entry.default,
        }
    }
}
