//! Converts the groups and instances of AWS to the types that all clouds share.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_join::{InstanceState, ListedGroup, ListedInstance, Listing, claims, instance_of};
use kube_rebalancer_ports::CloudScope;

use super::facts::missing;
use super::find::{Found, FoundGroup};
use super::machines::Machines;
use super::shapes::Shapes;
use super::{rules, template};
use crate::client::ACTIVITIES;
use crate::id::{InstanceId, zone_of};
use crate::machine::Power;
use crate::types::{Activity, Deed, End, Group, Instance, Stage};
use kube_rebalancer_ports::words;

/// Maximum age of a failed launch that belongs to the open request.
const YOUNG: SignedDuration = SignedDuration::from_hours(1);
/// Maximum number of entries for missing instances.
const MOST_MISSING: u32 = 1_000;

/// The groups, and notes on tags that cannot be read.
pub(super) fn listing(
    found: &Found,
    snapshot: &Snapshot,
    scope: &CloudScope,
    (machines, shapes): (&Machines, &Shapes),
    (region, now): (&str, Timestamp),
) -> (Listing<InstanceId>, Vec<String>) {
    let with_node: BTreeSet<InstanceId> = claims(snapshot).into_keys().collect();
    let mut notes = Vec::new();
    let (mut groups, mut gaps) = (Vec::new(), Vec::new());
    for one in &found.groups {
        let is_new = |instance: &&Instance| {
            instance.lifecycle.stage() != Stage::Going && !with_node.contains(&instance.id)
        };
        if let (Err(why), Some(_)) = (&one.facts.activities, one.group.instances.iter().find(is_new)) {
            gaps.push(format!("how long instances have been booting is not known: {why}"));
        }
        let (template, odd) = template::template(&one.group, region, shapes.get(&one.group.name));
        notes.extend(odd);
        groups.push(ListedGroup { template, ..group(one, found, machines, now) });
    }
    let listing = Listing {
        groups,
        gaps,
        outside: outside(found, machines, snapshot),
        strays: BTreeMap::new(),
        mistaken: BTreeSet::new(),
        elsewhere: if scope.node_groups.is_empty() {
            "is in no Auto Scaling group".to_owned()
        } else {
            "is in none of the groups that NODE_GROUPS names".to_owned()
        },
    };
    (listing, notes)
}

fn group(found: &FoundGroup, all: &Found, machines: &Machines, now: Timestamp) -> ListedGroup<InstanceId> {
    let FoundGroup { group, facts } = found;
    let activities = facts.activities.as_deref().unwrap_or_default();
    let mut instances: Vec<_> = group
        .instances
        .iter()
        .filter(|one| !matches!(one.lifecycle.stage(), Stage::Aside | Stage::Warm))
        .map(|one| ListedInstance { created_at: began_at(one, activities), ..instance(one) })
        .collect();
    // An instance in standby by this program counts as one of the group.
    let aside = group.instances.iter().filter(|one| machines.aside.contains(&one.id));
    let aside: Vec<_> =
        aside.map(|one| ListedInstance { state: asleep(machines, &one.id), ..instance(one) }).collect();
    let target_size = group.desired.saturating_add(u32::try_from(aside.len()).unwrap_or(u32::MAX));
    instances.extend(aside);
    // A node of the warm pool does not serve, and must not be deleted.
    let warm = all.placed.values().filter(|one| one.group == group.name);
    instances.extend(
        warm.filter(|one| one.instance.lifecycle.stage() == Stage::Warm).map(|one| instance(&one.instance)),
    );
    let failure = failure(activities, now);
    if let Some(failed) = failure {
        let missing =
            (1..=missing(group).min(MOST_MISSING)).map(|number| not_launched(group, number, failed));
        instances.extend(missing);
    }
    ListedGroup {
        name: group.name.clone(),
        zone: match group.zones.as_slice() {
            [zone] => Some(zone.clone()),
            _ => None,
        },
        zones: if group.zones.len() > 1 { group.zones.clone() } else { Vec::new() },
        template: None,
        target_size,
        instances,
        not_growable: rules::not_growable(group, &facts.refresh),
        not_shrinkable: rules::not_shrinkable(group, &facts.refresh),
        not_parkable: rules::not_parkable(group, &facts.refresh)
            .or_else(|| machines.not_parkable.get(&group.name).cloned())
            // A parking that has begun is finished at MinSize too.
            .or_else(|| rules::at_minimum(group).filter(|_| !machines.has_unfinished(group))),
        not_wakeable: rules::not_wakeable(group, &facts.refresh),
    }
}

