//! Sections 2, 7 and 8: which nodes are deleted.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Binding, Controller, Node, Operator, Pod, Requirement, SESSION_LABELS, STORAGE_LABELS, STORAGELESS,
    StoredVolumes, TaintEffect, annotation, taint,
};
use kube_rebalancer_core::policy::{AdoptCordons, Drain};

use super::elsewhere::{Exits, Taken};
use super::reach;
use super::words::{self, Class, Cordon};
use super::world::{Machine, World};
use super::{Decision, choose, evict, place};

/// The time at which a node was cordoned, if its cordon shows it.
fn cordoned_at(machine: &Machine<'_>, now: Timestamp) -> Option<Timestamp> {
    let taint = words::cordon_taint_time(machine.node);
    match machine.cordon {
        Cordon::Ours => words::mark_of_ours(machine.node, annotation::CORDONED_AT, now).max(taint),
        Cordon::Others => taint,
        Cordon::None => None,
    }
}

/// The deleted nodes, and, in their order, the nodes that would be deleted if their last pods were
/// elsewhere.
pub(crate) fn deletions<'w, 'a>(
    world: &'w World<'a>,
    decision: &Decision,
) -> (BTreeSet<String>, Vec<&'w Machine<'a>>) {
    let mut order: Vec<&Machine<'a>> =
        world.machines.iter().filter(|machine| machine.cordon != Cordon::None).collect();
    order.sort_by_key(|machine| {
        let at = cordoned_at(machine, world.now).map(|at| at.min(world.now));
        (at.is_none(), at, machine.name())
    });
    let allowed = world.policy.max_deletions.allows(world.machines.len());
    let (mut gone, mut deleted, mut drained) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut taken = Taken::new();
    for machine in order {
        if !may_go(world, decision, machine, &gone, &taken) {
            continue;
        }
        if evict::is_drained_first(world, machine) {
            drained.push(machine);
        } else if deleted.len() < allowed {
            taken = Exits { world, decision, machine, gone: &gone, taken: &taken }.places().unwrap();
            deleted.insert(machine.name().to_owned());
        } else {
            continue;
        }
        gone.insert(machine.name().to_owned());
    }
    (deleted, drained)
}

fn may_go(
    world: &World<'_>,
    decision: &Decision,
    machine: &Machine<'_>,
    gone: &BTreeSet<String>,
    taken: &Taken,
) -> bool {
    let policy = world.policy;
    let node = machine.node;
    let own = policy.own_node.as_ref() == Some(&node.name)
        || machine.pods.iter().any(|pod| words::is_own(pod, policy));
    let group_gives = node
        .group
        .as_deref()
        .and_then(|name| world.group(name))
        .is_none_or(|group| group.not_shrinkable.is_none());
    !decision.uncordon.contains(&node.name)
        && !words::scale_down_disabled(node)
        && !own
        && !machine.delays_deletion()
        && !words::claimed(node, world.now)
        && node.outside.is_none()
        && !stores_volume(world, node)
        && !shares_machine(world, node)
        && group_gives
        && cordon_lets_go(world, machine)
        && !is_tainted_by_a_person(world, machine)
        && is_left(world, decision, machine, gone, taken)
        && !evict::awaits(world, machine)
        && (machine.occupants(policy).next().is_some() || empty_for_long(world, node))
        && is_unmounted(world, machine)
        && late_binds_are_over(world, machine)
        && !is_last(world, machine, gone)
        && (!machine.is_ready || ready_one_may_go(world, decision, machine))
}

/// Whether only pods that are evicted first keep it.
fn is_left(
    world: &World<'_>,
    decision: &Decision,
    machine: &Machine<'_>,
    gone: &BTreeSet<String>,
    taken: &Taken,
) -> bool {
    if evict::is_drained_first(world, machine) {
        return machine.occupants(world.policy).all(|pod| machine.moves(pod))
            && !machine.pods.iter().any(|pod| keeps_alone(world, machine.node, pod));
    }
    machine.occupants(world.policy).next().is_none()
        && !machine.pods.iter().any(|pod| would_be_lost(world, machine, pod, gone))
        && !takes_from_others(world, machine, gone)
        && !Exits { world, decision, machine, gone, taken }.is_only_place()
}

/// Whether the deletion of this node would leave no place for a pod of a node that is already to be
/// deleted.
fn takes_from_others(world: &World<'_>, machine: &Machine<'_>, gone: &BTreeSet<String>) -> bool {
    let mut together = gone.clone();
    together.insert(machine.name().to_owned());
    // A drained node loses no pod.
    let goes = |one: &&Machine<'_>| gone.contains(one.name()) && !evict::is_drained_first(world, one);
    let mut going = world.machines.iter().filter(goes);
    going.any(|one| one.pods.iter().any(|pod| would_be_lost(world, one, pod, &together)))
}

