//! The second observation of the cluster, after the cordons and claims.

use std::collections::BTreeMap;

use super::{Judgement, Stale, is_claimed, out_of_hands, stays};
use crate::model::{Node, NodeIndex, Pod, Snapshot, annotation};
use crate::plan::{
    Cordon, Elsewhere, Late, NodeFacts, Proof, Replicas, Survey, fate_doubt, late, node_doubt, proof,
    still_mounted, volume_on_disk,
};
use crate::policy::Policy;

/// A second list of pods that proves nothing: more than half of the bound pods of the first are not on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{missing} of the {bound} bound pods listed before are not on the second list of pods: it proves nothing"
)]
pub struct Vanished {
    /// Number of missing pods.
    pub missing: usize,
    /// Number of bound pods on the first list.
    pub bound: usize,
}

/// Compares a second list of pods with the first.
#[must_use]
pub fn vanished(first: &Snapshot, second: &Snapshot) -> Option<Vanished> {
    let mut there: Vec<u64> = second.pods().iter().flat_map(Pod::fingerprints).collect();
    there.sort_unstable();
    let bound = || first.pods().iter().filter(|pod| pod.node_name.is_some()).flat_map(Pod::fingerprints);
    let missing = bound().filter(|pod| there.binary_search(pod).is_err()).count();
    let bound = bound().count();
    (missing > bound / 2).then_some(Vanished { missing, bound })
}

/// The cluster as it is after the cordons and claims: nodes as the API server returned them, and every pod listed once
/// more. A run creates it again before every try of a deletion.
#[derive(Debug)]
pub struct SecondLook<'a>(Survey<'a>);

impl<'a> SecondLook<'a> {
    /// Prepares the facts of a second observation.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        Self(Survey::new(snapshot, policy))
    }

    /// A critical pod on a node that this run has cordoned: its cordon is taken back at once.
    #[must_use]
    pub fn critical_pod(&self, node: &str) -> Option<String> {
        self.facts(node)?.1.critical.map(Pod::full_name)
    }

    /// Judges a deletion of a node that carries this run's claim.
    #[must_use]
    pub fn delete(&self, claimed: &Node) -> Judgement {
        match self.facts(&claimed.name) {
            None => Judgement::AlreadySo,
            Some((index, facts)) => {
                self.speaks_against(claimed, index, facts).map_or(Judgement::Go, Judgement::Stale)
            }
        }
    }

    /// Judges the deletion of a Node object, with the provider's latest answer about its machine.
    #[must_use]
    pub fn object(&self, planned: &Node) -> Judgement {
        let Some((_, facts)) = self.facts(&planned.name) else { return Judgement::AlreadySo };
        let (policy, snapshot) = (self.0.policy, self.0.snapshot);
        let (now, time) = (facts.node, snapshot.observed_at());
        if let Some(stale) = out_of_hands(planned, now, policy) {
            return Judgement::Stale(stale);
        }
        if let Some(pod) = facts.occupant.or(facts.loses.as_deref().map(|(pod, _)| *pod)) {
            return Judgement::Stale(Stale::Occupied { pod: pod.full_name() });
        }
        if facts.own {
            return Judgement::Stale(Stale::OwnNode);
        }
        let doubt = node_doubt(now, time).or_else(|| fate_doubt(snapshot.fates().get(&now.name)));
        match doubt.map_or_else(|| proof(now, time), Err) {
            Ok(Proof::Again(_)) => Judgement::Go,
            Ok(Proof::First | Proof::Recent(_)) => Judgement::Stale(Stale::NotFoundGone),
            Err(why) => Judgement::Stale(Stale::ObjectStays { why }),
        }
    }

    fn speaks_against(&self, claimed: &Node, index: NodeIndex, facts: &NodeFacts<'_>) -> Option<Stale> {
        let (policy, observed_at) = (self.0.policy, self.0.snapshot.observed_at());
        let now = facts.node;
        let stale = out_of_hands(claimed, now, policy).or_else(|| stays(now, policy, observed_at));
        if stale.is_some() {
            return stale;
        }
        let claim = |node: &Node| node.annotations.get(annotation::DELETING_UNTIL).cloned();
        if claim(claimed) != claim(now) || !is_claimed(now, observed_at) {
            return Some(Stale::ClaimOver);
        }
        if let Some(pod) = facts.occupant {
            return Some(Stale::Occupied { pod: pod.full_name() });
        }
        // Nodes that are deleted with it carry claims too, so a replica on one of them does not count.
        let replica = || Replicas::new(&self.0).would_lose(index, &[index].into());
        let alone = || {
            let is_open =
                |one: NodeIndex| self.0.nodes.get(one).is_some_and(|one| one.cordon == Cordon::None);
            Elsewhere::new(&self.0, BTreeMap::new()).only_here(index, is_open, &[index].into())
        };
        let alone = || alone().filter(|_| !facts.is_drained_first(policy));
        if let Some((pod, why)) = facts.loses.as_deref().cloned().or_else(replica).or_else(alone) {
            return Some(Stale::LosesPod { pod: pod.full_name(), why });
        }
        if let Some(why) = volume_on_disk(&self.0, facts) {
            return Some(Stale::OnItsDisk { why });
        }
        if facts.is_drained_first(policy)
            && let Some(pod) = facts.moves.first()
        {
            return Some(Stale::ToDrain { pod: pod.full_name() });
        }
        if let Some(why) = facts.awaits() {
            return Some(Stale::AwaitsEvicted { why });
        }
        if let Some(why) = still_mounted(&self.0, facts) {
            return Some(Stale::StillMounted { why });
        }
        if facts.own {
            return Some(Stale::OwnNode);
        }
        Some(match late(&self.0, index)? {
            Late::CordonedRecently => Stale::CordonedRecently,
            Late::Promised(pod) => Stale::LateBind { pod: pod.full_name() },
            Late::Tolerates(pod) => Stale::ToleratesCordon { pod: pod.full_name() },
        })
    }

    fn facts(&self, node: &str) -> Option<(NodeIndex, &NodeFacts<'a>)> {
        let index = self.0.snapshot.nodes().binary_search_by(|one| one.name.as_str().cmp(node)).ok()?;
        Some((index, self.0.nodes.get(index)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Build, cluster, node, pod};

    /// A claimed node may be gone by the time it is read again, after the list of pods.
    #[test]
    fn without_a_node_that_is_gone_the_others_have_the_pods_they_had() {
        let pods = ["a", "b", "c"].map(|name| pod(&format!("hub/on-{name}")).on(name));
        let snapshot = cluster(vec![node("a"), node("b"), node("c")], pods.to_vec());
        let left = snapshot.without_nodes(&["b".to_owned()].into());
        let policy = Policy::default();
        let look = SecondLook::new(&left, &policy);
        assert_eq!(look.critical_pod("a").as_deref(), Some("hub/on-a"));
        assert_eq!(look.critical_pod("c").as_deref(), Some("hub/on-c"));
        assert_eq!(look.critical_pod("b"), None);
        assert_eq!(look.delete(&node("b")), Judgement::AlreadySo);
    }
}
