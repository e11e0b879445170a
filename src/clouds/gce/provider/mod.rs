//! Google Compute Engine as a provider: managed instance groups, and the nodes that run on their instances.
//!
//! ```text
//!   nodes, CloudScope --> scope: projects, the groups that NODE_GROUPS names
//!                           |
//!   ComputeEngine ------> find: groups and their instances
//!                           |
//!                         template: what the next node of each group will be like
//!                           |
//!                         listing --> join (its own crate): groups, memberships, members
//!                                                                              |
//!   plan --> apply --> grow, delete (join) --> calls: the requests <-----------+
//! ```

mod calls;
mod find;
mod gone;
mod identity;
mod kube_env;
mod listing;
mod rules;
mod scope;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{MachineFate, Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{self as join, Identity, Member, Removal, ScopeError};
use kube_rebalancer_ports::{
    Abilities, Can, CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NotWanted, Provider,
    ProviderError, ProviderKind, SharedClock,
};

use crate::client::{ConnectOptions, connect};
use crate::engine::ComputeEngine;
use crate::error::ComputeError;
use crate::name::{GroupId, InstanceId, NameError};

/// Compute Engine, for the program's table of providers.
pub const PROVIDER: &dyn ProviderKind = &Kind;

#[derive(Debug)]
struct Kind;

impl ProviderKind for Kind {
    fn cloud(&self) -> &'static str {
        InstanceId::CLOUD
    }

    fn name(&self) -> &'static str {
        "gce"
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(InstanceId::SCHEME)
    }

    fn abilities(&self) -> &'static [Abilities] {
        &[Abilities {
            groups: "Google Compute Engine: managed instance groups, GKE node pools",
            grow: Can::Yes,
            delete: Can::Yes,
            park: Can::No,
            zones: Can::Yes,
            from_zero: Can::Yes,
        }]
    }

    fn cannot_prove_gone(&self, _: &CloudScope) -> Option<String> {
        None
    }

    fn wanted(&self, nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
        scope::wanted(nodes, policy, scope)
    }

    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting {
        Box::pin(async move {
            let (endpoint, environment) = (scope.endpoint.clone(), scope.environment.clone());
            let options = ConnectOptions { endpoint, environment, ..ConnectOptions::default() };
            let engine = connect(options).await.map_err(CloudError::Compute)?;
            let provider: Box<dyn Provider> = Box::new(Gce::new(engine, scope, clock));
            Ok(provider)
        })
    }
}

/// Maximum number of concurrent requests; Compute Engine allows 20 a second of each kind for a project.
const PARALLEL: usize = 8;

/// The node groups of a run on Compute Engine.
struct Gce {
    engine: Box<dyn ComputeEngine>,
    scope: CloudScope,
    clock: SharedClock,
    /// The groups that were listed, by their names in the plan.
    groups: BTreeMap<String, GroupId>,
    /// The instances that were proven, by the names of their nodes.
    members: BTreeMap<String, Member<InstanceId>>,
    /// The instances that were proven to be no node, by their groups and names.
    without_node: BTreeMap<(String, String), Member<InstanceId>>,
}

/// The reason why the groups could not be listed.
#[derive(Debug, thiserror::Error)]
enum CloudError {
    /// `NODE_GROUPS` names more than one group.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// `PROJECT` is no name.
    #[error("PROJECT: {0}")]
    Project(#[from] NameError),
    /// Compute Engine does not answer, or denies access.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A part of it did not answer that may have a group of `NODE_GROUPS`.
    #[error("{0}, and a group that NODE_GROUPS names may be there")]
    Silent(String),
}

impl From<CloudError> for ProviderError {
    fn from(error: CloudError) -> Self {
        match error {
            CloudError::Scope(_) | CloudError::Project(_) => Self::Setting(error.to_string()),
            CloudError::Compute(_) | CloudError::Silent(_) => Self::Unseen(error.to_string()),
        }
    }
}

impl Gce {
    fn new(engine: Box<dyn ComputeEngine>, scope: CloudScope, clock: SharedClock) -> Self {
        let (members, without_node) = (BTreeMap::new(), BTreeMap::new());
        Self { engine, scope, clock, groups: BTreeMap::new(), members, without_node }
    }

