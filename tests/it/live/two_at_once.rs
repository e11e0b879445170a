//! Two runs at once: the Lease lets one of them work. Without the Lease, still no bad state.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Ended, Program, lease_path, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const HOLDER: &str = "/spec/holderIdentity";
const PATIENCE: Duration = Duration::from_mins(2);

/// Six nodes of 8 Gi that start empty, but for the hub on `n0`. Users are put on nodes by hand.
struct World {
    plane: ControlPlane,
}

impl World {
    fn new() -> Option<Self> {
        let plane = ControlPlane::start().unwrap()?;
        let nodes: Vec<Node> = (0..6).map(|index| Node::new(&format!("n{index}")).memory("8Gi")).collect();
        plane.create_nodes(&nodes);
        plane.create_namespace("hub");
        plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi").on("n0"));
        Some(Self { plane })
    }

    /// The program as a CronJob's pod runs it.
    fn cron_job(&self, pod: &str) -> Program<'_> {
        let program = Program::new(&self.plane, &Identity::Admin);
        program.with("POD_NAMESPACE", "ops").with("POD_NAME", pod)
    }

    /// The program as it runs on a person's machine.
    fn laptop(&self) -> Program<'_> {
        Program::new(&self.plane, &Identity::Admin).with("USER", "ada").with("HOSTNAME", "laptop")
    }

    fn delete_lease(&self) {
        let answer = self.plane.admin().delete(&lease_path("default"));
        assert!([200, 404].contains(&answer.status), "{}", answer.text);
    }

    /// Waits until a run holds the Lease and at least `cordons` nodes are cordoned, or until `over`.
    fn wait_for_a_holder(&self, cordons: usize, over: impl Fn() -> bool) {
        let is_held = || {
            let lease = self.plane.admin().get(&lease_path("default"));
            lease.status == 200
                && !holder(&lease.success()).is_empty()
                && self.plane.cordoned().len() >= cordons
        };
        let done = || (over() || is_held()).then_some(());
        self.plane.wait_until("a run holds the Lease", PATIENCE, done);
    }

    /// Makes all nodes schedulable again, and deletes the Lease.
    fn reset(&self) {
        self.delete_lease();
        for name in self.plane.cordoned() {
            let patch = json!({
                "metadata": {"annotations": {"kube-rebalancer/cordoned-at": null, "kube-rebalancer/empty-since": null}},
                "spec": {"unschedulable": null},
            });
            self.plane.admin().patch(&format!("/api/v1/nodes/{name}"), &patch).success();
        }
    }

    /// No critical node cordoned, three nodes schedulable, every cordon with its mark and no mark without a cordon.
    #[track_caller]
    fn is_sound(&self, what: &str) {
        let pods = self.plane.admin().get("/api/v1/namespaces/hub/pods").success();
        let critical: Vec<&str> = pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["user"].is_null())
            .filter_map(|pod| pod["spec"]["nodeName"].as_str())
            .collect();
        assert!(!critical.is_empty());
        let cordoned = self.plane.cordoned();
        assert!(cordoned.len() <= 3, "{what}: MIN_NODES is 3, and of 6 nodes are cordoned: {cordoned:?}");
        for node in self.plane.nodes() {
            let name = super::name_of(&node);
            let is_cordoned = cordoned.contains(&name);
            assert!(
                !is_cordoned || !critical.contains(&name.as_str()),
                "{what}: critical {name} is cordoned"
            );
            let marked = !node["metadata"]["annotations"]["kube-rebalancer/cordoned-at"].is_null();
            assert_eq!(marked, is_cordoned, "{what}: {name}");
        }
    }

    /// The Lease as a run leaves it that has died, `ago` after it took it for 330 seconds.
    fn lease_of_a_dead_run(&self, ago: SignedDuration) {
        self.delete_lease();
        let taken = format!("{:.6}", server_time(&self.plane) - ago);
        let lease = json!({
            "metadata": {"name": "kube-rebalancer"},
            "spec": {"holderIdentity": "ops/dead", "acquireTime": taken, "renewTime": taken, "leaseDurationSeconds": 330},
        });
        self.plane.admin().post("/apis/coordination.k8s.io/v1/namespaces/default/leases", &lease).success();
    }
}

