//! The cluster right after a plan: cordons and uncordons are in effect, new instances boot, deleted nodes still exist; only
//! instances that never became a node are gone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Class, Facts, NodeFacts, age, class, is_omitted, taints, takes_pods_now};
use super::objects::is_only_object;
use super::reach::Admission;
use super::waiting::has_room;
use crate::model::{
    Amounts, Instance, Labels, Node, NodeGroup, NodeTemplate, Pod, Resource, Snapshot, SnapshotError, Taint,
    TaintEffect, annotation, is_extended_resource, taint,
};
use crate::plan::{Action, MarkReason, Plan, Service, Target, UncordonReason, UnmarkReason};
use crate::policy::Policy;

/// Every note of ours.
const OURS: [&str; 10] = [
    annotation::CORDONED_AT,
    annotation::DELETING_UNTIL,
    annotation::EMPTY_SINCE,
    annotation::EVICTED,
    annotation::EVICTED_AT,
    annotation::DELETION_ASKED,
    annotation::GONE_MACHINE,
    annotation::GONE_SINCE,
    annotation::PARKED_AT,
    annotation::WOKEN_AT,
];

/// The time during which a refusal is a reason to hold nodes.
const FIRST_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// After this time a refusal means an unknown reason, if a serving node has room.
const OTHER_REASON: SignedDuration = SignedDuration::from_secs(30);

/// The label that is never the same on two nodes.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Builds the snapshot that a run right after this plan would see.
///
/// If no node group is known, growth appears in a substitute group with the common nodes of the pool. Returns an error only
/// if the snapshot breaks its invariants.
pub fn outcome(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Result<Snapshot, SnapshotError> {
    let mut nodes = snapshot.nodes().to_vec();
    let mut groups = snapshot.groups().to_vec();
    let now = snapshot.observed_at();
    for action in &plan.actions {
        let index =
            action.node().and_then(|name| nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok());
        if let Some(node) = index.and_then(|index| nodes.get_mut(index)) {
            act(node, action, now);
        }
        match action.target() {
            Target::Group { pool, group, from, to, .. } => {
                let name = group.map_or_else(
                    || {
                        let stand_in = stand_in(&Facts::of(snapshot, policy), pool);
                        join(&mut nodes, &stand_in);
                        groups.push(stand_in);
                        stand_in_name(pool)
                    },
                    str::to_owned,
                );
                if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
                    boot(group, to.saturating_sub(from), now);
                }
            }
            Target::Instance { group, instance, .. } => {
                if let Some(group) = groups.iter_mut().find(|one| one.name == group) {
                    group.instances.retain(|one| one.name != instance);
                    group.target_size = group.target_size.saturating_sub(1);
                }
            }
            Target::Node { .. } | Target::Pod { .. } => {}
        }
    }
    let is_gone = |node: &Node| {
        let goes =
            |action: &Action| matches!(action, Action::DeleteObject { node: name, .. } if *name == node.name);
        plan.actions.iter().any(goes)
    };
    nodes.retain(|node| !is_gone(node));
    let ledger = plan.ledger.as_ref().or(snapshot.ledger()).cloned();
    let uncordoned: BTreeMap<&str, bool> = plan.actions.iter().filter_map(uncordoned).collect();
    let mut pods = snapshot.pods().to_vec();
    for pod in &mut pods {
        let evicts = |action: &Action| matches!(action.target(), Target::Pod { namespace, pod: name, .. } if *namespace == *pod.namespace && *name == *pod.name);
        pod.deleting |= plan.actions.iter().filter(|action| action.is_eviction()).any(evicts);
    }
    if !uncordoned.is_empty() {
        let cordons = plan.actions.iter().filter(|action| action.service() == Some(Service::Leaves));
        let cordoned: BTreeSet<&str> = cordons.filter_map(Action::node).collect();
        let decides = |pool: &str| {
            let pool = plan.pools.iter().find(|one| one.name == pool);
            pool.map_or(Resource::Memory, |pool| pool.before.utilization.decides())
        };
        look_again(&mut pods, &Facts::of(snapshot, policy), &uncordoned, &cordoned, decides);
    }
    let after = Snapshot::new(now, nodes, pods, groups, snapshot.pods_seen())?;
    let after = after.with_stored_volumes(snapshot.stored_volumes().clone());
    let after = after.with_volumes(snapshot.volumes().clone()).with_ledger(ledger).with_usage_of(snapshot);
    let after = after.with_budgets(snapshot.budgets().to_vec()).with_fates(snapshot.fates().clone());
    Ok(after.with_history(snapshot.history().cloned()).with_calendar(Arc::clone(snapshot.calendar())))
}

