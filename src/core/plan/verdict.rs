//! A verdict with a reason for every node.

use super::assemble::Run;
use super::order::{Must, cordon};
use super::reason::{KeepReason, Since, UncordonReason};
use super::survey::{Cordon, NodeFacts, Readiness};
use super::value::{NodeVerdict, Verdict};
use crate::model::{Bytes, NodeIndex, TotalBytes};

/// The line of one node.
pub(super) fn verdict(run: &Run<'_, '_>, index: NodeIndex) -> Option<NodeVerdict> {
    let facts = run.survey.nodes.get(index)?;
    let bytes = |sum: u128| Bytes(u64::try_from(sum).unwrap_or(u64::MAX));
    Some(NodeVerdict {
        name: facts.node.name.clone(),
        state: facts.state(),
        managed: facts.managed(),
        occupants: facts.occupants,
        critical: facts.critical.is_some(),
        requested: TotalBytes(facts.occupied + facts.daemons),
        capacity: bytes(facts.capacity),
        verdict: decide(run, index, facts),
    })
}

fn decide(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> Verdict {
    if let Some(reason) = &facts.unmanaged {
        return Verdict::Keep(reason.clone());
    }
    match (facts.cordon, cordon(&run.changes.cordons, index)) {
        (Cordon::None, Cordon::None) => Verdict::Keep(stays_schedulable(run, index, facts)),
        (Cordon::None, _) => Verdict::Cordon(run.cordon_reason(index)),
        (_, Cordon::None) => Verdict::Uncordon(run.uncordon_reason(index)),
        (_, _) => match run.deletions.keep.get(&index) {
            Some(reason) => Verdict::Keep(reason.clone()),
            None => Verdict::Delete(run.delete_reason(index)),
        },
    }
}

/// Why a schedulable node stays so.
fn stays_schedulable(run: &Run<'_, '_>, index: NodeIndex, facts: &NodeFacts<'_>) -> KeepReason {
    let policy = run.survey.policy;
    if run.changes.held.contains(&index) {
        return match run.guard {
            Some(_) => KeepReason::TooManyBroken,
            None => KeepReason::CordonBudget { max: policy.max_cordons },
        };
    }
    if facts.readiness == Readiness::Booting {
        return KeepReason::Booting { since: Since(facts.not_ready_since) };
    }
    if let Some(pod) = facts.critical {
        return KeepReason::CriticalPod { pod: pod.full_name() };
    }
    if facts.scale_down_disabled {
        return KeepReason::ScaleDownDisabled;
    }
    if facts.readiness == Readiness::Broken {
        return KeepReason::Broken { since: Since(facts.not_ready_since) };
    }
    match run.changes.decision.must.get(&index) {
        Some(Must::Waiting(placed)) => KeepReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods },
        Some(Must::Zone(zone)) => KeepReason::KeepZone { zone: zone.clone() },
        Some(Must::Critical | Must::ScaleDownDisabled) | None => {
            if run.changes.decision.kept_for_minimum.contains(&index) {
                KeepReason::MinNodes { min: policy.min_nodes }
            } else {
                KeepReason::Needed { occupants: facts.occupants }
            }
        }
    }
}

/// Why a cordoned node must be in service, if so.
pub(super) fn must_keep_reason(run: &Run<'_, '_>, index: NodeIndex) -> Option<UncordonReason> {
    match run.changes.decision.must.get(&index)? {
        Must::Critical => {
            let pod = run.survey.nodes.get(index)?.critical?;
            Some(UncordonReason::CriticalPod { pod: pod.full_name() })
        }
        Must::ScaleDownDisabled => Some(UncordonReason::ScaleDownDisabled),
        Must::Waiting(placed) => {
            Some(UncordonReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods })
        }
        Must::Zone(zone) => Some(UncordonReason::KeepZone { zone: zone.clone() }),
    }
}
