//! Packing on a real default scheduler: new users are scheduled on the nodes that fill first, and no user waits because
//! of the preference.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Program, lease_path, name_of};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const OURS: &str = "kube-rebalancer/fill-last";
/// A soft taint that a person wrote.
const THEIRS: &str = "example.com/mine";
/// The initial number of users of 1Gi on each node.
const USERS: [u32; 8] = [12, 10, 8, 6, 4, 2, 1, 0];
/// Maximum number of users of a node.
const MOST: usize = 16;

/// Eight nodes of 16Gi, all of which stay in service.
struct World {
    plane: ControlPlane,
}

impl World {
    fn new() -> Option<Self> {
        let plane = ControlPlane::start().unwrap()?;
        let node = |index| Node::new(&format!("n{index}")).memory("16Gi").cpu("8");
        plane.create_nodes(&(0..8).map(node).collect::<Vec<Node>>());
        plane.create_namespace("hub");
        for (index, users) in USERS.iter().enumerate() {
            for user in 0..*users {
                plane.create_bound_pod(&ada(&format!("u{index}-{user}")).on(&format!("n{index}")));
            }
        }
        Some(Self { plane })
    }

    /// The program with packing. Each name is another CronJob with a separate Lease.
    fn program(&self, namespace: &str) -> Program<'_> {
        let program = Program::new(&self.plane, &Identity::Admin).with("PACK", "true").with("MIN_NODES", "8");
        program.with("LEASE_NAMESPACE", namespace)
    }

    /// The soft taints of each node, by key.
    fn soft_taints(&self) -> BTreeMap<String, Vec<String>> {
        let soft = |node: &Value| {
            let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            let soft = taints.iter().filter(|taint| taint["effect"] == "PreferNoSchedule");
            soft.map(|taint| taint["key"].as_str().unwrap().to_owned()).collect()
        };
        self.plane.nodes().iter().map(|node| (name_of(node), soft(node))).collect()
    }

    /// The nodes that fill last.
    fn steered(&self) -> Vec<String> {
        self.soft_taints()
            .into_iter()
            .filter(|(_, taints)| !taints.is_empty())
            .map(|(name, _)| name)
            .collect()
    }

    /// The number of further users that fit on the nodes that fill first.
    fn room(&self) -> usize {
        let steered = self.steered();
        let pods = self.plane.admin().get("/api/v1/namespaces/hub/pods").success();
        let of = |node: &str| {
            let pods = pods["items"].as_array().unwrap();
            pods.iter().filter(|pod| pod["spec"]["nodeName"] == node).count()
        };
        let names = (0..8).map(|index| format!("n{index}"));
        names.filter(|name| !steered.contains(name)).map(|name| MOST - of(&name)).sum()
    }

    /// A person adds a soft taint of their own, as `kubectl taint` does.
    fn taint_by_hand(&self, node: &str) {
        let output = self.plane.kubectl(&["taint", "node", node, &format!("{THEIRS}=x:PreferNoSchedule")]);
        assert!(output.status.success(), "{output:?}");
    }

    /// No node has this program's taint twice, or beside the same taint of a person.
    #[track_caller]
    fn is_sound(&self, what: &str) {
        for (node, taints) in self.soft_taints() {
            assert!(taints.len() <= 1, "{what}: {node} has {taints:?}");
        }
    }
}

/// A user of 1Gi.
fn ada(name: &str) -> Pod {
    Pod::new("hub", name).memory("1Gi").label("user", name)
}

