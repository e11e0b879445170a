//! The table of all settings: the only place with their names, defaults, forms and meanings.
//!
//! The command line's flags, the output of `kube-rebalancer settings`, the messages about wrong values and the
//! table in `docs/settings.md` are all made from it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use kube_rebalancer_core::model::{LabelSelector, Resource, Rule};
use kube_rebalancer_core::policy::{
    AdoptCordons, Budget, CapacitySource, DemandSource, Drain, GiveBack, PartsPerMillion,
};

use kube_rebalancer_ports::{MagnumDelete, ParkBy, UsageKind};

use super::form::{self, ByPool, Form, Groups, Shape};
use crate::logs::LogFormat;

/// The replacement of a secret in every output.
pub(super) const HIDDEN: &str = "(hidden)";

/// A setting whose text is read into a `T`.
#[derive(Debug)]
pub(super) struct Setting<T: 'static> {
    pub(super) entry: Entry,
    pub(super) form: &'static Form<T>,
}

/// The description of a setting.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The environment variable.
    pub name: &'static str,
    /// The default, as an operator would write it; empty for *unset*.
    pub default: &'static str,
    /// Unit and expected form.
    pub shape: Shape,
    /// The kind of person or program that sets it.
    pub kind: Kind,
    /// Its meaning in one sentence, short enough for a line of a terminal.
    pub doc: &'static str,
}

/// The kind of person or program that sets a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operator, by environment variable or flag.
    Choice,
    /// The manifest, from Kubernetes' downward API: a fact about this run, with no flag.
    DownwardApi,
    /// The operator, by environment variable alone: other users of a machine can read a command line.
    Secret,
}

impl Entry {
    /// The flag without its dashes, `max-nodes` for `MAX_NODES`; none for what an operator does not choose.
    #[must_use]
    pub fn flag(&self) -> Option<String> {
        match self.kind {
            Kind::Choice => Some(self.name.to_ascii_lowercase().replace('_', "-")),
            Kind::DownwardApi | Kind::Secret => None,
        }
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// The default of a pool with `POOL_LABEL`, which differs for `MIN_NODES`: an unused pool may have no
    /// node.
    pub(super) fn default_of_a_pool(&self) -> &'static str {
        if self.name == MIN_NODES.entry.name { "0" } else { self.default }
    }

    /// The placeholder of its value: `RATIO`, `DURATION`.
    #[must_use]
    pub fn placeholder(&self) -> String {
        self.shape.unit.to_ascii_uppercase().replace(' ', "_")
    }
}

impl<T> Setting<T> {
    const fn new(
        name: &'static str,
        default: &'static str,
        form: &'static Form<T>,
        doc: &'static str,
    ) -> Self {
        Self { entry: Entry { name, default, shape: form.shape, kind: Kind::Choice, doc }, form }
    }

    const fn downward(name: &'static str, form: &'static Form<T>, doc: &'static str) -> Self {
        Self { entry: Entry { name, default: "", shape: form.shape, kind: Kind::DownwardApi, doc }, form }
    }

    const fn secret(name: &'static str, form: &'static Form<T>, doc: &'static str) -> Self {
        Self { entry: Entry { name, default: "", shape: form.shape, kind: Kind::Secret, doc }, form }
    }
}

/// Declares each setting as a constant, and all of them as [`ENTRIES`] in the same order.
macro_rules! settings {
    ($($name:ident: $type:ty = $constructor:ident($($argument:expr),+ $(,)?);)+) => {
        $(pub(super) const $name: Setting<$type> = Setting::$constructor(stringify!($name), $($argument),+);)+

        /// All settings, in the order in which they are shown.
        pub const ENTRIES: &[Entry] = &[$($name.entry),+];
    };
}

