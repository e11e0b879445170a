//! Which omitted pods would be lost with their node (section 2): filters never hide a pod that nothing recreates.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::ControllerRole;
use super::reason::Loss;
use crate::model::{
    Affinity, Node, Operator, Pod, Requirement, Volumes, is_label_of_place, is_of_the_host_of_its_pod,
    session_label,
};
use crate::policy::{Drain, Policy};

/// The prefixes of the names of such static pods; the name of the node follows.
const CONTROL_PLANE: [&str; 2] = ["etcd", "kube-apiserver"];

/// The namespaces of such static pods: of Kubernetes, and of `OpenShift`.
const OF_CONTROL_PLANE: [&str; 3] = ["kube-system", "openshift-etcd", "openshift-kube-apiserver"];

/// The reason why an omitted pod would be lost on any node; `None` if its controller recreates it elsewhere.
pub(super) fn loss(pod: &Pod, policy: &Policy) -> Option<Loss> {
    let Some(controller) = &pod.controller else {
        return Some(Loss::NoController);
    };
    if ControllerRole::of(controller) != ControllerRole::Recreates {
        return Some(Loss::NotRecreated { kind: controller.kind.clone() });
    }
    if pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key)) {
        return Some(Loss::OfAUser);
    }
    if let Some(label) = session_label(pod) {
        return Some(Loss::OfASession { label });
    }
    if pod.safe_to_evict == Some(false) {
        let annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict=false".to_owned();
        return Some(Loss::NotToBeMoved { annotation });
    }
    if let Some(stay) = pod.do_not_disrupt {
        return Some(Loss::NotToBeMoved { annotation: stay.key().to_owned() });
    }
    let local = pod.local_volume.as_ref().filter(|_| pod.safe_to_evict != Some(true))?;
    let volume = local.to_string();
    let only_empty_dirs = pod.eviction.as_ref().is_some_and(|facts| facts.only_empty_dirs);
    match policy.drain {
        Drain::Omitted | Drain::Movable if only_empty_dirs && policy.drain_empty_dir => None,
        Drain::Omitted | Drain::Movable if only_empty_dirs => Some(Loss::EmptyDir { volume }),
        Drain::None | Drain::Omitted | Drain::Movable => Some(Loss::LocalVolume { volume }),
    }
}

/// Whether a static pod runs the cluster: etcd or an API server. Its node is one of the control plane, even if its labels
/// and taints were removed.
pub(super) fn runs_the_cluster(pod: &Pod) -> bool {
    pod.mirror
        && OF_CONTROL_PLANE.contains(&&*pod.namespace)
        && CONTROL_PLANE.iter().any(|name| pod.name.strip_prefix(name).is_some_and(|on| on.starts_with('-')))
}

/// The reason why an omitted pod would be lost with the node that it is on, last live replicas aside.
pub(super) fn loss_on(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> Option<Loss> {
    loss(pod, policy).or_else(|| local_claim(pod, node, volumes))
}

fn local_claim(pod: &Pod, node: &Node, volumes: &Volumes) -> Option<Loss> {
    if volumes.is_empty() {
        return None;
    }
    pod.claims.iter().find_map(|claim| {
        let key = (pod.namespace.to_string(), claim.to_string());
        let affinity = volumes.get(&key)?.as_ref()?;
        let is_here = names_host(affinity, node) || is_of_the_host_of_its_pod(affinity);
        is_here.then(|| Loss::LocalClaim { claim: claim.to_string() })
    })
}

/// Whether the node affinity of a volume names this host. Each driver for local disks uses its own label
/// (`kubernetes.io/hostname`, `topology.topolvm.io/node`, `openebs.io/nodename`, …), so the value decides: it is the name
/// of the node or of its host.
pub(super) fn names_host(affinity: &Affinity, node: &Node) -> bool {
    let host = node.labels.get("kubernetes.io/hostname").unwrap_or(&node.name);
    let names_it = |requirement: &Requirement| {
        let Operator::In(values) = &requirement.operator else { return false };
        values.iter().any(|value| value == host || *value == node.name)
    };
    affinity.0.iter().any(|term| term.labels.iter().chain(&term.fields).any(names_it))
}

/// The labels by which drivers of disks number the hosts (`nodes.csi-baremetal.dell.com/uuid`), each judged once.
#[derive(Debug)]
pub(super) struct HostLabels<'n> {
    nodes: &'n [Node],
    /// By key, whether more than half of the nodes with the label have different values.
    numbering: BTreeMap<String, bool>,
}

