//! The reasons not to grow a group, or not to delete from it.

use crate::engine::Group;
use crate::name::Location;

/// The reason why nothing is parked here.
pub(super) const NO_PARKING: &str = "the program does not park instances of Compute Engine";

/// The reason why a group must not be grown.
pub(super) fn not_growable(group: &Group) -> Option<String> {
    autoscaled(group)
}

/// The reason why nothing must be deleted from a group.
pub(super) fn not_shrinkable(group: &Group) -> Option<String> {
    autoscaled(group).or_else(|| redistributed(group))
}

/// Two autoscalers of one group undo each other's work, and the other one does not know the users of an instance.
fn autoscaled(group: &Group) -> Option<String> {
    let autoscaler = group.autoscaler.as_deref()?;
    let name = autoscaler.rsplit('/').next().unwrap_or(autoscaler);
    Some(format!(
        "the Compute Engine autoscaler {name} scales it; to stop that: gcloud compute instance-groups managed \
         stop-autoscaling {} {}",
        group.id.name(),
        flag(group)
    ))
}

/// After a deletion, Compute Engine would even out the zones of a regional group: delete a running instance in one and
/// create a new one in another.
fn redistributed(group: &Group) -> Option<String> {
    let Location::Region(_) = group.id.location() else { return None };
    if group.redistribution.as_deref() == Some("NONE") {
        return None;
    }
    Some(format!(
        "Compute Engine would even out its zones by deleting others, users on them or not; to stop that: gcloud compute \
         instance-groups managed update {} {} --instance-redistribution-type=none",
        group.id.name(),
        flag(group)
    ))
}

fn flag(group: &Group) -> String {
    match group.id.location() {
        Location::Zone(zone) => format!("--zone {zone}"),
        Location::Region(region) => format!("--region {region}"),
    }
}
