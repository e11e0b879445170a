//! Parks instances in standby, and wakes them.
//!
//! ```text
//!   park: InService --> EnterStandby, lowering the size --> Standby --> StopInstances --> stopped
//!   wake: stopped --> StartInstances --> running --> ExitStandby, raising the size --> Pending, InService
//! ```
//!
//! Auto Scaling replaces a member in service whose machine does not run. So a machine is stopped only in standby, and returns
//! to service only when it runs. Before the first step dry runs show that the machine may be stopped and started: otherwise
//! it would stay in standby. If the second step is refused, the first one is undone.
//!
//! Every step reads the state first, so that a later run finishes what an earlier one began: the plan parks a node that still
//! runs again, and [`OneGroup::rejoin`] returns a woken instance to service.

use std::collections::BTreeMap;
use std::time::Duration;

use kube_rebalancer_join::{Asked, InstanceState, ListedInstance, SleepCalls, Turn};
use kube_rebalancer_ports::NOT_ASKED;

use super::one::OneGroup;
use super::{listing, rules};
use crate::client::Deed;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::machine::{Machine, Power};
use crate::types::{Group, Instance, Stage};

/// Maximum pause between two reads of instances that change.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The result of a step: `Ok` where the next one follows.
type Step = Result<(), Asked<CloudError>>;

/// The steps of several instances, by their IDs.
type Steps = BTreeMap<InstanceId, Step>;

fn refused(why: impl Into<String>) -> Asked<CloudError> {
    Asked::Refused(CloudError::new(Kind::Refused, why))
}

fn unanswered(why: impl Into<String>) -> Asked<CloudError> {
    Asked::Unanswered(CloudError::in_doubt(why))
}

/// The instances whose last step succeeded.
fn open(steps: &Steps) -> Vec<InstanceId> {
    steps.iter().filter(|(_, step)| step.is_ok()).map(|(id, _)| id.clone()).collect()
}

/// The instance as the crate `join` judges it before (or, with `last`, after) a turn.
pub(super) fn state(one: &Instance, machine: Option<&Machine>, turn: Turn, last: bool) -> InstanceState {
    let power = machine.map(|machine| machine.power);
    if power == Some(Power::Gone) {
        return InstanceState::Leaving;
    }
    match (turn, one.lifecycle.stage()) {
        (Turn::Park, Stage::Aside) => match power {
            Some(Power::Stopping | Power::Stopped) => InstanceState::Asleep,
            _ => InstanceState::Present,
        },
        // It is awake once it is in service; after the request, one that starts is on its way.
        (Turn::Wake, Stage::Aside) => match power {
            Some(Power::Pending | Power::Running) if last => InstanceState::Present,
            _ => InstanceState::Asleep,
        },
        (Turn::Wake, Stage::Coming) => InstanceState::Present,
        _ => listing::instance(one).state,
    }
}

impl SleepCalls for OneGroup<'_> {
    async fn turn(&self, _: &str, instances: &[InstanceId], turn: Turn) -> Vec<Asked<CloudError>> {
        let mut steps: Steps = instances.iter().map(|id| (id.clone(), Ok(()))).collect();
        match turn {
            Turn::Park => self.park(&mut steps).await,
            Turn::Wake => self.wake(&mut steps).await,
        }
        let answer = |id| match steps.remove(id) {
            Some(Ok(())) => Asked::Accepted,
            Some(Err(asked)) => asked,
            None => unanswered("there is no answer for it"),
        };
        instances.iter().map(answer).collect()
    }
}

