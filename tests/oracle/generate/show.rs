//! A random world in a few lines: only what differs from the plain case is worth reading in a failure.

use std::fmt::{self, Formatter};

use kube_rebalancer_core::model::{Instance, Node, NodeGroup, NodeResources, Pod, Slot, StoredVolumes};
use kube_rebalancer_core::policy::Policy;

use super::{NOW, World};

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter)?;
        policy(&self.policy, formatter)?;
        self.cluster.nodes.iter().try_for_each(|one| node(one, formatter))?;
        self.cluster.pods.iter().try_for_each(|one| pod(one, formatter))?;
        self.cluster.groups.iter().try_for_each(|one| group(one, formatter))?;
        if !self.cluster.volumes.is_empty() {
            writeln!(formatter, "claims disk in zone-0, local on n01")?;
        }
        if *self.cluster.stored != StoredVolumes::NotListed {
            writeln!(formatter, "stored {:?}", self.cluster.stored)?;
        }
        writeln!(
            formatter,
            "ledger {:?}",
            self.cluster
                .ledger
                .as_ref()
                .map(|one| { (&one.common, one.created_for.iter().next(), &one.useless) })
        )?;
        for (pool, resource, series) in self.cluster.history.iter().flat_map(|history| history.series()) {
            let before = |slot: Slot| Slot::of(NOW).number().saturating_sub(slot.number());
            let peaks: Vec<_> = series.peaks().map(|(slot, peak)| (before(slot), peak)).collect();
            writeln!(formatter, "{pool} {resource} by slots before now {peaks:?}")?;
        }
        writeln!(formatter, "pods seen: {}, {:?}", self.cluster.pods_seen, self.fate)
    }
}

