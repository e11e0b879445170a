//! Distinguishes lasting taints from taints that come and go (section 3).

use crate::model::{Constraints, Node, Taint, TaintEffect, Toleration, taint};
use crate::policy::Policy;

/// The taints of pressure, which a kubelet reports.
const PRESSURE: [&str; 3] = [
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
];

/// Taints that the control plane sets by the node's conditions.
const CONDITION: [&str; 3] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
];

/// Taints that a node loses once it is ready for use: of cloud controllers, Cluster API, Karpenter, Deckhouse,
/// OVN-Kubernetes, Skyhook and the network of Tencent's clusters.
const STARTUP: [&str; 7] = [
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cluster.x-k8s.io/uninitialized",
    "karpenter.sh/unregistered",
    "node.deckhouse.io/csi-not-bootstrapped",
    "k8s.ovn.org/network-unavailable",
    "skyhook.nvidia.com",
    "tke.cloud.tencent.com/eni-ip-unavailable",
];

/// Words at the end of the names of taints that network plugins, agents and an operator's own setup remove when they have
/// started on a node: `cni.istio.io/not-ready`, `zalando.org/node-not-ready`, `node.deckhouse.io/uninitialized`. A soft taint
/// of such a key repels nobody.
const NOT_YET: [&str; 2] = ["not-ready", "uninitialized"];

/// The prefix of the taints of the node readiness controller, which removes one once the conditions of its rule are met:
/// `readiness.k8s.io/NetworkReady`.
const READINESS: &str = "readiness.k8s.io/";

/// The suffix of the taints that Cilium and CSI drivers remove when they have started on a node:
/// `node.cilium.io/agent-not-ready`, `ebs.csi.aws.com/agent-not-ready`.
const AGENT: &str = "agent-not-ready";

/// Prefixes of such taints, most of them by Cluster Autoscaler's agreement.
const STARTUP_PREFIXES: [&str; 4] = [
    // Nidhogg sets `nidhogg.uswitch.com/NAMESPACE.DAEMONSET` until the pod of that DaemonSet is ready.
    "nidhogg.uswitch.com/",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
];

/// Taints of a machine that is stopped. A node that we did not park is not managed under them.
const SHUTDOWN: [&str; 2] =
    ["node.kubernetes.io/out-of-service", "node.cloudprovider.kubernetes.io/shutdown"];

/// Whether a taint keeps a pod away that does not tolerate it.
fn repels(taint: &Taint) -> bool {
    taint.effect != TaintEffect::PreferNoSchedule
}

/// Whether a taint is a startup taint. A Ready node under a taint of its conditions is no different: no pod is bound to
/// it, so it is no capacity.
fn is_startup(one: &Taint, policy: &Policy) -> bool {
    let key = one.key.as_str();
    STARTUP.contains(&key)
        || CONDITION.contains(&key)
        || key.ends_with(AGENT)
        || (ends_in_not_yet(key) || key.starts_with(READINESS)) && repels(one)
        || STARTUP_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        || policy.startup_taints.contains(key)
}

/// Whether such a word is the name of a taint or the last part of it.
fn ends_in_not_yet(key: &str) -> bool {
    let ends = |word: &&str| key.strip_suffix(*word).is_some_and(|rest| rest.ends_with(['/', '-']));
    NOT_YET.iter().any(ends)
}

/// Whether a taint comes and goes with the state of a node, so that it does not affect a serving node.
pub(super) fn comes_and_goes(one: &Taint, policy: &Policy) -> bool {
    let key = one.key.as_str();
    key == taint::UNSCHEDULABLE
        || key == taint::DELETING
        || PRESSURE.contains(&key)
        || SHUTDOWN.contains(&key)
        || is_startup(one, policy)
}

/// The taints that last: they keep pods away for as long as the node exists.
pub(super) fn lasting<'t>(taints: &'t [Taint], policy: &'t Policy) -> impl Iterator<Item = &'t Taint> {
    taints.iter().filter(|taint| repels(taint) && !comes_and_goes(taint, policy))
}

