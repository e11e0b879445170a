//! Azure as a provider: uniform scale sets, agent pools of AKS, and the nodes that run on their instances.
//!
//! ```text
//!   nodes, CloudScope --> scope --> find: scale sets, agent pools, instances
//!                                     |
//!                      rules, template --> listing --> join (its own crate): groups, memberships, members
//!                                                                                |
//!   plan --> apply --> grow, delete, park, wake --> set_calls, pool_calls --> watch
//! ```

mod find;
mod listing;
mod pool_calls;
mod rules;
mod scope;
mod set_calls;
mod sizes;
mod state;
mod template;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{self as join, Became, Identity, InstanceState, Member, Turn};
use kube_rebalancer_ports::{
    Abilities, Can, CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NOT_ASKED, NotWanted,
    Provider, ProviderError, ProviderKind, SharedClock,
};
use kube_rebalancer_rest::{CloudError, Kind, Pace, answer};

use crate::client::{AgentPool, Arm, Machine};
use crate::credentials;
use crate::id::{InstanceId, ScaleSetId};
use find::Maker;
use pool_calls::PoolCalls;
use set_calls::SetCalls;

/// Azure, for the program's table of providers.
pub const PROVIDER: &dyn ProviderKind = &AzureKind;

/// The number of instances that one request names.
const BATCH: usize = 100;
/// Maximum number of groups that change concurrently, each by one request at a time.
const PARALLEL: usize = 8;

#[derive(Debug)]
struct AzureKind;

impl ProviderKind for AzureKind {
    fn cloud(&self) -> &'static str {
        InstanceId::CLOUD
    }

    fn name(&self) -> &'static str {
        "azure"
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(InstanceId::SCHEME)
    }

    fn abilities(&self) -> &'static [Abilities] {
        &[
            Abilities {
                groups: "Azure: scale sets with uniform orchestration",
                grow: Can::Yes,
                delete: Can::Yes,
                park: Can::Yes,
                zones: Can::Yes,
                from_zero: Can::With("tags"),
            },
            Abilities {
                groups: "Azure: agent pools of AKS",
                grow: Can::Yes,
                delete: Can::Yes,
                park: Can::No,
                zones: Can::Yes,
                from_zero: Can::Yes,
            },
        ]
    }

    fn wanted(&self, nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
        scope::wanted(nodes, policy, scope)
    }

    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting {
        Box::pin(async move {
            let provider: Box<dyn Provider> = Box::new(Azure::connect(scope, clock, Pace::default()).await?);
            Ok(provider)
        })
    }
}

/// The scale sets of a run.
#[derive(Debug)]
struct Azure {
    arm: Arm,
    scope: CloudScope,
    /// The target of each group's changes, by its name.
    groups: BTreeMap<String, Target>,
    /// The instances that were proven, by the names of their nodes.
    members: BTreeMap<String, Member<InstanceId>>,
    /// The instances that were proven to be no node, by their groups and names.
    without_node: BTreeMap<(String, String), Member<InstanceId>>,
    /// Instances that a person protects, each with the reason.
    protected: BTreeMap<InstanceId, String>,
}

/// The target of a group's changes.
#[derive(Debug)]
enum Target {
    /// The scale set itself.
    Set(ScaleSetId),
    /// An agent pool of AKS, with its scale set, which is only read.
    Pool(Box<AgentPool>, ScaleSetId),
    /// Nothing, for this reason.
    Nothing(String),
}

