//! The next node of a group, by the tags that Cluster Autoscaler reads too:
//! `k8s.io/cluster-autoscaler/node-template/label/KEY`, `…/taint/KEY` (`value:Effect`) and `…/resources/NAME`.
//!
//! A group's own nodes describe its next one; tags describe it in a group without nodes, and sizes in tags take precedence over
//! measured sizes. Amounts that no tag has come from the types of the launch template. Its user data may set labels and taints in
//! any language of any image, so it is not read: without a tag, labels and taints are unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    NodeResources, NodeTemplate, Taint, TaintEffect, parse_bytes, parse_count, parse_millicores,
};

use crate::shape::NodeShape;
use crate::types::Group;

const PREFIX: &str = "k8s.io/cluster-autoscaler/node-template/";

/// The template of a group, if its tags have one, and the problems of the tags.
pub(super) fn template(
    group: &Group,
    region: &str,
    shape: Option<&NodeShape>,
) -> (Option<NodeTemplate>, Vec<String>) {
    let mut template = NodeTemplate::default();
    let (mut further, mut odd, mut told) = (BTreeMap::new(), Vec::new(), false);
    for (key, value) in &group.tags {
        let Some(rest) = key.strip_prefix(PREFIX) else { continue };
        let read = match rest.split_once('/') {
            Some(("label", label)) => {
                template.labels.insert(label.to_owned(), value.clone());
                Ok(())
            }
            Some(("taint", key)) => taint(key, value).map(|taint| template.taints.push(taint)),
            Some(("resources", name)) => resource(&mut template.allocatable, &mut further, name, value),
            _ => continue,
        };
        told = true;
        if let Err(why) = read {
            odd.push(format!("Auto Scaling group {}: its tag {key} is left out: {why}", group.name));
        }
    }
    if !told && shape.is_none() {
        return (None, odd);
    }
    template.allocatable.further = (!further.is_empty()).then(|| Arc::new(further));
    template.capacity = template.allocatable.clone();
    template.only_size = !told;
    let mut add = |key: &str, value: &str| template.labels.insert_missing(key, value);
    if told {
        add("kubernetes.io/os", "linux");
    }
    add("topology.kubernetes.io/region", region);
    if let Some(kind) = only_kind(group).or_else(|| shape?.kind.as_deref()) {
        add("node.kubernetes.io/instance-type", kind);
    }
    if let Some(shape) = shape {
        if let Some(architecture) = shape.architecture {
            add("kubernetes.io/arch", architecture);
        }
        fill(&mut template.allocatable, &shape.size.allocatable);
        fill(&mut template.capacity, &shape.size.capacity);
    }
    (Some(template), odd)
}

/// Adds the amounts that a node does not have yet.
fn fill(amounts: &mut NodeResources, further: &NodeResources) {
    amounts.memory = amounts.memory.or(further.memory);
    amounts.cpu = amounts.cpu.or(further.cpu);
    amounts.pods = amounts.pods.or(further.pods);
    if let Some(more) = &further.further {
        let mut all = (**more).clone();
        all.extend(
            amounts
                .further
                .iter()
                .flat_map(|own| own.iter())
                .map(|(name, amount)| (Arc::clone(name), *amount)),
        );
        amounts.further = Some(Arc::new(all));
    }
}

/// Whether the tags of a group have memory and CPU of its next node.
pub(super) fn has_size(group: &Group) -> bool {
    let amounts = template(group, "", None).0.map(|template| template.allocatable);
    amounts.is_some_and(|amounts| amounts.memory.is_some() && amounts.cpu.is_some())
}

/// The type of a group's instances, if only one is possible.
fn only_kind(group: &Group) -> Option<&str> {
    let (first, rest) = group.instances.split_first()?;
    let same = !group.is_mixed && rest.iter().all(|one| one.kind == first.kind);
    first.kind.as_deref().filter(|_| same)
}

fn taint(key: &str, text: &str) -> Result<Taint, String> {
    let (value, effect) = text.split_once(':').ok_or_else(|| format!("`{text}` is not value:Effect"))?;
    let effect = match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        other => return Err(format!("`{other}` is no effect of a taint")),
    };
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect, added_at: None })
}

fn resource(
    into: &mut NodeResources,
    further: &mut BTreeMap<Arc<str>, u64>,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let told = |error: kube_rebalancer_core::model::QuantityError| error.to_string();
    match name {
        "memory" => into.memory = Some(parse_bytes(text).map_err(told)?),
        "cpu" => into.cpu = Some(parse_millicores(text).map_err(told)?),
        "pods" => into.pods = Some(parse_count(text).map_err(told)?),
        other => {
            further.insert(Arc::from(other), parse_count(text).map_err(told)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{Bytes, Millicores};

    use super::*;

    fn group(tags: &[(&str, &str)]) -> Group {
        let tags = tags.iter().map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned())).collect();
        Group { name: "users".to_owned(), tags, ..Group::default() }
    }

    #[test]
    fn tags_tell_labels_taints_and_sizes_of_a_node_that_does_not_exist_yet() {
        let group = group(&[
            ("label/hub.jupyter.org/node-purpose", "user"),
            ("taint/hub.jupyter.org/dedicated", "user:NoSchedule"),
            ("resources/memory", "60Gi"),
            ("resources/cpu", "15800m"),
            ("resources/nvidia.com/gpu", "1"),
        ]);
        let (template, odd) = template(&group, "us-east-1", None);
        let template = template.unwrap();
        assert!(odd.is_empty(), "{odd:?}");
        assert_eq!(template.labels.get("hub.jupyter.org/node-purpose"), Some("user"));
        assert_eq!(template.labels.get("topology.kubernetes.io/region"), Some("us-east-1"));
        assert_eq!(
            (&*template.taints[0].key, &*template.taints[0].value),
            ("hub.jupyter.org/dedicated", "user")
        );
        assert_eq!(template.allocatable.memory, Some(Bytes(60 << 30)));
        assert_eq!(template.allocatable.cpu, Some(Millicores(15_800)));
        assert_eq!(template.allocatable.further.unwrap()["nvidia.com/gpu"], 1);
    }

    #[test]
    fn a_tag_that_cannot_be_read_is_left_out_and_told() {
        let odd = |key, value| template(&group(&[(key, value)]), "us-east-1", None).1.concat();
        assert!(odd("taint/a", "NoSchedule").contains("`NoSchedule` is not value:Effect"));
        assert!(odd("taint/a", "b:Never").contains("`Never` is no effect"));
        assert!(odd("resources/memory", "60 GB").contains("\"60 GB\" is not a quantity"));
        assert_eq!(template(&Group::default(), "us-east-1", None), (None, Vec::new()));
    }
}
