//! A cordon whose age nobody knows: the control plane that would write down its time does not run.

use std::sync::Arc;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Options, Timing};

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::gce_world::{GceWorld, node_of};

#[test]
fn a_cordon_that_no_controller_has_seen_is_young_run_after_run() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let plane = Arc::new(plane);
    let gce = Arc::new(FakeGce::start(Options { timing: Timing::default(), ..Options::default() }).unwrap());
    let pool = gce.add_group(Group::zonal("my-project", "us-central1-a", "users").size(2));
    let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&plane), Duration::from_millis(100), node_of);
    world.settle();
    let names: Vec<String> = plane.nodes().iter().map(super::name_of).collect();
    plane.create_namespace("hub");
    // 6 of the 8 Gi that serve once the other node is cordoned: on the target.
    plane.create_bound_pod(&user("ada").memory("6Gi").on(&names[0]));
    plane.end("kube-controller-manager");
    assert!(plane.kubectl(&["cordon", &names[1]]).status.success());
    let program = Program::new(&plane, &Identity::Admin)
        .with("MIN_NODES", "1")
        .with("ADOPT_CORDONS", "1s")
        .with("GCE_METADATA_HOST", &gce.address().to_string())
        .with("COMPUTE_ENDPOINT", &gce.url());
    for _ in 0..3 {
        let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
        assert_eq!(ended.story(), Vec::<String>::new(), "{}", ended.report);
    }
    let node = plane.node(&names[1]);
    assert_eq!((&node["spec"]["unschedulable"], node["spec"].get("taints")), (&true.into(), None), "{node}");
    assert_eq!(gce.group(&pool).unwrap().target_size, 2);
}
