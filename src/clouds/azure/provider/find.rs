//! Finds the scale sets with their instances, and the agent pool of each scale set of AKS.
//!
//! ```text
//!   nodes, NODE_GROUPS --> scale sets --> of AKS? --> managed cluster by its node resource group --> agent pool
//!                              |
//!                          instances
//! ```

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use kube_rebalancer_join::{GroupName, Named, named};
use kube_rebalancer_ports::CloudScope;
use kube_rebalancer_rest::{CloudError, Kind};

use super::scope::Place;
use crate::client::{AgentPool, Arm, Cluster, Machine, ScaleSet};
use crate::id::ScaleSetId;

/// Maximum number of concurrent requests.
const PARALLEL: usize = 8;
/// The prefix of the tags that AKS writes on its scale sets.
const AKS_TAG: &str = "aks-managed-";
/// The tag that names the pool.
const POOL_TAG: &str = "aks-managed-poolName";
/// Maximum number of ways to split the name of a node resource group.
const MOST_DIVISIONS: usize = 8;
/// The prefix of the names of AKS's scale sets.
const AKS_NAME: &str = "aks-";

/// A scale set and its instances.
#[derive(Debug)]
pub(super) struct FoundSet {
    /// Its name in plans.
    pub(super) name: String,
    pub(super) set: ScaleSet,
    pub(super) maker: Maker,
    pub(super) machines: Vec<Machine>,
}

/// The maker of a scale set, which determines how it may change.
#[derive(Clone, Debug)]
pub(super) enum Maker {
    /// A person.
    Person,
    /// AKS, for this pool.
    Pool(Box<AgentPool>, Cluster),
    /// AKS, but its pool could not be found, for this reason.
    Unknown(String),
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sets: Vec<FoundSet>,
    /// The gaps in the result.
    pub(super) gaps: Vec<String>,
    /// Further facts for a person.
    pub(super) notes: Vec<String>,
    /// Scale sets that are left alone with all their nodes, each with the reason.
    pub(super) closed: BTreeMap<ScaleSetId, String>,
    /// The parts of `NODE_GROUPS` that name no group.
    pub(super) unknown: BTreeSet<String>,
    /// The names of all groups.
    pub(super) known: Vec<String>,
}

/// A scale set with its maker.
type Made = (ScaleSet, Maker);
/// The agent pools of a cluster by their names, each or the reason why it cannot be read.
type Pools = BTreeMap<String, Result<AgentPool, String>>;

/// Finds the scale sets of the managed nodes, or the scale sets that `NODE_GROUPS` names.
pub(super) async fn find(arm: &Arm, place: &Place, scope: &CloudScope) -> Result<Found, CloudError> {
    let mut found = Found::default();
    let is_named = !scope.node_groups.is_empty();
    let sets = if is_named {
        list(arm, place, scope, &mut found).await?
    } else {
        of_nodes(arm, place, &mut found).await?
    };
    let mut made = makers(arm, sets).await;
    made.sort_by_key(|one| group_name(one).to_string());
    let chosen: Vec<Made> = if is_named {
        // Azure's names are the same in any case, and the portal shows capitals; a group's name here has none.
        let parts = scope.node_groups.iter().map(|part| part.to_ascii_lowercase()).collect();
        let Named { groups, unknown } =
            named(&made, &parts, group_name).map_err(|error| CloudError::setting(error.to_string()))?;
        found.unknown = unknown;
        groups.into_iter().cloned().collect()
    } else {
        made.clone()
    };
    found.known = made.iter().map(|one| group_name(one).to_string()).collect();
    let mut names = BTreeSet::new();
    let mut open = Vec::new();
    for (set, maker) in chosen {
        let why = left_alone(&set, scope.zone.as_deref());
        let name = group_name(&(set.clone(), maker.clone())).to_string();
        if let Some(why) = why {
            if is_named {
                found.notes.push(format!("NODE_GROUPS names a scale set that is left alone: {why}"));
            }
            found.closed.insert(set.id, why);
        } else if names.insert(name.clone()) {
            open.push((name, set, maker));
        } else {
            // Two scale sets of one pool: it is unknown to which of them a count refers.
            let why = format!("another scale set is of node group {name} too");
            found.closed.insert(set.id, why);
        }
    }
    let machines = side_by_side(open.iter().map(|(_, set, _)| arm.machines(&set.id, false)).collect()).await;
    for ((name, set, maker), machines) in open.into_iter().zip(machines) {
        match machines {
            Ok(machines) => found.sets.push(FoundSet { name, set, maker, machines }),
            Err(error) => {
                found.gaps.push(format!("the instances of node group {name} are not known: {error}"));
            }
        }
    }
    Ok(found)
}

