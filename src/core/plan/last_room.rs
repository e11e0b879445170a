//! Room for one more pod of each kind: a choice that would leave none, although a serving node has some, keeps that node.
//! Section 5.
//!
//! Memory and CPU of all pods together decide how many nodes stay. Users may be left without a place all the same: by another
//! resource, a node selector, or the zone of their disks.

use super::order::{Candidate, Cordons, Entry};
use super::places::{Nominated, free_now};
use super::pools::PoolIndex;
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use super::user_kinds::Kind;
use super::waiting::Waiting;
use crate::model::{Amounts, NodeIndex};

/// The kinds of users' pods of a pool, and the room for them.
pub(super) struct LastRoom<'s, 'a> {
    survey: &'s Survey<'a>,
    pool: PoolIndex,
    nominated: Nominated,
    /// The kinds for which no node is kept yet.
    kinds: Vec<Kind<'a>>,
}

impl<'s, 'a> LastRoom<'s, 'a> {
    pub(super) fn new(
        survey: &'s Survey<'a>,
        waiting: &Waiting<'_>,
        pool: PoolIndex,
        cordons: &Cordons,
    ) -> Self {
        let zonal = survey.policy.bounds_of(survey.pool_name(pool)).keep_zones;
        let nominated = waiting.nominated_under(survey, cordons);
        Self { survey, pool, nominated, kinds: survey.kinds.of(pool, zonal) }
    }

    /// The first of the nodes that would go which alone has room for a kind, and a pod of that kind. Each kind is named once.
    pub(super) fn lost(&mut self, stay: &[Entry], go: &[NodeIndex]) -> Option<(NodeIndex, String)> {
        let lost = |(at, kind): (usize, &Kind<'_>)| Some((at, self.lost_for(kind, stay, go)?));
        let (at, index) = self.kinds.iter().enumerate().find_map(lost)?;
        Some((index, self.kinds.remove(at).pod.full_name()))
    }

    fn lost_for(&self, kind: &Kind<'_>, stay: &[Entry], go: &[NodeIndex]) -> Option<NodeIndex> {
        let asked = &kind.pod.requests;
        let stays = |asked: &Amounts| {
            stay.iter().filter(|entry| entry.ready).any(|entry| match entry.candidate {
                Candidate::Node(index) => self.has_some(index, kind, asked),
                Candidate::Instance(_) | Candidate::New(_) => false,
            })
        };
        // The utilization decides about these resources where the pod may go to any node.
        let others = || asked.clone().without(&self.survey.policy.resources);
        if stays(asked) || (self.goes_anywhere(kind) && stays(&others())) {
            return None;
        }
        go.iter().copied().find(|index| self.has_some(*index, kind, asked))
    }

    /// Whether every common node of the pool admits the pods of a kind. A plan must not change this, so cordons do not count.
    fn goes_anywhere(&self, kind: &Kind<'_>) -> bool {
        let mut common = self.survey.of_pool(self.pool).filter(|(_, facts)| facts.common());
        common.all(|(_, facts)| self.admits(facts, kind))
    }

    fn admits(&self, facts: &NodeFacts<'_>, kind: &Kind<'_>) -> bool {
        kind.zone.is_none_or(|zone| facts.zone == Some(zone))
            && self.survey.site(facts).admits(&kind.pod.constraints)
    }

    /// Whether a Ready node has room for this amount of one more pod of a kind.
    fn has_some(&self, index: NodeIndex, kind: &Kind<'_>, asked: &Amounts) -> bool {
        self.survey.nodes.get(index).is_some_and(|facts| {
            asked.fits(&free_now(facts, index, &self.nominated))
                && !takes_nobody_now(facts.node)
                && self.admits(facts, kind)
        })
    }
}
