//! AWS as a provider: Auto Scaling groups, and the nodes that run on their instances.
//!
//! ```text
//!   nodes, CloudScope --> region, connection
//!                           |
//!   Auto Scaling -------> find: the nodes' groups (of one cluster by their tags), or the ones of NODE_GROUPS
//!                           |
//!                         facts, rules, notes: who else changes a group, and what that forbids
//!                         machines: what is parked, and whether EC2 lets machines be parked
//!                         shapes, template: the next node of a group
//!                           |
//!                         listing --> join (its own crate): groups, memberships, members
//!                                                                              |
//!   plan --> apply --> grow, delete (join) --> one: the requests <-------------+
//!                      park, wake, rejoin ---> standby: the same <-------------+
//! ```

mod answer;
mod cluster;
mod facts;
mod find;
mod listing;
mod machines;
mod notes;
mod one;
mod rules;
mod shapes;
mod standby;
mod steps;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{self as join, Asked, Became, Identity, Member, Removal, Turn};
use kube_rebalancer_ports::{
    Abilities, Can, CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NotWanted, Provider,
    ProviderError, ProviderKind, SharedClock,
};

use crate::client::{Client, Pace};
use crate::error::CloudError;
use crate::id::{InstanceId, region_of, zone_of};
use machines::Machines;
use one::OneGroup;

/// AWS, for the program's table of providers.
pub const PROVIDER: &dyn ProviderKind = &Kind;

/// Maximum number of groups that change concurrently.
const PARALLEL: usize = 4;

#[derive(Debug)]
struct Kind;

impl ProviderKind for Kind {
    fn cloud(&self) -> &'static str {
        InstanceId::CLOUD
    }

    fn name(&self) -> &'static str {
        "aws"
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(InstanceId::SCHEME)
    }

    fn abilities(&self) -> &'static [Abilities] {
        &[Abilities {
            groups: "AWS: Auto Scaling groups, EKS managed node groups, kops",
            grow: Can::Yes,
            delete: Can::Yes,
            park: Can::Yes,
            zones: Can::Yes,
            from_zero: Can::With("tags"),
        }]
    }

    /// A run uses this provider for a managed node of AWS, or with `PROVIDER=aws` for the groups that
    /// `NODE_GROUPS` names.
    fn wanted(&self, nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
        let is_named = scope.provider.as_deref() == Some(self.name());
        let managed = nodes.iter().filter(|node| is_managed(node, policy));
        let is_own = |node: &Node| {
            let id = node.provider_id.as_deref().unwrap_or_default();
            id.starts_with(InstanceId::SCHEME) || (is_named && InstanceId::of_node(node).is_ok())
        };
        if managed.into_iter().any(is_own) || (is_named && !scope.node_groups.is_empty()) {
            return Ok(());
        }
        Err(NotWanted::Elsewhere)
    }

    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting {
        Box::pin(async move {
            let provider: Box<dyn Provider> = Box::new(Aws::new(scope, clock, Pace::default()));
            Ok(provider)
        })
    }
}

/// The node groups of a run on AWS.
struct Aws {
    scope: CloudScope,
    clock: SharedClock,
    pace: Pace,
    /// The connection, once a list has made it, because the region comes from the nodes.
    client: Option<Client>,
    /// The names of the groups that were listed.
    groups: BTreeSet<String>,
    /// The instances that were proven, by the names of their nodes.
    members: BTreeMap<String, Member<InstanceId>>,
    /// The instances that were proven to be no node, by their groups and names.
    without_node: BTreeMap<(String, String), Member<InstanceId>>,
    /// The instances in standby that the last list showed, whoever put them there.
    standby: BTreeSet<InstanceId>,
    /// The instances in standby by this program: the ones that were listed, and the ones of this run.
    aside: Mutex<BTreeSet<InstanceId>>,
    /// The instances whose termination this run has requested, without an answer.
    unanswered: Mutex<BTreeSet<InstanceId>>,
}

impl Aws {
    fn new(scope: CloudScope, clock: SharedClock, pace: Pace) -> Self {
        let (groups, members, without_node) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let (standby, aside, unanswered) = (BTreeSet::new(), Mutex::default(), Mutex::default());
        Self { scope, clock, pace, client: None, groups, members, without_node, standby, aside, unanswered }
    }

    async fn look(&mut self, snapshot: &Snapshot, policy: &Policy) -> Result<CloudView, CloudError> {
        let region = region(snapshot, policy);
        let environment = &self.scope.environment;
        let clock = SharedClock::clone(&self.clock);
        let client = Client::connect(environment, region.as_deref(), clock, self.pace).await?;
        let found = find::find(&client, snapshot, policy, &self.scope).await?;
        let machines = Machines::read(&client, &found.groups, snapshot, policy).await;
        let when = (client.region.as_str(), self.clock.now());
        let (shapes, unread) = shapes::shapes(&client, snapshot, &*self.clock, &found.groups).await;
        let (listing, odd) = listing::listing(&found, snapshot, &self.scope, (&machines, &shapes), when);
        let joined = join::join(&listing, snapshot);
        let notes = found.groups.iter().flat_map(|one| notes::notes(&one.group, &one.facts));
        let notes = notes.chain(odd).chain(unread).chain(notes::of_machines(&machines)).collect();
        self.groups = listing.groups.iter().map(|group| group.name.clone()).collect();
        self.members = joined.members;
        self.without_node = joined.without_node;
        let placed = found.placed.values().map(|one| &one.instance);
        let standby = placed.filter(|one| one.lifecycle.is_standby());
        self.standby = standby.map(|one| one.id.clone()).collect();
        self.aside = Mutex::new(machines.aside);
        self.client = Some(client);
        Ok(CloudView {
            groups: joined.groups,
            memberships: joined.memberships,
            gaps: listing.gaps,
            notes,
            unknown: found.unknown,
            known: found.known,
        })
    }

