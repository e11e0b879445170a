//! Google Compute Engine's part of a run: which node is which instance of which group, what is coming, and what may go.
//!
//! ```text
//!   nodes, CloudScope --> scope: projects, the groups that NODE_GROUPS names
//!                           |
//!   ComputeEngine ------> find: groups and their instances
//!                           |
//!                         join: Snapshot with groups and memberships, warnings
//!                           |
//!   plan --> apply --> Cloud: grow, delete     each proven again right before, and looked at again after
//! ```
//!
//! A node and an instance are the same only if project, zone and name are. Where anything is in doubt, the node stays.

mod delete;
mod find;
mod grow;
mod join;
mod rules;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{ComputeEngine, ComputeError, GroupId, InstanceId};
use kube_rebalancer_core::model::{Membership, NodeGroup, Snapshot};
use kube_rebalancer_core::policy::Policy;

use kube_rebalancer_ports::CloudScope;
use kube_rebalancer_ports::{Clock, Doomed, GroupAnswer, NodeGroups};

pub use scope::{NoCloud, ScopeError};

/// How many requests are under way at once; Compute Engine allows 20 a second of each kind for a project.
const PARALLEL: usize = 8;

/// The node groups of a run on Compute Engine.
#[derive(Debug)]
pub struct Cloud<T> {
    engine: Box<dyn ComputeEngine>,
    time: T,
    /// By their names in the plan.
    groups: BTreeMap<String, GroupId>,
    /// By provider ID.
    members: BTreeMap<String, Member>,
}

/// An instance that a node was proven to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    group: GroupId,
    instance: InstanceId,
    /// Compute Engine's number of it: one made anew under the same name has another.
    number: Option<u64>,
}

/// What a cloud tells of a cluster.
#[derive(Debug)]
pub struct Observed<T> {
    /// The groups.
    pub groups: Vec<NodeGroup>,
    /// How the nodes belong to them, one for each node of the snapshot, in its order.
    pub memberships: Vec<Membership>,
    /// What looked odd, or could not be seen.
    pub warnings: Vec<String>,
    /// Whether everything was seen.
    pub complete: bool,
    /// What can grow and shrink.
    pub cloud: Cloud<T>,
}

/// Why the groups of a cloud could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// A setting names no group, or more than one.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Compute Engine does not answer, or not to us.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A part of it did not answer, in which a group may be that `NODE_GROUPS` names.
    #[error("{0}, and a group that NODE_GROUPS names may be there")]
    Silent(String),
    /// It takes too long.
    #[error("Compute Engine did not answer within half of the time that RUN_TIMEOUT left")]
    Timeout,
}

/// Whether a run has anything to do on Compute Engine; if not, why.
pub fn wanted(snapshot: &Snapshot, policy: &Policy, scope: &CloudScope) -> Result<(), NoCloud> {
    scope::projects(snapshot, policy, scope).map(drop)
}

/// Looks at the groups that the nodes belong to, or that `NODE_GROUPS` names.
pub async fn observe<T: Clock + Clone>(
    engine: Box<dyn ComputeEngine>,
    snapshot: &Snapshot,
    policy: &Policy,
    scope: &CloudScope,
    time: &T,
) -> Result<Observed<T>, CloudError> {
    let looking = find::find(engine.as_ref(), snapshot, policy, scope);
    // Half of what is left: a cloud that hangs must not keep the nodes from being cordoned.
    let found = tokio::time::timeout(time.left().unsigned_abs() / 2, looking).await;
    let found = found.map_err(|_| CloudError::Timeout)??;
    let complete = found.gaps.is_empty();
    let joined = join::join(&found, snapshot, policy, scope);
    let groups = found.groups.into_iter().map(|found| (found.group.id.to_string(), found.group.id)).collect();
    Ok(Observed {
        groups: joined.groups,
        memberships: joined.memberships,
        warnings: joined.warnings,
        complete,
        cloud: Cloud { engine, time: time.clone(), groups, members: joined.members },
    })
}

impl<T: Clock> Cloud<T> {
    /// The same for a look at what a change has come to: it belongs to the change, so it is taken after the run was told to
    /// stop, too.
    async fn still_in_time<R>(&self, request: impl Future<Output = R>) -> Option<R> {
        tokio::time::timeout(self.time.left().unsigned_abs().max(LAST_LOOK), request).await.ok()
    }

    /// Whether the run was told to start nothing new.
    fn stopped(&self) -> bool {
        !self.time.left().is_positive()
    }

    /// Bounds a request by what is left of the run. `None`: it was still under way when time was up.
    async fn in_time<R>(&self, request: impl Future<Output = R>) -> Option<R> {
        tokio::time::timeout(self.time.left().unsigned_abs(), request).await.ok()
    }
}

impl<T: Clock> NodeGroups for Cloud<T> {
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        self.grow_group(group, from, to).await
    }

    async fn delete(&self, nodes: &[Doomed]) -> Vec<GroupAnswer> {
        self.delete_nodes(nodes).await
    }
}

/// What makes a retry of a change the same change.
fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// How long a last look may take.
const LAST_LOOK: Duration = Duration::from_secs(5);

const NOT_ASKED: &str = "it was not asked for: RUN_TIMEOUT is over, or the run was told to stop";

const TIME_IS_UP: &str = "it was still under way when RUN_TIMEOUT was over";