fn policy(policy: &Policy, formatter: &mut Formatter<'_>) -> fmt::Result {
    for (pool, bounds) in std::iter::once(("", &policy.bounds))
        .chain(policy.pool_bounds.iter().map(|(name, bounds)| (name.as_str(), bounds)))
    {
        writeln!(
            formatter,
            "{pool} band {} {} {}, nodes {} to {}{}, keep zones {}",
            bounds.min_utilization,
            bounds.optimal_utilization,
            bounds.max_utilization,
            bounds.min_nodes,
            bounds.max_nodes,
            if bounds.max_nodes_set { " (set)" } else { "" },
            bounds.keep_zones,
        )?;
    }
    writeln!(
        formatter,
        "pools by {:?}, {:?}, preemptible {:?}, omit {:?} in {:?}, selector {:?}, own {:?} on {:?}",
        policy.pool_label,
        policy.resources,
        policy.preemptible_labels,
        policy.omit_labels,
        policy.omit_namespaces,
        policy.node_selector.0,
        policy.own_pod,
        policy.own_node,
    )?;
    writeln!(
        formatter,
        "{:?}, empty grace {:?}, boot grace {:?}, startup {:?}, adopt {}, cordons {}, deletions {}, creations {}, \
         guard {} % {}, groups named {}, pack {}",
        policy.capacity,
        policy.empty_grace,
        policy.boot_grace,
        policy.startup_taints,
        policy.adopt_cordons,
        policy.max_cordons,
        policy.max_deletions,
        policy.max_creations,
        policy.max_unready_percent,
        policy.ok_unready_nodes,
        policy.node_groups_named,
        policy.pack,
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
    if node.outside.is_some() {
        write!(formatter, ", outside")?;
    }
    for (key, value) in node.labels.iter().filter(|(key, _)| *key != "kubernetes.io/hostname") {
        write!(formatter, ", {key}={value}")?;
    }
    for (key, value) in &node.annotations {
        write!(formatter, ", @{key}={}", since(value))?;
    }
    for taint in &node.taints {
        write!(formatter, ", {}={}:{:?} {}", taint.key, taint.value, taint.effect, age(taint.added_at))?;
    }
    writeln!(formatter)
}

fn pod(pod: &Pod, formatter: &mut Formatter<'_>) -> fmt::Result {
    let place = pod.node_name.as_deref().unwrap_or("no node");
    write!(formatter, "pod {}/{} on {place}: {}", pod.namespace, pod.name, pod.requests.memory.0)?;
    if pod.requests.cpu.0 > 0 {
        write!(formatter, " {}", pod.requests.cpu)?;
    }
    for (name, amount) in pod.requests.further() {
        write!(formatter, " {name}={amount}")?;
    }
    write!(formatter, " {:?}", pod.label_keys)?;
    match &pod.controller {
        Some(controller) => write!(formatter, " {}", controller.uid)?,
        None => write!(formatter, " bare")?,
    }
    for (word, is) in [
        ("mirror", pod.mirror),
        ("daemonset-pod", pod.daemonset_pod),
        ("do-not-disrupt", pod.do_not_disrupt.is_some()),
        ("local-volume", pod.local_volume.is_some()),
        ("ends-at-once", pod.ends_at_once),
        ("host-port", pod.bound_by.is_some()),
        ("not-ready", !pod.ready),
        ("terminating", pod.deleting),
    ] {
        write!(formatter, "{}", if is { format!(" {word}") } else { String::new() })?;
    }
    if let Some(safe) = pod.safe_to_evict {
        write!(formatter, " safe-to-evict={safe}")?;
    }
    if pod.priority != 0 {
        write!(formatter, " priority={}", pod.priority)?;
    }
    if !pod.claims.is_empty() {
        write!(formatter, " claims {:?}", pod.claims)?;
    }
    if *pod.constraints != Default::default() {
        write!(formatter, " {:?}", pod.constraints)?;
    }
    if let Some(unbound) = &pod.unbound {
        if unbound.refusal.is_some() {
            write!(formatter, " refused {}", age(unbound.refused_since()))?;
        } else {
            write!(formatter, " unbound {}", age(unbound.created_at))?;
        }
        write!(formatter, "{}", if unbound.gated { " gated" } else { "" })?;
        if let Some(node) = &unbound.nominated {
            write!(formatter, " nominated for {node}")?;
        }
    }
    writeln!(formatter)
}

fn group(group: &NodeGroup, formatter: &mut Formatter<'_>) -> fmt::Result {
    write!(
        formatter,
        "group {} in {:?} {:?}: size {}",
        group.name, group.zone, group.zones, group.target_size
    )?;
    if let Some(why) = &group.not_growable {
        write!(formatter, ", {why}")?;
    }
    if let Some(why) = &group.not_shrinkable {
        write!(formatter, ", not shrunk: {why}")?;
    }
    if let Some(template) = &group.template {
        let only_size = if template.only_size { " (only its size)" } else { "" };
        write!(formatter, ", template {}{only_size}", resources(&template.allocatable))?;
        write!(formatter, " {:?}", template.labels)?;
        for taint in &template.taints {
            write!(formatter, " {}={}", taint.key, taint.value)?;
        }
    }
    for Instance { name, created_at, creation_error, surely_no_node, .. } in
        group.instances.iter().filter(|one| !one.has_node)
    {
        let error = creation_error.as_deref().unwrap_or_default();
        write!(formatter, ", {name} {} {error} surely no node {surely_no_node}", age(*created_at))?;
    }
    writeln!(formatter)
}

fn resources(resources: &NodeResources) -> String {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let memory = number(resources.memory.map(|memory| memory.0));
    let mut text = format!("{memory}/{}/{}", number(resources.cpu.map(|cpu| cpu.0)), number(resources.pods));
    for (name, amount) in resources.further.iter().flat_map(|map| map.iter()) {
        text += &format!("/{name}={amount}");
    }
    text
}

fn since(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |moment| age(Some(moment)))
}

fn age(moment: Option<jiff::Timestamp>) -> String {
    moment.map_or("?".to_owned(), |moment| format!("{}s", NOW.duration_since(moment).as_secs()))
}
