//! The expected next node of a group: its size, its daemons, its labels and its taints.
//!
//! ```text
//!   group's template ---------------+
//!   median of its healthy nodes ----+--> size, per resource
//!   DaemonSets on most of those ------> its daemon pods
//!   what most of those have in common -> labels and taints, once for each zone it may be in
//! ```
//!
//! No single node decides: a node that reports wrong amounts, or is about to fail, is not typical.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use look::Kin;

use super::median::lower_median_amounts;
use super::pools::PoolIndex;
use super::reach::Site;
use super::survey::{NodeFacts, Survey};
use crate::model::{Amounts, ControllerKey, Labels, NodeGroup, NodeIndex, NodeTemplate, Resource, Taint};
use crate::policy::{Bounds, CapacitySource, PartsPerMillion, Policy};

/// The expected properties of a node that does not exist yet.
#[derive(Clone, Debug)]
pub(super) struct Template<'a> {
    policy: &'a Policy,
    /// Its capacity in the utilization.
    pub(super) capacity: Amounts,
    /// Requests of its daemons that are taken into account.
    pub(super) daemons: Amounts,
    /// The requests and capacity of the group's existing nodes, if any: they may be smaller than the template.
    seen: Option<Amounts>,
    /// Its offer to all pods, including its daemons.
    pub(super) offer: Amounts,
    /// The free part of the offer once its daemons run.
    pub(super) free: Amounts,
    /// One of each of its daemons.
    each: Vec<Daemon<'a>>,
    /// Its labels, once for each zone that it may be in.
    labels: Vec<Labels>,
    /// Its lasting taints.
    pub(super) taints: Vec<Taint>,
}

/// The requests of one daemon.
#[derive(Clone, Debug)]
struct Daemon<'a> {
    controller: ControllerKey<'a>,
    requests: Amounts,
    counted: bool,
}

/// The requests of a group's daemons on each of its nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct DaemonSets<'a> {
    each: Vec<Daemon<'a>>,
    /// The requests of the daemons taken into account.
    counted: Amounts,
    /// The requests of the omitted ones.
    omitted: Amounts,
}

/// The requests of the daemons that a node does not run yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    /// The requests of the daemons taken into account.
    pub(super) counted: Amounts,
    /// The omitted ones.
    pub(super) omitted: Amounts,
}

impl<'a> Template<'a> {
    /// The template of a group's next node, or of the pool's if no group is known; `None` if its size is not known in each
    /// resource of `RESOURCES`, or nothing else is. `nodes` are the group's managed nodes.
    pub(super) fn of(
        survey: &Survey<'a>,
        group: Option<&NodeGroup>,
        pool: Option<PoolIndex>,
        nodes: &[NodeIndex],
        daemons: &DaemonSets<'a>,
    ) -> Option<Self> {
        let facts = |index: &NodeIndex| survey.nodes.get(*index);
        let healthy: Vec<&NodeFacts<'_>> =
            nodes.iter().filter_map(facts).filter(|node| node.is_typical()).collect();
        let known = group.and_then(|group| group.template.as_ref());
        if nodes.is_empty() && known.is_some_and(|template| template.only_size) {
            return None;
        }
        let median = lower_median_amounts(healthy.iter().map(|node| &node.offer));
        let seen = median.clone();
        let offer = sized(known, |template| template.allocatable.offer(&template.capacity), median)?;
        let (divided, seen) = match survey.policy.capacity {
            CapacitySource::Allocatable => {
                let without = |offer: &Amounts| offer.clone().minus(&daemons.omitted);
                (without(&offer), seen.as_ref().map(without))
            }
            CapacitySource::Capacity => {
                let reported: Vec<Amounts> =
                    healthy.iter().map(|node| node.node.capacity.offer(&node.node.capacity)).collect();
                let median = lower_median_amounts(&reported);
                let seen = median.clone();
                (sized(known, |template| template.capacity.offer(&template.capacity), median)?, seen)
            }
        };
        let all: Vec<&NodeFacts<'_>> = nodes.iter().filter_map(facts).collect();
        let kin = Kin { survey, group, pool, all: &all, healthy: &healthy };
        let known_amount = |resource: &Resource| (1..u64::MAX).contains(&divided.of(*resource));
        survey.policy.resources.iter().all(known_amount).then(|| {
            let load = daemons.counted.clone().plus(&daemons.omitted);
            Self {
                policy: survey.policy,
                capacity: divided,
                daemons: daemons.counted.clone(),
                seen,
                each: daemons.each.clone(),
                free: offer.clone().minus(&load),
                offer,
                labels: kin.labels(),
                taints: kin.taints(),
            }
        })
    }

