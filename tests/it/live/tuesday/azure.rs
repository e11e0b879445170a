//! The Tuesday on Azure: on a scale set, and on an agent pool of AKS.

use std::sync::Arc;
use std::time::Duration;

use fake_azure::{Account, Cluster, FakeAzure, Options, ScaleSet, Timing};

use super::{Cloud, Tuesday};
use crate::azure_world::AzureWorld;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::live::Program;
use crate::objects::Pod;

/// The subscription.
const SUBSCRIPTION: &str = "12345678-aaaa-bbbb-cccc-123456789abc";

pub(in crate::live) struct Hub {
    pub(in crate::live) plane: Arc<ControlPlane>,
    azure: Arc<FakeAzure>,
    /// The name of the scale set.
    set: String,
    world: AzureWorld,
}

impl Hub {
    /// Starts it, on an agent pool of AKS or on a scale set. `None` where there is no control plane.
    pub(in crate::live) fn start(on_aks: bool) -> Option<Self> {
        let plane = Arc::new(ControlPlane::start().unwrap()?);
        let timing = Timing {
            creating: Duration::from_millis(900),
            deleting: Duration::from_millis(500),
            power: Duration::from_millis(300),
        };
        let azure = FakeAzure::start(Account::ops(), Options { timing, ..Options::default() }).unwrap();
        let set = if on_aks {
            azure.add_cluster(Cluster::new(SUBSCRIPTION, "hub-rg", "hub").pool("users", 3, false));
            Cluster::set_name("users")
        } else {
            azure.add_set(ScaleSet::new(SUBSCRIPTION, "Hub-RG", "users"), 3);
            "users".to_owned()
        };
        let azure = Arc::new(azure);
        let world = AzureWorld::join(Arc::clone(&azure), &set, Arc::clone(&plane));
        world.settle();
        plane.create_namespace("hub");
        plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi"));
        Some(Self { plane, azure, set, world })
    }

    /// The variables of a run on it.
    pub(in crate::live) fn environment(&self) -> Vec<(&'static str, String)> {
        self.azure.environment()
    }

    fn play(&self) {
        let mut program = Program::new(&self.plane, &Identity::Admin).with("MAX_NODES", "20");
        for (name, value) in self.environment() {
            program = program.with(name, &value);
        }
        Tuesday::new(&self.plane, self, program).play();
        // No instance was deleted that the run did not name.
        assert_eq!(self.azure.set(&self.set).unwrap().preempted, 0);
    }

    fn changes(&self) -> Vec<String> {
        let calls = self.azure.calls().into_iter();
        let changes = calls.filter(|call| call.verb != "GET" && call.method != "token");
        let mut methods: Vec<String> = changes.map(|call| call.method).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

impl Cloud for &Hub {
    fn nodes(&self) -> usize {
        usize::try_from(self.azure.set(&self.set).unwrap().capacity).unwrap()
    }

    fn running(&self) -> Vec<String> {
        self.world.running()
    }

    fn settle(&self) {
        self.world.settle();
    }
}

#[test]
fn a_tuesday_on_a_scale_set() {
    let Some(hub) = Hub::start(false) else { return };
    hub.play();
    assert_eq!(hub.changes(), ["compute.delete", "compute.patch"]);
}

#[test]
fn a_tuesday_on_an_agent_pool() {
    let Some(hub) = Hub::start(true) else { return };
    hub.play();
    assert_eq!(hub.changes(), ["aks.deleteMachines", "aks.put"]);
}
