//! A cluster whose nodes are servers of OpenStack: a node whose server is shelved or stopped is no longer Ready, a node
//! whose server runs again is Ready again, and the node of a deleted server is deleted, as by kubelets and a cloud
//! controller.
//!
//! ```text
//!   Servers (the fake, or a real Nova) ── a thread looks again and again ── stop, start, remove ──> Cluster
//! ```

mod fake;
mod real;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use self::real::RealNova;
use crate::kubelets::Cluster;

/// Between two looks of the thread.
const PAUSE: Duration = Duration::from_millis(50);

/// A server of the connected world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) id: String,
    /// Its name, which is the node's too.
    pub(crate) name: String,
    /// Its status, such as `ACTIVE`.
    pub(crate) status: String,
    /// Its current task, if there is one.
    pub(crate) task: Option<String>,
}

impl Server {
    /// Whether a kubelet on it runs and is not terminating.
    pub(crate) fn runs(&self) -> bool {
        self.status == "ACTIVE" && self.task.is_none()
    }
}

/// A source of servers.
pub(crate) trait Servers: Send + Sync + 'static {
    /// The servers of the cluster's nodes, as they are now.
    fn servers(&self) -> Vec<Server>;
}

/// The connected world. Dropping it does not change the cloud or the cluster.
#[derive(Debug)]
pub(crate) struct OpenStackWorld {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl OpenStackWorld {
    /// Connects the two. The nodes of the servers exist already, and are Ready.
    pub(crate) fn join<C>(cloud: Arc<dyn Servers>, cluster: C) -> Self
    where
        C: Deref<Target: Cluster> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            // By name of the node: whether its kubelet runs.
            let mut kubelets: BTreeMap<String, bool> = BTreeMap::new();
            while !told.load(Ordering::Relaxed) {
                let now: BTreeMap<String, bool> =
                    cloud.servers().into_iter().map(|server| (server.name.clone(), server.runs())).collect();
                for name in kubelets.keys().filter(|name| !now.contains_key(*name)) {
                    cluster.remove(name);
                }
                for (name, runs) in &now {
                    match (kubelets.get(name).copied().unwrap_or(true), *runs) {
                        (true, false) => cluster.stop(name),
                        (false, true) => cluster.start(name),
                        (true, true) | (false, false) => {}
                    }
                }
                kubelets = now;
                fake_http::waiting::take(PAUSE);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for OpenStackWorld {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
