//! The `ConfigMap` beside the Lease: what runs remember between them.
//!
//! It is read with the observation and written while the Lease is held. A run without the permission, or with a `ConfigMap`
//! that it cannot read, works as without one and logs that.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use kube_rebalancer_core::model::{CreatedFor, Ledger, TaintEffect, TaintSet};
use kube_rebalancer_ports::PortError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Live;
use super::call::Call;

/// The key of the `ConfigMap`'s data that holds the ledger.
const KEY: &str = "ledger.json";

/// The format's version; one that this program does not know is not read.
const VERSION: u32 = 1;

/// A ledger longer than this was not written by this program.
const LONGEST: usize = 256 * 1024;

/// How many sets of taints and created nodes are kept.
const MOST_ENTRIES: usize = 1000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    common: Vec<CommonEntry>,
    created_for: Vec<CreatedEntry>,
    /// A document of an earlier release has none.
    #[serde(default)]
    useless: Vec<UselessEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommonEntry {
    pool: String,
    taints: Vec<TaintEntry>,
    common: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaintEntry {
    key: String,
    value: String,
    effect: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedEntry {
    pod_uid: String,
    group: String,
    nodes: u32,
    at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UselessEntry {
    group: String,
    nodes: u32,
    at: Timestamp,
}

/// Why a ledger is not read.
#[derive(Debug, thiserror::Error)]
enum BadLedger {
    #[error("it has {0} bytes, expected at most {LONGEST}")]
    TooLong(usize),
    #[error("it is of version {0}, expected {VERSION}")]
    Version(u32),
    #[error("{0:?} is no taint effect, expected NoSchedule or NoExecute")]
    Effect(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

fn effect_word(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

fn encode(ledger: &Ledger) -> serde_json::Result<String> {
    let taint = |(key, value, effect): &(String, String, TaintEffect)| TaintEntry {
        key: key.clone(),
        value: value.clone(),
        effect: effect_word(*effect).to_owned(),
    };
    let sets = ledger.common.iter().flat_map(|(pool, sets)| sets.iter().map(move |entry| (pool, entry)));
    serde_json::to_string(&Document {
        version: VERSION,
        common: sets
            .take(MOST_ENTRIES)
            .map(|(pool, (set, common))| CommonEntry {
                pool: pool.clone(),
                taints: set.iter().map(taint).collect(),
                common: *common,
            })
            .collect(),
        created_for: ledger
            .created_for
            .iter()
            .take(MOST_ENTRIES)
            .map(|((pod_uid, group), noted)| CreatedEntry {
                pod_uid: pod_uid.clone(),
                group: group.clone(),
                nodes: noted.nodes,
                at: noted.at,
            })
            .collect(),
        useless: ledger
            .useless
            .iter()
            .take(MOST_ENTRIES)
            .map(|(group, noted)| UselessEntry { group: group.clone(), nodes: noted.nodes, at: noted.at })
            .collect(),
    })
}

fn decode(text: &str) -> Result<Ledger, BadLedger> {
    if text.len() > LONGEST {
        return Err(BadLedger::TooLong(text.len()));
    }
    let document: Document = serde_json::from_str(text)?;
    if document.version != VERSION {
        return Err(BadLedger::Version(document.version));
    }
    let mut ledger = Ledger::default();
    for CommonEntry { pool, taints, common } in document.common.into_iter().take(MOST_ENTRIES) {
        let mut set = TaintSet::new();
        for TaintEntry { key, value, effect } in taints {
            let effect = match effect.as_str() {
                "NoSchedule" => TaintEffect::NoSchedule,
                "NoExecute" => TaintEffect::NoExecute,
                _ => return Err(BadLedger::Effect(effect)),
            };
            set.insert((key, value, effect));
        }
        ledger.common.entry(pool).or_default().insert(set, common);
    }
    for CreatedEntry { pod_uid, group, nodes, at } in document.created_for.into_iter().take(MOST_ENTRIES) {
        ledger.created_for.insert((pod_uid, group), CreatedFor { nodes, at });
    }
    for UselessEntry { group, nodes, at } in document.useless.into_iter().take(MOST_ENTRIES) {
        ledger.useless.insert(group, CreatedFor { nodes, at });
    }
    Ok(ledger)
}

impl Live {
    /// Reads the ledger. `None` where there can be none, or none that can be read; an empty one where none was written yet.
    pub(super) async fn ledger(&self) -> Option<Ledger> {
        let text = match self.server.call(&Call::get(self.config_map())).await {
            Ok(text) => text,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Some(Ledger::default()),
            Err(error) => {
                log::info!("what earlier runs noted is not read: {error}");
                return None;
            }
        };
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if value.get("kind").and_then(Value::as_str) != Some("ConfigMap") {
            log::info!("what earlier runs noted is not read: the answer of the API server is no ConfigMap");
            return None;
        }
        let Some(noted) = value.pointer("/data").and_then(|data| data.get(KEY)).and_then(Value::as_str)
        else {
            return Some(Ledger::default());
        };
        match decode(noted) {
            Ok(ledger) => Some(ledger),
            Err(error) => {
                log::warn!("{KEY} of ConfigMap {} is ignored: {error}", self.config_map());
                Some(Ledger::default())
            }
        }
    }

    /// Writes the ledger, and the `ConfigMap` where there is none yet.
    pub(super) async fn write_ledger(&self, ledger: &Ledger) -> Result<(), PortError> {
        if self.dry_run {
            return Ok(());
        }
        let text = encode(ledger).map_err(|error| PortError(error.to_string()))?;
        let data = BTreeMap::from([(KEY, text)]);
        let patch = Call::merge_patch(
            format!("{}?fieldManager=kube-rebalancer", self.config_map()),
            json!({ "data": data }),
        );
        match self.server.call(&patch).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                let config_map = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": { "name": self.lease_name, "namespace": self.namespace },
                    "data": data,
                });
                let all = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
                self.server.call(&Call::post(all, config_map).once()).await?;
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
    use super::*;

    fn ledger() -> Ledger {
        let set = TaintSet::from([("old-pool".to_owned(), String::new(), TaintEffect::NoExecute)]);
        let at = "2026-01-15T09:00:00Z".parse().unwrap();
        Ledger {
            common: [("gpu".to_owned(), BTreeMap::from([(set, false)]))].into(),
            created_for: [(("uid-1".to_owned(), "z/users".to_owned()), CreatedFor { nodes: 2, at })].into(),
            useless: [("z/users".to_owned(), CreatedFor { nodes: 3, at })].into(),
        }
    }

    #[test]
    fn a_document_of_an_earlier_release_notes_no_useless_nodes() {
        let earlier = r#"{"version":1,"common":[],"createdFor":[{"podUid":"u","group":"g","nodes":1,"at":"2026-01-15T09:00:00Z"}]}"#;
        let read = decode(earlier).unwrap();
        assert_eq!((read.created_for.len(), read.useless.len()), (1, 0));
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(decode(&encode(&ledger()).unwrap()).unwrap(), ledger());
        assert_eq!(decode(&encode(&Ledger::default()).unwrap()).unwrap(), Ledger::default());
    }

    #[test]
    fn what_this_program_did_not_write_is_an_error_and_never_half_read() {
        let longest = "x".repeat(LONGEST + 1);
        for (text, part) in [
            ("", "EOF"),
            ("[]", "invalid length"),
            (r#"{"version":2,"common":[],"createdFor":[]}"#, "version 2"),
            (
                r#"{"version":1,"common":[{"pool":"","taints":[{"key":"a","value":"","effect":"x"}],"common":true}],"createdFor":[]}"#,
                "no taint effect",
            ),
            (
                r#"{"version":1,"common":[],"createdFor":[{"podUid":"u","group":"g","nodes":-1,"at":"2026-01-15T09:00:00Z"}]}"#,
                "invalid value",
            ),
            (
                r#"{"version":1,"common":[],"createdFor":[{"podUid":"u","group":"g","nodes":1,"at":"never"}]}"#,
                "four digit integer as year",
            ),
            (
                r#"{"version":1,"common":[],"createdFor":[],"useless":[{"group":"g","nodes":1}]}"#,
                "missing field `at`",
            ),
            (longest.as_str(), "bytes"),
        ] {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
