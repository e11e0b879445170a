//! Collects the text of each setting from name/value pairs.
//!
//! ```text
//! environment --+
//!               +--> by setting: the flag, else the variable --> envy --> RawSettings
//! flags --------+        |
//!                        +--> variables that are nearly a setting: warnings
//! ```
//!
//! envy alone would stop at the first bad variable, panic at one that is not UTF-8 and name no variable in half of
//! its messages. So it reads only texts into fields that accept any text; the texts are parsed later.

use std::collections::BTreeMap;
use std::ffi::OsString;

use kube_rebalancer_ports::Environment;
use serde::{Deserialize, Serialize};

use super::catalog::{ENTRIES, Entry};
use super::form::Complaint;
use super::origin::Origin;
use super::problem::{Problem, SettingWarning};
use super::spelling;

/// A name and a value from the environment or the command line.
#[derive(Clone, Debug)]
pub struct Pair {
    name: OsString,
    value: OsString,
    origin: Origin,
}

impl Pair {
    /// A flag, under the name of its variable.
    #[must_use]
    pub fn flag(variable: &str, value: impl Into<OsString>) -> Self {
        Self { name: variable.into(), value: value.into(), origin: Origin::Flag }
    }
}

/// A variable of the environment.
impl<Name: Into<OsString>, Value: Into<OsString>> From<(Name, Value)> for Pair {
    fn from((name, value): (Name, Value)) -> Self {
        Self { name: name.into(), value: value.into(), origin: Origin::Environment }
    }
}

/// The text of every setting that has one. The fields are the variables' names.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct RawSettings {
    pub(super) max_utilization: Option<String>,
    pub(super) min_utilization: Option<String>,
    pub(super) optimal_utilization: Option<String>,
    pub(super) min_nodes: Option<String>,
    pub(super) max_nodes: Option<String>,
    pub(super) resources: Option<String>,
    pub(super) preemptible_labels: Option<String>,
    pub(super) omit_labels: Option<String>,
    pub(super) omit_namespaces: Option<String>,
    pub(super) node_selector: Option<String>,
    pub(super) pool_label: Option<String>,
    pub(super) capacity: Option<String>,
    pub(super) empty_grace: Option<String>,
    pub(super) adopt_cordons: Option<String>,
    pub(super) keep_zones: Option<String>,
    pub(super) max_cordons: Option<String>,
    pub(super) max_deletions: Option<String>,
    pub(super) give_back: Option<String>,
    pub(super) parked_max: Option<String>,
    pub(super) drain: Option<String>,
    pub(super) max_evictions: Option<String>,
    pub(super) drain_empty_dir: Option<String>,
    pub(super) delete_node_objects: Option<String>,
    pub(super) max_creations: Option<String>,
    pub(super) boot_grace: Option<String>,
    pub(super) startup_taints: Option<String>,
    pub(super) max_unready_percent: Option<String>,
    pub(super) ok_unready_nodes: Option<String>,
    pub(super) pack: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) stabilization: Option<String>,
    pub(super) forecast: Option<String>,
    pub(super) forecast_lead: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) calendar: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) usage: Option<String>,
    pub(super) demand: Option<String>,
    pub(super) prometheus_url: Option<String>,
    pub(super) prometheus_memory_query: Option<String>,
    pub(super) prometheus_cpu_query: Option<String>,
    pub(super) project: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) node_groups: Option<String>,
    pub(super) compute_endpoint: Option<String>,
    pub(super) cloud_config: Option<String>,
    pub(super) park: Option<String>,
    pub(super) magnum_delete: Option<String>,
    pub(super) exec_list: Option<String>,
    pub(super) exec_grow: Option<String>,
    pub(super) exec_delete: Option<String>,
    pub(super) exec_park: Option<String>,
    pub(super) exec_wake: Option<String>,
    pub(super) exec_gone: Option<String>,
    pub(super) exec_env: Option<String>,
    pub(super) run_timeout: Option<String>,
    pub(super) yes: Option<String>,
    pub(super) lease_namespace: Option<String>,
    pub(super) lease_name: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) notify_url: Option<String>,
    pub(super) notify_secret: Option<String>,
    pub(super) slack_webhook_url: Option<String>,
    pub(super) dashboard_url: Option<String>,
    pub(super) metrics_file: Option<String>,
    pub(super) pushgateway_url: Option<String>,
    pub(super) pod_namespace: Option<String>,
    pub(super) pod_name: Option<String>,
    pub(super) node_name: Option<String>,
}

