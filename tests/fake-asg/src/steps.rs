//! The state of groups, which changes over time.
//!
//! ```text
//!   desired capacity ──> launches (a zone may be short) ──> Pending ──> InService
//!          ^         └─> terminates any ──> Terminating:Wait (a hook) ──> Terminating ──> gone
//!   AZRebalance: launches in the emptiest zone, then terminates one of the fullest
//!   InService <──> EnteringStandby, Standby (counts as nothing) <──> Pending
//!   a machine that does not run, InService ──> terminated and replaced
//! ```
//!
//! Nothing runs in the background: each read passes the time, and all steps that are due until then happen.

use std::collections::BTreeMap;

use fake_http::after;
use jiff::Timestamp;

use crate::group::{Group, Instance};
use crate::templates::LaunchTemplate;
use crate::timing::Timing;

/// The state that all groups share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) groups: BTreeMap<String, Group>,
    /// The launch templates, by their IDs.
    pub(crate) templates: BTreeMap<String, LaunchTemplate>,
    pub(crate) timing: Timing,
    /// The number of free machines of a zone; without an entry it is unlimited.
    pub(crate) room: BTreeMap<String, u32>,
    /// The number of further instances that the account's quota allows; `None` for any number.
    pub(crate) quota: Option<u32>,
    /// The number of reads after a change of a machine that still show it as before.
    pub(crate) stale_reads: u32,
    /// Whether EC2 accepts to start a machine that it has no room for, and stops it again.
    pub(crate) refuses_late: bool,
    /// Whether the caller lacks EC2's permissions for a launch.
    pub(crate) launch_forbidden: bool,
    now: Timestamp,
    /// The source of instance numbers and of unpredictable choices.
    next: u64,
    seed: u64,
}

