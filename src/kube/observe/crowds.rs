//! Counts pods of a live cluster that differ only in their names, instead of storing each: notebooks of one size on one node.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::Pod;

/// Maximum number of pods of a node that others are compared with. Nodes of a hub have pods of few sizes; further sizes are
/// stored one by one.
const MOST: usize = 16;

/// The places of the pods that may count for others.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    /// Indices of pods, by the address of their node's name: the names are shared, and addresses are compared faster.
    of_node: BTreeMap<usize, Vec<usize>>,
    /// Namespace and name of this program's own pod, which a decision needs individually.
    own: Option<(String, String)>,
}

impl Crowds {
    /// Creates the index; this program's own pod is stored individually.
    pub(super) fn without(own: Option<(String, String)>) -> Self {
        Self { own, ..Self::default() }
    }

    fn is_own(&self, pod: &Pod) -> bool {
        self.own
            .as_ref()
            .is_some_and(|(namespace, name)| **namespace == *pod.namespace && **name == *pod.name)
    }

    /// Adds a pod to the list, or counts it with an equal one in the list.
    ///
    /// The claims of a pod that may count for others are not stored: volumes are looked up only for waiting pods, and for pods
    /// whose controllers recreate them elsewhere. A bound pod that shares a claim with a waiting one counts as if it could run
    /// in any zone.
    pub(super) fn add(&mut self, mut pod: Pod, pods: &mut Vec<Pod>) {
        let node = pod.node_name.as_ref().filter(|_| pod.may_count_for_others() && !self.is_own(&pod));
        let Some(node) = node.map(|name| Arc::as_ptr(name).addr()) else {
            pods.push(pod);
            return;
        };
        pod.claims = Box::default();
        let known = self.of_node.entry(node).or_default();
        for index in known.iter() {
            let Some(one) = pods.get_mut(*index) else { continue };
            match one.count_in(pod) {
                None => return,
                Some(back) => pod = back,
            }
        }
        if known.len() < MOST {
            known.push(pods.len());
        }
        pods.push(pod);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, node: &Arc<str>, priority: i32) -> Pod {
        Pod {
            namespace: "hub".into(),
            name: name.into(),
            label_keys: ["user".into()].into(),
            node_name: Some(Arc::clone(node)),
            claims: Box::new([format!("home-{name}").into()]),
            priority,
            ..Pod::default()
        }
    }

    fn collected(pods: impl IntoIterator<Item = Pod>) -> Vec<(String, usize, usize)> {
        let own = Some(("hub".to_owned(), "debug".to_owned()));
        let (mut crowds, mut kept) = (Crowds::without(own), Vec::new());
        for pod in pods {
            crowds.add(pod, &mut kept);
        }
        kept.iter().map(|pod| (pod.name.to_string(), pod.count(), pod.claims.len())).collect()
    }

    #[test]
    fn users_of_one_size_on_one_node_are_counted() {
        let [first, second]: [Arc<str>; 2] = ["n1".into(), "n2".into()];
        let bare = Pod { label_keys: [].into(), ..user("hub", &first, 0) };
        let pods = [
            user("ada", &first, 0),
            user("bob", &second, 0),
            user("carol", &first, 0),
            user("dora", &first, 1),
            user("emmy", &first, 0),
            bare,
            user("debug", &first, 0),
            user("flo", &first, 0),
        ];
        let expected = [("ada", 4, 0), ("bob", 1, 0), ("dora", 1, 0), ("hub", 1, 1), ("debug", 1, 1)];
        assert_eq!(collected(pods), expected.map(|(name, count, claims)| (name.to_owned(), count, claims)));
    }

    #[test]
    fn pods_of_many_sizes_are_kept_and_not_compared_for_ever() {
        let node: Arc<str> = "n1".into();
        let sizes = (0..40).map(|size| user(&format!("u{size:02}"), &node, size));
        let again = [user("x", &node, 15), user("y", &node, 39)];
        let kept = collected(sizes.chain(again));
        assert_eq!(kept.len(), 41, "{kept:?}");
        assert!(
            kept.contains(&("u15".to_owned(), 2, 0)) && kept.contains(&("y".to_owned(), 1, 0)),
            "{kept:?}"
        );
    }
}
