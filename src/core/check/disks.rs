//! Section 2: no data of a volume is lost with the disk of a node.

use super::facts::{Facts, NodeFacts, names_host};
use super::violation::Violation;
use crate::model::{Affinity, Node, Operator, StoredVolumes, is_label_of_place};

/// Whether a volume would be lost with its disk. Such a node is not drained either.
pub(super) fn check_disk(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    match &**facts.snapshot.stored_volumes() {
        StoredVolumes::NotListed => {}
        StoredVolumes::Unknown { .. } => {
            found.push(Violation::DeleteWithUnknownVolumes { node: node.name() });
        }
        StoredVolumes::Listed(volumes) => {
            let nodes = facts.snapshot.nodes();
            let on_it = volumes.iter().filter(|volume| {
                names_host(&volume.affinity, node.node) || is_alone_in(&volume.affinity, node.node, nodes)
            });
            found.extend(on_it.map(|volume| Violation::DeleteLosesVolume {
                node: node.name(),
                volume: volume.name.clone(),
            }));
        }
    }
}

/// Whether the affinity lists the value of a label that no other node has: it is the number of this host.
fn is_alone_in(affinity: &Affinity, node: &Node, nodes: &[Node]) -> bool {
    affinity.0.iter().flat_map(|term| &term.labels).filter(|one| !is_label_of_place(&one.key)).any(|one| {
        let (Operator::In(values), Some(own)) = (&one.operator, node.labels.get(&one.key)) else {
            return false;
        };
        let with_it = || nodes.iter().filter(|other| other.labels.get(&one.key) == Some(own));
        values.iter().any(|value| value == own) && with_it().take(2).count() == 1
    })
}
