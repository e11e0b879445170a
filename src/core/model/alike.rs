//! Pods that differ in their names alone, kept as one. A large cluster has half a million pods, and most are notebooks of one
//! size: their node needs their number, their sum and one name. The fingerprints of the other names are kept, so that a later
//! list can be searched for the same pods.

use std::sync::Arc;

use super::Pod;

impl Pod {
    /// The number of pods that it counts for, including itself.
    #[must_use]
    pub fn count(&self) -> usize {
        self.alike.len().saturating_add(1)
    }

    /// Whether no decision needs this pod individually: it is bound, has a label that the settings name, and no controller that
    /// recreates it elsewhere. Such a pod is never evicted, and is neither replica nor daemon.
    #[must_use]
    pub fn may_count_for_others(&self) -> bool {
        self.node_name.is_some()
            && !self.label_keys.is_empty()
            && self.controller.is_none()
            && self.eviction.is_none()
            && self.unbound.is_none()
            && !self.mirror
            && !self.daemonset_pod
    }

    /// The fingerprints of all pods that it counts for.
    pub fn fingerprints(&self) -> impl Iterator<Item = u64> {
        self.alike.iter().copied().chain([self.fingerprint()])
    }

    fn fingerprint(&self) -> u64 {
        fingerprint(self.namespace.bytes().chain(*b"/").chain(self.name.bytes()))
    }

    /// Counts another pod with this one, if the two differ in their names alone; returns it otherwise. The first of the names
    /// is kept, so that the order of the pods does not matter.
    #[must_use]
    pub fn count_in(&mut self, mut other: Self) -> Option<Self> {
        if !self.may_count_for_others() || !self.differs_in_name_alone(&other) {
            return Some(other);
        }
        if other.name < self.name {
            std::mem::swap(&mut self.name, &mut other.name);
        }
        self.alike.extend(other.fingerprints());
        None
    }

    fn differs_in_name_alone(&self, other: &Self) -> bool {
        let Self {
            namespace,
            name: _,
            label_keys,
            deleting,
            node_name,
            containers,
            requests,
            controller,
            mirror,
            daemonset_pod,
            safe_to_evict,
            do_not_disrupt,
            bound_by,
            local_volume,
            claims,
            priority,
            ends_at_once,
            ready,
            constraints,
            unbound,
            eviction,
            alike: _,
        } = self;
        *requests == other.requests
            && (*ready, *deleting, *containers, *priority, *ends_at_once)
                == (other.ready, other.deleting, other.containers, other.priority, other.ends_at_once)
            && (*mirror, *daemonset_pod, *safe_to_evict, *do_not_disrupt, *bound_by)
                == (
                    other.mirror,
                    other.daemonset_pod,
                    other.safe_to_evict,
                    other.do_not_disrupt,
                    other.bound_by,
                )
            && is_same(namespace, &other.namespace)
            && is_same(label_keys, &other.label_keys)
            && is_same(constraints, &other.constraints)
            && (node_name, local_volume, claims) == (&other.node_name, &other.local_volume, &other.claims)
            && (controller, unbound, eviction) == (&other.controller, &other.unbound, &other.eviction)
    }
}

/// Whether two values are equal. Values that pods share mostly have the same address, and addresses are compared faster.
fn is_same<T: Eq + ?Sized>(left: &Arc<T>, right: &Arc<T>) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