impl<'n> HostLabels<'n> {
    pub(super) fn new(nodes: &'n [Node]) -> Self {
        Self { nodes, numbering: BTreeMap::new() }
    }

    /// Whether the node affinity of a volume lists the value that this node has of a label which numbers hosts, or a value that
    /// no other node has. A label of a place, such as a zone, names no host. A kubelet may give its node the value of another
    /// one, so a value of two nodes is no proof that the label names none.
    pub(super) fn names(&mut self, affinity: &Affinity, node: &Node) -> bool {
        affinity.0.iter().flat_map(|term| &term.labels).any(|Requirement { key, operator }| {
            let (Operator::In(values), Some(own)) = (operator, node.labels.get(key)) else { return false };
            values.iter().any(|value| value == own)
                && !is_label_of_place(key)
                && (self.is_its_own(key, own, node) || self.number_hosts(key))
        })
    }

    fn is_its_own(&self, key: &str, value: &str, node: &Node) -> bool {
        self.nodes.iter().all(|other| other.name == node.name || other.labels.get(key) != Some(value))
    }

    fn number_hosts(&mut self, key: &str) -> bool {
        if let Some(known) = self.numbering.get(key) {
            return *known;
        }
        let values = || self.nodes.iter().filter_map(|node| node.labels.get(key));
        let different: BTreeSet<&str> = values().collect();
        let known = different.len().saturating_mul(2) > values().count();
        self.numbering.insert(key.to_owned(), known);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClaimKey, SelectorTerm, Stay, of_the_host_of_its_pod};
    use crate::plan::fixture::{Build, named, owned_by, pod};

    fn web() -> Pod {
        pod("kube-system/web").controlled(owned_by("apps", "ReplicaSet"))
    }

    #[test]
    fn a_pod_that_no_controller_recreates_is_lost() {
        let not_recreated = |kind: &str| Some(Loss::NotRecreated { kind: kind.into() });
        let not_moved = |text: &str| Some(Loss::NotToBeMoved { annotation: text.into() });
        for (sentence, pod, expected) in [
            ("a replica", web(), None),
            ("of nobody", pod("kube-system/web"), Some(Loss::NoController)),
            ("of a Job", web().controlled(owned_by("batch", "Job")), not_recreated("Job")),
            (
                "of a workflow",
                web().controlled(owned_by("argoproj.io", "Workflow")),
                not_recreated("Workflow"),
            ),
            ("of its node, not static", web().controlled(owned_by("", "Node")), not_recreated("Node")),
            (
                "of a notebook of Kubeflow",
                web().labelled("notebook-name"),
                Some(Loss::OfASession { label: "notebook-name" }),
            ),
            (
                "not safe to evict",
                Pod { safe_to_evict: Some(false), ..web() },
                not_moved("cluster-autoscaler.kubernetes.io/safe-to-evict=false"),
            ),
            (
                "not to be disrupted",
                Pod { do_not_disrupt: Some(Stay::DoNotDisrupt), ..web() },
                not_moved("karpenter.sh/do-not-disrupt"),
            ),
            (
                "not to be evicted, in Karpenter's former words",
                Pod { do_not_disrupt: Some(Stay::DoNotEvict), ..web() },
                not_moved("karpenter.sh/do-not-evict"),
            ),
            (
                "with data on the node",
                Pod { local_volume: Some("data".into()), ..web() },
                Some(Loss::LocalVolume { volume: "data".into() }),
            ),
            (
                "with data on the node that is safe to lose",
                Pod { local_volume: Some("data".into()), safe_to_evict: Some(true), ..web() },
                None,
            ),
        ] {
            assert_eq!(loss(&pod, &Policy::default()), expected, "{sentence}");
        }
    }

