//! The kinds of users' pods in each pool, counted in the walk over the pods.
//!
//! A kind is what decides where the next pod like these finds room: requests, constraints and, of a pod with claims, the zone of
//! its node, because disks are zonal.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::pools::PoolIndex;
use crate::model::{Amounts, Constraints, Pod};

/// A kind counts if at least one in this many users' pods of its pool is of it: so a pool has at most this many kinds, and a
/// tenant must run a share of all pods for each.
const ONE_IN: usize = 100;

/// The number of places that remember a kind. Users mostly choose among a few sizes.
const SLOTS: usize = 64;

/// A kind of users' pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind<'a> {
    /// The first of its pods by name.
    pub(super) pod: &'a Pod,
    /// The zone in which its pods must run, if that is known and `KEEP_ZONES` is set.
    pub(super) zone: Option<&'a str>,
    pods: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    pool: PoolIndex,
    /// The address of the constraints, which pods share.
    constraints: usize,
    requests: &'a Amounts,
    zone: Option<&'a str>,
}

/// The users' pods on the nodes of all pools, by their kinds.
#[derive(Debug)]
pub(super) struct Kinds<'a> {
    found: Vec<(Key<'a>, Kind<'a>)>,
    known: BTreeMap<Key<'a>, usize>,
    /// The place in `found` of the last kind that was counted in each slot.
    recent: Vec<usize>,
}

impl Default for Kinds<'_> {
    fn default() -> Self {
        Self { found: Vec::new(), known: BTreeMap::new(), recent: vec![usize::MAX; SLOTS] }
    }
}

impl<'a> Kinds<'a> {
    /// Counts a user's pod on a node of this pool and zone.
    #[inline]
    pub(super) fn add(&mut self, pool: PoolIndex, zone: Option<&'a str>, pod: &'a Pod) {
        let key = Key {
            pool,
            constraints: std::sync::Arc::as_ptr(&pod.constraints).addr(),
            requests: &pod.requests,
            zone: zone.filter(|_| !pod.claims.is_empty()),
        };
        let slot = key.slot();
        let recent = self.recent.get(slot).copied().unwrap_or(usize::MAX);
        // Pods come sorted by name, so the first one stays the first.
        if let Some((last, kind)) = self.found.get_mut(recent)
            && *last == key
        {
            kind.pods = kind.pods.saturating_add(pod.count());
        } else {
            self.count(slot, key, Kind { pod, zone: key.zone, pods: pod.count() });
        }
    }

    fn count(&mut self, slot: usize, key: Key<'a>, more: Kind<'a>) {
        let index = *self.known.entry(key).or_insert(self.found.len());
        match self.found.get_mut(index) {
            Some((_, kind)) => kind.join(more),
            None => self.found.push((key, more)),
        }
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = index;
        }
    }

    /// Adds the kinds of other pods.
    pub(super) fn join(&mut self, other: Self) {
        for (key, kind) in other.found {
            self.count(key.slot(), key, kind);
        }
    }

    /// The kinds of a pool that count: larger memory first, then larger CPU, then by the name of their first pods.
    pub(super) fn of(&self, pool: PoolIndex, zonal: bool) -> Vec<Kind<'a>> {
        let mut kinds: BTreeMap<(&Constraints, &Amounts, Option<&str>), Kind<'a>> = BTreeMap::new();
        let mut all: usize = 0;
        for (_, kind) in self.found.iter().filter(|(key, _)| key.pool == pool) {
            let kind = Kind { zone: kind.zone.filter(|_| zonal), ..*kind };
            all = all.saturating_add(kind.pods);
            let key = (&*kind.pod.constraints, &kind.pod.requests, kind.zone);
            kinds.entry(key).and_modify(|same| same.join(kind)).or_insert(kind);
        }
        let counts = |kind: &Kind<'_>| kind.pods.saturating_mul(ONE_IN) >= all;
        let mut kinds: Vec<Kind<'a>> = kinds.into_values().filter(counts).collect();
        kinds.sort_by_key(|Kind { pod, .. }| {
            (Reverse(pod.requests.memory), Reverse(pod.requests.cpu), &pod.namespace, &pod.name)
        });
        kinds
    }
}

impl<'a> Kind<'a> {
    /// Counts the pods of the same kind from elsewhere.
    fn join(&mut self, same: Self) {
        let name = |pod: &'a Pod| (&*pod.namespace, &*pod.name);
        if name(same.pod) < name(self.pod) {
            self.pod = same.pod;
        }
        self.pods = self.pods.saturating_add(same.pods);
    }
}

impl Key<'_> {
    /// Equal keys have the same slot.
    fn slot(&self) -> usize {
        let wide = |part: usize| u64::try_from(part).unwrap_or_default();
        let zone = self.zone.and_then(|zone| zone.as_bytes().last().copied()).unwrap_or_default();
        let mixed = [self.requests.cpu.0, wide(self.constraints), u64::from(zone), wide(self.pool)]
            .into_iter()
            .fold(self.requests.memory.0, |mixed, part| mixed.wrapping_mul(MIX).rotate_left(23) ^ part);
        usize::try_from(mixed.wrapping_mul(MIX) >> 58).unwrap_or_default()
    }
}

/// An odd number whose bits are spread, which mixes bits in a multiplication.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Build, pod};

    fn names(kinds: &Kinds<'_>, zonal: bool) -> Vec<String> {
        kinds.of(0, zonal).iter().map(|kind| kind.pod.name.to_string()).collect()
    }

    #[test]
    fn a_kind_counts_with_one_pod_in_a_hundred_and_a_larger_one_comes_first() {
        let users: Vec<Pod> =
            (0..99).map(|number| pod(&format!("hub/u{number:02}")).asking(1, 100)).collect();
        let odd = pod("hub/odd").asking(7, 100);
        let mut kinds = Kinds::default();
        for user in &users {
            kinds.add(0, None, user);
        }
        kinds.add(0, None, &odd);
        assert_eq!(names(&kinds, true), ["odd", "u00"]);
        let one_more = pod("hub/u99").asking(1, 100);
        kinds.add(0, None, &one_more);
        assert_eq!(names(&kinds, true), ["u00"], "one in 101");
    }

    #[test]
    fn disks_are_zonal_where_zones_are_kept() {
        let with_disk = |name: &str| Pod { claims: Box::new([format!("home-{name}").into()]), ..pod(name) };
        let (ada, ben, cleo) = (with_disk("hub/ada"), with_disk("hub/ben"), pod("hub/cleo"));
        let mut kinds = Kinds::default();
        kinds.add(0, Some("z1"), &ada);
        kinds.add(0, Some("z2"), &ben);
        kinds.add(0, Some("z2"), &cleo);
        assert_eq!(names(&kinds, true), ["ada", "ben", "cleo"]);
        assert_eq!(names(&kinds, false), ["ada"]);
    }

    #[test]
    fn kinds_of_two_walks_are_joined_by_their_first_names() {
        let (ada, ben) = (pod("hub/ada"), pod("hub/ben"));
        let (mut first, mut second) = (Kinds::default(), Kinds::default());
        first.add(0, None, &ben);
        second.add(0, None, &ada);
        first.join(second);
        assert_eq!(names(&first, true), ["ada"]);
        assert_eq!(first.of(0, true).first().map(|kind| kind.pods), Some(2));
    }
}
