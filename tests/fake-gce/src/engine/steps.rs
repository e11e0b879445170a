//! The changes over time.

use std::time::Duration;

use super::Engine;
use super::group::{Action, AttemptError, Member, Redistribution};
use super::machine::{Cause, Loss, Machine, MachineStatus};
use super::operation::OperationStatus;
use super::path::{GroupPath, InstancePath, OperationPath};

/// An attempt that failed is not made again at once, whatever [`Timing`](super::Timing) says: time would stand still.
const SHORTEST_RETRY: Duration = Duration::from_millis(1);

/// Something that is to happen.
#[derive(Debug)]
pub(super) enum Event {
    /// An operation is taken up.
    Starts(OperationPath),
    /// An operation is done.
    Ends(OperationPath),
    /// A group takes the next step with one of its instances, if the ticket is still good.
    Step { group: GroupPath, instance: InstancePath, ticket: u64, step: Step },
    /// An instance that its group did not delete is gone.
    Gone { instance: InstancePath, id: u64 },
    /// A regional group looks whether its zones are even.
    Redistribute(GroupPath),
}

/// A step with an instance of a group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// It gets a machine, unless there is none to be had.
    Place,
    /// Its machine is prepared.
    Stage,
    /// It runs.
    Run,
    /// It is found to be well.
    Settle,
    /// Its machine is gone.
    Vanish,
}