settings! {
    MAX_UTILIZATION: ByPool<PartsPerMillion> =
        new("0.85", &form::RATIO_BY_POOL, "Above this utilization, nodes are uncordoned or created");
    MIN_UTILIZATION: ByPool<PartsPerMillion> =
        new("0.65", &form::RATIO_BY_POOL, "Below this utilization, nodes are cordoned");
    OPTIMAL_UTILIZATION: ByPool<PartsPerMillion> =
        new("0.75", &form::RATIO_BY_POOL, "The utilization that a change aims at");
    MIN_NODES: ByPool<usize> =
        new("3", &form::NODES_BY_POOL, "Minimum number of serving nodes; 0 for each pool with POOL_LABEL");
    MAX_NODES: ByPool<usize> =
        new("72", &form::NODES_BY_POOL, "Maximum number of nodes; the default limits only their creation");
    RESOURCES: Vec<Resource> =
        new("memory:cpu", &form::RESOURCES, "Resources to measure; the largest ratio is the utilization");
    PREEMPTIBLE_LABELS: BTreeSet<String> =
        new("", &form::LABEL_KEYS, "A pod with one of these labels does not make its node critical");
    OMIT_LABELS: BTreeSet<String> =
        new("", &form::LABEL_KEYS, "Pods and nodes with one of these labels are omitted");
    OMIT_NAMESPACES: BTreeSet<String> =
        new("kube-system", &form::NAMESPACES, "Pods in these namespaces are omitted");
    NODE_SELECTOR: LabelSelector =
        new("", &form::SELECTOR, "Selector of the nodes to manage; unset selects all");
    POOL_LABEL: Option<String> =
        new("", &form::LABEL_KEY, "Label whose values divide the nodes into pools, planned separately");
    CAPACITY: CapacitySource =
        new("allocatable", &form::CAPACITY, "Quantity of a node by which requests are divided");
    EMPTY_GRACE: SignedDuration =
        new("0s", &form::DURATION, "How long a cordoned node must be empty before it is deleted");
    ADOPT_CORDONS: AdoptCordons =
        new("1h", &form::ADOPT, "Age at which others' cordons allow deletion; true: as ours; false: never");
    KEEP_ZONES: ByPool<bool> =
        new("true", &form::SWITCH_BY_POOL, "Keep at least one serving node in each zone that has one");
    MAX_CORDONS: Budget =
        new("20%", &form::BUDGET, "Maximum number of nodes to cordon per run");
    MAX_DELETIONS: Budget =
        new("10", &form::BUDGET, "Maximum number of nodes to delete per run");
    GIVE_BACK: GiveBack =
        new("delete", &form::GIVE_BACK, "Delete an empty cordoned node, or park it where the provider can");
    PARKED_MAX: Budget =
        new("100%", &form::PARKED, "Maximum number of parked nodes; the others are deleted");
    DRAIN: Drain =
        new("none", &form::DRAIN, "Pods to evict from nodes that are to be deleted; never a user's pod");
    MAX_EVICTIONS: Budget =
        new("10", &form::EVICTIONS, "Maximum number of pods to evict per run, with DRAIN");
    DRAIN_EMPTY_DIR: bool =
        new("false", &form::SWITCH, "With DRAIN: also evict pods with an emptyDir, whose data is lost");
    DELETE_NODE_OBJECTS: bool =
        new("false", &form::SWITCH, "Delete a Node object once two runs proved that its machine is gone");
    MAX_CREATIONS: Budget =
        new("50%", &form::CREATIONS, "Maximum number of nodes to create per run");
    BOOT_GRACE: SignedDuration =
        new("15m", &form::BOOT, "Time for a node to become Ready, and for requested growth to arrive");
    STARTUP_TAINTS: BTreeSet<String> =
        new("", &form::TAINT_KEYS, "Taints that a booting node carries, in addition to the known ones");
    MAX_UNREADY_PERCENT: u32 =
        new("45", &form::PERCENT, "Above this share of broken nodes, a run only uncordons");
    OK_UNREADY_NODES: usize =
        new("3", &form::NODES, "Number of broken nodes from which on MAX_UNREADY_PERCENT applies");
    PACK: bool =
        new("true", &form::SWITCH, "Steer new pods to the fullest nodes by soft taints");
    PROVIDER: Option<String> =
        new("", &form::PROVIDER, "Provider of nodes whose provider ID names no known cloud");
    STABILIZATION: SignedDuration =
        new("15m", &form::HOURS, "Period whose peak counts while no past week is known");
    FORECAST: bool =
        new("true", &form::SWITCH, "Expect the rise in demand that past weeks had at this hour");
    FORECAST_LEAD: SignedDuration =
        new("15m", &form::HOURS, "How far ahead foresight looks, and how early a schedule begins");
    SCHEDULE: Vec<Rule> =
        new("", &form::SCHEDULE, "Minimum number of nodes, or a reserve, at times of the week");
    CALENDAR: Option<String> =
        new("", &form::FILE, "iCalendar file whose events set MIN_NODES or RESERVE, as SCHEDULE does");
    TIME_ZONE: TimeZone =
        new("UTC", &form::TIME_ZONE, "Time zone of SCHEDULE, CALENDAR and the hours that FORECAST compares");
    USAGE: UsageKind =
        new("none", &form::USAGE, "Source of what pods use; the report shows it beside requests");
    DEMAND: DemandSource =
        new("requests", &form::DEMAND, "What a bound pod adds to the utilization, if USAGE has a source");
    PROMETHEUS_URL: Option<String> =
        new("", &form::URL, "With USAGE=prometheus: the URL of the Prometheus to query");
    PROMETHEUS_MEMORY_QUERY: Option<String> =
        new("", &form::QUERY, "Replaces the default query for bytes of memory by namespace and pod");
    PROMETHEUS_CPU_QUERY: Option<String> =
        new("", &form::QUERY, "Replaces the default query for cores by namespace and pod");
    PROJECT: Option<String> =
        new("", &form::PROJECT, "The cloud's project; found from the nodes or credentials if unset");
    ZONE: Option<String> =
        new("", &form::ZONE, "The zone of the node groups; found from the nodes if unset");
    NODE_GROUPS: Groups =
        new("", &form::GROUPS, "The only groups to change; on OpenStack, beginnings of servers' names");
    COMPUTE_ENDPOINT: Option<String> =
        new("https://compute.googleapis.com", &form::ENDPOINT, "URL of the Compute Engine API");
    CLOUD_CONFIG: Option<String> =
        new("", &form::FILE, "File of OpenStack's cloud controller that holds credentials in [Global]");
    PARK: ParkBy =
        new("shelve", &form::PARK, "How to park an OpenStack server; stop keeps its place on the host");
    MAGNUM_DELETE: MagnumDelete =
        new("never", &form::MAGNUM_DELETE, "Magnum's driver, if it deletes nodes by name");
    EXEC_LIST: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that lists the node groups");
    EXEC_GROW: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that makes a node group larger");
    EXEC_DELETE: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that deletes nodes by name");
    EXEC_PARK: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that parks nodes by name");
    EXEC_WAKE: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that wakes parked nodes by name");
    EXEC_GONE: Option<Vec<String>> =
        new("", &form::COMMAND, "With PROVIDER=exec: the command that reports which machines are gone");
    EXEC_ENV: BTreeSet<String> =
        new("", &form::VARIABLES, "Variables to pass to these commands, beside PATH, HOME and similar ones");
    RUN_TIMEOUT: SignedDuration =
        new("5m", &form::TIMEOUT, "Time from process start after which a run starts nothing and fails");
    YES: bool =
        new("false", &form::SWITCH, "Carry out the plan without asking");
    LEASE_NAMESPACE: Option<String> =
        new("default", &form::NAMESPACE, "Namespace of the Lease that lets only one run at a time work");
    LEASE_NAME: String =
        new("kube-rebalancer", &form::LEASE, "Name of the Lease; runs that manage other nodes use another one");
    LOG_FORMAT: LogFormat =
        new("text", &form::LOG_FORMAT, "json: one object per line for Cloud Logging, including the plan");
    NOTIFY_URL: Option<String> =
        secret(&form::URL, "Receives JSON messages about changes, failures and new warnings");
    NOTIFY_SECRET: Option<String> =
        secret(&form::KEY, "Key that signs the messages to NOTIFY_URL with HMAC-SHA256");
    SLACK_WEBHOOK_URL: Option<String> =
        secret(&form::URL, "Slack's incoming webhook that receives the same messages");
    DASHBOARD_URL: Option<String> =
        new("", &form::URL, "Link to show in these messages");
    METRICS_FILE: Option<String> =
        new("", &form::FILE, "File for the run's metrics, for node-exporter's textfile collector");
    PUSHGATEWAY_URL: Option<String> =
        new("", &form::URL, "URL of the Prometheus Pushgateway that receives the same metrics");
    POD_NAMESPACE: Option<String> =
        downward(&form::NAMESPACE, "The namespace of this run's own pod, from the downward API");
    POD_NAME: Option<String> =
        downward(&form::OBJECT, "The name of this run's own pod, from the downward API");
    NODE_NAME: Option<String> =
        downward(&form::OBJECT, "The node of this run's own pod, from the downward API");
}