    /// The site of the node in each of the zones that it may be in.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        let site = |labels| Site::new(labels, &self.taints, self.policy);
        self.labels.iter().map(site)
    }

    /// The resource of which its own daemons fill `MAX_UTILIZATION`, and the amount that a node offers of it: by the
    /// template, or by the existing nodes. Otherwise a run would create nodes without end if they come smaller than
    /// promised.
    pub(super) fn filled_by_daemons(
        &self,
        resources: &[Resource],
        bounds: &Bounds,
    ) -> Option<(Resource, u64)> {
        let mut filled = resources.iter().flat_map(|resource| {
            let offers = [Some(&self.capacity), self.seen.as_ref()].into_iter().flatten();
            offers.map(|offer| (*resource, offer.of(*resource)))
        });
        filled.find(|(resource, offered)| {
            let daemons = u128::from(self.daemons.of(*resource)) * u128::from(PartsPerMillion::ONE.0);
            daemons >= u128::from(*offered) * u128::from(bounds.max_utilization.0)
        })
    }

    /// The requests of the daemons that a node does not run yet; it runs the daemons of these controllers.
    pub(super) fn missing(&self, controllers: &BTreeSet<ControllerKey<'_>>) -> Missing {
        let mut missing = Missing::default();
        for daemon in self.each.iter().filter(|daemon| !controllers.contains(&daemon.controller)) {
            let part = if daemon.counted { &mut missing.counted } else { &mut missing.omitted };
            part.add(&daemon.requests);
        }
        missing
    }
}

/// The labels, in the first of its zones, and the lasting taints of a group's next node, whatever its size.
pub(super) fn look_of(
    survey: &Survey<'_>,
    group: Option<&NodeGroup>,
    pool: PoolIndex,
    nodes: &[NodeIndex],
) -> (Labels, Vec<Taint>) {
    let all: Vec<&NodeFacts<'_>> = nodes.iter().filter_map(|index| survey.nodes.get(*index)).collect();
    let healthy: Vec<&NodeFacts<'_>> = all.iter().copied().filter(|node| node.is_typical()).collect();
    let kin = Kin { survey, group, pool: Some(pool), all: &all, healthy: &healthy };
    (kin.labels().into_iter().next().unwrap_or_default(), kin.taints())
}

/// The template's size where there is one, per resource, else the median.
fn sized(
    known: Option<&NodeTemplate>,
    offer: impl Fn(&NodeTemplate) -> Amounts,
    median: Option<Amounts>,
) -> Option<Amounts> {
    let Some(template) = known else { return median };
    let mut offer = offer(template);
    if let Some(median) = median {
        // An amount that the template does not have is without bound in an offer.
        let tells = |amount: u64, median: u64| if amount == u64::MAX { median } else { amount };
        offer.memory.0 = tells(offer.memory.0, median.memory.0);
        offer.cpu.0 = tells(offer.cpu.0, median.cpu.0);
        offer.pods = tells(offer.pods, median.pods);
        if !offer.has_further() {
            offer = offer.with_further_of(&median);
        }
    }
    Some(offer)
}

/// The requests of the `DaemonSets` that have a pod on more than half of the healthy nodes of each set of nodes. `set_of`
/// names the sets of a node.
pub(super) fn daemon_sets<'a>(
    survey: &Survey<'a>,
    sets: usize,
    set_of: impl Fn(NodeIndex) -> Option<usize>,
) -> Vec<DaemonSets<'a>> {
    let healthy =
        |index: NodeIndex| survey.nodes.get(index).is_some_and(|node| node.managed() && node.is_typical());
    let mut nodes = vec![0_usize; sets];
    for index in (0..survey.nodes.len()).filter(|index| healthy(*index)) {
        if let Some(count) = set_of(index).and_then(|set| nodes.get_mut(set)) {
            *count += 1;
        }
    }
    let mut result = vec![DaemonSets::default(); sets];
    for (controller, bound) in survey.daemons.one_a_node() {
        let mut of_sets: BTreeMap<usize, Vec<(&Amounts, bool)>> = BTreeMap::new();
        for (index, requests, counted) in bound {
            if let Some(set) = set_of(index).filter(|_| healthy(index)) {
                of_sets.entry(set).or_default().push((requests, counted));
            }
        }
        for (set, pods) in of_sets {
            if nodes.get(set).is_none_or(|nodes| pods.len() * 2 <= *nodes) {
                continue;
            }
            let counted = pods.iter().all(|(_, counted)| *counted);
            let median = lower_median_amounts(pods.iter().map(|(requests, _)| *requests));
            if let (Some(sum), Some(median)) = (result.get_mut(set), median) {
                let part = if counted { &mut sum.counted } else { &mut sum.omitted };
                part.add(&median);
                sum.each.push(Daemon { controller, requests: median, counted });
            }
        }
    }
    result
}
