//! The cloud half of a run: the clouds of the nodes, their node groups, and the cloud of each change.
//!
//! ```text
//!   connections: the nodes are listed --> wanted? --> connect, while the pods are listed
//!   providers: wanted? --> connect, unless it is, and list, all at once --> join::merge --> Snapshot with groups
//!                                                             |
//!                   apply --> Clouds: grow, delete, park, wake <--+--> dyn Provider
//! ```

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use super::connections::Connections;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use kube_rebalancer_core::model::{MachineFate, Node, Snapshot};
use kube_rebalancer_core::plan::{is_managed, nodes_to_ask_about};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{CloudPart, Whole, merge};
use kube_rebalancer_ports::{
    CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NodeGroups, NotTried, NotWanted,
    Provider, ProviderError, ProviderKind, SharedClock,
};

/// A cluster with its clouds' view of it, and the node groups that can change, or the reason why none can.
#[derive(Debug)]
pub struct CloudHalf {
    /// The cluster.
    pub snapshot: Snapshot,
    /// Warnings about unusual facts and gaps.
    pub warnings: Vec<String>,
    /// The node groups.
    pub clouds: Result<Clouds, NotTried>,
    /// Whether the view is complete.
    pub complete: bool,
}

/// The node groups of a run, each with its own cloud.
#[derive(Debug, Default)]
pub struct Clouds {
    /// The providers, by the positions in the maps below.
    providers: BTreeMap<usize, Box<dyn Provider>>,
    /// The position of a group's cloud, and the group's name there.
    of_group: BTreeMap<String, (usize, String)>,
    /// The position of a node's cloud.
    of_node: BTreeMap<String, usize>,
    /// The position of the cloud of a node that is in no group.
    of_other: BTreeMap<String, usize>,
}

/// A setting that is wrong for the clouds of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongSetting(String);

/// Checks that `PROVIDER` names a provider.
pub fn check_provider(kinds: &[&dyn ProviderKind], scope: &CloudScope) -> Result<(), WrongSetting> {
    chosen(kinds, scope).map(drop)
}

/// Begins to connect to the clouds that the nodes of a cluster are in.
pub fn connect(
    kinds: &[&dyn ProviderKind],
    nodes: &[Node],
    policy: &Policy,
    scope: &CloudScope,
    clock: &SharedClock,
) -> Connections {
    match chosen(kinds, scope) {
        Ok(kinds) => Connections::begin(&wanted(&kinds, nodes, policy, scope).0, scope, clock),
        // `observe` finds the same and returns the error.
        Err(_) => Connections::default(),
    }
}

/// Lists the node groups of a cluster. An unreachable cloud is no error, because the run can still cordon; a setting that
/// names no group of any cloud is.
pub async fn observe(
    kinds: &[&dyn ProviderKind],
    snapshot: Snapshot,
    policy: &Policy,
    scope: &CloudScope,
    clock: &SharedClock,
    mut begun: Connections,
) -> Result<CloudHalf, WrongSetting> {
    let kinds = &chosen(kinds, scope)?;
    let (wanted, no_account) = wanted(kinds, snapshot.nodes(), policy, scope);
    if wanted.is_empty() {
        let (why, warning) = match no_account {
            Some(words) => (NotTried::Unseen, words),
            None => (NotTried::NoNodeGroup, elsewhere(kinds)),
        };
        return Ok(without(snapshot, why, vec![warning]));
    }
    let looking = wanted.iter().map(|kind| {
        let connecting =
            begun.take(*kind).unwrap_or_else(|| kind.connect(scope.clone(), SharedClock::clone(clock)));
        look(*kind, connecting, &snapshot, policy, clock)
    });
    let mut seen = Vec::new();
    let mut unseen = Vec::new();
    for (kind, looked) in wanted.iter().zip(join_all(looking).await) {
        match looked {
            Ok(looked) => seen.push((*kind, looked)),
            // A kubelet may name any cloud: what a few of them say stops no run.
            Err(ProviderError::Setting(words)) if named_by_few(*kind, &snapshot, policy, scope).is_none() => {
                return Err(WrongSetting(words));
            }
            Err(ProviderError::Setting(words) | ProviderError::Unseen(words)) => unseen.push((*kind, words)),
        }
    }
    if seen.is_empty() {
        let warning = |(_, words)| format!("the node groups could not be listed: {words}");
        return Ok(without(snapshot, NotTried::Unseen, unseen.into_iter().map(warning).collect()));
    }
    let (mut parts, mut providers) = (Vec::new(), BTreeMap::new());
    for (at, (kind, (provider, view))) in seen.into_iter().enumerate() {
        parts.push(part(kind, view, scope));
        providers.insert(at, provider);
    }
    parts.extend(unseen.into_iter().map(|(kind, words)| {
        let few = named_by_few(kind, &snapshot, policy, scope);
        let stops_nothing = few.is_some();
        let gap = format!(
            "the node groups of {}{} could not be listed: {words}",
            kind.cloud(),
            few.unwrap_or_default()
        );
        let view = CloudView { gaps: vec![gap], ..CloudView::default() };
        CloudPart { stops_nothing, ..part(kind, view, scope) }
    }));
    let whole = merge(parts, &snapshot, policy, scope.zone.as_deref());
    let whole = whole.map_err(|error| WrongSetting(error.to_string()))?;
    let Whole { groups, memberships, mut warnings, complete, cloud_of_group, cloud_of_node, cloud_of_other } =
        whole;
    warnings.extend(unproven(&wanted, policy, scope));
    let clouds = if !complete && groups.is_empty() {
        Err(NotTried::Unseen)
    } else {
        Ok(Clouds { providers, of_group: cloud_of_group, of_node: cloud_of_node, of_other: cloud_of_other })
    };
    let snapshot = snapshot.with_groups(groups, memberships);
    let snapshot = match &clouds {
        Ok(clouds) => with_fates(snapshot, policy, clouds, clock).await,
        Err(_) => snapshot,
    };
    Ok(CloudHalf { snapshot, warnings, clouds, complete })
}