impl Azure {
    async fn connect(scope: CloudScope, clock: SharedClock, pace: Pace) -> Result<Self, CloudError> {
        let credentials = credentials::find(&scope.environment)?;
        let arm = Arm::connect(credentials, clock, pace).await?;
        let (groups, members) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { arm, scope, groups, members, without_node: BTreeMap::new(), protected: BTreeMap::new() })
    }

    async fn look(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, CloudError> {
        let place = scope::place(cluster, policy, &self.scope);
        let found = find::find(&self.arm, &place, &self.scope).await?;
        let (sizes, unknown_size) = sizes::sizes(&self.arm, cluster, &found.sets).await;
        let (listing, mut notes) = listing::listing(&found, &place, cluster, &sizes);
        notes.extend(unknown_size);
        let joined = join::join(&listing, cluster);
        let machines = found.sets.iter().flat_map(|one| &one.machines);
        self.protected = machines.filter_map(|one| Some((one.id.clone(), rules::protected(one)?))).collect();
        self.groups = found
            .sets
            .into_iter()
            .map(|one| {
                let target = match one.maker {
                    Maker::Person => Target::Set(one.set.id),
                    Maker::Pool(pool, _) => Target::Pool(pool, one.set.id),
                    Maker::Unknown(why) => Target::Nothing(listing::unknown_pool(&why)),
                };
                (one.name, target)
            })
            .collect();
        self.members = joined.members;
        self.without_node = joined.without_node;
        Ok(CloudView {
            groups: joined.groups,
            memberships: joined.memberships,
            gaps: listing.gaps,
            notes,
            unknown: found.unknown,
            known: found.known,
        })
    }

    /// The proof that a node's instance is its own.
    fn proven(&self, node: &InstanceToDelete) -> Option<&Member<InstanceId>> {
        let member = self.members.get(&node.node)?;
        member.is_named_by(node.provider_id.as_deref(), node.system_uuid.as_deref()).then_some(member)
    }

    /// Deletes, parks or wakes the instances of these nodes: groups concurrently, answers in their order.
    async fn each(&self, nodes: &[InstanceToDelete], turn: Option<Turn>) -> Vec<GroupAnswer> {
        let mut answers = BTreeMap::new();
        let mut by_group: BTreeMap<&str, Vec<(usize, &Member<InstanceId>)>> = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            let member = self.proven(node);
            match member.map(|member| (member, self.protected.get(&member.instance))) {
                None => {
                    let why = "its instance was not listed in any node group".to_owned();
                    answers.insert(at, GroupAnswer::Refused(why));
                }
                Some((_, Some(why))) if turn != Some(Turn::Wake) => {
                    answers.insert(at, GroupAnswer::Refused(why.clone()));
                }
                Some((member, _)) => by_group.entry(&member.group).or_default().push((at, member)),
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
        (0..nodes.len()).map(|at| answers.remove(&at).unwrap_or_else(missing)).collect()
    }

    async fn change(
        &self,
        group: &str,
        members: Vec<(usize, &Member<InstanceId>)>,
        turn: Option<Turn>,
    ) -> Vec<(usize, GroupAnswer)> {
        let refused = |why: &str| {
            let positions = members.iter().map(|(at, _)| *at);
            positions.map(|at| (at, GroupAnswer::Refused(why.to_owned()))).collect()
        };
        let became: Vec<(usize, Became<CloudError>)> = match (self.groups.get(group), turn) {
            (Some(Target::Set(set)), Some(turn)) => join::turn(&self.set(set), group, members, turn).await,
            (Some(Target::Set(set)), None) => join::delete(&self.set(set), group, members).await,
            (Some(Target::Pool(pool, set)), None) => {
                join::delete(&self.pool(pool, set), group, members).await
            }
            (Some(Target::Pool(..)), Some(_)) => return refused(rules::NOT_PARKED_BY_AKS),
            (Some(Target::Nothing(why)), _) => return refused(why),
            (None, _) => return refused("its node group was not listed"),
        };
        became.into_iter().map(|(at, became)| (at, answer(became))).collect()
    }

    fn set<'a>(&'a self, set: &'a ScaleSetId) -> SetCalls<'a> {
        SetCalls { arm: &self.arm, set }
    }

    fn pool<'a>(&'a self, pool: &'a AgentPool, set: &'a ScaleSetId) -> PoolCalls<'a> {
        PoolCalls { arm: &self.arm, pool, set }
    }
}

/// The reason why no further request may be sent.
fn stopped(arm: &Arm) -> Option<CloudError> {
    arm.transport().is_over().then(|| CloudError::new(Kind::Other, NOT_ASKED))
}

/// Whether all of these instances are gone or being deleted.
fn gone_or_going(machines: &[Machine], instances: &[InstanceId]) -> bool {
    let stays = |machine: &Machine| {
        instances.contains(&machine.id) && state::state(machine) != InstanceState::Leaving
    };
    !machines.iter().any(stays)
}

#[async_trait]
impl Provider for Azure {
    async fn list(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, ProviderError> {
        Ok(self.look(cluster, policy).await?)
    }

    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        match self.groups.get(group) {
            Some(Target::Set(set)) => answer(join::grow(&self.set(set), group, from, to).await),
            Some(Target::Pool(pool, set)) => answer(join::grow(&self.pool(pool, set), group, from, to).await),
            Some(Target::Nothing(why)) => GroupAnswer::Refused(why.clone()),
            None => GroupAnswer::Refused(format!("node group {group} was not listed")),
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

    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let Some(member) = self.without_node.get(&(group.to_owned(), instance.to_owned())) else {
            let why = format!("instance {instance} was not listed in node group {group} without a node");
            return GroupAnswer::Refused(why);
        };
        if let Some(why) = self.protected.get(&member.instance) {
            return GroupAnswer::Refused(why.clone());
        }
        if !join::is_no_node(&member.instance, nodes) {
            return GroupAnswer::Conflict(format!("instance {instance} may be a node by now"));
        }
        let mut answers = self.change(group, vec![(0, member)], None).await;
        let missing = || GroupAnswer::InDoubt("there is no answer for it".to_owned());
        answers.pop().map_or_else(missing, |(_, answer)| answer)
    }
}
