//! The picture of a plan: the report of a dry run, as a terminal shows it.

use std::process::Command;

use super::{is_the_one_in_docs, terminal};

#[test]
fn the_picture_of_a_plan_is_the_report_of_a_dry_run() {
    let ran = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(["--from", "tests/scenarios/evening-at-a-hub/cluster.yaml"])
        .args(["--preemptible-labels", "hub.jupyter.org/username"])
        .args(["--at", "2026-01-15T22:00:00Z", "--color", "always"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let report = String::from_utf8(ran.stdout).unwrap();
    is_the_one_in_docs(
        "plan.svg",
        &terminal::svg(&report, "The report of a dry run for a small hub at ten in the evening"),
    );
}
