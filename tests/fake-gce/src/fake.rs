//! A running fake, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_http::Clock;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::engine::{
    Engine, Group, GroupPath, InstancePath, Loss, Machine, ManagedGroup, Member, Template, Timing,
};
use crate::http::{Reception, Shared, look, serve};

/// The options of a fake.
#[derive(Debug, Clone)]
pub struct Options {
    /// The durations of steps.
    pub timing: Timing,
    /// The present time.
    pub clock: Clock,
    /// The port to listen on; with 0 a free one.
    pub port: u16,
}

impl Default for Options {
    /// Every step takes a moment of real time, and the port is a free one.
    fn default() -> Self {
        Self { timing: Timing::default(), clock: Clock::real(), port: 0 }
    }
}

/// A group as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNow {
    /// The desired number of instances.
    pub target_size: usize,
    /// Its instances, those too that do not exist yet.
    pub members: BTreeMap<InstancePath, Member>,
}

/// A running fake. Dropped, it closes all connections, held ones too.
#[derive(Debug)]
pub struct FakeGce {
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
    address: SocketAddr,
}

impl FakeGce {
    /// Starts one without any project.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        let address = listener.local_addr()?;
        let shared = Shared {
            engine: Engine::new(options.clock.now(), options.timing),
            clock: options.clock,
            permissions: None,
            closed: BTreeSet::new(),
        };
        let shared = Arc::new(Mutex::new(shared));
        let desk = Arc::<Reception>::default();
        let server = serve(listener, Arc::clone(&desk), Arc::clone(&shared))?;
        Ok(Self { desk, shared, server, address })
    }

    /// `127.0.0.1:PORT`: the value for `GCE_METADATA_HOST`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`: the endpoint for clients of Compute Engine.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A project without anything in it.
    pub fn add_project(&self, project: &str) {
        self.look().engine.add_project(project);
    }

    /// A group, and its project if need be. One of the same path is replaced.
    #[expect(clippy::must_use_candidate, reason = "a test may know the path already")]
    pub fn add_group(&self, group: Group) -> GroupPath {
        self.look().engine.add_group(group)
    }

    /// An instance template. One of the same path is replaced; without it, a group's template is a plain one.
    pub fn add_template(&self, template: Template) {
        self.look().engine.add_template(template);
    }

    /// An instance that no group made, and that runs.
    pub fn add_instance(&self, instance: InstancePath) {
        self.look().engine.add_instance(instance);
    }

    /// A group as it is now, if there is one.
    #[must_use]
    pub fn group(&self, path: &GroupPath) -> Option<GroupNow> {
        let shared = self.look();
        let group = shared.engine.groups.get(path)?;
        Some(GroupNow { target_size: group.target_size, members: group.members.clone() })
    }

    /// Whether no group has anything to do.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.look().engine.groups.values().all(ManagedGroup::is_stable)
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.look().clock.now()
    }

    /// All instances that exist, in the order of their paths.
    #[must_use]
    pub fn machines(&self) -> Vec<Machine> {
        self.look().engine.machines.values().cloned().collect()
    }

    /// The lost instances, in the order of time.
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        self.look().engine.losses.clone()
    }

    /// Another client sets the size of a group: no call is recorded, and no operation made.
    pub fn resize(&self, group: &GroupPath, size: usize) {
        self.look().engine.set_size(group, size);
    }

    /// Another client deletes an instance without asking its group.
    pub fn delete_instance(&self, instance: &InstancePath) {
        self.look().engine.delete_outside(instance);
    }

    /// Another client lets a group create an instance again, under the same name.
    pub fn recreate_instance(&self, instance: &InstancePath) {
        self.look().engine.recreate(instance);
    }

    /// Another client deletes a group, and its instances go at once.
    pub fn remove_group(&self, group: &GroupPath) {
        let engine = &mut self.look().engine;
        engine.groups.remove(group);
        engine.machines.retain(|_, machine| machine.created_by.as_ref() != Some(group));
    }

    /// Attaches an autoscaler to a group, or takes it away.
    pub fn set_autoscaler(&self, group: &GroupPath, autoscaler: Option<&str>) {
        if let Some(group) = self.look().engine.groups.get_mut(group) {
            group.autoscaler = autoscaler.map(str::to_owned);
        }
    }

    /// From now on there are no machines to be had in a zone, or there are again.
    pub fn set_stockout(&self, zone: &str, stockout: bool) {
        let stockouts = &mut self.look().engine.stockouts;
        if stockout {
            stockouts.insert(zone.to_owned());
        } else {
            stockouts.remove(zone);
        }
    }

    /// Sets the maximum number of instances of a project; `None` for no maximum.
    pub fn set_instance_quota(&self, project: &str, quota: Option<usize>) {
        if let Some(project) = self.look().engine.projects.get_mut(project) {
            project.instance_quota = quota;
        }
    }

    /// Sets the durations of steps that begin from now on.
    pub fn set_timing(&self, timing: Timing) {
        self.look().engine.timing = timing;
    }

    /// From now on the client may do no more than this. Before, it may do everything.
    pub fn permit(&self, permissions: &[&str]) {
        let permissions: BTreeSet<String> =
            permissions.iter().map(|permission| (*permission).to_owned()).collect();
        self.look().permissions = Some(permissions);
    }

    /// From now on the client has no permissions in this project.
    pub fn close_project(&self, project: &str) {
        self.add_project(project);
        self.look().closed.insert(project.to_owned());
    }

    /// Moves a clock that is set by hand.
    pub fn advance(&self, by: Duration) {
        self.look().clock.advance(by);
    }

    fn look(&self) -> MutexGuard<'_, Shared> {
        look(&self.shared)
    }
}

impl Deref for FakeGce {
    type Target = Reception;

    /// Faults, hooks and calls.
    fn deref(&self) -> &Reception {
        &self.desk
    }
}

impl Drop for FakeGce {
    fn drop(&mut self) {
        self.server.abort();
    }
}
