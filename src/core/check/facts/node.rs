//! The facts of one node.

use crate::model::{Amounts, Node, NodeIndex, Pod, annotation};
use crate::plan::NodeState;
use crate::policy::{AdoptCordons, Policy};

use super::cordon::{Cordon, CordonFacts};
use super::health::Health;

/// The facts of one node.
#[derive(Debug)]
pub(in crate::check) struct NodeFacts<'a> {
    pub(in crate::check) node: &'a Node,
    /// Its place among the nodes of the snapshot.
    pub(in crate::check) index: NodeIndex,
    pub(in crate::check) managed: bool,
    /// The name of its pool; empty where there are none, and for a node that is not managed.
    pub(in crate::check) pool: &'a str,
    /// Whether its lasting taints keep the pool's pods away.
    pub(in crate::check) reserved: bool,
    pub(in crate::check) health: Health,
    pub(in crate::check) marks: CordonFacts,
    /// Its capacity in the utilization.
    pub(in crate::check) capacity: Amounts,
    /// The number of critical and dynamic pods; not counted on an unmanaged node.
    pub(in crate::check) occupants: usize,
    /// One of the occupants.
    pub(in crate::check) occupant: Option<&'a Pod>,
    /// One of its critical pods.
    pub(in crate::check) critical_pod: Option<&'a Pod>,
    /// An omitted pod that would be lost with it, apart from last live replicas.
    pub(in crate::check) lost_pod: Option<&'a Pod>,
    /// One of its pods that are neither daemons nor placeholders, with a claim of a volume.
    pub(in crate::check) claimant: Option<&'a Pod>,
    /// The number of its movable occupants.
    pub(in crate::check) movable: usize,
    /// A pod that must be evicted before the node is given back.
    pub(in crate::check) to_evict: Option<&'a Pod>,
    /// Requests of dynamic pods, of critical ones, of placeholders, of counted daemons and of omitted pods: memory and
    /// processor time, of each pod at most what the node has.
    pub(in crate::check) dynamic: Amounts,
    pub(in crate::check) critical: Amounts,
    pub(in crate::check) placeholders: Amounts,
    pub(in crate::check) daemons: Amounts,
    pub(in crate::check) omitted: Amounts,
    /// Requests, of every resource, of occupants, placeholders and this run's own pod, and of all other pods.
    pub(in crate::check) displaceable_load: Amounts,
    pub(in crate::check) fixed_load: Amounts,
    /// Requests of the daemons that it will run and does not run yet, if it boots or is parked.
    pub(in crate::check) to_come: Amounts,
    /// What it reports beyond belief, if it boots or is parked.
    pub(in crate::check) beyond: Amounts,
    /// Whether this run's own pod is on it.
    pub(in crate::check) own: bool,
}

impl NodeFacts<'_> {
    pub(in crate::check) fn name(&self) -> String {
        self.node.name.clone()
    }

    pub(in crate::check) fn is_common(&self) -> bool {
        self.managed && !self.reserved
    }

    pub(in crate::check) fn state(&self) -> Option<NodeState> {
        self.health.states().first().copied()
    }

    /// A common node that takes pods now.
    pub(in crate::check) fn serves(&self) -> bool {
        self.is_common() && self.health.is_usable() && !self.node.unschedulable
    }

    /// A common node that may soon take pods: a cordoned booting one stays cordoned, unless it was woken.
    pub(in crate::check) fn boots(&self) -> bool {
        self.is_common()
            && self.health.is_booting()
            && (!self.node.unschedulable || self.marks.woken_at.is_some() && !self.marks.claimed)
    }

    /// Whether a run has parked its machine.
    pub(in crate::check) fn is_parked(&self) -> bool {
        self.managed && !self.health.says_ready && self.marks.parked_at.is_some()
    }

    /// Whether nothing would be lost with it, apart from last live replicas.
    pub(in crate::check) fn is_empty(&self) -> bool {
        self.occupants == 0 && self.lost_pod.is_none()
    }

    /// Whether somebody decided that the node stays, in the words of any autoscaler.
    pub(in crate::check) fn scale_down_disabled(&self) -> bool {
        let says = |key: &str, means: fn(&str) -> bool| {
            self.node.annotations.get(key).is_some_and(|value| means(value))
        };
        says(annotation::SCALE_DOWN_DISABLED, |value| value == "true")
            || says(annotation::DO_NOT_DISRUPT, |value| {
                value == "true" || value.as_bytes().first().is_some_and(u8::is_ascii_digit)
            })
            || says(annotation::NO_DELETE, |reason| !reason.is_empty())
            || [annotation::DO_NOT_CONSOLIDATE, annotation::REMOVAL_DISABLED]
                .iter()
                .any(|key| says(key, |value| value == "true"))
            || self.node.labels.get(annotation::REMOVAL_DISABLED) == Some("true")
    }

    /// Whether another actor cordoned the node and the cordon must not be undone.
    pub(in crate::check) fn cordon_must_stay(&self, policy: &Policy) -> bool {
        self.marks.cordon == Cordon::Others
            && (self.marks.is_not_ours_to_undo(policy)
                || self.critical_pod.is_some()
                || self.scale_down_disabled())
    }

    /// Whether another actor works on the node, so that it must not be changed.
    pub(in crate::check) fn hands_off(&self, policy: &Policy) -> bool {
        self.marks.cordon == Cordon::Others
            && (policy.adopt_cordons == AdoptCordons::Never || self.scale_down_disabled())
    }

    /// Requests of its occupants, placeholders and counted daemons.
    pub(in crate::check) fn requested(&self) -> Amounts {
        self.dynamic.clone().plus(&self.critical).plus(&self.placeholders).plus(&self.daemons)
    }

    /// The amount that the scheduler can still allocate there.
    pub(in crate::check) fn free(&self) -> Amounts {
        self.free_of_occupants().minus(&self.displaceable_load)
    }

    /// The amount that the scheduler could allocate without occupants, placeholders and this run's own pod.
    pub(in crate::check) fn free_of_occupants(&self) -> Amounts {
        self.node.allocatable.offer(&self.node.capacity).minus(&self.fixed_load)
    }

    /// The free amount once it is up.
    pub(in crate::check) fn free_once_up(&self) -> Amounts {
        self.free().minus(&self.to_come).minus(&self.beyond)
    }

    /// The same without occupants.
    pub(in crate::check) fn free_of_occupants_once_up(&self) -> Amounts {
        self.free_of_occupants().minus(&self.to_come).minus(&self.beyond)
    }

    pub(in crate::check) fn carries(&self, key: &str) -> bool {
        self.node.annotations.contains_key(key)
    }
}
