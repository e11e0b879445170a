//! A small hub on Compute Engine, joined to the control plane: three nodes of one group, and the hub's own pod.

use std::sync::Arc;
use std::time::Duration;

use fake_gce::{FakeGce, Group, GroupPath, Machine, Options, Timing};

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::gce_world::{GceWorld, node_of};
use crate::objects::{Node, Pod};

/// The hub.
pub(super) struct Hub {
    pub(super) plane: Arc<ControlPlane>,
    pub(super) gce: Arc<FakeGce>,
    pub(super) pool: GroupPath,
    pub(super) world: GceWorld<Arc<ControlPlane>>,
}

impl Hub {
    /// Starts it; a node registers this long after its instance runs. `None` where there is no control plane.
    pub(super) fn start(registers: Duration) -> Option<Self> {
        Some(Self::on(Arc::new(ControlPlane::start().unwrap()?), registers, node_of))
    }

    /// The same with a metrics-server, and with nodes that it scrapes.
    pub(super) fn start_measured(registers: Duration) -> Option<Self> {
        let plane = Arc::new(ControlPlane::start().unwrap()?);
        if !plane.start_metrics_server() {
            return None;
        }
        let kubelets = Arc::clone(&plane);
        Some(Self::on(plane, registers, move |machine| kubelets.measured(&node_of(machine))))
    }

    fn on(
        plane: Arc<ControlPlane>,
        registers: Duration,
        shape: impl Fn(&Machine) -> Node + Send + 'static,
    ) -> Self {
        let timing = Timing {
            place: Duration::from_millis(200),
            boot: Duration::from_millis(800),
            delete: Duration::from_millis(500),
            ..Timing::default()
        };
        let gce = Arc::new(FakeGce::start(Options { timing, ..Options::default() }).unwrap());
        let pool = gce.add_group(Group::zonal("my-project", "us-central1-a", "users").size(3));
        let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&plane), registers, shape);
        world.settle();
        plane.create_namespace("hub");
        plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi"));
        Self { plane, gce, pool, world }
    }
}

/// The program on that cluster and that cloud, with the defaults of all limits.
pub(super) fn program<'p>(plane: &'p ControlPlane, gce: &FakeGce) -> Program<'p> {
    Program::new(plane, &Identity::Admin)
        .with("GCE_METADATA_HOST", &gce.address().to_string())
        .with("COMPUTE_ENDPOINT", &gce.url())
}
