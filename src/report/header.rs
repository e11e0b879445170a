//! The top of the report: its title, alerts, and the observed facts.

use std::io::Result;

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{Before, Plan, PoolPlan};
use kube_rebalancer_core::policy::{CapacitySource, DemandSource};

use super::amount::amount;
use super::band::band;
use super::expected::expected;
use super::{Facts, sentence, usage};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::{Page, Tone, count};

/// The column in which the facts start, after their labels.
const COLUMN: usize = 13;

/// The first line: the program, and whether the run can change anything.
pub(super) fn title(page: &mut Page<'_>, facts: &Facts<'_>) -> Result<()> {
    let name = format!("kube-rebalancer {}", facts.version);
    let mode = if facts.dry_run { ", dry run: nothing is changed" } else { "" };
    page.line(0, &[(Tone::Bold, &name), (Tone::Plain, mode)])
}

/// The alerts, which a reader must see first.
pub(super) fn alerts(page: &mut Page<'_>, plan: &Plan, facts: &Facts<'_>) -> Result<()> {
    if !facts.violations.is_empty() {
        page.blank()?;
        let rules = count(facts.violations.len(), "rule");
        let body = format!(
            "the checker found {rules} broken by this plan, so nothing is changed. That is a defect of this \
             program: please report it with this text and the snapshot."
        );
        page.paragraph(0, 2, (Tone::Red, "REFUSED:"), (Tone::Plain, &body))?;
        for violation in facts.violations {
            page.paragraph(2, 4, (Tone::Red, "-"), (Tone::Plain, violation))?;
        }
    }
    if let Some(guard) = &plan.guard {
        page.blank()?;
        let body = format!("{guard}. A network partition looks like this.");
        page.paragraph(0, 2, (Tone::Red, "TOO MANY BROKEN NODES:"), (Tone::Plain, &body))?;
    }
    Ok(())
}

/// One fact a line, numbers beside their bounds; several pools have sections of their own.
pub(super) fn facts(page: &mut Page<'_>, plan: &Plan, facts: &Facts<'_>) -> Result<()> {
    page.blank()?;
    fact(page, "source", facts.source)?;
    fact(page, "observed", &format!("{:.0}", plan.observed_at))?;
    let unmanaged = match plan.nodes.iter().filter(|node| !node.managed).count() {
        0 => String::new(),
        nodes => format!("; {nodes} more not managed"),
    };
    if let [pool] = plan.pools.as_slice() {
        pool_facts(page, pool, &unmanaged, facts)?;
        return settings(page, facts.settings);
    }
    let managed: usize = plan.pools.iter().map(|pool| pool.before.managed).sum();
    fact(page, "nodes", &format!("{managed} managed in {}{unmanaged}", count(plan.pools.len(), "pool")))?;
    settings(page, facts.settings)
}

/// A section for each pool if there are several: its facts, its outcome, and its limits.
pub(super) fn pools(page: &mut Page<'_>, plan: &Plan, facts: &Facts<'_>) -> Result<()> {
    if plan.pools.len() == 1 {
        return Ok(());
    }
    for pool in &plan.pools {
        page.heading(&format!("pool {}", pool.name))?;
        pool_facts(page, pool, "", facts)?;
        fact(page, "plan", &sentence::of_pool(plan, pool))?;
        for limit in &pool.limits {
            fact(page, "limit", &limit.to_string())?;
        }
    }
    Ok(())
}

