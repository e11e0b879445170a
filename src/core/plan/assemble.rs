//! Puts the plan together: actions in the order in which they are carried out, counts, and what else to say.

use super::changes::Changes;
use super::delete::Deletions;
use super::grow::{Growth, MakerIndex};
use super::notes::Warning;
use super::order::cordon;
use super::reason::{
    CordonReason, DeleteReason, GrowReason, MarkReason, Since, UncordonReason, UnmarkReason,
};
use super::settle::{demand, serving_utilization};
use super::survey::{Cordon, Readiness, Survey};
use super::utilization::Utilization;
use super::value::{Action, After, Band, Before, NodeState, Plan, TooManyBroken};
use super::verdict::{must_keep_reason, verdict};
use super::waiting::Waiting;
use crate::model::{NodeIndex, annotation};

/// Everything decided, before it is written down.
#[derive(Debug)]
pub(super) struct Run<'r, 'a> {
    pub(super) survey: &'r Survey<'a>,
    pub(super) growth: &'r Growth<'a>,
    pub(super) before: Before,
    pub(super) band: Band,
    pub(super) changes: Changes,
    pub(super) deletions: Deletions,
    pub(super) guard: Option<TooManyBroken>,
}

/// Counts the cluster as it is.
pub(super) fn before(survey: &Survey<'_>, growth: &Growth<'_>, waiting: &Waiting<'_>) -> Before {
    let cordons: Vec<Cordon> = survey.nodes.iter().map(|facts| facts.cordon).collect();
    Before {
        managed: survey.managed().count(),
        serving: survey.count(NodeState::Serving),
        cordoned: survey.count(NodeState::Cordoned),
        critical: survey.managed().filter(|(_, facts)| facts.critical.is_some()).count(),
        empty: survey.managed().filter(|(_, facts)| facts.empty()).count(),
        booting: survey.count(NodeState::Booting),
        broken: survey.count(NodeState::Broken),
        instances_without_node: growth.instances_without_node,
        waiting_pods: waiting.marked,
        demand: demand(survey, waiting),
        utilization: serving_utilization(survey, waiting, &cordons),
    }
}

impl Run<'_, '_> {
    /// Writes everything down.
    pub(super) fn plan(self, waiting_warnings: Vec<Warning>) -> Plan {
        let mut actions = Vec::new();
        actions.extend(
            self.changes.uncordon.iter().map(|&index| Action::Uncordon {
                node: self.name(index),
                reason: self.uncordon_reason(index),
            }),
        );
        actions.extend(self.changes.grow.iter().map(|(&maker, &nodes)| self.grow(maker, nodes)));
        actions.extend(
            self.changes
                .cordon
                .iter()
                .map(|&index| Action::Cordon { node: self.name(index), reason: self.cordon_reason(index) }),
        );
        actions.extend(
            self.deletions
                .delete
                .iter()
                .map(|&index| Action::Delete { node: self.name(index), reason: self.delete_reason(index) }),
        );
        if self.guard.is_none() {
            actions.extend(self.book_keeping());
        }

        let mut limits = self.changes.limits.clone();
        limits.extend(self.deletions.limit.clone());
        let mut warnings = self.survey.warnings.clone();
        warnings.extend(self.growth.warnings.clone());
        warnings.extend(waiting_warnings);
        warnings.extend(self.changes.decision.placement.warnings.clone());
        Plan {
            observed_at: self.survey.snapshot.observed_at(),
            before: self.before,
            band: self.band,
            after: self.after(),
            actions,
            nodes: (0..self.survey.nodes.len()).filter_map(|index| verdict(&self, index)).collect(),
            limits,
            warnings,
            guard: self.guard,
        }
    }

    fn name(&self, index: NodeIndex) -> String {
        self.survey.nodes.get(index).map(|facts| facts.node.name.clone()).unwrap_or_default()
    }

    pub(super) fn uncordon_reason(&self, index: NodeIndex) -> UncordonReason {
        if let Some(reason) = must_keep_reason(self, index) {
            return reason;
        }
        let policy = self.survey.policy;
        let serving = self.before.serving;
        if self.band == Band::Above {
            UncordonReason::AboveBand { utilization: self.before.utilization, max: policy.max_utilization }
        } else if serving < policy.min_nodes {
            UncordonReason::MinNodes { serving, min: policy.min_nodes }
        } else {
            let occupants = self.survey.nodes.get(index).map_or(0, |facts| facts.occupants);
            UncordonReason::Needed { occupants }
        }
    }

