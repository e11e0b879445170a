//! The picture of the dashboard: its panels over a simulated day, with the metrics that each run writes.

use std::collections::BTreeMap;

use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_notify::metrics::{LastRun, text};
use serde_json::Value;

use super::campus;
use super::is_the_one_in_docs;
use super::query::{Labels, Samples};
use super::timeseries::{Panel, Series, Unit, svg};

/// Seconds between two runs, as the `CronJob` of `k8s/base` has them.
const INTERVAL: u64 = 180;

const MAX_NODES: usize = 5;

/// A Monday on a campus whose `MAX_NODES` is one node short at its busiest hour.
fn runs() -> Vec<Samples> {
    let mut policy = Policy::default();
    policy.bounds.max_nodes = MAX_NODES;
    policy.bounds.max_nodes_set = true;
    let mut runs = Vec::new();
    campus::runs(1, INTERVAL, &policy, &mut |run| {
        let written = text(&LastRun {
            ended: run.at,
            // The clock of a simulation does not move during a run.
            milliseconds: 0,
            success: true,
            exit_code: 0,
            plan: Some((run.plan, run.outcomes)),
            policy: &policy,
        });
        runs.push(Samples::read(&written));
    });
    runs
}

/// The text of a legend: `{{pool}} requested`. The only pool of the simulated cluster has no name.
fn legend(format: &str, labels: &Labels) -> String {
    let filled = labels
        .iter()
        .fold(format.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    assert!(!filled.contains("{{"), "{format}: there is no such label in {labels:?}");
    filled.trim().to_owned()
}

/// The values of a panel's queries in each run.
fn series(panel: &Value, runs: &[Samples]) -> Vec<Series> {
    let mut found = Vec::new();
    for target in panel["targets"].as_array().unwrap() {
        let query = target["expr"].as_str().unwrap();
        let mut lines: BTreeMap<Labels, Vec<Option<i64>>> = BTreeMap::new();
        for (number, run) in runs.iter().enumerate() {
            for (labels, value) in run.ask(query) {
                let line = lines.entry(labels).or_default();
                line.resize(number, None);
                line.push(Some(value));
            }
        }
        for (labels, mut values) in lines {
            values.resize(runs.len(), None);
            found.push(Series { name: legend(target["legendFormat"].as_str().unwrap(), &labels), values });
        }
    }
    found
}

/// A panel of the dashboard. Its place is in units of Grafana's grid.
fn panel(panel: &Value, runs: &[Samples]) -> Panel {
    let place = |name: &str| u32::try_from(panel["gridPos"][name].as_u64().unwrap()).unwrap();
    let defaults = &panel["fieldConfig"]["defaults"];
    let unit = match defaults["unit"].as_str().unwrap() {
        "percentunit" => Unit::Percent,
        "bytes" => Unit::Bytes,
        "short" => Unit::Number,
        other => panic!("the picture of the dashboard needs to know the unit {other}"),
    };
    assert_eq!(panel["type"], "timeseries");
    Panel {
        title: panel["title"].as_str().unwrap().to_owned(),
        left: place("x"),
        top: place("y"),
        width: place("w"),
        height: place("h"),
        unit,
        stacked: defaults["custom"]["stacking"]["mode"] == "normal",
        series: series(panel, runs),
    }
}

#[test]
fn the_picture_of_the_dashboard_shows_each_panel_over_a_simulated_day() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/k8s/monitoring/dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let runs = runs();
    // Twenty an hour.
    assert_eq!(runs.len(), 24 * 20);
    let panels: Vec<Panel> =
        dashboard["panels"].as_array().unwrap().iter().map(|one| panel(one, &runs)).collect();
    for panel in &panels {
        assert!(!panel.series.is_empty() || panel.title == "Warnings", "{} is empty", panel.title);
    }
    let description = "The panels of the Grafana dashboard over a simulated Monday on a campus";
    is_the_one_in_docs("dashboard.svg", &svg(&panels, INTERVAL, description));
}
