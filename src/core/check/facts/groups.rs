//! Section 14: the one pool that a node group belongs to.

use std::collections::BTreeMap;

use super::NodeFacts;
use crate::model::NodeGroup;
use crate::policy::Policy;

/// The pool of each group that has managed nodes: that of most of them, of equal ones the first by name.
pub(super) fn pools<'a>(nodes: &[NodeFacts<'a>]) -> BTreeMap<&'a str, &'a str> {
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.managed) {
        if let Some(group) = &node.node.group {
            *numbers.entry((group, node.pool)).or_default() += 1;
        }
    }
    let mut found: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for ((group, pool), number) in numbers {
        let most = found.entry(group).or_insert((pool, number));
        if number > most.1 {
            *most = (pool, number);
        }
    }
    found.into_iter().map(|(group, (pool, _))| (group, pool)).collect()
}

/// The pool of a group without managed nodes: the one of its template's label; else the one that `NODE_GROUPS` names, by the
/// group's whole name before a part of it.
pub(super) fn pool_of_empty<'a>(group: &'a NodeGroup, label: &str, policy: &'a Policy) -> Option<&'a str> {
    if let Some(pool) = group.template.as_ref().and_then(|template| template.labels.get(label)) {
        return Some(pool);
    }
    let setting = policy.group_pools.iter();
    let fits = setting.filter_map(|(part, pool)| Some((!names(part, &group.name)?, pool.as_str())));
    // `min_by_key` returns the first of equal ones.
    fits.min_by_key(|(only_a_part, _)| *only_a_part).map(|(_, pool)| pool)
}

/// Whether a part of `NODE_GROUPS` is the whole name of a group; `None` if it does not name the group. It names the group if
/// it is a word of the name, or some words in a row; words have hyphens between them. A place in it must be the group's.
fn names(part: &str, group: &str) -> Option<bool> {
    let split = |text: &'_ str| text.rfind('/').map_or(0, |at| at + 1);
    let (part_name, group_name) = (part.get(split(part)..)?, group.get(split(group)..)?);
    let place = part.get(..split(part)).filter(|place| !place.is_empty());
    if place.is_some_and(|place| group.get(..split(group)) != Some(place)) {
        return None;
    }
    let words: Vec<&str> = group_name.split('-').collect();
    let wanted: Vec<&str> = part_name.split('-').collect();
    let in_a_row = words.windows(wanted.len()).any(|some| some == wanted);
    in_a_row.then_some(words.len() == wanted.len())
}
