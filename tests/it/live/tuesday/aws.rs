//! The Tuesday on AWS, on an Auto Scaling group of two zones.

use std::sync::Arc;
use std::time::Duration;

use fake_asg::{Account, FakeAsg, Group, Options, Timing};

use super::{Cloud, Tuesday};
use crate::aws_world::{AwsWorld, environment};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::live::Program;
use crate::objects::Pod;

const USERS: &str = "eks-users-08b91cf7";
const ZONES: [&str; 2] = ["us-east-1a", "us-east-1b"];

pub(in crate::live) struct Hub {
    pub(in crate::live) plane: Arc<ControlPlane>,
    asg: Arc<FakeAsg>,
    world: AwsWorld,
}

impl Hub {
    /// Starts it. `None` where there is no control plane.
    pub(in crate::live) fn start() -> Option<Self> {
        let plane = Arc::new(ControlPlane::start().unwrap()?);
        let moment = Duration::from_millis(500);
        let timing = Timing {
            booting: Duration::from_millis(900),
            stopping: moment,
            retry: moment,
            ..Timing::default()
        };
        let asg = FakeAsg::start(Account::ops(), Options { timing, ..Options::default() }).unwrap();
        let group = Group::new(USERS, &ZONES).bounds(0, 20).suspend("AZRebalance");
        asg.add_group((1..=3).fold(group, |group, number: usize| {
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
        let mut program = Program::new(&self.plane, &Identity::Admin).with("MAX_NODES", "20");
        for (name, value) in self.environment() {
            program = program.with(name, &value);
        }
        Tuesday::new(&self.plane, self, program).play();
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

#[test]
fn a_tuesday_on_an_auto_scaling_group() {
    let Some(hub) = Hub::start() else { return };
    hub.play();
    assert_eq!(hub.changes(), ["LaunchInstances", "TerminateInstanceInAutoScalingGroup"]);
}