/// Section 7: another Node object names the same machine.
fn shares_machine(world: &World<'_>, node: &Node) -> bool {
    let same = |other: &&Node| other.machine().is_some() && other.machine() == node.machine();
    world.snapshot.nodes().iter().filter(same).count() > 1
}

/// Section 2: a volume with data is on its disk, or may be.
fn stores_volume(world: &World<'_>, node: &Node) -> bool {
    let host = node.labels.get(words::HOSTNAME).unwrap_or(&node.name);
    let is_here = |one: &Requirement| match &one.operator {
        Operator::In(values) => values.contains(&node.name) || values.iter().any(|value| value == host),
        _ => false,
    };
    let is_of_it_alone = |one: &Requirement| {
        let name = one.key.rsplit('/').next().unwrap_or_default();
        let is_place = ["zone", "region", "location", "datacenter"].iter().any(|place| name.contains(place))
            || name.split(['.', '-', '_']).any(|word| word == "rack");
        let listed = |other: &&Node| match (&one.operator, other.labels.get(&one.key)) {
            (Operator::In(values), Some(own)) => {
                values.iter().any(|value| value == own) && node.labels.get(&one.key) == Some(own)
            }
            _ => false,
        };
        let mut there = world.snapshot.nodes().iter().filter(listed);
        !is_place && there.next().is_some_and(|first| first.name == node.name) && there.next().is_none()
    };
    let is = |one: &(&str, &str)| node.labels.get(one.0).is_some_and(|value| value == one.1);
    if STORAGE_LABELS.iter().any(is) && !is(&STORAGELESS) {
        return true;
    }
    match &**world.snapshot.stored_volumes() {
        StoredVolumes::NotListed => false,
        StoredVolumes::Unknown { .. } => true,
        StoredVolumes::Listed(volumes) => volumes.iter().any(|volume| {
            volume.affinity.0.iter().any(|term| {
                term.labels.iter().chain(&term.fields).any(is_here) || term.labels.iter().any(is_of_it_alone)
            })
        }),
    }
}

/// Section 5: somebody put a taint on it after our cordon.
fn is_tainted_by_a_person(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let Some(cordoned) = cordoned_at(machine, world.now).filter(|_| machine.cordon == Cordon::Ours) else {
        return false;
    };
    let mut lasting = machine.node.taints.iter().filter(|taint| words::is_lasting(taint, world.policy));
    lasting.any(|taint| {
        taint.added_at.is_some_and(|at| {
            at > cordoned
                && match world.policy.adopt_cordons {
                    AdoptCordons::Always => false,
                    AdoptCordons::Never => true,
                    AdoptCordons::After(wanted) => words::age(world.now, at) < wanted,
                }
        })
    })
}

fn cordon_lets_go(world: &World<'_>, machine: &Machine<'_>) -> bool {
    match (machine.cordon, world.policy.adopt_cordons) {
        (Cordon::None, _) | (Cordon::Others, AdoptCordons::Never) => false,
        (Cordon::Ours, _) | (Cordon::Others, AdoptCordons::Always) => true,
        (Cordon::Others, AdoptCordons::After(wanted)) => {
            // Only an empty one: under the cordon of others no run drains it.
            words::cordon_taint_time(machine.node).is_some_and(|at| words::age(world.now, at) >= wanted)
                && machine.occupants(world.policy).next().is_none()
        }
    }
}

/// Whether others cordoned a node, and not for long.
fn is_drained_by_a_person(world: &World<'_>, node: &Node) -> bool {
    let since = words::cordon_taint_time(node).map(|at| words::age(world.now, at));
    words::cordon(node) == Cordon::Others
        && match world.policy.adopt_cordons {
            AdoptCordons::Always => false,
            AdoptCordons::Never => true,
            AdoptCordons::After(wanted) => since.is_none_or(|age| age < wanted),
        }
}

fn empty_for_long(world: &World<'_>, node: &Node) -> bool {
    let grace = world.policy.empty_grace;
    grace.is_zero()
        || words::empty_since(node, world.now).is_some_and(|since| words::age(world.now, since) >= grace)
}

/// Section 7: the volumes of the pods that left are unmounted, or ten minutes have passed.
fn is_unmounted(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let may_own = |pod: &&Pod| {
        let comes_anew = [Class::Daemon, Class::Placeholder].contains(&words::class(pod, world.policy));
        !comes_anew && !pod.claims.is_empty()
    };
    let since = words::empty_since(machine.node, world.now);
    machine.node.volume_in_use.is_none()
        || !machine.is_ready
        || machine.pods.iter().any(may_own)
        || since.is_some_and(|since| words::age(world.now, since) >= SignedDuration::from_mins(10))
}

