//! The requests that change a group, for the crate `join`: the group is read right before and after.
//!
//! ```text
//!   grow:   read --> LaunchInstances, zone by zone (cannot lower a size, a token makes it one launch)
//!                       \-- the account has it not --> SetDesiredCapacity: read, never lower, read after
//!   delete: read (MinSize, state) --> TerminateInstanceInAutoScalingGroup, one by one, lowering the size
//! ```
//!
//! An instance in standby by this program counts as one of the group: the size of a group is its desired capacity and these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube_rebalancer_join::{Asked, Calls, GroupNow, ListedInstance, Turn};
use kube_rebalancer_ports::NOT_ASKED;

use super::{listing, rules};
use crate::client::Client;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::types::{Group, Launched, Stage};
use kube_rebalancer_ports::words;

/// Maximum number of instances of one launch.
const MOST_LAUNCHED: u32 = 100;
/// Maximum number of instances that are parked or woken together.
const TOGETHER: usize = 20;

/// A group to change.
#[derive(Debug)]
pub(super) struct OneGroup<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
    /// The instances in standby by this program, of all groups.
    pub(super) aside: &'a Mutex<BTreeSet<InstanceId>>,
    /// The instances whose termination this run has requested, without an answer.
    pub(super) unanswered: &'a Mutex<BTreeSet<InstanceId>>,
    /// The change: parking or waking; `None` for any other.
    pub(super) turn: Option<Turn>,
}

impl Calls for OneGroup<'_> {
    type Instance = InstanceId;
    type Refusal = CloudError;

    fn stopped(&self) -> Option<CloudError> {
        self.client.is_over().then(|| CloudError::new(Kind::Other, NOT_ASKED))
    }

    /// Deletions one by one: an answer about several does not name the accepted ones.
    fn batch(&self) -> usize {
        if self.turn.is_some() { TOGETHER } else { 1 }
    }

    async fn size(&self, _: &str, last: bool) -> Result<GroupNow, CloudError> {
        let group = self.client.group(self.name, last).await?;
        let not_growable = if last { None } else { rules::not_growable(&group, &self.refresh().await) };
        Ok(GroupNow { target_size: self.size_of(&group), not_growable })
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<InstanceId>>, CloudError> {
        let group = self.client.group(self.name, last).await?;
        // Only before the request: afterwards the state itself counts.
        if !last {
            let refresh = self.refresh().await;
            let objection = match self.turn {
                None => rules::not_shrinkable(&group, &refresh),
                Some(Turn::Park) => rules::not_parkable(&group, &refresh),
                // MaxSize is judged for each instance that is still in standby.
                Some(Turn::Wake) => rules::hands_off(&group, &refresh),
            };
            if let Some(why) = objection {
                return Err(CloudError::new(Kind::Refused, why));
            }
        }
        if let Some(turn) = self.turn {
            return self.around(&group, turn, last).await;
        }
        Ok(group
            .instances
            .iter()
            .filter(|one| one.lifecycle.stage() != Stage::Warm)
            .map(listing::instance)
            .collect())
    }

    async fn resize(&self, _: &str, size: u32) -> Asked<CloudError> {
        let group = match self.client.group(self.name, false).await {
            Ok(group) => group,
            Err(why) => return Asked::Refused(why),
        };
        if let Some(why) = rules::not_growable(&group, &Ok(None)) {
            return Asked::Refused(CloudError::new(Kind::Refused, why));
        }
        if size > group.max.saturating_add(self.number_aside(&group)) {
            log::warn!(
                "Auto Scaling group {}: {size} instances are wanted, its MaxSize is {}",
                group.name,
                group.max
            );
        }
        let more = size.saturating_sub(self.size_of(&group));
        match Some(more.min(group.max.saturating_sub(group.desired))).filter(|more| *more > 0) {
            Some(more) => self.launch(&group, more).await,
            // Another client requested them in the meantime.
            None => Asked::Accepted,
        }
    }

    async fn remove(&self, _: &str, instances: &[InstanceId]) -> Asked<CloudError> {
        let [id] = instances else {
            return Asked::Refused(CloudError::new(Kind::Other, "instances are terminated one by one"));
        };
        let group = match self.client.group(self.name, false).await {
            Ok(group) => group,
            Err(why) => return Asked::Refused(why),
        };
        let Some(one) = group.instances.iter().find(|one| one.id == *id) else { return Asked::Accepted };
        let refused = |why: String| Asked::Refused(CloudError::new(Kind::Refused, why));
        match one.lifecycle.stage() {
            // A second request could lower the size a second time.
            Stage::Going => return Asked::Accepted,
            Stage::Serving => {}
            Stage::Aside if one.lifecycle.0 == "Standby" && self.is_aside(id) => {}
            Stage::Coming | Stage::Aside | Stage::Occupied | Stage::Warm => {
                return refused(format!("instance {id} is {} meanwhile", one.lifecycle));
            }
        }
        // The size was lowered when the instance was set aside; a lower one would terminate another.
        let lowers = one.lifecycle.stage() == Stage::Serving;
        if let Some(why) = rules::not_shrinkable(&group, &Ok(None)) {
            return refused(why);
        }
        // The first request may still be on its way, and a second one could lower the size a second time: the group would
        // choose another instance.
        if self.lock_unanswered().contains(id) {
            let why =
                format!("the termination of instance {id} was requested, and its group does not show it yet");
            return Asked::Unanswered(CloudError::new(Kind::Other, why));
        }
        let asked = match self.client.terminate(id, lowers).await {
            Ok(()) => Asked::Accepted,
            Err(why) if !why.unchanged => Asked::Unanswered(why),
            Err(why) if why.kind == Kind::Busy => self.after_busy(id, why).await,
            Err(why) => Asked::Refused(why),
        };
        if matches!(asked, Asked::Unanswered(_)) {
            self.lock_unanswered().insert(id.clone());
        }
        asked
    }
}