/// The reason of a failed launch: EC2's code and message.
pub(crate) type Shortage = (&'static str, String);

impl Engine {
    pub(crate) fn new(now: Timestamp, timing: Timing) -> Self {
        let (groups, room, templates) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (quota, stale_reads, refuses_late, launch_forbidden) = (None, 0, false, false);
        let seed = 0x9e37_79b9_7f4a_7c15;
        Self {
            groups,
            templates,
            timing,
            room,
            quota,
            stale_reads,
            refuses_late,
            launch_forbidden,
            now,
            next: 1,
            seed,
        }
    }

    /// An unpredictable number, which is the same in every run of a test.
    fn random(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let below = u64::try_from(below.max(1)).unwrap_or(1);
        usize::try_from(self.seed % below).unwrap_or_default()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Carries out all steps that are due until then.
    pub(crate) fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        let names: Vec<String> = self.groups.keys().cloned().collect();
        for name in names {
            self.move_on(&name);
            self.check_health(&name);
            self.follow(&name);
            self.rebalance(&name);
        }
    }

    /// Carries out the due steps of a group.
    fn move_on(&mut self, name: &str) {
        let (now, stopping) = (self.now, self.timing.stopping);
        let Some(group) = self.groups.get_mut(name) else { return };
        for one in &mut group.instances {
            if one.power_until.is_some_and(|until| until <= now) {
                one.power_until = None;
                if one.power == "pending" && std::mem::take(&mut one.no_room) {
                    let words = "Insufficient capacity to satisfy instance request".to_owned();
                    one.reason = Some(("Server.InsufficientInstanceCapacity", words));
                    one.power = "stopped";
                } else {
                    one.power = if one.power == "stopping" { "stopped" } else { "running" };
                }
            }
        }
        group.instances.retain_mut(|one| {
            while let Some(until) = one.until.filter(|until| *until <= now) {
                one.until = None;
                match one.lifecycle.as_str() {
                    "Pending" => {
                        "InService".clone_into(&mut one.lifecycle);
                        if one.power == "pending" {
                            one.power = "running";
                        }
                    }
                    "EnteringStandby" => "Standby".clone_into(&mut one.lifecycle),
                    "Terminating:Wait" => {
                        "Terminating".clone_into(&mut one.lifecycle);
                        one.until = Some(after(until, stopping));
                    }
                    _ => return false,
                }
            }
            true
        });
        let is_due = |activity: &crate::Activity| {
            activity.status == "InProgress" && after(activity.started, stopping) <= now
        };
        for activity in group.activities.iter_mut().filter(|activity| is_due(activity)) {
            activity.status = "Successful";
        }
    }

    /// Launches and terminates until a group has its desired capacity.
    pub(crate) fn follow(&mut self, name: &str) {
        while let Some(group) = self.groups.get(name) {
            let (count, desired) = (group.count(), group.desired);
            let waits = group.tries_again.is_some_and(|at| at > self.now);
            if count < desired && !waits && !group.suspended.contains("Launch") {
                let Some(zone) = self.emptiest(name) else { return };
                let short = self.launch(
                    name,
                    &zone,
                    "was started in response to a difference between desired and actual",
                );
                if let Err((_, words)) = short {
                    self.note_failure(name, &words);
                    return;
                }
            } else if count > desired && !group.suspended.contains("Terminate") {
                let takable: Vec<String> =
                    group.counted().filter(|one| !one.protected).map(|one| one.id.clone()).collect();
                if takable.is_empty() {
                    return;
                }
                let at = self.random(takable.len());
                let Some(victim) = takable.get(at) else { return };
                self.terminate(name, victim, "the desired capacity");
            } else {
                return;
            }
        }
    }

    /// Terminates the members in service whose machines do not run; the group replaces them.
    fn check_health(&mut self, name: &str) {
        let Some(group) = self.groups.get(name) else { return };
        let is_ill =
            |one: &&Instance| one.lifecycle == "InService" && matches!(one.power, "stopping" | "stopped");
        let ill: Vec<String> = group.instances.iter().filter(is_ill).map(|one| one.id.clone()).collect();
        for id in ill {
            self.terminate(name, &id, "a health check");
        }
    }

    /// Evens out the zones of a group: launches in the emptiest, then takes any of the fullest.
    fn rebalance(&mut self, name: &str) {
        let Some(group) = self.groups.get(name) else { return };
        let is_suspended =
            ["AZRebalance", "Launch", "Terminate"].iter().any(|process| group.suspended.contains(*process));
        if is_suspended || group.zones.len() < 2 {
            return;
        }
        let in_zone = |zone: &String| group.counted().filter(|one| one.zone == *zone).count();
        let mut zones: Vec<(usize, &String)> = group.zones.iter().map(|zone| (in_zone(zone), zone)).collect();
        zones.sort();
        let (Some((least, emptiest)), Some((most, fullest))) = (zones.first(), zones.last()) else { return };
        if most - least < 2 {
            return;
        }
        let (emptiest, fullest) = ((*emptiest).clone(), (*fullest).clone());
        if self.launch(name, &emptiest, "was launched to balance instances in zones").is_err() {
            return;
        }
        let Some(group) = self.groups.get(name) else { return };
        let running: Vec<String> = group
            .instances
            .iter()
            .filter(|one| one.zone == fullest && one.lifecycle == "InService" && !one.protected)
            .map(|one| one.id.clone())
            .collect();
        let at = self.random(running.len());
        if let Some(victim) = running.get(at) {
            self.terminate(name, victim, "AZRebalance");
        }
    }

    /// The zone of a group with the fewest instances among the zones with room; else the one with the fewest.
    fn emptiest(&self, name: &str) -> Option<String> {
        let group = self.groups.get(name)?;
        let count = |zone: &String| group.counted().filter(|one| one.zone == *zone).count();
        let has_room = |zone: &String| self.room.get(zone).is_none_or(|room| *room > 0);
        let best = group.zones.iter().filter(|zone| has_room(zone)).min_by_key(|zone| count(zone));
        best.or_else(|| group.zones.iter().min_by_key(|zone| count(zone))).cloned()
    }

    /// Launches one instance; returns its ID, or the reason of the failure.
    pub(crate) fn launch(&mut self, name: &str, zone: &str, cause: &str) -> Result<String, Shortage> {
        let Some(group) = self.groups.get_mut(name) else { return Err(("Gone", String::new())) };
        let kind = group.kind.clone();
        if self.room.get(zone) == Some(&0) {
            let words = format!(
                "We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). \
                 Our system will be working on provisioning additional capacity."
            );
            return Err(("InsufficientInstanceCapacity", words));
        }
        if self.quota == Some(0) {
            let words = "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the \
                         instance bucket that the specified instance type belongs to.";
            return Err(("VcpuLimitExceeded", words.to_owned()));
        }
        if let Some(room) = self.room.get_mut(zone) {
            *room -= 1;
        }
        if let Some(quota) = &mut self.quota {
            *quota -= 1;
        }
        let id = format!("i-{:017x}", 0xa_0000_u64 + self.next);
        self.next += 1;
        let mut one = Instance::new(&id, zone, "Pending");
        one.protected = group.protects_new;
        one.until = Some(after(self.now, self.timing.booting));
        one.power = "pending";
        group.instances.push(one);
        group.note(format!("Launching a new EC2 instance: {id}"), cause, self.now, "InProgress");
        Ok(id)
    }

    fn note_failure(&mut self, name: &str, words: &str) {
        let (now, retry) = (self.now, self.timing.retry);
        let Some(group) = self.groups.get_mut(name) else { return };
        let message = format!("{words} Launching EC2 instance failed.");
        let description = format!("Launching a new EC2 instance.  Status Reason: {message}");
        group.note(description, "was started in response to a difference", now, "Failed");
        if let Some(activity) = group.activities.last_mut() {
            activity.message = Some(message);
        }
        group.tries_again = Some(after(now, retry));
    }

    /// Begins the termination of an instance.
    pub(crate) fn terminate(&mut self, name: &str, id: &str, by: &'static str) {
        let (now, stopping) = (self.now, self.timing.stopping);
        let Some(group) = self.groups.get_mut(name) else { return };
        let hook = group.termination_hook;
        let Some(one) = group.instances.iter_mut().find(|one| one.id == id) else { return };
        one.goes_by = one.goes_by.or(Some(by));
        if one.lifecycle.starts_with("Terminating") {
            return;
        }
        let (word, wait) = match hook {
            Some(wait) => ("Terminating:Wait", wait),
            None => ("Terminating", stopping),
        };
        word.clone_into(&mut one.lifecycle);
        one.until = Some(after(now, wait));
        (one.power, one.power_until) = ("shutting-down", None);
        group.note(format!("Terminating EC2 instance: {id}"), by, now, "InProgress");
    }
}
