//! A record of the log has a bound: a collector drops a longer one, and with it the actions of the run.

use kube_rebalancer_core::plan::{NoticeKind, PodNotice, Warning};

use super::*;

const LONGEST: usize = 224 << 10;

fn record(plan: &Plan, facts: &Facts<'_>) -> (Value, LeftOut) {
    let (json, left_out) = line(plan, facts, LONGEST).unwrap();
    assert!(json.len() <= LONGEST, "{} bytes", json.len());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(violations(&schema(), &json), Vec::<String>::new());
    (json, left_out)
}

fn number(json: &Value, list: &str) -> usize {
    json[list].as_array().unwrap().len()
}

/// Each user may have thousands of pods that wait, and each is a warning and a notice.
#[test]
fn the_pods_of_users_do_not_push_actions_out_of_the_record() {
    let mut plan = fixture::thousand();
    let pod = |at: usize| format!("hub/jupyter-{at:04}");
    plan.warnings = (0..2000).map(|at| Warning::Gated { pod: pod(at) }).collect();
    let notice = |at: usize| PodNotice {
        namespace: "hub".to_owned(),
        name: pod(at),
        uid: String::new(),
        kind: NoticeKind::NotTriggerScaleUp,
        message: "it fits no node ".repeat(60),
        started: None,
    };
    plan.notices = (0..600).map(notice).collect();
    let outcomes = vec![Outcome::Applied; plan.actions.len()];
    let facts = Facts { outcomes: Some(&outcomes), dry_run: false, ..facts() };
    let (json, left_out) = record(&plan, &facts);
    assert_eq!((number(&json, "actions"), number(&json, "outcomes")), (plan.actions.len(), outcomes.len()));
    assert_eq!((number(&json, "warnings"), number(&json, "notices")), (100, 100));
    let expected = LeftOut { nodes: 1000, warnings: 1900, notices: 500, ..LeftOut::default() };
    assert_eq!(left_out, expected);
    assert_eq!(json["leftOut"], json!({ "nodes": 1000, "warnings": 1900, "notices": 500 }));
    // The report has everything.
    let report: Value = serde_json::from_str(&report_with(&plan, &facts)).unwrap();
    assert_eq!((number(&report, "warnings"), report.get("leftOut")), (2000, None));
}

#[test]
fn a_record_is_bounded_whatever_is_long() {
    let mut plan = fixture::thousand();
    let actions = plan.actions.clone();
    plan.actions = actions.iter().cycle().take(5000).cloned().collect();
    let outcomes = vec![Outcome::Failed(PortError("no ".repeat(300))); plan.actions.len()];
    let violations: Vec<String> = (0..5000).map(|at| format!("{at}: {}", "a rule ".repeat(100))).collect();
    let facts = Facts { outcomes: Some(&outcomes), violations: &violations, dry_run: false, ..facts() };
    let (json, left_out) = record(&plan, &facts);
    assert!(number(&json, "actions") > 0 && number(&json, "violations") > 0);
    assert_eq!(number(&json, "actions") + left_out.actions, 5000);
    assert_eq!(number(&json, "outcomes"), number(&json, "actions"));
    assert_eq!(number(&json, "violations") + left_out.violations, 5000);
}
