//! The pools of a cluster, and the pool of each node and node group (section 14).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Node, NodeGroup, NodeIndex, Snapshot};
use crate::policy::{Policy, PoolName};

/// The index of a pool in [`Pools::names`].
pub(crate) type PoolIndex = usize;

/// The pools of a cluster.
#[derive(Debug)]
pub(super) struct Pools {
    /// The names of the pools, sorted.
    pub(super) names: Vec<PoolName>,
    /// The pool of each node group, in the snapshot's order.
    pub(super) of_groups: Vec<Option<PoolIndex>>,
}

impl Pools {
    /// The pools of managed nodes and of node groups without any.
    pub(super) fn new(snapshot: &Snapshot, policy: &Policy, is_managed: impl Fn(NodeIndex) -> bool) -> Self {
        let Some(label) = &policy.pool_label else {
            return Self { names: vec![PoolName::new()], of_groups: vec![Some(0); snapshot.groups().len()] };
        };
        let managed = || {
            let nodes = snapshot.nodes().iter().enumerate().filter(|(index, _)| is_managed(*index));
            nodes.filter_map(|(_, node)| Some((node, node.labels.get(label)?)))
        };
        let mut names: BTreeSet<&str> = managed().map(|(_, pool)| pool).collect();
        let mut votes: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (node, pool) in managed() {
            if let Some(group) = &node.group {
                *votes.entry(group).or_default().entry(pool).or_default() += 1;
            }
        }
        let of_groups: Vec<Option<&str>> = snapshot
            .groups()
            .iter()
            .map(|group| match votes.get(group.name.as_str()) {
                Some(votes) => most(votes),
                None => of_empty_group(group, label, policy),
            })
            .collect();
        names.extend(of_groups.iter().flatten());
        let names: Vec<PoolName> = names.into_iter().map(str::to_owned).collect();
        let of_groups = of_groups.into_iter().map(|pool| index(&names, pool?)).collect();
        Self { names, of_groups }
    }

    /// The pool of a node; the first one for a node that belongs to none.
    pub(super) fn of(&self, node: &Node, policy: &Policy) -> PoolIndex {
        let name = policy.pool_label.as_ref().and_then(|label| node.labels.get(label));
        name.and_then(|name| index(&self.names, name)).unwrap_or(0)
    }
}

fn index(names: &[PoolName], name: &str) -> Option<PoolIndex> {
    names.binary_search_by(|one| one.as_str().cmp(name)).ok()
}

/// The pool with most votes, of equal ones the first by name.
fn most<'a>(votes: &BTreeMap<&'a str, usize>) -> Option<&'a str> {
    votes.iter().rev().max_by_key(|(_, nodes)| **nodes).map(|(pool, _)| *pool)
}

/// The pool that the template of a group names, or else `NODE_GROUPS=pool=group`.
fn of_empty_group<'a>(group: &'a NodeGroup, label: &str, policy: &'a Policy) -> Option<&'a str> {
    let by_template = group.template.as_ref().and_then(|template| template.labels.get(label));
    let named = || {
        let parts = || policy.group_pools.iter();
        let whole = parts().find(|(part, _)| means(part, &group.name, |name, part| name == part));
        whole.or_else(|| parts().find(|(part, _)| means(part, &group.name, has_segment)))
    };
    by_template.or_else(|| named().map(|(_, pool)| pool.as_str()))
}

/// Whether a part of `NODE_GROUPS`, with a place or without, means a group.
fn means(part: &str, group: &str, is_named: impl Fn(&str, &str) -> bool) -> bool {
    let (place, name) = group.rsplit_once('/').unwrap_or(("", group));
    let (wanted, part) = part.rsplit_once('/').map_or((None, part), |(wanted, part)| (Some(wanted), part));
    wanted.is_none_or(|wanted| wanted == place) && is_named(name, part)
}

/// Whether `part` is in `name` between hyphens or its ends: `users` is in `gke-hub-users-grp`, not in `superusers`.
fn has_segment(name: &str, part: &str) -> bool {
    format!("-{name}-").contains(&format!("-{part}-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Membership, NodeTemplate};
    use crate::plan::fixture::{cluster, labelled, named};

    fn policy() -> Policy {
        Policy { pool_label: Some("pool".into()), ..Policy::default() }
    }

    fn pools(groups: Vec<NodeGroup>, policy: &Policy) -> Pools {
        let in_pool = |name: &str, pool: &str| Node { name: name.into(), ..labelled("pool", pool) };
        let nodes = vec![in_pool("n1", "user"), in_pool("n2", "gpu"), in_pool("n3", "user"), named("n4")];
        let member =
            |group: Option<&str>| Membership { group: group.map(str::to_owned), ..Membership::default() };
        let memberships =
            vec![member(Some("z/mixed")), member(Some("z/mixed")), member(Some("z/mixed")), member(None)];
        let snapshot = cluster(nodes, vec![]).with_groups(groups, memberships);
        Pools::new(&snapshot, policy, |index| crate::plan::is_managed(&snapshot.nodes()[index], policy))
    }

    fn group(name: &str) -> NodeGroup {
        NodeGroup { name: name.into(), ..NodeGroup::default() }
    }

    #[test]
    fn without_the_label_there_is_one_pool_with_the_empty_name() {
        let pools = pools(vec![group("z/mixed")], &Policy::default());
        assert_eq!((pools.names, pools.of_groups), (vec![String::new()], vec![Some(0)]));
    }

    #[test]
    fn a_group_belongs_to_the_pool_of_most_of_its_nodes_or_that_its_template_or_the_setting_names() {
        let labels = [("pool".to_owned(), "large".to_owned())].into();
        let template = Some(NodeTemplate { labels, ..NodeTemplate::default() });
        let groups = vec![
            NodeGroup { template, ..group("z/a-template") },
            group("z/b-gke-extra-grp"),
            group("z/c-unknown"),
            group("z/mixed"),
        ];
        let setting = [("extra".to_owned(), "extra".to_owned())].into();
        let pools = pools(groups, &Policy { group_pools: setting, ..policy() });
        assert_eq!(pools.names, ["extra", "gpu", "large", "user"]);
        assert_eq!(pools.of_groups, [Some(2), Some(0), None, Some(3)]);
    }

    #[test]
    fn of_pools_with_equally_many_nodes_of_a_group_the_first_by_name_has_it() {
        assert_eq!(most(&[("b", 2), ("a", 2), ("c", 1)].into()), Some("a"));
    }

    #[test]
    fn a_part_of_a_name_means_a_group_as_elsewhere_in_node_groups() {
        for (part, group, segment) in [
            ("users", "z1/gke-users-grp", true),
            ("z1/users", "z1/gke-users-grp", true),
            ("z2/users", "z1/gke-users-grp", false),
            ("users", "z1/superusers", false),
        ] {
            assert_eq!(means(part, group, has_segment), segment, "{part} {group}");
        }
    }
}