/// The nodes that name a cloud, in words, if they are fewer than half of the managed nodes and `PROVIDER` does not name it.
fn named_by_few(
    kind: &dyn ProviderKind,
    snapshot: &Snapshot,
    policy: &Policy,
    scope: &CloudScope,
) -> Option<String> {
    let scheme = kind.scheme().filter(|_| scope.provider.as_deref() != Some(kind.name()))?;
    let managed: Vec<&Node> = snapshot.nodes().iter().filter(|node| is_managed(node, policy)).collect();
    let names_it = |node: &&&Node| node.provider_id.as_deref().is_some_and(|id| id.starts_with(scheme));
    let naming: Vec<&Node> = managed.iter().filter(names_it).copied().collect();
    let (first, few) = (naming.first()?, naming.len() < managed.len().div_ceil(2));
    few.then(|| format!(" (named by {} of {} nodes, such as {})", naming.len(), managed.len(), first.name))
}

/// A warning for each cloud on which `DELETE_NODE_OBJECTS` has no effect.
fn unproven(kinds: &[&dyn ProviderKind], policy: &Policy, scope: &CloudScope) -> Vec<String> {
    let why = |kind: &&dyn ProviderKind| {
        let why = kind.cannot_prove_gone(scope)?;
        Some(format!("DELETE_NODE_OBJECTS has no effect on {}: {why}", kind.cloud()))
    };
    if policy.delete_node_objects { kinds.iter().filter_map(why).collect() } else { Vec::new() }
}

/// Asks the clouds whether the machines of nodes that were given back, and are no longer in a group, are gone.
async fn with_fates(snapshot: Snapshot, policy: &Policy, clouds: &Clouds, clock: &SharedClock) -> Snapshot {
    let nodes: Vec<InstanceToDelete> = nodes_to_ask_about(&snapshot, policy)
        .into_iter()
        .map(|node| InstanceToDelete {
            node: node.name.clone(),
            provider_id: node.provider_id.clone(),
            system_uuid: node.system_uuid.clone(),
        })
        .collect();
    if nodes.is_empty() {
        return snapshot;
    }
    // Half of the time that is left, as for the groups, because more important steps follow.
    let limit = clock.left().unsigned_abs() / 2;
    let fates = tokio::time::timeout(limit, clouds.fates(&nodes)).await;
    let late = |_| {
        let words = "the cloud did not answer within half of the time that RUN_TIMEOUT left".to_owned();
        vec![MachineFate::Unknown(words); nodes.len()]
    };
    let names = nodes.iter().map(|node| node.node.clone());
    let fates = names.zip(fates.unwrap_or_else(late)).collect();
    snapshot.with_fates(fates)
}

