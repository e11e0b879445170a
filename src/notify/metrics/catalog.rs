//! The table of all metrics: their names, units and meanings. The documentation and the dashboard are checked against it.

/// The prefix of every name.
pub(super) const PREFIX: &str = "kube_rebalancer_";

/// The description of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name behind `kube_rebalancer_`.
    pub name: &'static str,
    /// Its labels, in alphabetical order.
    pub labels: &'static [&'static str],
    /// Its meaning, in one sentence without a full stop.
    pub help: &'static str,
}

const fn metric(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, labels, help }
}

/// All metrics, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    metric("last_run_timestamp_seconds", &[], "Unix time at which the last run ended"),
    metric("last_run_duration_seconds", &[], "Duration of the last run"),
    metric("last_run_exit_code", &[], "Exit code of the last run"),
    metric("last_run_success", &[], "1 if the last run did all that it planned, else 0"),
    metric("last_run_actions", &["action", "outcome"], "Actions of the last run by kind and outcome"),
    metric("unhelped_pods", &[], "Waiting pods that no permitted action of the program would help"),
    metric("too_many_broken_nodes", &[], "1 if too many nodes are broken, so a run only uncordons, else 0"),
    metric("warnings", &["reason"], "Warnings of the last run by reason"),
    metric("nodes", &["pool", "state"], "Managed nodes by state, before the last run"),
    metric("critical_nodes", &["pool"], "Managed nodes with a critical pod"),
    metric("empty_nodes", &["pool"], "Managed nodes that would lose nothing if they were deleted"),
    metric("instances_without_node", &["pool"], "Instances of node groups that have no node yet"),
    metric("waiting_pods", &["pool"], "Pods that the scheduler could not place"),
    metric("planned_nodes", &["pool"], "Nodes in service once the plan has taken effect"),
    metric("min_nodes", &["pool"], "MIN_NODES"),
    metric("max_nodes", &["pool"], "MAX_NODES"),
    metric("utilization_bound_ratio", &["bound", "pool"], "MIN_, OPTIMAL_ and MAX_UTILIZATION"),
    metric("utilization_ratio", &["pool", "resource"], "Requested utilization of the serving nodes"),
    metric("requested_memory_bytes", &["pool"], "Memory requested on the serving nodes"),
    metric("capacity_memory_bytes", &["pool"], "Memory that the serving nodes offer"),
    metric("expected_memory_bytes", &["pool"], "Memory that foresight expects beyond the requests"),
    metric("requested_cpu_cores", &["pool"], "CPU requested on the serving nodes"),
    metric("capacity_cpu_cores", &["pool"], "CPU that the serving nodes offer"),
    metric("expected_cpu_cores", &["pool"], "CPU that foresight expects beyond the requests"),
];

/// The table for the documentation.
#[must_use]
pub fn markdown_table() -> String {
    let row = |metric: &Metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{PREFIX}{}` | {} | {} |\n", metric.name, labels.join(", "), metric.help)
    };
    let head = "| metric | labels | meaning |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(METRICS.iter().map(row)).collect()
}
