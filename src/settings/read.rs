//! From the texts to [`Settings`]: every text is read before the first problem counts, so that all of them are told.

use std::collections::BTreeMap;

use super::catalog::{self, Setting};
use super::env::{Collected, Origin, RawSettings};
use super::{Problem, ResolvedSetting, SettingWarning, Settings, SettingsError};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::CloudScope;

/// Reads what was collected.
pub(super) fn settings(collected: Collected) -> Result<(Settings, Vec<SettingWarning>), SettingsError> {
    let Collected { raw, origins, problems: rejected, mut warnings } = collected;
    let mut reader = Reader { origins, rejected, problems: Vec::new(), values: Vec::new() };
    match all(raw, &mut reader) {
        Some(settings) if reader.problems.is_empty() => {
            warnings.extend(half_of_own_pod(&settings));
            Ok((settings, warnings))
        }
        _ => Err(SettingsError { problems: reader.problems }),
    }
}

/// Reads each setting in the catalogue's order; `None` if one of them has no valid value. The problems are the reader's.
fn all(raw: RawSettings, reader: &mut Reader) -> Option<Settings> {
    let max_utilization = reader.read(&catalog::MAX_UTILIZATION, raw.max_utilization);
    let min_utilization = reader.read(&catalog::MIN_UTILIZATION, raw.min_utilization);
    let optimal_utilization = reader.read(&catalog::OPTIMAL_UTILIZATION, raw.optimal_utilization);
    let min_nodes = reader.read(&catalog::MIN_NODES, raw.min_nodes);
    let max_nodes = reader.read(&catalog::MAX_NODES, raw.max_nodes);
    let preemptible_labels = reader.read(&catalog::PREEMPTIBLE_LABELS, raw.preemptible_labels);
    let omit_labels = reader.read(&catalog::OMIT_LABELS, raw.omit_labels);
    let omit_namespaces = reader.read(&catalog::OMIT_NAMESPACES, raw.omit_namespaces);
    let node_selector = reader.read(&catalog::NODE_SELECTOR, raw.node_selector);
    let capacity = reader.read(&catalog::CAPACITY, raw.capacity);
    let empty_grace = reader.read(&catalog::EMPTY_GRACE, raw.empty_grace);
    let adopt_cordons = reader.read(&catalog::ADOPT_CORDONS, raw.adopt_cordons);
    let keep_zones = reader.read(&catalog::KEEP_ZONES, raw.keep_zones);
    let max_cordons = reader.read(&catalog::MAX_CORDONS, raw.max_cordons);
    let max_deletions = reader.read(&catalog::MAX_DELETIONS, raw.max_deletions);
    let boot_grace = reader.read(&catalog::BOOT_GRACE, raw.boot_grace);
    let max_unready_percent = reader.read(&catalog::MAX_UNREADY_PERCENT, raw.max_unready_percent);
    let ok_unready_nodes = reader.read(&catalog::OK_UNREADY_NODES, raw.ok_unready_nodes);
    let project = reader.read(&catalog::PROJECT, raw.project);
    let zone = reader.read(&catalog::ZONE, raw.zone);
    let node_groups = reader.read(&catalog::NODE_GROUPS, raw.node_groups);
    let compute_endpoint = reader.read(&catalog::COMPUTE_ENDPOINT, raw.compute_endpoint);
    let run_timeout = reader.read(&catalog::RUN_TIMEOUT, raw.run_timeout);
    let yes = reader.read(&catalog::YES, raw.yes);
    let lease_namespace = reader.read(&catalog::LEASE_NAMESPACE, raw.lease_namespace);
    let log_format = reader.read(&catalog::LOG_FORMAT, raw.log_format);
    let own_namespace = reader.read(&catalog::POD_NAMESPACE, raw.pod_namespace);
    let own_name = reader.read(&catalog::POD_NAME, raw.pod_name);
    let own_node = reader.read(&catalog::NODE_NAME, raw.node_name);

    let minimum = (&catalog::MIN_UTILIZATION, min_utilization);
    let optimum = (&catalog::OPTIMAL_UTILIZATION, optimal_utilization);
    let maximum = (&catalog::MAX_UTILIZATION, max_utilization);
    reader.check_order(minimum, optimum);
    reader.check_order(optimum, maximum);
    reader.check_order(minimum, maximum);
    reader.check_order((&catalog::MIN_NODES, min_nodes), (&catalog::MAX_NODES, max_nodes));

    let node_groups = node_groups?;
    let policy = Policy {
        min_utilization: min_utilization?,
        optimal_utilization: optimal_utilization?,
        max_utilization: max_utilization?,
        min_nodes: min_nodes?,
        max_nodes: max_nodes?,
        preemptible_labels: preemptible_labels?,
        omit_labels: omit_labels?,
        omit_namespaces: omit_namespaces?,
        node_selector: node_selector?,
        capacity: capacity?,
        empty_grace: empty_grace?,
        adopt_cordons: adopt_cordons?,
        keep_zones: keep_zones?,
        max_cordons: max_cordons?,
        max_deletions: max_deletions?,
        boot_grace: boot_grace?,
        max_unready_percent: max_unready_percent?,
        ok_unready_nodes: ok_unready_nodes?,
        node_groups_named: !node_groups.is_empty(),
        own_pod: own_namespace?.zip(own_name?),
        own_node: own_node?,
    };
    let endpoint = compute_endpoint?;
    let cloud = CloudScope { project: project?, zone: zone?, node_groups, endpoint };
    Some(Settings {
        policy,
        cloud,
        run_timeout: run_timeout?,
        yes: yes?,
        lease_namespace: lease_namespace?.unwrap_or_default(),
        log_format: log_format?,
        values: std::mem::take(&mut reader.values),
    })
}

