//! `status` of a node, of a pod, of a claim and of a volume.

use serde::Deserialize;

use super::{Amounts, Resources, Text, Time, or_default};

/// `status` of a node, of a pod, of a claim and of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::observe) struct Status<'a> {
    #[serde(deserialize_with = "or_default")]
    pub(in crate::observe) phase: Phase,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) conditions: Vec<Condition<'a>>,
    // of a pod
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) container_statuses: Vec<ContainerStatus<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) init_container_statuses: Vec<ContainerStatus<'a>>,
    #[serde(borrow)]
    pub(in crate::observe) resize: Option<Text<'a>>,
    /// The resources that its node gives the pod as a whole.
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) resources: Resources<'a>,
    /// The resources that its node has reserved for the pod as a whole.
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) allocated_resources: Amounts<'a>,
    #[serde(borrow)]
    pub(in crate::observe) nominated_node_name: Option<Text<'a>>,
    // of a node
    #[serde(borrow)]
    pub(in crate::observe) allocatable: Option<Amounts<'a>>,
    #[serde(borrow)]
    pub(in crate::observe) capacity: Option<Amounts<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) node_info: NodeInfo<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) volumes_in_use: Vec<Text<'a>>,
}

/// `status.nodeInfo` of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::observe) struct NodeInfo<'a> {
    #[serde(borrow, rename = "systemUUID")]
    pub(in crate::observe) system_uuid: Option<Text<'a>>,
}

/// An entry of `status.containerStatuses` or `status.initContainerStatuses`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::observe) struct ContainerStatus<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) name: Text<'a>,
    /// The resources that its node gives it.
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) resources: Resources<'a>,
    /// The resources that its node has reserved for it.
    #[serde(borrow, deserialize_with = "or_default")]
    pub(in crate::observe) allocated_resources: Amounts<'a>,
}

/// `status.phase` of a pod, a claim or a volume, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::observe) enum Phase {
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one badly.
    Failed,
    /// At least one container runs, or starts again.
    Running,
    /// A claim has its volume, a volume its claim.
    Bound,
    /// A claim's volume is gone.
    Lost,
    /// `Pending`, `Unknown`, a phase yet to be invented, or none.
    #[default]
    #[serde(other)]
    Other,
}

/// An entry of `status.conditions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::observe) struct Condition<'a> {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(in crate::observe) kind: ConditionKind,
    #[serde(deserialize_with = "or_default")]
    pub(in crate::observe) status: ConditionStatus,
    #[serde(deserialize_with = "or_default")]
    pub(in crate::observe) reason: ConditionReason,
    #[serde(borrow)]
    pub(in crate::observe) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::observe) last_transition_time: Option<Time<'a>>,
}

/// `type` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::observe) enum ConditionKind {
    /// Of a node and of a pod.
    Ready,
    /// Of a pod.
    PodScheduled,
    /// Of a pod whose containers have not got yet what it was changed to ask for.
    PodResizePending,
    /// Of a node of AKS: its cloud announces an event of the machine, such as a pause or its end.
    #[serde(rename = "VMEventScheduled")]
    VmEventScheduled,
    /// Of a node of AKS: its cloud ends the machine, a spot machine, within a minute.
    PreemptionScheduled,
    #[default]
    #[serde(other)]
    Other,
}

/// `status` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::observe) enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// `Unknown`, or none.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `reason` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::observe) enum ConditionReason {
    /// The scheduler found no node.
    Unschedulable,
    /// The node can never give what the pod was changed to ask for.
    Infeasible,
    #[default]
    #[serde(other)]
    Other,
}

impl Phase {
    /// The phase with this name.
    pub(in crate::observe) fn named(name: &str) -> Self {
        match name {
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Running" => Self::Running,
            "Bound" => Self::Bound,
            "Lost" => Self::Lost,
            _ => Self::Other,
        }
    }

    /// Whether a pod in this phase has ended.
    pub(in crate::observe) fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl ConditionKind {
    /// The one with this name.
    pub(in crate::observe) fn named(name: &str) -> Self {
        match name {
            "Ready" => Self::Ready,
            "PodScheduled" => Self::PodScheduled,
            "PodResizePending" => Self::PodResizePending,
            "VMEventScheduled" => Self::VmEventScheduled,
            "PreemptionScheduled" => Self::PreemptionScheduled,
            _ => Self::Other,
        }
    }
}

impl ConditionStatus {
    /// The one with this name.
    pub(in crate::observe) fn named(name: &str) -> Self {
        match name {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl ConditionReason {
    /// The one with this name.
    pub(in crate::observe) fn named(name: &str) -> Self {
        match name {
            "Unschedulable" => Self::Unschedulable,
            "Infeasible" => Self::Infeasible,
            _ => Self::Other,
        }
    }
}
