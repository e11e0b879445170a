//! The picture of foresight: past weeks of a simulated campus over each other, and what is expected in the next one.

use std::process::Command;

use kube_rebalancer_core::model::History;
use kube_rebalancer_core::policy::Policy;

use super::campus;
use super::is_the_one_in_docs;

/// The peaks of a history are those of five minutes.
const INTERVAL: u64 = 300;

#[test]
fn the_picture_of_foresight_is_the_plot_of_a_history_of_three_weeks() {
    let mut history = History::default();
    campus::runs(21, INTERVAL, &Policy::default(), &mut |run| {
        run.plan.teach(&mut history);
    });
    let folder = tempfile::tempdir().unwrap();
    let (file, plot) = (folder.path().join("semester.history"), folder.path().join("weeks.svg"));
    std::fs::write(&file, kube_rebalancer_history::encode(&history).unwrap()).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .arg("history")
        .arg("--history")
        .arg(&file)
        .arg("--plot")
        .arg(&plot)
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    is_the_one_in_docs("weeks.svg", &std::fs::read_to_string(plot).unwrap());
}
