//! Placing: finds a place for each refused pod of a pool, and the nodes that this needs. Section 6.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::Shape;
use super::group::{GroupIndex, NewNodes};
use super::growth::Growth;
use super::hold::{Held, Holds};
use super::needs::{Must, Needs, Placed};
use super::notes::Warning;
use super::once::why_not_again;
use super::order::{Candidate, Cordons};
use super::places::{Place, Stage, new_place, places};
use super::pools::PoolIndex;
use super::reach::TurnedAway;
use super::survey::Survey;
use super::taints::written;
use super::template::Template;
use super::waiting::{HOUR, ShapeKey, Waiting, WaitingPod};
use crate::model::{NodeIndex, Resource};

/// The places of a pool's refused pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    pub(super) needs: Needs,
    /// The place of each pod, in the order of [`Waiting::placeable`].
    pub(super) fates: Vec<Fate>,
    /// The pods on new nodes.
    pub(super) on_new: Option<Placed>,
    /// The pods of each node in [`Needs::new`], parallel to it.
    pub(super) new_for: Vec<Vec<usize>>,
    pub(super) warnings: Vec<Warning>,
}

/// The place of a refused pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has room on this node, which serves, is uncordoned, reserved, parked or booting.
    OnNode(NodeIndex, Stage),
    /// It has room on an instance that boots.
    OnInstance(usize),
    /// It has room on the node to be created with this index in [`Needs::new`].
    OnNew(usize),
    /// The scheduler refuses it for another reason than its requests; these nodes are kept or uncordoned for it.
    Held(Vec<NodeIndex>),
    /// A run does nothing for it, for this reason.
    Nothing(String),
}

/// The state of placing.
struct Placing<'s, 'a> {
    survey: &'s Survey<'a>,
    growth: &'s Growth<'a>,
    pool: PoolIndex,
    /// The existing places, then the places on new nodes.
    places: Vec<Place<'s>>,
    existing: usize,
    /// The groups that create further nodes, after the new nodes so far.
    further: NewNodes<'s>,
    /// Room only shrinks, so the search for a pod may start at the place of the last equal one.
    starts: BTreeMap<ShapeKey<'s>, usize>,
    placement: Placement,
    by_node: BTreeMap<NodeIndex, Placed>,
    /// The nodes that are held, and the instances that are needed. One entry in [`Needs`] is enough for all pods of a node.
    held: BTreeSet<NodeIndex>,
    instances: BTreeSet<usize>,
}

/// Places the refused pods of a pool, each on the first place that takes it.
pub(super) fn place<'s>(
    survey: &'s Survey<'s>,
    growth: &'s Growth<'s>,
    waiting: &'s Waiting<'s>,
    pool: PoolIndex,
    cordons: &Cordons,
    resource: Resource,
) -> Placement {
    let nominated = waiting.nominees.iter().filter(|(index, _)| {
        survey.nodes.get(**index).is_some_and(|facts| facts.pool == pool && facts.common())
    });
    let mut placement = Placement::default();
    placement.needs.nodes = nominated.map(|(index, pod)| (*index, Must::Nominated(pod.clone()))).collect();
    let pods = waiting.placeable.get(pool).map(Vec::as_slice).unwrap_or_default();
    if pods.is_empty() {
        return placement;
    }
    let nominated = waiting.nominated_under(survey, cordons);
    let places = places(survey, growth, pool, cordons, resource, &nominated);
    let mut holds = Holds::new(survey, &places);
    let mut placing = Placing {
        survey,
        growth,
        pool,
        existing: places.len(),
        places,
        further: growth.order(pool),
        starts: BTreeMap::new(),
        placement,
        by_node: BTreeMap::new(),
        held: BTreeSet::new(),
        instances: BTreeSet::new(),
    };
    for (index, one) in pods.iter().enumerate() {
        // In the outcome, which the next run sees, such a pod does not wait: so this run does not keep nodes for it
        // alone.
        let fate = match one.settled_on(survey, cordons) {
            Some(node) => Fate::OnNode(node, Stage::Serving),
            None => match holds.of(one, &placing.places) {
                Some(held) => placing.hold(one, held),
                None => placing.place(index, one),
            },
        };
        placing.placement.fates.push(fate);
    }
    placing.finish()
}

