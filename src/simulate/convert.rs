//! Translates every amount, label, taint and constraint of the simulated cluster into the planner's types.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Affinity, Amounts, Constraints, FurtherAmounts, Labels, NodeResources, NodeTemplate, Operator,
    Requirement, SelectorTerm, Taint, TaintEffect, TolerableValue, Toleration,
};

use crate::cluster::{Kind, POOL_LABEL, Pool, Zone};
use crate::machine::PODS;
use crate::resources::Resources;

/// The label of nodes for their zone.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// The resource name of a GPU.
const GPU: &str = "nvidia.com/gpu";

/// The requests of a pod.
pub(crate) fn requests(asked: Resources) -> Amounts {
    Amounts::pod(asked.memory, asked.cpu).with_further(further(asked.gpus))
}

fn further(gpus: u64) -> Option<Arc<FurtherAmounts>> {
    (gpus > 0).then(|| Arc::new(BTreeMap::from([(GPU.into(), gpus)])))
}

/// `status.capacity` of a pool's nodes.
pub(crate) fn capacity(pool: &Pool) -> NodeResources {
    NodeResources { memory: Some(pool.machine.memory), cpu: Some(pool.machine.cpu), ..allocatable(pool) }
}

/// `status.allocatable` of a pool's nodes.
pub(crate) fn allocatable(pool: &Pool) -> NodeResources {
    let Resources { memory, cpu, gpus } = pool.offered();
    NodeResources { memory: Some(memory), cpu: Some(cpu), pods: Some(PODS), further: further(gpus) }
}

/// `metadata.labels` of a pool's nodes in a zone.
pub(crate) fn labels(pool: &Pool, zone: Zone) -> Labels {
    let zone = (ZONE_LABEL.to_owned(), zone.name());
    let pool = pool.label.map(|label| (POOL_LABEL.to_owned(), label.to_owned()));
    [zone].into_iter().chain(pool).collect()
}

/// `spec.taints` of a pool's nodes.
pub(crate) fn taints(pool: &Pool) -> Vec<Taint> {
    let taint = |taint: crate::cluster::Taint| Taint {
        key: taint.key.to_owned(),
        value: taint.value.to_owned(),
        effect: TaintEffect::NoSchedule,
        added_at: None,
    };
    pool.taint.map(taint).into_iter().collect()
}

/// The node template of a pool's group in a zone.
pub(crate) fn template(pool: &Pool, zone: Zone) -> NodeTemplate {
    NodeTemplate {
        allocatable: allocatable(pool),
        capacity: capacity(pool),
        labels: labels(pool, zone),
        taints: taints(pool),
        only_size: false,
    }
}

/// The scheduling constraints of a kind's pods. The zone of a disk is not part of a pod: it is a field of the volume that
/// the pod's claim is bound to.
pub(crate) fn constraints(kind: &Kind) -> Constraints {
    let selects = kind.selects.map(|label| (POOL_LABEL.to_owned(), label.to_owned()));
    Constraints {
        node_selector: selects.into_iter().collect(),
        affinity: None,
        tolerations: kind.tolerates.map(tolerates).into_iter().collect(),
    }
}

/// The toleration of one taint.
pub(crate) fn tolerates(taint: crate::cluster::Taint) -> Toleration {
    Toleration {
        key: Some(taint.key.to_owned()),
        value: TolerableValue::Equal(taint.value.to_owned()),
        effect: Some(TaintEffect::NoSchedule),
    }
}

/// The node affinity of a volume in a zone.
pub(crate) fn volume(zone: Zone) -> Affinity {
    let in_zone = Requirement { key: ZONE_LABEL.to_owned(), operator: Operator::In(vec![zone.name()]) };
    Affinity(vec![SelectorTerm { labels: vec![in_zone], fields: Vec::new() }])
}
