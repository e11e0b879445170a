//! The next node of each group, by its instance template.
//!
//! ```text
//!   group --> instance template --> kube-env: labels, taints, what is reserved --+
//!                     |                                                          +--> NodeTemplate
//!                     +--> machine type: processors, memory, devices ------------+
//! ```
//!
//! The size is an estimate, and with a too large one a run would create a node that fits no pod. So it is used only if
//! the reserved amounts are known and no Ready node of the group has that machine type: the amounts of such a node are
//! measured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube_rebalancer_core::model::{Labels, Node, NodeTemplate, Snapshot};
use kube_rebalancer_join::{Hardware, NodeSize, instance_of};
use kube_rebalancer_ports::Clock;

use super::find::{FoundGroup, side_by_side};
use super::kube_env::KubeEnv;
use crate::engine::{ComputeEngine, Group, InstanceTemplate, MachineType};
use crate::name::{InstanceId, Location, MachineTypeId, TemplateId, Zone};

/// Maximum time for all templates and machine types together: no run fails without them.
const LIMIT: Duration = Duration::from_secs(20);

/// The divisor of the run's remaining time for them.
const PART: u32 = 4;

/// The default number of pods of a node: the kubelet's own limit.
const PODS: u64 = 110;

/// The label that names a node's machine type.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// The results by name, or the messages of failures.
#[derive(Debug, Default)]
struct Read {
    templates: BTreeMap<TemplateId, Result<InstanceTemplate, String>>,
    machine_types: BTreeMap<MachineTypeId, Result<MachineType, String>>,
}

/// Adds its template to each group. Returns a note on templates that could not be read, which has no other effect.
pub(super) async fn find_templates(
    engine: &dyn ComputeEngine,
    snapshot: &Snapshot,
    clock: &dyn Clock,
    groups: &mut [FoundGroup],
) -> Option<String> {
    let mut read = Read::default();
    let limit = LIMIT.min(clock.left().unsigned_abs() / PART);
    let in_time = tokio::time::timeout(limit, read_all(engine, groups, &mut read)).await.is_ok();
    let nodes: BTreeMap<InstanceId, &Node> =
        snapshot.nodes().iter().filter_map(|node| Some((instance_of(node)?, node))).collect();
    let mut failed: Vec<(String, String)> = Vec::new();
    for found in groups {
        let Some(id) = &found.group.template else { continue };
        let answer = read.templates.get(id).cloned().unwrap_or_else(|| Err(late(in_time)));
        match answer.and_then(|template| node_template(found, &template, &read, &nodes, in_time)) {
            Ok(template) => found.template = template,
            Err(why) => failed.push((found.group.id.to_string(), why)),
        }
    }
    note(&failed)
}

fn late(in_time: bool) -> String {
    let words = if in_time { "there is no answer" } else { "there was no time for it" };
    words.to_owned()
}

/// One sentence on all groups whose template could not be read.
fn note(failed: &[(String, String)]) -> Option<String> {
    let (group, why) = failed.first()?;
    let groups = match failed.len() {
        1 => format!("node group {group}"),
        several => format!("{several} node groups, {group} among them,"),
    };
    Some(format!(
        "the instance template of {groups} cannot be used, so the existing nodes describe a new node: {why}"
    ))
}

/// Reads each template and each machine type once.
async fn read_all(engine: &dyn ComputeEngine, groups: &[FoundGroup], read: &mut Read) {
    let ids: BTreeSet<TemplateId> = groups.iter().filter_map(|found| found.group.template.clone()).collect();
    let answers = side_by_side(ids.iter().map(|id| engine.template(id)).collect()).await;
    let answers = answers.into_iter().map(|answer| answer.map_err(|error| error.to_string()));
    read.templates = ids.iter().cloned().zip(answers).collect();
    let needed = groups.iter().filter_map(|found| {
        let template = read.templates.get(found.group.template.as_ref()?)?.as_ref().ok()?;
        template.kube_env.as_ref()?;
        machine_type_id(&found.group, template).ok()
    });
    let needed: BTreeSet<MachineTypeId> = needed.collect();
    let answers = side_by_side(needed.iter().map(|id| engine.machine_type(id)).collect()).await;
    let answers = answers.into_iter().map(|answer| answer.map_err(|error| error.to_string()));
    read.machine_types = needed.iter().cloned().zip(answers).collect();
}

/// The machine type of a group's instances, in its zone or the first of its zones.
fn machine_type_id(group: &Group, template: &InstanceTemplate) -> Result<MachineTypeId, String> {
    let zone: &Zone = match group.id.location() {
        Location::Zone(zone) => zone,
        Location::Region(_) => group.zones.first().ok_or("the zones of the group are not known")?,
    };
    let project = group.id.project().clone();
    MachineTypeId::new(project, zone.clone(), &template.machine_type).map_err(|error| error.to_string())
}

/// The node of a template; `None` for an instance that GKE does not set up.
fn node_template(
    found: &FoundGroup,
    template: &InstanceTemplate,
    read: &Read,
    nodes: &BTreeMap<InstanceId, &Node>,
    in_time: bool,
) -> Result<Option<NodeTemplate>, String> {
    let Some(text) = &template.kube_env else { return Ok(None) };
    let env = KubeEnv::parse(text).map_err(|why| format!("its kube-env: {why}"))?;
    let id = machine_type_id(&found.group, template)?;
    let machine = read.machine_types.get(&id).cloned().unwrap_or_else(|| Err(late(in_time)))?;
    let mut result = NodeTemplate {
        labels: labels(&found.group, template, &machine, &env),
        taints: env.taints.clone(),
        ..NodeTemplate::default()
    };
    if let (Some(reserved), "linux", false) = (env.reserved, &*env.os, found.group.mixed_machine_types)
        && !is_measured(found, &template.machine_type, nodes)
    {
        let gpus = template.gpus.max(machine.gpus);
        let hardware = Hardware { memory_mib: machine.memory_mib, cpus: machine.cpus, gpus };
        let NodeSize { allocatable, capacity } = hardware.node(reserved, env.pods.unwrap_or(PODS));
        (result.allocatable, result.capacity) = (allocatable, capacity);
    }
    Ok(Some(result))
}

/// The labels of `kube-env`, and the labels that the cloud's own controller adds to each node.
fn labels(group: &Group, template: &InstanceTemplate, machine: &MachineType, env: &KubeEnv) -> Labels {
    let mut labels = env.labels.clone();
    let mut add = |key: &str, value: &str| labels.insert_missing(key, value);
    add("kubernetes.io/os", &env.os);
    if !group.mixed_machine_types {
        add("kubernetes.io/arch", if machine.is_arm { "arm64" } else { "amd64" });
        add(INSTANCE_TYPE, &template.machine_type);
    }
    match group.id.location() {
        Location::Zone(zone) => {
            add("topology.kubernetes.io/region", zone.region().as_str());
            add("topology.gke.io/zone", zone.as_str());
        }
        Location::Region(region) => add("topology.kubernetes.io/region", region.as_str()),
    }
    labels
}

/// Whether a Ready node of the group has that machine type, or an unknown one.
fn is_measured(found: &FoundGroup, machine_type: &str, nodes: &BTreeMap<InstanceId, &Node>) -> bool {
    let own = found.instances.iter().filter_map(|one| nodes.get(&one.managed.instance));
    own.filter(|node| node.ready.is_some_and(|condition| condition.ready))
        .any(|node| node.labels.get(INSTANCE_TYPE).is_none_or(|label| label == machine_type))
}
