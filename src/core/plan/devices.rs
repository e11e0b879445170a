//! Extended resources, such as GPUs, that the other nodes of a group have (section 3). A device plugin announces them
//! minutes after its node is Ready; until then the node is useless for the pods that need the group.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::state::says_ready;
use super::taints::{lasting, pressure, startup};
use crate::model::{Amounts, FurtherAmounts, Node, NodeGroup, NodeResources, is_extended_resource};
use crate::policy::Policy;

/// The devices of the healthy nodes of each group.
#[derive(Debug, Default)]
pub(super) struct Devices<'a> {
    groups: BTreeMap<&'a str, GroupDevices>,
    /// Whether no group is known, so that the nodes of a pool are one.
    no_groups: bool,
}

#[derive(Debug, Default)]
struct GroupDevices {
    /// The devices of the group's template.
    template: Vec<Arc<str>>,
    healthy: usize,
    /// The number of healthy nodes with each resource.
    counts: BTreeMap<Arc<str>, usize>,
}

impl<'a> Devices<'a> {
    /// Counts the devices of node groups, by their templates and their managed nodes.
    pub(super) fn new(
        groups: &'a [NodeGroup],
        nodes: impl Iterator<Item = &'a Node>,
        policy: &Policy,
    ) -> Self {
        let all = groups;
        let mut groups: BTreeMap<&str, GroupDevices> = BTreeMap::new();
        for group in all {
            let template = group.template.as_ref();
            let template = template.and_then(|one| further(&one.allocatable, &one.capacity));
            let template = template.into_iter().flat_map(extended).cloned().collect();
            let known = GroupDevices { template, ..GroupDevices::default() };
            groups.insert(&group.name, known);
        }
        let mut last: Option<(&str, GroupDevices)> = None;
        for node in nodes.filter(|node| is_healthy(node, policy)) {
            let Some(group) = group_of(node, all.is_empty(), policy) else { continue };
            // Most neighbours are of one group.
            let known = match &mut last {
                Some((name, known)) if *name == group => known,
                _ => {
                    if let Some((name, known)) = last.take() {
                        groups.insert(name, known);
                    }
                    &mut last.insert((group, groups.remove(group).unwrap_or_default())).1
                }
            };
            known.healthy += 1;
            for name in further(&node.allocatable, &node.capacity).into_iter().flat_map(extended) {
                match known.counts.get_mut(name) {
                    Some(count) => *count += 1,
                    None => drop(known.counts.insert(name.clone(), 1)),
                }
            }
        }
        groups.extend(last);
        Self { groups, no_groups: all.is_empty() }
    }

    /// An extended resource that the group's template, or most of its other healthy nodes, have and the node lacks.
    ///
    /// Where no group is known, an older node that lacks it is of another kind; only a young one may still get it.
    pub(super) fn missing(&self, node: &Node, policy: &Policy, observed_at: Timestamp) -> Option<&str> {
        let is_young = |at: Timestamp| observed_at.duration_since(at) < policy.boot_grace;
        if self.no_groups && !node.created_at.is_some_and(is_young) {
            return None;
        }
        let group = self.groups.get(group_of(node, self.no_groups, policy)?)?;
        if group.template.is_empty() && group.counts.is_empty() {
            return None;
        }
        let offer = offered(&node.allocatable, &node.capacity);
        let others = group.healthy.saturating_sub(usize::from(is_healthy(node, policy)));
        let of_most = group.counts.iter().filter(|(_, count)| **count * 2 > others).map(|(name, _)| name);
        group.template.iter().chain(of_most).map(|name| &**name).find(|name| offer.further_of(name) == 0)
    }
}

/// The group of a node; where no group is known, its pool. A pool may mix kinds of nodes, so a node that a taint keeps for
/// certain pods belongs to none then.
fn group_of<'n>(node: &'n Node, no_groups: bool, policy: &Policy) -> Option<&'n str> {
    if !no_groups {
        return node.group.as_deref();
    }
    if lasting(&node.taints, policy).next().is_some() {
        return None;
    }
    match &policy.pool_label {
        Some(label) => node.labels.get(label),
        None => Some(""),
    }
}

/// Whether a node is typical of its group.
pub(super) fn is_healthy(node: &Node, policy: &Policy) -> bool {
    says_ready(node) && startup(node, policy).is_none() && pressure(node).is_none()
}

fn offered(allocatable: &NodeResources, capacity: &NodeResources) -> Amounts {
    allocatable.offer(capacity)
}

/// The extended resources of which there is an amount.
fn extended(further: &FurtherAmounts) -> impl Iterator<Item = &Arc<str>> {
    let some = further.iter().filter(|(_, amount)| **amount > 0);
    some.map(|(name, _)| name).filter(|name| is_extended_resource(name))
}

/// The further resources that a node offers.
fn further<'n>(allocatable: &'n NodeResources, capacity: &'n NodeResources) -> Option<&'n FurtherAmounts> {
    allocatable.further.as_deref().or(capacity.further.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeTemplate;
    use crate::plan::fixture::{cluster, node};

    fn gpus(count: u64) -> Option<Arc<FurtherAmounts>> {
        (count > 0).then(|| Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), count)])))
    }

    fn in_group(name: &str, count: u64) -> Node {
        let mut node = node(name);
        node.group = Some("z1/gpu".into());
        node.allocatable.further = gpus(count);
        node
    }

    fn missing_on_first(nodes: Vec<Node>, template: Option<u64>) -> Option<String> {
        let template = template.map(|count| NodeTemplate {
            allocatable: NodeResources { further: gpus(count), ..NodeResources::default() },
            ..NodeTemplate::default()
        });
        let group = NodeGroup { name: "z1/gpu".into(), template, ..NodeGroup::default() };
        let memberships = nodes.iter().map(|node| crate::model::Membership {
            group: node.group.clone(),
            ..crate::model::Membership::default()
        });
        let memberships = memberships.collect();
        let snapshot = cluster(nodes, vec![]).with_groups(vec![group], memberships);
        let policy = Policy::default();
        let devices = Devices::new(snapshot.groups(), snapshot.nodes().iter(), &policy);
        devices.missing(&snapshot.nodes()[0], &policy, snapshot.observed_at()).map(str::to_owned)
    }

    #[test]
    fn a_node_lacks_what_the_template_or_most_other_healthy_nodes_have() {
        let gpu = Some("nvidia.com/gpu".to_owned());
        let nodes = |counts: &[u64]| {
            counts.iter().enumerate().map(|(index, count)| in_group(&format!("n{index}"), *count)).collect()
        };
        assert_eq!(missing_on_first(nodes(&[0]), Some(1)), gpu);
        assert_eq!(missing_on_first(nodes(&[1]), Some(1)), None);
        assert_eq!(missing_on_first(nodes(&[0, 1]), None), gpu);
        assert_eq!(missing_on_first(nodes(&[0, 1, 0]), None), None, "half is not most");
        assert_eq!(missing_on_first(nodes(&[0, 1, 1, 0]), None), gpu);
    }

    #[test]
    fn without_a_group_a_node_lacks_nothing() {
        let mut alone = in_group("n0", 0);
        alone.group = None;
        assert_eq!(missing_on_first(vec![alone, in_group("n1", 1)], None), None);
    }
}
