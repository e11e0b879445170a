//! The pool of a pod that is bound to no node. Sections 6 and 14.

use super::fit::{Shape, admits, free_of_occupants};
use super::group::GroupIndex;
use super::growth::Growth;
use super::order::{booting_nodes, is_candidate};
use super::parked::parked_nodes;
use super::places::{Nominated, Place, Stage, booting_node_free_of_occupants, places};
use super::pools::PoolIndex;
use super::state::Cordon;
use super::survey::Survey;
use crate::model::Resource;

/// The evidence that a pool may have a place for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// A place, or a known template of its groups.
    Known,
    /// An existing node, once its occupants are gone.
    OnceFree,
    /// None: the nodes of its groups are unknown.
    Unknown,
}

/// The pool of each pod: the pool with the first place for it.
pub(super) struct Homes<'s, 'a> {
    survey: &'s Survey<'a>,
    growth: &'s Growth<'a>,
    /// By pool.
    places: Vec<Vec<Place<'s>>>,
}

impl<'s, 'a> Homes<'s, 'a> {
    pub(super) fn new(survey: &'s Survey<'a>, growth: &'s Growth<'a>, nominated: &Nominated) -> Self {
        let places = if survey.pools.len() > 1 {
            let cordons: Vec<Cordon> = survey.nodes.iter().map(|facts| facts.cordon).collect();
            (0..survey.pools.len())
                .map(|pool| places(survey, growth, pool, &cordons, Resource::Memory, nominated))
                .collect()
        } else {
            Vec::new()
        };
        Self { survey, growth, places }
    }

    /// The pool that a pod belongs to; `None` if it reaches none.
    pub(super) fn of(&self, shape: Shape<'_>) -> Option<PoolIndex> {
        let reaches = |pool: &PoolIndex| self.reaches(*pool, shape);
        if self.survey.pools.len() <= 1 {
            return Some(0).filter(reaches);
        }
        let mut pools: Vec<PoolIndex> = (0..self.survey.pools.len()).filter(reaches).collect();
        pools.sort_by_key(|pool| (self.has_other_devices(*pool, shape), *pool));
        pools.into_iter().min_by_key(|pool| self.claim_of(*pool, shape))
    }

    /// The rank of a pool for a pod: by its first place, by the known templates of its groups, by its nodes once their
    /// occupants are gone. A group whose nodes are unknown takes any pod, and is no evidence.
    fn claim_of(&self, pool: PoolIndex, shape: Shape<'_>) -> (Stage, Claim) {
        let place =
            self.places.get(pool).and_then(|places| places.iter().find(|place| place.would_take_now(shape)));
        if let Some(place) = place {
            return (place.stage, Claim::Known);
        }
        // A pool at its MAX_NODES creates no node, whatever its groups would take.
        let taking = self.growth.growable(pool).filter(|_| !self.growth.is_at_max_nodes(pool));
        let mut taking = taking.filter(|(_, group)| group.would_take(shape));
        let claim = if taking.any(|(_, group)| group.template.is_some()) {
            Claim::Known
        } else if self.fits_a_node(pool, shape) || self.fits_a_reserved_node(pool, shape) {
            Claim::OnceFree
        } else {
            Claim::Unknown
        };
        (Stage::New, claim)
    }

    /// Whether a pod would fit an existing or a new node of a pool, including reserved ones, without occupants.
    fn reaches(&self, pool: PoolIndex, shape: Shape<'_>) -> bool {
        self.fits_free_of_occupants(pool, shape) || self.fits_a_reserved_node(pool, shape)
    }

    fn fits_a_reserved_node(&self, pool: PoolIndex, shape: Shape<'_>) -> bool {
        self.survey.of_pool(pool).any(|(_, facts)| {
            facts.reserved.is_some()
                && facts.ready()
                && shape.fits(&free_of_occupants(facts))
                && admits(self.survey, facts, shape)
        })
    }

    /// Whether a pod would fit a candidate of a pool or a new node without occupants.
    pub(super) fn fits_free_of_occupants(&self, pool: PoolIndex, shape: Shape<'_>) -> bool {
        let booting = self.growth.booting.iter().filter(|one| one.pool == pool).map(|one| one.group);
        let new = self.growth.growable(pool).map(|(index, _)| index);
        let group = |index: GroupIndex| self.growth.groups.get(index);
        booting.chain(new).filter_map(group).any(|group| group.would_take(shape))
            || self.fits_a_node(pool, shape)
    }

    /// Whether a pod would fit an existing candidate, including a parked node: it is woken before a node is created.
    fn fits_a_node(&self, pool: PoolIndex, shape: Shape<'_>) -> bool {
        let survey = self.survey;
        let mut ready = survey.common(pool).filter(|(_, facts)| is_candidate(survey, facts) && facts.ready());
        let to_come = || booting_nodes(survey, pool).into_iter().chain(parked_nodes(survey, pool));
        ready.any(|(_, facts)| shape.fits(&free_of_occupants(facts)) && admits(survey, facts, shape))
            || to_come()
                .filter_map(|index| booting_node_free_of_occupants(survey, self.growth, index))
                .any(|place| place.would_take_now(shape))
    }

    /// Whether the nodes of a pool have a device that a pod does not request.
    fn has_other_devices(&self, pool: PoolIndex, shape: Shape<'_>) -> bool {
        self.survey.common(pool).any(|(_, facts)| {
            facts.offer.further().any(|(name, _)| {
                crate::model::is_extended_resource(name) && shape.pod.requests.further_of(name) == 0
            })
        })
    }
}