/// The texts of the settings, before they are parsed.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) raw: RawSettings,
    /// The origin of each text, by variable.
    pub(super) origins: BTreeMap<&'static str, Origin>,
    /// The settings that have no usable text, by variable.
    pub(super) problems: BTreeMap<&'static str, Problem>,
    pub(super) warnings: Vec<SettingWarning>,
    /// The variables of the environment that are text and no settings.
    pub(super) environment: Environment,
}

/// Sorts the pairs by setting. Variables' names may be in any letter case, as envy accepts them.
pub(super) fn collect(pairs: impl Iterator<Item = Pair>) -> Result<Collected, envy::Error> {
    let mut collected = Collected::default();
    let mut given: BTreeMap<&'static str, Vec<Pair>> = BTreeMap::new();
    let mut environment = BTreeMap::new();
    for pair in pairs {
        // A name that is not text is no misspelt ASCII name.
        let Some(name) = pair.name.to_str() else { continue };
        let upper = name.to_ascii_uppercase();
        if let Some(entry) = ENTRIES.iter().find(|entry| entry.name == upper) {
            given.entry(entry.name).or_default().push(pair);
        } else {
            let meant = spelling::meant_by(&upper);
            if !meant.is_empty() {
                collected.warnings.push(SettingWarning::Misspelt { given: name.to_owned(), meant });
            }
            if let (Origin::Environment, Some(value)) = (pair.origin, pair.value.to_str()) {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    collected.environment = environment.into_iter().collect();
    collected.warnings.sort_by_key(ToString::to_string); // an environment has no order of its own
    let mut texts = Vec::new();
    for entry in ENTRIES {
        let pairs = given.remove(entry.name).map(winners).unwrap_or_default();
        let Some(pair) = pairs.first() else { continue };
        match text(entry, pair, &pairs) {
            Ok(text) => texts.push((entry.name.to_owned(), text)),
            Err(problem) => {
                collected.problems.insert(entry.name, problem);
            }
        }
        collected.origins.insert(entry.name, pair.origin);
    }
    collected.raw = envy::from_iter(texts)?;
    Ok(collected)
}

/// The pairs that count: a flag before a variable; an empty text does not count. Several pairs can only be the same
/// variable in different letter case, upper case first.
fn winners(mut pairs: Vec<Pair>) -> Vec<Pair> {
    let origin = pairs.iter().map(|pair| pair.origin).max();
    pairs.retain(|pair| Some(pair.origin) == origin && !pair.value.is_empty());
    pairs.sort_by(|left, right| left.name.cmp(&right.name));
    pairs
}

fn text(entry: &'static Entry, pair: &Pair, all: &[Pair]) -> Result<String, Problem> {
    if all.len() > 1 {
        let names = all.iter().map(|one| one.name.to_string_lossy().into_owned());
        return Err(Problem::GivenTwice { entry, names: names.collect() });
    }
    pair.value.to_str().map(str::to_owned).ok_or_else(|| Problem::Value {
        entry,
        value: pair.value.as_encoded_bytes().escape_ascii().to_string(),
        origin: pair.origin,
        complaint: Complaint::NotUnicode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_catalogue_has_a_field_and_every_field_a_setting() {
        let names: Vec<_> = ENTRIES.iter().map(|entry| entry.name.to_ascii_lowercase()).collect();
        let fields = serde_json::to_value(RawSettings::default()).unwrap();
        let mut fields: Vec<_> = fields.as_object().unwrap().keys().cloned().collect();
        let mut sorted = names.clone();
        sorted.sort();
        fields.sort();
        assert_eq!(sorted, fields);
        for name in names {
            let collected = collect([Pair::from((&name, "x"))].into_iter()).unwrap();
            let raw = serde_json::to_value(&collected.raw).unwrap();
            assert_eq!(raw[&name], "x");
        }
    }

    #[test]
    fn a_flag_goes_before_the_variable_and_an_empty_text_is_none() {
        let variable = |value: &str| Pair::from(("MAX_NODES", value));
        let flag = |value: &str| Pair::flag("MAX_NODES", value);
        let cases = [
            (vec![], None),
            (vec![variable("5")], Some("5")),
            (vec![variable("")], None),
            (vec![variable("5"), flag("7")], Some("7")),
            (vec![flag("7"), variable("5")], Some("7")),
            (vec![flag(""), variable("5")], None), // back to the default
        ];
        for (pairs, expected) in cases {
            let collected = collect(pairs.clone().into_iter()).unwrap();
            assert_eq!(collected.raw.max_nodes.as_deref(), expected, "{pairs:?}");
            assert_eq!(collected.origins.len(), usize::from(expected.is_some()), "{pairs:?}");
        }
    }
}
