//! Kinds of waiting pods: equal requests and constraints. A run looks for a place once for each kind, on each node.
//!
//! Whoever may create pods may make each of another kind. So a run considers a number of kinds, of each namespace in turn: a user
//! with thousands of kinds sets aside pods of the own namespace.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Amounts, Constraints, Pod};

/// Maximum number of pairs of a kind and a node, unless there are more than [`MOST_KINDS`] nodes for it.
const MOST_PAIRS: usize = 10_000_000;

/// Number of kinds that a run considers however many nodes there are.
const MOST_KINDS: usize = 2000;

/// Pods with equal keys fit the same nodes, apart from volumes. Pods that are read together share their equal constraints, and
/// addresses are compared faster than contents.
type Kind<'a> = (&'a Amounts, *const Constraints);

/// Sets aside the unbound pods beyond the kinds that a run considers on this number of nodes. Of a namespace the kinds with most
/// pods come first, then the first pod by name.
pub(super) fn set_aside(pods: &mut [Pod], nodes: usize) {
    let most = MOST_PAIRS.checked_div(nodes).unwrap_or(MOST_PAIRS).max(MOST_KINDS);
    for pod in pods.iter_mut() {
        if let Some(unbound) = pod.unbound.as_deref_mut() {
            unbound.set_aside = false;
        }
    }
    let aside: Vec<usize> = {
        let waiting: Vec<(usize, &Pod)> = pods.iter().enumerate().filter(|(_, pod)| is_placed(pod)).collect();
        let considered = considered(waiting.iter().map(|(_, pod)| *pod), most);
        let Some(considered) = considered else { return };
        let beyond = waiting.iter().filter(|(_, pod)| !considered.contains(&kind(pod)));
        beyond.map(|(index, _)| *index).collect()
    };
    for index in aside {
        if let Some(unbound) = pods.get_mut(index).and_then(|pod| pod.unbound.as_deref_mut()) {
            unbound.set_aside = true;
        }
    }
}

/// Whether a run looks for a place for a pod. The scheduler has found one for a nominated pod, daemons belong to their nodes, and
/// gated pods do not count.
fn is_placed(pod: &Pod) -> bool {
    let is_daemon = || pod.controller.as_ref().is_some_and(|controller| controller.kind == "DaemonSet");
    let waits = pod.unbound.as_ref().is_some_and(|unbound| !unbound.gated && unbound.nominated.is_none());
    waits && !pod.deleting && !is_daemon()
}

fn kind(pod: &Pod) -> Kind<'_> {
    (&pod.requests, Arc::as_ptr(&pod.constraints))
}

/// At most this number of kinds, of each namespace in turn; `None` if there are no more.
fn considered<'a>(pods: impl Iterator<Item = &'a Pod>, most: usize) -> Option<BTreeSet<Kind<'a>>> {
    // By namespace: the number of pods of each kind, and its first pod.
    let mut namespaces: BTreeMap<&str, BTreeMap<Kind<'a>, (usize, &'a str)>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for pod in pods {
        all.insert(kind(pod));
        let of_namespace = namespaces.entry(&pod.namespace).or_default();
        of_namespace.entry(kind(pod)).or_insert((0, &pod.name)).0 += 1;
    }
    if all.len() <= most {
        return None;
    }
    let sorted = |kinds: BTreeMap<Kind<'a>, (usize, &'a str)>| {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, (pods, first))| (Reverse(*pods), *first));
        kinds.into_iter().map(|(kind, _)| kind)
    };
    let mut turns: VecDeque<_> = namespaces.into_values().map(sorted).collect();
    let mut considered = BTreeSet::new();
    while considered.len() < most
        && let Some(mut kinds) = turns.pop_front()
    {
        // A kind that another namespace has brought costs nothing.
        if let Some(next) = kinds.find(|kind| !considered.contains(kind)) {
            considered.insert(next);
            turns.push_back(kinds);
        }
    }
    Some(considered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Controller, Millicores, Unbound};

    fn waiting(name: &str, memory: u64, constraints: &Arc<Constraints>) -> Pod {
        let (namespace, name) = name.split_once('/').unwrap();
        Pod {
            namespace: namespace.into(),
            name: name.into(),
            requests: Amounts::pod(Bytes(memory), Millicores(0)),
            constraints: Arc::clone(constraints),
            unbound: Some(Box::default()),
            ..Pod::default()
        }
    }

    fn aside(pods: &[Pod]) -> Vec<String> {
        let is_aside = |pod: &&Pod| pod.unbound.as_ref().is_some_and(|unbound| unbound.set_aside);
        pods.iter().filter(is_aside).map(Pod::full_name).collect()
    }

    #[test]
    fn any_number_of_equal_pods_and_many_kinds_are_considered() {
        let any = Arc::default();
        let mut pods: Vec<Pod> =
            (0..4000).map(|at| waiting(&format!("hub/u{at:04}"), at / 2, &any)).collect();
        set_aside(&mut pods, 1_000_000);
        assert_eq!(aside(&pods), Vec::<String>::new(), "2,000 kinds");
        set_aside(&mut pods, 0);
        assert_eq!(aside(&pods), Vec::<String>::new());
    }

    #[test]
    fn a_namespace_with_too_many_kinds_sets_aside_its_own_pods() {
        let (any, other) = (Arc::default(), Arc::default());
        let mut pods: Vec<Pod> = (0..3000).map(|at| waiting(&format!("evil/p{at:04}"), at, &any)).collect();
        pods.extend((0..300).map(|at| waiting(&format!("hub/u{at:03}"), 7, &other)));
        pods.extend((0..5).map(|at| waiting(&format!("lab/u{at}"), 100_000 + at, &any)));
        // Kinds of one pod are taken by its name; a kind of several pods before them.
        pods.push(waiting("evil/q", 2999, &any));
        set_aside(&mut pods, 1_000_000);
        let aside_now = aside(&pods);
        assert_eq!(aside_now.len(), 3000 - 1994, "{aside_now:?}");
        assert_eq!(aside_now.first().map(String::as_str), Some("evil/p1993"));
        assert!(!aside_now.iter().any(|name| ["evil/p2999", "evil/q"].contains(&name.as_str())));
        set_aside(&mut pods, 1000);
        assert_eq!(aside(&pods), Vec::<String>::new(), "on fewer nodes there is time for all");
    }

    #[test]
    fn pods_for_which_no_run_looks_for_a_place_are_no_kinds() {
        let any = Arc::default();
        let mut pods: Vec<Pod> = (0..2500).map(|at| waiting(&format!("hub/u{at:04}"), at, &any)).collect();
        let set = |pod: &mut Pod, change: fn(&mut Unbound)| change(pod.unbound.as_deref_mut().unwrap());
        for (at, pod) in pods.iter_mut().enumerate() {
            match at % 5 {
                0 => set(pod, |unbound| unbound.gated = true),
                1 => set(pod, |unbound| unbound.nominated = Some("n1".into())),
                2 => pod.deleting = true,
                3 => {
                    let (kind, name, uid) = ("DaemonSet".to_owned(), "d".to_owned(), "1".to_owned());
                    pod.controller = Some(Arc::new(Controller { group: None, kind, name, uid }));
                }
                _ => {}
            }
        }
        set_aside(&mut pods, 1_000_000);
        assert_eq!(aside(&pods), Vec::<String>::new());
    }
}