/// Section 2: an omitted pod that no controller would recreate.
fn would_be_lost(world: &World<'_>, machine: &Machine<'_>, pod: &Pod, gone: &BTreeSet<String>) -> bool {
    let goes = evict::leaves(world, pod) && last_replica(world, machine.node, pod, gone);
    goes || keeps_alone(world, machine.node, pod)
}

/// The same, other replicas aside: a pod that is lost wherever they are, or a static one that runs the cluster.
pub(crate) fn keeps_alone(world: &World<'_>, node: &Node, pod: &Pod) -> bool {
    let part = ["etcd-", "kube-apiserver-"].iter().any(|part| pod.name.starts_with(part));
    let spaces = ["kube-system", "openshift-etcd", "openshift-kube-apiserver"];
    let runs_the_cluster = pod.mirror && part && spaces.contains(&&*pod.namespace);
    (runs_the_cluster && world.class(pod) == Class::Daemon)
        || (evict::leaves(world, pod) && lost_on(world, node, pod))
}

/// Whether no controller would recreate a pod after the deletion of its node, other replicas aside.
pub(crate) fn lost_on(world: &World<'_>, node: &Node, pod: &Pod) -> bool {
    lost_wherever(world, pod) || local_claim(world, node, pod)
}

pub(crate) fn lost_wherever(world: &World<'_>, pod: &Pod) -> bool {
    let expendable = world.policy.drain != Drain::None
        && world.policy.drain_empty_dir
        && pod.eviction.as_ref().is_some_and(|facts| facts.only_empty_dirs);
    let disk = pod.local_volume.is_some() && pod.safe_to_evict != Some(true) && !expendable;
    !pod.controller.as_deref().is_some_and(words::recreates)
        || pod.label_keys.iter().any(|key| world.policy.preemptible_labels.contains(&**key))
        || SESSION_LABELS.iter().any(|label| pod.label_keys.iter().any(|key| **key == **label))
        || pod.safe_to_evict == Some(false)
        || pod.do_not_disrupt.is_some()
        || disk
}

fn local_claim(world: &World<'_>, node: &Node, pod: &Pod) -> bool {
    let host = node.labels.get(words::HOSTNAME).unwrap_or(&node.name);
    let names = |one: &Requirement, value: &str| matches!(&one.operator, Operator::In(values) if values.iter().any(|one| one == value));
    pod.claims.iter().any(|claim| {
        let volume = world.snapshot.volumes().get(&(pod.namespace.to_string(), claim.to_string()));
        volume.and_then(Option::as_ref).is_some_and(|affinity| {
            let of_any_host =
                |one: &Requirement| matches!(&one.operator, Operator::NotIn(none) if none.is_empty());
            affinity.0.iter().any(|term| {
                term.labels.iter().any(of_any_host)
                    || term.labels.iter().any(|one| one.key == words::HOSTNAME && names(one, host))
                    || term.fields.iter().any(|one| one.key == "metadata.name" && names(one, &node.name))
            })
        })
    })
}

fn last_replica(world: &World<'_>, node: &Node, pod: &Pod, gone: &BTreeSet<String>) -> bool {
    let last = |(all, alive): (usize, bool)| pod.ready && all >= 2 && !alive;
    replicas(world, node, pod, gone).into_iter().any(last)
}

/// Whether another live replica of a Ready pod stays. Members of a StatefulSet are no replicas of each other.
pub(crate) fn another_replica(world: &World<'_>, node: &Node, pod: &Pod, gone: &BTreeSet<String>) -> bool {
    let of_many = pod.controller.as_ref().is_some_and(|one| one.kind != "StatefulSet");
    pod.ready && of_many && replicas(world, node, pod, gone).into_iter().any(|(_, alive)| alive)
}

/// The number of a pod's replicas, itself included, and whether another one lives: of its controller and of its Deployment.
fn replicas(world: &World<'_>, node: &Node, pod: &Pod, gone: &BTreeSet<String>) -> Vec<(usize, bool)> {
    let Some(controller) = pod.controller.as_deref() else { return Vec::new() };
    let of_deployment =
        |one: &Controller| controller.deployment().is_some_and(|name| one.deployment() == Some(name));
    vec![
        among(world, node, pod, gone, &|one| one.uid == controller.uid),
        among(world, node, pod, gone, &of_deployment),
    ]
}

