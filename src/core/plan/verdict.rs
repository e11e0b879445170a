//! A verdict with a reason for every node.

use super::decided::Run;
use super::delete::critical;
use super::needs::Must;
use super::order::cordon;
use super::reason::{KeepReason, Since};
use super::requested::Without;
use super::state::{Cordon, pinned_by};
use super::survey::NodeFacts;
use super::value::{NodeState, NodeVerdict, Verdict};
use super::wanted::Held;
use crate::model::NodeIndex;

/// The verdict on one node.
pub(super) fn verdict(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> NodeVerdict {
    let managed = facts.managed();
    let mut requested = facts.daemons.clone();
    for part in [&facts.critical_requests, &facts.dynamic_requests, &facts.placeholder_requests] {
        requested.add(part);
    }
    NodeVerdict {
        name: facts.node.name.clone(),
        pool: if managed { run.survey.pool_name(facts.pool).to_owned() } else { String::new() },
        state: facts.state,
        managed,
        reserved: facts.reserved.is_some(),
        occupants: facts.occupants,
        critical: facts.critical.is_some(),
        requested,
        capacity: facts.capacity.clone(),
        verdict: decide(run, index, facts),
    }
}

fn decide(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> Verdict {
    if let Some(reason) = facts.unmanaged.as_deref() {
        return Verdict::Keep(reason.clone());
    }
    match (facts.cordon, cordon(&run.changes.cordons, index)) {
        (Cordon::None, Cordon::None) => Verdict::Keep(stays_schedulable(run, index, facts)),
        (Cordon::None, _) => Verdict::Cordon(run.cordon_reason(index)),
        (_, Cordon::None) => Verdict::Uncordon(run.uncordon_reason(index)),
        (_, _) if run.changes.wake.contains(&index) => Verdict::Wake(run.wake_reason(index)),
        (_, _) => match run.deletions.keep.get(&index) {
            Some(reason) => Verdict::Keep(reason.clone()),
            None if run.deletions.park.contains(&index) => Verdict::Park(run.park_reason(index)),
            None => Verdict::Delete(run.delete_reason(index)),
        },
    }
}

/// The reason why a schedulable node stays schedulable.
fn stays_schedulable(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> KeepReason {
    let policy = run.survey.policy;
    if facts.claimed {
        return KeepReason::Claimed;
    }
    if let Some(reserved) = facts.reserved.as_deref() {
        return reserved.clone();
    }
    match run.changes.held.get(&index) {
        Some(Held::Guard) => return KeepReason::TooManyBroken,
        Some(Held::Budget) => return KeepReason::CordonBudget { max: policy.max_cordons },
        Some(Held::AwaitsReplacement { serving, utilization }) => {
            return KeepReason::AwaitsReplacement { serving: *serving, utilization: *utilization };
        }
        None => {}
    }
    let impairment = || facts.impaired_by.clone().unwrap_or_default();
    match facts.state {
        NodeState::Booting => return booting(run, index, facts),
        NodeState::NotInUse => return KeepReason::NotInUse { what: impairment() },
        NodeState::UnderPressure => return KeepReason::UnderPressure { taint: impairment() },
        NodeState::Serving
        | NodeState::Cordoned
        | NodeState::Broken
        | NodeState::Parked
        | NodeState::Claimed => {}
    }
    if let Some(reason) = critical(run.survey, facts) {
        return reason;
    }
    if facts.scale_down_disabled
        && let Some(mark) = pinned_by(facts.node)
    {
        return KeepReason::ScaleDownDisabled { mark: mark.to_owned() };
    }
    if facts.state == NodeState::Broken {
        return KeepReason::Broken { since: Since(facts.not_ready_since) };
    }
    chosen(run, index, facts)
}

fn booting(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> KeepReason {
    let since = Since(facts.not_ready_since);
    let decision = run.changes.decisions.get(facts.pool);
    match decision.and_then(|decision| decision.must.get(&index)) {
        Some(Must::Waiting(placed)) => {
            KeepReason::BootingForPod { since, pod: placed.pod.clone(), pods: placed.pods }
        }
        _ => KeepReason::Booting { since },
    }
}

/// The reason why a serving node was chosen.
fn chosen(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> KeepReason {
    let Some(decision) = run.changes.decisions.get(facts.pool) else { return KeepReason::TooManyBroken };
    match decision.must.get(&index) {
        Some(Must::Nominated(pod)) => return KeepReason::NominatedPod { pod: pod.clone() },
        Some(Must::Waiting(placed)) => {
            return KeepReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods };
        }
        Some(Must::RefusedElsewhere(pod)) => return KeepReason::RefusedElsewhere { pod: pod.clone() },
        Some(Must::Room(pod)) => return KeepReason::RoomForUsers { pod: pod.clone() },
        Some(Must::Zone(zone)) => return KeepReason::KeepZone { zone: zone.clone() },
        Some(Must::Critical | Must::ScaleDownDisabled) | None => {}
    }
    if let Some(Without { serving, utilization }) = decision.kept_for_requests.get(&index).copied() {
        return KeepReason::Requested { demand: run.survey.policy.demand, serving, utilization };
    }
    if decision.kept_for_minimum.contains(&index) {
        let bounds = run.survey.policy.bounds_of(run.survey.pool_name(facts.pool));
        return KeepReason::MinNodes { min: bounds.min_nodes };
    }
    let utilization = run.utilization_after(facts.pool);
    KeepReason::Needed { occupants: facts.occupants, must: decision.must.len(), utilization }
}