/// An instance in the form of the crate `join`. Its ID is a number that no other instance ever has.
pub(super) fn instance(one: &Instance) -> ListedInstance<InstanceId> {
    ListedInstance {
        id: one.id.clone(),
        name: one.id.to_string(),
        uid: Some(one.id.to_string()),
        state: match one.lifecycle.stage() {
            Stage::Coming => InstanceState::Creating,
            Stage::Serving | Stage::Occupied | Stage::Aside => InstanceState::Present,
            Stage::Going | Stage::Warm => InstanceState::Leaving,
        },
        created_at: None,
        creation_error: None,
    }
}

/// The state of an instance in standby. If EC2 does not show it, its node shows whether it runs.
fn asleep(machines: &Machines, id: &InstanceId) -> InstanceState {
    match machines.shown.get(id).map(|machine| machine.power) {
        Some(Power::Gone) => InstanceState::Leaving,
        Some(Power::Pending | Power::Running) => InstanceState::Present,
        Some(Power::Stopping | Power::Stopped) | None => InstanceState::Asleep,
    }
}

/// An instance that the group wants, but that a launch failed to create.
fn not_launched(group: &Group, number: u32, failed: &Activity) -> ListedInstance<InstanceId> {
    let id = InstanceId::missing(&group.name, number);
    ListedInstance {
        name: id.to_string(),
        id,
        uid: None,
        state: InstanceState::Creating,
        created_at: Some(failed.started),
        creation_error: Some(words::clean(&failed.words)),
    }
}

/// When an instance came to its group, by the first activity that names it: a launch, or an attachment. If no activity
/// that was read names an instance in service, it came before the oldest one: an instance that never registers must not count as
/// coming for ever.
fn began_at(one: &Instance, activities: &[Activity]) -> Option<Timestamp> {
    let first = activities.iter().rfind(|activity| activity.instance.as_ref() == Some(&one.id));
    let serves = one.lifecycle.stage() == Stage::Serving;
    let oldest = || activities.last().filter(|_| serves && activities.len() >= ACTIVITIES);
    first.or_else(oldest).map(|activity| activity.started)
}

/// The last failed launch, if none succeeded after it and it is recent: an older one belongs to another
/// request.
fn failure(activities: &[Activity], now: Timestamp) -> Option<&Activity> {
    let mut launches = activities.iter().filter(|one| one.deed == Deed::Launch && one.end != End::UnderWay);
    let last = launches.next().filter(|one| one.end == End::Failed)?;
    (now.duration_since(last.started) <= YOUNG).then_some(last)
}

/// Why instances of nodes are in no group, or are left alone in it.
fn outside(found: &Found, machines: &Machines, snapshot: &Snapshot) -> BTreeMap<InstanceId, String> {
    let mut outside = BTreeMap::new();
    let in_groups = found.groups.iter().flat_map(|one| &one.group.instances);
    for one in in_groups.chain(found.placed.values().map(|placed| &placed.instance)) {
        let why = match one.lifecycle.stage() {
            Stage::Aside if machines.aside.contains(&one.id) => continue,
            Stage::Aside => "it is not in service",
            Stage::Occupied => "something is under way with it",
            Stage::Coming | Stage::Serving | Stage::Going | Stage::Warm => continue,
        };
        outside.insert(one.id.clone(), format!("its instance {} is {}: {why}", one.id, one.lifecycle));
    }
    for placed in found.placed.values() {
        if let Some(why) = found.left_out.get(&placed.group) {
            let id = &placed.instance.id;
            outside.insert(id.clone(), format!("the group {} of its instance {id} {why}", placed.group));
        }
    }
    for node in snapshot.nodes() {
        let Some(id) = instance_of::<InstanceId>(node) else { continue };
        let in_group = found.groups.iter().flat_map(|one| &one.group.instances).find(|one| one.id == id);
        let shown = in_group.or_else(|| found.placed.get(&id).map(|placed| &placed.instance));
        if let (Some(claimed), Some(shown)) = (zone_of(node), shown)
            && claimed != shown.zone
        {
            let why = format!("its providerID names zone {claimed}, its instance {id} is in {}", shown.zone);
            outside.insert(id, why);
        }
    }
    outside
}