/// The kinds of providers that a run may use. A provider without provider IDs of its own is used only if `PROVIDER` names it,
/// and then no other one.
fn chosen<'k>(
    kinds: &[&'k dyn ProviderKind],
    scope: &CloudScope,
) -> Result<Vec<&'k dyn ProviderKind>, WrongSetting> {
    let with_scheme = || kinds.iter().copied().filter(|kind| kind.scheme().is_some());
    let Some(name) = scope.provider.as_deref() else { return Ok(with_scheme().collect()) };
    let Some(named) = kinds.iter().copied().find(|kind| kind.name() == name) else {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(WrongSetting(format!(
            "PROVIDER: `{name}` is no provider of this program; there are: {known}"
        )));
    };
    Ok(if named.scheme().is_some() { with_scheme().collect() } else { vec![named] })
}

/// The clouds that a run uses, and the first reason why one may be missing.
fn wanted<'k>(
    kinds: &[&'k dyn ProviderKind],
    nodes: &[Node],
    policy: &Policy,
    scope: &CloudScope,
) -> (Vec<&'k dyn ProviderKind>, Option<String>) {
    let mut wanted = Vec::new();
    let mut no_account = None;
    for kind in kinds {
        match kind.wanted(nodes, policy, scope) {
            Ok(()) => wanted.push(*kind),
            Err(NotWanted::Elsewhere) => {}
            Err(NotWanted::NoAccount(words)) => no_account = no_account.or(Some(words)),
        }
    }
    (wanted, no_account)
}

fn elsewhere(kinds: &[&dyn ProviderKind]) -> String {
    let clouds: Vec<&str> = kinds.iter().map(|kind| kind.cloud()).collect();
    let known = if clouds.is_empty() { "none".to_owned() } else { clouds.join(", ") };
    format!(
        "no node is on a cloud that this program knows ({known}), so nothing is grown and nothing is deleted"
    )
}

fn without(snapshot: Snapshot, why: NotTried, warnings: Vec<String>) -> CloudHalf {
    CloudHalf { snapshot, warnings, clouds: Err(why), complete: why != NotTried::Unseen }
}

async fn look(
    kind: &dyn ProviderKind,
    connecting: Connecting,
    snapshot: &Snapshot,
    policy: &Policy,
    clock: &SharedClock,
) -> Result<(Box<dyn Provider>, CloudView), ProviderError> {
    let cloud = kind.cloud();
    let looking = async {
        let mut provider = connecting.await?;
        let view = provider.list(snapshot, policy).await?;
        Ok((provider, view))
    };
    // Half of the time that is left: a cloud that hangs must not prevent cordons.
    let limit = clock.left().unsigned_abs() / 2;
    match tokio::time::timeout(limit, AssertUnwindSafe(looking).catch_unwind()).await {
        Ok(Ok(looked)) => looked,
        // Libraries of clouds do panic, for example at a token that expires in the year 10^11.
        Ok(Err(_)) => {
            Err(ProviderError::Unseen(format!("the library for {cloud} has a defect, which the log shows")))
        }
        Err(_) => {
            let words = format!("{cloud} did not answer within half of the time that RUN_TIMEOUT left");
            Err(ProviderError::Unseen(words))
        }
    }
}

/// The answer to a request to a cloud; if the cloud's library panicked, the result is unknown.
async fn caught(answer: impl Future<Output = GroupAnswer>) -> GroupAnswer {
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_| GroupAnswer::InDoubt(DEFECT.to_owned()))
}

/// The message for a request at which a cloud's library panicked.
const DEFECT: &str = "the cloud's library has a defect, which the log shows";

fn part(kind: &dyn ProviderKind, view: CloudView, scope: &CloudScope) -> CloudPart {
    let takes_the_rest = scope.provider.as_deref() == Some(kind.name());
    let CloudView { groups, memberships, gaps, notes, unknown, known } = view;
    CloudPart {
        cloud: kind.cloud(),
        scheme: kind.scheme(),
        takes_the_rest,
        groups,
        memberships,
        gaps,
        stops_nothing: false,
        notes,
        unknown,
        known,
    }
}

/// The pending answers of one cloud.
type Answers<'a, A> = Pin<Box<dyn Future<Output = Vec<A>> + Send + 'a>>;

/// The answers for nodes without an answer of a cloud.
struct Otherwise<A> {
    /// No cloud has the node.
    unseen: A,
    /// The cloud's library has a defect.
    defect: A,
}