    fn on(key: &str, value: &str) -> Affinity {
        let requirement = Requirement { key: key.into(), operator: Operator::In(vec![value.into()]) };
        Affinity(vec![SelectorTerm { labels: vec![requirement], fields: vec![] }])
    }

    #[test]
    fn a_label_that_one_node_alone_has_names_it() {
        const UUID: &str = "nodes.csi-baremetal.dell.com/uuid";
        let with = |name: &str, key: &str, value: &str| {
            let mut node = named(name);
            node.labels.insert(key, value);
            node
        };
        let only = |affinity: &Affinity, nodes: &[Node]| HostLabels::new(nodes).names(affinity, &nodes[0]);
        let nodes = [with("n1", UUID, "98ad"), with("n2", UUID, "11aa"), named("n3")];
        assert!(only(&on(UUID, "98ad"), &nodes));
        assert!(!only(&on(UUID, "11aa"), &nodes), "another node");
        assert!(!only(&on("pool", "98ad"), &nodes), "another label");
        let shared = [with("n1", "pool", "a"), with("n2", "pool", "a")];
        assert!(!only(&on("pool", "a"), &shared), "a label of both");
        let copied =
            [with("n1", UUID, "98ad"), with("n2", UUID, "98ad"), with("n3", UUID, "11aa"), named("n4")];
        assert!(only(&on(UUID, "98ad"), &copied), "two of three values, so they number the hosts");
        let pools = [
            with("n1", "pool", "a"),
            with("n2", "pool", "a"),
            with("n3", "pool", "b"),
            with("n4", "pool", "b"),
        ];
        assert!(!only(&on("pool", "a"), &pools), "two of four values");
        for place in ["topology.gke.io/zone", "region", "csi.hetzner.cloud/location"] {
            assert!(!only(&on(place, "z1"), &[with("n1", place, "z1"), named("n2")]), "{place}");
        }
    }

    #[test]
    fn a_claim_whose_volume_names_the_host_is_lost_with_it() {
        let mut node = named("n1");
        for (key, value) in [
            ("kubernetes.io/hostname", "host-1"),
            ("topology.topolvm.io/node", "n1"),
            ("topology.kubernetes.io/zone", "z1"),
        ] {
            node.labels.insert(key, value);
        }
        let pod = Pod { claims: Box::new(["data".into()]), ..web() };
        let lost = Some(Loss::LocalClaim { claim: "data".into() });
        for (volume, expected) in [
            (Some(on("kubernetes.io/hostname", "host-1")), lost.clone()),
            (Some(on("topology.topolvm.io/node", "n1")), lost.clone()),
            (Some(of_the_host_of_its_pod()), lost),
            (Some(on("kubernetes.io/hostname", "host-2")), None),
            (Some(on("topology.kubernetes.io/zone", "z1")), None),
            (None, None),
        ] {
            let key: ClaimKey = ("kube-system".into(), "data".into());
            let volumes = BTreeMap::from([(key, volume.clone())]);
            assert_eq!(loss_on(&pod, &node, &Policy::default(), &volumes), expected, "{volume:?}");
        }
        assert_eq!(
            loss_on(&pod, &node, &Policy::default(), &BTreeMap::new()),
            None,
            "a claim that was not looked up"
        );
    }

    #[test]
    fn a_host_without_labels_goes_by_its_node_s_name() {
        assert!(names_host(&on("kubernetes.io/hostname", "n1"), &named("n1")));
        let by_name = Requirement { key: "metadata.name".into(), operator: Operator::In(vec!["n1".into()]) };
        let affinity = Affinity(vec![SelectorTerm { labels: vec![], fields: vec![by_name] }]);
        assert!(names_host(&affinity, &named("n1")));
        assert!(!names_host(&affinity, &named("n2")));
    }
}
