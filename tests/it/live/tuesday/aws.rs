//! The Tuesday on AWS, on an Auto Scaling group of two zones; and one on which the evening parks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fake_asg::{Account, FakeAsg, Group, Options, Timing};
use serde_json::{Value, json};

use super::{Cloud, Tuesday, cordons_get_old};
use crate::aws_world::{AwsWorld, environment};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::kubelets::Cluster;
use crate::live::{Program, name_of};
use crate::objects::Pod;

const USERS: &str = "eks-users-08b91cf7";
/// Until when a node is claimed.
const CLAIM: &str = "kube-rebalancer/deleting-until";
const ZONES: [&str; 2] = ["us-east-1a", "us-east-1b"];

pub(in crate::live) struct Hub {
    pub(in crate::live) plane: Arc<ControlPlane>,
    asg: Arc<FakeAsg>,
    world: AwsWorld,
}

impl Hub {
    /// Starts it with three nodes. `None` where there is no control plane.
    pub(in crate::live) fn start() -> Option<Self> {
        Self::of(3)
    }

    fn of(nodes: usize) -> Option<Self> {
        let plane = Arc::new(ControlPlane::start().unwrap()?);
        let moment = Duration::from_millis(500);
        let timing = Timing {
            booting: Duration::from_millis(900),
            stopping: moment,
            retry: moment,
            power: moment,
            ..Timing::default()
        };
        let asg = FakeAsg::start(Account::ops(), Options { timing, ..Options::default() }).unwrap();
        let group = Group::new(USERS, &ZONES).bounds(0, 20).suspend("AZRebalance");
        asg.add_group((1..=nodes).fold(group, |group, number: usize| {
            group.instance(&format!("i-{number:017x}"), ZONES[number % 2])
        }));
        let asg = Arc::new(asg);
        let world = AwsWorld::join(Arc::clone(&asg), USERS, Arc::clone(&plane));
        world.settle();
        plane.create_namespace("hub");
        plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi"));
        Some(Self { plane, asg, world })
    }

    /// The variables of a run on it.
    pub(in crate::live) fn environment(&self) -> Vec<(&'static str, String)> {
        environment(&self.asg).into()
    }

    fn play(&self) {
        Tuesday::new(&self.plane, self, self.program()).play();
        self.nobody_else_took_an_instance();
    }

    fn program(&self) -> Program<'_> {
        let program = Program::new(&self.plane, &Identity::Admin).with("MAX_NODES", "20");
        self.environment().into_iter().fold(program, |program, (name, value)| program.with(name, &value))
    }

    /// Evening, night, morning and the next evening. A user takes 1 Gi, and a node of 8 Gi is full with eight: 37 Gi are above the
    /// band on five nodes (0.925), and within it on six (0.771).
    fn play_parking(&self) {
        let program =
            self.program().with("GIVE_BACK", "park").with("MIN_NODES", "2").with("MAX_CORDONS", "100%");
        let mut day = Tuesday::new(&self.plane, self, program);
        self.evening(&mut day);
        let applied = day.run("night");
        assert!(
            applied.keys().all(|verb| matches!(verb.as_str(), "mark" | "unmark")),
            "only notes: {applied:?}"
        );
        day.users_come(36);
        assert_eq!(day.run("09:00, 36 come").get("wake"), Some(&4), "what is parked comes first");
        for minute in 1..10 {
            self.follow();
            let all_serve = self.machines("InService", "running") == 6 && self.plane.cordoned().is_empty();
            if all_serve && day.waiting() == 0 {
                break;
            }
            day.run(&format!("09:0{minute}, nobody new"));
        }
        day.everybody_has_a_node();
        assert_eq!((self.machines("InService", "running"), self.nodes()), (6, 6), "nothing was bought");
        assert!(self.plane.cordoned().is_empty(), "{:?}", self.plane.cordoned());
        day.run("10:00");
        let marked: Vec<_> = self.plane.nodes().into_iter().filter(has_marks).collect();
        assert!(marked.is_empty(), "{marked:?}");
        day.users_leave(36);
        self.evening(&mut day);
        self.nobody_else_took_an_instance();
    }

    /// All but two nodes are parked, and their claims are over.
    fn evening(&self, day: &mut Tuesday<'_, &Self>) {
        for hour in 18..22 {
            let applied = day.run(&format!("{hour}:00"));
            assert!(!applied.contains_key("delete"), "{applied:?}");
            self.follow();
            if self.machines("Standby", "stopped") == 4 {
                break;
            }
            cordons_get_old(&self.plane);
        }
        assert_eq!((self.machines("Standby", "stopped"), self.machines("InService", "running")), (4, 2));
        assert_eq!(self.nodes(), 2, "the size went down with each");
        for node in
            self.plane.nodes().iter().filter(|node| node["metadata"]["annotations"][CLAIM].is_string())
        {
            let past = json!({"metadata": {"annotations": {CLAIM: "2026-01-02T00:00:00Z"}}});
            self.plane.admin().patch(&format!("/api/v1/nodes/{}", name_of(node)), &past).success();
        }
    }

    /// The number of instances in such a state.
    fn machines(&self, lifecycle: &str, power: &str) -> usize {
        let instances = self.asg.group(USERS).unwrap().instances;
        instances.iter().filter(|one| one.lifecycle == lifecycle && one.power == power).count()
    }

    /// Waits until nothing is under way, and until each node is Ready if its machine runs, and not otherwise.
    fn follow(&self) {
        self.world.settle();
        self.plane.wait_until("the nodes follow their machines", Duration::from_mins(1), || {
            let running = self.asg.group(USERS).unwrap().instances.into_iter();
            let running: BTreeSet<String> =
                running.filter(|one| one.power == "running").map(|one| one.id).collect();
            let ready: BTreeSet<String> = self
                .plane
                .ready_instances()
                .iter()
                .filter_map(|id| Some(id.rsplit('/').next()?.to_owned()))
                .collect();
            (running == ready).then_some(())
        });
    }

    fn nobody_else_took_an_instance(&self) {
        let activities = self.asg.group(USERS).unwrap().activities.into_iter();
        let mut others =
            activities.filter(|one| one.description.starts_with("Terminating") && one.cause != "a request");
        assert_eq!(others.next(), None, "nobody took an instance that the run did not name");
    }

    /// The requests that changed something, each method once.
    fn changes(&self) -> Vec<String> {
        let calls = self.asg.calls().into_iter();
        let changes = calls.filter(|call| !call.method.starts_with("Describe"));
        let mut methods: Vec<String> = changes.map(|call| call.method).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

impl Cloud for &Hub {
    fn nodes(&self) -> usize {
        usize::try_from(self.asg.group(USERS).unwrap().desired).unwrap()
    }

    fn running(&self) -> Vec<String> {
        self.world.running()
    }

    fn settle(&self) {
        self.world.settle();
    }
}

fn has_marks(node: &Value) -> bool {
    let annotations = node["metadata"]["annotations"].as_object().into_iter().flatten();
    annotations.into_iter().any(|(key, _)| key.starts_with("kube-rebalancer/"))
}

#[test]
fn a_tuesday_on_an_auto_scaling_group_that_parks() {
    let Some(hub) = Hub::of(6) else { return };
    hub.play_parking();
    assert_eq!(hub.changes(), ["EnterStandby", "ExitStandby", "StartInstances", "StopInstances"]);
}

#[test]
fn a_tuesday_on_an_auto_scaling_group() {
    let Some(hub) = Hub::start() else { return };
    hub.play();
    assert_eq!(hub.changes(), ["LaunchInstances", "TerminateInstanceInAutoScalingGroup"]);
}
