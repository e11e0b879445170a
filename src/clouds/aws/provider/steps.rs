//! Waits until reads show that a step of a parking or a waking is done: for a while they may show the state before it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube_rebalancer_join::Asked;

use super::one::OneGroup;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::machine::{Machine, Power};

/// Maximum pause between two reads of instances that change.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) const NOT_SHOWN: &str = "its stop was accepted, and EC2 does not show it yet";

/// The result of a step: `Ok` where the next one follows.
pub(super) type Step = Result<(), Asked<CloudError>>;

/// The steps of several instances, by their IDs.
pub(super) type Steps = BTreeMap<InstanceId, Step>;

/// The end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The instance is in standby.
    Aside,
    /// Its machine is being stopped.
    Stopping,
    /// Its machine runs.
    Running,
}

/// An instance after a step, by a read.
#[derive(Debug)]
enum Shown {
    /// The step is done.
    Done,
    /// Not yet.
    Late,
    /// Not yet, and by this reason it never will be. The reason may be the one of an earlier step: a read may still show the
    /// state from before the request.
    LateFor(String),
    /// It has become another state.
    Other(String),
}

pub(super) fn unanswered(why: impl Into<String>) -> Asked<CloudError> {
    Asked::Unanswered(CloudError::in_doubt(why))
}

fn no_room(id: &InstanceId, why: &str) -> Step {
    let why = format!("instance {id} did not start: {why}");
    Err(Asked::Refused(CloudError::new(Kind::Exhausted, why)))
}

/// The instances whose last step succeeded.
fn open(steps: &Steps) -> Vec<InstanceId> {
    steps.iter().filter(|(_, step)| step.is_ok()).map(|(id, _)| id.clone()).collect()
}

impl OneGroup<'_> {
    /// Waits until the instances have reached the goal. A machine that still starts in the end remains `Ok`, because the caller
    /// reads it again.
    pub(super) async fn until_done(&self, goal: Goal, steps: &mut Steps) {
        let (mut waited, mut pause) = (Duration::ZERO, self.client.pace().first_pause);
        // The instances that a read has shown in a state after the request.
        let mut changed: BTreeSet<InstanceId> = BTreeSet::new();
        loop {
            let waiting = open(steps);
            if waiting.is_empty() {
                return;
            }
            let shown = match self.shown(goal, &waiting).await {
                Ok(shown) => shown,
                Err(why) => {
                    steps.extend(waiting.into_iter().map(|id| (id, Err(not_seen(goal, &why)))));
                    return;
                }
            };
            let mut late = Vec::new();
            for (id, shown) in waiting.into_iter().zip(shown) {
                match shown {
                    Shown::Done => {}
                    Shown::Other(why) => drop(steps.insert(id, Err(unanswered(why)))),
                    Shown::LateFor(why) if changed.contains(&id) => {
                        let failed = no_room(&id, &why);
                        steps.insert(id, failed);
                    }
                    Shown::LateFor(why) => late.push((id, Some(why))),
                    Shown::Late => {
                        changed.insert(id.clone());
                        late.push((id, None));
                    }
                }
            }
            if late.is_empty() {
                return;
            }
            if waited >= self.client.pace().watching || !self.client.pause(pause).await {
                for (id, why) in late {
                    let failed = match (goal, why) {
                        (Goal::Aside, _) => {
                            Err(unanswered("it enters standby, which takes long; a later try stops it"))
                        }
                        (Goal::Stopping, _) => Err(unanswered(NOT_SHOWN)),
                        (Goal::Running, Some(why)) => no_room(&id, &why),
                        (Goal::Running, None) => continue,
                    };
                    steps.insert(id, failed);
                }
                return;
            }
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Reads the instances, for each in their order.
    async fn shown(&self, goal: Goal, waiting: &[InstanceId]) -> Result<Vec<Shown>, CloudError> {
        match goal {
            Goal::Aside => {
                let group = self.client.group(self.name, true).await?;
                let lifecycle = |id: &InstanceId| {
                    let one = group.instances.iter().find(|one| one.id == *id);
                    one.map_or("gone", |one| one.lifecycle.0.as_str())
                };
                let shown = |id: &InstanceId| match lifecycle(id) {
                    "Standby" => Shown::Done,
                    // In service: Auto Scaling accepted it, and shows it later.
                    "EnteringStandby" | "InService" => Shown::Late,
                    other => Shown::Other(format!("instance {id} is {other} after it was put into standby")),
                };
                Ok(waiting.iter().map(shown).collect())
            }
            Goal::Stopping | Goal::Running => {
                let ids: Vec<&InstanceId> = waiting.iter().collect();
                let machines = self.client.machines(&ids, true).await?;
                let of = |id: &InstanceId| machines.iter().find(|machine| machine.id == *id);
                let shown = if goal == Goal::Running { started } else { stopped };
                Ok(waiting.iter().map(|id| shown(of(id))).collect())
            }
        }
    }
}

fn started(machine: Option<&Machine>) -> Shown {
    match machine {
        Some(machine) if machine.power == Power::Running => Shown::Done,
        Some(machine) => machine.had_no_room().map_or(Shown::Late, Shown::LateFor),
        None => Shown::Late,
    }
}

fn stopped(machine: Option<&Machine>) -> Shown {
    match machine.map(|machine| machine.power) {
        Some(Power::Stopping | Power::Stopped | Power::Gone) => Shown::Done,
        Some(Power::Pending | Power::Running) | None => Shown::Late,
    }
}

/// The result of a step whose end is not known.
fn not_seen(goal: Goal, why: &CloudError) -> Asked<CloudError> {
    match goal {
        Goal::Aside => unanswered(format!("whether it is in standby is not known: {why}")),
        Goal::Stopping => {
            unanswered(format!("its stop was accepted, and whether it stops is not known: {why}"))
        }
        Goal::Running => {
            let later = "a later run returns it to service";
            let why = format!("whether its machine runs is not known: {why}; {later}");
            Asked::Refused(CloudError::in_doubt(why))
        }
    }
}
