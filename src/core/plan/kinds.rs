//! Warns where the common nodes of a cluster without pools are of several kinds (section 3): the room of one kind is no room for
//! the users of another.

use std::collections::{BTreeMap, BTreeSet};

use super::common::{Population, TaintRef, is_users};
use super::notes::Warning;
use super::survey::NodeFacts;
use super::taints::{lasting, tolerates, written};
use crate::model::Node;
use crate::policy::Policy;

/// Labels by which clouds and installers name the group of a node.
const OF_GROUPS: [&str; 8] = [
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "karpenter.sh/nodepool",
    "magnum.openstack.org/nodegroup",
    "worker.gardener.cloud/pool",
];

/// Warns of the lasting taints of common nodes that keep most users' pods away, if other common nodes have other ones.
pub(super) fn warn_of_kinds(
    nodes: &[NodeFacts<'_>],
    population: &Population<'_>,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) {
    let is_plain = |facts: &NodeFacts<'_>| facts.bare || !facts.common() || facts.node.taints.is_empty();
    if policy.pool_label.is_some() || nodes.iter().all(is_plain) {
        return;
    }
    let common = || nodes.iter().filter(|facts| facts.common()).map(|facts| facts.node);
    let all = common().count();
    let mut carriers: BTreeMap<TaintRef<'_>, Vec<&Node>> = BTreeMap::new();
    for node in common() {
        for taint in taints_of(node, policy) {
            carriers.entry(taint).or_default().push(node);
        }
    }
    let kept_away = |(key, value, effect): &TaintRef<'_>| -> usize {
        let away = population.of(0).filter(|(pod, _)| !tolerates(pod, key, value, *effect));
        away.map(|(_, pods)| pods).sum()
    };
    let some = carriers.iter().filter(|(_, members)| members.len() < all);
    // Of equal ones the first is named.
    let worst = some.map(|(taint, members)| (kept_away(taint), taint, members)).rev();
    let Some((pods @ 1.., taint, members)) = worst.max_by_key(|(pods, ..)| *pods) else { return };
    let (key, value, effect) = *taint;
    let others: Vec<&Node> = common().filter(|node| !taints_of(node, policy).contains(taint)).collect();
    warnings.push(Warning::SeveralKinds {
        taint: written(key, value, effect),
        node: members.first().map(|node| node.name.clone()).unwrap_or_default(),
        nodes: members.len(),
        pods,
        label: label_between(members, &others, key).unwrap_or_default().to_owned(),
    });
}

fn taints_of<'n>(node: &'n Node, policy: &'n Policy) -> BTreeSet<TaintRef<'n>> {
    let taints = lasting(&node.taints, policy);
    let taints = taints.map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect));
    taints.filter(|taint| !is_users(taint)).collect()
}

/// A label that all of these nodes have, and no value of which is on both sides: of the group, or named like the taint.
fn label_between<'k>(members: &[&Node], others: &[&Node], taint: &'k str) -> Option<&'k str> {
    let all_have = |nodes: &[&Node], key: &str| nodes.iter().all(|node| node.labels.get(key).is_some());
    let differs = |key: &str| {
        let values: Vec<&str> = members.iter().filter_map(|node| node.labels.get(key)).collect();
        others.iter().filter_map(|node| node.labels.get(key)).all(|value| !values.contains(&value))
    };
    let keys = OF_GROUPS.into_iter().chain([taint]);
    keys.into_iter().find(|key| all_have(members, key) && all_have(others, key) && differs(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Snapshot, Taint};
    use crate::plan::fixture::{Build, cluster, node, pod, taint, tolerating};
    use crate::plan::plan;

    const USER: &str = "hub.jupyter.org/username";

    fn of_course(name: &str, course: &str) -> Node {
        let mut node = Node { taints: vec![Taint { value: course.into(), ..taint("course") }], ..node(name) };
        node.labels.insert("course", course);
        node
    }

    fn warnings(snapshot: &Snapshot, policy: &Policy) -> Vec<String> {
        let warnings = plan(snapshot, policy).unwrap().warnings;
        let hints = warnings.iter().filter(|one| matches!(one, Warning::SeveralKinds { .. }));
        hints.map(ToString::to_string).collect()
    }

    fn policy() -> Policy {
        Policy { preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
    }

    #[test]
    fn the_label_that_separates_nodes_of_different_taints_is_advised() {
        let user = |name: &str| pod(&format!("hub/{name}")).labelled(USER).asking(4, 100);
        let dask = |name: &str| user(name).constrained(tolerating("course"));
        let nodes = |plain: Node| vec![of_course("a1", "a"), of_course("a2", "a"), plain];
        let pods = vec![dask("w1").on("a1"), dask("w2").on("a1"), dask("w3").on("a2"), user("ada").on("n1")];
        let with = |plain: Node| cluster(nodes(plain), pods.clone());
        let words = "nodes with the taint course=a:NoSchedule count as capacity for every user, but 1 user's pod does not tolerate \
                     it: 2 nodes, a1 among them; ";
        let unlabelled = format!(
            "{words}POOL_LABEL with a label by which these nodes differ from others plans them separately"
        );
        assert_eq!(warnings(&with(node("n1")), &policy()), [unlabelled]);
        let mut plain = node("n1");
        plain.labels.insert("course", "none");
        assert_eq!(
            warnings(&with(plain.clone()), &policy()),
            [format!("{words}POOL_LABEL=course plans them separately")]
        );
        let pools = Policy { pool_label: Some("course".into()), ..policy() };
        assert_eq!(warnings(&with(plain), &pools), [""; 0]);
        let all_tolerate = cluster(nodes(node("n1")), vec![dask("w1").on("a1"), dask("w2").on("n1")]);
        assert_eq!(warnings(&all_tolerate, &policy()), [""; 0]);
    }
}
