//! The state of Nova's servers, which changes over time.
//!
//! ```text
//!   action ──> refused (locked, vm_state, task_state) or a task ──> steps, each at its time
//! ```
//!
//! Nothing runs in the background: each read passes the time, and all steps that are due until then happen.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fake_http::after;
use jiff::Timestamp;

use crate::timing::Timing;

/// The status of a server: Nova's `vm_state` and, by [`Status::shown`], its `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is made.
    Building,
    /// It runs.
    Active,
    /// It is off; its disk is on its host.
    Stopped,
    /// It is paused by a person.
    Paused,
    /// It is shelved and still on its host.
    Shelved,
    /// It is shelved and on no host.
    ShelvedOffloaded,
    /// It failed.
    Error,
}

impl Status {
    /// The word of the field `status`.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Building => "BUILD",
            Self::Active => "ACTIVE",
            Self::Stopped => "SHUTOFF",
            Self::Paused => "PAUSED",
            Self::Shelved => "SHELVED",
            Self::ShelvedOffloaded => "SHELVED_OFFLOADED",
            Self::Error => "ERROR",
        }
    }

    /// The word of the field `OS-EXT-STS:vm_state`.
    #[must_use]
    pub fn vm_state(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Shelved => "shelved",
            Self::ShelvedOffloaded => "shelved_offloaded",
            Self::Error => "error",
        }
    }
}

/// The current task of a server: `OS-EXT-STS:task_state`.
pub type Task = &'static str;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its ID.
    pub id: String,
    /// Its name, which others may have too.
    pub name: String,
    /// The project's ID.
    pub project: String,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
    /// Its availability zone.
    pub zone: String,
    /// Its status.
    pub status: Status,
    /// Its current task, if there is one.
    pub task: Option<Task>,
    /// Whether it is locked.
    pub locked: bool,
    /// Whether no host has room for it once it is unshelved, whatever room there is for others.
    pub fits_no_host: bool,
    /// The time at which it was created.
    pub created: Timestamp,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The actions on it since the start, by their names.
    pub done: Vec<&'static str>,
    steps: VecDeque<Step>,
}

/// The next status of a server, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    at: Timestamp,
    becomes: Option<(Status, Option<Task>)>,
    needs_room: bool,
}

/// An answer that is no success: the HTTP status, Nova's name of it, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

/// The whole state.
#[derive(Debug)]
pub(crate) struct Nova {
    pub(crate) servers: BTreeMap<String, Server>,
    pub(crate) timing: Timing,
    /// Whether a host has room for a server that is unshelved.
    pub(crate) room: bool,
    /// Whether the image service works; without it, shelving breaks off.
    pub(crate) images: bool,
    now: Timestamp,
}

/// The name of an action, the states that allow it, and its tasks.
struct Action {
    name: &'static str,
    from: &'static [Status],
}

const ACTIONS: [(&str, Action); 4] = [
    ("shelve", Action { name: "shelve", from: &[Status::Active, Status::Stopped, Status::Paused] }),
    ("unshelve", Action { name: "unshelve", from: &[Status::Shelved, Status::ShelvedOffloaded] }),
    ("os-stop", Action { name: "stop", from: &[Status::Active, Status::Error] }),
    ("os-start", Action { name: "start", from: &[Status::Stopped] }),
];

impl Server {
    /// A server that runs.
    #[must_use]
    pub fn new(id: &str, name: &str, project: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            project: project.to_owned(),
            metadata: BTreeMap::new(),
            zone: "nova".to_owned(),
            status: Status::Active,
            task: None,
            locked: false,
            fits_no_host: false,
            created: Timestamp::UNIX_EPOCH,
            addresses: Vec::new(),
            done: Vec::new(),
            steps: VecDeque::new(),
        }
    }

    /// With a pair of its metadata.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// In this state, with nothing under way.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    fn then(&mut self, from: Timestamp, wait: Duration, status: Status, task: Option<Task>) -> Timestamp {
        let at = after(from, wait);
        self.steps.push_back(Step { at, becomes: Some((status, task)), needs_room: false });
        at
    }
}

impl Nova {
    pub(crate) fn new(now: Timestamp, timing: Timing) -> Self {
        Self { servers: BTreeMap::new(), timing, room: true, images: true, now }
    }

