//! Section 2: no data of a volume is lost with the disk of a node.

use std::collections::BTreeMap;

use super::facts::{Facts, NodeFacts, names_host};
use super::violation::Violation;
use crate::model::{Affinity, Node, Operator, STORAGE_LABELS, STORAGELESS, StoredVolumes, is_label_of_place};

/// Whether a volume would be lost with its disk. Such a node is not drained either.
pub(super) fn check_disk(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let labelled = |(key, value): (&str, &str)| node.node.labels.get(key).is_some_and(|one| one == value);
    if let Some((label, _)) = STORAGE_LABELS.into_iter().find(|one| labelled(*one) && !labelled(STORAGELESS))
    {
        found.push(Violation::DeleteLosesVolume { node: node.name(), volume: label.to_owned() });
    }
    match &**facts.snapshot.stored_volumes() {
        StoredVolumes::NotListed => {}
        StoredVolumes::Unknown { .. } => {
            found.push(Violation::DeleteWithUnknownVolumes { node: node.name() });
        }
        StoredVolumes::Listed(volumes) => {
            let (nodes, mut counts) = (facts.snapshot.nodes(), Counts::new());
            let on_it = volumes.iter().filter(|volume| {
                names_host(&volume.affinity, node.node)
                    || is_numbered(&volume.affinity, node.node, nodes, &mut counts)
            });
            found.extend(on_it.map(|volume| Violation::DeleteLosesVolume {
                node: node.name(),
                volume: volume.name.clone(),
            }));
        }
    }
}

/// The number of nodes with each value of a label, by label.
type Counts<'n> = BTreeMap<&'n str, BTreeMap<&'n str, usize>>;

/// Whether the affinity lists a value of a label that is the number of this host: no other node has the value, or most nodes
/// with the label have values of their own. Another host may claim the same number.
fn is_numbered<'n>(affinity: &'n Affinity, node: &Node, nodes: &'n [Node], counts: &mut Counts<'n>) -> bool {
    affinity.0.iter().flat_map(|term| &term.labels).filter(|one| !is_label_of_place(&one.key)).any(|one| {
        let (Operator::In(values), Some(own)) = (&one.operator, node.labels.get(&one.key)) else {
            return false;
        };
        if !values.iter().any(|value| value == own) {
            return false;
        }
        let with_value = counts.entry(&one.key).or_insert_with(|| {
            let mut with_value = BTreeMap::new();
            for value in nodes.iter().filter_map(|other| other.labels.get(&one.key)) {
                *with_value.entry(value).or_default() += 1;
            }
            with_value
        });
        let carriers: usize = with_value.values().sum();
        with_value.get(own) == Some(&1) || with_value.len() > carriers / 2
    })
}
