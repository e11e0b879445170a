//! Five hundred cordons in one run, eight at a time: a real server takes them all, and holds none back.
//!
//! ```text
//!   REQUIRE_CONTROL_PLANE=true cargo test --test it live::many_cordons -- --ignored --nocapture
//! ```

use serde_json::Value;

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const NODES: usize = 510;
const LEFT: usize = 10;

#[test]
#[ignore = "a measurement: it prints how long they take"]
fn five_hundred_cordons_in_one_run_are_all_done() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let nodes: Vec<Node> = (0..NODES).map(|index| Node::new(&format!("n{index:03}")).memory("8Gi")).collect();
    plane.create_nodes(&nodes);
    plane.create_namespace("hub");
    plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi").on("n000"));
    let program = Program::new(&plane, &Identity::Admin)
        .with("MIN_NODES", &LEFT.to_string())
        .with("MAX_NODES", "1000")
        .with("MAX_CORDONS", "100%")
        .with("RUST_LOG", "warn,kube_rebalancer_retry=info");
    let ran = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(plane.cordoned().len(), NODES - LEFT);
    // No request was made twice: the server has not throttled the client.
    assert!(!ran.log.contains("trying again") && !ran.log.contains("429"), "{}", ran.log);
    println!("{} cordons: {}", NODES - LEFT, seconds(&plane));
}

/// From the first to the last cordon, as our marks on the nodes have it.
fn seconds(plane: &ControlPlane) -> String {
    let at = |node: &Value| {
        let mark = node["metadata"]["annotations"]["kube-rebalancer/cordoned-at"].as_str()?;
        mark.parse::<jiff::Timestamp>().ok()
    };
    let events = plane.events();
    let of_events = events.iter().filter(|event| event["reason"] == "NodeCordoned").count();
    let times: Vec<_> = plane.nodes().iter().filter_map(at).collect();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    format!("{} s between the marks, {of_events} events", last.duration_since(*first).as_secs())
}
