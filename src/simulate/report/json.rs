//! The report for programs: `kube-rebalancer/simulate/v1`. Fields may be added to version 1; none is renamed, removed or
//! given another meaning.

use std::io::{Result, Write};

use serde::Serialize;

use super::Facts;
use crate::cluster;
use crate::result::{KindResult, PolicyResult, Ratio, Waits};
use crate::{Hours, Simulation};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::json::{self, Decimal, write_document};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'static str,
    version: &'a str,
    scenario: Scenario<'a>,
    #[serde(serialize_with = "json::settings")]
    settings: &'a [Setting<'a>],
    floor: Floor,
    policies: Vec<Policy<'a>>,
    /// Only if that was requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_hour: Vec<HourOfDay>,
}

/// An hour of the day, all days together.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HourOfDay {
    hour: usize,
    /// The users who requested a server in it.
    users: usize,
    /// In the order of the policies.
    policies: Vec<HourOfPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HourOfPolicy {
    users_waited: usize,
    max_seconds: u64,
}

fn by_hour(hours: &Hours) -> Vec<HourOfDay> {
    let of = |(hour, users): (usize, &usize)| {
        let policies = hours.waited.iter().filter_map(|hours| hours.get(hour));
        let policies =
            policies.map(|hour| HourOfPolicy { users_waited: hour.waited, max_seconds: hour.longest });
        HourOfDay { hour, users: *users, policies: policies.collect() }
    };
    hours.users.iter().enumerate().map(of).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scenario<'a> {
    users: &'a str,
    sessions: usize,
    starts_at: String,
    length_seconds: u64,
    node_memory_bytes: u64,
    node_millicores: u64,
    /// The divisor of the utilization.
    node_allocatable_bytes: u64,
    scheduler: &'static str,
    boot_seconds: u64,
    image_pull_seconds: u64,
    interval_seconds: u64,
    seed: u64,
    /// Only if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    zones: Option<u32>,
    /// Only if there are several; the fields above are the first one's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pools: Vec<Pool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    name: &'static str,
    node_memory_bytes: u64,
    node_millicores: u64,
    node_gpus: u64,
    node_allocatable_bytes: u64,
    node_allocatable_millicores: u64,
    /// The value of the label cloud.google.com/gke-nodepool.
    label: Option<&'static str>,
    /// `key=value:NoSchedule`.
    taint: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Floor {
    node_hours: Decimal,
    peak_nodes: u64,
    peak_users: usize,
    peak_memory_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'a> {
    name: &'a str,
    /// The settings in which it differs; `null` for the policies to compare with.
    compare: Option<&'a str>,
    node_hours: Decimal,
    /// The same, exactly.
    node_seconds: u128,
    ratio_to_floor: Option<Decimal>,
    mean_utilization: Option<Decimal>,
    users: usize,
    users_waited: usize,
    wait: Option<Wait>,
    /// Only if users are of several kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<Kind>,
    cordons: usize,
    uncordons: usize,
    creations: usize,
    deletions: usize,
    /// How often a machine was parked.
    parks: usize,
    peak_nodes: usize,
    /// Users whose node was deleted under them.
    users_lost: usize,
    runs: usize,
    /// Plans that a run right after them would have corrected.
    unsettled_plans: usize,
}

/// Users of one kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    name: &'static str,
    users: usize,
    users_waited: usize,
    wait: Option<Wait>,
}

/// The waiting times of users who waited, from the request until the server ran.
#[derive(Serialize)]
struct Wait {
    #[serde(rename = "p50Seconds")]
    p50: u64,
    #[serde(rename = "p99Seconds")]
    p99: u64,
    #[serde(rename = "maxSeconds")]
    max: u64,
}

/// Writes the report.
pub fn write(out: &mut dyn Write, simulation: &Simulation, facts: &Facts<'_>) -> Result<()> {
    let scenario = facts.scenario;
    let floor = &simulation.floor;
    let cluster = &scenario.cluster;
    let first = cluster.pools.first().map(pool);
    let first = first.as_ref();
    write_document(
        out,
        &Document {
            schema: "kube-rebalancer/simulate/v1",
            version: facts.version,
            scenario: Scenario {
                users: facts.users,
                sessions: scenario.sessions.len(),
                starts_at: scenario.start.to_string(),
                length_seconds: scenario.length,
                node_memory_bytes: first.map_or(0, |pool| pool.node_memory_bytes),
                node_millicores: first.map_or(0, |pool| pool.node_millicores),
                node_allocatable_bytes: first.map_or(0, |pool| pool.node_allocatable_bytes),
                scheduler: scenario.scheduler.word(),
                boot_seconds: scenario.boot_time,
                image_pull_seconds: scenario.image_pull,
                interval_seconds: scenario.interval,
                seed: scenario.seed,
                zones: Some(cluster.zones).filter(|zones| *zones > 1),
                pools: cluster.pools.iter().filter(|_| cluster.pools.len() > 1).map(pool).collect(),
            },
            settings: facts.settings,
            floor: Floor {
                node_hours: hours(floor.node_seconds),
                peak_nodes: floor.peak_nodes,
                peak_users: floor.peak_users,
                peak_memory_bytes: floor.peak_memory,
            },
            policies: simulation.results.iter().map(|result| policy(result, floor.node_seconds)).collect(),
            by_hour: simulation.hours.as_ref().map(by_hour).unwrap_or_default(),
        },
    )
}

fn policy(result: &PolicyResult, floor: u128) -> Policy<'_> {
    Policy {
        name: &result.name,
        compare: result.settings.as_deref(),
        node_hours: hours(result.node_seconds),
        node_seconds: result.node_seconds,
        ratio_to_floor: decimal(Ratio { part: result.node_seconds, whole: floor }),
        mean_utilization: decimal(result.utilization),
        users: result.users,
        users_waited: result.waited,
        wait: result.wait.map(wait),
        kinds: result.kinds.iter().map(kind).collect(),
        cordons: result.cordons,
        uncordons: result.uncordons,
        creations: result.created,
        deletions: result.deletions,
        parks: result.parks,
        peak_nodes: result.peak_nodes,
        users_lost: result.lost,
        runs: result.runs,
        unsettled_plans: result.unsettled,
    }
}

fn wait(wait: Waits) -> Wait {
    Wait { p50: wait.p50, p99: wait.p99, max: wait.max }
}

fn kind(kind: &KindResult) -> Kind {
    Kind { name: kind.name, users: kind.users, users_waited: kind.waited, wait: kind.wait.map(wait) }
}

fn pool(pool: &cluster::Pool) -> Pool {
    let offered = pool.offered();
    Pool {
        name: pool.name,
        node_memory_bytes: pool.machine.memory.0,
        node_millicores: pool.machine.cpu.0,
        node_gpus: pool.gpus,
        node_allocatable_bytes: offered.memory.0,
        node_allocatable_millicores: offered.cpu.0,
        label: pool.label,
        taint: pool.taint.map(|taint| format!("{}={}:NoSchedule", taint.key, taint.value)),
    }
}

/// Hours with three decimals: a second is a 3600th, so this is not exact.
fn hours(seconds: u128) -> Decimal {
    Decimal(Ratio { part: seconds, whole: 3600 }.rounded(1000).unwrap_or(0) * 1000)
}

/// A ratio with three decimals.
fn decimal(ratio: Ratio) -> Option<Decimal> {
    Some(Decimal(ratio.rounded(1000)? * 1000))
}
