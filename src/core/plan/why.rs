//! The reasons why a node is uncordoned, cordoned or deleted.

use super::decided::Run;
use super::delete::not_moved;
use super::needs::Must;
use super::reason::{CordonAge, CordonReason, DeleteReason, ParkReason, Since, UncordonReason, WakeReason};
use super::state::{Cordon, pinned_by};
use super::survey::NodeFacts;
use super::utilization::Band;
use super::value::NodeState;

use crate::model::NodeIndex;

impl Run<'_, '_> {
    fn cordon_age(&self, facts: &NodeFacts<'_>) -> CordonAge {
        CordonAge::at(self.survey.snapshot.observed_at(), facts.cordoned_at)
    }

    pub(super) fn uncordon_reason(&self, index: NodeIndex) -> UncordonReason {
        let why = self.why_uncordon(index);
        match self.survey.nodes.get(index) {
            Some(facts) if facts.cordon == Cordon::Others => UncordonReason::AdoptedCordon {
                why: Box::new(why),
                cordoned: Since(facts.cordoned_at),
                age: self.cordon_age(facts),
            },
            _ => why,
        }
    }

    fn why_uncordon(&self, index: NodeIndex) -> UncordonReason {
        let (Some(facts), Some(now)) = (self.survey.nodes.get(index), self.now_of(index)) else {
            return UncordonReason::Needed { occupants: 0 };
        };
        let occupants = facts.occupants;
        let Some(decision) = self.changes.decisions.get(facts.pool) else {
            return UncordonReason::Needed { occupants };
        };
        if let Some(placed) = decision.placement.needs.reserved.get(&index) {
            return UncordonReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods };
        }
        match (decision.must.get(&index), facts.critical) {
            (Some(Must::Critical), Some(pod)) => {
                let pod_name = pod.full_name();
                return match not_moved(self.survey, facts) {
                    Some(why) => UncordonReason::NotMovable { pod: pod_name, why },
                    None => UncordonReason::CriticalPod { pod: pod_name },
                };
            }
            (Some(Must::ScaleDownDisabled), _) => {
                let mark = pinned_by(facts.node).unwrap_or_default().to_owned();
                return UncordonReason::ScaleDownDisabled { mark };
            }
            (Some(Must::Nominated(pod)), _) => return UncordonReason::NominatedPod { pod: pod.clone() },
            (Some(Must::Waiting(placed)), _) => {
                return UncordonReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods };
            }
            (Some(Must::RefusedElsewhere(pod)), _) => {
                return UncordonReason::RefusedElsewhere { pod: pod.clone() };
            }
            (Some(Must::Zone(zone)), _) => return UncordonReason::KeepZone { zone: zone.clone() },
            (Some(Must::Critical | Must::Room(_)) | None, _) => {}
        }
        let bounds = self.survey.policy.bounds_of(self.survey.pool_name(facts.pool));
        let serving = now.before.serving;
        if now.band == Band::Above {
            UncordonReason::AboveBand { utilization: now.before.utilization, max: bounds.max_utilization }
        } else if serving < bounds.min_nodes {
            UncordonReason::MinNodes { serving, min: bounds.min_nodes }
        } else {
            UncordonReason::Needed { occupants }
        }
    }

    pub(super) fn cordon_reason(&self, index: NodeIndex) -> CordonReason {
        let (Some(facts), Some(now)) = (self.survey.nodes.get(index), self.now_of(index)) else {
            return CordonReason::NotNeeded { occupants: 0 };
        };
        if facts.state == NodeState::Broken {
            return CordonReason::Broken { since: Since(facts.not_ready_since) };
        }
        let bounds = self.survey.policy.bounds_of(self.survey.pool_name(facts.pool));
        let (serving, occupants) = (now.before.serving, facts.occupants);
        match now.band {
            Band::Below => CordonReason::BelowBand {
                utilization: now.before.utilization,
                min: bounds.min_utilization,
                occupants,
            },
            Band::Within | Band::Above if bounds.max_nodes_set && serving > bounds.max_nodes => {
                CordonReason::MaxNodes { serving, max: bounds.max_nodes }
            }
            Band::Within | Band::Above => CordonReason::NotNeeded { occupants },
        }
    }

    pub(super) fn wake_reason(&self, index: NodeIndex) -> WakeReason {
        let facts = self.survey.nodes.get(index);
        let needed = WakeReason::Needed { parked: Since(facts.and_then(|facts| facts.parked_at)) };
        let (Some(facts), Some(now)) = (facts, self.now_of(index)) else { return needed };
        let decision = self.changes.decisions.get(facts.pool);
        if let Some(Must::Waiting(placed)) = decision.and_then(|decision| decision.must.get(&index)) {
            return WakeReason::WaitingPod { pod: placed.pod.clone(), pods: placed.pods };
        }
        let bounds = self.survey.policy.bounds_of(self.survey.pool_name(facts.pool));
        let serving = now.before.serving;
        if now.band == Band::Above {
            WakeReason::AboveBand { utilization: now.before.utilization, max: bounds.max_utilization }
        } else if serving < bounds.min_nodes {
            WakeReason::MinNodes { serving, min: bounds.min_nodes }
        } else {
            needed
        }
    }

    pub(super) fn park_reason(&self, index: NodeIndex) -> ParkReason {
        let Some(facts) = self.survey.nodes.get(index) else {
            return ParkReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
        };
        let (cordoned, empty) = (Since(facts.cordoned_at), Since(facts.empty_since));
        if facts.cordon == Cordon::Others {
            let adopt = self.survey.policy.adopt_cordons;
            ParkReason::EmptyUnderAdoptedCordon { cordoned, empty, adopt, age: self.cordon_age(facts) }
        } else {
            ParkReason::EmptyAndCordoned { cordoned, empty }
        }
    }

    pub(super) fn delete_reason(&self, index: NodeIndex) -> DeleteReason {
        let Some(facts) = self.survey.nodes.get(index) else {
            return DeleteReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
        };
        if facts.state == NodeState::Parked {
            let max = self.survey.policy.parked_max;
            return DeleteReason::ParkedMax { parked: Since(facts.parked_at), max };
        }
        let (cordoned, empty) = (Since(facts.cordoned_at), Since(facts.empty_since));
        if facts.cordon == Cordon::Others {
            let adopt = self.survey.policy.adopt_cordons;
            DeleteReason::EmptyUnderAdoptedCordon { cordoned, empty, adopt, age: self.cordon_age(facts) }
        } else {
            DeleteReason::EmptyAndCordoned { cordoned, empty }
        }
    }
}