/// Applies the patch of an action to its node, with the control plane's additions.
fn act(node: &mut Node, action: &Action, now: Timestamp) {
    let mut remove = |notes: &[&str]| notes.iter().for_each(|key| drop(node.annotations.remove(*key)));
    match action {
        Action::Cordon { .. } => {
            remove(&OURS);
            node.annotations.insert(annotation::CORDONED_AT.to_owned(), now.to_string());
            node.unschedulable = true;
            let goes = [taint::DELETING, taint::UNSCHEDULABLE];
            node.taints.retain(|one| !goes.contains(&one.key.as_str()) && !fills_last(one));
            node.taints.push(Taint {
                key: taint::UNSCHEDULABLE.to_owned(),
                value: String::new(),
                effect: TaintEffect::NoSchedule,
                added_at: Some(now),
            });
        }
        Action::Uncordon { .. } => {
            remove(&OURS);
            node.unschedulable = false;
            node.taints.retain(|one| one.key != taint::DELETING && one.key != taint::UNSCHEDULABLE);
        }
        Action::Mark { reason: MarkReason::MachineGone, .. } => {
            if let Some(machine) = node.machine() {
                node.annotations.insert(annotation::GONE_SINCE.to_owned(), now.to_string());
                node.annotations.insert(annotation::GONE_MACHINE.to_owned(), machine);
            }
        }
        Action::Mark { reason: MarkReason::Empty, .. } => {
            node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), now.to_string());
        }
        Action::Unmark { reason: UnmarkReason::Occupied, .. } => remove(&[annotation::EMPTY_SINCE]),
        Action::Unmark { reason: UnmarkReason::Uncordoned, .. } => {
            remove(&OURS);
            node.taints.retain(|one| one.key != taint::DELETING);
        }
        Action::Unmark { reason: UnmarkReason::ClaimOver, .. } => {
            remove(&[annotation::DELETING_UNTIL]);
            node.taints.retain(|one| one.key != taint::DELETING);
        }
        Action::Unmark { reason: UnmarkReason::NotProvenGone { .. }, .. } => {
            remove(&[annotation::GONE_SINCE, annotation::GONE_MACHINE]);
        }
        Action::Unmark { reason: UnmarkReason::NotGivenBack { .. }, .. } => {
            remove(&[annotation::DELETION_ASKED, annotation::GONE_SINCE, annotation::GONE_MACHINE]);
        }
        Action::Steer { .. } => {
            node.taints.retain(|one| !fills_last(one));
            node.taints.push(Taint {
                key: taint::FILL_LAST.to_owned(),
                value: String::new(),
                effect: TaintEffect::PreferNoSchedule,
                added_at: None,
            });
        }
        Action::Unsteer { .. } => node.taints.retain(|one| !fills_last(one)),
        Action::Evict { controller, .. } => {
            let noted = node.annotations.remove(annotation::EVICTED).unwrap_or_default();
            let mut all: BTreeSet<&str> = noted.split(',').filter(|uid| !uid.is_empty()).collect();
            all.insert(controller);
            let all: Vec<&str> = all.into_iter().collect();
            node.annotations.insert(annotation::EVICTED.to_owned(), all.join(","));
            node.annotations.insert(annotation::EVICTED_AT.to_owned(), now.to_string());
        }
        Action::Wake { .. } => {
            remove(&[annotation::PARKED_AT, annotation::DELETING_UNTIL]);
            node.annotations.insert(annotation::WOKEN_AT.to_owned(), now.to_string());
            node.taints.retain(|one| one.key != taint::DELETING);
        }
        // Like a deletion, it has not ended yet.
        Action::Park { .. }
        | Action::Grow { .. }
        | Action::Delete { .. }
        | Action::DeleteInstance { .. }
        | Action::DeleteObject { .. } => {}
    }
}

fn fills_last(one: &Taint) -> bool {
    one.key == taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule
}

/// The node that an action uncordons, and whether for a pod that waits.
fn uncordoned(action: &Action) -> Option<(&str, bool)> {
    let Action::Uncordon { node, reason } = action else { return None };
    let reason = if let UncordonReason::AdoptedCordon { why, .. } = reason { &**why } else { reason };
    let is_for_pods =
        matches!(reason, UncordonReason::WaitingPod { .. } | UncordonReason::NominatedPod { .. });
    Some((node, is_for_pods))
}

/// A node that the plan uncordons, as the scheduler fills it.
struct Opened<'f, 'a> {
    node: &'f NodeFacts<'a>,
    left: Amounts,
    /// Whether a pod that is refused for an unknown reason may take the room of others there, or whether the node is reserved,
    /// so that pods there do not count in the pool's demand.
    contested: bool,
}

