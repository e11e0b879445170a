//! The actions of a plan, by node and by group; checks that the list of actions is well formed.

use std::collections::BTreeSet;

use super::facts::{Facts, NodeFacts};
use super::violation::{Direction, Violation};
use crate::model::NodeIndex;
use crate::plan::{Action, GroupSize, Plan, Service, Target};

/// A group to grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth<'a> {
    pub(super) pool: &'a str,
    pub(super) group: Option<&'a str>,
    pub(super) from: u32,
    pub(super) to: u32,
    /// The groups to be asked if this one refuses.
    pub(super) instead: &'a [GroupSize],
}

impl Growth<'_> {
    /// The number of nodes that it creates.
    pub(super) fn new_nodes(&self) -> usize {
        usize::try_from(self.to.saturating_sub(self.from)).unwrap_or(usize::MAX)
    }
}

/// The actions by node and group. Only actions on managed nodes of the snapshot are kept: the others are violations
/// already.
#[derive(Clone, Debug)]
pub(super) struct Steps<'a> {
    /// The action on the node with this index, if any; the first action wins.
    moves: Vec<Option<Direction>>,
    pub(super) growths: Vec<Growth<'a>>,
}

impl<'a> Steps<'a> {
    pub(super) fn of(facts: &Facts<'_>, plan: &'a Plan, found: &mut Vec<Violation>) -> Self {
        check_order(plan, found);
        let mut steps = Self { moves: vec![None; facts.nodes.len()], growths: Vec::new() };
        for action in &plan.actions {
            match (action.target(), action.service()) {
                (Target::Node { node, .. }, Some(service)) => steps.add(facts, node, service, found),
                (Target::Node { node, .. }, None) | (Target::Pod { node, .. }, _) => {
                    let _ = managed_index(facts, node, action.verb(), found);
                }
                (Target::Group { pool, group, from, to, instead }, _) => {
                    steps.growths.push(Growth { pool, group, from, to, instead });
                }
                (Target::Instance { .. }, _) => {}
            }
        }
        steps
    }

    fn add(&mut self, facts: &Facts<'_>, node: &str, service: Service, found: &mut Vec<Violation>) {
        let (direction, verb) = match service {
            Service::Enters => (Direction::Uncordon, "uncordon"),
            Service::Leaves => (Direction::Cordon, "cordon"),
            Service::Ends => (Direction::Delete, "delete"),
            Service::Parks => (Direction::Park, "park"),
            Service::Wakes => (Direction::Wake, "wake"),
        };
        let Some(index) = managed_index(facts, node, verb, found) else { return };
        match self.moves.get_mut(index) {
            Some(Some(first)) => {
                found.push(Violation::ActedOnTwice {
                    node: node.to_owned(),
                    first: *first,
                    second: direction,
                });
            }
            Some(slot) => *slot = Some(direction),
            None => {}
        }
    }

    /// The action on the node with this index.
    pub(super) fn on(&self, index: NodeIndex) -> Option<Direction> {
        self.moves.get(index).copied().flatten()
    }

    /// The nodes that are deleted or parked: their pods end.
    pub(super) fn deleted(&self) -> BTreeSet<NodeIndex> {
        let ends = |index: &NodeIndex| matches!(self.on(*index), Some(Direction::Delete | Direction::Park));
        (0..self.moves.len()).filter(ends).collect()
    }

    /// The number of nodes that a pool wakes.
    pub(super) fn woken_in(&self, facts: &Facts<'_>, pool: &str) -> usize {
        facts.of_pool(pool).filter(|(index, _)| self.on(*index) == Some(Direction::Wake)).count()
    }

    /// Whether a node takes pods of its pool right after the cordons: booting ones do not yet.
    pub(super) fn serves_after(&self, index: NodeIndex, node: &NodeFacts<'_>) -> bool {
        node.is_common()
            && node.health.is_usable()
            && match self.on(index) {
                None => !node.node.unschedulable,
                Some(Direction::Uncordon) => true,
                Some(Direction::Cordon | Direction::Delete | Direction::Park | Direction::Wake) => false,
            }
    }

    /// The number of nodes that a pool creates.
    pub(super) fn new_nodes_in(&self, pool: &str) -> usize {
        let here = self.growths.iter().filter(|growth| growth.pool == pool);
        here.map(Growth::new_nodes).fold(0, usize::saturating_add)
    }

    /// The number of nodes that the plan creates.
    pub(super) fn new_nodes(&self) -> usize {
        self.growths.iter().map(Growth::new_nodes).fold(0, usize::saturating_add)
    }
}

/// The index of a node that may be acted on at all.
fn managed_index(
    facts: &Facts<'_>,
    node: &str,
    verb: &'static str,
    found: &mut Vec<Violation>,
) -> Option<NodeIndex> {
    let Some(index) = facts.find(node) else {
        found.push(Violation::UnknownNode { node: node.to_owned(), verb });
        return None;
    };
    let managed = facts.nodes.get(index).is_some_and(|facts| facts.managed);
    if !managed {
        found.push(Violation::Unmanaged { node: node.to_owned(), verb });
    }
    managed.then_some(index)
}

/// Adding capacity comes first, so an interrupted run leaves too much room, never too little.
fn check_order(plan: &Plan, found: &mut Vec<Violation>) {
    for pair in plan.actions.windows(2) {
        if let [earlier, later] = pair
            && rank(earlier) > rank(later)
        {
            found.push(Violation::OutOfOrder { earlier: earlier.verb(), later: later.verb() });
        }
    }
}

fn rank(action: &Action) -> u8 {
    match (action.target(), action.service()) {
        (Target::Node { .. }, Some(Service::Enters)) => 0,
        (Target::Node { .. }, Some(Service::Wakes)) => 1,
        (Target::Group { .. }, _) => 2,
        (Target::Node { .. }, Some(Service::Leaves)) => 3,
        (Target::Node { .. }, Some(Service::Ends | Service::Parks)) | (Target::Instance { .. }, _) => 4,
        (Target::Pod { .. }, _) => 5,
        (Target::Node { .. }, None) => 6,
    }
}
