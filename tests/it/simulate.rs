//! `simulate`, the program itself: the same seed gives the same bytes, wrong settings the usual messages, and on the
//! class profile the numbers that the program exists for.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The output of a simulation and its exit code.
fn simulate(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .arg("simulate")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn document(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = simulate(&[arguments, &["-o", "json"]].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let short = ["--days", "2", "--users-per-day", "300", "--compare", "OPTIMAL_UTILIZATION=0.8"];
    for output in ["text", "json"] {
        let run = |seed: &str| simulate(&[&short[..], &["--seed", seed, "-o", output]].concat());
        let first = run("1");
        assert_eq!(first.0, Some(0), "{first:?}");
        assert_eq!(run("1"), first);
        assert_ne!(run("2").1, first.1);
    }
}

#[test]
fn compared_policies_stand_side_by_side_with_the_main_one_on_the_same_users() {
    let document = document(&[
        "--days",
        "1",
        "--min-nodes",
        "4",
        "--compare",
        "MIN_NODES=2",
        "--compare",
        "MAX_NODES=5",
    ]);
    let policies = document["policies"].as_array().unwrap();
    let names: Vec<_> = policies.iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    let expected = [
        "kube-rebalancer",
        "no foresight",
        "compare 1",
        "compare 2",
        "scale.py's rule",
        "delete if empty",
        "fixed size",
    ];
    assert_eq!(names, expected);
    assert_eq!(policies[2]["compare"], "MIN_NODES=2");
    assert_eq!(document["settings"]["MIN_NODES"], 4);
    let users: Vec<_> = policies.iter().map(|policy| policy["users"].as_u64().unwrap()).collect();
    assert!(users.iter().all(|one| *one == users[0] && *one > 900), "{users:?}");
    assert!(policies[3]["peakNodes"].as_u64().unwrap() <= 5);
    let seconds = |index: usize| policies[index]["nodeSeconds"].as_u64().unwrap();
    assert!(seconds(2) < seconds(0), "fewer nodes at night");
    assert_eq!(policies[6]["usersWaited"], 0);
}

#[test]
fn settings_that_are_wrong_in_a_comparison_are_told_as_always_and_where_they_are() {
    let (code, stdout, stderr) = simulate(&["--compare", "MIN_NODES=2 MAX_UTILIZATION=0.7"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let problem = "OPTIMAL_UTILIZATION=0.75 (default) is above MAX_UTILIZATION=0.7 (--max-utilization)";
    assert!(stderr.contains(problem), "{stderr}");
    assert!(stderr.contains("hint: it is in --compare 'MIN_NODES=2 MAX_UTILIZATION=0.7'"), "{stderr}");
}

#[test]
fn a_comparison_takes_nothing_but_settings() {
    for (given, message) in [
        ("MAX_UTILISATION=0.9", "error: --compare: there is no setting MAX_UTILISATION\n"),
        ("POD_NAME=x", "error: --compare: there is no setting POD_NAME\n"),
        ("0.9", "error: --compare: '0.9' is no setting with a value, such as MAX_UTILIZATION=0.9\n"),
    ] {
        let (code, _, stderr) = simulate(&["--compare", given]);
        assert_eq!((code, stderr.as_str()), (Some(2), message));
    }
}

#[test]
fn a_user_who_fits_no_node_is_an_error_that_says_how_to_go_on() {
    let (code, _, stderr) = simulate(&["--node-memory", "8Gi"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: a user requests 8Gi of memory"), "{stderr}");
    assert!(stderr.contains("hint: --node-memory and --node-cpu make larger nodes"), "{stderr}");
}

#[test]
fn a_cluster_without_users_keeps_its_least_size() {
    let document = document(&["--days", "6", "--users-per-day", "0", "--profile", "steady"]);
    for policy in document["policies"].as_array().unwrap() {
        assert_eq!(policy["users"], 0);
        assert_eq!(policy["wait"], Value::Null);
        let nodes = if policy["name"] == "fixed size" { 1 } else { 3 };
        assert_eq!(policy["nodeSeconds"], nodes * 6 * 86_400, "{policy}");
    }
}

/// The compared numbers of one policy.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    node_seconds: u64,
    cordon_changes: u64,
    waited: u64,
}

impl std::ops::AddAssign for Numbers {
    fn add_assign(&mut self, other: Self) {
        self.node_seconds += other.node_seconds;
        self.cordon_changes += other.cordon_changes;
        self.waited += other.waited;
    }
}

fn numbers(document: &Value, name: &str) -> Numbers {
    let policies = document["policies"].as_array().unwrap();
    let policy = policies.iter().find(|policy| policy["name"] == name).unwrap();
    assert_eq!(policy["unsettledPlans"], 0, "{policy}");
    let count = |field: &str| policy[field].as_u64().unwrap();
    Numbers {
        node_seconds: count("nodeSeconds"),
        cordon_changes: count("cordons") + count("uncordons"),
        waited: count("usersWaited"),
    }
}

/// With the same settings this program changes cordons less than half as often as `scale.py`, and has fewer users wait
/// than that and than deleting when empty. It takes more node-hours for it, since it fills nodes by what pods can have
/// of them and not by what their machines have. With `CAPACITY=capacity` and without foresight it does the same as `scale.py`, and takes
/// hardly more: what it adds for users who wait though the band is kept.
fn beats_what_came_before(days: &str) {
    for scheduler in ["spread", "pack"] {
        let (mut all, mut alike, mut all_scale_py) =
            (Numbers::default(), Numbers::default(), Numbers::default());
        for seed in ["1", "2", "3", "4", "5"] {
            let scenario = ["--days", days, "--seed", seed, "--scheduler", scheduler];
            let document = document(
                &[&scenario[..], &["--compare", "CAPACITY=capacity FORECAST=false STABILIZATION=0s"]]
                    .concat(),
            );
            let main = numbers(&document, "kube-rebalancer");
            let scale_py = numbers(&document, "scale.py's rule");
            let if_empty = numbers(&document, "delete if empty");
            let case = format!("{scheduler}, seed {seed}: {main:?}, {scale_py:?}, {if_empty:?}");
            assert!(main.cordon_changes < scale_py.cordon_changes, "{case}");
            assert!(main.waited < scale_py.waited && main.waited < if_empty.waited, "{case}");
            all += main;
            alike += numbers(&document, "compare 1");
            all_scale_py += scale_py;
        }
        let case = format!("{scheduler}: {all:?}, {alike:?}, {all_scale_py:?}");
        assert!(all.cordon_changes * 2 <= all_scale_py.cordon_changes, "{case}");
        assert!(alike.cordon_changes * 2 <= all_scale_py.cordon_changes, "{case}");
        assert!(alike.waited < all_scale_py.waited, "{case}");
        assert!(alike.node_seconds * 100 <= all_scale_py.node_seconds * 102, "{case}");
    }
}

#[test]
fn in_two_days_of_class_fewer_users_wait_and_cordons_change_less_than_half_as_often() {
    beats_what_came_before("2");
}

/// Run it with `cargo test --test it week_of_class -- --ignored`.
#[test]
#[ignore = "a minute or two"]
fn in_a_week_of_class_fewer_users_wait_and_cordons_change_less_than_half_as_often() {
    beats_what_came_before("7");
}

/// `UPDATE_GOLDENS=1` draws it again.
#[test]
fn the_picture_in_the_readme_is_the_plot_of_its_first_command() {
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/src/simulate/week.svg");
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("week.svg");
    let (code, _, errors) = simulate(&["--plot", drawn.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{errors}");
    let drawn = std::fs::read(drawn).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the one switch that lets a test write its goldens")]
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    if update {
        std::fs::write(picture, &drawn).unwrap();
    }
    assert!(
        std::fs::read(picture).unwrap() == drawn,
        "run UPDATE_GOLDENS=1 cargo test, and look at the picture"
    );
}
