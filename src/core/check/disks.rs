//! Section 2: no data of a volume is lost with the disk of a node.

use super::facts::{Facts, NodeFacts, names_host};
use super::violation::Violation;
use crate::model::StoredVolumes;

/// Whether a volume would be lost with its disk. Such a node is not drained either.
pub(super) fn check_disk(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    match &**facts.snapshot.stored_volumes() {
        StoredVolumes::NotListed => {}
        StoredVolumes::Unknown { .. } => {
            found.push(Violation::DeleteWithUnknownVolumes { node: node.name() });
        }
        StoredVolumes::Listed(volumes) => {
            let on_it = volumes.iter().filter(|volume| names_host(&volume.affinity, node.node));
            found.extend(on_it.map(|volume| Violation::DeleteLosesVolume {
                node: node.name(),
                volume: volume.name.clone(),
            }));
        }
    }
}