    /// Carries out all steps that are due until then.
    pub(crate) fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        let room = self.room;
        self.servers.retain(|_, server| {
            while server.steps.front().is_some_and(|step| step.at <= now) {
                let Some(step) = server.steps.pop_front() else { break };
                if step.needs_room && (!room || server.fits_no_host) {
                    // Nova reports it only in the instance action: the server shows no fault.
                    server.task = None;
                    server.steps.clear();
                    break;
                }
                let Some((status, task)) = step.becomes else { return false };
                (server.status, server.task) = (status, task);
            }
            true
        });
    }

    /// Carries out an action on a server.
    pub(crate) fn act(&mut self, id: &str, action: &str) -> Result<(), Refusal> {
        let Self { servers, timing, images, now, .. } = self;
        let (now, timing) = (*now, *timing);
        let server = servers.get_mut(id).ok_or_else(|| gone(id))?;
        if let "lock" | "unlock" = action {
            server.locked = action == "lock";
            return Ok(());
        }
        let Some((_, Action { name, from })) = ACTIONS.iter().find(|(known, _)| *known == action) else {
            return Err(Refusal(400, "badRequest", format!("There is no such action: {action}")));
        };
        locked(server)?;
        if matches!(*name, "stop" | "start") && server.status == Status::ShelvedOffloaded {
            // Measured: it has no host, and Nova checks that first.
            return Err(Refusal(409, "conflictingRequest", format!("Instance {id} is not ready")));
        }
        if !from.contains(&server.status) {
            return Err(wrong_state(name, id, "vm_state", server.status.vm_state()));
        }
        if let Some(task) = server.task {
            return Err(wrong_state(name, id, "task_state", task));
        }
        server.done.push(name);
        match *name {
            "shelve" => {
                server.task = Some("shelving");
                if !*images {
                    let words = "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach \
                                 the Nova API log if possible.";
                    return Err(Refusal(500, "computeFault", words.to_owned()));
                }
                let status = server.status;
                let at = server.then(now, timing.shelving, status, Some("shelving_image_uploading"));
                let at = server.then(at, timing.shelving, Status::Shelved, Some("shelving_offloading"));
                server.then(at, timing.shelving, Status::ShelvedOffloaded, None);
            }
            "unshelve" => {
                server.task = Some("unshelving");
                let status = server.status;
                let at = server.then(now, timing.scheduling, status, Some("spawning"));
                if let Some(step) = server.steps.back_mut() {
                    step.needs_room = true;
                }
                server.then(at, timing.spawning, Status::Active, None);
            }
            "stop" => {
                server.task = Some("powering-off");
                server.then(now, timing.power, Status::Stopped, None);
            }
            _ => {
                server.task = Some("powering-on");
                server.then(now, timing.power, Status::Active, None);
            }
        }
        Ok(())
    }

    /// Makes a server, which runs after that time.
    pub(crate) fn build(&mut self, mut server: Server, takes: Duration) {
        server.created = self.now;
        server.task = Some("spawning");
        server.then(self.now, takes, Status::Active, None);
        self.servers.insert(server.id.clone(), server);
    }

    /// Deletes a server. It may be asked for again while that is under way.
    pub(crate) fn delete(&mut self, id: &str) -> Result<(), Refusal> {
        let server = self.servers.get_mut(id).ok_or_else(|| gone(id))?;
        locked(server)?;
        if server.task != Some("deleting") {
            server.task = Some("deleting");
            server.done.push("delete");
            server.steps.clear();
            let at = after(self.now, self.timing.power);
            server.steps.push_back(Step { at, becomes: None, needs_room: false });
        }
        Ok(())
    }
}

fn locked(server: &Server) -> Result<(), Refusal> {
    if server.locked {
        return Err(Refusal(409, "conflictingRequest", format!("Instance {} is locked", server.id)));
    }
    Ok(())
}

fn wrong_state(action: &str, id: &str, kind: &str, state: &str) -> Refusal {
    let words = format!("Cannot '{action}' instance {id} while it is in {kind} {state}");
    Refusal(409, "conflictingRequest", words)
}

pub(crate) fn gone(id: &str) -> Refusal {
    Refusal(404, "itemNotFound", format!("Instance {id} could not be found."))
}
