//! The JSON report against its schema, and the schema against the file that is published.

mod long;
mod small;
mod validator;

use serde_json::{Value, json};

use super::*;
use crate::report::fixture::{self, facts};
use kube_rebalancer_core::model::{Amounts, Bytes, Millicores, Resource};
use kube_rebalancer_core::plan::Utilization;
use kube_rebalancer_page::json::Decimal;
use kube_rebalancer_ports::{NotTried, Outcome, PortError};
use validator::violations;

/// The published schema. `UPDATE_GOLDENS=1 cargo test` writes it again; then review the difference.
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/plan.v2.schema.json");

fn report_with(plan: &Plan, facts: &Facts<'_>) -> String {
    let mut out = Vec::new();
    write(&mut out, plan, facts).unwrap();
    String::from_utf8(out).unwrap()
}

fn report(plan: &Plan) -> Value {
    serde_json::from_str(&report_with(plan, &facts())).unwrap()
}

#[test]
fn the_published_schema_is_the_one_of_these_types() {
    let generated = schema();
    #[expect(clippy::disallowed_methods, reason = "the one switch that lets a test write its golden")]
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(PUBLISHED, format!("{generated:#}\n")).unwrap();
    }
    let published: Value = serde_json::from_str(&std::fs::read_to_string(PUBLISHED).unwrap()).unwrap();
    assert_eq!(published, generated, "run UPDATE_GOLDENS=1 cargo test, and review what changed");
}

#[test]
fn whatever_a_plan_holds_fits_the_schema() {
    let schema = schema();
    for plan in [
        fixture::quiet(),
        fixture::evening(),
        fixture::thousand(),
        fixture::two_pools(),
        fixture::everything("gke-prod-0df1a536-", "prod/jupyter-x"),
    ] {
        assert_eq!(violations(&schema, &report(&plan)), Vec::<String>::new());
    }
    let outcomes = [
        Outcome::Applied,
        Outcome::AlreadySo,
        Outcome::Postponed("the group is busy".to_owned()),
        Outcome::Failed(PortError("the server answered 500".to_owned())),
        Outcome::NotTried(NotTried::Stopped),
    ];
    let broken = ["a rule".to_owned()];
    let facts = Facts { outcomes: Some(&outcomes), violations: &broken, dry_run: false, ..facts() };
    let json: Value = serde_json::from_str(&report_with(&fixture::evening(), &facts)).unwrap();
    assert_eq!(violations(&schema, &json), Vec::<String>::new());
    let words: Vec<&Value> = json["outcomes"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(words, ["applied", "alreadySo", "stale", "failed", "notTried"]);
}

#[test]
fn the_schema_is_not_satisfied_by_anything_else() {
    let schema = schema();
    let good = report(&fixture::evening());
    for (pointer, bad) in [
        ("/schema", json!("kube-rebalancer/plan/v1")),
        ("/pools/0/band", json!("Below")),
        ("/pools/0/before/serving", json!(-1)),
        ("/pools/0/before/serving", json!(1.5)),
        ("/pools/0/before/utilization", json!(0.4)),
        ("/pools/0/before/utilization/memory", json!("0.4")),
        ("/pools/0/before/utilization/decides", json!("disk")),
        ("/actions/0/reason", json!("BecauseISaidSo")),
        ("/actions/0/reason", json!("EmptyAndCordoned")), // a deletion's reason
        ("/actions/0/action", json!("drain")),
        ("/nodes/0/verdict", json!("mark")),
        ("/nodes/0/reason", json!("WaitingPods")), // a group's reason
        ("/settings/MIN_NODES", json!({})),
        ("/observedAt", json!(0)),
        ("/warnings/0", json!(null)),
        ("/warnings/0/reason", json!("MaxNodes")), // a limit's reason
        ("/warnings/0/objects", json!("pod/a/b")),
        ("/refused", json!("no")),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = bad.clone();
        assert_ne!(violations(&schema, &changed), Vec::<String>::new(), "{pointer} as {bad}");
    }
    for field in good.as_object().unwrap().keys() {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(field);
        assert_ne!(violations(&schema, &less), Vec::<String>::new(), "without {field}");
    }
}

#[test]
fn a_ratio_is_written_with_the_digits_that_it_has() {
    for (parts, text) in [
        (0, "0.0"),
        (1, "1e-6"),
        (412_000, "0.412"),
        (850_000, "0.85"),
        (999_999, "0.999999"),
        (1_000_000, "1.0"),
        (1_234_567_000_001, "1234567.000001"),
    ] {
        assert_eq!(serde_json::to_string(&Decimal(parts)).unwrap(), text);
    }
}

#[test]
fn a_ratio_that_is_infinite_is_null_and_a_resource_that_counts_for_nothing_is_absent() {
    let mut plan = fixture::quiet();
    plan.pools[0].before.utilization = fixture::utilization((1, 2), (1, 0));
    let found = &report(&plan)["pools"][0]["before"]["utilization"];
    assert_eq!((&found["decides"], found.get("cpu")), (&json!("cpu"), Some(&Value::Null)));
    assert_eq!(found["memory"], json!(0.5));
    let memory = Amounts::pod(Bytes(3), Millicores(4));
    plan.pools[0].before.utilization = Utilization::new(&[Resource::Memory], &memory, &memory);
    let json = report(&plan);
    assert_eq!(violations(&schema(), &json), Vec::<String>::new());
    let expected = json!({
        "decides": "memory",
        "memory": 1.0,
        "requested": { "memoryBytes": 3 },
        "capacity": { "memoryBytes": 3 },
    });
    assert_eq!(json["pools"][0]["before"]["utilization"], expected);
}

#[test]
fn actions_and_nodes_name_their_pool() {
    let json = report(&fixture::two_pools());
    let names = |field: &str| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = json[field].as_array().unwrap().iter();
        list.map(|one| (text(one.get("node").unwrap_or(&one["name"])), text(&one["pool"]))).collect()
    };
    let pair = |name: &str, pool: &str| (name.to_owned(), pool.to_owned());
    assert_eq!(names("actions"), [pair("cpu-c", "compute"), pair("user-a", "user")]);
    let nodes = [
        pair("core-a", ""),
        pair("cpu-a", "compute"),
        pair("cpu-b", "compute"),
        pair("cpu-c", "compute"),
        pair("user-a", "user"),
        pair("user-b", "user"),
    ];
    assert_eq!(names("nodes"), nodes);
    assert_eq!(json["pools"][0]["before"]["utilization"]["decides"], "cpu");
    assert_eq!(json["pools"][0]["limits"][0]["setting"], "MAX_CREATIONS");
}

