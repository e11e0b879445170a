//! The text form of the ledger: a JSON document with a version and bounds on its size.

use jiff::Timestamp;
use kube_rebalancer_core::model::{CreatedFor, Ledger, TaintEffect, TaintSet};
use kube_rebalancer_ports::in_turn;
use serde::{Deserialize, Serialize};

/// The format's version; one that this program does not know is not read.
const VERSION: u32 = 1;

/// A ledger longer than this was not written by this program.
const LONGEST: usize = 256 * 1024;

/// Maximum number of stored sets of taints, of created nodes, and of useless ones.
const MOST_ENTRIES: usize = 1000;

/// Maximum bytes of an entry: some thirty taints.
const LONGEST_ENTRY: usize = 4096;

/// Bytes of a document without entries, rounded up.
const FRAME: usize = 128;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    common: Vec<CommonEntry>,
    created_for: Vec<CreatedEntry>,
    /// The useless nodes; a document of an earlier release has none.
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

/// The reason why a ledger is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLedger {
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

/// Writes a ledger that [`decode`] reads. What does not fit is left out: sets of taints before created nodes, and of these the
/// oldest. A kubelet chooses its node's taints, and no choice may make later runs forget what was created. Sets are taken of each
/// pool in turn.
pub(super) fn encode(ledger: &Ledger) -> serde_json::Result<String> {
    let taint = |(key, value, effect): &(String, String, TaintEffect)| TaintEntry {
        key: key.clone(),
        value: value.clone(),
        effect: effect_word(*effect).to_owned(),
    };
    let mut created: Vec<_> = ledger.created_for.iter().collect();
    created.sort_by_key(|(_, noted)| std::cmp::Reverse(noted.at));
    let mut useless: Vec<_> = ledger.useless.iter().collect();
    useless.sort_by_key(|(_, noted)| std::cmp::Reverse(noted.at));
    let sets: Vec<_> =
        ledger.common.iter().flat_map(|(pool, sets)| sets.iter().map(move |entry| (pool, entry))).collect();
    let mut room = LONGEST - FRAME;
    let useless = fitting(
        useless.into_iter().map(|(group, noted)| UselessEntry {
            group: group.clone(),
            nodes: noted.nodes,
            at: noted.at,
        }),
        &mut room,
    )?;
    let created_for = fitting(
        created.into_iter().map(|((pod_uid, group), noted)| CreatedEntry {
            pod_uid: pod_uid.clone(),
            group: group.clone(),
            nodes: noted.nodes,
            at: noted.at,
        }),
        &mut room,
    )?;
    let common = fitting(
        in_turn(&sets, |(pool, _)| pool.as_str()).into_iter().map(|(pool, (set, common))| CommonEntry {
            pool: (*pool).clone(),
            taints: set.iter().map(taint).collect(),
            common: **common,
        }),
        &mut room,
    )?;
    serde_json::to_string(&Document { version: VERSION, common, created_for, useless })
}

/// The entries that fit into the room and are no longer than [`LONGEST_ENTRY`]. Takes their bytes from the room.
fn fitting<T: Serialize>(entries: impl Iterator<Item = T>, room: &mut usize) -> serde_json::Result<Vec<T>> {
    let mut fit = Vec::new();
    for entry in entries {
        // A comma follows each.
        let bytes = serde_json::to_string(&entry)?.len() + 1;
        if fit.len() < MOST_ENTRIES && bytes <= LONGEST_ENTRY.min(*room) {
            *room -= bytes;
            fit.push(entry);
        }
    }
    Ok(fit)
}

/// Reads what [`encode`] wrote; a document with anything else is an error.
pub(super) fn decode(text: &str) -> Result<Ledger, BadLedger> {
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

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(in crate::live::ledger) fn ledger() -> Ledger {
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
    fn a_ledger_survives_being_written_and_read() {
        assert_eq!(decode(&encode(&ledger()).unwrap()).unwrap(), ledger());
        assert_eq!(decode(&encode(&Ledger::default()).unwrap()).unwrap(), Ledger::default());
    }

    #[test]
    fn taints_that_a_node_chooses_push_no_created_node_out() {
        let many = |name: &str, count: usize| -> TaintSet {
            (0..count)
                .map(|at| (format!("{name}-{at:04}"), "v".repeat(60), TaintEffect::NoSchedule))
                .collect()
        };
        let mut flooded = ledger();
        let of_gpu = flooded.common.get_mut("gpu").unwrap();
        of_gpu.insert(many("huge", 700), true);
        of_gpu.extend((0..2000).map(|node| (many(&format!("node-{node}"), 20), true)));
        let text = encode(&flooded).unwrap();
        assert!(text.len() <= LONGEST, "{}", text.len());
        let read = decode(&text).unwrap();
        assert_eq!((read.created_for, read.useless), (ledger().created_for, ledger().useless));
        let sets = &read.common["gpu"];
        assert!(sets.len() > 50 && !sets.contains_key(&many("huge", 700)), "{}", sets.len());
    }

    /// The sets of the pool `aaa` are more than the record holds.
    #[test]
    fn the_taints_of_one_pool_push_no_other_pool_out() {
        let set = |name: &str| TaintSet::from([(name.to_owned(), "v".repeat(60), TaintEffect::NoSchedule)]);
        let mut flooded = ledger();
        flooded
            .common
            .insert("aaa".to_owned(), (0..2000).map(|at| (set(&format!("t-{at:04}")), true)).collect());
        flooded.common.insert("users".to_owned(), [(set("lasting"), false)].into());
        let read = decode(&encode(&flooded).unwrap()).unwrap();
        assert_eq!(read.common["users"], flooded.common["users"]);
        assert_eq!(read.common["gpu"], flooded.common["gpu"]);
        assert!(read.common["aaa"].len() > 500, "{}", read.common["aaa"].len());
    }

    #[test]
    fn of_too_many_created_nodes_the_latest_are_stored() {
        let start: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap();
        let noted = |at: i64| {
            let key = (format!("uid-{:04}", 1500 - at), "z/users".to_owned());
            (key, CreatedFor { nodes: 1, at: start + jiff::SignedDuration::from_secs(at) })
        };
        let ledger = Ledger { created_for: (0..1500).map(noted).collect(), ..Ledger::default() };
        let read = decode(&encode(&ledger).unwrap()).unwrap();
        assert_eq!(read.created_for, (500..1500).map(noted).collect());
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
