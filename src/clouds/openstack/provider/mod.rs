//! OpenStack as a provider: sets of named servers, and the nodes that run on them.
//!
//! ```text
//!   NODE_GROUPS --> sets          Nova's servers --> sorted by set
//!                     \______________ listing _______/
//!                                        |
//!                        join (its own crate): groups, memberships, members
//!                                                                  |
//!   plan --> apply --> park, wake, delete --> one: a server's own requests, many side by side
//! ```

mod gone;
mod listing;
mod magnum;
mod one;
mod sets;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{MachineFate, Node, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{self as join, Identity, Member, Removal, Turn};
use kube_rebalancer_ports::{
    Abilities, Can, CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NotWanted, Provider,
    ProviderError, ProviderKind, SharedClock,
};
use kube_rebalancer_rest::{Pace, answer};
use tokio::time::timeout;

use crate::client::{Nova, Transport};
use crate::credentials;
use crate::id::ServerId;
use kube_rebalancer_rest::{CloudError, Kind};
use magnum::{MagnumCalls, NodeGroup, Part};
use one::OneServer;
use sets::Set;

/// OpenStack, for the program's table of providers.
pub const PROVIDER: &dyn ProviderKind = &OpenStackKind;

/// Maximum number of servers that change concurrently.
const PARALLEL: usize = 8;
/// Maximum time of reading the files of the credentials: one of them may be a pipe.
const READING: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct OpenStackKind;

impl ProviderKind for OpenStackKind {
    fn cloud(&self) -> &'static str {
        ServerId::CLOUD
    }

    fn name(&self) -> &'static str {
        "openstack"
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(ServerId::SCHEME)
    }

    fn abilities(&self) -> &'static [Abilities] {
        &[
            Abilities {
                groups: "OpenStack: Nova servers by name",
                grow: Can::No,
                delete: Can::Yes,
                park: Can::Yes,
                zones: Can::No,
                from_zero: Can::No,
            },
            Abilities {
                groups: "OpenStack: node groups of Magnum",
                grow: Can::Yes,
                delete: Can::With("`MAGNUM_DELETE`"),
                park: Can::No,
                zones: Can::No,
                from_zero: Can::No,
            },
        ]
    }

    fn cannot_prove_gone(&self, _: &CloudScope) -> Option<String> {
        None
    }

    fn wanted(&self, nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
        let is_named = scope.provider.as_deref() == Some(self.name());
        let managed = nodes.iter().filter(|node| is_managed(node, policy));
        let mut ids = managed.filter_map(|node| node.provider_id.as_deref());
        if !is_named && !ids.any(|id| id.starts_with(ServerId::SCHEME)) {
            return Err(NotWanted::Elsewhere);
        }
        if scope.node_groups.is_empty() {
            let words = "on OpenStack a node group is a set of servers by name: set NODE_GROUPS to what their names begin \
                         with, such as hub-k8s-node-";
            return Err(NotWanted::NoAccount(words.to_owned()));
        }
        Ok(())
    }

    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting {
        Box::pin(async move {
            let provider: Box<dyn Provider> =
                Box::new(OpenStack::connect(scope, clock, Pace::default()).await?);
            Ok(provider)
        })
    }
}

/// The sets of servers of a run.
#[derive(Debug)]
struct OpenStack {
    nova: Nova,
    scope: CloudScope,
    sets: Vec<Set>,
    /// The node groups of Magnum that `NODE_GROUPS` names.
    parts: Vec<Part>,
    /// The node groups that were read, by name.
    node_groups: BTreeMap<String, NodeGroup>,
    /// The servers that were proven, by the names of their nodes.
    members: BTreeMap<String, Member<ServerId>>,
}

