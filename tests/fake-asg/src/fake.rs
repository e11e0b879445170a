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
use crate::group::Group;
use crate::respond::Service;
use crate::server::{Reception, Shared, look, serve};
use crate::steps::Engine;
use crate::templates::LaunchTemplate;
use crate::timing::Timing;

/// The options of a fake.
#[derive(Debug, Clone)]
pub struct Options {
    /// The durations of steps.
    pub timing: Timing,
    /// The present time.
    pub clock: Clock,
    /// The largest page of a list.
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
pub struct FakeAsg {
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
    address: SocketAddr,
}

impl FakeAsg {
    /// Starts one with this account in the region `us-east-1`, without a group.
    pub fn start(account: Account, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let Options { timing, clock, page } = options;
        let service = Service {
            accounts: vec![account],
            web_token: "web-token".to_owned(),
            region: "us-east-1".to_owned(),
            has_launch: true,
            page,
            tokens: crate::launch::Tokens::new(),
        };
        let engine = Engine::new(clock.now(), timing);
        let shared = Arc::new(Mutex::new(Shared { service, engine, clock }));
        let desk = Arc::<Reception>::default();
        let server = serve(listener, Arc::clone(&desk), Arc::clone(&shared))?;
        Ok(Self { desk, shared, server, address })
    }

    /// `http://127.0.0.1:PORT`: the value for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One more account.
    pub fn add_account(&self, account: Account) {
        self.look().service.accounts.push(account);
    }

    /// A group. One of the same name is replaced.
    pub fn add_group(&self, group: Group) {
        self.look().engine.groups.insert(group.name.clone(), group);
    }

    /// A launch template. One of the same ID is replaced.
    pub fn add_template(&self, id: &str, template: LaunchTemplate) {
        self.look().engine.templates.insert(id.to_owned(), template);
    }

    /// A group as it is now, if there is one.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Group> {
        self.look().engine.groups.get(name).cloned()
    }

    /// Changes a group as nobody could by a request. What follows from it follows at the next look.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.look().engine.groups.get_mut(name) {
            change(group);
        }
    }

    /// A group is gone at once, with its instances.
    pub fn lose(&self, name: &str) {
        self.look().engine.groups.remove(name);
    }

    /// From now on the account has `LaunchInstances`, or has not.
    pub fn set_launch(&self, has_launch: bool) {
        self.look().service.has_launch = has_launch;
    }

    /// From now on the caller may use EC2 for a launch, or may not: `LaunchInstances` needs permissions of both services.
    pub fn set_launch_permitted(&self, permitted: bool) {
        self.look().engine.launch_forbidden = !permitted;
    }

    /// From now on steps take this time.
    pub fn set_timing(&self, timing: Timing) {
        self.look().engine.timing = timing;
    }

    /// From now on a zone has this number of machines left, or any.
    pub fn set_room(&self, zone: &str, room: Option<u32>) {
        let mut shared = self.look();
        match room {
            Some(room) => shared.engine.room.insert(zone.to_owned(), room),
            None => shared.engine.room.remove(zone),
        };
    }

    /// From now on this number of reads after a change of a machine still show it as before: EC2 is eventually consistent.
    pub fn set_stale_reads(&self, reads: u32) {
        self.look().engine.stale_reads = reads;
    }

    /// From now on EC2 accepts to start a machine in a zone without room, and stops it again once the start has taken its time.
    pub fn set_refuses_late(&self, late: bool) {
        self.look().engine.refuses_late = late;
    }

    /// From now on the account's quota allows this number of further instances, or any.
    pub fn set_quota(&self, quota: Option<u32>) {
        self.look().engine.quota = quota;
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.look().clock.now()
    }

    /// Moves a clock that is set by hand.
    pub fn advance(&self, by: Duration) {
        let clock = self.look().clock.clone();
        clock.advance(by);
        drop(self.look());
    }

    fn look(&self) -> MutexGuard<'_, Shared> {
        look(&self.shared)
    }
}

impl Deref for FakeAsg {
    type Target = Reception;

    /// Faults, hooks and calls.
    fn deref(&self) -> &Reception {
        &self.desk
    }
}

impl Drop for FakeAsg {
    fn drop(&mut self) {
        self.server.abort();
    }
}