#[test]
fn new_users_go_to_the_nodes_that_fill_first_and_nobody_waits() {
    let Some(world) = World::new() else { return };
    let plane = &world.plane;
    world.program("default").run(&["--yes"]).must_be(0);
    // 0.3 of 16Gi are 4.8Gi, and a node is made to fill last at 7.2Gi: n0 and n1 have 4 and 6Gi free.
    assert_eq!(world.steered(), ["n2", "n3", "n4", "n5", "n6", "n7"]);

    // A run every five users opens nodes in time: there is always one that fills first and has room.
    let (mut seen, mut right) = (0, 0);
    for user in 0..40 {
        if user % 5 == 0 {
            world.program("default").run(&["--yes"]).must_be(0);
            world.is_sound(&format!("user {user}"));
        }
        let (room, steered) = (world.room(), world.steered());
        let node = plane.create_bound_pod(&ada(&format!("new-{user}")));
        if room > 0 {
            seen += 1;
            right += usize::from(!steered.contains(&node));
        }
    }
    assert!(right * 100 >= seen * 95, "{right} of {seen} went to nodes that fill first");
    assert!(seen >= 38, "{seen}");
    println!("{right} of {seen} new users went to nodes that fill first while those had room");

    // No run comes, and the others have the only room: users get it at once.
    let room = world.room();
    for user in 0..room {
        plane.create_bound_pod(&ada(&format!("more-{user}")));
    }
    assert_eq!(world.room(), 0);
    let steered = world.steered();
    for user in 0..5 {
        let node = plane.create_bound_pod(&ada(&format!("last-{user}")));
        assert!(steered.contains(&node), "{node}");
    }

    // Switched off, nothing of it stays.
    world.program("default").with("PACK", "false").run(&["--yes"]).must_be(0);
    assert_eq!(world.steered(), Vec::<String>::new());
}

#[test]
fn two_runs_persons_and_a_killed_run_leave_nothing_wrong() {
    let Some(world) = World::new() else { return };
    let plane = &world.plane;
    // A person's taint has the same effect: the node gets no second one, and the person's taint is kept.
    world.taint_by_hand("n3");
    world.program("default").run(&["--yes"]).must_be(0);
    let taints = world.soft_taints();
    assert_eq!((&taints["n3"], &taints["n4"]), (&vec![THEIRS.to_owned()], &vec![OURS.to_owned()]));
    // If this program's taint was first, it is removed.
    world.taint_by_hand("n4");
    world.program("default").run(&["--yes"]).must_be(0);
    assert_eq!(world.soft_taints()["n4"], [THEIRS]);
    world.is_sound("a person's taints");
    let packed = world.soft_taints();

    // Two at once: by one Lease, of which one works, and by two Leases, so that both do.
    for (round, others) in ["default", "kube-public", "default", "kube-public"].into_iter().enumerate() {
        world.program("default").with("PACK", "false").run(&["--yes"]).must_be(0);
        let children = ["default", others].map(|lease| world.program(lease).start(&["--yes"]));
        let codes = children.map(|child| super::ended(child).code.unwrap());
        assert!(codes.iter().all(|code| [0, 4].contains(code)), "{round}: {codes:?}");
        world.is_sound("two at once");
        assert_eq!(world.soft_taints(), packed, "{round}: {codes:?}");
    }

    // Killed before it acts, and in the midst of it: the next run, by another Lease, finishes the work.
    world.program("default").with("PACK", "false").run(&["--yes"]).must_be(0);
    world.program("default").pause(&["--yes"]).kill();
    assert_eq!(world.steered(), ["n3", "n4"]);
    plane.admin().delete(&lease_path("default"));
    let mut child = world.program("default").start(&["--yes"]);
    plane.wait_until("a node is made to fill last", Duration::from_secs(30), || {
        (world.steered().len() > 2).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    world.is_sound("a killed run");
    world.program("kube-public").run(&["--yes"]).must_be(0);
    assert_eq!(world.soft_taints(), packed);

    // Nothing more is to be done, and a person's taints outlive ours.
    let settled = world.program("kube-public").run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(settled.story(), Vec::<String>::new());
    world.program("kube-public").with("PACK", "false").run(&["--yes"]).must_be(0);
    let left = world.soft_taints();
    for (node, taints) in left {
        let expected: &[&str] = if ["n3", "n4"].contains(&node.as_str()) { &[THEIRS] } else { &[] };
        assert_eq!(taints, expected, "{node}");
    }
}
