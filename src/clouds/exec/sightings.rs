//! When runs first saw instances that are no nodes and have no `createdAt`: stored in an annotation of the Lease.
//!
//! Without these times such an instance would be new in every run, and so would boot for ever.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{CLOCK_SKEW, Instance, NodeGroup};
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::SharedNotes;

/// The key of the note.
pub(crate) const KEY: &str = "kube-rebalancer/exec-seen";

/// Maximum number of stored instances: a note with that many of the longest names is still short enough.
const MOST: usize = 200;

/// The first sighting of each instance, by its name.
pub(crate) type Sightings = BTreeMap<String, Timestamp>;

/// The name of an instance that is expected and not listed, by its place in the group.
pub(crate) fn unlisted_name(group: &str, place: u32) -> String {
    format!("{group} (coming, {place})")
}

/// Whether [`unlisted_name`] made the name of this instance.
fn is_unlisted(group: &str, instance: &str) -> bool {
    instance.strip_prefix(group).is_some_and(|rest| rest.starts_with(" (coming, "))
}

/// Reads the sightings. `None` is a failed read: the stored times may be good, and must not be replaced. A text that is not
/// understood is no sightings: its instances count as seen for the first time now, as does one that was seen in the future.
pub(crate) async fn read(notes: Option<&SharedNotes>, now: Timestamp) -> Option<Sightings> {
    let Some(notes) = notes else { return Some(Sightings::new()) };
    let text = match notes.read(KEY).await {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => {
            log::info!("the times of instances without createdAt are not known: {error}");
            return None;
        }
    };
    let mut read: Sightings = serde_json::from_str(&text).unwrap_or_default();
    read.retain(|_, since| since.duration_since(now) <= CLOCK_SKEW);
    Some(read)
}

/// The sightings for the next run: the earlier ones of instances that are still no nodes, and new ones.
pub(crate) fn renewed(before: &Sightings, groups: &[NodeGroup], now: Timestamp) -> Sightings {
    let mut renewed = Sightings::new();
    for (_, instance, since) in undated(before, groups) {
        renewed.insert(instance.name.clone(), since.unwrap_or(now));
    }
    while renewed.len() > MOST {
        renewed.pop_last();
    }
    renewed
}

/// Stores the sightings. A run without the Lease, such as a dry run, cannot.
pub(crate) async fn write(notes: Option<&SharedNotes>, sightings: &Sightings) {
    let Some(notes) = notes else { return };
    let Ok(text) = serde_json::to_string(sightings) else { return };
    if let Err(error) = notes.write(KEY, (!sightings.is_empty()).then_some(text.as_str())).await {
        log::debug!("the times of instances without createdAt are not stored: {error}");
    }
}

/// A sentence about each instance that no run waits for any more.
pub(crate) fn late(
    before: &Sightings,
    groups: &[NodeGroup],
    now: Timestamp,
    grace: SignedDuration,
) -> Vec<String> {
    let limit = grace.saturating_mul(2);
    let late = |(group, instance, since): (&NodeGroup, &Instance, Option<Timestamp>)| {
        let since = since.filter(|since| now.duration_since(*since) >= limit)?;
        let (group, name) = (clean(&group.name), clean(&instance.name));
        if is_unlisted(&group, &name) {
            return Some(format!(
                "EXEC_LIST counts instance {name} in the size of group {group} without listing it, and a run first saw \
                 this at {since}: it has had no node for longer than twice BOOT_GRACE, and its group may grow in its \
                 place. Correct the size, or create the instance"
            ));
        }
        Some(format!(
            "EXEC_LIST names instance {name} without createdAt, and a run first saw it at {since}: it has had no node \
             for longer than twice BOOT_GRACE, and its group may grow in its place. Repair or delete it"
        ))
    };
    undated(before, groups).filter_map(late).collect()
}

/// The instances without a node whose time is not the list's, with their group and the time of their first sighting.
fn undated<'a>(
    before: &'a Sightings,
    groups: &'a [NodeGroup],
) -> impl Iterator<Item = (&'a NodeGroup, &'a Instance, Option<Timestamp>)> {
    let instances = groups.iter().flat_map(|group| group.instances.iter().map(move |one| (group, one)));
    let instances = instances.filter(|(_, instance)| !instance.has_node);
    instances.filter_map(|(group, instance)| match (instance.created_at, before.get(&instance.name)) {
        (None, since) => Some((group, instance, since.copied())),
        (Some(created), Some(since)) if created == *since => Some((group, instance, Some(*since))),
        (Some(_), _) => None,
    })
}
