//! The size of each group's next node by the size of its machines, for groups of which neither nodes nor tags show it.
//!
//! AKS reserves memory by the number of pods, and processor time by the number of processors; other images reserve less or more. It
//! is an estimate, until the first node reports its size.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Bytes, Millicores, Node, Snapshot};
use kube_rebalancer_join::{EVICTION, Eviction, NodeSize, Reserved, instance_of};

use super::find::{FoundSet, Maker};
use super::rules;
use super::template::has_size;
use crate::client::{Arm, MachineSize};
use crate::id::InstanceId;

/// Maximum time for all lists together: no run fails without them.
const LIMIT: Duration = Duration::from_secs(10);
/// Maximum number of concurrent requests: each list has some megabytes.
const PARALLEL: usize = 2;
/// The default number of pods of a node: the kubelet's own limit.
const PODS: u64 = 110;
const MIB: u64 = 1024 * 1024;

/// The size of a group's next node, and whether its processors are of ARM's kind.
pub(super) type Sizes = BTreeMap<String, (NodeSize, bool)>;

/// Reads the sizes by the names of groups. Returns them with a note on sizes that could not be read, which has no other effect.
pub(super) async fn sizes(arm: &Arm, cluster: &Snapshot, found: &[FoundSet]) -> (Sizes, Option<String>) {
    let needed: Vec<&FoundSet> = found.iter().filter(|one| is_needed(one, cluster)).collect();
    let mut regions: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for one in &needed {
        let region = (one.set.id.subscription(), one.set.location.as_str());
        regions.entry(region).or_default().insert(one.set.size.to_ascii_lowercase());
    }
    let asked: Vec<_> = regions
        .iter()
        .map(|((subscription, location), names)| arm.sizes(subscription, location, names))
        .collect();
    let asked = stream::iter(asked).buffered(PARALLEL).collect::<Vec<_>>();
    let answers = tokio::time::timeout(LIMIT, asked).await.unwrap_or_default();
    let answers: BTreeMap<(&str, &str), _> = regions.into_keys().zip(answers).collect();
    let (mut sizes, mut failed) = (Sizes::new(), Vec::new());
    for one in needed {
        let size = match answers.get(&(one.set.id.subscription(), one.set.location.as_str())) {
            None => Err("there was no time for it".to_owned()),
            Some(Err(why)) => Err(why.to_string()),
            Some(Ok(known)) => known
                .get(&one.set.size.to_ascii_lowercase())
                .ok_or_else(|| format!("Azure sells no size {} in {}", one.set.size, one.set.location)),
        };
        match size {
            Ok(size) => {
                let pods = pods(one);
                let node = size.hardware.node(reserved(size, pods), pods);
                sizes.insert(one.name.clone(), (node, size.is_arm));
            }
            Err(why) => failed.push((one.name.as_str(), why)),
        }
    }
    (sizes, note(&failed))
}

/// One sentence on all groups whose size could not be read.
fn note(failed: &[(&str, String)]) -> Option<String> {
    let (group, why) = failed.first()?;
    let groups = match failed.len() {
        1 => format!("node group {group}"),
        several => format!("{several} node groups, {group} among them,"),
    };
    Some(format!(
        "the size of the machines of {groups} is not known, so only tags and nodes tell the size of a new node: {why}"
    ))
}

/// Whether the size is needed: the group may grow, has no Ready node, and its tags have no size.
fn is_needed(found: &FoundSet, cluster: &Snapshot) -> bool {
    let FoundSet { set, maker, machines, .. } = found;
    let may_grow = match maker {
        Maker::Person => rules::against_growth(set, machines).is_none(),
        Maker::Pool(pool, cluster) => pool.is_linux && rules::against_pool_growth(cluster, pool).is_none(),
        Maker::Unknown(_) => false,
    };
    let own: BTreeSet<&InstanceId> = machines.iter().map(|machine| &machine.id).collect();
    let is_ready = |node: &&Node| node.ready.is_some_and(|condition| condition.ready);
    let mut ready = cluster.nodes().iter().filter(is_ready);
    may_grow
        && !set.size.is_empty()
        && !has_size(found)
        && !ready.any(|node| instance_of::<InstanceId>(node).is_some_and(|id| own.contains(&id)))
}

fn pods(found: &FoundSet) -> u64 {
    match &found.maker {
        Maker::Pool(pool, _) => pool.max_pods.unwrap_or(PODS),
        Maker::Person | Maker::Unknown(_) => PODS,
    }
}

/// The amounts that AKS reserves: 20 MiB for each pod and 50 MiB, at most a quarter of the memory; 60 millicores of one
/// processor, 100 of two, 140 of four, and 10 for each further one.
fn reserved(size: &MachineSize, pods: u64) -> Reserved {
    let by_pods = pods.saturating_mul(20).saturating_add(50);
    let memory = by_pods.min(size.hardware.memory_mib / 4).saturating_mul(MIB);
    let cpus = size.hardware.cpus;
    let cpu = match cpus {
        0 | 1 => 60,
        2 => 100,
        3 => 120,
        _ => cpus.saturating_mul(10).saturating_add(100),
    };
    Reserved { cpu: Millicores(cpu), memory: Bytes(memory), eviction: Eviction::Bytes(EVICTION) }
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_join::Hardware;

    use super::*;

    #[test]
    fn aks_reserves_by_processors_and_pods() {
        let size = |cpus, memory_mib| MachineSize {
            hardware: Hardware { memory_mib, cpus, gpus: 0 },
            is_arm: false,
        };
        // The table of AKS.
        for (cpus, cpu) in [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)] {
            assert_eq!(reserved(&size(cpus, 8192), 30).cpu, Millicores(cpu), "{cpus}");
        }
        assert_eq!(reserved(&size(4, 16_384), 110).memory, Bytes(2250 * MIB));
        assert_eq!(reserved(&size(4, 4096), 110).memory, Bytes(1024 * MIB), "a quarter");
    }
}
