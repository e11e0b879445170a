//! How many requests a run makes, and of what kind.

use hyper::Method;

use super::program::Program;
use super::world::{self, CLAIM, LEASES, VOLUME, VOLUMES, state};
use crate::fake_api::{Call, FakeApi};
use crate::objects::{Node, Pod};

/// The requests that are not about the Lease, as method and path.
fn beside_the_lease(fake: &FakeApi) -> Vec<(Method, String)> {
    let calls = fake.calls().into_iter().filter(|call| !call.path.starts_with(LEASES));
    calls.map(|call| (call.method, call.path)).collect()
}

/// The path of the notes of earlier runs.
const NOTES: &str = "/api/v1/namespaces/default/configmaps/kube-rebalancer";

/// The path of their creation.
const ALL_NOTES: &str = "/api/v1/namespaces/default/configmaps";

/// The reads of a run: the server's version, two lists, the volumes of waiting pods, and the notes of earlier runs.
fn reads(volumes: &[&str]) -> Vec<(Method, String)> {
    let paths = ["/version", "/api/v1/nodes", "/api/v1/pods"]
        .into_iter()
        .chain(volumes.iter().copied())
        .chain([NOTES]);
    paths.map(|path| (Method::GET, path.to_owned())).collect()
}

#[test]
fn an_idle_cluster_of_a_hundred_nodes_costs_two_lists_the_version_and_the_notes_beside_the_lease() {
    let fake = FakeApi::start();
    fake.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
    for index in 0..100 {
        // 6 of 8 Gi: on the target.
        let (node, user) = (format!("n{index:03}"), format!("user-{index:03}"));
        fake.add_node(&Node::new(&node));
        fake.add_pod(&Pod::new("users", &user).label("user", &user).memory("6Gi").on(&node));
    }
    let program = Program::new(&fake, "60s");
    let ran = program.run(&["--yes", "--max-nodes", "100"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.report["actions"].as_array().map(Vec::len), Some(0));
    // The first run finds no ConfigMap for its history and creates it.
    let created = [(Method::PATCH, NOTES.to_owned()), (Method::POST, ALL_NOTES.to_owned())];
    assert_eq!(beside_the_lease(&fake), [reads(&[]), created.to_vec()].concat());
    // Read, taken, given back.
    assert_eq!(fake.calls().len(), 1 + 3 + 2 + 3);
    fake.forget_calls();
    assert_eq!(program.run(&["--yes", "--max-nodes", "100"]).code, Some(0));
    assert_eq!(beside_the_lease(&fake), reads(&[]), "in the same five minutes there is nothing to learn");
    fake.forget_calls();
    fake.set_date("Thu, 15 Jan 2026 09:05:00 GMT");
    assert_eq!(program.run(&["--yes", "--max-nodes", "100"]).code, Some(0));
    let learned = [(Method::PATCH, NOTES.to_owned())];
    assert_eq!(beside_the_lease(&fake), [reads(&[]), learned.to_vec()].concat());
}

#[test]
fn a_dry_run_only_reads_and_touches_nothing_not_even_the_lease() {
    let fake = world::start();
    let program = Program::new(&fake, "60s");
    let ran = program.run(&["--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.report["actions"].as_array().map(Vec::len), Some(world::ACTIONS));
    let calls: Vec<(Method, String)> =
        fake.calls().into_iter().map(|call| (call.method, call.path)).collect();
    assert_eq!(calls, [reads(&[CLAIM, VOLUME]), vec![(Method::GET, VOLUMES.to_owned())]].concat());
}

#[test]
fn a_dry_run_on_the_server_sends_the_same_patches_and_changes_nothing() {
    let fake = world::start();
    let program = Program::new(&fake, "60s");
    let before = state(&fake);
    let ran = program.run(&["--dry-run=server"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(state(&fake), before);
    let (reads, patches): (Vec<Call>, Vec<Call>) =
        fake.calls().into_iter().partition(|call| call.method == Method::GET);
    let read = ["/version", "/api/v1/nodes", "/api/v1/pods", CLAIM, VOLUME, NOTES, VOLUMES];
    assert!(reads.iter().all(|call| read.contains(&call.path.as_str())), "{reads:?}");
    let is_dry =
        |call: &Call| call.method == Method::PATCH && call.parameter("dryRun").as_deref() == Some("All");
    assert!(patches.iter().all(is_dry), "{patches:?}");

    // A dry run patches the same objects as a real run.
    let program = Program::new(&fake, "60s");
    fake.forget_calls();
    assert_eq!(program.run(&["--yes"]).code, Some(0));
    let patches_a_node = |call: &Call| call.method == Method::PATCH && call.path != NOTES;
    let really = fake.calls().into_iter().filter(patches_a_node);
    let unscheduled = |call: &Call| (call.path.clone(), call.body["spec"]["unschedulable"].as_bool());
    let mut tried: Vec<_> = patches.iter().map(unscheduled).collect();
    let mut done: Vec<_> = really.map(|call| unscheduled(&call)).collect();
    tried.sort();
    done.sort();
    assert_eq!(tried, done);
}

#[test]
fn without_consent_nothing_is_changed_but_the_lease() {
    let fake = world::start();
    let before = state(&fake);
    let ran = Program::new(&fake, "60s").run(&[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let volumes = vec![(Method::GET, VOLUMES.to_owned())];
    assert_eq!(beside_the_lease(&fake), [reads(&[CLAIM, VOLUME]), volumes].concat());
    assert_eq!(state(&fake), before);
    assert_eq!(world::holder(&fake), None);
}