/// The table of settings for `docs/settings.md`.
#[must_use]
pub fn markdown_table() -> String {
    let row = |entry: &Entry| {
        let Entry { name, default, shape, doc, .. } = entry;
        let default = if default.is_empty() { "unset".to_owned() } else { format!("`{default}`") };
        format!("| `{name}` | {default} | {} | {doc} |\n", shape.expected)
    };
    let head = "| variable | default | expected | meaning |\n|---|---|---|---|\n".to_owned();
    std::iter::once(head).chain(ENTRIES.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_names_in_lower_case_with_dashes() {
        assert_eq!(MAX_UTILIZATION.entry.flag().as_deref(), Some("max-utilization"));
        assert_eq!(ZONE.entry.flag().as_deref(), Some("zone"));
        assert_eq!(POD_NAME.entry.flag(), None);
        assert_eq!(MAX_CORDONS.entry.placeholder(), "NODES|%");
    }

    #[test]
    fn names_are_unique_and_texts_fit_a_line() {
        let names: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ENTRIES.len());
        for entry in ENTRIES {
            assert!(entry.doc.len() <= 72, "the doc of {} has {} characters", entry.name, entry.doc.len());
            assert!(!entry.doc.ends_with('.'), "{}: a doc is one sentence without its full stop", entry.name);
        }
    }
}