/// The hash of a name, FNV-1a. Only an attacker finds two names with the same hash.
#[must_use]
pub fn fingerprint(name: impl IntoIterator<Item = u8>) -> u64 {
    let mix = |number: u64, byte: u8| (number ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    name.into_iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Amounts, Bytes, Constraints, Controller, EvictionFacts, Millicores, Stay, Unbound};

    /// The figure that docs/cost.md states.
    #[test]
    fn a_pod_that_is_kept_takes_200_bytes() {
        assert_eq!(size_of::<Pod>(), 200);
    }

    #[test]
    fn the_fingerprint_is_the_published_hash() {
        assert_eq!(fingerprint([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(*b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint(*b"foobar"), 0x8594_4171_f739_67e8);
    }

    fn ada() -> Pod {
        Pod {
            namespace: "hub".into(),
            name: "ada".into(),
            label_keys: ["user".into()].into(),
            node_name: Some("n1".into()),
            requests: Amounts::pod(Bytes(1 << 30), Millicores(500)),
            ready: true,
            ..Pod::default()
        }
    }

    fn named(name: &str) -> Pod {
        Pod { name: name.into(), ..ada() }
    }

    #[test]
    fn pods_that_differ_in_their_names_alone_become_one_under_the_first_name() {
        let mut pod = named("bob");
        for name in ["carol", "ada", "dora"] {
            assert_eq!(pod.count_in(named(name)), None);
        }
        assert_eq!((pod.count(), &*pod.name), (4, "ada"));
        let mut two = named("zoe");
        assert_eq!(two.count_in(pod.clone()), None, "a pod that counts for four is four more");
        assert_eq!((two.count(), &*two.name), (5, "ada"));
        let all = |pod: &Pod| pod.fingerprints().collect::<BTreeSet<_>>();
        let names = ["ada", "bob", "carol", "dora", "zoe"];
        assert_eq!(all(&two), names.iter().flat_map(|name| all(&named(name))).collect());
        assert_eq!(all(&two).len(), 5);
    }

    #[test]
    fn a_pod_that_differs_in_anything_else_stays_by_itself() {
        let changes: [fn(&mut Pod); 15] = [
            |pod| pod.namespace = "lab".into(),
            |pod| pod.label_keys = ["other".into()].into(),
            |pod| pod.deleting = true,
            |pod| pod.node_name = Some("n2".into()),
            |pod| pod.containers = 2,
            |pod| pod.requests = Amounts::pod(Bytes(2 << 30), Millicores(500)),
            |pod| pod.safe_to_evict = Some(false),
            |pod| pod.do_not_disrupt = Some(Stay::DoNotDisrupt),
            |pod| pod.local_volume = Some("scratch".into()),
            |pod| pod.claims = Box::new(["home".into()]),
            |pod| pod.priority = 1,
            |pod| pod.ends_at_once = true,
            |pod| pod.ready = false,
            |pod| {
                let selector = [("pool".to_owned(), "gpu".to_owned())].into();
                pod.constraints = Constraints { node_selector: selector, ..Constraints::default() }.into();
            },
            |pod| pod.mirror = true,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut other = named("bob");
            change(&mut other);
            assert_eq!(ada().count_in(other.clone()), Some(other), "change {at}");
        }
    }

    #[test]
    fn a_pod_that_a_decision_asks_for_by_itself_counts_for_no_other() {
        type Change = fn(&mut Pod, Option<Arc<Controller>>);
        let controller = || {
            let (kind, name, uid) = ("ReplicaSet".to_owned(), "web".to_owned(), "1".to_owned());
            Some(Arc::new(Controller { group: None, kind, name, uid }))
        };
        let cases: [(&str, Change); 7] = [
            ("waits", |pod, _| (pod.node_name, pod.unbound) = (None, Some(Box::<Unbound>::default()))),
            ("without a node", |pod, _| pod.node_name = None),
            ("without a label", |pod, _| pod.label_keys = [].into()),
            ("of a controller", |pod, controller| pod.controller = controller),
            ("may be evicted", |pod, _| pod.eviction = Some(Box::<EvictionFacts>::default())),
            ("static", |pod, _| pod.mirror = true),
            ("a daemon", |pod, _| pod.daemonset_pod = true),
        ];
        for (what, change) in cases {
            let (mut first, mut second) = (ada(), named("bob"));
            change(&mut first, controller());
            change(&mut second, controller());
            assert_eq!(first.count_in(second.clone()), Some(second), "{what}");
        }
    }
}