/// A pod that looks for a node, as it is before the plan.
struct Looking<'a> {
    before: &'a Pod,
    admission: Admission<'a>,
}

/// The scheduler tries the pods again that have room only on nodes that the plan uncordons, and each takes its room there: a
/// common node is nominated for it. If a pod that is refused for an unknown reason may take that room too, or one that had room
/// only on nodes which the plan cordons, it is not certain which one gets it. Then the first pod is refused as of now, because
/// the next run would assume such a reason for a long refusal. In a pod's first hour this also holds if others take its room.
/// Omitted pods take no room here: the plan gives them none, and its outcome does not show them bound. A pod takes its room on the
/// node for which the scheduler has nominated it, then on one that the plan uncordons for waiting pods, before one that it uncordons
/// for another reason; among these in the order in which section 6 tries nodes.
fn look_again(
    pods: &mut [Pod],
    facts: &Facts<'_>,
    uncordoned: &BTreeMap<&str, bool>,
    cordoned: &BTreeSet<&str>,
    decides: impl Fn(&str) -> Resource,
) {
    let now = facts.snapshot.observed_at();
    let opened =
        |node: &&NodeFacts<'_>| uncordoned.contains_key(node.node.name.as_str()) && takes_pods_now(node.node);
    let opened = facts.nodes.iter().filter(opened);
    let mut opened: Vec<Opened<'_, '_>> =
        opened.map(|node| Opened { node, left: node.free(), contested: node.reserved }).collect();
    let is_for_pods = |one: &Opened<'_, '_>| uncordoned.get(one.node.node.name.as_str()) == Some(&true);
    opened.sort_by_key(|one| (!is_for_pods(one), turn(one.node, decides(one.node.pool))));
    let admits = |node: &NodeFacts<'_>, pod: &Looking<'_>| pod.admission.admits(node, facts.policy);
    let would_take =
        |node: &NodeFacts<'_>, pod: &Looking<'_>| has_room(node, pod.before) && admits(node, pod);
    let mut open: Vec<&NodeFacts<'_>> =
        facts.nodes.iter().filter(|node| node.serves() && takes_pods_now(node.node)).collect();
    let has_place = |pod: &Looking<'_>| open.iter().any(|node| would_take(node, pod));
    let is_refused_for = |pod: &Pod, least: SignedDuration| {
        let since = pod.unbound.as_ref().and_then(|unbound| unbound.refused_since());
        since.is_some_and(|since| age(now, since) >= least)
    };
    let waiting =
        pods.iter_mut().zip(facts.snapshot.pods()).filter(|(_, before)| may_be_bound(before, facts));
    let waiting = waiting.map(|(pod, before)| (pod, Looking { before, admission: facts.admission(before) }));
    let (mut only_there, elsewhere): (Vec<(&mut Pod, Looking<'_>)>, Vec<_>) =
        waiting.partition(|(_, pod)| !has_place(pod));
    open.retain(|node| !cordoned.contains(node.node.name.as_str()));
    let keeps_place = |pod: &Looking<'_>| open.iter().any(|node| would_take(node, pod));
    let counts = |pod: &Looking<'_>| is_refused_for(pod.before, OTHER_REASON) || !keeps_place(pod);
    let others: Vec<Looking<'_>> = elsewhere.into_iter().map(|(_, pod)| pod).filter(counts).collect();
    // Pods that one node alone takes come first, then the order of section 6; pods come sorted by namespace and name.
    let takers = |pod: &Looking<'_>| opened.iter().filter(|one| would_take(one.node, pod)).count();
    only_there.sort_by_cached_key(|(_, pod)| {
        let requests = &pod.before.requests;
        let plain = !requests.further().any(|(name, _)| is_extended_resource(name));
        (takers(pod) > 1, plain, Reverse(requests.memory), Reverse(requests.cpu))
    });
    for (pod, looking) in only_there {
        let before = looking.before;
        let Some(unbound) = pod.unbound.as_mut() else { continue };
        let has_left = |one: &Opened<'_, '_>| before.requests.fits(&one.left) && admits(one.node, &looking);
        let is_own = |one: &Opened<'_, '_>| unbound.nominated.as_deref() == Some(&*one.node.node.name);
        let at = opened
            .iter()
            .position(|one| is_own(one) && has_left(one))
            .or_else(|| opened.iter().position(has_left));
        let place = at.and_then(|at| opened.get_mut(at));
        let contested = if let Some(place) = place {
            place.left.take(&before.requests);
            let loses = |other: &Looking<'_>| {
                !other.before.requests.fits(&place.left) && would_take(place.node, other)
            };
            place.contested = place.contested || others.iter().any(loses);
            if !place.contested {
                unbound.nominated = Some(place.node.node.name.as_str().into());
            }
            place.contested
        } else {
            let contests = |one: &Opened<'_, '_>| one.contested && would_take(one.node, &looking);
            !is_refused_for(before, FIRST_HOUR) && opened.iter().any(contests)
        };
        if let Some(refusal) = unbound.refusal.as_mut().filter(|_| contested) {
            refusal.since = Some(now);
        }
    }
}

/// The place of an uncordoned node in the order of section 6: critical and pinned ones first, then as in part 2 of the keep order.
/// Nodes come sorted by name.
fn turn(node: &NodeFacts<'_>, decides: Resource) -> (bool, Reverse<(usize, u64, Option<Timestamp>)>) {
    let is_kept = node.critical_pod.is_some() || node.scale_down_disabled();
    let staying = node.occupants.saturating_sub(node.movable);
    let occupied = node.dynamic.clone().plus(&node.critical).of(decides);
    (!is_kept, Reverse((staying, occupied, node.node.created_at)))
}

/// Whether the scheduler has refused a pod that it binds once there is room.
fn may_be_bound(pod: &Pod, facts: &Facts<'_>) -> bool {
    pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some() && !unbound.gated)
        && !pod.deleting
        && matches!(class(pod, facts.policy), Class::Dynamic | Class::Critical)
        && !is_omitted(pod, facts.policy)
}

