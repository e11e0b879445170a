//! Section 3: the state of a node.

use jiff::Timestamp;

use super::cordon::{CordonFacts, age, not_ahead};
use super::taints::{is_of_readiness, is_pressed, is_startup};
use crate::model::Node;
use crate::plan::NodeState;
use crate::policy::Policy;

/// The facts that determine the state of a node.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one observation of the node, independent of the others"
)]
pub(in crate::check) struct Health {
    /// Its Ready condition, even if it cannot serve.
    pub(in crate::check) says_ready: bool,
    /// Whether its condition changed, or without one the node was made, less than `BOOT_GRACE` ago.
    changed_lately: bool,
    /// Whether it is younger than `BOOT_GRACE`.
    young: bool,
    /// The same without regard to when it was woken.
    made_lately: bool,
    startup_taint: bool,
    /// Whether it is Ready again for less than `BOOT_GRACE`, and a taint of its conditions has not gone yet.
    recovers: bool,
    /// Whether it offers nothing of an extended resource that its group has.
    pub(super) lacks_device: bool,
    pressure_taint: bool,
    /// Whether it reports an amount of each deciding resource.
    pub(super) reports_amounts: bool,
    /// Whether omitted pods leave an amount of each.
    pub(super) has_capacity: bool,
    claimed: bool,
    /// Whether its kubelet ends with its machine, and no wake has come since.
    goes_down: bool,
    parked: bool,
    cordoned: bool,
}

/// The time of the Ready condition, unless a clock that was far ahead wrote it.
fn condition_at(node: &Node, now: Timestamp) -> Option<Timestamp> {
    node.ready.and_then(|condition| condition.since).and_then(|since| not_ahead(now, since))
}

/// The same, or the time of the control plane's taint on a node that is not Ready, if it is older.
fn changed_at(node: &Node, now: Timestamp) -> Option<Timestamp> {
    let of_control_plane =
        |key: &str| key == "node.kubernetes.io/not-ready" || key == "node.kubernetes.io/unreachable";
    let tainted = node.taints.iter().filter(|taint| of_control_plane(&taint.key));
    let tainted = tainted.filter_map(|taint| not_ahead(now, taint.added_at?)).min();
    [condition_at(node, now), tainted].into_iter().flatten().min()
}

impl Health {
    /// Devices and capacity depend on other nodes and on pods; they are filled in later.
    pub(super) fn of(node: &Node, marks: CordonFacts, now: Timestamp, policy: &Policy) -> Self {
        let lately = |moment: Option<Timestamp>| moment.is_some_and(|at| age(now, at) < policy.boot_grace);
        Self {
            says_ready: node.ready.is_some_and(|condition| condition.ready),
            changed_lately: lately(changed_at(node, now).or(node.created_at)) || lately(marks.woken_at),
            young: lately(node.created_at) || lately(marks.woken_at),
            made_lately: lately(node.created_at),
            recovers: node.taints.iter().any(|taint| is_of_readiness(&taint.key))
                && lately(condition_at(node, now)),
            startup_taint: node.taints.iter().any(|taint| is_startup(taint, policy)),
            lacks_device: false,
            reports_amounts: true,
            pressure_taint: is_pressed(node),
            has_capacity: true,
            claimed: marks.claimed,
            goes_down: node.shutting_down && !lately(marks.woken_at),
            parked: marks.parked_at.is_some(),
            cordoned: node.unschedulable,
        }
    }

    /// Whether it was made less than `BOOT_GRACE` ago.
    pub(super) fn is_made_lately(self) -> bool {
        self.made_lately
    }

    /// Whether its kubelet has yet to report amounts. Without this it could serve.
    fn awaits_amounts(self) -> bool {
        !self.reports_amounts && (self.young || self.recovers)
    }

    /// Whether it may boot or be parked, as far as the node alone shows that.
    pub(super) fn may_come(self) -> bool {
        !self.says_ready || self.young || self.recovers
    }

    /// Whether it is typical of its group.
    pub(super) fn is_sound(self) -> bool {
        self.says_ready && !self.startup_taint && !self.pressure_taint
    }

    /// Every state that is true of the node; the rules here use the first one.
    ///
    /// The contract does not order them: a claimed node may be under pressure too. A Ready node without capacity does not
    /// serve, and the contract names no state for it.
    pub(in crate::check) fn states(self) -> Vec<NodeState> {
        let boots = |young: bool, old: NodeState| if young { NodeState::Booting } else { old };
        if !self.says_ready {
            if self.parked {
                return vec![NodeState::Parked];
            }
            let may_come = if self.goes_down { NodeState::NotInUse } else { NodeState::Booting };
            let state = if self.changed_lately { may_come } else { NodeState::Broken };
            let is_claimed = self.claimed && state != NodeState::Broken;
            return if is_claimed { vec![NodeState::Claimed, state] } else { vec![state] };
        }
        let mut states = Vec::new();
        if self.claimed {
            states.push(NodeState::Claimed);
        }
        if self.startup_taint || self.lacks_device {
            states.push(boots(self.young || self.recovers, NodeState::NotInUse));
        }
        if self.pressure_taint {
            states.push(NodeState::UnderPressure);
        }
        if states.is_empty() {
            if self.has_capacity {
                states.push(if self.cordoned { NodeState::Cordoned } else { NodeState::Serving });
            } else if self.awaits_amounts() {
                states.push(NodeState::Booting);
            } else {
                states.extend([NodeState::NotInUse, NodeState::Broken, NodeState::Booting]);
            }
        }
        states
    }

    /// Whether it lacks nothing but capacity, because omitted pods fill it: it is not broken, and there may be many such
    /// nodes.
    pub(in crate::check) fn is_filled(self) -> bool {
        !self.has_capacity && !self.awaits_amounts() && Self { has_capacity: true, ..self }.is_usable()
    }

    /// Whether it takes pods, or could once it is uncordoned.
    pub(in crate::check) fn is_usable(self) -> bool {
        self.says_ready
            && !self.claimed
            && !self.startup_taint
            && !self.lacks_device
            && !self.pressure_taint
            && self.has_capacity
    }

    /// Whether it may become Ready any moment.
    pub(in crate::check) fn is_booting(self) -> bool {
        self.states().first() == Some(&NodeState::Booting)
    }

    /// Whether its users stay on it although it does not serve: under pressure, or not in use.
    pub(in crate::check) fn keeps_its_users(self) -> bool {
        self.says_ready
            && !self.claimed
            && (self.pressure_taint || ((self.startup_taint || self.lacks_device) && !self.young))
    }
}