/// The time by the server's clock.
fn server_time(plane: &ControlPlane) -> Timestamp {
    let answer = plane.admin().get("/version");
    jiff::fmt::rfc2822::parse(answer.headers["date"].to_str().unwrap()).unwrap().timestamp()
}

fn holder(lease: &Value) -> &str {
    lease.pointer(HOLDER).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn the_lease_lets_one_run_work_at_a_time() {
    let Some(world) = World::new() else { return };
    let plane = &world.plane;

    // The second one is refused, and its message names the holder.
    let first = world.cron_job("rebalancer-1").pause(&["--yes"]);
    assert_eq!(holder(&plane.lease("default")), "ops/rebalancer-1");
    let second = world.laptop().run(&["--yes"]).must_be(4);
    let expected =
        "error: another run is at work: ops/rebalancer-1 holds the Lease default/kube-rebalancer until ";
    assert!(second.error().starts_with(expected), "{}", second.error());
    assert_eq!(plane.cordoned(), Vec::<String>::new());
    world.laptop().run(&["--dry-run"]).must_be(0);
    first.go_on().must_be(0);
    assert_eq!(plane.cordoned().len(), 3);
    world.is_sound("two, one after the other");

    // Given back at the end, also of a run that fails: to observe, or to patch.
    assert_eq!(holder(&plane.lease("default")), "");
    world.laptop().run(&["--yes"]).must_be(0);
    world.reset();
    // Without an agreement it is not taken at all.
    world.laptop().run(&[]).must_be(2);
    assert_eq!(plane.admin().get(&lease_path("default")).status, 404);
    let leases = json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]});
    let nodes = json!({"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]});
    let both = json!({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]});
    for (name, reads, code) in [("sees-nodes", nodes, 3), ("only-sees", both, 1)] {
        let identity = plane.create_service_account("hub", name, &json!([reads, leases]));
        Program::new(plane, &identity).run(&["--yes"]).must_be(code);
        assert_eq!(holder(&plane.lease("default")), "", "{name}");
    }

    // Of a run that was killed the Lease stays, and is waited for as long as that run could have lasted.
    world.cron_job("rebalancer-2").pause(&["--yes"]).kill();
    let turned_away = world.laptop().run(&["--yes"]).must_be(4);
    assert!(turned_away.error().contains("ops/rebalancer-2 holds"), "{}", turned_away.error());
    world.lease_of_a_dead_run(SignedDuration::from_secs(300));
    world.laptop().run(&["--yes"]).must_be(4);
    world.lease_of_a_dead_run(SignedDuration::from_secs(331));
    let after = world.laptop().run(&["--yes"]).must_be(0);
    assert!(after.report.contains("3 done"), "{}", after.report);
    world.is_sound("after a dead run");

    // Started at the same moment, again and again.
    let mut worked = 0;
    for round in 0..10 {
        world.reset();
        let programs = [world.cron_job("rebalancer-3"), world.laptop()];
        let children = programs.map(|program| program.start(&["--yes"]));
        let codes = children.map(|child| super::ended(child).code.unwrap());
        // No two runs act at the same time; both act if one began after the end of the other.
        assert!(matches!(codes, [0 | 4, 0] | [0, 4]), "{round}: {codes:?}");
        worked += codes.iter().filter(|code| **code == 0).count();
        assert_eq!(plane.cordoned().len(), 3, "{round}");
        world.is_sound("at the same moment");
    }
    println!("20 runs, two at a time: {worked} worked, {} were turned away", 20 - worked);
}