    /// A group that was listed.
    fn group<'a>(&'a self, name: &'a str, turn: Option<Turn>) -> Option<OneGroup<'a>> {
        let client = self.client.as_ref().filter(|_| self.groups.contains(name))?;
        Some(OneGroup { client, name, aside: &self.aside, unanswered: &self.unanswered, turn })
    }

    /// The proof that a node's instance is its own.
    fn proven(&self, node: &InstanceToDelete) -> Option<&Member<InstanceId>> {
        self.members
            .get(&node.node)
            .filter(|member| member.is_named_by(node.provider_id.as_deref(), node.system_uuid.as_deref()))
    }

    /// Deletes, parks or wakes the instances of these nodes: groups concurrently, answers in their order.
    async fn each(&self, nodes: &[InstanceToDelete], turn: Option<Turn>) -> Vec<GroupAnswer> {
        let mut answers: BTreeMap<usize, GroupAnswer> = BTreeMap::new();
        let mut by_group: BTreeMap<&str, Vec<Removal<'_, InstanceId>>> = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            if let Some(member) = self.proven(node) {
                by_group.entry(&member.group).or_default().push((position, member));
            } else {
                let why = "its instance was not listed in any Auto Scaling group".to_owned();
                answers.insert(position, GroupAnswer::Refused(why));
            }
        }
        // Collected, because the compiler cannot follow the lifetimes through a closure of the stream's.
        let groups: Vec<_> =
            by_group.into_iter().map(|(group, members)| self.change(group, members, turn)).collect();
        let mut changing = stream::iter(groups).buffer_unordered(PARALLEL);
        while let Some(some) = changing.next().await {
            answers.extend(some);
        }
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        (0..nodes.len()).map(|position| answers.remove(&position).unwrap_or_else(missing)).collect()
    }

    async fn change(
        &self,
        group: &str,
        members: Vec<Removal<'_, InstanceId>>,
        turn: Option<Turn>,
    ) -> Vec<(usize, GroupAnswer)> {
        let Some(one) = self.group(group, turn) else { return Vec::new() };
        let became = match turn {
            Some(turn) => join::turn(&one, group, members, turn).await,
            None => join::delete(&one, group, members).await,
        };
        became.into_iter().map(|(at, became)| (at, answer::answer(became))).collect()
    }

    /// Returns a node's instance to service, if it is in standby by this program.
    async fn rejoin_one(&self, node: &InstanceToDelete) -> Option<GroupAnswer> {
        let Some(member) = self.proven(node) else {
            let id = InstanceId::from_provider_id(node.provider_id.as_deref()?).ok()?;
            let why =
                || format!("its instance {id} is in standby, and was not listed in any group of this run");
            return self.standby.contains(&id).then(|| GroupAnswer::Refused(why()));
        };
        let one = self.group(&member.group, Some(Turn::Wake))?;
        if !one.is_aside(&member.instance) {
            return None;
        }
        Some(match one.rejoin(&member.instance).await {
            Asked::Accepted => GroupAnswer::Done,
            Asked::Unanswered(why) => GroupAnswer::InDoubt(why.message),
            Asked::Refused(why) => answer::answer(Became::Failed(why)),
        })
    }
}

/// The region of most of the managed nodes; among equals the first by name.
fn region(snapshot: &Snapshot, policy: &Policy) -> Option<String> {
    let managed = snapshot.nodes().iter().filter(|node| is_managed(node, policy));
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for region in managed.filter_map(|node| region_of(zone_of(node)?)) {
        let count = nodes.entry(region).or_default();
        *count = count.saturating_add(1);
    }
    let most = nodes.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map(|(region, _)| region.to_owned())
}

#[async_trait]
impl Provider for Aws {
    async fn list(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, ProviderError> {
        Ok(self.look(cluster, policy).await?)
    }

    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        match self.group(group, None) {
            Some(one) => answer::answer(join::grow(&one, group, from, to).await),
            None => GroupAnswer::Refused(format!("Auto Scaling group {group} was not observed")),
        }
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, None).await
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, Some(Turn::Park)).await
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, Some(Turn::Wake)).await
    }

    async fn rejoin(&self, nodes: &[InstanceToDelete]) -> Vec<Option<GroupAnswer>> {
        let rejoining: Vec<_> = nodes.iter().map(|node| self.rejoin_one(node)).collect();
        stream::iter(rejoining).buffered(PARALLEL).collect().await
    }

    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let Some(member) = self.without_node.get(&(group.to_owned(), instance.to_owned())) else {
            let why =
                format!("instance {instance} was not listed in Auto Scaling group {group} without a node");
            return GroupAnswer::Refused(why);
        };
        if !join::is_no_node(&member.instance, nodes) {
            return GroupAnswer::Conflict(format!("instance {instance} may be a node by now"));
        }
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        let answers = self.change(group, vec![(0, member)], None).await;
        answers.into_iter().next().map_or_else(missing, |(_, answer)| answer)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, clock: _, pace, client, groups, members, without_node, standby, aside, unanswered } =
            self;
        formatter
            .debug_struct("Aws")
            .field("scope", scope)
            .field("pace", pace)
            .field("client", client)
            .field("groups", groups)
            .field("members", members)
            .field("without_node", without_node)
            .field("standby", standby)
            .field("aside", aside)
            .field("unanswered", unanswered)
            .finish_non_exhaustive()
    }
}
