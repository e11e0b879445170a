//! The labels and the taints of a group's next node. Most of its healthy nodes decide: a kubelet may write labels of its own
//! node, and a dead node may have lost its taint. Section 5.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Labels, Node, NodeGroup, NodeTemplate, Taint, TaintEffect};
use crate::plan::common::dedicates;
use crate::plan::pools::PoolIndex;
use crate::plan::survey::{NodeFacts, Survey};
use crate::plan::taints::{lasting, tolerates};

/// The label that no two nodes share.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The label that names a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// The nodes that show what the next one is like.
#[derive(Clone, Copy)]
pub(super) struct Kin<'k, 'a> {
    pub(super) survey: &'k Survey<'a>,
    pub(super) group: Option<&'k NodeGroup>,
    pub(super) pool: Option<PoolIndex>,
    /// The managed nodes of the group.
    pub(super) all: &'k [&'k NodeFacts<'a>],
    /// The healthy ones among them.
    pub(super) healthy: &'k [&'k NodeFacts<'a>],
}

/// The candidate for the value of a label that more than half of the nodes have.
struct Candidate<'n> {
    value: &'n str,
    /// The nodes with this value, less the ones with another value, since it became the candidate.
    lead: usize,
    /// The nodes with the label.
    labelled: usize,
}

impl<'k> Kin<'k, '_> {
    fn template(&self) -> Option<&'k NodeTemplate> {
        self.group.and_then(|group| group.template.as_ref())
    }

    /// The nodes whose majority decides: the healthy ones, or all if none is healthy.
    fn judges(&self) -> impl Iterator<Item = &'k Node> + Clone {
        let judges = if self.healthy.is_empty() { self.all } else { self.healthy };
        judges.iter().map(|facts| facts.node)
    }

    /// The labels of a new node, once for each zone.
    pub(super) fn labels(&self) -> Vec<Labels> {
        // Without node groups, nodes of several kinds are one group.
        let mut shared = match self.group {
            Some(_) => of_most(&self.judges()),
            None => of_all(self.all),
        };
        // A label of the template that none of the nodes has is one that they do not get.
        let exists = |key: &str| {
            self.healthy.is_empty() || self.all.iter().any(|facts| facts.node.labels.contains_key(key))
        };
        for (key, value) in self.template().into_iter().flat_map(|template| template.labels.iter()) {
            if exists(key) {
                shared.insert_missing(key, value);
            }
        }
        shared.remove(HOSTNAME);
        let mut zones: Vec<String> = match self.group {
            Some(NodeGroup { zone: Some(zone), .. }) => vec![zone.clone()],
            Some(NodeGroup { zones, .. }) => zones.clone(),
            None => Vec::new(),
        };
        if zones.is_empty() {
            let distinct: BTreeSet<&str> = self.all.iter().filter_map(|node| node.zone).collect();
            zones = distinct.into_iter().map(str::to_owned).collect();
        }
        zones.sort_unstable();
        zones.dedup();
        if zones.is_empty() {
            return vec![shared];
        }
        let healthy: Vec<&Node> = self.healthy.iter().map(|facts| facts.node).collect();
        let further = if healthy.is_empty() {
            let of_cluster: Vec<&Node> = self.survey.managed().map(|(_, facts)| facts.node).collect();
            zone_labels(&of_cluster, false)
        } else {
            zone_labels(&healthy, true)
        };
        let in_zone = |zone: String| {
            let mut labels = shared.clone();
            for key in &further {
                labels.insert(*key, zone.as_str());
            }
            labels.insert(ZONE.to_owned(), zone);
            labels
        };
        zones.into_iter().map(in_zone).collect()
    }

    /// The lasting taints of a new node. Without nodes, the template names them.
    pub(super) fn taints(&self) -> Vec<Taint> {
        let policy = self.survey.policy;
        let named = self.template().map(|template| template.taints.as_slice()).unwrap_or_default();
        let seen = self.all.iter().flat_map(|facts| lasting(&facts.node.taints, policy));
        let distinct: BTreeMap<_, &Taint> = seen
            .chain(lasting(named, policy))
            .map(|taint| ((&taint.key, &taint.value, taint.effect), taint))
            .collect();
        let new = distinct.into_values().filter(|taint| self.has_taint(taint, has(named, taint)));
        new.cloned().collect()
    }

    /// Whether a new node has this taint. `named`: the template names it.
    fn has_taint(&self, taint: &Taint, named: bool) -> bool {
        if named {
            // A taint of the template that none of the nodes has is one that nodes lose once they are set up.
            return self.healthy.is_empty() || self.all.iter().any(|facts| has(&facts.node.taints, taint));
        }
        let tainted = self.judges().filter(|node| has(&node.taints, taint)).count();
        // In doubt a new node has it: a pod that does not tolerate it must not buy one.
        2 * tainted >= self.judges().count() && !self.came_later(taint)
    }

    /// Whether a taint came to the nodes after their users, none of whom tolerates it: a person recycles the nodes, and a new
    /// one does not have it. The taint is on every node of the pool, or on some nodes of the group alone, which has users.
    fn came_later(&self, taint: &Taint) -> bool {
        let (survey, Some(pool)) = (self.survey, self.pool) else { return false };
        let exists = |facts: &NodeFacts<'_>| !survey.is_only_object(facts);
        let on_a_common_node =
            survey.common(pool).any(|(_, facts)| exists(facts) && has(&facts.node.taints, taint));
        // A Node object without a machine shows nothing of a new node. But it may be the reason why the other nodes are reserved.
        let shows = |facts: &NodeFacts<'_>| !on_a_common_node || exists(facts);
        let of_pool = survey.of_pool(pool).filter(|(_, facts)| shows(facts));
        let of_pool: Vec<&Node> = of_pool.map(|(_, facts)| facts.node).collect();
        let is_used =
            |facts: &&'k NodeFacts<'_>| facts.dynamic_requests.pods + facts.placeholder_requests.pods > 0;
        let lacks_it = |facts: &&'k NodeFacts<'_>| !has(&facts.node.taints, taint);
        let on_some = || self.all.iter().any(lacks_it) && self.all.iter().any(is_used);
        let mut users = survey.population.bound_to(pool).peekable();
        taint.effect == TaintEffect::NoSchedule
            && !dedicates(taint, &of_pool)
            && users.peek().is_some()
            && !users.any(|constraints| tolerates(constraints, &taint.key, &taint.value, taint.effect))
            && (of_pool.iter().all(|node| has(&node.taints, taint)) || on_some())
    }
}

