//! The claims of pods on volumes, and whether a pod that waits can use them. Sections 2 and 6.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Affinity, ClaimKey, Pod, Volumes, of_no_claim};

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The name of its volume, if it has one.
    pub(super) volume: Option<String>,
    /// The pods that can still come to use it.
    pub(super) newcomers: Newcomers,
}

/// The pods that can still come to use a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newcomers {
    /// Any pod.
    Any,
    /// One, while no other pod uses it.
    WhileUnused,
    /// None: it is being deleted, or its volume is gone.
    None,
}

/// The claims that were read.
#[derive(Debug, Default)]
pub(super) struct Claims {
    found: BTreeMap<ClaimKey, Claim>,
    missing: BTreeSet<ClaimKey>,
}

impl Claims {
    /// Adds a claim that was read.
    pub(super) fn add(&mut self, claim: Option<(ClaimKey, Claim)>) {
        self.found.extend(claim);
    }

    /// Records that there is no such claim.
    pub(super) fn misses(&mut self, claim: ClaimKey) {
        self.missing.insert(claim);
    }

    /// Adds the claims that another one read.
    pub(super) fn absorb(&mut self, other: Self) {
        self.found.extend(other.found);
        self.missing.extend(other.missing);
    }

    /// The number of claims that were read.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Records the claims of refused pods that are not there, if another claim of their namespace is: then the claims of that
    /// namespace were listed.
    pub(super) fn are_listed(&mut self, pods: &[Pod]) {
        let listed: BTreeSet<&str> = self.found.keys().map(|(namespace, _)| namespace.as_str()).collect();
        let pods = pods.iter().filter(|pod| is_refused(pod) && listed.contains(&*pod.namespace));
        let missing: BTreeSet<ClaimKey> =
            pods.flat_map(claims_of).filter(|claim| !self.found.contains_key(claim)).collect();
        self.missing.extend(missing);
    }

    /// The volumes of the claims, as far as these have one that was read. A claim that a refused pod cannot use has no node.
    pub(super) fn into_volumes(self, volumes: &BTreeMap<String, Option<Affinity>>, pods: &[Pod]) -> Volumes {
        let exclusive: BTreeSet<Key<'_>> = self
            .found
            .iter()
            .filter(|(_, claim)| claim.newcomers == Newcomers::WhileUnused)
            .map(|((namespace, name), _)| (namespace.as_str(), name.as_str()))
            .collect();
        let bound = pods.iter().filter(|pod| pod.unbound.is_none());
        let used: BTreeSet<Key<'_>> = bound.flat_map(keys_of).filter(|key| exclusive.contains(key)).collect();
        let is_closed = |key: &ClaimKey| match self.found.get(key).map(|claim| claim.newcomers) {
            Some(Newcomers::Any) => false,
            Some(Newcomers::WhileUnused) => used.contains(&(key.0.as_str(), key.1.as_str())),
            Some(Newcomers::None) => true,
            None => self.missing.contains(key),
        };
        let refused: BTreeSet<ClaimKey> =
            pods.iter().filter(|pod| is_refused(pod)).flat_map(claims_of).collect();
        let closed: Vec<ClaimKey> = refused.into_iter().filter(is_closed).collect();
        let affinity = |claim: Claim| volumes.get(&claim.volume?).cloned();
        let mut known: Volumes =
            self.found.into_iter().filter_map(|(key, claim)| Some((key, affinity(claim)?))).collect();
        known.extend(closed.into_iter().map(|key| (key, of_no_claim())));
        known
    }
}

fn is_refused(pod: &Pod) -> bool {
    pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some())
}

/// A claim: namespace and name.
type Key<'a> = (&'a str, &'a str);

fn keys_of(pod: &Pod) -> impl Iterator<Item = Key<'_>> {
    pod.claims.iter().map(|claim| (&*pod.namespace, &**claim))
}

fn claims_of(pod: &Pod) -> impl Iterator<Item = ClaimKey> {
    keys_of(pod).map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{SchedulerRefusal, Unbound};

    use super::*;

    fn pod(claim: &str, unbound: Option<Unbound>) -> Pod {
        Pod {
            namespace: "hub".into(),
            claims: [claim.into()].into(),
            unbound: unbound.map(Box::new),
            ..Pod::default()
        }
    }

    fn refused(claim: &str) -> Pod {
        pod(claim, Some(Unbound { refusal: Some(SchedulerRefusal::default()), ..Unbound::default() }))
    }

    fn key(name: &str) -> ClaimKey {
        ("hub".to_owned(), name.to_owned())
    }

    fn claims(newcomers: Newcomers) -> Claims {
        let mut claims = Claims::default();
        claims.add(Some((key("home"), Claim { volume: Some("pv".to_owned()), newcomers })));
        claims
    }

    fn volumes(claims: Claims, pods: &[Pod]) -> Volumes {
        claims.into_volumes(&BTreeMap::from([("pv".to_owned(), None)]), pods)
    }

    #[test]
    fn a_claim_that_takes_no_newcomer_has_no_node_for_a_refused_pod() {
        let running = || pod("home", None);
        let starting = || pod("home", Some(Unbound::default()));
        for (newcomers, pods, expected) in [
            (Newcomers::Any, vec![refused("home"), running()], None),
            (Newcomers::WhileUnused, vec![refused("home")], None),
            (Newcomers::WhileUnused, vec![refused("home"), refused("home"), starting()], None),
            (Newcomers::WhileUnused, vec![refused("home"), running()], of_no_claim()),
            (Newcomers::WhileUnused, vec![running()], None),
            (Newcomers::None, vec![refused("home")], of_no_claim()),
            // What runs there uses it to the end.
            (Newcomers::None, vec![running(), starting()], None),
        ] {
            let found = volumes(claims(newcomers), &pods);
            assert_eq!(found, Volumes::from([(key("home"), expected)]), "{newcomers:?} {pods:?}");
        }
    }

    #[test]
    fn a_claim_that_is_not_there_has_no_node_where_claims_were_listed() {
        let pods = [refused("none"), pod("none-either", None)];
        assert_eq!(volumes(claims(Newcomers::Any), &pods), Volumes::from([(key("home"), None)]));
        let mut listed = claims(Newcomers::Any);
        listed.are_listed(&pods);
        let expected = Volumes::from([(key("home"), None), (key("none"), of_no_claim())]);
        assert_eq!(volumes(listed, &pods), expected);
        // Of another namespace no claim was listed.
        let mut listed = claims(Newcomers::Any);
        let elsewhere = Pod { namespace: "lab".into(), ..refused("none") };
        listed.are_listed(std::slice::from_ref(&elsewhere));
        assert_eq!(volumes(listed, &[elsewhere]), Volumes::from([(key("home"), None)]));
    }
}