/// The name of a group: the resource group and the scale set, or the cluster and the pool.
fn group_name((set, maker): &Made) -> GroupName {
    match maker {
        Maker::Pool(pool, cluster) => GroupName { location: cluster.name.clone(), name: pool.name.clone() },
        Maker::Person | Maker::Unknown(_) => {
            GroupName { location: set.id.resource_group().to_owned(), name: set.id.name().to_owned() }
        }
    }
}

/// The reason why a scale set is left alone.
fn left_alone(set: &ScaleSet, zone: Option<&str>) -> Option<String> {
    if set.is_flexible {
        return Some(format!("scale set {} is flexible, and only uniform ones are changed", set.id));
    }
    let wanted = zone?;
    let own = zones(set);
    (own.len() != 1 || own.first().is_none_or(|own| own != wanted))
        .then(|| format!("scale set {} is not of zone {wanted} alone", set.id))
}

/// The zones of a scale set as labels of nodes have them, such as `westeurope-1`.
pub(super) fn zones(set: &ScaleSet) -> Vec<String> {
    set.zones.iter().map(|zone| format!("{}-{zone}", set.location)).collect()
}

/// The scale sets of nodes. A forbidden or missing one excludes only its own nodes.
async fn of_nodes(arm: &Arm, place: &Place, found: &mut Found) -> Result<Vec<ScaleSet>, CloudError> {
    let ids: Vec<&ScaleSetId> = place.of_nodes.iter().collect();
    let answers = side_by_side(ids.iter().map(|id| arm.scale_set(id, false)).collect()).await;
    let (mut sets, mut failed) = (Vec::new(), None);
    for (id, answer) in ids.into_iter().zip(answers) {
        match answer {
            Ok(set) => sets.push(set),
            Err(error) => {
                if matches!(error.kind, Kind::Forbidden | Kind::NotFound) {
                    found.closed.insert(id.clone(), error.message.clone());
                } else {
                    found.gaps.push(error.message.clone());
                }
                failed = failed.or(Some(error));
            }
        }
    }
    match failed {
        Some(error) if sets.is_empty() => Err(error),
        _ => Ok(sets),
    }
}

/// The scale sets of resource groups. A part of `NODE_GROUPS` is a resource group if no managed cluster has that name.
async fn list(
    arm: &Arm,
    place: &Place,
    scope: &CloudScope,
    found: &mut Found,
) -> Result<Vec<ScaleSet>, CloudError> {
    let mut groups = place.resource_groups.clone();
    let own: BTreeSet<&String> = groups.iter().map(|(_, group)| group).collect();
    let locations =
        scope.node_groups.iter().filter_map(|part| part.split_once('/')).map(|(location, _)| location);
    let further: BTreeSet<String> =
        locations.map(str::to_ascii_lowercase).filter(|location| !own.contains(location)).collect();
    for subscription in &place.subscriptions {
        groups.extend(further.iter().map(|group| (subscription.clone(), group.clone())));
        if !further.is_empty() {
            // If a part names a managed cluster, its scale sets are in another resource group.
            match arm.clusters(subscription).await {
                Ok(clusters) => groups.extend(
                    clusters
                        .into_iter()
                        .filter(|cluster| further.contains(&cluster.name))
                        .map(|cluster| (subscription.clone(), cluster.node_resource_group)),
                ),
                Err(error) if error.kind == Kind::Forbidden => {}
                Err(error) => found.gaps.push(error.message),
            }
        }
    }
    let groups: Vec<(String, String)> = groups.into_iter().collect();
    let answers = side_by_side(groups.iter().map(|(sub, group)| arm.scale_sets(sub, group)).collect()).await;
    let (mut sets, mut failed, mut answered) = (Vec::new(), None, false);
    for ((_, group), answer) in groups.iter().zip(answers) {
        match answer {
            Ok(some) => {
                answered = true;
                sets.extend(some);
            }
            // A cluster's name need not be a resource group's name.
            Err(error)
                if further.contains(group) && matches!(error.kind, Kind::NotFound | Kind::Forbidden) =>
            {
                failed = failed.or(Some(error));
            }
            Err(error) => {
                found.gaps.push(error.message.clone());
                failed = failed.or(Some(error));
            }
        }
    }
    match failed {
        Some(error) if !answered => Err(error),
        _ => Ok(sets),
    }
}

