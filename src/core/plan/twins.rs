//! Two Node objects of one machine (section 7). A kubelet that registers under a new name leaves the former object behind; the
//! cloud knows the machine by either, and gives it back with the pods of both.

use std::collections::BTreeMap;

use super::state::Cordon;
use super::survey::NodeFacts;

/// Records, for each cordoned node, another node of the same machine.
pub(super) fn look(nodes: &mut [NodeFacts<'_>]) {
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.cordon != Cordon::None) {
        named.extend(node.node.machine().map(|machine| (machine, Vec::new())));
    }
    if named.is_empty() {
        return;
    }
    for (index, node) in nodes.iter().enumerate() {
        if let Some(of_machine) = node.node.machine().and_then(|machine| named.get_mut(&machine)) {
            of_machine.push(index);
        }
    }
    for of_machine in named.into_values().filter(|of_machine| of_machine.len() > 1) {
        for index in &of_machine {
            let other = of_machine.iter().find(|other| *other != index);
            let name = other.and_then(|other| nodes.get(*other)).map(|other| other.node.name.as_str());
            if let Some(node) = nodes.get_mut(*index) {
                node.twin = name;
            }
        }
    }
}