impl OneGroup<'_> {
    /// Whether this program has set an instance aside.
    pub(super) fn is_aside(&self, id: &InstanceId) -> bool {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Notes that an instance is being set aside.
    pub(super) fn put_aside(&self, id: &InstanceId) {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
    }

    /// Notes that it is not any more.
    pub(super) fn take_back(&self, id: &InstanceId) {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn lock_unanswered(&self) -> MutexGuard<'_, BTreeSet<InstanceId>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of instances of a group in standby by this program.
    fn number_aside(&self, group: &Group) -> u32 {
        let aside = group.instances.iter().filter(|one| one.lifecycle.is_standby() && self.is_aside(&one.id));
        u32::try_from(aside.count()).unwrap_or(u32::MAX)
    }

    /// The number of instances that a group wants, with the ones in standby by this program.
    fn size_of(&self, group: &Group) -> u32 {
        group.desired.saturating_add(self.number_aside(group))
    }

    async fn refresh(&self) -> rules::Refresh {
        self.client.refresh(self.name, false).await.map_err(|error| error.message)
    }

    /// A changing group refuses with status 500 or 400: reading it again shows whether the instance is terminated anyway.
    async fn after_busy(&self, id: &InstanceId, why: CloudError) -> Asked<CloudError> {
        let goes = |group: &Group| {
            let one = group.instances.iter().find(|one| one.id == *id);
            one.is_none_or(|one| one.lifecycle.stage() == Stage::Going)
        };
        match self.client.group(self.name, true).await {
            Ok(group) if goes(&group) => Asked::Accepted,
            Ok(_) => Asked::Refused(why),
            Err(_) => Asked::Unanswered(why),
        }
    }

    /// Launches instances, in the zones with the fewest instances.
    async fn launch(&self, group: &Group, more: u32) -> Asked<CloudError> {
        let mut launched = 0_u32;
        let mut failures: Vec<CloudError> = Vec::new();
        let mut open: Vec<&str> = group.zones.iter().map(String::as_str).collect();
        let mut shares = shares(group, &open, more, &BTreeMap::new());
        let mut added: BTreeMap<&str, u32> = BTreeMap::new();
        loop {
            let mut short: Vec<&str> = Vec::new();
            for (zone, number) in shares {
                let got = match self.launch_in(group, zone, number).await {
                    Ok((got, failure)) => {
                        failures.extend(failure);
                        got
                    }
                    Err(why) if !why.unchanged => return Asked::Unanswered(why),
                    Err(why) if launched == 0 && may_be_set(why.kind) => {
                        return self.set_desired(group, group.desired.saturating_add(more), why).await;
                    }
                    Err(why) => {
                        failures.push(why);
                        0
                    }
                };
                launched = launched.saturating_add(got);
                let count = added.entry(zone).or_default();
                *count = count.saturating_add(got);
                if got < number {
                    short.push(zone);
                }
            }
            let rest = more.saturating_sub(launched);
            open.retain(|zone| !short.contains(zone));
            // A group that evens out its zones would later terminate a running instance because of it.
            if rest == 0
                || short.is_empty()
                || open.is_empty()
                || rules::rebalances(group)
                || self.client.is_over()
            {
                break;
            }
            shares = self::shares(group, &open, rest, &added);
        }
        match failures.into_iter().next() {
            // The service names the permissions of EC2 that a launch lacks in an answer that is no error.
            Some(why) if launched == 0 && why.kind == Kind::Forbidden => {
                self.set_desired(group, group.desired.saturating_add(more), why).await
            }
            Some(why) if launched == 0 => Asked::Refused(why),
            Some(why) => {
                log::warn!(
                    "Auto Scaling group {}: {launched} of {more} instances were launched: {why}",
                    group.name
                );
                Asked::Accepted
            }
            None => Asked::Accepted,
        }
    }

    /// Launches instances in one zone. Returns their number, and the reason for the missing ones.
    async fn launch_in(
        &self,
        group: &Group,
        zone: &str,
        number: u32,
    ) -> Result<(u32, Option<CloudError>), CloudError> {
        let mut got = 0_u32;
        while got < number {
            let some = number.saturating_sub(got).min(MOST_LAUNCHED);
            if got > 0 && self.client.is_over() {
                return Ok((got, Some(CloudError::new(Kind::Other, NOT_ASKED))));
            }
            let token = uuid::Uuid::new_v4().to_string();
            let Launched { instances, failures } =
                match self.client.launch(&group.name, zone, some, &token).await {
                    Ok(launched) => launched,
                    Err(why) if got > 0 && why.unchanged => return Ok((got, Some(why))),
                    Err(why) => return Err(why),
                };
            let count = u32::try_from(instances.len()).unwrap_or(u32::MAX);
            got = got.saturating_add(count);
            if count < some {
                let why = failed_launch(group, zone, &failures);
                return if why.unchanged { Ok((got, Some(why))) } else { Err(why) };
            }
        }
        Ok((got, None))
    }

    /// Sets the desired size, if `why` prevents a launch, which could not lower the size.
    async fn set_desired(&self, group: &Group, size: u32, why: CloudError) -> Asked<CloudError> {
        let refused = |words: String| {
            Asked::Refused(CloudError::new(Kind::Refused, format!("{words} ({})", why.message)))
        };
        let policies = match self.client.policies(self.name).await {
            Ok(policies) => policies,
            Err(unknown) => {
                return refused(format!("whether it has scaling policies is not known: {unknown}"));
            }
        };
        let now = match self.client.group(self.name, false).await {
            Ok(now) => now,
            Err(unknown) => return Asked::Refused(unknown),
        };
        if let Some(words) = rules::not_settable(&now, &policies) {
            return refused(words);
        }
        if now.desired != group.desired {
            let words =
                format!("its size was {} and is {}: another client changes it", group.desired, now.desired);
            return Asked::Refused(CloudError::new(Kind::Busy, words));
        }
        log::info!("Auto Scaling group {}: SetDesiredCapacity is used: {why}", group.name);
        if let Err(why) = self.client.set_desired(self.name, size).await {
            return if why.unchanged { Asked::Refused(why) } else { Asked::Unanswered(why) };
        }
        match self.client.group(self.name, true).await {
            Ok(after) if after.desired < size => Asked::Unanswered(CloudError::in_doubt(format!(
                "{size} instances were requested, but its size is {} now: another client changes it",
                after.desired
            ))),
            Ok(_) | Err(_) => Asked::Accepted,
        }
    }
}

/// Whether the older request may be used after such a failed launch: the service does not know it, does not accept it for
/// this group, or the credentials do not permit it.
fn may_be_set(kind: Kind) -> bool {
    matches!(kind, Kind::NoSuchRequest | Kind::Invalid | Kind::Forbidden)
}

/// The reason why a launch created fewer instances than requested.
fn failed_launch(group: &Group, zone: &str, failures: &[(String, String)]) -> CloudError {
    let Some((code, text)) = failures.first() else {
        let words =
            format!("cannot launch instances of {} in {zone}: Auto Scaling gave no reason", group.name);
        return CloudError::in_doubt(words);
    };
    let words = words::clean(text);
    let message = format!("cannot launch instances of {} in {zone}: {code}: \"{words}\"", group.name);
    CloudError::new(Kind::of_launch(code, text), message)
}

/// The number of instances for each zone, so that the zones become as even as possible.
fn shares<'z>(
    group: &Group,
    zones: &[&'z str],
    more: u32,
    added: &BTreeMap<&str, u32>,
) -> Vec<(&'z str, u32)> {
    let counts = |stage| matches!(stage, Stage::Coming | Stage::Serving | Stage::Occupied);
    let has = |zone: &str| {
        let own =
            group.instances.iter().filter(|one| one.zone == zone && counts(one.lifecycle.stage())).count();
        u32::try_from(own).unwrap_or(u32::MAX).saturating_add(added.get(zone).copied().unwrap_or_default())
    };
    let mut zones: Vec<(&str, u32, u32)> = zones.iter().map(|zone| (*zone, has(zone), 0)).collect();
    for _ in 0..more {
        let least = zones.iter_mut().min_by_key(|(_, has, gets)| has.saturating_add(*gets));
        if let Some((_, _, gets)) = least {
            *gets = gets.saturating_add(1);
        }
    }
    zones.into_iter().filter(|(.., gets)| *gets > 0).map(|(zone, _, gets)| (zone, gets)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Instance, Lifecycle};

    #[test]
    fn new_instances_go_where_the_fewest_are() {
        let instance = |zone: &str, lifecycle: &str| Instance {
            id: InstanceId::parse("i-0a1b2c3d4e5f67890").unwrap(),
            zone: zone.to_owned(),
            kind: None,
            lifecycle: Lifecycle(lifecycle.to_owned()),
            is_protected: false,
        };
        let instances = vec![
            instance("a", "InService"),
            instance("a", "Pending"),
            instance("b", "InService"),
            instance("c", "Terminating"),
        ];
        let group = Group { instances, ..Group::default() };
        let zones = ["a", "b", "c"];
        for (more, expected) in [
            (1, vec![("c", 1)]),
            (2, vec![("b", 1), ("c", 1)]),
            (3, vec![("b", 1), ("c", 2)]),
            (4, vec![("a", 1), ("b", 1), ("c", 2)]),
        ] {
            assert_eq!(shares(&group, &zones, more, &BTreeMap::new()), expected, "{more}");
        }
        assert_eq!(shares(&group, &["a", "b"], 1, &BTreeMap::from([("b", 5)])), [("a", 1)]);
    }
}
