//! A cluster whose nodes are the instances of a fake Compute Engine: a running instance registers its Node, a stopping
//! one is no longer Ready, and the Node of a deleted one is deleted, as by kubelets and a cloud controller.
//!
//! ```text
//!   FakeGce ── machines ──> a thread that looks again and again ── register, stop, remove ──> Cluster
//!                                                                  (the real control plane, or the fake API server)
//! ```

mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fake_gce::{FakeGce, InstancePath, Machine, MachineStatus};
use fake_http::waiting;
use jiff::{SignedDuration, Timestamp};

use crate::kubelets::Cluster;
use crate::objects::Node;

/// Between two looks of the thread.
const PAUSE: Duration = Duration::from_millis(10);

/// The time limit for a step that usually takes a moment, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The connected world. Dropping it does not change the cloud or the cluster.
#[derive(Debug)]
pub(crate) struct GceWorld<C> {
    gce: Arc<FakeGce>,
    cluster: C,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The state that the thread and the test share.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// The number of the thread's reads.
    looks: AtomicUsize,
    /// The provider ids of all nodes that it ever registered.
    registered: Mutex<BTreeSet<String>>,
}

impl<C> GceWorld<C>
where
    C: Deref<Target: Cluster> + Clone + Send + 'static,
{
    /// Connects the two. The Node of an instance that a group created has the form of `shape` (see [`node_of`]), and
    /// registers `delay` after the instance was first seen running, by the fake's clock. Other nodes are unchanged.
    pub(crate) fn join(
        gce: Arc<FakeGce>,
        cluster: C,
        delay: Duration,
        shape: impl Fn(&Machine) -> Node + Send + 'static,
    ) -> Self {
        let delay = SignedDuration::try_from(delay).unwrap();
        let shared = Arc::new(Shared::default());
        let (thread_gce, thread_cluster, thread_shared) =
            (Arc::clone(&gce), cluster.clone(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let mut kubelets = BTreeMap::new();
            while !thread_shared.stop.load(Ordering::Relaxed) {
                let now = thread_gce.now();
                let machines = thread_gce.machines();
                let mut look = Look { now, delay, cluster: &*thread_cluster, kubelets: &mut kubelets };
                look.remove_what_is_gone(&machines);
                for machine in machines.iter().filter(|machine| machine.created_by.is_some()) {
                    if look.is_due(machine) {
                        thread_shared.registered.lock().unwrap().insert(provider_id(machine));
                        look.cluster.register(&shape(machine));
                    }
                }
                thread_shared.looks.fetch_add(1, Ordering::Release);
                waiting::take(PAUSE);
            }
        });
        Self { gce, cluster, shared, thread: Some(thread) }
    }

    /// Waits until the nodes have followed what the instances are at this moment.
    #[track_caller]
    pub(crate) fn catch_up(&self) {
        // The look that is under way may have begun before this moment.
        let enough = self.shared.looks.load(Ordering::Acquire) + 2;
        let caught_up = || (self.shared.looks.load(Ordering::Acquire) >= enough).then_some(());
        waiting::until("the nodes follow the instances", PATIENCE, caught_up).unwrap();
    }

    /// Waits until every group is stable, and until the Ready nodes that this world made are exactly the nodes of the
    /// running instances. Time must go by itself.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let settled = || {
            let machines = self.gce.machines();
            let all_run = machines.iter().all(|machine| machine.status == MachineStatus::Running);
            if !all_run || !self.gce.is_stable() {
                return None;
            }
            self.catch_up();
            let members = machines.iter().filter(|machine| machine.created_by.is_some());
            let expected: BTreeSet<String> = members.map(provider_id).collect();
            let mut ready = self.cluster.ready_instances();
            ready.retain(|id| self.shared.registered.lock().unwrap().contains(id));
            (ready == expected).then_some(())
        };
        waiting::until("the nodes are the instances of the groups", PATIENCE, settled).unwrap();
    }
}

impl<C> Drop for GceWorld<C> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.take().map(JoinHandle::join);
        // A panic of the thread fails the test, unless the test has already failed.
        if let Some(Err(panic)) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The thread's record of an instance that has run.
#[derive(Debug)]
struct Kubelet {
    /// Of its instance. One of the same name with another id is another.
    id: u64,
    /// The time at which its instance was first seen running.
    since: Timestamp,
    node: NodeState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeState {
    ToCome,
    Registered,
    Stopped,
}

/// One reading of the instances.
struct Look<'a, C: ?Sized> {
    now: Timestamp,
    delay: SignedDuration,
    cluster: &'a C,
    kubelets: &'a mut BTreeMap<InstancePath, Kubelet>,
}

impl<C: Cluster + ?Sized> Look<'_, C> {
    /// Removes the nodes of instances that are gone, or that are others now.
    fn remove_what_is_gone(&mut self, machines: &[Machine]) {
        let ids: BTreeMap<&InstancePath, u64> =
            machines.iter().map(|machine| (&machine.path, machine.id)).collect();
        self.kubelets.retain(|path, kubelet| {
            let stays = ids.get(path) == Some(&kubelet.id);
            if !stays && kubelet.node != NodeState::ToCome {
                self.cluster.remove(&path.name);
            }
            stays
        });
    }

    /// Whether it is time for an instance to register. If it stops, so does its kubelet.
    fn is_due(&mut self, machine: &Machine) -> bool {
        let runs = machine.status == MachineStatus::Running;
        let new = Kubelet { id: machine.id, since: self.now, node: NodeState::ToCome };
        let kubelet = match self.kubelets.entry(machine.path.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) if runs => place.insert(new),
            Entry::Vacant(_) => return false,
        };
        match (runs, kubelet.node) {
            (true, NodeState::ToCome) if self.now.duration_since(kubelet.since) >= self.delay => {
                kubelet.node = NodeState::Registered;
                return true;
            }
            (false, NodeState::Registered) => {
                kubelet.node = NodeState::Stopped;
                self.cluster.stop(&machine.path.name);
            }
            _ => {}
        }
        false
    }
}

/// The Node of an instance, as Google's cloud controller and kubelet describe it, with 8 GiB and 4 processors.
pub(crate) fn node_of(machine: &Machine) -> Node {
    let InstancePath { project, zone, name } = &machine.path;
    let region = zone.rsplit_once('-').unwrap().0;
    let pool = machine.created_by.as_ref().map_or("none", |group| group.name.as_str());
    Node::new(name)
        .on_compute_engine(project, zone)
        .label("kubernetes.io/hostname", name)
        .label("topology.kubernetes.io/region", region)
        .label("cloud.google.com/gke-nodepool", pool)
        .annotation("container.googleapis.com/instance_id", &machine.id.to_string())
}

/// The provider ID, which connects a Node with its instance.
fn provider_id(machine: &Machine) -> String {
    let InstancePath { project, zone, name } = &machine.path;
    format!("gce://{project}/{zone}/{name}")
}
