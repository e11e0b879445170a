//! A live cluster, through kube: only this module sends requests to an API server.
//!
//! ```text
//!   connect   kubeconfig or service account --> client
//!   credentials  the token of a plugin or a file, from a bounded text
//!   body      the body of an answer, which has a bound
//!   call      one request: time bound, retries, errors in a line; `call/request` has its bounds
//!   cluster   lists, nodes, patches (the port `Cluster`)
//!   lease     one run at a time
//!   notes     what a provider remembers, in annotations of the Lease (the port `Notes`)
//!   ledger    what runs remember, in a ConfigMap beside the Lease; `ledger/document` is its text
//!   pages     a list, page by page: smaller pages where the objects are large, the next one on its way while one is read
//!   whole     a list as a whole, read while it comes in, from newer servers
//!   secrets   messages without credentials
//!   usage     what pods used, from metrics.k8s.io (the port `UsageSource`)
//!   budgets   the budgets that protect pods, where any may be evicted
//!   eviction  one eviction, and what becomes of it
//!   volumes   where the disks of waiting pods are
//!   event     what was done, for `kubectl get events`, and what waiting users read
//!   time      the server's clock, and what is left of the run (the port `Clock`)
//! ```

mod body;
mod budgets;
mod call;
mod cluster;
mod connect;
mod credentials;
mod event;
mod eviction;
mod lease;
mod ledger;
mod notes;
mod pages;
mod secrets;
mod time;
mod usage;
mod volumes;
mod whole;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use call::Server;
pub use cluster::ObserveError;
pub use connect::{ConnectError, Target};
use kube_rebalancer_core::policy::Drain;
pub use lease::{HeldLease, LeaseError};
pub use ledger::HistoryError;
pub use time::RunTime;
use whole::WholeLists;

/// A live cluster.
#[derive(Debug)]
pub struct Live {
    server: Server,
    time: RunTime,
    target: Target,
    /// The name of this run, in the Lease and in events.
    identity: String,
    /// The namespace of the Lease and of the `ConfigMap` beside it.
    namespace: String,
    /// The name of both.
    lease_name: String,
    /// Whether patches have `dryRun=All`.
    dry_run: bool,
    /// The keys of pods' labels that are needed; others are not kept.
    label_keys: Arc<BTreeSet<String>>,
    /// Which pods may be evicted.
    drain: Drain,
    /// Whether equal pods are kept one by one.
    each_pod: bool,
    /// Namespace and name of this program's own pod.
    own_pod: Option<(String, String)>,
    /// All needed keys of pods' labels, including the keys that budgets select by.
    wanted_keys: Mutex<Option<Arc<BTreeSet<String>>>>,
    /// Whether the budgets are beyond all bounds, so that no pod may be evicted.
    no_evictions: AtomicBool,
    lists: WholeLists,
}

/// The cluster to connect to, and the run that does it.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The kubeconfig's context, if one was named.
    pub context: Option<String>,
    /// The name of this run.
    pub identity: String,
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub lease_name: String,
    /// Whether patches have `dryRun=All`.
    pub dry_run: bool,
    /// The keys of pods' labels that the settings name.
    pub label_keys: BTreeSet<String>,
    /// Which pods may be evicted; the facts that evictions need are read only then.
    pub drain: Drain,
    /// Whether equal pods are kept one by one, as a source of usage requires it.
    pub each_pod: bool,
    /// Namespace and name of this program's own pod, which is stored individually.
    pub own_pod: Option<(String, String)>,
}

impl Live {
    /// Finds the cluster, within the time of the run. Nothing is sent yet.
    pub async fn connect(options: ConnectOptions, time: RunTime) -> Result<Self, ConnectError> {
        let ConnectOptions {
            context,
            identity,
            namespace,
            lease_name,
            dry_run,
            label_keys,
            drain,
            each_pod,
            own_pod,
        } = options;
        let (client, target, credentials) = connect::connect(context, &time).await?;
        let server = Server::new(client, time.clone(), &target.server, credentials);
        Ok(Self {
            server,
            label_keys: label_keys.into(),
            drain,
            each_pod,
            own_pod,
            wanted_keys: Mutex::default(),
            time,
            target,
            identity,
            namespace,
            lease_name,
            dry_run,
            no_evictions: AtomicBool::default(),
            lists: WholeLists::default(),
        })
    }

    /// The connected cluster.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}