impl<'s> Placing<'s, '_> {
    /// Keeps or uncordons the nodes that may take a pod which the scheduler refuses for another reason than its
    /// requests.
    fn hold(&mut self, one: &WaitingPod<'_>, held: Held) -> Fate {
        let node =
            self.survey.nodes.get(held.serving).map(|facts| facts.node.name.clone()).unwrap_or_default();
        let message = one.unbound.refusal.as_ref().map(|refusal| refusal.message.clone()).unwrap_or_default();
        let pod = one.pod.full_name();
        let warning = Warning::RefusedByScheduler { pod: pod.clone(), node, message };
        let words = warning.to_string();
        self.placement.warnings.push(warning);
        if one.age.is_some_and(|age| age >= HOUR) {
            // No further node is uncordoned for it. The node that it fits stays: if it were cordoned, the pod would
            // fit no serving node, and the next run would uncordon it again.
            self.keep(held.serving_then, &pod);
            return Fate::Nothing(words);
        }
        for index in &held.nodes {
            self.keep(*index, &pod);
        }
        Fate::Held(held.nodes)
    }

    /// Keeps a node for a pod that the scheduler refuses elsewhere.
    fn keep(&mut self, index: NodeIndex, pod: &str) {
        if self.held.insert(index) {
            self.placement.needs.nodes.push((index, Must::RefusedElsewhere(pod.to_owned())));
        }
    }

    fn place(&mut self, index: usize, one: &WaitingPod<'s>) -> Fate {
        let shape = one.shape();
        let start = self.starts.get(&one.key()).copied().unwrap_or(0);
        let found = self.places.iter().skip(start).position(|place| place.takes(shape));
        let position = match found {
            Some(offset) => start + offset,
            None => match self.create(one) {
                Ok(position) => position,
                Err(warning) => {
                    let words = warning.to_string();
                    self.placement.warnings.push(warning);
                    self.starts.insert(one.key(), self.places.len());
                    return Fate::Nothing(words);
                }
            },
        };
        self.starts.insert(one.key(), position);
        let Some(place) = self.places.get_mut(position) else { return Fate::Nothing(String::new()) };
        place.left.take(&one.pod.requests);
        let (at, stage) = (place.at, place.stage);
        let new_index = position.saturating_sub(self.existing);
        match at {
            Candidate::Node(node) => {
                let is_first = !self.by_node.contains_key(&node);
                count(self.by_node.entry(node).or_insert_with(|| placed(one)));
                let needs = &mut self.placement.needs;
                match stage {
                    Stage::Reserved => {}
                    Stage::ReservedCordoned => {
                        count(needs.reserved.entry(node).or_insert_with(|| placed(one)));
                    }
                    Stage::Serving | Stage::Cordoned | Stage::Booting | Stage::Parked | Stage::New => {
                        if is_first {
                            needs.nodes.push((node, Must::Waiting(placed(one))));
                        }
                    }
                }
                Fate::OnNode(node, stage)
            }
            Candidate::Instance(instance) => {
                if self.instances.insert(instance) {
                    self.placement.needs.instances.push(instance);
                }
                Fate::OnInstance(instance)
            }
            Candidate::New(_) => {
                count(self.placement.on_new.get_or_insert_with(|| placed(one)));
                if let Some(pods) = self.placement.new_for.get_mut(new_index) {
                    pods.push(index);
                }
                Fate::OnNew(new_index)
            }
        }
    }

    /// Adds a new node for a pod, in a group whose nodes take it.
    fn create(&mut self, one: &WaitingPod<'_>) -> Result<usize, Warning> {
        let mut blocked: Option<(GroupIndex, String)> = None;
        let mut refused = BTreeSet::new();
        loop {
            let suits = |index: GroupIndex| {
                !refused.contains(&index)
                    && self.growth.groups.get(index).is_some_and(|group| group.would_take(one.shape()))
            };
            // A group that creates nothing for the pod adds nothing to its zone.
            let Some(group) = self.further.first(suits) else { break };
            match why_not_again(self.survey, self.growth, group, one) {
                None => {
                    self.further.take(|index| index == group);
                    self.placement.needs.new.push(group);
                    self.placement.new_for.push(Vec::new());
                    self.places.push(new_place(self.growth, group));
                    return Ok(self.places.len() - 1);
                }
                Some(why) => {
                    blocked.get_or_insert((group, why));
                    refused.insert(group);
                }
            }
        }
        let pod = one.pod.full_name();
        Err(match blocked {
            Some((group, lacks)) => {
                let group =
                    self.growth.groups.get(group).map(|group| group.name().to_owned()).unwrap_or_default();
                Warning::NewNodeDidNotHelp { pod, group, lacks }
            }
            None => Warning::NoRoom { pod, why: self.why_no_new_node(one.shape()) },
        })
    }

    /// The reason why no new node takes a pod: what the first group that can grow would make.
    fn why_no_new_node(&self, shape: Shape<'_>) -> String {
        let Some((_, group)) = self.growth.growable(self.pool).next() else {
            return "no node group of its pool can grow".to_owned();
        };
        let sites = group.template.iter().flat_map(Template::sites);
        let away: Option<Vec<TurnedAway<'_>>> =
            sites.map(|site| site.turns_away(shape.pod, shape.places)).collect();
        if let Some(why) = away.and_then(|away| away.into_iter().next()) {
            return unlike(why, group.group.is_none());
        }
        let free =
            group.template.as_ref().map(|template| template.free.clone()).or_else(|| group.known_size());
        let lacks = free.and_then(|free| shape.pod.requests.lacks(&free));
        match lacks {
            Some(lacks) => format!("a new node would not take it: {lacks}"),
            None => "a new node would not take it".to_owned(),
        }
    }

    /// The placement, with each node's pods counted.
    fn finish(mut self) -> Placement {
        for (index, must) in &mut self.placement.needs.nodes {
            if let (Must::Waiting(placed), Some(counted)) = (&mut *must, self.by_node.get(index)) {
                placed.clone_from(counted);
            }
        }
        self.placement
    }
}

/// The words for a new node that does not admit a pod. Where no group is known, a new node is like all nodes of its pool, and
/// has no label that only some of them have.
fn unlike(why: TurnedAway<'_>, no_group: bool) -> String {
    let hint = if no_group {
        "; not all nodes of its pool have it. NODE_SELECTOR or POOL_LABEL can separate the nodes"
    } else {
        ""
    };
    match why {
        TurnedAway::Label { key, value } => {
            format!("a new node would not have the label {key}={value}{hint}")
        }
        TurnedAway::Affinity => format!("a new node would not meet its required node affinity{hint}"),
        TurnedAway::Volume => "a new node would not be where its volume is".to_owned(),
        TurnedAway::Taint(taint) => {
            format!("a new node would have the taint {}", written(&taint.key, &taint.value, taint.effect))
        }
        TurnedAway::Windows => "a new node would run Windows".to_owned(),
    }
}

fn placed(one: &WaitingPod<'_>) -> Placed {
    Placed { pod: one.pod.full_name(), pods: 0 }
}

fn count(placed: &mut Placed) {
    placed.pods += 1;
}