/// A startup taint of the node.
pub(crate) fn startup<'n>(node: &'n Node, policy: &Policy) -> Option<&'n Taint> {
    node.taints.iter().find(|taint| is_startup(taint, policy))
}

/// The pressure taint of the node, or the taint of a cordon that it does not have: the scheduler heeds the taint too.
pub(crate) fn pressure(node: &Node) -> Option<&Taint> {
    let is_left = |taint: &Taint| !node.unschedulable && taint.key == taint::UNSCHEDULABLE && repels(taint);
    node.taints.iter().find(|taint| PRESSURE.contains(&taint.key.as_str()) || is_left(taint))
}

/// The taint of a condition that the node carries, although it may be Ready again.
pub(super) fn condition(node: &Node) -> Option<&Taint> {
    node.taints.iter().find(|taint| CONDITION.contains(&taint.key.as_str()))
}

/// Whether a Ready node takes no pods now because of a taint that comes and goes.
pub(super) fn takes_nobody_now(node: &Node) -> bool {
    pressure(node).is_some() || condition(node).is_some()
}

/// Whether tolerations let a pod onto a node with a taint, as the scheduler decides it.
pub(super) fn tolerates(constraints: &Constraints, key: &str, value: &str, effect: TaintEffect) -> bool {
    effect == TaintEffect::PreferNoSchedule
        || constraints.tolerations.iter().any(|toleration| matches(toleration, key, value, effect))
}

/// An empty key tolerates every key, no value means the operator `Exists`, no effect for all of them.
fn matches(toleration: &Toleration, key: &str, value: &str, effect: TaintEffect) -> bool {
    toleration.effect.is_none_or(|wanted| wanted == effect)
        && toleration.key.as_ref().is_none_or(|wanted| wanted.is_empty() || wanted == key)
        && toleration.value.accepts(value)
}

/// Whether a pod tolerates the cordon of a node.
pub(super) fn tolerates_cordon(constraints: &Constraints) -> bool {
    tolerates(constraints, taint::UNSCHEDULABLE, "", TaintEffect::NoSchedule)
}

/// Whether a node carries the soft taint of this program.
pub(crate) fn fills_last(node: &Node) -> bool {
    let soft = |one: &Taint| one.effect == TaintEffect::PreferNoSchedule;
    node.taints.iter().any(|one| one.key == taint::FILL_LAST && soft(one))
}

/// A soft taint of another actor on a node.
pub(crate) fn others_soft_taint(node: &Node) -> Option<&Taint> {
    let soft = |one: &Taint| one.effect == TaintEffect::PreferNoSchedule;
    node.taints.iter().find(|one| one.key != taint::FILL_LAST && soft(one))
}

