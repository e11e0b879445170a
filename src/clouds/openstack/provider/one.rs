//! The requests about one server, for the crate `join`: the server is read right before and after.

use kube_rebalancer_join::{Asked, Calls, GroupNow, InstanceState, ListedInstance, SleepCalls, Turn};
use kube_rebalancer_ports::{NOT_ASKED, ParkBy};

use super::sets::{self, Set};
use super::state::{is_shelved, listed, shown, state};
use crate::client::{Action, Nova, Sent, Server};
use crate::id::ServerId;
use kube_rebalancer_rest::{CloudError, Kind};

/// Maximum pause between two reads of a woken server.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// One server to change.
#[derive(Debug)]
pub(super) struct OneServer<'a> {
    pub(super) nova: &'a Nova,
    pub(super) id: &'a ServerId,
    /// Its set by name; `None` for a server of Magnum.
    pub(super) set: Option<&'a Set>,
    /// The availability zone of `ZONE`.
    pub(super) zone: Option<&'a str>,
    pub(super) park_by: ParkBy,
    /// The change: parking or waking; `None` for a deletion.
    pub(super) turn: Option<Turn>,
}

impl Calls for OneServer<'_> {
    type Instance = ServerId;
    type Refusal = CloudError;

    fn stopped(&self) -> Option<CloudError> {
        self.nova.transport().is_over().then(|| CloudError::new(Kind::Other, NOT_ASKED))
    }

    fn batch(&self) -> usize {
        1
    }

    async fn size(&self, _: &str, _: bool) -> Result<GroupNow, CloudError> {
        Err(CloudError::new(Kind::Refused, super::listing::NOT_GROWABLE))
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<ServerId>>, CloudError> {
        let Some(server) = self.nova.server(self.id, last).await? else {
            return if last && self.turn.is_some() { Err(self.gone()) } else { Ok(Vec::new()) };
        };
        // Only before the request: afterwards the state itself counts.
        if let (false, Some(why)) = (last, self.objection(&server)) {
            return Err(CloudError::new(Kind::Refused, why));
        }
        if last && self.turn.is_some() && server.status == "ERROR" {
            return Err(CloudError::new(Kind::Other, format!("server {} is in status ERROR", server.name)));
        }
        Ok(vec![listed(&server)])
    }

    async fn resize(&self, _: &str, _: u32) -> Asked<CloudError> {
        Asked::Refused(CloudError::new(Kind::Refused, super::listing::NOT_GROWABLE))
    }

    async fn remove(&self, _: &str, _: &[ServerId]) -> Asked<CloudError> {
        match self.nova.change(self.id, Action::Delete).await {
            Sent::Accepted => Asked::Accepted,
            Sent::Conflict(why) | Sent::Refused(why) => Asked::Refused(why),
            Sent::BrokeOff(why) | Sent::Lost(why) => Asked::Unanswered(why),
        }
    }
}

impl SleepCalls for OneServer<'_> {
    async fn turn(&self, _: &str, _: &[ServerId], turn: Turn) -> Vec<Asked<CloudError>> {
        vec![self.ask(turn).await]
    }
}

