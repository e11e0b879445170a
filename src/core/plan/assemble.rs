//! Puts the plan together: actions in the order in which they are carried out, counts, limits and warnings.

use std::collections::BTreeSet;

use super::action::Action;
use super::decided::{PoolNow, Run};
use super::group::GroupIndex;
use super::halves::of_halves;
use super::notes::Limit;
use super::order::cordon;
use super::pack::steering;
use super::pools::PoolIndex;
use super::reason::{EvictReason, GrowReason, MarkReason, UnmarkReason};
use super::state::Cordon;
use super::utilization::Band;
use super::value::{NodeVerdict, Plan, PoolPlan};
use super::verdict::verdict;
use super::{notices, remember};
use crate::model::{NodeIndex, Pod, annotation};
use crate::policy::AdoptCordons;

impl Run<'_, '_> {
    /// Makes the plan from the decisions.
    pub(super) fn plan(self) -> Plan {
        let mut actions = Vec::new();
        let changes = &self.changes;
        actions.extend(
            changes.uncordon.iter().map(|&index| Action::Uncordon {
                node: self.name(index),
                reason: self.uncordon_reason(index),
            }),
        );
        actions.extend(changes.wake.iter().zip(self.wake_instead()).map(|(&index, instead)| Action::Wake {
            node: self.name(index),
            instead,
            reason: self.wake_reason(index),
        }));
        actions.extend(changes.grow.iter().filter_map(|(&group, &nodes)| self.grow(group, nodes)));
        actions.extend(
            changes
                .cordon
                .iter()
                .map(|&index| Action::Cordon { node: self.name(index), reason: self.cordon_reason(index) }),
        );
        actions.extend(self.deletions.delete.iter().map(|&index| self.give_back(index)));
        let mut limit = self.deletions.limit.clone();
        if self.guard.is_none() {
            actions.extend(self.never_registered(&mut limit));
            actions
                .extend(self.drains.evict.iter().map(|(index, pod, reason)| self.evict(*index, pod, reason)));
            actions.extend(self.objects.delete.iter().cloned());
            actions.extend(self.book_keeping());
            actions.extend(steering(&self));
        }
        let mut warnings = self.survey.warnings.clone();
        warnings.extend(self.growth.warnings.iter().cloned());
        warnings.extend(self.waiting.warnings.iter().cloned());
        let placements = changes.decisions.iter().map(|decision| &decision.placement);
        warnings.extend(placements.flat_map(|placement| placement.warnings.iter().cloned()));
        let mut limits = changes.limits.clone();
        limits.extend(limit);
        limits.extend(self.drains.limit.clone());
        Plan {
            observed_at: self.survey.snapshot.observed_at(),
            pools: (0..self.survey.pools.len()).filter_map(|pool| self.pool_plan(pool)).collect(),
            actions,
            nodes: self.verdicts(),
            limits,
            warnings,
            guard: self.guard,
            notices: notices::notices(&self),
            ledger: remember::ledger(&self),
        }
    }

    fn verdicts(&self) -> Vec<NodeVerdict> {
        let halves = of_halves(&self.survey.nodes, |begin, nodes| {
            let of_node = |(index, facts)| verdict(self, index, facts);
            (begin..).zip(nodes).map(of_node).collect::<Vec<_>>()
        });
        let mut halves = halves.into_iter();
        let mut verdicts = halves.next().unwrap_or_default();
        verdicts.extend(halves.flatten());
        verdicts
    }

    fn pool_plan(&self, pool: PoolIndex) -> Option<PoolPlan> {
        let PoolNow { before, demand, used, band } = self.now.get(pool)?.clone();
        let limits = self.changes.decisions.get(pool).map(|decision| decision.limits.clone());
        let name = self.survey.pool_name(pool).to_owned();
        let expectation = self.waiting.expectations.get(pool).cloned().unwrap_or_default();
        Some(PoolPlan {
            name,
            before,
            demand,
            used,
            expectation,
            band,
            after: self.after(pool)?,
            limits: limits.unwrap_or_default(),
        })
    }

    fn give_back(&self, index: NodeIndex) -> Action {
        let (node, restarts) = (self.name(index), self.restarts(index));
        if self.deletions.park.contains(&index) {
            Action::Park { node, reason: self.park_reason(index), restarts }
        } else {
            Action::Delete { node, reason: self.delete_reason(index), restarts }
        }
    }

    fn evict(&self, index: NodeIndex, pod: &Pod, reason: &EvictReason) -> Action {
        Action::Evict {
            node: self.name(index),
            namespace: pod.namespace.to_string(),
            pod: pod.name.to_string(),
            uid: pod.eviction.as_ref().map(|facts| facts.uid.to_string()).unwrap_or_default(),
            controller: pod.controller.as_ref().map(|one| one.uid.clone()).unwrap_or_default(),
            reason: reason.clone(),
        }
    }

