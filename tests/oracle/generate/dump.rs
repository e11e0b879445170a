//! A random world as files: the input of `kube-rebalancer --from FILE --at TIME`, and the settings.
//!
//! A file has neither node groups nor the notes of earlier runs, so a failure that needs them only shows in the lines
//! above the dump.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use kube_rebalancer_core::model::{
    Affinity, Amounts, Node, NodeResources, Operator, Pod, Requirement, SelectorTerm, Stay, Taint,
    TaintEffect, TolerableValue, Toleration,
};
use kube_rebalancer_core::policy::{AdoptCordons, Budget, CapacitySource, Policy};
use serde_json::{Map, Value, json};

use super::{NOW, World};

impl World {
    /// The cluster as a `List`, and the settings as lines of `settings.env`.
    pub(crate) fn dump(&self) -> String {
        let nodes = self.cluster.nodes.iter().map(node);
        let items: Vec<Value> = nodes.chain(self.cluster.pods.iter().map(pod)).collect();
        let list = without_nulls(json!({ "apiVersion": "v1", "kind": "List", "items": items }));
        format!(
            "# cluster.json, to be read with --at {NOW}\n{list}\n# settings.env\n{}",
            settings(&self.policy)
        )
    }
}

fn time(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}

/// Removes nulls, because an API server leaves such fields out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn node(node: &Node) -> Value {
    let condition = node.ready.map(|condition| {
        let status = if condition.ready { "True" } else { "False" };
        json!({ "type": "Ready", "status": status, "lastTransitionTime": time(condition.since) })
    });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": node.uid,
            "creationTimestamp": time(node.created_at),
            "deletionTimestamp": node.deleting.then(|| NOW.to_string()),
            "labels": node.labels.iter().collect::<BTreeMap<_, _>>(),
            "annotations": node.annotations,
        },
        "spec": { "unschedulable": node.unschedulable, "taints": node.taints.iter().map(taint).collect::<Vec<_>>() },
        "status": {
            "conditions": condition.into_iter().collect::<Vec<_>>(),
            "allocatable": resources(&node.allocatable),
            "capacity": resources(&node.capacity),
        },
    })
}

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

fn taint(taint: &Taint) -> Value {
    json!({ "key": taint.key, "value": taint.value, "effect": effect(taint.effect), "timeAdded": time(taint.added_at) })
}

fn resources(resources: &NodeResources) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, amount: Option<String>| {
        if let Some(amount) = amount {
            map.insert(name.to_owned(), Value::String(amount));
        }
    };
    put("memory", resources.memory.map(|memory| memory.0.to_string()));
    put("cpu", resources.cpu.map(|cpu| format!("{}m", cpu.0)));
    put("pods", resources.pods.map(|pods| pods.to_string()));
    for (name, amount) in resources.further.iter().flat_map(|further| further.iter()) {
        put(name, Some(amount.to_string()));
    }
    Value::Object(map)
}

fn pod(pod: &Pod) -> Value {
    let mut annotations = Map::new();
    let mut note = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            annotations.insert(key.to_owned(), Value::String(value));
        }
    };
    note("kubernetes.io/config.mirror", pod.mirror.then(|| "1".to_owned()));
    note("cluster-autoscaler.kubernetes.io/daemonset-pod", pod.daemonset_pod.then(|| "true".to_owned()));
    note("cluster-autoscaler.kubernetes.io/safe-to-evict", pod.safe_to_evict.map(|safe| safe.to_string()));
    for stay in Stay::ALL {
        note(stay.key(), (pod.do_not_disrupt == Some(stay)).then(|| "true".to_owned()));
    }
    let owners = pod.controller.iter().map(|owner| {
        let version = match owner.group.as_deref() {
            None | Some("") => "v1".to_owned(),
            Some(group) => format!("{group}/v1"),
        };
        json!({ "apiVersion": version, "kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": true })
    });
    let labels: Map<String, Value> =
        pod.label_keys.iter().map(|key| (key.to_string(), Value::String(String::new()))).collect();
    let claims = pod
        .claims
        .iter()
        .map(|claim| json!({ "name": &**claim, "persistentVolumeClaim": { "claimName": &**claim } }));
    let local = pod.local_volume.iter().map(|name| json!({ "name": &**name, "emptyDir": {} }));
    let unbound = pod.unbound.as_deref();
    let affinity = pod.constraints.affinity.as_ref().map(|affinity| {
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms(affinity) } })
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": &*pod.name,
            "namespace": &*pod.namespace,
            "uid": unbound.map(|unbound| &*unbound.uid),
            "creationTimestamp": unbound.and_then(|unbound| time(unbound.created_at)),
            "deletionTimestamp": pod.deleting.then(|| NOW.to_string()),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": owners.collect::<Vec<_>>(),
        },
        "spec": {
            "nodeName": pod.node_name.as_deref(),
            "priority": pod.priority,
            "terminationGracePeriodSeconds": if pod.ends_at_once { 0 } else { 30 },
            "nodeSelector": pod.constraints.node_selector,
            "affinity": affinity,
            "tolerations": pod.constraints.tolerations.iter().map(toleration).collect::<Vec<_>>(),
            "volumes": claims.chain(local).collect::<Vec<_>>(),
            "schedulingGates": unbound.filter(|unbound| unbound.gated).map(|_| json!([{ "name": "gate" }])),
            "containers": [{
                "name": "main",
                "resources": { "requests": requests(&pod.requests) },
                "ports": pod.bound_by.map(|_| json!([{ "containerPort": 80, "hostPort": 80 }])),
            }],
        },
        "status": status(pod),
    })
}