    async fn look(&mut self, snapshot: &Snapshot, policy: &Policy) -> Result<CloudView, CloudError> {
        let mut found = find::find(self.engine.as_ref(), snapshot, policy, &self.scope).await?;
        let (engine, clock) = (self.engine.as_ref(), self.clock.as_ref());
        let note = template::find_templates(engine, snapshot, clock, &mut found.groups).await;
        let listing = listing::listing(&found, snapshot, &self.scope);
        let joined = join::join(&listing, snapshot);
        let ids = found.groups.into_iter().map(|found| found.group.id);
        self.groups = listing.groups.iter().map(|group| group.name.clone()).zip(ids).collect();
        self.members = joined.members;
        self.without_node = joined.without_node;
        Ok(CloudView {
            groups: joined.groups,
            memberships: joined.memberships,
            gaps: listing.gaps,
            notes: note.into_iter().collect(),
            unknown: found.unknown,
            known: found.known,
        })
    }

    /// The proof that a node's instance is its own.
    fn proven(&self, node: &InstanceToDelete) -> Option<&Member<InstanceId>> {
        self.members
            .get(&node.node)
            .filter(|member| member.is_named_by(node.provider_id.as_deref(), node.system_uuid.as_deref()))
    }
}

#[async_trait]
impl Provider for Gce {
    async fn list(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, ProviderError> {
        Ok(self.look(cluster, policy).await?)
    }

    /// Compute Engine has no precondition on a resize: if another client enlarges the group in the milliseconds between
    /// the read and the request, the request shrinks the group, and Compute Engine chooses the instances to delete. The size
    /// is read before every try of the request. The Lease excludes other runs of this program, and the docs exclude other
    /// clients.
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        calls::answer(join::grow(self, group, from, to).await)
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut answers: BTreeMap<usize, GroupAnswer> = BTreeMap::new();
        let mut by_group: BTreeMap<&str, Vec<Removal<'_, InstanceId>>> = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            if let Some(member) = self.proven(node) {
                by_group.entry(&member.group).or_default().push((position, member));
            } else {
                let why = "its instance was not listed in any node group".to_owned();
                answers.insert(position, GroupAnswer::Refused(why));
            }
        }
        // Collected, because the compiler cannot follow the lifetimes through a closure of the stream's.
        let groups: Vec<_> =
            by_group.into_iter().map(|(group, removals)| join::delete(self, group, removals)).collect();
        let mut deleting = stream::iter(groups).buffer_unordered(PARALLEL);
        while let Some(some) = deleting.next().await {
            answers.extend(some.into_iter().map(|(position, became)| (position, calls::answer(became))));
        }
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        (0..nodes.len()).map(|position| answers.remove(&position).unwrap_or_else(missing)).collect()
    }

    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let Some(member) = self.without_node.get(&(group.to_owned(), instance.to_owned())) else {
            let why = format!("instance {instance} was not listed in node group {group} without a node");
            return GroupAnswer::Refused(why);
        };
        if !join::is_no_node(&member.instance, nodes) {
            return GroupAnswer::Conflict(format!("instance {instance} may be a node by now"));
        }
        let became = join::delete(self, group, vec![(0, member)]).await.pop();
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        became.map_or_else(missing, |(_, became)| calls::answer(became))
    }

    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        self.fates_of(nodes).await
    }
}

impl fmt::Debug for Gce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, scope, clock: _, groups, members, without_node } = self;
        formatter
            .debug_struct("Gce")
            .field("engine", engine)
            .field("scope", scope)
            .field("groups", groups)
            .field("members", members)
            .field("without_node", without_node)
            .finish_non_exhaustive()
    }
}
