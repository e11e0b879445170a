//! Room for one more pod of each kind: a choice that would leave none, although a serving node has some, keeps that node.
//! Section 5.
//!
//! Memory and CPU of all pods together decide how many nodes stay. Which ones may leave users without a place all the same: by
//! another resource, a node selector, or the zone of their disks.

use super::order::{Candidate, Cordons, Entry};
use super::places::{Nominated, free_now};
use super::pools::PoolIndex;
use super::survey::Survey;
use super::taints::takes_nobody_now;
use super::user_kinds::Kind;
use super::waiting::Waiting;
use crate::model::NodeIndex;

/// The kinds of users' pods of a pool, and the room for them.
pub(super) struct LastRoom<'s, 'a> {
    survey: &'s Survey<'a>,
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
        Self { survey, nominated, kinds: survey.kinds.of(pool, zonal) }
    }

    /// The first of the nodes that would go which alone has room for a kind, and a pod of that kind. Each kind is named once.
    pub(super) fn lost(&mut self, stay: &[Entry], go: &[NodeIndex]) -> Option<(NodeIndex, String)> {
        let lost = |(at, kind): (usize, &Kind<'_>)| Some((at, self.lost_for(kind, stay, go)?));
        let (at, index) = self.kinds.iter().enumerate().find_map(lost)?;
        Some((index, self.kinds.remove(at).pod.full_name()))
    }

    fn lost_for(&self, kind: &Kind<'_>, stay: &[Entry], go: &[NodeIndex]) -> Option<NodeIndex> {
        let stays = stay.iter().filter(|entry| entry.ready).any(|entry| match entry.candidate {
            Candidate::Node(index) => self.has_some(index, kind),
            Candidate::Instance(_) | Candidate::New(_) => false,
        });
        if stays { None } else { go.iter().copied().find(|index| self.has_some(*index, kind)) }
    }

    /// Whether a Ready node has room for one more pod of a kind.
    fn has_some(&self, index: NodeIndex, kind: &Kind<'_>) -> bool {
        let Some(facts) = self.survey.nodes.get(index) else { return false };
        kind.zone.is_none_or(|zone| facts.zone == Some(zone))
            && kind.pod.requests.fits(&free_now(facts, index, &self.nominated))
            && !takes_nobody_now(facts.node)
            && self.survey.site(facts).admits(&kind.pod.constraints)
    }
}
