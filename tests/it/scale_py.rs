//! The decisions of the original `scale.py`, if they are available: the same clusters and settings, with its decisions,
//! or with the decisions that the contract requires if the original was wrong.
//!
//! The cases lie outside the repository, in `../shared/data/scale-py-cases`; without them this is skipped in one line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kube_rebalancer::settings::Settings;
use kube_rebalancer_core::plan::{Action, Refusal, plan};
use kube_rebalancer_kube::observe::Reading;
use serde::Deserialize;

/// The settings with which this program decides like the original: memory alone, by capacity; it adopts the cordons of
/// others; no limits on the actions of one run.
const AS_IT_WAS: [(&str, &str); 6] = [
    ("RESOURCES", "memory"),
    ("ADOPT_CORDONS", "true"),
    ("CAPACITY", "capacity"),
    ("MAX_CORDONS", "100%"),
    ("MAX_DELETIONS", "1000"),
    ("MAX_CREATIONS", "1000"),
];

/// One file: settings, a cluster, and the decisions.
#[derive(Deserialize)]
struct Case {
    env: BTreeMap<String, String>,
    cluster: serde_json::Value,
    scale_py: Decision,
    /// The right decision if the original was wrong.
    policy: Option<Decision>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct Decision {
    cordon: BTreeSet<String>,
    uncordon: BTreeSet<String>,
    delete: BTreeSet<String>,
    grow: u32,
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/scale-py-cases");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn decide(case: &Case) -> Decision {
    let mut pairs: Vec<(String, String)> = case.env.clone().into_iter().collect();
    let as_it_was = AS_IT_WAS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    pairs.extend(as_it_was.into_iter().filter(|(name, _)| !case.env.contains_key(name)));
    let (settings, _) = Settings::from_pairs(pairs).unwrap();
    let mut reading = Reading::default();
    reading.add_input("case", case.cluster.to_string().as_bytes()).unwrap();
    let observed = reading.finish("2024-07-01T00:00:00Z".parse().unwrap()).unwrap();
    let made = match plan(&observed.snapshot, settings.policy()) {
        // A cluster in which no pod is visible is not changed.
        Err(Refusal::NoPodVisible { .. }) => return Decision::default(),
        other => other.unwrap(),
    };
    let mut decision = Decision::default();
    for action in &made.actions {
        match action {
            Action::Uncordon { node, .. } => decision.uncordon.insert(node.clone()),
            Action::Cordon { node, .. } => decision.cordon.insert(node.clone()),
            Action::Delete { node, .. } => decision.delete.insert(node.clone()),
            Action::Grow { from, to, .. } => {
                decision.grow += to - from;
                true
            }
            Action::Park { .. }
            | Action::Wake { .. }
            | Action::DeleteInstance { .. }
            | Action::Evict { .. }
            | Action::DeleteObject { .. }
            | Action::Mark { .. }
            | Action::Unmark { .. }
            | Action::Steer { .. }
            | Action::Unsteer { .. } => true,
        };
    }
    decision
}

#[test]
fn every_case_is_decided_as_the_original_did_or_as_the_contract_demands_instead() {
    let files = cases();
    if files.is_empty() {
        println!("skipped: no scale-py-cases beside the repository");
        return;
    }
    for file in &files {
        let case: Case = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let expected = case.policy.as_ref().unwrap_or(&case.scale_py);
        assert_eq!(&decide(&case), expected, "{}", file.display());
    }
    println!("{} cases agree", files.len());
}
