//! Puts a list in an order in which groups take turns, for lists of which a run uses only the beginning.

use std::collections::BTreeMap;

/// The items in a new order: the first of each group, then the second of each. Groups and their items keep their order.
///
/// A user who makes any number of objects, all in one namespace, thus delays the objects of every other namespace by one each.
pub fn in_turn<T, K: Ord>(items: impl IntoIterator<Item = T>, group: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen: BTreeMap<K, usize> = BTreeMap::new();
    let mut rounds: Vec<(usize, T)> = items
        .into_iter()
        .map(|item| {
            let count = seen.entry(group(&item)).or_default();
            *count += 1;
            (*count, item)
        })
        .collect();
    rounds.sort_by_key(|(round, _)| *round);
    rounds.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_turn() {
        let items = ["a1", "a2", "a3", "b1", "c1", "c2"];
        let ordered = in_turn(items, |item| item.chars().next());
        assert_eq!(ordered, ["a1", "b1", "c1", "a2", "c2", "a3"]);
        assert_eq!(in_turn(Vec::<&str>::new(), |item| item.len()), Vec::<&str>::new());
    }
}
