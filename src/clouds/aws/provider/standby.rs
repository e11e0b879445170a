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

use kube_rebalancer_join::{Asked, InstanceState, ListedInstance, SleepCalls, Turn};
use kube_rebalancer_ports::NOT_ASKED;

use super::one::OneGroup;
use super::steps::{Goal, NOT_SHOWN, Step, Steps, unanswered};
use super::{listing, rules};
use crate::client::Deed;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::machine::{Machine, Power};
use crate::types::{Group, Instance, Stage};

/// The end of the second step of waking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    /// The group takes the instance back, or needs no request for it.
    UnderWay,
    /// Its machine does not run yet, or it is not in standby yet: a later run returns it.
    TooEarly(&'static str),
}

fn refused(why: impl Into<String>) -> Asked<CloudError> {
    Asked::Refused(CloudError::new(Kind::Refused, why))
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
            // Another read may still show the machine as it was before.
            Some(Ok(())) if turn == Turn::Park => unanswered(NOT_SHOWN),
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
        self.until_done(Goal::Aside, steps).await;
        for (id, step) in steps.iter_mut().filter(|(_, step)| step.is_ok()) {
            *step = self.stop(id).await;
        }
        self.until_done(Goal::Stopping, steps).await;
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
        self.until_done(Goal::Running, steps).await;
        for (id, step) in steps.iter_mut().filter(|(_, step)| step.is_ok()) {
            // One that still starts is awake; a later run returns it to service.
            *step = self.put_in_service(id, true).await.map(drop);
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

    /// The second step of waking, only for a machine that runs; one that still starts is left to a later run. With `undoes`, a
    /// machine that the group does not take back is stopped again.
    async fn put_in_service(&self, id: &InstanceId, undoes: bool) -> Result<Return, Asked<CloudError>> {
        let doubt = |why: String| Asked::Refused(CloudError::in_doubt(why));
        let group = match self.client.group(self.name, true).await {
            Ok(group) => group,
            Err(why) => {
                return Err(doubt(format!("it runs, and whether it is in service is not known: {why}")));
            }
        };
        let one = group.instances.iter().find(|one| one.id == *id);
        match one.map(|one| one.lifecycle.0.as_str()) {
            Some("Standby") => {}
            Some("EnteringStandby") => return Ok(Return::TooEarly("it still enters standby")),
            Some(_) | None => return Ok(Return::UnderWay),
        }
        match self.machine(id).await {
            Ok(machine) if machine.power == Power::Running => {}
            Ok(machine) if machine.power == Power::Pending => {
                return Ok(Return::TooEarly("its machine still starts"));
            }
            Ok(_) => return Ok(Return::TooEarly("its machine does not run")),
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
                Ok(()) => return Ok(Return::UnderWay),
                Err(why) => why,
            },
        };
        if !why.unchanged || why.kind == Kind::Busy {
            let is_back = |one: Option<Instance>| one.is_some_and(|one| !one.lifecycle.is_standby());
            return match self.lifecycle(id).await {
                Ok(one) if is_back(one.clone()) => Ok(Return::UnderWay),
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
            Ok(Return::UnderWay) => Asked::Accepted,
            Ok(Return::TooEarly(why)) => Asked::Refused(CloudError::new(Kind::Busy, why)),
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
