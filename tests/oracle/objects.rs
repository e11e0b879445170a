//! Random clusters in which Node objects stay behind when their machines are deleted: the same rules, and section 16.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::{
    MachineFate, Node, ReadyCondition, Snapshot, Taint, TaintEffect, annotation, taint,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::Budget;

use crate::generate::{NOW, World, worlds};
use crate::number as count;
use crate::properties::{differs, hold, only};

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

fn tainted(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect, added_at: Some(ago(7200)) }
}

fn note(node: &mut Node, key: &str, value: &str) {
    node.annotations.insert(key.to_owned(), value.to_owned());
}

/// Numbers that follow from a name and another number, without an order that shows.
fn mixed(name: &str, number: usize) -> usize {
    let letters = name.bytes().fold(number.wrapping_mul(7919), |sum, letter| {
        sum.wrapping_mul(31).wrapping_add(usize::from(letter))
    });
    (letters ^ (letters >> 7)) % 100_003
}

/// A node whose machine was given back and does not answer any more.
fn give_back(node: &mut Node) {
    node.unschedulable = true;
    node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
    node.taints.push(tainted(taint::UNSCHEDULABLE, TaintEffect::NoSchedule));
    node.taints.push(tainted(taint::UNREACHABLE, TaintEffect::NoExecute));
    node.created_at = Some(ago(90_000));
    node.ready = Some(ReadyCondition { ready: false, since: Some(ago(3600)) });
    (node.group, node.outside) = (None, Some("no list names it".to_owned()));
    note(node, annotation::CORDONED_AT, &ago(7200).to_string());
    let machine = format!("script:///{}", node.name);
    note(node, annotation::DELETION_ASKED, &machine);
    node.provider_id = Some(machine);
}

/// One thing of such a node that is not as it should be.
fn spoil(node: &mut Node, which: usize) {
    let remove = |node: &mut Node, key: &str| drop(node.annotations.remove(key));
    match which {
        0 => node.ready = Some(ReadyCondition { ready: true, since: Some(ago(600)) }),
        1 => node.taints.retain(|one| one.key != taint::UNREACHABLE),
        2 => note(node, annotation::WOKEN_AT, &ago(7000).to_string()),
        3 => note(node, annotation::DELETION_ASKED, "script:///another"),
        4 => node.outside = None,
        5 => remove(node, annotation::CORDONED_AT),
        6 => note(node, annotation::DELETING_UNTIL, &ago(-300).to_string()),
        7 => note(node, annotation::DELETING_UNTIL, &ago(300).to_string()),
        8 => note(node, annotation::SCALE_DOWN_DISABLED, "true"),
        9 => note(node, &format!("{}disk", annotation::DELAY_DELETION), "true"),
        10 => remove(node, annotation::DELETION_ASKED),
        11 => (node.provider_id, node.system_uuid) = (None, Some("11-22".to_owned())),
        12 => {
            (node.provider_id, node.system_uuid) = (None, Some("11-22".to_owned()));
            note(node, annotation::DELETION_ASKED, "uuid:11-22");
        }
        13 => {
            node.unschedulable = false;
            node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
        }
        _ => {}
    }
}

/// What an earlier run noted, or seems to have.
fn find_gone(node: &mut Node, which: usize) {
    let machine = match &node.provider_id {
        Some(id) => id.clone(),
        None => "uuid:11-22".to_owned(),
    };
    let since = match which {
        0 | 1 => return,
        2 => ago(119),
        3 => ago(120),
        4 => ago(-1),
        5 => ago(0),
        _ => ago(600),
    };
    note(node, annotation::GONE_SINCE, &since.to_string());
    note(node, annotation::GONE_MACHINE, &machine);
    match which {
        6 => note(node, annotation::GONE_SINCE, "yesterday"),
        7 => note(node, annotation::GONE_MACHINE, "script:///another"),
        8 => drop(node.annotations.remove(annotation::GONE_MACHINE)),
        9 => drop(node.annotations.remove(annotation::GONE_SINCE)),
        _ => {}
    }
}

