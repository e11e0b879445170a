//! A running fake, for tests.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_http::Clock;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::aks::Cluster;
use crate::compute::{Compute, Room, ScaleSet};
use crate::server::{Reception, Shared, look, serve};
use crate::timing::Timing;

/// The options of a fake.
#[derive(Debug, Clone)]
pub struct Options {
    /// The durations of steps.
    pub timing: Timing,
    /// The present time.
    pub clock: Clock,
    /// The number of items of a page.
    pub page: usize,
}

impl Default for Options {
    /// Every step takes a moment of real time.
    fn default() -> Self {
        Self { timing: Timing::default(), clock: Clock::real(), page: 100 }
    }
}

/// A running fake. Dropped, it closes all connections, held ones too.
#[derive(Debug)]
pub struct FakeAzure {
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
    address: SocketAddr,
}

impl FakeAzure {
    /// Starts one with this account and nothing else.
    pub fn start(account: Account, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Shared {
            account,
            tokens: BTreeSet::new(),
            issued: 0,
            compute: Compute::new(options.clock.now()),
            clusters: Vec::new(),
            timing: options.timing,
            room: Room::default(),
            page: options.page,
            clock: options.clock,
            url: format!("http://{address}"),
        };
        let shared = Arc::new(Mutex::new(shared));
        let desk = Arc::<Reception>::default();
        let server = serve(listener, Arc::clone(&desk), Arc::clone(&shared))?;
        Ok(Self { desk, shared, server, address })
    }

    /// `http://127.0.0.1:PORT`: the value for `AZURE_RESOURCE_MANAGER_ENDPOINT`, `AZURE_AUTHORITY_HOST` and
    /// `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables of the environment for its account, with a secret.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let account = self.look().account.clone();
        vec![
            ("AZURE_AUTHORITY_HOST", self.url()),
            ("AZURE_RESOURCE_MANAGER_ENDPOINT", self.url()),
            ("AZURE_TENANT_ID", account.tenant),
            ("AZURE_CLIENT_ID", account.client),
            ("AZURE_CLIENT_SECRET", account.secret),
        ]
    }

    /// A scale set with this number of running instances.
    pub fn add_set(&self, set: ScaleSet, instances: u32) {
        let mut shared = self.look();
        let Shared { compute, timing, .. } = &mut *shared;
        compute.add(set, instances, *timing);
    }

    /// A managed cluster. Its pools make their scale sets.
    pub fn add_cluster(&self, cluster: Cluster) {
        let mut shared = self.look();
        let Shared { compute, timing, clusters, .. } = &mut *shared;
        for pool in &cluster.pools {
            compute.add(cluster.scale_set(pool), pool.count, *timing);
        }
        clusters.push(cluster);
    }

    /// A scale set as it is now, by its name.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<ScaleSet> {
        self.look().compute.sets.iter().find(|set| set.name == name).cloned()
    }

    /// Changes a scale set as nobody could by a request, and its etag with it.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut ScaleSet)) {
        if let Some(set) = self.look().compute.sets.iter_mut().find(|set| set.name == name) {
            change(set);
            set.touch();
        }
    }

    /// A cluster as it is now, by its name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<Cluster> {
        self.look().clusters.iter().find(|cluster| cluster.name == name).cloned()
    }

    /// Changes a cluster as nobody could by a request, and the etags of its pools with it.
    pub fn edit_cluster(&self, name: &str, change: impl FnOnce(&mut Cluster)) {
        if let Some(cluster) = self.look().clusters.iter_mut().find(|cluster| cluster.name == name) {
            change(cluster);
            cluster.pools.iter_mut().for_each(crate::aks::Pool::touch);
        }
    }

    /// Another client asks a scale set for a capacity: no call is recorded.
    pub fn resize(&self, name: &str, capacity: u32) {
        let mut shared = self.look();
        let Shared { compute, timing, room, .. } = &mut *shared;
        compute.resize(name, capacity, *timing, room);
    }

    /// Another client deletes instances of a scale set: no call is recorded.
    pub fn delete(&self, name: &str, instances: &[u64]) {
        let mut shared = self.look();
        let Shared { compute, timing, room, .. } = &mut *shared;
        compute.act(name, "delete", instances, *timing, room);
    }

    /// From now on Azure has room for instances that are made or started, or has none.
    pub fn set_room(&self, has_room: bool) {
        self.look().room.is_there = has_room;
    }

    /// From now on no more than this number of instances of a scale set are within the quota.
    pub fn set_quota(&self, quota: Option<u32>) {
        self.look().room.quota = quota;
    }

    /// Sets the durations of steps that begin from now on.
    pub fn set_timing(&self, timing: Timing) {
        self.look().timing = timing;
    }

    /// No token that was given is good any more.
    pub fn revoke_tokens(&self) {
        self.look().tokens.clear();
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.look().clock.now()
    }

    /// Moves a clock that is set by hand.
    pub fn advance(&self, by: Duration) {
        self.look().clock.advance(by);
    }

    fn look(&self) -> MutexGuard<'_, Shared> {
        look(&self.shared)
    }
}

impl Deref for FakeAzure {
    type Target = Reception;

    /// Faults, hooks and calls.
    fn deref(&self) -> &Reception {
        &self.desk
    }
}

impl Drop for FakeAzure {
    fn drop(&mut self) {
        self.server.abort();
    }
}
