//! The other programs that act on nodes, and the marks that each of them sets on a node.

use crate::model::{Node, Taint, annotation};

/// How a program marks a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// A taint with this key.
    Taint(&'static str),
    /// A taint whose key has this prefix.
    TaintPrefix(&'static str),
    /// An annotation, whatever its value.
    Annotation(&'static str),
    /// An annotation with any other value than this.
    AnnotationUnless(&'static str, &'static str),
    /// An annotation with the value `true`.
    AnnotationTrue(&'static str),
    /// An annotation whose key has this prefix.
    AnnotationPrefix(&'static str),
    /// A label, whatever its value.
    Label(&'static str),
    /// A label with one of these values.
    LabelIn(&'static str, &'static [&'static str]),
    /// A label whose key has this prefix.
    LabelPrefix(&'static str),
    /// A condition by which the cloud announces the end of the machine.
    Ends,
}

/// A program that works on nodes.
#[derive(Clone, Copy, Debug)]
struct Actor {
    mark: Mark,
    name: &'static str,
}

const fn actor(mark: Mark, name: &'static str) -> Actor {
    Actor { mark, name }
}

/// The table of other actors: mark, name, and where the mark is defined.
const ACTORS: [Actor; 41] = [
    // kubernetes/autoscaler, cluster-autoscaler/utils/taints/taints.go: ToBeDeletedTaint.
    actor(Mark::Taint("ToBeDeletedByClusterAutoscaler"), "Cluster Autoscaler"),
    // kubernetes-sigs/karpenter, pkg/apis/v1/taints.go: DisruptedTaintKey.
    actor(Mark::Taint("karpenter.sh/disrupted"), "Karpenter"),
    // kubernetes-sigs/karpenter up to 0.37, pkg/apis/v1beta1/taints.go: DisruptionTaintKey.
    actor(Mark::Taint("karpenter.sh/disruption"), "Karpenter"),
    // atlassian/escalator, pkg/k8s/taint.go: ToBeRemovedByAutoscalerKey.
    actor(Mark::Taint("atlassian.com/escalator"), "Escalator"),
    // atlassian/escalator, docs/configuration: the taint by which a person requests the removal of a node.
    actor(Mark::Taint("atlassian.com/escalator-force"), "Escalator"),
    // Google Kubernetes Engine: graceful termination of preemptible and maintained nodes.
    actor(Mark::Taint("cloud.google.com/impending-node-termination"), "Google Kubernetes Engine"),
    // The same, host maintenance: the label comes before the taint above, the other taint when the window begins.
    actor(
        Mark::LabelIn("cloud.google.com/active-node-maintenance", &["ONGOING"]),
        "Google Kubernetes Engine",
    ),
    actor(Mark::Taint("cloud.google.com/maintenance-window-started"), "Google Kubernetes Engine"),
    // Kubernetes, "Non-graceful node shutdown": set by a person or a remediator.
    actor(Mark::Taint("node.kubernetes.io/out-of-service"), "the node's repair"),
    // kubernetes/cloud-provider, api/well_known_taints.go: TaintNodeShutdown.
    actor(Mark::Taint("node.cloudprovider.kubernetes.io/shutdown"), "the cloud controller manager"),
    // aws/aws-node-termination-handler, pkg/node/node.go: SpotInterruptionTaint and its like.
    actor(Mark::TaintPrefix("aws-node-termination-handler/"), "AWS Node Termination Handler"),
    // The same, ActionLabelKey: with its default TAINT_NODE=false, only labels announce a reboot.
    actor(Mark::LabelPrefix("aws-node-termination-handler/"), "AWS Node Termination Handler"),
    // Azure/AKS, node auto-repair: remediator.aks.microsoft.com/unschedulable.
    actor(Mark::TaintPrefix("remediator."), "the node's repair"),
    // Azure/AKS, UndrainableNodeBehavior: an upgrade could not drain the node, and replaced it.
    actor(Mark::LabelIn("kubernetes.azure.com/upgrade-status", &["Quarantined"]), "AKS"),
    // NVIDIA/skyhook, docs: each Skyhook notes its own cordon.
    actor(Mark::AnnotationPrefix(annotation::SKYHOOK_CORDON), "Skyhook"),
    // Ektopistis, a drainer of nodes: a person sets the taint.
    actor(Mark::Taint("ektopistis.io/drain"), "Ektopistis"),
    // dell/csi-baremetal, docs: the node is removed, or is down for a while and comes back with its disks.
    actor(Mark::Taint("node.dell.com/drain"), "the operator of bare-metal disks"),
    // kubereboot/kured, cmd/kured/main.go: KuredRebootInProgressAnnotation.
    actor(Mark::Annotation(annotation::REBOOT_IN_PROGRESS), "kured"),
    // openshift/machine-config-operator, pkg/daemon/constants: MachineConfigDaemonStateAnnotationKey.
    actor(
        Mark::AnnotationUnless(annotation::MACHINE_CONFIG_STATE, "Done"),
        "OpenShift's machine configuration daemon",
    ),
    // medik8s/node-maintenance-operator, controllers/taint.go: medik8sDrainTaintKey.
    actor(Mark::Taint("medik8s.io/drain"), "the node maintenance operator"),
    // medik8s/self-node-remediation, controllers: NodeNoExecuteTaint.
    actor(Mark::Taint("medik8s.io/remediation"), "the node's repair"),
    // medik8s/fence-agents-remediation, pkg/utils/taints.go: the key of the first versions, and today's.
    actor(Mark::Taint("medik8s.io/fence-agents-remediation"), "the node's repair"),
    actor(Mark::TaintPrefix("remediation.medik8s.io/"), "the node's repair"),
    // kubevirt/kubevirt, user guide, "Node maintenance": virtual machines leave a node with this taint.
    actor(Mark::Taint("kubevirt.io/drain"), "KubeVirt"),
    // castai/spot-handler: taintNodeDraining.
    actor(Mark::Taint("autoscaling.cast.ai/draining"), "CAST AI"),
    // The same: the label comes with the cordon, its value is the reason.
    actor(Mark::Label("autoscaling.cast.ai/draining"), "CAST AI"),
    // Azure/AKS, node auto-drain: the node problem detector reports the event, and AKS drains the node if it comes to that.
    actor(Mark::Ends, "the cloud, which ends its machine"),
    // ROCm/gpu-operator, internal/controllers/upgrademgr.go: from the cordon of a driver upgrade until it is complete.
    actor(Mark::Taint("amd-gpu-driver-upgrade"), "AMD's GPU operator"),
    // The same, its remediation of a node with a fault.
    actor(Mark::Taint("amd-gpu-unhealthy"), "AMD's GPU operator"),
    // flatcar/flatcar-linux-update-operator, pkg/constants: AnnotationRebootInProgress.
    actor(Mark::AnnotationTrue(annotation::FLATCAR_REBOOT), "Flatcar's update agent"),
    // coreos/container-linux-update-operator, pkg/constants: AnnotationRebootInProgress.
    actor(Mark::AnnotationTrue(annotation::CONTAINER_LINUX_REBOOT), "Container Linux's update agent"),
    // siderolabs/talos, pkg/machinery/constants: AnnotationCordonedKey.
    actor(Mark::AnnotationTrue(annotation::TALOS_CORDONED), "Talos"),
    // gardener/machine-controller-manager, pkg/util/provider/machineutils: TriggerDeletionByMCM.
    actor(Mark::AnnotationTrue(annotation::GARDENER_DELETION), "Gardener's machine controller manager"),
    // The same, docs on in-place updates: the node is drained and boots into another system.
    actor(
        Mark::LabelIn("node.machine.sapcloud.io/selected-for-update", &["true"]),
        "Gardener's machine controller manager",
    ),
    // harvester/harvester, pkg/controller/master/nodedrain: MaintainStatusAnnotationKey.
    actor(Mark::Annotation(annotation::HARVESTER_MAINTENANCE), "Harvester"),
    // k8snetworkplumbingwg/sriov-network-operator, pkg/consts: DrainAnnotationState.
    actor(Mark::AnnotationUnless(annotation::SRIOV_STATE, "Idle"), "the SR-IOV network operator"),
    // deckhouse/deckhouse, modules/040-node-manager/hooks: handle_draining.
    actor(Mark::Annotation(annotation::DECKHOUSE_DRAINING), "Deckhouse"),
    actor(Mark::Annotation(annotation::DECKHOUSE_DRAINED), "Deckhouse"),
    // NVIDIA/k8s-operator-libs, pkg/upgrade/consts.go: the states between the cordon and the uncordon of an upgrade.
    actor(Mark::LabelIn("nvidia.com/gpu-driver-upgrade-state", &DRIVER_UPGRADE), "NVIDIA's GPU operator"),
    // Mellanox/network-operator, "Automatic OFED upgrade": the same states of the driver of network cards.
    actor(
        Mark::LabelIn("nvidia.com/ofed-driver-upgrade-state", &DRIVER_UPGRADE),
        "NVIDIA's network operator",
    ),
    // NVIDIA/NVSentinel, commons/pkg/statemanager: on a node with a fault, until it is repaired.
    actor(Mark::Label("dgxc.nvidia.com/nvsentinel-state"), "NVSentinel"),
];

/// The states of a driver upgrade in which the operator is at work on the node. It says `upgrade-required` for weeks
/// before it begins, and `upgrade-done` afterwards.
const DRIVER_UPGRADE: [&str; 10] = [
    "cordon-required",
    "wait-for-jobs-required",
    "pod-deletion-required",
    "drain-required",
    "node-maintenance-required",
    "post-maintenance-required",
    "pod-restart-required",
    "validation-required",
    "uncordon-required",
    "upgrade-failed",
];

/// The taints of a machine that was stopped.
const SHUTDOWN: [&str; 2] =
    ["node.kubernetes.io/out-of-service", "node.cloudprovider.kubernetes.io/shutdown"];

/// The program that works on the node, and its mark.
pub(super) fn actor_on(node: &Node) -> Option<(&'static str, String)> {
    let ours =
        [annotation::PARKED_AT, annotation::WOKEN_AT].iter().any(|key| node.annotations.contains_key(*key));
    // A shutdown taint or an end on a machine that we stopped is expected, so it does not count.
    let says = |actor: &&Actor| {
        let of_a_stop = match actor.mark {
            Mark::Taint(key) => SHUTDOWN.contains(&key),
            Mark::Ends => true,
            Mark::TaintPrefix(_)
            | Mark::Annotation(_)
            | Mark::AnnotationUnless(..)
            | Mark::AnnotationTrue(_)
            | Mark::AnnotationPrefix(_)
            | Mark::Label(_)
            | Mark::LabelIn(..)
            | Mark::LabelPrefix(_) => false,
        };
        !(ours && of_a_stop)
    };
    // Most nodes have no taints and none of these annotations.
    let (no_taints, no_annotations) = (node.taints.is_empty(), node.annotations.is_empty());
    let may_be = |actor: &&Actor| match actor.mark {
        Mark::Taint(_) | Mark::TaintPrefix(_) => !no_taints,
        Mark::Annotation(_)
        | Mark::AnnotationUnless(..)
        | Mark::AnnotationTrue(_)
        | Mark::AnnotationPrefix(_) => !no_annotations,
        Mark::Label(_) | Mark::LabelIn(..) | Mark::LabelPrefix(_) => true,
        Mark::Ends => node.ends_by.is_some(),
    };
    let actors = ACTORS.iter().filter(may_be).filter(says);
    actors.map(|actor| (actor.name, mark_on(node, actor.mark))).find_map(|(name, mark)| Some((name, mark?)))
}

fn mark_on(node: &Node, mark: Mark) -> Option<String> {
    let taint = |is_mark: &dyn Fn(&Taint) -> bool| {
        node.taints.iter().find(|taint| is_mark(taint)).map(|taint| taint.key.clone())
    };
    let value = |key: &str| node.annotations.get(key);
    match mark {
        Mark::Taint(key) => taint(&|taint| taint.key == key),
        Mark::TaintPrefix(prefix) => taint(&|taint| taint.key.starts_with(prefix)),
        Mark::Annotation(key) => value(key).map(|_| key.to_owned()),
        Mark::AnnotationUnless(key, harmless) => {
            value(key).filter(|value| *value != harmless).map(|value| format!("{key}={value}"))
        }
        Mark::AnnotationTrue(key) => value(key).filter(|value| *value == "true").map(|_| key.to_owned()),
        Mark::AnnotationPrefix(prefix) => {
            node.annotations.keys().find(|key| key.starts_with(prefix)).map(ToOwned::to_owned)
        }
        Mark::Label(key) => node.labels.get(key).map(|value| format!("{key}={value}")),
        Mark::LabelIn(key, values) => {
            node.labels.get(key).filter(|value| values.contains(value)).map(|value| format!("{key}={value}"))
        }
        Mark::Ends => node.ends_by.map(|condition| format!("the condition {condition}")),
        Mark::LabelPrefix(prefix) => {
            node.labels.keys().find(|key| key.starts_with(prefix)).map(ToOwned::to_owned)
        }
    }
}

/// The key of an annotation by which another program delays the deletion of the node.
///
/// kubernetes/autoscaler, cluster-autoscaler/core/scaledown/actuation: such a program removes it once it is done.
pub(crate) fn deletion_delay(node: &Node) -> Option<&str> {
    node.annotations.keys().map(String::as_str).find(|key| key.starts_with(annotation::DELAY_DELETION))
}

/// Another autoscaler that scales nodes of this kind, and its mark on the node. The node stays managed.
pub(super) fn autoscaler_of(node: &Node) -> Option<(&'static str, String)> {
    // kubernetes/autoscaler, cluster-autoscaler/utils/taints/taints.go: DeletionCandidateTaint.
    const CANDIDATE: &str = "DeletionCandidateOfClusterAutoscaler";
    // kubernetes-sigs/karpenter, pkg/apis/v1/labels.go: NodePoolLabelKey, and the label of the versions before 0.32.
    const KARPENTER: [&str; 2] = ["karpenter.sh/nodepool", "karpenter.sh/provisioner-name"];
    // docs.cast.ai, "Autoscaler Node Labels and Taints"; Spot's documentation of Ocean, "Labels and Taints": each marks every
    // node that it manages.
    const MANAGERS: [(&str, &str); 2] =
        [("CAST AI", "provisioner.cast.ai/managed-by"), ("Ocean", "spotinst.io/node-lifecycle")];
    // Google Kubernetes Engine names the pools that its node auto-provisioning makes and scales nap-….
    const GKE_POOL: (&str, &str) = ("cloud.google.com/gke-nodepool", "nap-");
    if let Some(taint) = node.taints.iter().find(|taint| taint.key == CANDIDATE) {
        return Some(("Cluster Autoscaler", taint.key.clone()));
    }
    if let Some(key) = KARPENTER.into_iter().find(|key| node.labels.contains_key(key)) {
        return Some(("Karpenter", key.to_owned()));
    }
    if let Some((name, key)) = MANAGERS.into_iter().find(|(_, key)| node.labels.contains_key(key)) {
        return Some((name, key.to_owned()));
    }
    let (key, prefix) = GKE_POOL;
    let pool = node.labels.get(key).filter(|pool| pool.starts_with(prefix))?;
    Some(("node auto-provisioning of Google Kubernetes Engine", format!("{key}={pool}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{annotated, labelled, tainted};

    #[test]
    fn every_mark_of_another_actor_is_known_and_names_it() {
        for (node, actor, mark) in [
            (
                tainted("ToBeDeletedByClusterAutoscaler"),
                "Cluster Autoscaler",
                "ToBeDeletedByClusterAutoscaler",
            ),
            (tainted("karpenter.sh/disrupted"), "Karpenter", "karpenter.sh/disrupted"),
            (tainted("karpenter.sh/disruption"), "Karpenter", "karpenter.sh/disruption"),
            (tainted("atlassian.com/escalator"), "Escalator", "atlassian.com/escalator"),
            (tainted("atlassian.com/escalator-force"), "Escalator", "atlassian.com/escalator-force"),
            (
                tainted("cloud.google.com/impending-node-termination"),
                "Google Kubernetes Engine",
                "cloud.google.com/impending-node-termination",
            ),
            (
                tainted("node.kubernetes.io/out-of-service"),
                "the node's repair",
                "node.kubernetes.io/out-of-service",
            ),
            (
                tainted("node.cloudprovider.kubernetes.io/shutdown"),
                "the cloud controller manager",
                "node.cloudprovider.kubernetes.io/shutdown",
            ),
            (
                tainted("aws-node-termination-handler/spot-itn"),
                "AWS Node Termination Handler",
                "aws-node-termination-handler/spot-itn",
            ),
            (
                tainted("remediator.aks.microsoft.com/unschedulable"),
                "the node's repair",
                "remediator.aks.microsoft.com/unschedulable",
            ),
            (
                annotated("weave.works/kured-reboot-in-progress", ""),
                "kured",
                "weave.works/kured-reboot-in-progress",
            ),
            (
                annotated("machineconfiguration.openshift.io/state", "Working"),
                "OpenShift's machine configuration daemon",
                "machineconfiguration.openshift.io/state=Working",
            ),
        ] {
            assert_eq!(actor_on(&node), Some((actor, mark.to_owned())));
        }
    }

    #[test]
    fn every_mark_of_maintenance_is_known_and_names_its_actor() {
        const DRIVER: &str = "nvidia.com/gpu-driver-upgrade-state";
        const CARD: &str = "nvidia.com/ofed-driver-upgrade-state";
        const MAINTENANCE: &str = "cloud.google.com/active-node-maintenance";
        const SELECTED: &str = "node.machine.sapcloud.io/selected-for-update";
        for (node, actor) in [
            (tainted("medik8s.io/drain"), "the node maintenance operator"),
            (tainted("medik8s.io/remediation"), "the node's repair"),
            (tainted("autoscaling.cast.ai/draining"), "CAST AI"),
            (annotated(annotation::FLATCAR_REBOOT, "true"), "Flatcar's update agent"),
            (annotated(annotation::CONTAINER_LINUX_REBOOT, "true"), "Container Linux's update agent"),
            (annotated(annotation::TALOS_CORDONED, "true"), "Talos"),
            (annotated(annotation::GARDENER_DELETION, "true"), "Gardener's machine controller manager"),
            (annotated(annotation::HARVESTER_MAINTENANCE, "completed"), "Harvester"),
            (annotated(annotation::SRIOV_STATE, "Draining"), "the SR-IOV network operator"),
            (annotated(annotation::DECKHOUSE_DRAINING, "bashible"), "Deckhouse"),
            (annotated(annotation::DECKHOUSE_DRAINED, "user"), "Deckhouse"),
            (labelled(DRIVER, "pod-deletion-required"), "NVIDIA's GPU operator"),
            (labelled(DRIVER, "upgrade-failed"), "NVIDIA's GPU operator"),
            (labelled(CARD, "drain-required"), "NVIDIA's network operator"),
            (labelled("dgxc.nvidia.com/nvsentinel-state", "quarantined"), "NVSentinel"),
            (labelled(SELECTED, "true"), "Gardener's machine controller manager"),
            (labelled(MAINTENANCE, "ONGOING"), "Google Kubernetes Engine"),
            (tainted("cloud.google.com/maintenance-window-started"), "Google Kubernetes Engine"),
            (
                labelled("aws-node-termination-handler/action", "UncordonAfterReboot"),
                "AWS Node Termination Handler",
            ),
            (tainted("medik8s.io/fence-agents-remediation"), "the node's repair"),
            (tainted("remediation.medik8s.io/fence-agents-remediation"), "the node's repair"),
            (tainted("kubevirt.io/drain"), "KubeVirt"),
            (labelled("kubernetes.azure.com/upgrade-status", "Quarantined"), "AKS"),
            (annotated("skyhook.nvidia.com/cordon_tuning", "true"), "Skyhook"),
            (tainted("ektopistis.io/drain"), "Ektopistis"),
            (tainted("node.dell.com/drain"), "the operator of bare-metal disks"),
        ] {
            assert_eq!(actor_on(&node).map(|(name, _)| name), Some(actor), "{node:?}");
        }
        for node in [
            annotated(annotation::FLATCAR_REBOOT, "false"),
            annotated(annotation::SRIOV_STATE, "Idle"),
            labelled(DRIVER, "upgrade-required"),
            labelled(DRIVER, "upgrade-done"),
            labelled(CARD, "upgrade-done"),
            labelled(MAINTENANCE, "passthrough"),
            labelled("kubernetes.azure.com/upgrade-status", "Succeeded"),
            annotated("skyhook.nvidia.com/status_tuning", "complete"),
            labelled("node.machine.sapcloud.io/candidate-for-update", "true"),
            labelled("node.machine.sapcloud.io/update-result", "successful"),
        ] {
            assert_eq!(actor_on(&node), None, "{node:?}");
        }
    }

    #[test]
    fn a_machine_that_its_cloud_ends_is_left_alone_unless_we_stopped_it() {
        let ends = |node: Node| Node { ends_by: Some("VMEventScheduled"), ..node };
        let expected = ("the cloud, which ends its machine", "the condition VMEventScheduled".to_owned());
        assert_eq!(actor_on(&ends(Node::default())), Some(expected));
        assert_eq!(actor_on(&ends(annotated(annotation::PARKED_AT, "2026-01-15T08:00:00Z"))), None);
        let draining = actor_on(&labelled("autoscaling.cast.ai/draining", "spot-interruption"));
        assert_eq!(draining, Some(("CAST AI", "autoscaling.cast.ai/draining=spot-interruption".to_owned())));
    }

    #[test]
    fn a_mark_that_means_nothing_leaves_the_node_to_this_program() {
        for node in [
            Node::default(),
            tainted("dedicated"),
            annotated("machineconfiguration.openshift.io/state", "Done"),
            annotated("delay-deletion.cluster-autoscaler.kubernetes.io/logs", "true"),
        ] {
            assert_eq!(actor_on(&node), None, "{node:?}");
        }
    }

    #[test]
    fn an_annotation_delays_a_deletion_and_nothing_else() {
        let delayed = annotated("delay-deletion.cluster-autoscaler.kubernetes.io/logs", "true");
        assert_eq!(deletion_delay(&delayed), Some("delay-deletion.cluster-autoscaler.kubernetes.io/logs"));
        assert_eq!(deletion_delay(&annotated("weave.works/kured-reboot-in-progress", "")), None);
    }

    #[test]
    fn another_autoscaler_shows_by_its_taint_or_label() {
        for (node, autoscaler) in [
            (tainted("DeletionCandidateOfClusterAutoscaler"), "Cluster Autoscaler"),
            (labelled("karpenter.sh/nodepool", "default"), "Karpenter"),
            (labelled("karpenter.sh/provisioner-name", "default"), "Karpenter"),
            (labelled("provisioner.cast.ai/managed-by", "cast.ai"), "CAST AI"),
            (labelled("spotinst.io/node-lifecycle", "od"), "Ocean"),
            (
                labelled("cloud.google.com/gke-nodepool", "nap-n2-1"),
                "node auto-provisioning of Google Kubernetes Engine",
            ),
        ] {
            assert_eq!(autoscaler_of(&node).map(|(name, _)| name), Some(autoscaler));
        }
        assert_eq!(autoscaler_of(&labelled("cloud.google.com/gke-nodepool", "users")), None);
    }
}
