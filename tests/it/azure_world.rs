//! A cluster whose nodes are the instances of a fake scale set: a running instance registers its Node, a deallocated one is no
//! longer Ready, and the Node of a deleted one is deleted, as by kubelets and a cloud controller.
//!
//! ```text
//!   FakeAzure ── machines ──> a thread that looks again and again ── register, stop, start, remove ──> Cluster
//! ```

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fake_azure::{FakeAzure, Machine, ScaleSet};
use fake_http::waiting;

use crate::kubelets::Cluster;
use crate::objects::Node;

/// Between two looks of the thread.
const PAUSE: Duration = Duration::from_millis(10);
/// The time limit for a step that usually takes a moment, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The connected world. Dropping it does not change the cloud or the cluster.
#[derive(Debug)]
pub(crate) struct AzureWorld {
    azure: Arc<FakeAzure>,
    set: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// The number of the thread's reads.
    looks: AtomicUsize,
}

impl AzureWorld {
    /// Joins the two.
    pub(crate) fn join<C>(azure: Arc<FakeAzure>, set: &str, cluster: C) -> Self
    where
        C: Deref<Target: Cluster> + Send + 'static,
    {
        let shared = Arc::new(Shared::default());
        let (own, own_azure, own_set) = (Arc::clone(&shared), Arc::clone(&azure), set.to_owned());
        let thread = std::thread::spawn(move || {
            // By the names of nodes: whether the kubelet runs.
            let mut kubelets: BTreeMap<String, bool> = BTreeMap::new();
            while !own.stop.load(Ordering::Relaxed) {
                let set = own_azure.set(&own_set).unwrap();
                let names = |id: &u64| set.computer_name(*id);
                let there: BTreeMap<String, (u64, &Machine)> =
                    set.machines.iter().map(|(id, machine)| (names(id), (*id, machine))).collect();
                kubelets.retain(|name, _| {
                    let stays = there.contains_key(name);
                    if !stays {
                        cluster.remove(name);
                    }
                    stays
                });
                for (name, (id, machine)) in &there {
                    let runs = machine.power == Some("running");
                    match kubelets.get(name).copied() {
                        None if runs => cluster.register(&node_of(&set, *id)),
                        Some(true) if !runs => cluster.stop(name),
                        Some(false) if runs => cluster.start(name),
                        None => continue,
                        Some(_) => {}
                    }
                    kubelets.insert(name.clone(), runs);
                }
                own.looks.fetch_add(1, Ordering::Release);
                waiting::take(PAUSE);
            }
        });
        Self { azure, set: set.to_owned(), shared, thread: Some(thread) }
    }

    /// The nodes whose instances run or will run, and are not terminating. A new one may register before a test has read it.
    pub(crate) fn running(&self) -> Vec<String> {
        let set = self.azure.set(&self.set).unwrap();
        let running = set.machines.iter().filter(|(_, machine)| stays(machine));
        running.map(|(id, _)| set.computer_name(*id)).collect()
    }

    /// Waits until nothing is under way in the scale set, and until the nodes have followed.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let settled = || {
            let set = self.azure.set(&self.set).unwrap();
            let is_over = set.machines.values().all(|machine| !machine.is_changing());
            is_over.then_some(())
        };
        waiting::until("nothing is under way in the scale set", PATIENCE, settled).unwrap();
        // The look that is under way may have begun before this moment.
        let enough = self.shared.looks.load(Ordering::Acquire) + 2;
        let caught_up = || (self.shared.looks.load(Ordering::Acquire) >= enough).then_some(());
        waiting::until("the nodes follow the instances", PATIENCE, caught_up).unwrap();
    }
}

fn stays(machine: &Machine) -> bool {
    machine.provisioning != "Deleting" && !machine.power.is_some_and(|power| power.starts_with("dealloc"))
}

/// The Node of an instance, as the cloud controller and the kubelet describe it, with 8 GiB and 4 processors.
fn node_of(set: &ScaleSet, instance: u64) -> Node {
    let name = set.computer_name(instance);
    let zone = set.zones.first().map_or_else(|| "0".to_owned(), |zone| format!("{}-{zone}", set.location));
    let node = Node::new(&name)
        .on_azure(&set.provider_id(instance))
        .label("kubernetes.io/hostname", &name)
        .label("topology.kubernetes.io/region", &set.location)
        .label("topology.kubernetes.io/zone", &zone);
    match set.tags.get("aks-managed-poolName") {
        Some(pool) => node.label("kubernetes.azure.com/agentpool", pool),
        None => node,
    }
}

impl Drop for AzureWorld {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