    /// The pods of a node that their controllers recreate elsewhere.
    fn restarts(&self, index: NodeIndex) -> Vec<String> {
        let moves = self.survey.nodes.get(index).map(|facts| facts.moves.as_slice()).unwrap_or_default();
        let mut names: Vec<String> = moves
            .iter()
            .filter_map(|pod| {
                let controller = pod.controller.as_ref()?;
                Some(format!("{} of {} {}", pod.full_name(), controller.kind, controller.name))
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn grow(&self, group: GroupIndex, nodes: usize) -> Option<Action> {
        let of = self.growth.groups.get(group)?;
        let pool = of.pool?;
        let now = self.now.get(pool)?;
        let decision = self.changes.decisions.get(pool)?;
        let bounds = self.survey.policy.bounds_of(self.survey.pool_name(pool));
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let from = of.group.map_or_else(|| count(now.before.managed), |group| group.target_size);
        let reason = if let Some(placed) = &decision.placement.on_new {
            GrowReason::WaitingPods { pod: placed.pod.clone(), pods: placed.pods }
        } else if now.band == Band::Above {
            GrowReason::AboveBand { utilization: now.before.utilization, max: bounds.max_utilization }
        } else {
            let nodes = self.after(pool)?.serving - decision.new.len();
            GrowReason::MinNodes { nodes, min: bounds.min_nodes }
        };
        let name = of.group.map(|group| group.name.clone());
        let instead = self.instead_of(group, pool);
        let pool = self.survey.pool_name(pool).to_owned();
        Some(Action::Grow { pool, group: name, from, to: from.saturating_add(count(nodes)), instead, reason })
    }

    /// Instances that never became a node, within the rest of `MAX_DELETIONS`.
    fn never_registered(&self, limit: &mut Option<Limit>) -> Vec<Action> {
        let policy = self.survey.policy;
        let budget = policy.max_deletions.allows(self.survey.managed().count());
        let left = budget.saturating_sub(self.deletions.delete.len());
        let found = &self.growth.never_registered;
        if found.len() > left {
            let (asked, allowed) = match limit {
                Some(Limit::MaxDeletions { asked, allowed }) => (*asked, *allowed),
                _ => (self.deletions.delete.len(), self.deletions.delete.len()),
            };
            *limit = Some(Limit::MaxDeletions { asked: asked + found.len(), allowed: allowed + left });
        }
        let action = |one: &super::growth::NeverRegistered<'_>| Action::DeleteInstance {
            pool: self.survey.pool_name(one.pool).to_owned(),
            group: one.group.name.clone(),
            instance: one.instance.name.clone(),
            reason: one.reason.clone(),
        };
        found.iter().take(left).map(action).collect()
    }

    /// Notes on nodes: written where one is empty and stays for now, removed where they are no longer true.
    fn book_keeping(&self) -> Vec<Action> {
        let (mut mark, mut unmark) = (Vec::new(), Vec::new());
        let with_objects: BTreeSet<&str> =
            self.objects.notes.iter().chain(&self.objects.delete).filter_map(Action::node).collect();
        for (index, facts) in self.survey.managed().filter(|(_, facts)| !facts.claimed) {
            let has = |key: &str| facts.node.annotations.contains_key(key);
            let node = || facts.node.name.clone();
            let claim = facts.has_claim_note();
            if facts.cordon == Cordon::None {
                let stale = !facts.bare && (claim || annotation::NOTES.into_iter().any(has));
                // A cordon writes its own marks over the old ones.
                if stale && cordon(&self.changes.cordons, index) == Cordon::None {
                    unmark.push(Action::Unmark { node: node(), reason: UnmarkReason::Uncordoned });
                }
                continue;
            }
            if !self.deletions.keep.contains_key(&index) {
                continue;
            }
            let ours_to_note = facts.cordon == Cordon::Ours
                || self.survey.policy.adopt_cordons != AdoptCordons::Never && !facts.protected();
            // Our taint keeps pods away, so an expired claim is removed first, no matter who cordoned the
            // node.
            if claim {
                unmark.push(Action::Unmark { node: node(), reason: UnmarkReason::ClaimOver });
            } else if with_objects.contains(facts.node.name.as_str()) {
                // The notes on its machine; one patch a node.
            } else if facts.empty() && facts.empty_since.is_none() && ours_to_note {
                mark.push(Action::Mark { node: node(), reason: MarkReason::Empty });
            } else if !facts.empty() && has(annotation::EMPTY_SINCE) && ours_to_note {
                unmark.push(Action::Unmark { node: node(), reason: UnmarkReason::Occupied });
            }
        }
        mark.append(&mut unmark);
        mark.extend(self.objects.notes.iter().cloned());
        mark
    }
}
