//! The size of each group's next node by its launch template, for groups of which neither nodes nor tags show it.
//!
//! ```text
//!   group --> launch template, overrides --> types --> hardware --> the smallest amounts --> NodeShape
//! ```
//!
//! EKS's images reserve memory by the number of pods that get an address, and processor time by the number of processors. Others
//! reserve less or more. It is an estimate, until the first node reports its size.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Bytes, Millicores, Node, Snapshot};
use kube_rebalancer_join::{EVICTION, Eviction, Reserved, instance_of};
use kube_rebalancer_ports::Clock;

use super::find::FoundGroup;
use super::rules;
use super::template::has_size;
use crate::client::Client;
use crate::id::InstanceId;
use crate::shape::{MachineKind, NodeShape, Source, TemplateVersion};
use crate::types::Group;

/// Maximum time for all templates and types together: no run fails without them.
const LIMIT: Duration = Duration::from_secs(20);
/// The divisor of the run's remaining time for them.
const PART: u32 = 4;
/// Maximum number of concurrent requests.
const PARALLEL: usize = 4;
const MIB: u64 = 1024 * 1024;

/// The shapes by the names of groups.
pub(super) type Shapes = BTreeMap<String, NodeShape>;

/// The results by name, or the messages of failures.
#[derive(Debug)]
struct Read {
    templates: BTreeMap<TemplateVersion, Result<Option<String>, String>>,
    kinds: Result<BTreeMap<String, MachineKind>, String>,
}

/// Reads the shapes. Returns them with a note on templates that could not be used, which has no other effect.
pub(super) async fn shapes(
    client: &Client,
    snapshot: &Snapshot,
    clock: &dyn Clock,
    groups: &[FoundGroup],
) -> (Shapes, Option<String>) {
    let needed: Vec<&Group> =
        groups.iter().filter(|one| is_needed(one, snapshot)).map(|one| &one.group).collect();
    if needed.is_empty() {
        return (Shapes::new(), None);
    }
    let mut read = Read { templates: BTreeMap::new(), kinds: Ok(BTreeMap::new()) };
    let limit = LIMIT.min(clock.left().unsigned_abs() / PART);
    let in_time = tokio::time::timeout(limit, read_all(client, &needed, &mut read)).await.is_ok();
    let (mut shapes, mut failed) = (Shapes::new(), Vec::new());
    for group in needed {
        match shape(group, &read) {
            Ok(shape) => {
                shapes.insert(group.name.clone(), shape);
            }
            Err(_) if !in_time => failed.push((&*group.name, "there was no time for it".to_owned())),
            Err(why) => failed.push((&*group.name, why)),
        }
    }
    (shapes, note(&failed))
}

/// One sentence on all groups whose launch template could not be used.
fn note(failed: &[(&str, String)]) -> Option<String> {
    let (group, why) = failed.first()?;
    let groups = match failed.len() {
        1 => format!("Auto Scaling group {group}"),
        several => format!("{several} Auto Scaling groups, {group} among them,"),
    };
    Some(format!(
        "the launch template of {groups} cannot be used, so only tags and nodes describe a new node: {why}"
    ))
}

/// Whether the launch template is needed: the group may grow, has no Ready node, and its tags have no size.
fn is_needed(found: &FoundGroup, snapshot: &Snapshot) -> bool {
    let FoundGroup { group, facts } = found;
    let own: BTreeSet<&InstanceId> = group.instances.iter().map(|one| &one.id).collect();
    let is_ready = |node: &Node| node.ready.is_some_and(|condition| condition.ready);
    let of_group = |node: &&Node| instance_of::<InstanceId>(node).is_some_and(|id| own.contains(&id));
    !group.sources.is_empty()
        && !has_size(group)
        && rules::not_growable(group, &facts.refresh).is_none()
        && !snapshot.nodes().iter().filter(|node| is_ready(node)).any(|node| of_group(&node))
}