impl OneServer<'_> {
    /// The reason why a server in this state must not change.
    fn objection(&self, server: &Server) -> Option<String> {
        let name = &server.name;
        if state(server) == InstanceState::Leaving {
            return None;
        }
        if server.locked {
            return Some(format!(
                "server {name} is locked; to unlock it: openstack server unlock {}",
                self.id
            ));
        }
        if let Some(set) = self.set.filter(|set| !set.has(name)) {
            return Some(format!("server {name} no longer has a name of node group {}", set.name));
        }
        if let Some(why) = sets::objection(server, self.zone) {
            return Some(why);
        }
        let turn = self.turn?;
        if server.status == "ERROR" {
            return Some(format!("server {name} is in status ERROR; a person has to look at it"));
        }
        if turn == Turn::Wake && matches!(server.status.as_str(), "PAUSED" | "SUSPENDED") {
            return Some(format!("server {name} is {}: this program did not do that", shown(server)));
        }
        None
    }

    async fn ask(&self, turn: Turn) -> Asked<CloudError> {
        let action = match turn {
            Turn::Park => match self.park_by {
                ParkBy::Shelve => Action::Shelve,
                ParkBy::Stop => Action::Stop,
            },
            Turn::Wake => match self.nova.server(self.id, false).await {
                Ok(Some(server)) if is_shelved(&server) => Action::Unshelve,
                Ok(Some(_)) => Action::Start,
                Ok(None) => return Asked::Refused(self.gone()),
                Err(why) => return Asked::Refused(why),
            },
        };
        match self.nova.change(self.id, action).await {
            Sent::Accepted if action == Action::Unshelve => self.scheduled().await,
            Sent::Accepted => Asked::Accepted,
            Sent::Refused(why) => self.after_refusal(why).await,
            Sent::Conflict(why) => self.after_conflict(turn, why).await,
            Sent::BrokeOff(why) => self.after_break(turn, why).await,
            Sent::Lost(why) => Asked::Unanswered(why),
        }
    }

    /// A conflict only means that the server has changed: another read shows whether the change is already in place.
    async fn after_conflict(&self, turn: Turn, why: CloudError) -> Asked<CloudError> {
        match self.nova.server(self.id, true).await {
            Ok(Some(server)) if server.locked => {
                Asked::Refused(CloudError::new(Kind::Refused, format!("server {} is locked", server.name)))
            }
            Ok(Some(server)) if is_so(&server, turn) => Asked::Accepted,
            Ok(Some(server)) => {
                let words = format!("{}; it is {} now", why.message, shown(&server));
                Asked::Refused(CloudError::new(Kind::Busy, words))
            }
            Ok(None) => Asked::Refused(self.gone()),
            Err(_) => Asked::Refused(why),
        }
    }

    /// Nova may begin a task before another service refuses its part: Glance, for credentials with access rules, the image
    /// of a server to shelve.
    async fn after_refusal(&self, why: CloudError) -> Asked<CloudError> {
        match self.nova.server(self.id, true).await {
            Ok(Some(server)) if server.task.is_some() => Asked::Refused(stuck(&server, &why)),
            Ok(_) => Asked::Refused(why),
            Err(_) => Asked::Unanswered(why),
        }
    }

    /// Nova answered 500, and a started task may remain: a server that keeps the task can neither be parked nor woken.
    async fn after_break(&self, turn: Turn, why: CloudError) -> Asked<CloudError> {
        match self.nova.server(self.id, true).await {
            Ok(Some(server)) if server.task.is_some() => Asked::Refused(stuck(&server, &why)),
            Ok(Some(server)) if is_so(&server, turn) => Asked::Accepted,
            Ok(_) | Err(_) => Asked::Unanswered(why),
        }
    }

    /// Waits until the scheduler has found a host. Nova accepts an unshelve request and, without room, leaves the server
    /// shelved with no fault and no task.
    async fn scheduled(&self) -> Asked<CloudError> {
        let mut waited = std::time::Duration::ZERO;
        let mut pause = self.nova.first_pause();
        loop {
            match self.nova.server(self.id, true).await {
                Ok(Some(server)) if server.task.as_deref() == Some("unshelving") => {}
                Ok(Some(server)) if server.task.is_none() && is_shelved(&server) => {
                    let words = format!(
                        "Nova accepted to unshelve server {} and left it {}: no host has room for it, or its image is \
                         not to be had",
                        server.name, server.status
                    );
                    return Asked::Refused(CloudError::new(Kind::Exhausted, words));
                }
                Ok(_) | Err(_) => return Asked::Accepted,
            }
            if waited >= self.nova.patience() || !self.nova.transport().pause(pause).await {
                // The scheduler still looks for a host, so the change is in progress.
                return Asked::Accepted;
            }
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    fn gone(&self) -> CloudError {
        CloudError::new(Kind::NotFound, format!("server {} is gone", self.id))
    }
}

/// The refusal of a request that left a task on its server.
fn stuck(server: &Server, why: &CloudError) -> CloudError {
    let words = format!(
        "{}; server {} is {} since; if it stays so, an operator of the cloud has to reset its state",
        why.message,
        server.name,
        shown(server)
    );
    CloudError::new(Kind::Doubt, words)
}

fn is_so(server: &Server, turn: Turn) -> bool {
    match turn {
        Turn::Park => state(server) == InstanceState::Asleep,
        Turn::Wake => state(server) == InstanceState::Present,
    }
}