#[test]
fn a_refusal_is_the_same_document() {
    let mut out = Vec::new();
    write_refusal(&mut out, "NoPodVisible", "17 nodes but not one pod".to_owned(), &facts()).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(violations(&schema(), &json), Vec::<String>::new());
    assert_eq!(json["refused"], json!({ "reason": "NoPodVisible", "message": "17 nodes but not one pod" }));
    assert_eq!((&json["schema"], &json["observedAt"]), (&json!("kube-rebalancer/plan/v2"), &Value::Null));
    assert_eq!(json["pools"], json!([]));
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&json), fields(&report(&fixture::quiet())));
}

#[test]
fn a_guard_is_there_when_it_is_set() {
    let mut plan = fixture::quiet();
    plan.guard = Some(kube_rebalancer_core::plan::TooManyBroken {
        broken: 5,
        managed: 10,
        max_percent: 45,
        ok_nodes: 3,
    });
    let json = report(&plan);
    assert_eq!(violations(&schema(), &json), Vec::<String>::new());
    assert_eq!((&json["guard"]["broken"], &json["guard"]["managed"]), (&json!(5), &json!(10)));
}

#[test]
fn an_odd_name_is_the_same_to_a_program_and_harmless_to_a_terminal() {
    let name = "\u{1b}[2J \u{9b}31m \u{7f} caf\u{e9} \u{1f4a9} \u{202e} \"quoted\\\" \n";
    let mut plan = fixture::quiet();
    plan.nodes.truncate(1);
    plan.nodes[0].name = name.to_owned();
    let text = report_with(&plan, &facts());
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text:?}");
    assert_eq!(report(&plan)["nodes"][0]["name"], name);
}