/// Reads each template and each type once.
async fn read_all(client: &Client, groups: &[&Group], read: &mut Read) {
    let sources = || groups.iter().flat_map(|group| &group.sources);
    let versions: BTreeSet<&TemplateVersion> = sources()
        .filter_map(|source| match source {
            Source::Template(version) => Some(version),
            Source::Kind(_) | Source::Requirements => None,
        })
        .collect();
    let asked: Vec<_> = versions.iter().map(|version| client.kind_of_template(version)).collect();
    let answers: Vec<_> = stream::iter(asked).buffered(PARALLEL).collect().await;
    let answers = answers.into_iter().map(|answer| answer.map_err(|error| error.message));
    read.templates = versions.into_iter().cloned().zip(answers).collect();
    let kinds = sources().filter_map(|source| match source {
        Source::Kind(kind) => Some(kind.as_str()),
        Source::Template(version) => read.templates.get(version)?.as_ref().ok()?.as_deref(),
        Source::Requirements => None,
    });
    let kinds: BTreeSet<&str> = kinds.collect();
    if kinds.is_empty() {
        return;
    }
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let kinds = client.machine_kinds(&kinds).await.map_err(|error| error.message);
    read.kinds = kinds.map(|kinds| kinds.into_iter().map(|kind| (kind.name.clone(), kind)).collect());
}

fn shape(group: &Group, read: &Read) -> Result<NodeShape, String> {
    let mut kinds: BTreeMap<&str, &MachineKind> = BTreeMap::new();
    for source in &group.sources {
        let name = match source {
            Source::Kind(kind) => kind,
            Source::Requirements => return Err("it names no type, but requirements of one".to_owned()),
            Source::Template(version) => {
                let answer = read.templates.get(version).ok_or("there is no answer")?;
                let kind = answer.as_ref().map_err(Clone::clone)?;
                let (template, version) = (version.name(), &version.version);
                kind.as_ref().ok_or_else(|| {
                    format!("launch template {template} version {version} names no type of instances")
                })?
            }
        };
        let known = read.kinds.as_ref().map_err(Clone::clone)?;
        let kind = known.get(name).ok_or_else(|| format!("EC2 does not show the type {name}"))?;
        kinds.insert(name, kind);
    }
    let sizes = kinds.values().map(|kind| kind.hardware.node(reserved(kind), kind.pods));
    let size =
        sizes.reduce(|smallest, size| smallest.smaller(&size)).ok_or("it names no type of instances")?;
    let mut architectures = kinds.values().map(|kind| kind.is_arm);
    let first = architectures.next().flatten();
    let same = architectures.all(|other| other == first);
    let only = kinds.keys().next().filter(|_| kinds.len() == 1);
    Ok(NodeShape {
        size,
        kind: only.map(|kind| (*kind).to_owned()),
        architecture: first.filter(|_| same).map(|is_arm| if is_arm { "arm64" } else { "amd64" }),
    })
}

/// The amounts that EKS's images reserve: 255 MiB and 11 MiB for each pod; of the processors 6 % of the first, 1 % of the
/// second, 0.5 % of the next two and 0.25 % of each further one.
fn reserved(kind: &MachineKind) -> Reserved {
    let memory = kind.pods.saturating_mul(11).saturating_add(255).saturating_mul(MIB);
    let cpus = kind.hardware.cpus;
    let parts = [(1, 240), (1, 40), (2, 20), (u64::MAX, 10)];
    let (mut left, mut quarters) = (cpus, 0_u64);
    for (number, each) in parts {
        let some = left.min(number);
        quarters = quarters.saturating_add(some.saturating_mul(each));
        left -= some;
    }
    Reserved {
        cpu: Millicores(quarters.div_ceil(4)),
        memory: Bytes(memory),
        eviction: Eviction::Bytes(EVICTION),
    }
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_join::Hardware;

    use super::*;

    #[test]
    fn eks_reserves_by_processors_and_pods() {
        let kind = |cpus, pods| MachineKind {
            name: String::new(),
            hardware: Hardware { memory_mib: 1, cpus, gpus: 0 },
            is_arm: None,
            pods,
        };
        // The amounts that an EKS node of this size reserves: 60, 70, 80 and 110 millicores.
        for (cpus, cpu) in [(1, 60), (2, 70), (4, 80), (16, 110)] {
            assert_eq!(reserved(&kind(cpus, 58)).cpu, Millicores(cpu), "{cpus}");
        }
        // 255 + 11 * 58 MiB.
        assert_eq!(reserved(&kind(4, 58)).memory, Bytes(893 * MIB));
    }
}
