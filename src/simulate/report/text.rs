//! The table: a row for each policy, and a legend of its columns.
//!
//! ```text
//!                   node  over mean  users             wait   cor- uncor  dele-
//!   policy         hours floor util waited   p50   p99   max  dons  dons  tions peak
//!   kube-rebalancer  798  1.33 0.58     95 2m55s 6m57s 6m57s    59    39     20    7
//! ```

use std::io::{Result, Write};

use kube_rebalancer_core::model::Bytes;

use super::Facts;
use super::hours::hours as by_hour;
use super::line::{WIDTHS, fact, time};
use super::pools::{kinds, nodes};
use crate::Simulation;
use crate::cluster::Cluster;
use crate::result::{PolicyResult, Ratio};
use crate::scenario::Scheduler;
use kube_rebalancer_page::{Layout, Page, Tone, count};

/// The cell without a value.
const NONE: &str = "-";

/// The meaning of rows and columns.
const LEGEND: [(&str, &str); 7] = [
    (
        "scale.py's rule",
        "the rule of this program's predecessor; it counts the capacity of nodes, not what is allocatable",
    ),
    ("delete if empty", "adds a node when a pod waits, deletes one that has been empty for ten minutes"),
    ("fixed size", "the smallest number of nodes with which no user waits"),
    ("floor", "at every moment the number of nodes that the requested memory fills to OPTIMAL_UTILIZATION"),
    ("util", "requested memory divided by the memory of the nodes that take users, averaged over time"),
    ("waited", "users whose pod was not scheduled at once, because it needed another node"),
    ("wait", "the time of these users from the request until their server ran"),
];

/// The entries that differ if several resources count.
const LEGEND_OF_SEVERAL: [(&str, &str); 2] = [
    (
        "floor",
        "at every moment the number of nodes that the requests fill to OPTIMAL_UTILIZATION, by the resource that needs \
         most; GPUs are filled to the last one",
    ),
    (
        "util",
        "requests divided by what the nodes that take users offer, averaged over time, for the most used resource",
    ),
];

/// Writes the report.
pub fn write(out: &mut dyn Write, simulation: &Simulation, facts: &Facts<'_>, layout: Layout) -> Result<()> {
    let page = &mut Page::new(out, layout);
    let name = format!("kube-rebalancer {}", facts.version);
    page.line(0, &[(Tone::Bold, &name), (Tone::Plain, ", simulated: no cluster was touched")])?;
    page.blank()?;
    header(page, simulation, facts)?;
    page.blank()?;
    table(page, simulation)?;
    page.blank()?;
    kinds(page, simulation)?;
    by_hour(page, simulation)?;
    legend(page, simulation, &facts.scenario.cluster)
}

fn header(page: &mut Page<'_>, simulation: &Simulation, facts: &Facts<'_>) -> Result<()> {
    let scenario = facts.scenario;
    fact(page, "users", facts.users)?;
    let floor = &simulation.floor;
    let most = format!(
        "at most {} at once; with the hub they request up to {}",
        floor.peak_users,
        Bytes(floor.peak_memory)
    );
    fact(page, "", &most)?;
    nodes(page, scenario)?;
    let place = match scenario.scheduler {
        Scheduler::Spread => "the emptiest node that takes it",
        Scheduler::Pack => "the fullest node that takes it",
    };
    fact(page, "scheduler", &format!("{}: a pod goes to {place}", scenario.scheduler.word()))?;
    fact(page, "runs", &format!("one every {}", time(scenario.interval)))?;
    let changed: Vec<String> = facts
        .settings
        .iter()
        .filter(|setting| !setting.is_default)
        .map(|setting| format!("{}={}", setting.name, setting.text))
        .collect();
    let settings = if changed.is_empty() { "all as by default".to_owned() } else { changed.join(" ") };
    fact(page, "settings", &settings)
}