/// The world with some of its nodes given back.
pub(crate) fn with_objects(mut world: World) -> World {
    let pods = world.cluster.pods.len();
    let group = world.cluster.groups.first().map(|group| group.name.clone());
    let mut left = Vec::new();
    for node in &mut world.cluster.nodes {
        let number = mixed(&node.name, pods);
        if !number.is_multiple_of(2) {
            continue;
        }
        give_back(node);
        if number.is_multiple_of(3) {
            spoil(node, number / 6 % 20);
        }
        if number.is_multiple_of(29) {
            (node.group, node.outside) = (group.clone(), None);
        }
        find_gone(node, number / 2 % 18);
        // In one of six a pod stays, whoever's it is.
        if !number.is_multiple_of(12) {
            left.push(node.name.clone());
        }
    }
    let on = |node: Option<&str>| node.is_some_and(|node| left.iter().any(|one| one == node));
    world.cluster.pods.retain(|pod| !on(pod.node_name.as_deref()));
    world.policy.delete_node_objects = !pods.is_multiple_of(16);
    world.policy.max_deletions = Budget::Count([1, 2, 10, 10][pods % 4]);
    world
}

/// Its snapshot, with what the providers say.
fn snapshot(world: &World) -> Snapshot {
    let fates = world.cluster.nodes.iter().filter_map(|node| {
        let fate = match mixed(&node.name, 1) % 12 {
            0 => return None,
            1 => MachineFate::Exists("there it is".to_owned()),
            2 => MachineFate::Unknown("no answer".to_owned()),
            _ => MachineFate::Gone,
        };
        Some((node.name.clone(), fate))
    });
    let fates: BTreeMap<String, MachineFate> = fates.collect();
    world.snapshot().with_fates(fates)
}

#[test]
fn where_node_objects_stay_behind_the_planner_decides_as_the_naive_one_does() {
    hold(&worlds(), with_objects, &|world| differs(world, &snapshot(world)));
}

#[test]
fn where_node_objects_stay_behind_the_checker_finds_nothing_and_a_plan_is_final() {
    hold(&worlds(), with_objects, &|world| {
        let snapshot = snapshot(world);
        let plan = plan(&snapshot, &world.policy).ok()?;
        if let Some(first) = check(&snapshot, &world.policy, &plan).first() {
            let word = format!("{first:?}");
            let word = word.split(['{', ' ']).next().unwrap_or_default();
            return Some(format!("{word}: {first:?}"));
        }
        let found = check_settled(&snapshot, &world.policy, &plan, kube_rebalancer_core::plan::plan)?;
        Some(format!("settled: {found:?} after {:?}", plan.actions))
    });
}

/// From the node and the pods alone: no Node object goes whose node answers, is open, was not given back, has a user's pod,
/// or of whose machine its provider says anything else; and there are plans that delete some.
#[test]
fn no_node_object_goes_that_anybody_needs() {
    let deleted = std::cell::Cell::new(0_u32);
    hold(&worlds(), with_objects, &|world| {
        let snapshot = snapshot(world);
        let plan = plan(&snapshot, &world.policy).ok()?;
        plan.actions.iter().find_map(|action| {
            let Action::DeleteObject { node: name, .. } = action else { return None };
            deleted.set(deleted.get() + 1);
            let node = snapshot.nodes().iter().find(|one| one.name == *name).unwrap();
            let users = snapshot.pods().iter().any(|pod| {
                let labelled =
                    pod.label_keys.iter().any(|key| world.policy.preemptible_labels.contains(&**key));
                labelled && pod.node_name.as_deref() == Some(name)
            });
            let since = node.annotations.get(annotation::GONE_SINCE).and_then(|since| since.parse().ok());
            let twice = since.is_some_and(|since: Timestamp| since <= ago(120));
            let others = plan.actions.iter().filter(|other| other.node() == Some(name)).count() > 1;
            let odd = users
                || others
                || !twice
                || !world.policy.delete_node_objects
                || !node.unschedulable
                || node.ready.is_some_and(|condition| condition.ready)
                || node.group.is_some()
                || node.annotations.get(annotation::DELETION_ASKED)
                    != node.annotations.get(annotation::GONE_MACHINE)
                || snapshot.fates().get(name) != Some(&MachineFate::Gone);
            odd.then(|| format!("deletes {action:?}"))
        })
    });
    let enough = only().is_some() || deleted.get() > count("ORACLE_CLUSTERS", 10_000) / 20;
    assert!(enough, "only {} Node objects", deleted.get());
}
