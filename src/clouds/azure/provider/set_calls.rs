//! The requests that change a scale set, for the crate `join`: the set is read right before, and watched afterwards.

use kube_rebalancer_join::{Asked, Calls, GroupNow, InstanceState, ListedInstance, SleepCalls, Turn};
use kube_rebalancer_rest::{CloudError, Kind};

use super::rules::{self, Objection};
use super::state::{failure, listed, state};
use super::watch::{Seen, watch};
use super::{BATCH, gone_or_going, stopped};
use crate::client::{Arm, Change, Chosen, Machine, ScaleSet, Sent};
use crate::id::{InstanceId, ScaleSetId};

/// A scale set to change.
#[derive(Debug)]
pub(super) struct SetCalls<'a> {
    pub(super) arm: &'a Arm,
    pub(super) set: &'a ScaleSetId,
}

impl Calls for SetCalls<'_> {
    type Instance = InstanceId;
    type Refusal = CloudError;

    fn stopped(&self) -> Option<CloudError> {
        stopped(self.arm)
    }

    fn batch(&self) -> usize {
        BATCH
    }

    async fn size(&self, _: &str, last: bool) -> Result<GroupNow, CloudError> {
        let set = self.arm.scale_set(self.set, last).await?;
        // Changes in progress are read right before the request.
        let not_growable = rules::against_growth(&set, &[]).map(Objection::words);
        Ok(GroupNow { target_size: set.capacity, not_growable })
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<InstanceId>>, CloudError> {
        Ok(self.arm.machines(self.set, last).await?.iter().map(listed).collect())
    }

    /// The etag is from the read right before. If another client wrote in between, another read decides.
    async fn resize(&self, _: &str, size: u32) -> Asked<CloudError> {
        let mut first = None;
        loop {
            let (set, machines) = match self.now().await {
                Ok(now) => now,
                Err(why) => return Asked::Refused(why),
            };
            if let Some(objection) = rules::against_growth(&set, &machines) {
                return self.refuse(objection);
            }
            // A reduction by another client is not undone.
            let size =
                first.map_or(size, |first: u32| size.saturating_sub(first.saturating_sub(set.capacity)));
            if size <= set.capacity {
                let why = format!("its capacity is {} meanwhile, {size} is wanted", set.capacity);
                return self.refuse(Objection::Passing(why));
            }
            match self.arm.grow_scale_set(&set, size).await {
                Sent::Accepted => return Asked::Accepted,
                Sent::Stale(_) if first.is_none() => first = Some(set.capacity),
                Sent::Stale(why) | Sent::Refused(why) => return Asked::Refused(why),
                Sent::Lost(why) => return Asked::Unanswered(why),
            }
        }
    }

    async fn remove(&self, _: &str, instances: &[InstanceId]) -> Asked<CloudError> {
        if let Err(why) = self.change(instances, Change::Delete).await {
            return why;
        }
        match watch(self.arm, self.set, |machines| gone_or_going(machines, instances)).await {
            Seen::Settled(_) => Asked::Accepted,
            Seen::Unsettled(_) => {
                let words = "Azure accepted to delete it, and does not yet";
                Asked::Unanswered(CloudError::new(Kind::Doubt, words))
            }
            Seen::Unseen(why) => Asked::Unanswered(why),
        }
    }
}

impl SleepCalls for SetCalls<'_> {
    async fn turn(&self, _: &str, instances: &[InstanceId], turn: Turn) -> Vec<Asked<CloudError>> {
        let all = |answer: Asked<CloudError>| instances.iter().map(|_| answer.clone()).collect();
        let change = match turn {
            Turn::Park => Change::Deallocate,
            Turn::Wake => Change::Start,
        };
        let before = match self.change(instances, change).await {
            Ok(before) => before,
            Err(answer) => return all(answer),
        };
        let answer = |machines: &[Machine], id: &InstanceId| {
            let now = machines.iter().find(|machine| machine.id == *id);
            turned(now, before.iter().find(|machine| machine.id == *id), turn)
        };
        let is_settled = |machines: &[Machine]| instances.iter().all(|id| answer(machines, id).is_some());
        let machines = match watch(self.arm, self.set, is_settled).await {
            Seen::Settled(machines) | Seen::Unsettled(machines) => machines,
            Seen::Unseen(why) => return all(Asked::Unanswered(why)),
        };
        let unsettled = || {
            let words = "Azure accepted it, and it is not so yet";
            Asked::Unanswered(CloudError::new(Kind::Doubt, words))
        };
        instances.iter().map(|id| answer(&machines, id).unwrap_or_else(unsettled)).collect()
    }
}

/// The result of parking or waking an instance; `None` while it is not known yet.
fn turned(now: Option<&Machine>, before: Option<&Machine>, turn: Turn) -> Option<Asked<CloudError>> {
    let Some(now) = now else {
        return Some(Asked::Refused(CloudError::new(Kind::NotFound, "the instance is gone")));
    };
    match (turn, state(now)) {
        (Turn::Park, InstanceState::Asleep) | (Turn::Wake, InstanceState::Present) => {
            return Some(Asked::Accepted);
        }
        (_, InstanceState::Leaving) => {
            let why = format!("instance {} is being deleted", now.id);
            return Some(Asked::Refused(CloudError::new(Kind::Busy, why)));
        }
        _ => {}
    }
    // The failure of an earlier try stays in the instance view until the next try ends: only a new one counts.
    let of = |machine: &Machine| machine.failure().map(|(status, _)| status.clone());
    if of(now).is_none() || of(now) == before.and_then(of) {
        return None;
    }
    let kind = if now.had_no_room() { Kind::Exhausted } else { Kind::Other };
    let why = format!("instance {}: {}", now.id, failure(now).unwrap_or_default());
    Some(Asked::Refused(CloudError::new(kind, why)))
}

impl SetCalls<'_> {
    async fn now(&self) -> Result<(ScaleSet, Vec<Machine>), CloudError> {
        Ok((self.arm.scale_set(self.set, false).await?, self.arm.machines(self.set, false).await?))
    }

    fn refuse(&self, objection: Objection) -> Asked<CloudError> {
        Asked::Refused(objection.refusal(&self.set.to_string()))
    }

    /// Asks for a change of these instances, if no rule forbids it now; returns the instances as they were right
    /// before.
    async fn change(
        &self,
        instances: &[InstanceId],
        change: Change,
    ) -> Result<Vec<Machine>, Asked<CloudError>> {
        let (set, machines) = self.now().await.map_err(Asked::Refused)?;
        let objection = match change {
            Change::Delete | Change::Deallocate => {
                rules::against_giving_back(&set, &machines).or_else(|| {
                    let mut own = machines.iter().filter(|machine| instances.contains(&machine.id));
                    own.find_map(rules::protected).map(Objection::Lasting)
                })
            }
            Change::Start => rules::against_waking(&machines),
        };
        if let Some(objection) = objection {
            return Err(self.refuse(objection));
        }
        let Some(chosen) = Chosen::instances(instances) else {
            return Err(self.refuse(Objection::Lasting("no instance of it is named".to_owned())));
        };
        match self.arm.change_instances(self.set, &chosen, change).await {
            Sent::Accepted => Ok(machines),
            Sent::Stale(why) | Sent::Refused(why) => Err(Asked::Refused(why)),
            Sent::Lost(why) => Err(Asked::Unanswered(why)),
        }
    }
}