/// The facts of one pool.
fn pool_facts(page: &mut Page<'_>, pool: &PoolPlan, unmanaged: &str, facts: &Facts<'_>) -> Result<()> {
    let before = &pool.before;
    fact(page, "nodes", &states(before))?;
    let instances = match before.instances_without_node {
        0 => String::new(),
        instances => format!("; {} without a node yet", count(instances, "instance")),
    };
    let among =
        format!("{} empty, {} with critical pods{unmanaged}{instances}", before.empty, before.critical);
    fact(page, "", &among)?;
    let quantity = match facts.policy.capacity {
        CapacitySource::Allocatable => "allocatable",
        CapacitySource::Capacity => "capacity",
    };
    for (resource, ratio) in before.utilization.ratios() {
        let (requested, capacity) = (amount(resource, ratio.requested), amount(resource, ratio.capacity));
        let unit = match resource {
            Resource::Memory => "",
            Resource::Cpu => " cores",
        };
        let demand = facts.policy.demand;
        let mut requests = match pool.used {
            Some(_) if demand != DemandSource::Requests => format!("counted (DEMAND={demand})"),
            Some(_) | None => "requested".to_owned(),
        };
        if pool.demand.expected.of(resource) > 0 {
            requests.push_str(" or expected");
        }
        let sum =
            format!("{requested}{unit} {requests}, {capacity}{unit} {quantity} on the nodes that serve");
        fact(page, resource.name(), &sum)?;
    }
    if let Some(used) = &pool.used {
        fact(page, "usage", &usage::amounts(used))?;
        fact(page, "", &usage::pods(used))?;
    }
    if let Some(expected) = expected(&pool.expectation, &facts.policy.foresight) {
        fact(page, "expected", &expected)?;
    }
    let bounds = facts.policy.bounds_of(&pool.name);
    let decides = before.utilization.decides();
    let other = before.utilization.ratios().find(|(resource, _)| *resource != decides);
    let place = format!(
        "{} the band {} to {} (target {})",
        band(pool.band),
        bounds.min_utilization,
        bounds.max_utilization,
        bounds.optimal_utilization
    );
    match other {
        Some((resource, ratio)) => {
            fact(page, "utilization", &format!("{}; {resource} {ratio}", before.utilization))?;
            fact(page, "", &place)?;
        }
        None => fact(page, "utilization", &format!("{}, {place}", before.utilization))?,
    }
    let waiting = match before.waiting_pods {
        0 => "no pod waits for a node".to_owned(),
        pods => format!("{} that the scheduler cannot place", count(pods, "pod")),
    };
    fact(page, "waiting", &waiting)
}

/// The number of nodes in each state; rare states only if they occur.
fn states(before: &Before) -> String {
    let rarer = [
        (before.not_in_use, "not in use"),
        (before.under_pressure, "under pressure"),
        (before.claimed, "being deleted"),
        (before.parked, "parked"),
        (before.reserved, "reserved"),
    ];
    let rarer = rarer.iter().filter(|(nodes, _)| *nodes > 0);
    let rarer: Vec<String> = rarer.map(|(nodes, state)| format!(", {nodes} {state}")).collect();
    let rarer = rarer.concat();
    format!(
        "{} managed: {} serving, {} cordoned, {} booting, {} broken{rarer}",
        before.managed, before.serving, before.cordoned, before.booting, before.broken
    )
}

/// The known facts without a plan.
pub(super) fn origin(page: &mut Page<'_>, facts: &Facts<'_>) -> Result<()> {
    fact(page, "source", facts.source)?;
    settings(page, facts.settings)
}

/// The settings that differ from their defaults, because they explain an unexpected plan.
fn settings(page: &mut Page<'_>, settings: &[Setting<'_>]) -> Result<()> {
    let changed: Vec<String> = settings
        .iter()
        .filter(|setting| !setting.is_default)
        .map(|setting| format!("{}={}", setting.name, setting.text))
        .collect();
    let text = match (settings.is_empty(), changed.is_empty()) {
        (true, _) => return Ok(()),
        (false, true) => "all as by default".to_owned(),
        (false, false) => changed.join(" "),
    };
    fact(page, "settings", &text)
}

fn fact(page: &mut Page<'_>, label: &str, text: &str) -> Result<()> {
    let label = format!("{label:<COLUMN$}");
    page.paragraph(0, COLUMN, (Tone::Dim, &label), (Tone::Plain, text))
}