/// Finds the agent pool of each scale set that AKS made.
async fn makers(arm: &Arm, sets: Vec<ScaleSet>) -> Vec<Made> {
    let of_aks: Vec<&ScaleSet> = sets.iter().filter(|set| is_of_aks(set)).collect();
    let subscriptions: BTreeSet<&str> = of_aks.iter().map(|set| set.id.subscription()).collect();
    let mut clusters: BTreeMap<&str, Result<Vec<Cluster>, String>> = BTreeMap::new();
    for subscription in subscriptions {
        clusters.insert(subscription, arm.clusters(subscription).await.map_err(|error| error.message));
    }
    let mut pools: BTreeMap<String, Result<(Cluster, Pools), String>> = BTreeMap::new();
    for set in &of_aks {
        let group = set.id.resource_group();
        if pools.contains_key(group) {
            continue;
        }
        let listed = clusters.get(set.id.subscription());
        let own = |all: &Vec<Cluster>| all.iter().find(|one| one.node_resource_group == group).cloned();
        let seen = match listed.and_then(|listed| listed.as_ref().ok()).and_then(own) {
            Some(cluster) => Some(cluster),
            None => by_name(arm, set).await,
        };
        let seen = match (seen, listed) {
            (Some(cluster), _) => {
                let pools = arm.agent_pools(&cluster).await;
                pools.map(|pools| (cluster, pools)).map_err(|error| error.message)
            }
            (None, Some(Err(why))) => Err(why.clone()),
            (None, _) => Err(format!(
                "no managed cluster that this identity may read has the node resource group {group}"
            )),
        };
        pools.insert(group.to_owned(), seen);
    }
    let maker = |set: &ScaleSet| {
        if !is_of_aks(set) {
            return Maker::Person;
        }
        match pools.get(set.id.resource_group()) {
            Some(Ok((cluster, pools))) => {
                let tag = tag(set, POOL_TAG).map(str::to_ascii_lowercase);
                match tag.and_then(|tag| pools.get(&tag)) {
                    Some(Ok(pool)) => Maker::Pool(Box::new(pool.clone()), cluster.clone()),
                    Some(Err(why)) => Maker::Unknown(why.clone()),
                    None => Maker::Unknown(format!("none of the agent pools of {} is its own", cluster.name)),
                }
            }
            Some(Err(why)) => Maker::Unknown(why.clone()),
            None => Maker::Unknown("its managed cluster was not looked for".to_owned()),
        }
    };
    let makers: Vec<Maker> = sets.iter().map(maker).collect();
    sets.into_iter().zip(makers).collect()
}

/// The managed cluster of a node resource group, if it is not among the clusters that may be listed. AKS names the group after
/// resource group, cluster and region; the cluster itself confirms which underscores separate the names.
async fn by_name(arm: &Arm, set: &ScaleSet) -> Option<Cluster> {
    let group = set.id.resource_group();
    let names = group.strip_prefix("mc_")?.strip_suffix(set.location.as_str())?.strip_suffix('_')?;
    for (at, _) in names.match_indices('_').take(MOST_DIVISIONS) {
        let (own, rest) = names.split_at_checked(at)?;
        let name = rest.strip_prefix('_')?;
        if own.is_empty() || name.is_empty() {
            continue;
        }
        let cluster = arm.cluster_named(set.id.subscription(), own, name).await.ok();
        if let Some(cluster) = cluster.filter(|cluster| cluster.node_resource_group == group) {
            return Some(cluster);
        }
    }
    None
}

/// Whether AKS made a scale set: it is then changed only through AKS.
pub(super) fn is_of_aks(set: &ScaleSet) -> bool {
    let begins =
        |key: &String| key.get(..AKS_TAG.len()).is_some_and(|start| start.eq_ignore_ascii_case(AKS_TAG));
    set.id.name().starts_with(AKS_NAME) || set.tags.keys().any(begins)
}

fn tag<'a>(set: &'a ScaleSet, key: &str) -> Option<&'a str> {
    set.tags.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

/// Makes requests concurrently; the answers are in their order. They come as a list, because the compiler cannot follow
/// lifetimes through a closure of the stream's.
async fn side_by_side<F: Future>(requests: Vec<F>) -> Vec<F::Output> {
    stream::iter(requests).buffered(PARALLEL).collect().await
}
