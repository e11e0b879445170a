//! The simulated cluster's nouns as the planner's: every amount, label, taint and constraint is translated here.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Constraints, NodeResources, NodeTemplate, Requests, Taint, TaintEffect, Toleration, Unbound,
};

use crate::cluster::{Kind, POOL_LABEL, Pool, Zone};
use crate::machine::PODS;
use crate::resources::Resources;

/// What a pod requests. The planner's model has no extended resources yet.
pub(crate) fn requests(asked: Resources) -> Requests {
    Requests { memory: asked.memory, cpu: asked.cpu }
}

/// `status.capacity` of a pool's nodes.
pub(crate) fn capacity(pool: &Pool) -> NodeResources {
    NodeResources { memory: Some(pool.machine.memory), cpu: Some(pool.machine.cpu), pods: Some(PODS) }
}

/// `status.allocatable` of a pool's nodes.
pub(crate) fn allocatable(pool: &Pool) -> NodeResources {
    let Resources { memory, cpu, .. } = pool.offered();
    NodeResources { memory: Some(memory), cpu: Some(cpu), pods: Some(PODS) }
}

/// `metadata.labels` of a pool's nodes in a zone.
pub(crate) fn labels(pool: &Pool, zone: Zone) -> BTreeMap<String, String> {
    let zone = ("topology.kubernetes.io/zone".to_owned(), zone.name());
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

/// What the template of a pool's group in a zone says of a new node.
pub(crate) fn template(pool: &Pool, zone: Zone) -> NodeTemplate {
    NodeTemplate {
        allocatable: allocatable(pool),
        capacity: capacity(pool),
        labels: labels(pool, zone),
        taints: taints(pool),
    }
}

/// What the scheduler knows of a kind's pods that wait. The zone of a disk is not part of a pod: it is written on the
/// volume that the pod's claim is bound to, which the planner does not look up yet.
pub(crate) fn unbound(kind: &Kind) -> Unbound {
    let selects = kind.selects.map(|label| (POOL_LABEL.to_owned(), label.to_owned()));
    let tolerates = |taint: crate::cluster::Taint| Toleration {
        key: Some(taint.key.to_owned()),
        value: Some(taint.value.to_owned()),
        effect: Some(TaintEffect::NoSchedule),
    };
    Unbound {
        gated: false,
        unschedulable: Some("no node has enough left".to_owned()),
        constraints: Arc::new(Constraints {
            node_selector: selects.into_iter().collect(),
            affinity: None,
            tolerations: kind.tolerates.map(tolerates).into_iter().collect(),
        }),
    }
}