/// The labels that all nodes have with the same value. A label that names an only node is left out.
fn of_all(nodes: &[&NodeFacts<'_>]) -> Labels {
    let Some((first, rest)) = nodes.split_first() else { return Labels::default() };
    let everywhere = |key: &str, value: &str| {
        (!rest.is_empty() || !names_the_host(first.node, key, value))
            && rest.iter().all(|node| node.node.labels.get(key) == Some(value))
    };
    first.node.labels.filtered(everywhere)
}

/// The labels that more than half of the nodes have with the same value, if at most one in ten, or one in all, has another value:
/// where more have, the group has nodes of several kinds. The label of a driver for local disks, such as
/// `topology.topolvm.io/node`, names one node: where there is only one, it is left out.
fn of_most<'n>(nodes: &(impl Iterator<Item = &'n Node> + Clone)) -> Labels {
    let mut candidates: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    let (mut one, mut all) = (None, 0_usize);
    for node in nodes.clone() {
        (one, all) = (Some(node), all + 1);
        for (key, value) in node.labels.iter() {
            let candidate = candidates.entry(key).or_insert(Candidate { value, lead: 0, labelled: 0 });
            candidate.labelled += 1;
            if candidate.value == value {
                candidate.lead += 1;
            } else if candidate.lead == 0 {
                (candidate.value, candidate.lead) = (value, 1);
            } else {
                candidate.lead -= 1;
            }
        }
    }
    let is_most = |key: &str, candidate: &Candidate<'_>| {
        let agree = || nodes.clone().filter(|node| node.labels.get(key) == Some(candidate.value)).count();
        candidate.lead == all
            || 2 * candidate.labelled > all && {
                let agree = agree();
                2 * agree > all && candidate.labelled - agree <= (all / 10).max(1)
            }
    };
    let names_it =
        |key: &str, value: &str| all == 1 && one.is_some_and(|node| names_the_host(node, key, value));
    let most = candidates.into_iter().filter(|(key, candidate)| is_most(key, candidate));
    most.map(|(key, candidate)| (key, candidate.value)).filter(|(key, value)| !names_it(key, value)).collect()
}

/// Whether a label has the name of a node or its host for its value, and `node` or `host` in its own name.
fn names_the_host(node: &Node, key: &str, value: &str) -> bool {
    let of_a_host = |key: &str| ["node", "host"].iter().any(|word| key.contains(word));
    (value == node.name || node.labels.get(HOSTNAME) == Some(value))
        && key.rsplit('/').next().is_some_and(of_a_host)
}

/// The further labels that name the zone of a node. A CSI driver sets one of its own, such as
/// `topology.ebs.csi.aws.com/zone`, and the volumes that it makes ask for that one. More than half of these nodes have their
/// own zone there; without `everywhere`, more than half of those with the label. A majority decides, because a kubelet may
/// write the label, and a driver may leave it empty.
fn zone_labels<'n>(nodes: &[&'n Node], everywhere: bool) -> BTreeSet<&'n str> {
    let value = |node: &'n Node, key: &str| node.labels.get(key).filter(|zone| !zone.is_empty());
    let is_named = |key: &&str| {
        let labelled = || nodes.iter().filter_map(|node| Some((value(node, key)?, node.zone())));
        let agree = labelled().filter(|(zone, own)| Some(*zone) == *own).count();
        2 * agree > if everywhere { nodes.len() } else { labelled().count() }
    };
    let keys = nodes.iter().flat_map(|node| node.labels.keys()).filter(|key| key.ends_with("/zone"));
    let keys: BTreeSet<&str> = keys.filter(|key| *key != ZONE).collect();
    keys.into_iter().filter(is_named).collect()
}

fn has(taints: &[Taint], taint: &Taint) -> bool {
    let same =
        |other: &Taint| (&other.key, &other.value, other.effect) == (&taint.key, &taint.value, taint.effect);
    taints.iter().any(same)
}

#[cfg(test)]
mod tests;
