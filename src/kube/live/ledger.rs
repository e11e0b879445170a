//! The `ConfigMap` beside the Lease, with the records of runs under three keys: the ledger, the history of foresight, and
//! the problems reported to people.
//!
//! One request reads all, with the observation. A run writes each while it holds the Lease. A run without the permission,
//! or with a `ConfigMap` that it cannot read, works as without one and logs that.

mod document;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use kube_rebalancer_core::model::{History, Ledger};
use kube_rebalancer_ports::{PortError, chain};
use serde_json::{Value, json};

use super::Live;
use super::call::Call;
use document::{decode, encode};

/// The key of the `ConfigMap`'s data that holds the ledger.
const KEY: &str = "ledger.json";

/// The key that holds the history.
const HISTORY_KEY: &str = "history";

/// The key that holds the problems reported to people.
const TOLD_KEY: &str = "told.json";

/// The records of earlier runs.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The ledger; `None` if runs cannot store one, empty if none was written yet or it cannot be read.
    pub(super) ledger: Option<Ledger>,
    /// The history; `None` if runs cannot store one or it cannot be read: then nothing is learned, and nothing overwrites
    /// it.
    pub(super) history: Option<Arc<History>>,
    /// The problems reported to people, not parsed yet.
    pub(super) told: Option<String>,
}

/// Reads the answer of the API server. A `ConfigMap` of another program, or of a later release, stops no run.
fn remembered(text: &str, name: &str) -> Remembered {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    if value.get("kind").and_then(Value::as_str) != Some("ConfigMap") {
        log::info!("the notes of earlier runs are not read: the answer of the API server is no ConfigMap");
        return Remembered::default();
    }
    let noted = |key| value.pointer("/data").and_then(|data| data.get(key)).and_then(Value::as_str);
    let ledger = noted(KEY).map_or_else(Ledger::default, |noted| {
        decode(noted).unwrap_or_else(|error| {
            log::warn!("{KEY} of ConfigMap {name} is ignored: {error}");
            Ledger::default()
        })
    });
    let history = match noted(HISTORY_KEY).map(kube_rebalancer_history::decode) {
        None => Some(Arc::default()),
        Some(Ok(history)) => Some(Arc::new(history)),
        Some(Err(error)) => {
            let error = chain(&error);
            log::warn!(
                "{HISTORY_KEY} of ConfigMap {name} is ignored, and kept: {error}; remove it to start again"
            );
            None
        }
    };
    Remembered { ledger: Some(ledger), history, told: noted(TOLD_KEY).map(str::to_owned) }
}

/// The reason why the history of a cluster cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The request failed.
    #[error("the ConfigMap that holds the history cannot be read")]
    Read(#[from] PortError),
    /// There is none.
    #[error(
        "there is no ConfigMap {0}: no run has noted anything yet, or LEASE_NAMESPACE and LEASE_NAME name another one"
    )]
    Missing(String),
    /// It is no history.
    #[error("{HISTORY_KEY} of ConfigMap {name} is no history")]
    Bad {
        /// The `ConfigMap`.
        name: String,
        /// The problem.
        source: kube_rebalancer_history::BadHistory,
    },
}

impl Live {
    /// Reads the stored history for display. It is empty if runs have stored only other records.
    pub async fn read_history(&self) -> Result<History, HistoryError> {
        let name = format!("{}/{}", self.namespace, self.lease_name);
        let text = match self.server.call(&Call::get(self.config_map())).await {
            Ok(text) => text,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                return Err(HistoryError::Missing(name));
            }
            Err(error) => return Err(HistoryError::Read(error.into())),
        };
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let noted = value.pointer("/data").and_then(|data| data.get(HISTORY_KEY)).and_then(Value::as_str);
        let history = noted.map_or_else(|| Ok(History::default()), kube_rebalancer_history::decode);
        history.map_err(|source| HistoryError::Bad { name, source })
    }

    /// Reads the records of earlier runs.
    pub(super) async fn remembered(&self) -> Remembered {
        match self.server.call(&Call::get(self.config_map()).optional()).await {
            Ok(text) => remembered(&text, &self.config_map()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                Remembered { ledger: Some(Ledger::default()), history: Some(Arc::default()), told: None }
            }
            Err(error) => {
                log::info!("the notes of earlier runs are not read: {error}");
                Remembered::default()
            }
        }
    }

    /// Writes the ledger, even if the run must stop: it has what this run has just created.
    pub(super) async fn write_ledger(&self, ledger: &Ledger) -> Result<(), PortError> {
        let text = encode(ledger).map_err(|error| PortError(error.to_string()))?;
        self.write_data(KEY, text, Call::last_word).await
    }

    /// Writes the history. The caller holds the Lease.
    pub async fn write_history(&self, history: &History) -> Result<(), PortError> {
        let text = kube_rebalancer_history::encode(history).map_err(|error| PortError(error.to_string()))?;
        self.write_data(HISTORY_KEY, text, |call| call).await
    }

    /// Writes the problems reported to people. The caller holds the Lease.
    pub async fn write_told(&self, text: String) -> Result<(), PortError> {
        self.write_data(TOLD_KEY, text, |call| call).await
    }

    /// Writes one key, and creates the `ConfigMap` if there is none yet. The other keys stay as they are.
    async fn write_data(&self, key: &str, text: String, how: fn(Call) -> Call) -> Result<(), PortError> {
        if self.dry_run {
            return Ok(());
        }
        let data = BTreeMap::from([(key, text)]);
        let patch = Call::merge_patch(
            format!("{}?fieldManager=kube-rebalancer", self.config_map()),
            json!({ "data": data }),
        )
        .optional();
        match self.server.call(&how(patch)).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                let config_map = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": { "name": self.lease_name, "namespace": self.namespace },
                    "data": data,
                });
                let all = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
                self.server.call(&how(Call::post(all, config_map).soon().once())).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn config_map(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{}", self.namespace, self.lease_name)
    }
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::Resource;

    use super::document::tests::ledger;
    use super::*;

    #[test]
    fn each_key_is_read_by_itself() {
        let mut history = History::default();
        history.observe("2026-01-15T09:00:00Z".parse().unwrap(), "", Resource::Memory, 1 << 30);
        let written = kube_rebalancer_history::encode(&history).unwrap();
        let read = |data: Value| remembered(&json!({"kind": "ConfigMap", "data": data}).to_string(), "c");
        let both = read(json!({KEY: encode(&ledger()).unwrap(), HISTORY_KEY: written}));
        assert_eq!((both.ledger, both.history.as_deref()), (Some(ledger()), Some(&history)));
        let neither = read(json!({}));
        assert_eq!(
            (neither.ledger, neither.history.as_deref()),
            (Some(Ledger::default()), Some(&History::default()))
        );
        assert_eq!(read(json!({TOLD_KEY: "[]"})).told.as_deref(), Some("[]"));
        // An unknown history is not overwritten; an unknown ledger is.
        let later = read(json!({KEY: "{}", HISTORY_KEY: "kube-rebalancer/history/v9\nAAAA"}));
        assert_eq!((later.ledger, later.history), (Some(Ledger::default()), None));
        let status = remembered(r#"{"kind":"Status"}"#, "c");
        assert!(status.ledger.is_none() && status.history.is_none());
    }
}
