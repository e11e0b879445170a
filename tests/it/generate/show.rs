//! A random world in a few lines: only what differs from the plain case is worth reading in a failure.

use std::fmt::{self, Formatter};

use kube_rebalancer_core::model::{Instance, Node, NodeGroup, NodeResources, Pod};
use kube_rebalancer_core::policy::Policy;

use super::{NOW, World};

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter)?;
        policy(&self.policy, formatter)?;
        self.cluster.nodes.iter().try_for_each(|one| node(one, formatter))?;
        self.cluster.pods.iter().try_for_each(|one| pod(one, formatter))?;
        self.cluster.groups.iter().try_for_each(|one| group(one, formatter))?;
        writeln!(formatter, "pods seen: {}", self.cluster.pods_seen)
    }
}

fn policy(policy: &Policy, formatter: &mut Formatter<'_>) -> fmt::Result {
    let Policy { min_utilization, optimal_utilization, max_utilization, min_nodes, max_nodes, .. } = policy;
    writeln!(
        formatter,
        "band {min_utilization} {optimal_utilization} {max_utilization}, nodes {min_nodes} to {max_nodes}"
    )?;
    writeln!(
        formatter,
        "preemptible {:?}, omit {:?} in {:?}, selector {:?}, own {:?} on {:?}",
        policy.preemptible_labels,
        policy.omit_labels,
        policy.omit_namespaces,
        policy.node_selector.0,
        policy.own_pod,
        policy.own_node,
    )?;
    writeln!(
        formatter,
        "{:?}, empty grace {:?}, boot grace {:?}, adopt {}, keep zones {}, cordons {}, deletions {}, guard {} % {}, \
         groups named {}",
        policy.capacity,
        policy.empty_grace,
        policy.boot_grace,
        policy.adopt_cordons,
        policy.keep_zones,
        policy.max_cordons,
        policy.max_deletions,
        policy.max_unready_percent,
        policy.ok_unready_nodes,
        policy.node_groups_named,
    )
}

fn node(node: &Node, formatter: &mut Formatter<'_>) -> fmt::Result {
    write!(formatter, "node {}: {}", node.name, resources(&node.allocatable))?;
    if node.capacity != node.allocatable {
        write!(formatter, " (capacity {})", resources(&node.capacity))?;
    }
    match node.ready {
        Some(condition) if condition.ready => {}
        Some(condition) => write!(formatter, ", NotReady {}", age(condition.since))?,
        None => write!(formatter, ", no condition")?,
    }
    write!(formatter, ", created {}", age(node.created_at))?;
    for (what, is) in [("cordoned", node.unschedulable), ("deleting", node.deleting)] {
        write!(formatter, "{}", if is { format!(", {what}") } else { String::new() })?;
    }
    if let Some(group) = &node.group {
        write!(formatter, ", group {group}")?;
    }
    for (key, value) in node.labels.iter().filter(|(key, _)| *key != "kubernetes.io/hostname") {
        write!(formatter, ", {key}={value}")?;
    }
    for (key, value) in &node.annotations {
        write!(formatter, ", @{key}={value}")?;
    }
    for taint in &node.taints {
        write!(formatter, ", {}:{:?} {}", taint.key, taint.effect, age(taint.added_at))?;
    }
    writeln!(formatter)
}

fn pod(pod: &Pod, formatter: &mut Formatter<'_>) -> fmt::Result {
    let place = pod.node_name.as_deref().unwrap_or("no node");
    write!(formatter, "pod {}/{} on {place}: {}", pod.namespace, pod.name, pod.requests.memory.0)?;
    if pod.requests.cpu.0 > 0 {
        write!(formatter, " {}", pod.requests.cpu)?;
    }
    write!(formatter, " {:?}", pod.label_keys)?;
    match &pod.controller {
        Some(controller) => write!(formatter, " {}", controller.uid)?,
        None => write!(formatter, " bare")?,
    }
    if pod.mirror {
        write!(formatter, " mirror")?;
    }
    if let Some(safe) = pod.safe_to_evict {
        write!(formatter, " safe-to-evict={safe}")?;
    }
    if pod.local_volume.is_some() {
        write!(formatter, " local-volume")?;
    }
    if let Some(unbound) = &pod.unbound {
        let waits = if unbound.unschedulable.is_some() { " waits" } else { "" };
        let gated = if unbound.gated { " gated" } else { "" };
        write!(formatter, "{waits}{gated} {:?}", unbound.constraints)?;
    }
    writeln!(formatter)
}

fn group(group: &NodeGroup, formatter: &mut Formatter<'_>) -> fmt::Result {
    write!(formatter, "group {} in {:?}: size {}", group.name, group.zone, group.target_size)?;
    if let Some(why) = &group.not_growable {
        write!(formatter, ", {why}")?;
    }
    if let Some(why) = &group.not_shrinkable {
        write!(formatter, ", not shrunk: {why}")?;
    }
    if let Some(template) = &group.template {
        write!(formatter, ", template {}", resources(&template.allocatable))?;
        write!(formatter, " {:?} {:?}", template.labels, template.taints)?;
    }
    for Instance { name, created_at, creation_error, .. } in
        group.instances.iter().filter(|one| !one.has_node)
    {
        let error = creation_error.as_deref().unwrap_or_default();
        write!(formatter, ", {name} {} {error}", age(*created_at))?;
    }
    writeln!(formatter)
}

fn resources(resources: &NodeResources) -> String {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let memory = number(resources.memory.map(|memory| memory.0));
    format!("{memory}/{}/{}", number(resources.cpu.map(|cpu| cpu.0)), number(resources.pods))
}

fn age(moment: Option<jiff::Timestamp>) -> String {
    moment.map_or("?".to_owned(), |moment| format!("{}s", NOW.duration_since(moment).as_secs()))
}
