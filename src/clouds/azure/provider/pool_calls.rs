//! The requests that change an agent pool, for the crate `join`: only through AKS; the pool is read right before.

use kube_rebalancer_join::{Asked, Calls, GroupNow, ListedInstance};
use kube_rebalancer_rest::{CloudError, Kind};

use super::rules::{self, Objection};
use super::state::listed;
use super::watch::{Seen, watch};
use super::{BATCH, gone_or_going, stopped};
use crate::client::{AgentPool, Arm, Chosen, Cluster, Sent};
use crate::id::{InstanceId, ScaleSetId};

/// An agent pool to change.
#[derive(Debug)]
pub(super) struct PoolCalls<'a> {
    pub(super) arm: &'a Arm,
    pub(super) pool: &'a AgentPool,
    /// Its scale set, which is only read.
    pub(super) set: &'a ScaleSetId,
}

impl Calls for PoolCalls<'_> {
    type Instance = InstanceId;
    type Refusal = CloudError;

    fn stopped(&self) -> Option<CloudError> {
        stopped(self.arm)
    }

    fn batch(&self) -> usize {
        BATCH
    }

    async fn size(&self, _: &str, last: bool) -> Result<GroupNow, CloudError> {
        let (cluster, pool) = self.now(last).await?;
        let not_growable = rules::against_pool_growth(&cluster, &pool).map(Objection::words);
        Ok(GroupNow { target_size: pool.count, not_growable })
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<InstanceId>>, CloudError> {
        Ok(self.arm.machines(self.set, last).await?.iter().map(listed).collect())
    }

    /// The etag is from the read right before.
    async fn resize(&self, _: &str, size: u32) -> Asked<CloudError> {
        let (cluster, pool) = match self.now(false).await {
            Ok(now) => now,
            Err(why) => return Asked::Refused(why),
        };
        if let Some(objection) = rules::against_pool_growth(&cluster, &pool) {
            return self.refuse(objection);
        }
        if size <= pool.count {
            let why = format!("its count is {} meanwhile, {size} is wanted", pool.count);
            return self.refuse(Objection::Passing(why));
        }
        match self.arm.grow_agent_pool(&pool, size).await {
            Sent::Accepted => Asked::Accepted,
            Sent::Stale(why) | Sent::Refused(why) => Asked::Refused(why),
            Sent::Lost(why) => Asked::Unanswered(why),
        }
    }

    async fn remove(&self, _: &str, instances: &[InstanceId]) -> Asked<CloudError> {
        let (cluster, pool) = match self.now(false).await {
            Ok(now) => now,
            Err(why) => return Asked::Refused(why),
        };
        if let Some(objection) = rules::against_pool_deletion(&cluster, &pool, instances.len()) {
            return self.refuse(objection);
        }
        let machines = match self.arm.machines(self.set, false).await {
            Ok(machines) => machines,
            Err(why) => return Asked::Refused(why),
        };
        let computer_name = |id: &InstanceId| {
            let machine = machines.iter().find(|machine| machine.id == *id)?;
            Some(machine.computer_name.as_deref()?.to_ascii_lowercase())
        };
        let names: Option<Vec<String>> = instances.iter().map(computer_name).collect();
        let Some(chosen) = names.and_then(|names| Chosen::machines(&names)) else {
            return self.refuse(Objection::Passing("the names of its machines are not known".to_owned()));
        };
        match self.arm.delete_machines(&pool, &chosen).await {
            Sent::Accepted => {}
            Sent::Stale(why) | Sent::Refused(why) => return Asked::Refused(why),
            Sent::Lost(why) => return Asked::Unanswered(why),
        }
        match watch(self.arm, self.set, |machines| gone_or_going(machines, instances)).await {
            Seen::Settled(_) => Asked::Accepted,
            Seen::Unsettled(_) => {
                let words = "AKS accepted to delete it, and does not yet";
                Asked::Unanswered(CloudError::new(Kind::Doubt, words))
            }
            Seen::Unseen(why) => Asked::Unanswered(why),
        }
    }
}

impl PoolCalls<'_> {
    async fn now(&self, last: bool) -> Result<(Cluster, AgentPool), CloudError> {
        let cluster = self.arm.cluster(&self.pool.cluster, last).await?;
        let pool = self.arm.agent_pool(self.pool, &cluster, last).await?;
        Ok((cluster, pool))
    }

    fn refuse(&self, objection: Objection) -> Asked<CloudError> {
        Asked::Refused(objection.refusal(&self.pool.shown()))
    }
}
