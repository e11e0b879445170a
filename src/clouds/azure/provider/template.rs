//! The next node of a group, by its scale set's tags or by its agent pool.
//!
//! ```text
//!   tags k8s.io_cluster-autoscaler_node-template_{label_K, taint_K, resources_R} --+
//!   agent pool: labels, taints ----------------------------------------------------+--> NodeTemplate
//!   scale set: region, size -------------------------------------------------------+
//! ```
//!
//! The tags are Cluster Autoscaler's. Amounts that no tag has come from the size of the machines, where no node shows them. A person
//! sets labels and taints in the machines' own data, which is not read: without a tag, these are unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    NodeResources, NodeTemplate, Taint, TaintEffect, parse_bytes, parse_count, parse_millicores,
};
use kube_rebalancer_join::NodeSize;

use super::find::{FoundSet, Maker, zones};

/// The prefix of the tags. Azure allows no slash in them.
const PREFIX: &str = "k8s.io_cluster-autoscaler_node-template_";

/// The next node of a group. The error names the invalid part.
pub(super) fn node_template(
    found: &FoundSet,
    size: Option<&(NodeSize, bool)>,
) -> Result<NodeTemplate, String> {
    let FoundSet { set, maker, .. } = found;
    let mut template = NodeTemplate::default();
    let mut amounts = NodeResources::default();
    let (mut further, mut told) = (BTreeMap::new(), false);
    for (key, value) in &set.tags {
        let Some(rest) = key.strip_prefix(PREFIX) else { continue };
        let wrong = || format!("tag {key} of scale set {} is not understood: `{value}`", set.id);
        if let Some(label) = rest.strip_prefix("label_") {
            template.labels.insert(named(label), value.clone());
            told = true;
        } else if let Some(key) = rest.strip_prefix("taint_") {
            let (value, effect) = value.split_once(':').unwrap_or(("", value));
            let effect = effect_of(effect).ok_or_else(wrong)?;
            template.taints.push(Taint { key: named(key), value: value.to_owned(), effect, added_at: None });
            told = true;
        } else if let Some(resource) = rest.strip_prefix("resources_") {
            told = true;
            match resource {
                "cpu" => amounts.cpu = Some(parse_millicores(value).map_err(|_| wrong())?),
                "memory" => amounts.memory = Some(parse_bytes(value).map_err(|_| wrong())?),
                "pods" => amounts.pods = Some(parse_count(value).map_err(|_| wrong())?),
                other => {
                    further.insert(Arc::from(named(other)), parse_count(value).map_err(|_| wrong())?);
                }
            }
        }
    }
    amounts.further = (!further.is_empty()).then(|| Arc::new(further));
    (template.allocatable, template.capacity) = (amounts.clone(), amounts);
    if let Maker::Pool(pool, _) = maker {
        template.labels.extend(pool.labels.clone());
        for name in ["agentpool", "kubernetes.azure.com/agentpool"] {
            template.labels.insert(name, pool.name.as_str());
        }
        for text in &pool.taints {
            let taint =
                taint(text).ok_or_else(|| format!("taint `{text}` of its agent pool is not understood"))?;
            template.taints.push(taint);
        }
    }
    let mut add = |key: &str, value: &str| template.labels.insert_missing(key, value);
    add("node.kubernetes.io/instance-type", &set.size);
    add("topology.kubernetes.io/region", &set.location);
    if let [zone] = zones(set).as_slice() {
        add("topology.kubernetes.io/zone", zone);
    }
    if let Maker::Pool(pool, cluster) = maker {
        add("kubernetes.io/os", if pool.is_linux { "linux" } else { "windows" });
        add("kubernetes.azure.com/mode", if pool.is_system { "system" } else { "user" });
        add("kubernetes.azure.com/cluster", &cluster.node_resource_group);
        if pool.is_spot {
            add("kubernetes.azure.com/scalesetpriority", "spot");
        }
    }
    if let Some((size, is_arm)) = size {
        add("kubernetes.io/arch", if *is_arm { "arm64" } else { "amd64" });
        fill(&mut template.allocatable, &size.allocatable);
        fill(&mut template.capacity, &size.capacity);
        template.only_size = matches!(maker, Maker::Person) && !told;
    }
    Ok(template)
}

/// Adds the amounts that a node does not have yet.
fn fill(amounts: &mut NodeResources, more: &NodeResources) {
    amounts.memory = amounts.memory.or(more.memory);
    amounts.cpu = amounts.cpu.or(more.cpu);
    amounts.pods = amounts.pods.or(more.pods);
    amounts.further = amounts.further.clone().or_else(|| more.further.clone());
}

/// Whether the tags of a scale set have memory and CPU of its next node.
pub(super) fn has_size(found: &FoundSet) -> bool {
    let amounts = node_template(found, None).map(|template| template.allocatable);
    amounts.is_ok_and(|amounts| amounts.memory.is_some() && amounts.cpu.is_some())
}

/// A key in the form of Kubernetes: tags write its slash as an underscore, and an underscore as `~2`.
fn named(key: &str) -> String {
    key.replace('_', "/").replace("~2", "_")
}

fn effect_of(text: &str) -> Option<TaintEffect> {
    match text {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

/// Reads a taint of an agent pool, such as `dedicated=gpu:NoSchedule`.
fn taint(text: &str) -> Option<Taint> {
    let (rest, effect) = text.rsplit_once(':')?;
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let effect = effect_of(effect)?;
    (!key.is_empty()).then(|| Taint { key: key.to_owned(), value: value.to_owned(), effect, added_at: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taint_of_a_pool_is_read_whole_or_not_at_all() {
        let read = |text: &str| taint(text).map(|taint| (taint.key, taint.value, taint.effect));
        let gpu = ("sku".to_owned(), "gpu".to_owned(), TaintEffect::NoSchedule);
        assert_eq!(read("sku=gpu:NoSchedule"), Some(gpu));
        assert_eq!(
            read("soft:PreferNoSchedule"),
            Some(("soft".into(), String::new(), TaintEffect::PreferNoSchedule))
        );
        for text in ["", "a", "a=b", "a=b:NoWay", "=b:NoSchedule", ":NoSchedule"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_of_a_tag_has_its_slash_again() {
        assert_eq!(named("hub.jupyter.org_node-purpose"), "hub.jupyter.org/node-purpose");
        assert_eq!(named("node~2purpose"), "node_purpose");
    }
}
