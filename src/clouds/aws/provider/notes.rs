//! Notes on a group for a person: what else removes its instances, and when.

use super::facts::{Facts, is_held};
use super::machines::Machines;
use crate::types::{Activity, Deed, Group};

/// The tags by which Cluster Autoscaler finds its groups. EKS sets them on every managed node group.
const AUTOSCALER: &str = "k8s.io/cluster-autoscaler/enabled";

/// The sentences about a group.
pub(super) fn notes(group: &Group, facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    let mut tell = |what: String| notes.push(format!("Auto Scaling group {}: {what}", group.name));
    if group.tags.contains_key(AUTOSCALER) {
        tell(format!(
            "its tag {AUTOSCALER} lets a Cluster Autoscaler find it, and two that scale one group undo each other's work; let \
             only one of them run"
        ));
    }
    if let Some(seconds) = group.max_lifetime {
        let days = seconds / 86_400;
        tell(format!(
            "it replaces every instance after {days} days (MaxInstanceLifetime), even with users on it"
        ));
    }
    if group.capacity_rebalance {
        tell(
            "it replaces a Spot instance before an interruption (CapacityRebalance), even with users on it"
                .to_owned(),
        );
    }
    if group.has_spot {
        tell("some of its instances are Spot: AWS takes them away with two minutes' notice".to_owned());
    }
    match &facts.policies {
        Ok(policies) if !policies.is_empty() => {
            let names = policies.join(", ");
            tell(format!("its scaling policies ({names}) change its size, and may terminate any instance"));
        }
        Ok(_) => {}
        Err(why) => tell(format!("whether it has scaling policies is not known: {why}")),
    }
    match &facts.scheduled {
        Ok(actions) if !actions.is_empty() => {
            let names = actions.join(", ");
            tell(format!("its scheduled actions ({names}) change its size, and may terminate any instance"));
        }
        Ok(_) => {}
        Err(why) => tell(format!("whether it has scheduled actions is not known: {why}")),
    }
    match &facts.hooks {
        Ok(hooks) if !hooks.is_empty() => {
            let names = hooks.join(", ");
            tell(format!(
                "its lifecycle hooks ({names}) delay the termination of an instance, by default for an hour"
            ));
        }
        Ok(_) => {}
        Err(why) => tell(format!("whether it has hooks at a termination is not known: {why}")),
    }
    for one in group.instances.iter().filter(|one| is_held(&one.lifecycle.0)) {
        let since = match facts.activities.as_ref().ok().and_then(|all| end_of(&one.id, all)) {
            Some(activity) => format!(" since {}", activity.started),
            None => String::new(),
        };
        tell(format!(
            "instance {} is still going{since} ({}) and is billed until then",
            one.id, one.lifecycle
        ));
    }
    notes
}

/// The sentences about machines in standby.
pub(super) fn of_machines(machines: &Machines) -> Vec<String> {
    let mut notes: Vec<String> = machines
        .not_parkable
        .iter()
        .map(|(group, why)| {
            format!(
                "GIVE_BACK=park: Auto Scaling group {group}: {why}. Empty nodes of this group are deleted"
            )
        })
        .collect();
    if let Some(why) = machines.unseen.as_ref().filter(|_| machines.not_parkable.is_empty()) {
        notes.push(why.clone());
    }
    notes
}

/// The activity that terminates an instance.
fn end_of<'a>(id: &crate::id::InstanceId, activities: &'a [Activity]) -> Option<&'a Activity> {
    activities.iter().find(|one| one.deed == Deed::Terminate && one.instance.as_ref() == Some(id))
}