fn status(pod: &Pod) -> Value {
    let Some(unbound) = pod.unbound.as_deref() else {
        let ready = if pod.ready { "True" } else { "False" };
        return json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] });
    };
    let refused = unbound.refusal.as_ref().map(|refusal| {
        json!({
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": *refusal.message,
            "lastTransitionTime": time(refusal.since),
        })
    });
    json!({
        "phase": "Pending",
        "nominatedNodeName": unbound.nominated.as_deref(),
        "conditions": refused.into_iter().collect::<Vec<_>>(),
    })
}

fn requests(amounts: &Amounts) -> Value {
    let mut map = Map::new();
    map.insert("memory".to_owned(), Value::String(amounts.memory.0.to_string()));
    map.insert("cpu".to_owned(), Value::String(format!("{}m", amounts.cpu.0)));
    for (name, amount) in amounts.further() {
        map.insert(name.to_string(), Value::String(amount.to_string()));
    }
    Value::Object(map)
}

fn toleration(one: &Toleration) -> Value {
    let (operator, value) = match &one.value {
        TolerableValue::Any => ("Exists", None),
        TolerableValue::Equal(value) => ("Equal", Some(value.clone())),
        TolerableValue::Above(bound) => ("Gt", Some(bound.to_string())),
        TolerableValue::Below(bound) => ("Lt", Some(bound.to_string())),
    };
    json!({ "key": one.key, "operator": operator, "value": value, "effect": one.effect.map(effect) })
}

fn terms(affinity: &Affinity) -> Value {
    let term = |term: &SelectorTerm| {
        let list = |list: &[Requirement]| list.iter().map(requirement).collect::<Vec<_>>();
        json!({ "matchExpressions": list(&term.labels), "matchFields": list(&term.fields) })
    };
    json!({ "nodeSelectorTerms": affinity.0.iter().map(term).collect::<Vec<_>>() })
}

fn requirement(one: &Requirement) -> Value {
    let (operator, values) = match &one.operator {
        Operator::In(values) => ("In", values.clone()),
        Operator::NotIn(values) => ("NotIn", values.clone()),
        Operator::Exists => ("Exists", Vec::new()),
        Operator::DoesNotExist => ("DoesNotExist", Vec::new()),
        Operator::Gt(bound) => ("Gt", vec![bound.to_string()]),
        Operator::Lt(bound) => ("Lt", vec![bound.to_string()]),
        Operator::Unknown => ("Unknown", Vec::new()),
    };
    json!({ "key": one.key, "operator": operator, "values": values })
}

fn settings(policy: &Policy) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            writeln!(text, "{name}={value}").unwrap();
        }
    };
    let with_pools = |of: &dyn Fn(&kube_rebalancer_core::policy::Bounds) -> String| {
        let pools = policy.pool_bounds.iter().map(|(pool, bounds)| format!(":{pool}={}", of(bounds)));
        format!("{}{}", of(&policy.bounds), pools.collect::<String>())
    };
    let joined =
        |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(":");
    let seconds = |duration: jiff::SignedDuration| format!("{}s", duration.as_secs());
    line("MIN_UTILIZATION", with_pools(&|bounds| bounds.min_utilization.to_string()));
    line("OPTIMAL_UTILIZATION", with_pools(&|bounds| bounds.optimal_utilization.to_string()));
    line("MAX_UTILIZATION", with_pools(&|bounds| bounds.max_utilization.to_string()));
    line("MIN_NODES", with_pools(&|bounds| bounds.min_nodes.to_string()));
    // A MAX_NODES in the file counts as set.
    if policy.bounds.max_nodes_set || policy.bounds.max_nodes != Policy::default().bounds.max_nodes {
        line("MAX_NODES", with_pools(&|bounds| bounds.max_nodes.to_string()));
    }
    line("KEEP_ZONES", with_pools(&|bounds| bounds.keep_zones.to_string()));
    line("POOL_LABEL", policy.pool_label.clone().unwrap_or_default());
    line("RESOURCES", policy.resources.iter().map(ToString::to_string).collect::<Vec<_>>().join(":"));
    line("PREEMPTIBLE_LABELS", joined(&policy.preemptible_labels));
    line("OMIT_LABELS", joined(&policy.omit_labels));
    line("OMIT_NAMESPACES", joined(&policy.omit_namespaces));
    let capacity = if policy.capacity == CapacitySource::Capacity { "capacity" } else { "allocatable" };
    line("PACK", policy.pack.to_string());
    line("CAPACITY", capacity.to_owned());
    line("EMPTY_GRACE", seconds(policy.empty_grace));
    line("BOOT_GRACE", seconds(policy.boot_grace));
    line("STARTUP_TAINTS", joined(&policy.startup_taints));
    let adopt = match policy.adopt_cordons {
        AdoptCordons::Always => "true".to_owned(),
        AdoptCordons::Never => "false".to_owned(),
        AdoptCordons::After(after) => seconds(after),
    };
    line("ADOPT_CORDONS", adopt);
    let budget = |budget: Budget| match budget {
        Budget::Count(count) => count.to_string(),
        Budget::Percent { percent, .. } => format!("{percent}%"),
    };
    line("MAX_CORDONS", budget(policy.max_cordons));
    line("MAX_DELETIONS", budget(policy.max_deletions));
    line("MAX_CREATIONS", budget(policy.max_creations));
    line("MAX_UNREADY_PERCENT", policy.max_unready_percent.to_string());
    line("OK_UNREADY_NODES", policy.ok_unready_nodes.to_string());
    let selector = policy.node_selector.0.iter().filter_map(|one| match &one.operator {
        Operator::In(values) => Some(format!("{} in ({})", one.key, values.join(","))),
        _ => None,
    });
    line("NODE_SELECTOR", selector.collect::<Vec<_>>().join(","));
    text
}