/// The number of the pods whose controllers are meant, and whether one of them lives on another node.
fn among(
    world: &World<'_>,
    node: &Node,
    pod: &Pod,
    gone: &BTreeSet<String>,
    is_meant: &dyn Fn(&Controller) -> bool,
) -> (usize, bool) {
    let of_controller = |other: &Pod| {
        other.namespace == pod.namespace
            && other.controller.as_deref().is_some_and(is_meant)
            && words::class(other, world.policy) != Class::Placeholder
    };
    let all = world.snapshot.pods().iter().filter(|other| of_controller(other)).count();
    let alive = world.snapshot.placed_pods().any(|(other, binding)| {
        let Binding::Node(at) = binding else { return false };
        let on = &world.snapshot.nodes()[at];
        of_controller(other)
            && other.ready
            && !other.deleting
            && on.name != node.name
            && on.ready.is_some_and(|condition| condition.ready)
            && !on.deleting
            && !words::in_other_hands(on)
            && !is_drained_by_a_person(world, on)
            && !world.machine(&on.name).is_some_and(|at| world.machines[at].claimed)
            && !gone.contains(&on.name)
    });
    (all, alive)
}

/// Section 8: the two rules about pods that the scheduler may still bind.
fn late_binds_are_over(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let at = cordoned_at(machine, world.now);
    if at.is_some_and(|at| words::age(world.now, at) < SignedDuration::from_secs(30)) {
        return false;
    }
    let known = match machine.cordon {
        Cordon::Others => at.or_else(|| words::empty_since(machine.node, world.now)),
        Cordon::Ours | Cordon::None => at,
    };
    let long = known.is_some_and(|at| words::age(world.now, at) >= SignedDuration::from_secs(660));
    !world.snapshot.pods().iter().any(|pod| {
        let Some(unbound) = pod.unbound.as_deref().filter(|_| pod.node_name.is_none()) else { return false };
        let keeps = match world.class(pod) {
            Class::Daemon | Class::Placeholder => false,
            Class::Critical | Class::Dynamic => {
                world.counts(pod) || (words::omitted(pod, world.policy) && lost_wherever(world, pod))
            }
        };
        if unbound.gated || pod.deleting || !keeps || !reach::may_be_bound(world, pod, machine) {
            return false;
        }
        let ignores =
            words::tolerates(&pod.constraints.tolerations, taint::UNSCHEDULABLE, "", TaintEffect::NoSchedule);
        // A placeholder gives way.
        let refused =
            unbound.refusal.is_some() && !pod.requests.fits(&machine.free_of_occupants(world.policy));
        (ignores && !refused) || !long
    })
}

/// Whether a zone or a pool would lose its last node, or the last that could serve.
fn is_last(world: &World<'_>, machine: &Machine<'_>, gone: &BTreeSet<String>) -> bool {
    let pool = machine.pool.as_str();
    let could_serve = |one: &Machine<'_>| {
        one.usable(world.policy) && (one.cordon == Cordon::None || place::may_open(one, world.policy))
    };
    let counts = |one: &&Machine<'_>| !could_serve(machine) || could_serve(one);
    let stays =
        |one: &&Machine<'_>| one.name() != machine.name() && !gone.contains(one.name()) && counts(one);
    let zone = machine.node.zone();
    let last_of_zone = world.bounds(pool).keep_zones
        && machine.common
        && zone.is_some()
        && !world.in_pool(pool).filter(stays).any(|one| one.common && one.node.zone() == zone);
    let last_of_pool = !world.in_pool(pool).any(|one| stays(&one));
    // Without names, a group is discovered by its nodes alone, even by dead ones.
    let named = world.policy.node_groups_named;
    // A Ready node is deleted as not the last one only because another one is kept.
    let ready_one_gone = world
        .in_pool(pool)
        .any(|one| one.is_ready && one.common && one.node.zone() == zone && gone.contains(one.name()));
    (last_of_zone && (machine.is_ready || !named || ready_one_gone)) || (last_of_pool && !named)
}

fn ready_one_may_go(world: &World<'_>, decision: &Decision, machine: &Machine<'_>) -> bool {
    let pool = machine.pool.as_str();
    let bounds = world.bounds(pool);
    let serving = world.in_pool(pool).filter(|one| {
        let serves = one.serves(world.policy) && !decision.cordon.contains(one.name());
        serves || (one.common && decision.uncordon.contains(one.name()))
    });
    let reserved = choose::ready_reserved(world, pool);
    let waited_for = world.loose.iter().any(|loose| {
        let since = loose.refused.or_else(|| {
            let created = loose.pod.unbound.as_ref()?.created_at?;
            Some(words::age(world.now, created))
        });
        let first_hour = since.is_none_or(|age| age < SignedDuration::from_hours(1));
        let gated = loose.pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
        let waits = world.class(loose.pod) != Class::Placeholder && !gated;
        waits && first_hour && place::takes_now(world, loose.pod, machine)
    });
    serving.count() + reserved >= bounds.min_nodes
        && !waited_for
        && !decision.grow.keys().any(|(of, _)| of == pool)
}
