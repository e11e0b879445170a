//! The top of the report: what this is, what is wrong with it if anything, and what was seen.

use std::io::Result;

use kube_rebalancer_core::plan::{Band, Plan};
use kube_rebalancer_core::policy::CapacitySource;

use super::Facts;
use super::memory::gi;
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::{Page, Tone, count};

/// Where the facts start; labels stand before it.
const COLUMN: usize = 13;

/// The first line: program, and whether anything can come of this.
pub(super) fn title(page: &mut Page<'_>, facts: &Facts<'_>) -> Result<()> {
    let name = format!("kube-rebalancer {}", facts.version);
    let mode = if facts.dry_run { ", dry run: nothing is changed" } else { "" };
    page.line(0, &[(Tone::Bold, &name), (Tone::Plain, mode)])
}

/// What must be read before anything else.
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

/// One fact a line, numbers beside their bounds.
pub(super) fn facts(page: &mut Page<'_>, plan: &Plan, facts: &Facts<'_>) -> Result<()> {
    let before = &plan.before;
    let utilization = before.utilization;
    page.blank()?;
    fact(page, "source", facts.source)?;
    fact(page, "observed", &format!("{:.0}", plan.observed_at))?;
    let nodes = format!(
        "{} managed: {} serving, {} cordoned, {} booting, {} broken",
        before.managed, before.serving, before.cordoned, before.booting, before.broken
    );
    fact(page, "nodes", &nodes)?;
    let unmanaged = match plan.nodes.iter().filter(|node| !node.managed).count() {
        0 => String::new(),
        nodes => format!("; {nodes} more not managed"),
    };
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
    let memory = format!(
        "{} requested, {} {quantity} on the nodes that serve",
        gi(utilization.requested),
        gi(utilization.capacity)
    );
    fact(page, "memory", &memory)?;
    let policy = facts.policy;
    let place = format!(
        "{utilization}, {} the band {} to {} (target {})",
        band(plan.band),
        policy.min_utilization,
        policy.max_utilization,
        policy.optimal_utilization
    );
    fact(page, "utilization", &place)?;
    let waiting = match before.waiting_pods {
        0 => "no pod waits for a node".to_owned(),
        pods => format!("{} that the scheduler cannot place", count(pods, "pod")),
    };
    fact(page, "waiting", &waiting)?;
    settings(page, facts.settings)
}

/// What is known where there is no plan.
pub(super) fn origin(page: &mut Page<'_>, facts: &Facts<'_>) -> Result<()> {
    fact(page, "source", facts.source)?;
    settings(page, facts.settings)
}

/// The band's word, as in `below the band`.
pub(super) fn band(band: Band) -> &'static str {
    match band {
        Band::Below => "below",
        Band::Within => "within",
        Band::Above => "above",
    }
}

/// Only what differs from the defaults: that is what explains a plan that looks odd.
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