impl OpenStack {
    async fn connect(scope: CloudScope, clock: SharedClock, pace: Pace) -> Result<Self, CloudError> {
        let (mut sets, mut parts) = (Vec::new(), Vec::new());
        for part in &scope.node_groups {
            match Part::parse(part) {
                Some(part) => parts.push(part?),
                None => sets.push(Set::parse(part)?),
            }
        }
        let (config, environment) = (scope.cloud_config.clone(), scope.environment.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let credentials = credentials::find(config.as_deref(), &environment)?;
            let transport = Transport::new(&credentials.tls, clock, pace)?;
            Ok::<_, CloudError>((transport, credentials))
        });
        let silent =
            || CloudError::new(Kind::Other, "the files of the credentials of OpenStack cannot be read");
        let read = timeout(READING, reading).await.map_err(|_| silent())?;
        let (transport, credentials) = read.map_err(|_| silent())??;
        let nova = Nova::connect(transport, credentials).await?;
        if let Some(wanted) = scope.project.as_deref()
            && wanted != nova.project.id
            && wanted != nova.project.name
        {
            return Err(CloudError::setting(format!(
                "PROJECT is {wanted}, and the credentials of OpenStack are for project {} (ID {})",
                nova.project.name, nova.project.id
            )));
        }
        let (node_groups, members) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { nova, scope, sets, parts, node_groups, members })
    }

    async fn look(&mut self, cluster: &Snapshot) -> Result<CloudView, CloudError> {
        let servers = self.nova.servers(false).await?;
        let zone = self.scope.zone.as_deref();
        let mut sorted = sets::sort(&self.sets, &servers, zone)?;
        let CloudScope { magnum_delete, notes, .. } = &self.scope;
        let looked = magnum::look(&self.nova, &self.parts, &servers, *magnum_delete, notes.as_ref()).await?;
        let of_magnum = magnum::sort(&looked.groups, &servers, zone, &mut sorted)?;
        let mut listing = listing::listing(&self.nova, &self.sets, &servers, &sorted, of_magnum, cluster);
        listing.gaps.extend(looked.gaps);
        sorted.unknown.extend(looked.unknown);
        let joined = join::join(&listing, cluster);
        self.members = joined.members;
        self.node_groups = looked.groups.into_iter().map(|group| (group.name.clone(), group)).collect();
        let left_alone = sorted.refused.values();
        let notes = left_alone.map(|why| format!("NODE_GROUPS matches a server that is left alone: {why}"));
        Ok(CloudView {
            groups: joined.groups,
            memberships: joined.memberships,
            gaps: listing.gaps,
            notes: notes.collect(),
            unknown: sorted.unknown,
            known: sets::prefixes(&servers),
        })
    }

    fn magnum<'a>(&'a self, group: &'a NodeGroup) -> MagnumCalls<'a> {
        MagnumCalls { nova: &self.nova, group, notes: self.scope.notes.as_ref() }
    }

    /// The proof that a node's server is its own.
    fn proven(&self, node: &InstanceToDelete) -> Option<&Member<ServerId>> {
        let member = self.members.get(&node.node)?;
        member.is_named_by(node.provider_id.as_deref(), node.system_uuid.as_deref()).then_some(member)
    }

    /// Changes the servers of these nodes concurrently, and answers in their order.
    async fn each(&self, nodes: &[InstanceToDelete], turn: Option<Turn>) -> Vec<GroupAnswer> {
        // Collected, because the compiler cannot follow the lifetimes through a closure of the stream's.
        let changes: Vec<_> = nodes.iter().map(|node| self.change(self.proven(node), turn)).collect();
        stream::iter(changes).buffered(PARALLEL).collect().await
    }

    async fn change(&self, member: Option<&Member<ServerId>>, turn: Option<Turn>) -> GroupAnswer {
        let Some(member) = member else {
            let why = "its server was not listed in any set that NODE_GROUPS names".to_owned();
            return GroupAnswer::Refused(why);
        };
        if turn == Some(Turn::Park) && self.node_groups.contains_key(&member.group) {
            return GroupAnswer::Refused(magnum::NOT_PARKABLE.to_owned());
        }
        let one = OneServer {
            nova: &self.nova,
            id: &member.instance,
            set: self.sets.iter().find(|set| set.name == member.group),
            zone: self.scope.zone.as_deref(),
            park_by: self.scope.park_by,
            turn,
        };
        let became = match turn {
            Some(turn) => join::turn(&one, &member.group, vec![(0, member)], turn).await,
            None => join::delete(&one, &member.group, vec![(0, member)]).await,
        };
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        became.into_iter().next().map_or_else(missing, |(_, became)| answer(became))
    }
}

#[async_trait]
impl Provider for OpenStack {
    async fn list(&mut self, cluster: &Snapshot, _: &Policy) -> Result<CloudView, ProviderError> {
        Ok(self.look(cluster).await?)
    }

    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        match self.node_groups.get(group) {
            Some(seen) => answer(join::grow(&self.magnum(seen), group, from, to).await),
            None => GroupAnswer::Refused(listing::NOT_GROWABLE.to_owned()),
        }
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut answers = BTreeMap::new();
        let mut by_group: BTreeMap<&str, Vec<Removal<'_, ServerId>>> = BTreeMap::new();
        let mut rest = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            match self.proven(node).filter(|member| self.node_groups.contains_key(&member.group)) {
                Some(member) => by_group.entry(&member.group).or_default().push((at, member)),
                None => rest.push(at),
            }
        }
        for (group, removals) in by_group {
            let Some(seen) = self.node_groups.get(group) else { continue };
            let became = join::delete(&self.magnum(seen), group, removals).await;
            answers.extend(became.into_iter().map(|(at, became)| (at, answer(became))));
        }
        let servers: Vec<InstanceToDelete> = rest.iter().filter_map(|at| nodes.get(*at).cloned()).collect();
        answers.extend(rest.into_iter().zip(self.each(&servers, None).await));
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        (0..nodes.len()).map(|at| answers.remove(&at).unwrap_or_else(missing)).collect()
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, Some(Turn::Park)).await
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, Some(Turn::Wake)).await
    }

    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        self.fates_of(nodes).await
    }
}