#[test]
fn without_the_lease_there_is_still_no_bad_state() {
    let Some(world) = World::new() else { return };
    let plane = &world.plane;

    // One run has made its plan: keep n0 (the hub) and two of the others. Then its Lease is deleted, the users of other
    // nodes leave and arrive, a second run works on the new state to its end, and the first run continues.
    for name in ["a", "b"] {
        plane.create_bound_pod(&user(name).on("n1"));
        plane.create_bound_pod(&user(&format!("{name}{name}")).on("n2"));
    }
    let first = world.cron_job("rebalancer-1").pause(&["--yes"]);
    world.delete_lease();
    for name in ["a", "b", "aa", "bb"] {
        plane.delete_pod("hub", name);
    }
    for (name, node) in [("c", "n4"), ("d", "n5")] {
        plane.create_bound_pod(&user(name).on(node));
    }
    world.laptop().run(&["--yes"]).must_be(0);
    assert_eq!(plane.cordoned(), ["n1", "n2", "n3"]);
    let late = first.go_on().must_be(4);
    assert_eq!(
        late.error(),
        "error: this run lost the Lease default/kube-rebalancer while it was planning\n\
         hint: nothing was changed"
    );
    assert_eq!(plane.cordoned(), ["n1", "n2", "n3"]);
    world.is_sound("a run between a plan and its cordons");

    // The same, but meanwhile a critical pod arrives on a node that the first run is about to cordon.
    world.reset();
    for name in ["c", "d"] {
        plane.delete_pod("hub", name);
    }
    let first = world.cron_job("rebalancer-1").pause(&["--yes"]);
    for index in 1..6 {
        plane.create_bound_pod(
            &Pod::new("hub", &format!("proxy{index}")).memory("1Gi").on(&format!("n{index}")),
        );
    }
    let late = first.go_on().must_be(0);
    assert!(late.report.contains("taken back: the critical pod hub/proxy"), "{}", late.report);
    assert_eq!(plane.cordoned(), Vec::<String>::new());
    world.is_sound("critical pods between a plan and its cordons");
    for index in 1..6 {
        plane.delete_pod("hub", &format!("proxy{index}"));
    }

    // Three at once, while somebody deletes the Lease without end; in every other round with a Lease of their own each,
    // as by a mistake in their settings, so that all of them work. Users move between the rounds only: what two runs
    // see in the few milliseconds between the last look at the Lease and the cordons, nothing but the Lease keeps equal.
    let over = AtomicBool::new(false);
    let mut codes = Vec::new();
    let mut side_by_side = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            // Now as soon as a run holds it, now in the midst of its cordons.
            for cordons in [0, 1, 0, 2].into_iter().cycle() {
                world.wait_for_a_holder(cordons, || over.load(Ordering::Relaxed));
                if over.load(Ordering::Relaxed) {
                    break;
                }
                world.delete_lease();
            }
        });
        for round in 0..12 {
            world.reset();
            let users: Vec<String> = (0..3).map(|index| format!("user-{round}-{index}")).collect();
            for name in &users {
                plane.create_bound_pod(&user(name));
            }
            let programs = [world.cron_job("rebalancer-1"), world.cron_job("rebalancer-2"), world.laptop()];
            let own = |(program, namespace): (Program<'_>, &str)| match round % 2 {
                0 => program.start(&["--yes"]),
                _ => program.with("LEASE_NAMESPACE", namespace).start(&["--yes"]),
            };
            let children: Vec<Child> =
                programs.into_iter().zip(["default", "hub", "kube-public"]).map(own).collect();
            let ended: Vec<Ended> = children.into_iter().map(super::ended).collect();
            for Ended { code, log, report } in &ended {
                assert!([Some(0), Some(1), Some(4)].contains(code), "{code:?} {report} {log}");
            }
            let worked = ended.iter().filter(|ended| ended.code != Some(4)).count();
            side_by_side += usize::from(worked > 1);
            codes.extend(ended.iter().map(|ended| ended.code.unwrap()));
            world.is_sound(&format!("round {round}"));
            for name in &users {
                plane.delete_pod("hub", name);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(side_by_side > 3, "{side_by_side}");
    let count = |code: i32| codes.iter().filter(|one| **one == code).count();
    println!(
        "36 runs, three at a time, without a Lease to rely on: exit 0: {}, 1: {}, 4: {}; in {side_by_side} of 12 rounds \
         more than one worked",
        count(0),
        count(1),
        count(4)
    );
    world.delete_lease();
    world.laptop().run(&["--yes"]).must_be(0);
    world.is_sound("in the end");
}
