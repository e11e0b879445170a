//! A running fake, for tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_http::Clock;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::keystone::Keystone;
use crate::magnum::{Cluster, Driver, Magnum};
use crate::nova::{Nova, Server};
use crate::server::{Reception, Shared, look, serve};
use crate::timing::Timing;

/// The options of a fake.
#[derive(Debug, Clone)]
pub struct Options {
    /// The durations of steps.
    pub timing: Timing,
    /// The present time.
    pub clock: Clock,
}

impl Default for Options {
    /// Every step takes a moment of real time.
    fn default() -> Self {
        Self { timing: Timing::default(), clock: Clock::real() }
    }
}

/// A running fake. Dropped, it closes all connections, held ones too.
#[derive(Debug)]
pub struct FakeOpenStack {
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
    address: SocketAddr,
}

impl FakeOpenStack {
    /// Starts one with this account, the region `RegionOne`, and no server.
    pub fn start(account: Account, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let mut keystone = Keystone::default();
        keystone.accounts.push(account);
        keystone.regions.push("RegionOne".to_owned());
        let shared = Shared {
            keystone,
            nova: Nova::new(options.clock.now(), options.timing),
            magnum: Magnum::default(),
            clock: options.clock,
            url: format!("http://{address}"),
        };
        let shared = Arc::new(Mutex::new(shared));
        let desk = Arc::<Reception>::default();
        let server = serve(listener, Arc::clone(&desk), Arc::clone(&shared))?;
        Ok(Self { desk, shared, server, address })
    }

    /// `http://127.0.0.1:PORT/v3`: the value for `OS_AUTH_URL`.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("http://{}/v3", self.address)
    }

    /// One more account.
    pub fn add_account(&self, account: Account) {
        self.look().keystone.accounts.push(account);
    }

    /// The regions that the catalogue names for Nova; with none, there is no compute service.
    pub fn set_regions(&self, regions: &[&str]) {
        self.look().keystone.regions = regions.iter().map(|region| (*region).to_owned()).collect();
    }

    /// A server. One of the same ID is replaced.
    pub fn add_server(&self, server: Server) {
        self.look().nova.servers.insert(server.id.clone(), server);
    }

    /// A server as it is now, if there is one.
    #[must_use]
    pub fn server(&self, id: &str) -> Option<Server> {
        self.look().nova.servers.get(id).cloned()
    }

    /// All servers, by ID.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        self.look().nova.servers.values().cloned().collect()
    }

    /// Another client acts on a server: no call is recorded. Whether Nova did it.
    #[expect(clippy::must_use_candidate, reason = "a test may know that it will")]
    pub fn act(&self, id: &str, action: &str) -> bool {
        self.look().nova.act(id, action).is_ok()
    }

    /// Changes a server in ways that no request can.
    pub fn edit(&self, id: &str, change: impl FnOnce(&mut Server)) {
        if let Some(server) = self.look().nova.servers.get_mut(id) {
            change(server);
        }
    }

    /// A cluster of Magnum, whose endpoint the catalogue has from now on. Its servers are not made.
    pub fn add_cluster(&self, cluster: Cluster) {
        let mut shared = self.look();
        shared.keystone.has_magnum = true;
        shared.magnum.clusters.push(cluster);
    }

    /// A cluster as it is now, by its name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<Cluster> {
        self.look().magnum.clusters.iter().find(|cluster| cluster.name == name).cloned()
    }

    /// Changes a cluster in ways that no request can.
    pub fn edit_cluster(&self, name: &str, change: impl FnOnce(&mut Cluster)) {
        if let Some(cluster) = self.look().magnum.clusters.iter_mut().find(|cluster| cluster.name == name) {
            change(cluster);
        }
    }

    /// From now on Magnum's driver does so with the servers that a resize names.
    pub fn set_driver(&self, driver: Driver) {
        self.look().magnum.driver = driver;
    }

    /// From now on Magnum's driver fails with these words, or does not.
    pub fn set_driver_failure(&self, words: Option<&str>) {
        self.look().magnum.failure = words.map(str::to_owned);
    }

    /// The newest microversion of Magnum, as a number after `1.`.
    pub fn set_newest_magnum(&self, newest: u32) {
        self.look().magnum.newest = newest;
    }

    /// A server is gone at once.
    pub fn lose(&self, id: &str) {
        self.look().nova.servers.remove(id);
    }

    /// From now on hosts have room for servers that are unshelved, or have none.
    pub fn set_room(&self, room: bool) {
        self.look().nova.room = room;
    }

    /// From now on the image service works, or breaks every shelving off.
    pub fn set_images(&self, images: bool) {
        self.look().nova.images = images;
    }

    /// Sets the durations of steps that begin from now on.
    pub fn set_timing(&self, timing: Timing) {
        self.look().nova.timing = timing;
    }

    /// No token that was given is good any more.
    pub fn revoke_tokens(&self) {
        self.look().keystone.revoke();
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

impl Deref for FakeOpenStack {
    type Target = Reception;

    /// Faults, hooks and calls.
    fn deref(&self) -> &Reception {
        &self.desk
    }
}

impl Drop for FakeOpenStack {
    fn drop(&mut self) {
        self.server.abort();
    }
}
