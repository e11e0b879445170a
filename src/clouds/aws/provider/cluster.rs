//! Decides which groups belong to the cluster, by their tags.
//!
//! A kubelet names its provider ID itself when it registers, and Auto Scaling shows no address that could be compared with the
//! node's name. So a node alone is not enough: without `NODE_GROUPS` a group belongs to the cluster only if a tag names it,
//! which takes a permission of AWS to set, and only if most nodes are in groups of the same cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::Group;

/// The prefixes of tag keys that name a cluster.
const PREFIXES: [&str; 2] = ["kubernetes.io/cluster/", "sigs.k8s.io/cluster-api-provider-aws/cluster/"];
/// The tags whose value names a cluster.
const KEYS: [&str; 3] = ["eks:cluster-name", "KubernetesCluster", "alpha.eksctl.io/cluster-name"];

/// The clusters that a group's tags name.
fn clusters(group: &Group) -> BTreeSet<&str> {
    let by_key =
        group.tags.keys().filter_map(|key| PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)));
    let by_value = KEYS.iter().filter_map(|key| group.tags.get(*key)).map(String::as_str);
    by_key.chain(by_value).filter(|name| !name.is_empty()).collect()
}

/// The groups of the cluster with most nodes, and the reason for each group that is left out.
pub(super) fn of_one_cluster(
    groups: Vec<Group>,
    nodes_of: impl Fn(&str) -> usize,
) -> (Vec<Group>, BTreeMap<String, String>) {
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in &groups {
        for cluster in clusters(group) {
            let count = nodes.entry(cluster).or_default();
            *count = count.saturating_add(nodes_of(&group.name));
        }
    }
    // Among equals, the first by name.
    let best = nodes.iter().max_by(|one, other| one.1.cmp(other.1).then_with(|| other.0.cmp(one.0)));
    let best = best.map(|(name, _)| (*name).to_owned());
    let (mut kept, mut left_out) = (Vec::new(), BTreeMap::new());
    for group in groups {
        let names = clusters(&group);
        let why = match &best {
            Some(best) if names.contains(best.as_str()) => None,
            Some(best) if !names.is_empty() => {
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                Some(format!("is of cluster {names} by its tags, most nodes are of {best}"))
            }
            _ => Some(
                "has no tag that names a cluster (kubernetes.io/cluster/NAME); NODE_GROUPS may name it"
                    .to_owned(),
            ),
        };
        if let Some(why) = why {
            left_out.insert(group.name, why);
        } else {
            kept.push(group);
        }
    }
    (kept, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, tags: &[(&str, &str)]) -> Group {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Group { name: name.to_owned(), tags, ..Group::default() }
    }

    #[test]
    fn a_group_is_of_the_cluster_only_by_a_tag_and_with_most_nodes() {
        let groups = vec![
            group("eks", &[("eks:cluster-name", "hub"), ("kubernetes.io/cluster/hub", "owned")]),
            group("kops", &[("KubernetesCluster", "hub")]),
            group(
                "shared",
                &[("kubernetes.io/cluster/lab", "shared"), ("kubernetes.io/cluster/hub", "shared")],
            ),
            group("database", &[("Name", "database")]),
            group("lab", &[("kubernetes.io/cluster/lab", "owned")]),
        ];
        let nodes = |name: &str| if name == "eks" { 5 } else { 1 };
        let (kept, left_out) = of_one_cluster(groups.clone(), nodes);
        assert_eq!(kept.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["eks", "kops", "shared"]);
        assert!(left_out["database"].starts_with("has no tag that names a cluster"));
        assert_eq!(left_out["lab"], "is of cluster lab by its tags, most nodes are of hub");
        let (kept, _) = of_one_cluster(groups, |name| if name == "lab" { 50 } else { 1 });
        assert_eq!(kept.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["shared", "lab"]);
    }

    #[test]
    fn without_any_tag_no_group_is_taken() {
        let (kept, left_out) = of_one_cluster(vec![group("a", &[]), group("b", &[])], |_| 3);
        assert!(kept.is_empty());
        assert_eq!(left_out.len(), 2);
    }
}
