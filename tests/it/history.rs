//! Runs on a live cluster record the requests in the `ConfigMap` beside the Lease; `history` shows it.

use hyper::Method;
use kube_rebalancer_core::model::{History, Resource as Amount};

use crate::fake_api::{FakeApi, Fault, Requests, Resource};
use crate::objects::{Node, Pod};

struct World {
    api: FakeApi,
    home: tempfile::TempDir,
}

/// Two nodes of 8Gi; Ada requests 6Gi, within the band.
fn world() -> World {
    let api = FakeApi::start();
    api.add_namespace("hub");
    api.add_namespace("default");
    api.add_node(&Node::new("n0"));
    api.add_pod(&Pod::new("hub", "ada").label("user", "ada").memory("6Gi").on("n0"));
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("kubeconfig"), api.kubeconfig()).unwrap();
    World { api, home }
}

impl World {
    /// Runs the program; returns its exit code and its log.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.output(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn output(&self, arguments: &[&str]) -> std::process::Output {
        std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("PACK", "false")
            .output()
            .unwrap()
    }

    fn kept(&self) -> Option<String> {
        let noted = self.api.get(Resource::ConfigMaps, Some("default"), "kube-rebalancer")?;
        noted["data"]["history"].as_str().map(str::to_owned)
    }

    /// The peaks of memory, oldest first, in whole Gi.
    fn peaks(&self) -> Vec<u64> {
        let history = kube_rebalancer_history::decode(&self.kept().unwrap()).unwrap();
        peaks(&history)
    }
}

fn peaks(history: &History) -> Vec<u64> {
    let memory =
        history.series().filter(|(pool, resource, _)| pool.is_empty() && *resource == Amount::Memory);
    memory.flat_map(|(_, _, series)| series.peaks().map(|(_, peak)| peak >> 30).collect::<Vec<_>>()).collect()
}

#[test]
fn each_run_that_acts_keeps_the_peak_of_its_five_minutes() {
    let world = world();
    world.api.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
    let (code, log) = world.run(&["--yes"]);
    assert_eq!((code, world.peaks()), (Some(0), vec![6]), "{log}");
    // Less in the same five minutes is no new peak: nothing is written.
    world.api.remove(Resource::Pods, Some("hub"), "ada");
    world.api.add_pod(&Pod::new("hub", "bob").label("user", "bob").memory("5Gi").on("n0"));
    let before = world.kept();
    world.api.forget_calls();
    world.api.set_date("Thu, 15 Jan 2026 09:02:00 GMT");
    let (code, log) = world.run(&["--yes"]);
    assert_eq!((code, world.kept()), (Some(0), before), "{log}");
    let notes = world.api.calls().into_iter().filter(|call| call.path.contains("/configmaps"));
    let notes: Vec<String> = notes.map(|call| call.method.to_string()).collect();
    assert_eq!(notes, ["GET"], "one request reads all that is remembered");
    world.api.set_date("Thu, 15 Jan 2026 09:05:00 GMT");
    assert_eq!(world.run(&["--yes"]).0, Some(0));
    assert_eq!(world.peaks(), [6, 5]);
}

#[test]
fn a_dry_run_learns_nothing() {
    let world = world();
    for dry_run in ["--dry-run", "--dry-run=server"] {
        assert_eq!(world.run(&[dry_run]).0, Some(0));
        assert_eq!(world.kept(), None, "{dry_run}");
    }
}

#[test]
fn a_history_that_cannot_be_written_fails_no_run() {
    let world = world();
    world.api.fail(Requests::of(Method::PATCH, "/configmaps/"), Fault::Forbidden);
    let (code, log) = world.run(&["--yes"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the observations of this run are not stored"), "{log}");
}

#[test]
fn a_history_of_a_later_release_is_named_and_left_as_it_is() {
    let world = world();
    let later = "kube-rebalancer/history/v9\nAAAA";
    let noted = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-rebalancer", "namespace": "default"}, "data": {"history": later},
    });
    world.api.add(Resource::ConfigMaps, noted);
    let (code, log) = world.run(&["--yes"]);
    assert_eq!((code, world.kept().as_deref()), (Some(0), Some(later)), "{log}");
    assert!(log.contains("is ignored, and kept"), "{log}");
}

#[test]
fn the_history_of_a_cluster_is_shown() {
    let world = world();
    let (code, log) = world.run(&["history"]);
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("there is no ConfigMap default/kube-rebalancer"), "{log}");
    world.api.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
    assert_eq!(world.run(&["--yes"]).0, Some(0));
    world.api.forget_calls();
    let output = world.output(&["history"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("slots        2026-01-15 09:00 to 2026-01-15 09:05: 1 slot"), "{text}");
    assert!(text.contains("  Thu      6.0Gi"), "{text}");
    let calls: Vec<String> = world.api.calls().iter().map(|call| call.method.to_string()).collect();
    assert_eq!(calls, ["GET"], "it asks for the ConfigMap alone, and changes nothing");
    let json: serde_json::Value =
        serde_json::from_slice(&world.output(&["history", "-o", "json"]).stdout).unwrap();
    assert_eq!(json["series"][0]["peaks"], serde_json::json!([6_u64 << 30]));
}

#[test]
fn what_cannot_be_shown_is_an_error_that_names_it() {
    let world = world();
    let noted = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-rebalancer", "namespace": "default"}, "data": {"history": "kube-rebalancer/history/v9\nAAAA"},
    });
    world.api.add(Resource::ConfigMaps, noted);
    let (code, log) = world.run(&["history"]);
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("history of ConfigMap default/kube-rebalancer is no history"), "{log}");
    let (code, log) = world.run(&["history", "--history", "/nowhere"]);
    assert_eq!(code, Some(3), "{log}");
}

#[test]
fn a_history_in_a_file_is_shown_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weeks.history");
    let mut history = History::default();
    let monday = kube_rebalancer_core::model::Slot::of("2026-01-05T00:00:00Z".parse().unwrap());
    history.extend("user", Amount::Memory, monday, (0..2016).map(|slot| Some(slot << 30)));
    std::fs::write(&file, kube_rebalancer_history::encode(&history).unwrap()).unwrap();
    let plot = folder.path().join("weeks.svg");
    let run = |arguments: &[&str]| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["history", "--history", file.to_str().unwrap()])
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        assert_eq!(program.status.code(), Some(0), "{program:?}");
        String::from_utf8(program.stdout).unwrap()
    };
    let text = run(&["--plot", plot.to_str().unwrap(), "--time-zone", "Europe/Berlin"]);
    assert!(text.contains("clock        Europe/Berlin\n"), "{text}");
    assert!(
        text.contains("expected     in the week from 2026-01-12 01:00 on"),
        "a file ends where it ends: {text}"
    );
    assert!(text.contains("pool user, memory\n"), "{text}");
    let drawn = std::fs::read_to_string(&plot).unwrap();
    assert!(
        drawn.contains("pool user: memory that users ask for, in Gi") && drawn.contains("5 Jan"),
        "{drawn}"
    );
    let text = run(&["--at", "2026-01-19T00:00:00Z"]);
    assert!(text.contains("expected     in the week from 2026-01-19 00:00 on"), "{text}");
}