impl Engine {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Starts(path) => {
                if let Some(operation) = self.operations.get_mut(&path) {
                    operation.status = OperationStatus::Running;
                    operation.started = Some(self.now);
                }
            }
            Event::Ends(path) => {
                if let Some(operation) = self.operations.get_mut(&path) {
                    operation.status = OperationStatus::Done;
                    operation.ended = Some(self.now);
                }
            }
            Event::Step { group, instance, ticket, step } => {
                if self.member(&group, &instance).is_some_and(|member| member.ticket == ticket) {
                    self.step(&group, &instance, step);
                }
            }
            Event::Gone { instance, id } => self.gone(&instance, id),
            Event::Redistribute(group) => self.redistribute(&group),
        }
    }

    fn step(&mut self, group: &GroupPath, instance: &InstancePath, step: Step) {
        match step {
            Step::Place => self.place(group, instance),
            Step::Stage => {
                self.set_status(instance, MachineStatus::Staging);
                self.plan(group, instance, self.timing.boot / 2, Step::Run);
            }
            Step::Run => {
                self.set_status(instance, MachineStatus::Running);
                self.change_member(group, instance, |member| member.action = Action::Verifying);
                self.plan(group, instance, self.timing.verify, Step::Settle);
            }
            Step::Settle => {
                self.change_member(group, instance, |member| member.action = Action::None);
            }
            Step::Vanish => {
                self.machines.remove(instance);
                if self.member(group, instance).is_some_and(|member| member.action == Action::Deleting) {
                    if let Some(group) = self.groups.get_mut(group) {
                        group.members.remove(instance);
                    }
                } else {
                    self.plan(group, instance, self.timing.place, Step::Place);
                }
            }
        }
    }

    fn place(&mut self, group: &GroupPath, instance: &InstancePath) {
        if let Some(error) = self.obstacle(instance) {
            self.change_member(group, instance, |member| member.errors = vec![error]);
            self.plan(group, instance, self.timing.retry.max(SHORTEST_RETRY), Step::Place);
            return;
        }
        self.change_member(group, instance, |member| member.errors.clear());
        let machine = Machine {
            path: instance.clone(),
            id: self.ids.id(),
            created: self.now,
            status: MachineStatus::Provisioning,
            created_by: Some(group.clone()),
        };
        self.machines.insert(instance.clone(), machine);
        self.plan(group, instance, self.timing.boot / 2, Step::Stage);
    }

    /// The obstacle to a machine for an instance, if there is one.
    fn obstacle(&self, instance: &InstancePath) -> Option<AttemptError> {
        let InstancePath { project, zone, .. } = instance;
        if self.stockouts.contains(zone) {
            let message = format!(
                "The zone 'projects/{project}/zones/{zone}' does not have enough resources available to fulfill the \
                 request. Try a different zone, or try again later."
            );
            return Some(AttemptError { code: "ZONE_RESOURCE_POOL_EXHAUSTED".to_owned(), message });
        }
        let quota = self.projects.get(project)?.instance_quota?;
        let used = self.machines.keys().filter(|path| path.project == *project).count();
        (used >= quota).then(|| AttemptError {
            code: "QUOTA_EXCEEDED".to_owned(),
            message: format!(
                "Quota 'INSTANCES' exceeded. Limit: {quota}.0 in region {}.",
                super::region_of(zone)
            ),
        })
    }

    /// One more member, which is then made.
    pub(super) fn create_member(&mut self, group: &GroupPath) {
        let Some(instance) = self.next_member(group, None) else { return };
        let joined = self.ticket();
        let Some(it) = self.groups.get_mut(group) else { return };
        let member = Member { action: Action::Creating, errors: Vec::new(), ticket: joined, joined };
        it.members.insert(instance.clone(), member);
        self.plan(group, &instance, self.timing.place, Step::Place);
    }

    /// Removes an instance: permanently, or to create it again.
    pub(super) fn take_away(
        &mut self,
        group: &GroupPath,
        instance: &InstancePath,
        action: Action,
        cause: Cause,
    ) {
        let ticket = self.ticket();
        self.change_member(group, instance, |member| {
            member.action = action;
            member.ticket = ticket;
        });
        self.stop(instance, cause);
        self.plan(group, instance, self.timing.delete, Step::Vanish);
    }

    /// Deletes an instance without asking its group, if it has one.
    pub(crate) fn delete_outside(&mut self, instance: &InstancePath) {
        let Some(id) = self.machines.get(instance).map(|machine| machine.id) else { return };
        if let Some(group) = self.group_of(instance) {
            let ticket = self.ticket();
            // Earlier plans are void. A deletion that its group has begun continues.
            let deleting =
                self.member(&group, instance).is_some_and(|member| member.action == Action::Deleting);
            if deleting {
                return;
            }
            self.change_member(&group, instance, |member| member.ticket = ticket);
        }
        self.stop(instance, Cause::Outside);
        self.schedule(self.timing.delete, Event::Gone { instance: instance.clone(), id });
    }

    /// The group of an instance creates it again, under the same name.
    fn gone(&mut self, instance: &InstancePath, id: u64) {
        if self.machines.get(instance).is_none_or(|machine| machine.id != id) {
            return;
        }
        self.machines.remove(instance);
        let Some(group) = self.group_of(instance) else { return };
        if self.member(&group, instance).is_some_and(|member| member.action != Action::Deleting) {
            self.change_member(&group, instance, |member| member.action = Action::Recreating);
            self.plan(&group, instance, self.timing.place, Step::Place);
        }
    }

    fn stop(&mut self, instance: &InstancePath, cause: Cause) {
        let Some(machine) = self.machines.get_mut(instance) else { return };
        if machine.status != MachineStatus::Stopping {
            let loss =
                Loss { path: instance.clone(), id: machine.id, was: machine.status, cause, at: self.now };
            machine.status = MachineStatus::Stopping;
            self.losses.push(loss);
        }
    }

    /// Makes the zones of a proactive regional group differ by no more than one instance, one move at a time.
    fn redistribute(&mut self, path: &GroupPath) {
        let Some(group) = self.groups.get(path) else { return };
        let (Some(fullest), Some(emptiest)) = (group.fullest_zone(), group.emptiest_zone()) else { return };
        let spread = group.spread();
        let count = |zone: &str| spread.iter().find(|(one, _)| *one == zone).map_or(0, |(_, count)| *count);
        if group.redistribution == Redistribution::None || count(&fullest) <= count(&emptiest) + 1 {
            return;
        }
        let Some(victim) = self.victim(path) else { return };
        self.take_away(path, &victim, Action::Deleting, Cause::Redistribution);
        self.create_member(path);
        self.redistribute_later(path);
    }

    pub(super) fn redistribute_later(&mut self, path: &GroupPath) {
        self.schedule(self.timing.redistribute, Event::Redistribute(path.clone()));
    }

    /// Whom the group picks if it is to lose an instance. With Google that is arbitrary; here it is the worst: one that
    /// runs, and of those the newest, which is the least likely to be spared by a lucky order of names.
    pub(super) fn victim(&self, path: &GroupPath) -> Option<InstancePath> {
        let group = self.groups.get(path)?;
        let zone = group.fullest_zone()?;
        let runs = |path: &InstancePath| {
            self.machines.get(path).is_some_and(|machine| machine.status == MachineStatus::Running)
        };
        let members = group.staying().filter(|(path, _)| path.zone == zone);
        members.max_by_key(|(path, member)| (runs(path), member.joined)).map(|(path, _)| path.clone())
    }

    /// The next step with an instance.
    fn plan(&mut self, group: &GroupPath, instance: &InstancePath, delay: Duration, step: Step) {
        let Some(ticket) = self.member(group, instance).map(|member| member.ticket) else { return };
        self.schedule(delay, Event::Step { group: group.clone(), instance: instance.clone(), ticket, step });
    }

    pub(super) fn member(&self, group: &GroupPath, instance: &InstancePath) -> Option<&Member> {
        self.groups.get(group)?.members.get(instance)
    }

    fn change_member(
        &mut self,
        group: &GroupPath,
        instance: &InstancePath,
        change: impl FnOnce(&mut Member),
    ) {
        let group = self.groups.get_mut(group);
        if let Some(member) = group.and_then(|group| group.members.get_mut(instance)) {
            change(member);
        }
    }

    fn set_status(&mut self, instance: &InstancePath, status: MachineStatus) {
        if let Some(machine) = self.machines.get_mut(instance) {
            machine.status = status;
        }
    }

    /// The group that an instance belongs to now.
    pub(super) fn group_of(&self, instance: &InstancePath) -> Option<GroupPath> {
        let group = self.groups.values().find(|group| group.members.contains_key(instance))?;
        Some(group.path.clone())
    }
}