impl OneGroup<'_> {
    /// The instances of the group, as the crate `join` judges them around a turn.
    pub(super) async fn around(
        &self,
        group: &Group,
        turn: Turn,
        last: bool,
    ) -> Result<Vec<ListedInstance<InstanceId>>, CloudError> {
        let aside: Vec<&InstanceId> =
            group.instances.iter().map(|one| &one.id).filter(|id| self.is_aside(id)).collect();
        let machines = if aside.is_empty() { Vec::new() } else { self.client.machines(&aside, last).await? };
        let of = |id: &InstanceId| machines.iter().find(|machine| machine.id == *id);
        let members = group.instances.iter().filter(|one| one.lifecycle.stage() != Stage::Warm);
        Ok(members
            .map(|one| ListedInstance {
                state: state(one, of(&one.id), turn, last),
                ..listing::instance(one)
            })
            .collect())
    }

    async fn park(&self, steps: &mut Steps) {
        for (id, step) in steps.iter_mut() {
            *step = self.set_aside(id).await;
        }
        self.until_aside(steps).await;
        for (id, step) in steps.iter_mut().filter(|(_, step)| step.is_ok()) {
            *step = self.stop(id).await;
        }
    }

    /// The first step of parking.
    async fn set_aside(&self, id: &InstanceId) -> Step {
        if self.client.is_over() {
            return Err(Asked::Refused(CloudError::new(Kind::Other, NOT_ASKED)));
        }
        let group = self.client.group(self.name, false).await.map_err(Asked::Refused)?;
        let Some(one) = group.instances.iter().find(|one| one.id == *id) else {
            return Err(Asked::Refused(CloudError::new(Kind::NotFound, format!("instance {id} is gone"))));
        };
        if one.lifecycle.is_standby() && self.is_aside(id) {
            return Ok(());
        }
        if one.lifecycle.stage() != Stage::Serving {
            return Err(refused(format!("instance {id} is {} meanwhile", one.lifecycle)));
        }
        if let Some(why) = rules::not_parkable(&group, &Ok(None)).or_else(|| rules::at_minimum(&group)) {
            return Err(refused(why));
        }
        let machine = self.machine(id).await.map_err(Asked::Refused)?;
        if let Some(why) = rules::not_stoppable(&machine) {
            return Err(refused(why));
        }
        if machine.power != Power::Running {
            return Err(refused(format!("instance {id} is {} by EC2", machine.power.word())));
        }
        for deed in [Deed::Stop, Deed::Start] {
            self.client.may_turn(id, deed).await.map_err(Asked::Refused)?;
        }
        self.put_aside(id);
        let why = match self.client.enter_standby(self.name, id).await {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        if why.unchanged && why.kind != Kind::Busy {
            return Err(Asked::Refused(why));
        }
        match self.lifecycle(id).await {
            Ok(Some(one)) if one.lifecycle.is_standby() => Ok(()),
            Ok(_) if why.unchanged => Err(Asked::Refused(why)),
            Ok(_) | Err(_) => Err(Asked::Unanswered(why)),
        }
    }

    /// Waits until the instances are in standby.
    async fn until_aside(&self, steps: &mut Steps) {
        let (mut waited, mut pause) = (Duration::ZERO, self.client.pace().first_pause);
        loop {
            let waiting = open(steps);
            if waiting.is_empty() {
                return;
            }
            let group = match self.client.group(self.name, true).await {
                Ok(group) => group,
                Err(why) => {
                    let why = format!("whether it is in standby is not known: {why}");
                    steps.extend(waiting.into_iter().map(|id| (id, Err(unanswered(why.clone())))));
                    return;
                }
            };
            let lifecycle = |id: &InstanceId| {
                let one = group.instances.iter().find(|one| one.id == *id);
                one.map_or("gone", |one| one.lifecycle.0.as_str())
            };
            for id in waiting {
                match lifecycle(&id) {
                    // In service: Auto Scaling accepted it, and shows it later.
                    "Standby" | "EnteringStandby" | "InService" => {}
                    other => {
                        let why = format!("instance {id} is {other} after it was put into standby");
                        steps.insert(id, Err(unanswered(why)));
                    }
                }
            }
            let late: Vec<InstanceId> =
                open(steps).into_iter().filter(|id| lifecycle(id) != "Standby").collect();
            if late.is_empty() {
                return;
            }
            if waited >= self.client.pace().watching || !self.client.pause(pause).await {
                let why = "it enters standby, which takes long; a later try stops it";
                steps.extend(late.into_iter().map(|id| (id, Err(unanswered(why)))));
                return;
            }
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// The second step of parking, only in standby. If EC2 refuses it, the first one is undone.
    async fn stop(&self, id: &InstanceId) -> Step {
        if self.client.is_over() {
            return Err(unanswered(
                "it is in standby and still runs: the time of the run is over; a later run stops it",
            ));
        }
        let why = match self.client.turn(id, Deed::Stop).await {
            Ok(()) => return Ok(()),
            Err(why) if !why.unchanged || why.kind == Kind::Busy => {
                return Err(unanswered(why.message));
            }
            Err(why) => why,
        };
        match self.client.exit_standby(self.name, id).await {
            Ok(()) => {
                self.take_back(id);
                Err(Asked::Refused(why))
            }
            Err(undo) => Err(unanswered(format!("{why}; it stays in standby: {undo}"))),
        }
    }

    async fn wake(&self, steps: &mut Steps) {
        for (id, step) in steps.iter_mut() {
            *step = self.start(id).await;
        }
        self.until_running(steps).await;
        for (id, step) in steps.iter_mut().filter(|(_, step)| step.is_ok()) {
            *step = self.put_in_service(id, true).await;
        }
    }

    /// The first step of waking.
    async fn start(&self, id: &InstanceId) -> Step {
        if self.client.is_over() {
            return Err(Asked::Refused(CloudError::new(Kind::Other, NOT_ASKED)));
        }
        let group = self.client.group(self.name, false).await.map_err(Asked::Refused)?;
        let Some(one) = group.instances.iter().find(|one| one.id == *id) else {
            return Err(Asked::Refused(CloudError::new(Kind::NotFound, format!("instance {id} is gone"))));
        };
        match one.lifecycle.stage() {
            Stage::Coming | Stage::Serving => return Ok(()),
            Stage::Aside if one.lifecycle.0 == "Standby" && self.is_aside(id) => {}
            Stage::Aside | Stage::Going | Stage::Warm | Stage::Occupied => {
                return Err(refused(format!("instance {id} is {}", one.lifecycle)));
            }
        }
        if let Some(why) = rules::not_wakeable(&group, &Ok(None)) {
            return Err(refused(why));
        }
        let machine = self.machine(id).await.map_err(Asked::Refused)?;
        match machine.power {
            Power::Pending | Power::Running => return Ok(()),
            Power::Stopped => {}
            Power::Stopping => {
                let why = format!("instance {id} is still being stopped");
                return Err(Asked::Refused(CloudError::new(Kind::Busy, why)));
            }
            Power::Gone => {
                let why = format!("the machine of instance {id} is gone");
                return Err(Asked::Refused(CloudError::new(Kind::NotFound, why)));
            }
        }
        let why = match self.client.turn(id, Deed::Start).await {
            Ok(()) => return Ok(()),
            Err(why) if why.unchanged => return Err(Asked::Refused(why)),
            Err(why) => why,
        };
        match self.machine(id).await {
            Ok(machine) if matches!(machine.power, Power::Pending | Power::Running) => Ok(()),
            Ok(_) | Err(_) => Err(Asked::Refused(why)),
        }
    }

    /// Waits until the machines run.
    async fn until_running(&self, steps: &mut Steps) {
        let (mut waited, mut pause) = (Duration::ZERO, self.client.pace().first_pause);
        loop {
            let waiting = open(steps);
            let ids: Vec<&InstanceId> = waiting.iter().collect();
            if ids.is_empty() {
                return;
            }
            let machines = match self.client.machines(&ids, true).await {
                Ok(machines) => machines,
                Err(why) => {
                    let why = format!(
                        "whether its machine runs is not known: {why}; a later run returns it to service"
                    );
                    let doubt = || Err(Asked::Refused(CloudError::in_doubt(why.clone())));
                    steps.extend(waiting.into_iter().map(|id| (id, doubt())));
                    return;
                }
            };
            let mut late = false;
            for id in waiting {
                let machine = machines.iter().find(|machine| machine.id == id);
                // The first read may still show the state, and the reason, from before the request.
                if let Some(why) = machine.and_then(Machine::had_no_room).filter(|_| !waited.is_zero()) {
                    let why = format!("instance {id} did not start: {why}");
                    steps.insert(id, Err(Asked::Refused(CloudError::new(Kind::Exhausted, why))));
                } else if !machine.is_some_and(|machine| machine.power == Power::Running) {
                    late = true;
                }
            }
            if !late || waited >= self.client.pace().watching || !self.client.pause(pause).await {
                return;
            }
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// The second step of waking, only for a machine that runs; one that still starts is left to a later run. With `undoes`, a
    /// machine that the group does not take back is stopped again.
    async fn put_in_service(&self, id: &InstanceId, undoes: bool) -> Step {
        let doubt = |why: String| Asked::Refused(CloudError::in_doubt(why));
        let group = match self.client.group(self.name, true).await {
            Ok(group) => group,
            Err(why) => {
                return Err(doubt(format!("it runs, and whether it is in service is not known: {why}")));
            }
        };
        let one = group.instances.iter().find(|one| one.id == *id);
        if one.is_none_or(|one| one.lifecycle.0 != "Standby") {
            return Ok(());
        }
        match self.machine(id).await {
            Ok(machine) if machine.power == Power::Running => {}
            Ok(_) => return Ok(()),
            Err(why) => return Err(doubt(why.message)),
        }
        if self.client.is_over() {
            return Err(doubt(
                "it runs in standby: the time of the run is over; a later run returns it to service"
                    .to_owned(),
            ));
        }
        let why = match rules::not_wakeable(&group, &Ok(None)) {
            Some(why) => CloudError::new(Kind::Refused, why),
            None => match self.client.exit_standby(self.name, id).await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            },
        };
        if !why.unchanged || why.kind == Kind::Busy {
            let is_back = |one: Option<Instance>| one.is_some_and(|one| !one.lifecycle.is_standby());
            return match self.lifecycle(id).await {
                Ok(one) if is_back(one.clone()) => Ok(()),
                Ok(_) | Err(_) => Err(doubt(format!("{why}; a later run returns it to service"))),
            };
        }
        if !undoes {
            return Err(Asked::Refused(why));
        }
        match self.client.turn(id, Deed::Stop).await {
            Ok(()) => Err(Asked::Refused(why)),
            Err(undo) => Err(doubt(format!("{why}; its machine runs on: {undo}"))),
        }
    }

    /// Returns an instance to service whose waking an earlier run did not finish. One that does not run is left alone.
    pub(super) async fn rejoin(&self, id: &InstanceId) -> Asked<CloudError> {
        if self.client.is_over() {
            return Asked::Refused(CloudError::new(Kind::Other, NOT_ASKED));
        }
        match self.put_in_service(id, false).await {
            Ok(()) => Asked::Accepted,
            Err(asked) => asked,
        }
    }

    async fn machine(&self, id: &InstanceId) -> Result<Machine, CloudError> {
        let found = self.client.machines(&[id], false).await?;
        let gone = || CloudError::new(Kind::NotFound, format!("EC2 shows no machine of instance {id}"));
        found.into_iter().find(|machine| machine.id == *id).ok_or_else(gone)
    }

    async fn lifecycle(&self, id: &InstanceId) -> Result<Option<Instance>, CloudError> {
        let group = self.client.group(self.name, true).await?;
        Ok(group.instances.into_iter().find(|one| one.id == *id))
    }
}
