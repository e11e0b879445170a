//! The reasons not to change a scale set or an agent pool.

use kube_rebalancer_join::InstanceState;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind};

use super::state::state;
use crate::client::{AgentPool, Cluster, Machine, ScaleSet};

/// Why nodes of AKS are not parked.
pub(super) const NOT_PARKED_BY_AKS: &str =
    "AKS deallocates nodes by their number only, not by name, so nodes of agent pools are not parked";

/// The tag by which a Cluster Autoscaler finds its scale sets.
const AUTOSCALER: &str = "cluster-autoscaler-enabled";

/// The reason why a change must not be made: permanently, or until a change in progress is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// Until a setting is changed.
    Lasting(String),
    /// Until a change is over, which another change would cancel.
    Passing(String),
}

impl Objection {
    pub(super) fn words(self) -> String {
        match self {
            Self::Lasting(why) | Self::Passing(why) => why,
        }
    }

    /// The same as a refusal about the group of this name.
    pub(super) fn refusal(self, group: &str) -> CloudError {
        let kind = if matches!(self, Self::Passing(_)) { Kind::Busy } else { Kind::Refused };
        CloudError::new(kind, format!("node group {group}: {}", self.words()))
    }
}

/// The reason why a scale set must not grow. Without an etag a growth could lower the number that another client
/// requested. A later change of the set cancels a deletion in progress (`OperationPreempted`).
pub(super) fn against_growth(set: &ScaleSet, machines: &[Machine]) -> Option<Objection> {
    autoscaled(set)
        .or_else(|| {
            let why = "Azure gives no etag of it, so it could not be grown without overruling others";
            set.etag.is_none().then(|| Objection::Lasting(why.to_owned()))
        })
        .or_else(|| deletion_under_way(machines))
}

/// The reason why nothing may be deleted from a scale set, or parked.
pub(super) fn against_giving_back(set: &ScaleSet, machines: &[Machine]) -> Option<Objection> {
    autoscaled(set)
        .or_else(|| repaired(set))
        .or_else(|| rebalanced(set))
        .or_else(|| under_way(set))
        .or_else(|| deletion_under_way(machines))
        .or_else(|| overprovisioned(set, machines))
}

/// The reason why nothing may be woken in a scale set.
pub(super) fn against_waking(machines: &[Machine]) -> Option<Objection> {
    deletion_under_way(machines)
}

/// Two autoscalers of one set undo each other's work, and the other one does not know the users of an instance.
fn autoscaled(set: &ScaleSet) -> Option<Objection> {
    let is_on = |(key, value): (&String, &String)| {
        key.eq_ignore_ascii_case(AUTOSCALER) && value.trim().eq_ignore_ascii_case("true")
    };
    set.tags.iter().any(is_on).then(|| {
        Objection::Lasting(format!("a Cluster Autoscaler scales it (tag {AUTOSCALER}); take that tag away"))
    })
}

fn repaired(set: &ScaleSet) -> Option<Objection> {
    set.repairs.then(|| {
        Objection::Lasting(format!(
            "automatic instance repair replaces instances of it, users on them or not; to stop that: az vmss update \
             --resource-group {} --name {} --enable-automatic-repairs false",
            set.id.resource_group(),
            set.id.name()
        ))
    })
}

fn rebalanced(set: &ScaleSet) -> Option<Objection> {
    set.rebalances.then(|| {
        Objection::Lasting(format!(
            "Azure would even out its zones by making instances anew elsewhere, users on them or not; to stop that: az vmss \
             update --resource-group {} --name {} --set \
             resiliencyPolicy.automaticZoneRebalancingPolicy.enabled=false",
            set.id.resource_group(),
            set.id.name()
        ))
    })
}

/// One change of a set at a time: a later one cancels a change in progress.
fn under_way(set: &ScaleSet) -> Option<Objection> {
    let is_over =
        ["Succeeded", "Failed", "Canceled"].iter().any(|over| set.provisioning.eq_ignore_ascii_case(over));
    (!is_over).then(|| {
        Objection::Passing(format!("its last change is not over: it is {}", words::clean(&set.provisioning)))
    })
}

fn deletion_under_way(machines: &[Machine]) -> Option<Objection> {
    let going = machines.iter().filter(|machine| state(machine) == InstanceState::Leaving).count();
    (going > 0).then(|| {
        Objection::Passing(format!(
            "{going} of its instances are being deleted, which another change would cancel"
        ))
    })
}

/// A set that overprovisions starts more instances than requested, and deletes some of them afterwards.
fn overprovisioned(set: &ScaleSet, machines: &[Machine]) -> Option<Objection> {
    let (capacity, there) = (set.capacity, machines.len());
    let has_more = usize::try_from(capacity).is_ok_and(|capacity| there > capacity);
    (set.overprovisions && has_more).then(|| {
        Objection::Passing(format!(
            "it overprovisions: it has {there} instances, its capacity is {capacity}, and Azure deletes the rest"
        ))
    })
}

/// The reason why an instance is left to the person who protects it. Azure itself would delete it.
pub(super) fn protected(machine: &Machine) -> Option<String> {
    machine.is_protected.then(|| {
        format!("instance {} is protected from scale-in (protectionPolicy), which a person did", machine.id)
    })
}

/// The reason why an agent pool must not grow.
pub(super) fn against_pool_growth(cluster: &Cluster, pool: &AgentPool) -> Option<Objection> {
    in_the_way(cluster, pool).or_else(|| {
        let why = "Azure gives no etag of it, so it could not be grown without overruling others";
        pool.etag.is_none().then(|| Objection::Lasting(why.to_owned()))
    })
}

/// The reason why this number of machines of an agent pool must not be deleted.
pub(super) fn against_pool_deletion(
    cluster: &Cluster,
    pool: &AgentPool,
    machines: usize,
) -> Option<Objection> {
    in_the_way(cluster, pool)
        .or_else(|| {
            let why = "its scaleDownMode is Deallocate, and what that does with machines that are deleted by name is not \
                       known; set it to Delete";
            pool.deallocates.then(|| Objection::Lasting(why.to_owned()))
        })
        .or_else(|| {
            let left = usize::try_from(pool.count).unwrap_or(usize::MAX).saturating_sub(machines);
            (pool.is_system && left < 1).then(|| {
                let why = format!("it is a system pool of {}, which keeps at least one node", pool.count);
                Objection::Lasting(why)
            })
        })
}

/// The reason why an agent pool must not change now: another autoscaler scales it, or another change is in progress.
fn in_the_way(cluster: &Cluster, pool: &AgentPool) -> Option<Objection> {
    if pool.is_autoscaled {
        return Some(Objection::Lasting(format!(
            "the cluster autoscaler of AKS scales it (enableAutoScaling); to stop that: az aks nodepool update \
             --cluster-name {} --name {} --disable-cluster-autoscaler",
            cluster.name, pool.name
        )));
    }
    if !pool.is_running {
        return Some(Objection::Lasting("it is stopped".to_owned()));
    }
    let is_over = |state: &str| state.eq_ignore_ascii_case("Succeeded");
    if !is_over(&cluster.provisioning) {
        let state = words::clean(&cluster.provisioning);
        return Some(Objection::Passing(format!("its managed cluster is {state}")));
    }
    (!is_over(&pool.provisioning))
        .then(|| Objection::Passing(format!("it is {}", words::clean(&pool.provisioning))))
}