/// Reads one setting after the other and remembers what was wrong.
struct Reader {
    origins: BTreeMap<&'static str, Origin>,
    /// Settings whose value is not even a text.
    rejected: BTreeMap<&'static str, Problem>,
    problems: Vec<Problem>,
    values: Vec<ResolvedSetting>,
}

impl Reader {
    fn read<T>(&mut self, setting: &'static Setting<T>, text: Option<String>) -> Option<T> {
        let entry = &setting.entry;
        if let Some(problem) = self.rejected.remove(entry.name) {
            self.problems.push(problem);
            return None;
        }
        let origin = self.origins.get(entry.name).copied().unwrap_or(Origin::Default);
        let text = text.unwrap_or_else(|| entry.default.to_owned());
        match (setting.form.read)(&text) {
            Ok(value) => {
                self.values.push(ResolvedSetting { entry, text, origin });
                Some(value)
            }
            Err(complaint) => {
                self.problems.push(Problem::Value { entry, value: text, origin, complaint });
                None
            }
        }
    }

    /// Checks `lower <= upper`, where both are valid by themselves.
    fn check_order<T: PartialOrd>(
        &mut self,
        (lower, lower_value): (&Setting<T>, Option<T>),
        (upper, upper_value): (&Setting<T>, Option<T>),
    ) {
        let out_of_order = lower_value.zip(upper_value).is_some_and(|(lower, upper)| lower > upper);
        let resolved = |setting: &Setting<T>| {
            self.values.iter().find(|one| one.entry.name == setting.entry.name).cloned()
        };
        if out_of_order && let Some((lower, upper)) = resolved(lower).zip(resolved(upper)) {
            self.problems.push(Problem::Order { lower, upper });
        }
    }
}

fn half_of_own_pod(settings: &Settings) -> Option<SettingWarning> {
    let [namespace, name] = [catalog::POD_NAMESPACE.entry.name, catalog::POD_NAME.entry.name];
    let is_set = |name| settings.values.iter().any(|one| one.entry.name == name && !one.text.is_empty());
    match (is_set(namespace), is_set(name)) {
        (true, false) => Some(SettingWarning::HalfOfOwnPod { given: namespace, missing: name }),
        (false, true) => Some(SettingWarning::HalfOfOwnPod { given: name, missing: namespace }),
        (true, true) | (false, false) => None,
    }
}
