//! The state of Compute Engine, which changes over time: managed instance groups, instances and operations.
//!
//! ```text
//!   resize, deleteInstances ──> members' actions ──> agenda ──> steps, each at its time
//!                                                      ^            │ place, stage, run, settle, vanish
//!                             time of the next look ───┘            └──> what the next look sees
//! ```
//!
//! Nothing runs in the background: each read passes the time, and all steps that are due until then happen, in the
//! order of their times.

mod change;
mod group;
mod ids;
mod machine;
mod operation;
mod path;
mod refusal;
mod setup;
mod steps;
mod template;
mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use self::change::Terms;
pub(crate) use self::group::ManagedGroup;
pub use self::group::{Action, AttemptError, Member, Redistribution};
use self::ids::Ids;
pub use self::machine::{Cause, Loss, Machine, MachineStatus};
pub use self::operation::OperationFailure;
pub(crate) use self::operation::{Operation, OperationStatus, Skipped};
pub use self::path::{GroupPath, InstancePath, Location};
pub(crate) use self::path::{OperationPath, ZONES, region_of, regions};
pub(crate) use self::refusal::Refusal;
pub use self::setup::Group;
use self::steps::Event;
pub(crate) use self::template::MachineShape;
pub use self::template::Template;
pub use self::timing::Timing;
use fake_http::after;

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) number: u64,
    /// Its instance quota.
    pub(crate) instance_quota: Option<usize>,
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct Engine {
    now: Timestamp,
    pub(crate) timing: Timing,
    agenda: BTreeMap<(Timestamp, u64), Event>,
    tickets: u64,
    ids: Ids,
    pub(crate) projects: BTreeMap<String, Project>,
    pub(crate) groups: BTreeMap<GroupPath, ManagedGroup>,
    /// Instance templates by their paths.
    templates: BTreeMap<String, Template>,
    pub(crate) machines: BTreeMap<InstancePath, Machine>,
    pub(crate) operations: BTreeMap<OperationPath, Operation>,
    /// The operation of each request id in each project, and when it was first seen.
    requests: BTreeMap<(String, String), (Timestamp, OperationPath)>,
    pub(crate) stockouts: BTreeSet<String>,
    pub(crate) losses: Vec<Loss>,
}

impl Engine {
    pub(crate) fn new(now: Timestamp, timing: Timing) -> Self {
        Self {
            now,
            timing,
            agenda: BTreeMap::new(),
            tickets: 0,
            ids: Ids::default(),
            projects: BTreeMap::new(),
            groups: BTreeMap::new(),
            templates: BTreeMap::new(),
            machines: BTreeMap::new(),
            operations: BTreeMap::new(),
            requests: BTreeMap::new(),
            stockouts: BTreeSet::new(),
            losses: Vec::new(),
        }
    }

    /// Lets everything happen that is due by then.
    pub(crate) fn advance_to(&mut self, now: Timestamp) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(now);
    }

    /// A number that grows.
    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn schedule(&mut self, delay: Duration, event: Event) {
        let key = (after(self.now, delay), self.ticket());
        self.agenda.insert(key, event);
    }

    /// The group of that path.
    pub(crate) fn group(&self, path: &GroupPath) -> Result<&ManagedGroup, Refusal> {
        self.groups.get(path).ok_or_else(|| Refusal::not_found(&path.to_string()))
    }

    /// The groups of a project, in a place or everywhere, in order.
    pub(crate) fn groups_in<'a>(
        &'a self,
        project: &'a str,
        location: Option<&'a Location>,
    ) -> impl Iterator<Item = &'a ManagedGroup> {
        self.groups.values().filter(move |group| {
            group.path.project == project && location.is_none_or(|location| group.path.location == *location)
        })
    }

    /// The instance of that path.
    pub(crate) fn machine(&self, path: &InstancePath) -> Result<&Machine, Refusal> {
        self.machines.get(path).ok_or_else(|| Refusal::not_found(&path.to_string()))
    }

    /// The operation of that path.
    pub(crate) fn operation(&self, path: &OperationPath) -> Result<&Operation, Refusal> {
        self.operations.get(path).ok_or_else(|| Refusal::not_found(&path.to_string()))
    }
}
