//! The dashboard, the alert rules and the documentation name metrics that the program writes, with labels that they have.

use std::path::{Path, PathBuf};
use std::process::Command;

use kube_rebalancer_notify::metrics::{METRICS, markdown_table};
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Every value under a key, at any depth.
fn values<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                found.extend(value.as_str().filter(|_| name == key));
                values(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("k8s/monitoring/dashboard.json")).unwrap();
    let alerts: Value = serde_saphyr::from_str(&read("k8s/monitoring/alerts.yaml")).unwrap();
    let mut found = Vec::new();
    values(&dashboard, "expr", &mut found);
    values(&alerts, "expr", &mut found);
    assert!(found.len() >= 20, "{found:?}");
    found.into_iter().map(str::to_owned).collect()
}

/// The metrics of a query, each with the labels that it selects by.
fn metrics(query: &str) -> Vec<(String, Vec<String>)> {
    let mut metrics = Vec::new();
    for part in query.split("kube_rebalancer_").skip(1) {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let (name, rest) = part.split_at(part.find(|letter| !is_name(letter)).unwrap_or(part.len()));
        let selected = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .map_or("", |(in_braces, _)| in_braces);
        let labels = selected.split(',').filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.split(['=', '!']).next().unwrap().to_owned());
        metrics.push((name.to_owned(), labels.collect()));
    }
    metrics
}

#[test]
fn every_query_names_metrics_and_labels_that_there_are() {
    for query in queries() {
        let used = metrics(&query);
        assert!(!used.is_empty(), "{query}");
        for (name, labels) in used {
            let metric = METRICS.iter().find(|metric| metric.name == name);
            let metric = metric.unwrap_or_else(|| panic!("{query}: there is no metric {name}"));
            for label in labels {
                assert!(metric.labels.contains(&label.as_str()), "{query}: {name} has no label {label}");
            }
        }
    }
}

#[test]
fn every_metric_is_in_the_documentation_as_it_is() {
    let text = read("docs/signals.md");
    let (_, rest) = text.split_once("<!-- metrics -->\n\n").unwrap();
    let (table, _) = rest.split_once("\n<!-- /metrics -->").unwrap();
    assert!(table == markdown_table(), "replace the table of docs/signals.md by\n{}", markdown_table());
}

#[test]
fn every_alert_has_a_line_in_the_documentation() {
    let alerts: Value = serde_saphyr::from_str(&read("k8s/monitoring/alerts.yaml")).unwrap();
    let mut names = Vec::new();
    values(&alerts, "alert", &mut names);
    assert_eq!(names.len(), 5);
    let text = read("docs/signals.md");
    for name in names {
        assert!(text.contains(&format!("| `{name}` |")), "{name}");
    }
}

/// Prometheus' own tool reads the rules, where it is installed.
#[test]
fn promtool_accepts_the_rules() {
    let rules = path("k8s/monitoring/alerts.yaml");
    let Ok(output) = Command::new("promtool").args(["check", "rules"]).arg(rules).output() else {
        println!("skipped: there is no promtool (apt-get install prometheus)");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
