//! Parses the texts into [`Settings`]: every text is parsed before an error is returned, so the error lists all
//! problems.

use std::path::PathBuf;

use super::bounds::Bounded;
use super::catalog;
use super::env::{Collected, RawSettings};
use super::problem::{SettingWarning, SettingsError};
use super::reader::Reader;
use super::validated::{Settings, UsageFrom};
use kube_rebalancer_core::policy::{Foresight, Policy};
use kube_rebalancer_notify::{Receivers, Secret};
use kube_rebalancer_ports::{CloudScope, Commands, Environment, UsageKind};
use kube_rebalancer_prometheus::{CPU_QUERY, MEMORY_QUERY, Prometheus};

/// Parses the collected texts.
pub(super) fn settings(collected: Collected) -> Result<(Settings, Vec<SettingWarning>), SettingsError> {
    let Collected { raw, origins, problems: rejected, mut warnings, environment } = collected;
    let mut reader = Reader::new(origins, rejected);
    match all(raw, environment, &mut reader) {
        Some(settings) if reader.problems.is_empty() => {
            warnings.extend(half_of_own_pod(&settings));
            Ok((settings, warnings))
        }
        _ => Err(SettingsError { problems: reader.problems, warnings }),
    }
}

/// Reads each setting in the catalogue's order; `None` if one of them has no valid value. The reader collects the
/// problems.
#[expect(clippy::too_many_lines, reason = "a line for each setting, in the catalogue's order")]
fn all(raw: RawSettings, environment: Environment, reader: &mut Reader) -> Option<Settings> {
    let max_utilization = reader.read(&catalog::MAX_UTILIZATION, raw.max_utilization);
    let min_utilization = reader.read(&catalog::MIN_UTILIZATION, raw.min_utilization);
    let optimal_utilization = reader.read(&catalog::OPTIMAL_UTILIZATION, raw.optimal_utilization);
    let min_nodes = reader.read(&catalog::MIN_NODES, raw.min_nodes);
    let max_nodes = reader.read(&catalog::MAX_NODES, raw.max_nodes);
    let resources = reader.read(&catalog::RESOURCES, raw.resources);
    let preemptible_labels = reader.read(&catalog::PREEMPTIBLE_LABELS, raw.preemptible_labels);
    let omit_labels = reader.read(&catalog::OMIT_LABELS, raw.omit_labels);
    let omit_namespaces = reader.read(&catalog::OMIT_NAMESPACES, raw.omit_namespaces);
    let node_selector = reader.read(&catalog::NODE_SELECTOR, raw.node_selector);
    let pool_label = reader.read(&catalog::POOL_LABEL, raw.pool_label);
    let capacity = reader.read(&catalog::CAPACITY, raw.capacity);
    let empty_grace = reader.read(&catalog::EMPTY_GRACE, raw.empty_grace);
    let adopt_cordons = reader.read(&catalog::ADOPT_CORDONS, raw.adopt_cordons);
    let keep_zones = reader.read(&catalog::KEEP_ZONES, raw.keep_zones);
    let max_cordons = reader.read(&catalog::MAX_CORDONS, raw.max_cordons);
    let max_deletions = reader.read(&catalog::MAX_DELETIONS, raw.max_deletions);
    let give_back = reader.read(&catalog::GIVE_BACK, raw.give_back);
    let parked_max = reader.read(&catalog::PARKED_MAX, raw.parked_max);
    let drain = reader.read(&catalog::DRAIN, raw.drain);
    let max_evictions = reader.read(&catalog::MAX_EVICTIONS, raw.max_evictions);
    let drain_empty_dir = reader.read(&catalog::DRAIN_EMPTY_DIR, raw.drain_empty_dir);
    let delete_node_objects = reader.read(&catalog::DELETE_NODE_OBJECTS, raw.delete_node_objects);
    let max_creations = reader.read(&catalog::MAX_CREATIONS, raw.max_creations);
    let boot_grace = reader.read(&catalog::BOOT_GRACE, raw.boot_grace);
    let startup_taints = reader.read(&catalog::STARTUP_TAINTS, raw.startup_taints);
    let max_unready_percent = reader.read(&catalog::MAX_UNREADY_PERCENT, raw.max_unready_percent);
    let ok_unready_nodes = reader.read(&catalog::OK_UNREADY_NODES, raw.ok_unready_nodes);
    let pack = reader.read(&catalog::PACK, raw.pack);
    let provider = reader.read(&catalog::PROVIDER, raw.provider);
    let stabilization = reader.read(&catalog::STABILIZATION, raw.stabilization);
    let forecast = reader.read(&catalog::FORECAST, raw.forecast);
    let lead = reader.read(&catalog::FORECAST_LEAD, raw.forecast_lead);
    let schedule = reader.read(&catalog::SCHEDULE, raw.schedule);
    let calendar = reader.read(&catalog::CALENDAR, raw.calendar);
    let time_zone = reader.read(&catalog::TIME_ZONE, raw.time_zone);
    let usage = reader.read(&catalog::USAGE, raw.usage);
    let demand = reader.read(&catalog::DEMAND, raw.demand);
    let prometheus_url = reader.read(&catalog::PROMETHEUS_URL, raw.prometheus_url);
    let prometheus_memory_query = reader.read(&catalog::PROMETHEUS_MEMORY_QUERY, raw.prometheus_memory_query);
    let prometheus_cpu_query = reader.read(&catalog::PROMETHEUS_CPU_QUERY, raw.prometheus_cpu_query);
    let project = reader.read(&catalog::PROJECT, raw.project);
    let zone = reader.read(&catalog::ZONE, raw.zone);
    let node_groups = reader.read(&catalog::NODE_GROUPS, raw.node_groups);
    let compute_endpoint = reader.read(&catalog::COMPUTE_ENDPOINT, raw.compute_endpoint);
    let cloud_config = reader.read(&catalog::CLOUD_CONFIG, raw.cloud_config);
    let park_by = reader.read(&catalog::PARK, raw.park);
    let magnum_delete = reader.read(&catalog::MAGNUM_DELETE, raw.magnum_delete);
    let exec_list = reader.read(&catalog::EXEC_LIST, raw.exec_list);
    let exec_grow = reader.read(&catalog::EXEC_GROW, raw.exec_grow);
    let exec_delete = reader.read(&catalog::EXEC_DELETE, raw.exec_delete);
    let exec_park = reader.read(&catalog::EXEC_PARK, raw.exec_park);
    let exec_wake = reader.read(&catalog::EXEC_WAKE, raw.exec_wake);
    let exec_gone = reader.read(&catalog::EXEC_GONE, raw.exec_gone);
    let exec_env = reader.read(&catalog::EXEC_ENV, raw.exec_env);
    let run_timeout = reader.read(&catalog::RUN_TIMEOUT, raw.run_timeout);
    let yes = reader.read(&catalog::YES, raw.yes);
    let lease_namespace = reader.read(&catalog::LEASE_NAMESPACE, raw.lease_namespace);
    let lease_name = reader.read(&catalog::LEASE_NAME, raw.lease_name);
    let log_format = reader.read(&catalog::LOG_FORMAT, raw.log_format);
    let notify_url = reader.read(&catalog::NOTIFY_URL, raw.notify_url);
    let notify_secret = reader.read(&catalog::NOTIFY_SECRET, raw.notify_secret);
    let slack_webhook_url = reader.read(&catalog::SLACK_WEBHOOK_URL, raw.slack_webhook_url);
    let dashboard_url = reader.read(&catalog::DASHBOARD_URL, raw.dashboard_url);
    let metrics_file = reader.read(&catalog::METRICS_FILE, raw.metrics_file);
    let pushgateway_url = reader.read(&catalog::PUSHGATEWAY_URL, raw.pushgateway_url);
    let own_namespace = reader.read(&catalog::POD_NAMESPACE, raw.pod_namespace);
    let own_name = reader.read(&catalog::POD_NAME, raw.pod_name);
    let own_node = reader.read(&catalog::NODE_NAME, raw.node_name);

    let bounded = Bounded {
        min_utilization,
        optimal_utilization,
        max_utilization,
        min_nodes,
        max_nodes,
        keep_zones,
        has_pools: pool_label.as_ref().is_none_or(Option::is_some),
    };
    if bounded.has_pools {
        reader.show_defaults_of_pools();
    }
    let named_pools = node_groups.iter().flat_map(|groups| groups.pools.values());
    reader.check_pools(&catalog::NODE_GROUPS.entry, named_pools.min(), bounded.has_pools);
    let pools = (bounded.has_pools, pool_label.is_some());
    reader.check_schedule(&catalog::SCHEDULE.entry, schedule.as_deref().unwrap_or_default(), pools);
    reader.check_usage(usage, demand, prometheus_url.as_ref());
    reader.check_drain(drain, preemptible_labels.as_ref());
    bounded.check(reader);
    let (bounds, pool_bounds) = bounded.resolve(reader)?;

    let node_groups = node_groups?;
    let policy = Policy {
        bounds,
        pool_bounds,
        pools_named: bounded.named(),
        pool_label: pool_label?,
        group_pools: node_groups.pools,
        resources: resources?,
        preemptible_labels: preemptible_labels?,
        omit_labels: omit_labels?,
        omit_namespaces: omit_namespaces?,
        node_selector: node_selector?,
        capacity: capacity?,
        demand: demand?,
        empty_grace: empty_grace?,
        adopt_cordons: adopt_cordons?,
        max_cordons: max_cordons?,
        max_deletions: max_deletions?,
        give_back: give_back?,
        parked_max: parked_max?,
        drain: drain?,
        max_evictions: max_evictions?,
        drain_empty_dir: drain_empty_dir?,
        delete_node_objects: delete_node_objects?,
        max_creations: max_creations?,
        boot_grace: boot_grace?,
        startup_taints: startup_taints?,
        max_unready_percent: max_unready_percent?,
        ok_unready_nodes: ok_unready_nodes?,
        foresight: Foresight {
            forecast: forecast?,
            lead: lead?,
            stabilization: stabilization?,
            schedule: schedule?,
            time_zone: time_zone?,
        },
        pack: pack?,
        node_groups_named: !node_groups.names.is_empty(),
        own_pod: own_namespace?.zip(own_name?),
        own_node: own_node?,
    };
    let endpoint = compute_endpoint?;
    let cloud = CloudScope {
        provider: provider?,
        project: project?,
        zone: zone?,
        node_groups: node_groups.names,
        endpoint,
        park_by: park_by?,
        magnum_delete: magnum_delete?,
        cloud_config: cloud_config?,
        commands: Commands {
            list: exec_list?,
            grow: exec_grow?,
            delete: exec_delete?,
            park: exec_park?,
            wake: exec_wake?,
            gone: exec_gone?,
            variables: exec_env?,
        },
        notes: None,
        environment,
    };
    let prometheus = Prometheus {
        url: prometheus_url?.unwrap_or_default(),
        memory_query: prometheus_memory_query?.unwrap_or_else(|| MEMORY_QUERY.to_owned()),
        cpu_query: prometheus_cpu_query?.unwrap_or_else(|| CPU_QUERY.to_owned()),
    };
    let usage = match usage? {
        UsageKind::None => UsageFrom::Nothing,
        UsageKind::MetricsServer => UsageFrom::MetricsServer,
        UsageKind::Prometheus => UsageFrom::Prometheus(prometheus),
    };
    let receivers = Receivers {
        webhook: notify_url?.map(Secret::from),
        webhook_key: notify_secret?.map(Secret::from),
        slack: slack_webhook_url?.map(Secret::from),
        dashboard: dashboard_url?,
        metrics_file: metrics_file?.map(PathBuf::from),
        pushgateway: pushgateway_url?.map(Secret::from),
    };
    Some(Settings {
        policy,
        cloud,
        receivers,
        usage,
        calendar: calendar?,
        run_timeout: run_timeout?,
        yes: yes?,
        lease_namespace: lease_namespace?.unwrap_or_default(),
        lease_name: lease_name?,
        log_format: log_format?,
        values: std::mem::take(&mut reader.values),
    })
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