impl Clouds {
    /// Changes machines of nodes, each by its own cloud.
    async fn each_by_its_cloud(
        &self,
        nodes: &[InstanceToDelete],
        ask: impl for<'a> Fn(&'a dyn Provider, &'a [InstanceToDelete]) -> Answers<'a, GroupAnswer>,
    ) -> Vec<GroupAnswer> {
        let otherwise = Otherwise {
            unseen: GroupAnswer::Refused("its instance was not listed in any node group".to_owned()),
            defect: GroupAnswer::InDoubt(DEFECT.to_owned()),
        };
        self.ask_each(nodes, &self.of_node, ask, &otherwise).await
    }

    /// Asks each cloud for its own nodes, all concurrently, and returns the answers in the order of the nodes.
    async fn ask_each<A: Clone>(
        &self,
        nodes: &[InstanceToDelete],
        cloud_of: &BTreeMap<String, usize>,
        ask: impl for<'a> Fn(&'a dyn Provider, &'a [InstanceToDelete]) -> Answers<'a, A>,
        otherwise: &Otherwise<A>,
    ) -> Vec<A> {
        let mut by_cloud: BTreeMap<usize, (Vec<usize>, Vec<InstanceToDelete>)> = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            if let Some(at) = cloud_of.get(&node.node) {
                let (positions, instances) = by_cloud.entry(*at).or_default();
                positions.push(position);
                instances.push(node.clone());
            }
        }
        let asking = by_cloud.iter().filter_map(|(at, (positions, instances))| {
            let answers = ask(self.providers.get(at)?.as_ref(), instances);
            Some(async move {
                let answers = AssertUnwindSafe(answers).catch_unwind().await;
                let defect = |_| vec![otherwise.defect.clone(); instances.len()];
                positions.iter().copied().zip(answers.unwrap_or_else(defect))
            })
        });
        let mut answers: BTreeMap<usize, A> = join_all(asking).await.into_iter().flatten().collect();
        let unseen = || otherwise.unseen.clone();
        (0..nodes.len()).map(|position| answers.remove(&position).unwrap_or_else(unseen)).collect()
    }
}

impl NodeGroups for Clouds {
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        let cloud = self.of_group.get(group);
        match cloud.and_then(|(at, name)| Some((self.providers.get(at)?, name))) {
            Some((provider, name)) => caught(provider.grow(name, from, to)).await,
            None => GroupAnswer::Failed(format!("node group {group} was not observed")),
        }
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each_by_its_cloud(nodes, |provider, instances| provider.delete(instances)).await
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each_by_its_cloud(nodes, |provider, instances| provider.park(instances)).await
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each_by_its_cloud(nodes, |provider, instances| provider.wake(instances)).await
    }

    async fn rejoin(&self, nodes: &[InstanceToDelete]) -> Vec<Option<GroupAnswer>> {
        let unseen = GroupAnswer::Refused("its cloud could not be listed".to_owned());
        let defect = GroupAnswer::InDoubt(DEFECT.to_owned());
        let otherwise = Otherwise { unseen: Some(unseen), defect: Some(defect) };
        // A node may be in no group because its machine is between two steps.
        let cloud_of =
            self.of_node.iter().chain(&self.of_other).map(|(node, at)| (node.clone(), *at)).collect();
        let answers = self
            .ask_each(nodes, &cloud_of, |provider, instances| provider.rejoin(instances), &otherwise)
            .await;
        // A node of no cloud has nothing to finish.
        let known = |node: &InstanceToDelete| cloud_of.contains_key(&node.node);
        nodes.iter().zip(answers).map(|(node, answer)| answer.filter(|_| known(node))).collect()
    }

    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        let otherwise = Otherwise {
            unseen: MachineFate::Unknown("no cloud that was seen has such a machine".to_owned()),
            defect: MachineFate::Unknown(DEFECT.to_owned()),
        };
        self.ask_each(nodes, &self.of_other, |provider, instances| provider.fates(instances), &otherwise)
            .await
    }

    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let cloud = self.of_group.get(group);
        match cloud.and_then(|(at, name)| Some((self.providers.get(at)?, name))) {
            Some((provider, name)) => caught(provider.delete_instance(name, instance, nodes)).await,
            None => GroupAnswer::Failed(format!("node group {group} was not observed")),
        }
    }
}