    pub(super) fn cordon_reason(&self, index: NodeIndex) -> CordonReason {
        let policy = self.survey.policy;
        let (occupants, since) = self.survey.nodes.get(index).map_or((0, None), |facts| {
            (facts.occupants, (facts.readiness == Readiness::Broken).then_some(facts.not_ready_since))
        });
        if let Some(since) = since {
            return CordonReason::Broken { since: Since(since) };
        }
        let serving = self.before.serving;
        match self.band {
            Band::Below => CordonReason::BelowBand {
                utilization: self.before.utilization,
                min: policy.min_utilization,
                occupants,
            },
            Band::Within | Band::Above if serving > policy.max_nodes => {
                CordonReason::MaxNodes { serving, max: policy.max_nodes }
            }
            Band::Within | Band::Above => CordonReason::NotNeeded { occupants },
        }
    }

    pub(super) fn delete_reason(&self, index: NodeIndex) -> DeleteReason {
        let times = self.survey.nodes.get(index).map(|facts| (facts.cordoned_at, facts.empty_since));
        let (cordoned, empty) = times.unwrap_or_default();
        DeleteReason::EmptyAndCordoned { cordoned: Since(cordoned), empty: Since(empty) }
    }

    fn grow(&self, maker: MakerIndex, nodes: usize) -> Action {
        let policy = self.survey.policy;
        let group = self.growth.makers.get(maker).and_then(|maker| maker.group);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let from = group.map_or_else(|| count(self.before.managed), |group| group.target_size);
        let decision = &self.changes.decision;
        let reason = if let Some(placed) = &decision.placement.on_new {
            GrowReason::WaitingPods { pod: placed.pod.clone(), pods: placed.pods }
        } else if self.band == Band::Above {
            GrowReason::AboveBand { utilization: self.before.utilization, max: policy.max_utilization }
        } else {
            let nodes = self.after().serving - decision.new.len();
            GrowReason::MinNodes { nodes, min: policy.min_nodes }
        };
        let group = group.map(|group| group.name.clone());
        Action::Grow { group, from, to: from.saturating_add(count(nodes)), reason }
    }

    /// Notes on nodes: written where one is empty and stays for now, removed where they are no longer true.
    fn book_keeping(&self) -> Vec<Action> {
        let (mut mark, mut unmark) = (Vec::new(), Vec::new());
        for (index, facts) in self.survey.managed() {
            let noted = |key: &str| facts.node.annotations.contains_key(key);
            let node = facts.node.name.clone();
            if facts.cordon == Cordon::None {
                let marks = [annotation::CORDONED_AT, annotation::EMPTY_SINCE, annotation::DELETING_UNTIL];
                let stale = marks.into_iter().any(noted);
                // A cordon writes its own marks over the old ones.
                if stale && cordon(&self.changes.cordons, index) == Cordon::None {
                    unmark.push(Action::Unmark { node, reason: UnmarkReason::Uncordoned });
                }
            } else if self.deletions.keep.contains_key(&index)
                && !facts.in_others_hands(self.survey.policy)
                && !facts.claimed
            {
                if facts.empty() && facts.empty_since.is_none() {
                    mark.push(Action::Mark { node, reason: MarkReason::Empty });
                } else if !facts.empty() && noted(annotation::EMPTY_SINCE) {
                    unmark.push(Action::Unmark { node, reason: UnmarkReason::Occupied });
                }
            }
        }
        mark.append(&mut unmark);
        mark
    }

    /// The cluster once every action has taken effect.
    fn after(&self) -> After {
        let decision = &self.changes.decision;
        let coming = decision.booting.iter().chain(&decision.new);
        let serving = self
            .survey
            .managed()
            .filter(|(index, facts)| facts.ready() && cordon(&self.changes.cordons, *index) == Cordon::None);
        let (mut nodes, mut capacity, mut daemons) = (0, 0, 0);
        let mut count = |more_capacity: u128, more_daemons: u128| {
            nodes += 1;
            capacity += more_capacity;
            daemons += more_daemons;
        };
        serving.for_each(|(_, facts)| count(facts.capacity, facts.daemons));
        coming.for_each(|entry| count(entry.capacity, entry.daemons));
        After {
            serving: nodes,
            booting: decision.booting.len(),
            created: decision.new.len(),
            utilization: Utilization { requested: self.before.demand + daemons, capacity },
        }
    }
}
