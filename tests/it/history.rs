//! Runs on a live cluster learn what is asked for, in the `ConfigMap` beside the Lease.

use hyper::Method;
use kube_rebalancer_core::model::{History, Resource as Amount};

use crate::fake_api::{FakeApi, Fault, Requests, Resource};
use crate::objects::{Node, Pod};

struct World {
    api: FakeApi,
    home: tempfile::TempDir,
}

/// Two nodes of 8Gi; Ada asks for 6Gi, within the band.
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
    /// Runs the program; its exit code and what it logs.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("PACK", "false")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
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
fn who_only_looks_learns_nothing() {
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
    assert!(log.contains("what this run learned is not kept"), "{log}");
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
