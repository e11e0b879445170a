//! A cordon never runs ahead of its replacement. Sections 5 and 7.
//!
//! A booting node does not serve yet. Nodes stay until their replacements serve; otherwise the cluster would be smaller than
//! planned for some minutes.

use std::cmp::Ordering;

use super::utilization::Utilization;
use crate::model::{Amounts, Resource};
use crate::policy::Bounds;

/// The nodes of a pool that take pods, as cordons are taken from them one by one.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    bounds: &'a Bounds,
    resources: &'a [Resource],
    /// Nodes that take pods.
    pub(crate) serving: usize,
    /// The demand on them, including their daemons.
    requested: Amounts,
    /// Their capacity.
    capacity: Amounts,
}

/// The share of one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'n> {
    pub(crate) capacity: &'n Amounts,
    pub(crate) daemons: &'n Amounts,
}

impl<'a> Standing<'a> {
    /// Starts without nodes; `demand` does not depend on the nodes that serve.
    pub(crate) fn new(bounds: &'a Bounds, resources: &'a [Resource], demand: Amounts) -> Self {
        Self { bounds, resources, serving: 0, requested: demand, capacity: Amounts::default() }
    }

    /// Adds a node that takes pods.
    pub(crate) fn add(&mut self, share: Share<'_>) {
        self.serving += 1;
        self.requested.add(share.daemons);
        self.capacity.add(share.capacity);
    }

    /// The utilization of these nodes.
    pub(crate) fn utilization(&self) -> Utilization {
        Utilization::new(self.resources, &self.requested, &self.capacity)
    }

    /// Removes a node if the others are still `MIN_NODES` and within `MAX_UTILIZATION`; otherwise returns their state
    /// without it.
    pub(crate) fn try_without(&mut self, share: Share<'_>) -> Result<(), Self> {
        let mut left = self.clone();
        left.serving = left.serving.saturating_sub(1);
        left.requested.take(share.daemons);
        left.capacity.take(share.capacity);
        let enough = left.serving >= left.bounds.min_nodes;
        let within = left.utilization().compare(left.bounds.max_utilization) != Ordering::Greater;
        if enough && within {
            *self = left;
            Ok(())
        } else {
            Err(left)
        }
    }

    /// Removes a node in any case.
    pub(crate) fn without(&mut self, share: Share<'_>) {
        self.serving = self.serving.saturating_sub(1);
        self.requested.take(share.daemons);
        self.capacity.take(share.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Millicores};

    #[test]
    fn the_nodes_that_stay_are_enough_in_number_and_in_each_resource() {
        let bounds = Bounds { min_nodes: 2, ..Bounds::default() };
        let resources = [Resource::Memory, Resource::Cpu];
        let node = Amounts::pod(Bytes(100), Millicores(100));
        let nothing = Amounts::default();
        let share = Share { capacity: &node, daemons: &nothing };
        let three = |memory, cpu| {
            let mut standing =
                Standing::new(&bounds, &resources, Amounts::pod(Bytes(memory), Millicores(cpu)));
            (0..3).for_each(|_| standing.add(share));
            standing
        };
        assert!(three(170, 0).try_without(share).is_ok());
        assert!(three(171, 0).try_without(share).is_err(), "0.855 of memory");
        assert!(three(0, 171).try_without(share).is_err(), "0.855 of cpu");
        let mut standing = three(0, 0);
        assert!(standing.try_without(share).is_ok());
        assert!(standing.try_without(share).is_err(), "MIN_NODES is 2");
    }
}