/// A taint as Kubernetes writes it: `key=value:Effect`.
pub(crate) fn written(key: &str, value: &str, effect: TaintEffect) -> String {
    let effect = match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TolerableValue;
    use crate::plan::fixture::{taint as of, tainted};

    #[test]
    fn a_taint_that_comes_and_goes_says_nothing_lasting() {
        let policy =
            Policy { startup_taints: ["example.com/warming-up".to_owned()].into(), ..Policy::default() };
        for (key, passing) in [
            ("node.kubernetes.io/unschedulable", true),
            ("node.kubernetes.io/not-ready", true),
            ("node.kubernetes.io/unreachable", true),
            ("node.kubernetes.io/network-unavailable", true),
            ("node.kubernetes.io/disk-pressure", true),
            ("node.kubernetes.io/memory-pressure", true),
            ("node.kubernetes.io/pid-pressure", true),
            ("node.cloudprovider.kubernetes.io/uninitialized", true),
            ("node.cilium.io/agent-not-ready", true),
            ("ebs.csi.aws.com/agent-not-ready", true),
            ("node.cluster.x-k8s.io/uninitialized", true),
            ("karpenter.sh/unregistered", true),
            ("node.gardener.cloud/critical-components-not-ready", true),
            ("cni.istio.io/not-ready", true),
            ("kubeip.com/not-ready", true),
            ("zalando.org/node-not-ready", true),
            ("machines.example.com/uninitialized", true),
            ("nidhogg.uswitch.com/kube-system.kiam", true),
            ("node.deckhouse.io/uninitialized", true),
            ("node.deckhouse.io/csi-not-bootstrapped", true),
            ("k8s.ovn.org/network-unavailable", true),
            ("skyhook.nvidia.com", true),
            ("tke.cloud.tencent.com/eni-ip-unavailable", true),
            ("readiness.k8s.io/NetworkReady", true),
            ("startup-taint.cluster-autoscaler.kubernetes.io/gpu", true),
            ("ignore-taint.cluster-autoscaler.kubernetes.io/cilium-agent-not-ready", true),
            ("status-taint.cluster-autoscaler.kubernetes.io/gpu", true),
            ("kube-rebalancer/deleting", true),
            ("example.com/warming-up", true),
            ("startup-taint.example.com/gpu", false),
            ("dedicated", false),
            ("example.com/never-ready", false),
            ("example.com/cannot-ready", false),
            ("example.com/knot-ready", false),
        ] {
            assert_eq!(comes_and_goes(&of(key), &policy), passing, "{key}");
            assert_eq!(lasting(&[of(key)], &policy).count(), usize::from(!passing), "{key}");
        }
        for (key, passing) in [
            ("example.com/not-ready", false),
            ("readiness.k8s.io/NetworkReady", false),
            ("node.kubernetes.io/not-ready", true),
            ("a/agent-not-ready", true),
        ] {
            let soft = Taint { effect: TaintEffect::PreferNoSchedule, ..of(key) };
            let node = Node { taints: vec![soft], ..Node::default() };
            assert_eq!(startup(&node, &policy).is_some(), passing, "{key}");
        }
        let soft = Taint { effect: TaintEffect::PreferNoSchedule, ..of("dedicated") };
        assert_eq!(
            lasting(&[soft], &policy).count(),
            0,
            "a taint that only makes the scheduler avoid the node"
        );
    }

    #[test]
    fn a_ready_node_takes_nobody_now_under_the_taints_of_its_state() {
        for (key, nobody) in [
            ("node.kubernetes.io/disk-pressure", true),
            ("node.kubernetes.io/not-ready", true),
            ("node.kubernetes.io/unreachable", true),
            ("node.kubernetes.io/network-unavailable", true),
            ("node.kubernetes.io/unschedulable", true),
            ("node.cilium.io/agent-not-ready", false),
            ("dedicated", false),
        ] {
            assert_eq!(takes_nobody_now(&tainted(key)), nobody, "{key}");
        }
        let cordoned = Node { unschedulable: true, ..tainted(taint::UNSCHEDULABLE) };
        assert!(!takes_nobody_now(&cordoned), "the cordon is judged by itself");
        let soft = Taint { effect: TaintEffect::PreferNoSchedule, ..of(taint::UNSCHEDULABLE) };
        assert!(!takes_nobody_now(&Node { taints: vec![soft], ..Node::default() }), "it repels nobody");
    }

    #[test]
    fn a_toleration_matches_by_key_value_and_effect_where_it_names_them() {
        let tolerated = |key: Option<&str>, value: Option<&str>, effect| {
            let value = value.map_or(TolerableValue::Any, |value| TolerableValue::Equal(value.into()));
            let toleration = Toleration { key: key.map(Into::into), value, effect };
            let constraints = Constraints { tolerations: vec![toleration], ..Constraints::default() };
            tolerates(&constraints, "dedicated", "user", TaintEffect::NoSchedule)
        };
        assert!(tolerated(Some("dedicated"), Some("user"), None));
        assert!(tolerated(Some("dedicated"), None, Some(TaintEffect::NoSchedule)));
        assert!(tolerated(None, None, None));
        assert!(tolerated(Some(""), None, None));
        assert!(!tolerated(Some("dedicated"), Some("core"), None));
        assert!(!tolerated(Some("other"), None, None));
        assert!(!tolerated(Some("dedicated"), None, Some(TaintEffect::NoExecute)));
        let nobody = Constraints::default();
        assert!(!tolerates(&nobody, "dedicated", "user", TaintEffect::NoExecute));
        assert!(tolerates(&nobody, "dedicated", "user", TaintEffect::PreferNoSchedule));
    }
}