fn table(page: &mut Page<'_>, simulation: &Simulation) -> Result<()> {
    let titles = [
        ["", "node", "over", "mean", "users", "", "", "wait", "cor-", "uncor", "dele-", ""],
        ["policy", "hours", "floor", "util", "waited", "p50", "p99", "max", "dons", "dons", "tions", "peak"],
    ];
    let parks = parks(simulation);
    for (title, parked) in titles.into_iter().zip(["", "parks"]) {
        let mut title = title.map(str::to_owned);
        if parks {
            parked.clone_into(&mut title[UNCORDONS]);
        }
        page.line(0, &[(Tone::Dim, &row(&title))])?;
    }
    let floor = simulation.floor.node_seconds;
    for result in &simulation.results {
        let mut cells = cells(result, floor);
        if parks {
            cells[UNCORDONS] = result.parks.to_string();
        }
        page.line(0, &[(Tone::Plain, &row(&cells))])?;
    }
    let mut least = [NONE; 12].map(str::to_owned);
    let [name, node_hours, ratio, .., peak] = &mut least;
    "floor".clone_into(name);
    "1.00".clone_into(ratio);
    *node_hours = hours(floor);
    *peak = simulation.floor.peak_nodes.to_string();
    page.line(0, &[(Tone::Dim, &row(&least))])
}

/// The column of the uncordons. If machines are parked, it has the number of parked machines instead, so that the table stays
/// 80 columns wide.
const UNCORDONS: usize = 9;

/// Whether any policy parks machines.
fn parks(simulation: &Simulation) -> bool {
    simulation.results.iter().any(|result| result.parks > 0)
}

fn cells(result: &PolicyResult, floor: u128) -> [String; 12] {
    let wait = |of: fn(&crate::result::Waits) -> u64| {
        result.wait.as_ref().map_or_else(|| NONE.to_owned(), |wait| time(of(wait)))
    };
    [
        result.name.clone(),
        hours(result.node_seconds),
        hundredths(Ratio { part: result.node_seconds, whole: floor }),
        hundredths(result.utilization),
        result.waited.to_string(),
        wait(|wait| wait.p50),
        wait(|wait| wait.p99),
        wait(|wait| wait.max),
        result.cordons.to_string(),
        result.uncordons.to_string(),
        result.deletions.to_string(),
        result.peak_nodes.to_string(),
    ]
}

/// A line of the table. A number too long for its column widens the line.
fn row(cells: &[String; 12]) -> String {
    let pad = |(index, (cell, width)): (usize, (&String, usize))| match index {
        0 => format!("{cell:<width$}"),
        _ => format!(" {cell:>width$}", width = width - 1),
    };
    let line: String = cells.iter().zip(WIDTHS).enumerate().map(pad).collect();
    line.trim_end().to_owned()
}

fn legend(page: &mut Page<'_>, simulation: &Simulation, cluster: &Cluster) -> Result<()> {
    let mut entries: Vec<(String, String)> = simulation
        .results
        .iter()
        .filter_map(|result| Some((result.name.clone(), result.settings.clone()?)))
        .collect();
    let several = cluster.counted.len() > 1;
    let meaning = |(name, text): (&'static str, &'static str)| {
        let other = LEGEND_OF_SEVERAL.iter().find(|(other, _)| several && *other == name);
        (name.to_owned(), other.map_or(text, |(_, text)| *text).to_owned())
    };
    entries.extend(LEGEND.map(meaning));
    if parks(simulation) {
        let text = "how often a machine was parked; a parked one is woken before a new one is created";
        entries.push(("parks".to_owned(), text.to_owned()));
    }
    for result in simulation.results.iter().filter(|result| result.lost > 0) {
        let lost = count(result.lost, "user");
        entries.push((result.name.clone(), format!("deleted nodes under {lost}, who had to start again")));
    }
    for (name, text) in entries {
        page.paragraph(0, 2, (Tone::Plain, &format!("{name}:")), (Tone::Dim, &text))?;
    }
    Ok(())
}

/// Whole hours, rounded half up.
fn hours(seconds: u128) -> String {
    ((seconds + 1800) / 3600).to_string()
}

/// `1.33`, or `-` if the divisor is zero.
fn hundredths(ratio: Ratio) -> String {
    let text = |parts: u128| format!("{}.{:02}", parts / 100, parts % 100);
    ratio.rounded(100).map_or_else(|| NONE.to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::super::line::cores;
    use super::*;

    #[test]
    fn numbers_are_rounded_half_up() {
        assert_eq!((hours(1799), hours(1800)), ("0".to_owned(), "1".to_owned()));
        assert_eq!(hundredths(Ratio { part: 4, whole: 3 }), "1.33");
        assert_eq!(hundredths(Ratio { part: 1, whole: 0 }), "-");
        assert_eq!(
            (cores(7910), cores(8000), cores(7960), cores(30)),
            ("7.9".into(), "8".into(), "8".into(), "0".into())
        );
    }
}