/// Adds instances that the cloud has just begun to create.
fn boot(group: &mut NodeGroup, new: u32, now: Timestamp) {
    group.target_size = group.target_size.saturating_add(new);
    let taken = group.instances.len();
    group.instances.extend((0..new).map(|number| Instance {
        name: format!("new-{taken}-{number}"),
        created_at: Some(now),
        ..Instance::default()
    }));
}

/// The name of the substitute group of a pool's common nodes.
fn stand_in_name(pool: &str) -> String {
    if pool.is_empty() { "(the managed nodes)".to_owned() } else { format!("(the nodes of {pool})") }
}

/// Makes the instances' nodes members of their group.
fn join(nodes: &mut [Node], group: &NodeGroup) {
    for instance in &group.instances {
        if let Ok(index) = nodes.binary_search_by(|node| node.name.cmp(&instance.name))
            && let Some(node) = nodes.get_mut(index)
        {
            node.group = Some(group.name.clone());
        }
    }
}

/// The substitute group of a pool's common nodes. Its new node is as large as the newest existing one, and has the labels of
/// all of them and the taints of most.
fn stand_in(facts: &Facts<'_>, pool: &str) -> NodeGroup {
    let shows = |node: &NodeFacts<'_>| node.is_common() && !is_only_object(facts, node);
    let members: Vec<&NodeFacts<'_>> =
        facts.of_pool(pool).map(|(_, node)| node).filter(|node| shows(node)).collect();
    let newest = members
        .iter()
        .filter(|facts| facts.health.is_usable())
        .max_by_key(|facts| (facts.node.created_at, std::cmp::Reverse(&facts.node.name)));
    NodeGroup {
        name: stand_in_name(pool),
        target_size: u32::try_from(facts.of_pool(pool).count()).unwrap_or(u32::MAX),
        instances: members
            .iter()
            .map(|facts| Instance {
                name: facts.node.name.clone(),
                has_node: true,
                created_at: facts.node.created_at,
                ..Instance::default()
            })
            .collect(),
        template: newest.map(|newest| NodeTemplate {
            allocatable: newest.node.allocatable.clone(),
            capacity: newest.node.capacity.clone(),
            labels: shared_labels(&members),
            taints: taints_of_most(facts, &members),
            only_size: false,
        }),
        ..NodeGroup::default()
    }
}

/// The labels that all of these nodes have.
fn shared_labels(members: &[&NodeFacts<'_>]) -> Labels {
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for label in
        members.iter().flat_map(|member| member.node.labels.iter()).filter(|(key, _)| *key != HOSTNAME)
    {
        *numbers.entry(label).or_default() += 1;
    }
    numbers.into_iter().filter(|(_, number)| *number == members.len()).map(|(label, _)| label).collect()
}

/// The lasting taints that at least half of these nodes have.
fn taints_of_most(facts: &Facts<'_>, members: &[&NodeFacts<'_>]) -> Vec<Taint> {
    let mut numbers: BTreeMap<_, (&Taint, usize)> = BTreeMap::new();
    for taint in members.iter().flat_map(|member| taints::lasting(member.node, facts.policy)) {
        numbers.entry((&taint.key, &taint.value, taint.effect)).or_insert((taint, 0)).1 += 1;
    }
    let most = numbers.into_values().filter(|(_, number)| 2 * number >= members.len());
    most.map(|(taint, _)| taint.clone()).collect()
}
