//! Keeps one copy of what many objects have in common: namespaces, labels of nodes, label keys of pods, node names,
//! controllers, constraints, and the amounts of devices and the like.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use kube_rebalancer_core::model::{Constraints, Controller, FurtherAmounts, fingerprint};

/// Shared texts by their hashes: a number is found with a few looks at memory, one of fifteen thousand names of nodes that
/// begin alike with many.
#[derive(Debug, Default)]
struct Texts {
    by_hash: BTreeMap<u64, Arc<str>>,
    /// Texts with the same hash as another one. Only an attacker can find such texts.
    others: BTreeSet<Arc<str>>,
}

impl Texts {
    fn share(&mut self, text: &str, hash: u64) -> Arc<str> {
        match self.by_hash.entry(hash) {
            Entry::Vacant(free) => Arc::clone(free.insert(text.into())),
            Entry::Occupied(known) if **known.get() == *text => Arc::clone(known.get()),
            Entry::Occupied(_) => {
                if let Some(shared) = self.others.get(text) {
                    return Arc::clone(shared);
                }
                let shared: Arc<str> = text.into();
                self.others.insert(Arc::clone(&shared));
                shared
            }
        }
    }
}

/// The room for what pods store: all users together may fill it, and no more. The first pods of the list take it.
///
/// ```text
///   what a pod stores up to SMALL          needs no room: it is less than the rest of the pod
///   a part up to ORDINARY                  takes from ALL_ORDINARY
///   a larger part                          takes from ALL_LARGE
/// ```
#[derive(Debug)]
pub(super) struct Room {
    /// Number of bytes that the present pod may still store without room.
    small: usize,
    ordinary: usize,
    large: usize,
}

impl Room {
    /// Number of bytes of all parts of a pod that need no room: the selector and the tolerations of a notebook, and its claims.
    const SMALL: usize = 1536;
    /// Number of bytes of an ordinary part: fifty host names in an affinity.
    pub(super) const ORDINARY: usize = 4 << 10;
    /// Number of bytes of all ordinary parts: enough for some ten thousand pods that differ. The pods of one job share one.
    pub(super) const ALL_ORDINARY: usize = 32 << 20;
    /// Number of bytes of all larger parts: more than a hundred affinities of 64 KiB each.
    pub(super) const ALL_LARGE: usize = 8 << 20;

    /// Takes room for a part of a pod, unless it is small. Returns whether there was enough.
    fn take(&mut self, bytes: usize) -> bool {
        if let Some(small) = self.small.checked_sub(bytes) {
            self.small = small;
            return true;
        }
        let room = if bytes <= Self::ORDINARY { &mut self.ordinary } else { &mut self.large };
        let left = room.checked_sub(bytes);
        *room = left.unwrap_or(*room);
        left.is_some()
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { small: Self::SMALL, ordinary: Self::ALL_ORDINARY, large: Self::ALL_LARGE }
    }
}

/// Everything shared so far.
#[derive(Debug, Default)]
pub(super) struct Interner {
    room: Room,
    texts: Texts,
    label_keys: BTreeSet<Arc<[Arc<str>]>>,
    controllers: BTreeSet<Arc<Controller>>,
    constraints: BTreeSet<Arc<Constraints>>,
    further: BTreeSet<Arc<FurtherAmounts>>,
}

impl Interner {
    /// The shared copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        self.texts.share(text, fingerprint(text.bytes()))
    }

    /// The shared copy of a set of label keys, given in order.
    pub(super) fn label_keys<'a>(&mut self, keys: impl Iterator<Item = &'a str>) -> Arc<[Arc<str>]> {
        let keys: Vec<Arc<str>> = keys.map(|key| self.text(key)).collect();
        if let Some(shared) = self.label_keys.get(keys.as_slice()) {
            return Arc::clone(shared);
        }
        let shared: Arc<[Arc<str>]> = keys.into();
        self.label_keys.insert(Arc::clone(&shared));
        shared
    }

    /// The shared copy of a controller.
    pub(super) fn controller(&mut self, controller: Controller) -> Arc<Controller> {
        share(&mut self.controllers, controller)
    }

    /// Whether there is room for the texts of a controller: another pod has the same one, or there is enough.
    pub(super) fn has_room_for_controller(&mut self, controller: &Controller, bytes: usize) -> bool {
        self.controllers.contains(controller) || self.room.take(bytes)
    }

    /// The shared copy of amounts by resource; none where there are none.
    pub(super) fn further<'a>(
        &mut self,
        amounts: impl Iterator<Item = (&'a str, u64)>,
    ) -> Option<Arc<FurtherAmounts>> {
        let amounts: FurtherAmounts = amounts.map(|(name, amount)| (self.text(name), amount)).collect();
        (!amounts.is_empty()).then(|| share(&mut self.further, amounts))
    }

    /// Begins the account of the next pod.
    pub(super) fn next_pod(&mut self) {
        self.room.small = Room::SMALL;
    }

    /// Whether there is room for a part of a pod that is shared with no other one.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        self.room.take(bytes)
    }

    /// The shared copy of a pod's constraints; `None` if there is no room for further ones of this size.
    pub(super) fn constraints_of_size(
        &mut self,
        constraints: Constraints,
        bytes: usize,
    ) -> Option<Arc<Constraints>> {
        if let Some(shared) = self.constraints.get(&constraints) {
            return Some(Arc::clone(shared));
        }
        self.room.take(bytes).then(|| self.constraints(constraints))
    }

    /// The shared copy of a pod's constraints.
    pub(super) fn constraints(&mut self, constraints: Constraints) -> Arc<Constraints> {
        share(&mut self.constraints, constraints)
    }
}

fn share<T: Ord>(set: &mut BTreeSet<Arc<T>>, value: T) -> Arc<T> {
    if let Some(shared) = set.get(&value) {
        return Arc::clone(shared);
    }
    let shared = Arc::new(value);
    set.insert(Arc::clone(&shared));
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_hash_stay_apart() {
        let mut texts = Texts::default();
        let shared = ["a", "b", "a", "b"].map(|text| texts.share(text, 1));
        assert_eq!(shared.each_ref().map(|text| &**text), ["a", "b", "a", "b"]);
        assert!(Arc::ptr_eq(&shared[0], &shared[2]) && Arc::ptr_eq(&shared[1], &shared[3]));
    }

    #[test]
    fn equal_values_share_one_allocation_and_others_do_not() {
        let mut interner = Interner::default();
        let first = interner.label_keys(["app", "tier"].into_iter());
        assert!(Arc::ptr_eq(&first, &interner.label_keys(["app", "tier"].into_iter())));
        assert!(!Arc::ptr_eq(&first, &interner.label_keys(["app"].into_iter())));
        assert!(Arc::ptr_eq(&first[0], &interner.text("app")));
        assert!(!Arc::ptr_eq(&first[0], &interner.text("apq")));

        let owner = |name: &str| Controller {
            group: None,
            kind: "ReplicaSet".into(),
            name: name.into(),
            uid: name.into(),
        };
        let first = interner.controller(owner("web"));
        assert!(Arc::ptr_eq(&first, &interner.controller(owner("web"))));
        assert!(!Arc::ptr_eq(&first, &interner.controller(owner("db"))));

        let first = interner.further([("nvidia.com/gpu", 1)].into_iter()).unwrap();
        assert!(Arc::ptr_eq(&first, &interner.further([("nvidia.com/gpu", 1)].into_iter()).unwrap()));
        assert!(interner.further(std::iter::empty()).is_none());
    }
}
