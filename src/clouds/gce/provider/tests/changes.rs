//! Growing and deleting: the requests, and the interpretation of answers.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{CloudScope, GroupAnswer, Provider};

use super::engine::{World, error, instance, zonal};
use super::{ZONE, log, node, now, seen, to_delete};
use crate::{CurrentAction, ErrorKind, GroupId};

fn grown(world: World, from: u32, to: u32) -> (GroupAnswer, Vec<String>) {
    let engine = world.engine();
    let observed = seen(&engine, &[node(ZONE, "pool-1")], &CloudScope::default()).unwrap();
    log(&engine);
    let answer = now(observed.cloud.grow("us-central1-a/pool", from, to));
    (answer, log(&engine))
}

fn pool_of(size: u32) -> World {
    let mut world = World::default().with(&zonal(ZONE, "pool"), &["pool-1"]);
    world.groups[0].target_size = size;
    world
}

#[test]
fn a_group_is_asked_for_what_is_missing_when_its_turn_comes() {
    let read = || "group us-central1-a/pool".to_owned();
    let to = |size| format!("resize us-central1-a/pool to {size}");
    assert_eq!(grown(pool_of(5), 5, 8), (GroupAnswer::Done, vec![read(), to(8)]));
    assert_eq!(grown(pool_of(6), 5, 8), (GroupAnswer::Done, vec![read(), to(8)]));
    assert_eq!(grown(pool_of(9), 5, 8), (GroupAnswer::AlreadySo, vec![read()]));
    assert_eq!(grown(pool_of(3), 5, 8), (GroupAnswer::Done, vec![read(), to(6)]));
}

#[test]
fn a_lost_answer_to_growing_is_looked_up() {
    let failing = |unchanged| {
        let mut world = pool_of(5);
        world.failing.insert("resize", error(ErrorKind::Unavailable, unchanged, "no answer"));
        grown(world, 5, 8).0
    };
    assert_eq!(failing(true), GroupAnswer::Busy("no answer".to_owned()));
    assert_eq!(failing(false), GroupAnswer::Done);
}

fn deleted(mut world: World, change: impl FnOnce(&mut World, &GroupId)) -> (Vec<GroupAnswer>, Vec<String>) {
    let pool = zonal(ZONE, "pool");
    world = world.with(&pool, &["pool-1", "pool-2"]);
    let engine = world.engine();
    let nodes = [node(ZONE, "pool-1"), node(ZONE, "pool-2")];
    let observed = seen(&engine, &nodes, &CloudScope::default()).unwrap();
    log(&engine);
    change(&mut engine.0.lock().unwrap(), &pool);
    let answers = now(observed.cloud.delete(&nodes.each_ref().map(to_delete)));
    (answers, log(&engine))
}

#[test]
fn instances_are_deleted_by_their_group_and_looked_for_afterwards() {
    let (answers, log) = deleted(World::default(), |_, _| {});
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::Done]);
    let list = "instances us-central1-a/pool";
    assert_eq!(log, [list, "delete 2 of us-central1-a/pool", list]);
}

#[test]
fn an_instance_that_is_gone_going_or_made_anew_is_not_asked_for() {
    let (answers, log) = deleted(World::default(), |world, pool| {
        let instances = world.instances.get_mut(pool).unwrap();
        instances[0].action = CurrentAction::Leaving;
        instances[1].number = Some(999);
    });
    let anew = "instance us-central1-a/pool-2 was recreated meanwhile".to_owned();
    assert_eq!(answers, [GroupAnswer::AlreadySo, GroupAnswer::Conflict(anew)]);
    assert!(!log.iter().any(|call| call.starts_with("delete")), "{log:?}");
    let (answers, _) =
        deleted(World::default(), |world, pool| world.instances.get_mut(pool).unwrap().truncate(1));
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::AlreadySo]);
}

#[test]
fn a_deletion_that_the_group_skipped_has_failed() {
    let (answers, _) = deleted(World::default(), |world, _| {
        world.skipped.insert(instance(ZONE, "pool-2"));
    });
    let skipped = "its group did not take instance us-central1-a/pool-2 for deletion".to_owned();
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::Failed(skipped)]);
}

#[test]
fn a_lost_answer_to_deleting_is_looked_up_and_is_unknown_where_that_tells_nothing() {
    let lost = |unchanged| error(ErrorKind::Unavailable, unchanged, "no answer");
    let fail = |unchanged, skip: bool| {
        deleted(World::default(), |world, _| {
            world.failing.insert("delete", lost(unchanged));
            if skip {
                world.skipped = BTreeSet::from([instance(ZONE, "pool-1"), instance(ZONE, "pool-2")]);
            }
        })
        .0
    };
    let text = || "no answer".to_owned();
    assert_eq!(fail(true, false), vec![GroupAnswer::Busy(text()); 2]);
    assert_eq!(fail(false, false), vec![GroupAnswer::Done; 2]);
    assert_eq!(fail(false, true), vec![GroupAnswer::InDoubt(text()); 2]);
}

#[test]
fn more_than_a_thousand_instances_are_deleted_in_batches() {
    let pool = zonal(ZONE, "pool");
    let names: Vec<String> = (0..2500).map(|number| format!("pool-{number:04}")).collect();
    let engine = World::default().with(&pool, &names.iter().map(String::as_str).collect::<Vec<_>>()).engine();
    let nodes: Vec<Node> = names.iter().map(|name| node(ZONE, name)).collect();
    let observed = seen(&engine, &nodes, &CloudScope::default()).unwrap();
    log(&engine);
    let answers = now(observed.cloud.delete(&nodes.iter().map(to_delete).collect::<Vec<_>>()));
    assert_eq!(answers, vec![GroupAnswer::Done; 2500]);
    let batches: Vec<_> = log(&engine).into_iter().filter(|call| call.starts_with("delete")).collect();
    assert_eq!(
        batches,
        [
            "delete 1000 of us-central1-a/pool",
            "delete 1000 of us-central1-a/pool",
            "delete 500 of us-central1-a/pool"
        ]
    );
}

#[test]
fn after_a_signal_to_stop_a_run_asks_for_nothing_more_and_reports_it() {
    let told =
        "it was not requested: RUN_TIMEOUT has expired, or the run received a signal to stop".to_owned();
    let mut world = pool_of(5);
    world.stop_at = Some("group");
    let (answer, log) = grown(world, 5, 8);
    assert_eq!(answer, GroupAnswer::Failed(told.clone()));
    assert_eq!(log, ["group us-central1-a/pool"]);

    // At the first list, before any request: nothing is deleted.
    let (answers, log) = deleted(World::default(), |world, _| world.stop_at = Some("instances"));
    assert_eq!(answers, vec![GroupAnswer::Failed(told); 2]);
    assert!(!log.iter().any(|call| call.starts_with("delete")), "{log:?}");
}

/// The answer for `pool-2`, which has no node when it is listed; `nodes` is the second list of nodes.
fn lost(
    world: World,
    nodes: &[Node],
    change: impl FnOnce(&mut World, &GroupId),
) -> (GroupAnswer, Vec<String>) {
    let pool = zonal(ZONE, "pool");
    let engine = world.with(&pool, &["pool-1", "pool-2"]).engine();
    let observed = seen(&engine, &[node(ZONE, "pool-1")], &CloudScope::default()).unwrap();
    log(&engine);
    change(&mut engine.0.lock().unwrap(), &pool);
    let answer = now(observed.cloud.delete_instance("us-central1-a/pool", "pool-2", nodes));
    (answer, log(&engine))
}

#[test]
fn an_instance_that_never_became_a_node_is_deleted_by_its_exact_identity() {
    let first = [node(ZONE, "pool-1")];
    let (answer, calls) = lost(World::default(), &first, |_, _| {});
    let list = "instances us-central1-a/pool";
    assert_eq!(
        (answer, calls.as_slice()),
        (GroupAnswer::Done, &[list, "delete 1 of us-central1-a/pool", list].map(str::to_owned)[..])
    );

    // It has become a node since the plan, under another name or ID.
    for node in
        [node(ZONE, "pool-2"), Node { name: "pool-2".to_owned(), provider_id: None, ..Node::default() }]
    {
        let (answer, calls) = lost(World::default(), &[first[0].clone(), node], |_, _| {});
        assert_eq!(answer, GroupAnswer::Conflict("instance pool-2 may be a node by now".to_owned()));
        assert_eq!(calls, Vec::<String>::new());
    }
    // Another instance under its name, and one that is terminating or already deleted.
    let (answer, _) = lost(World::default(), &first, |world, pool| {
        world.instances.get_mut(pool).unwrap()[1].number = Some(999);
    });
    let anew = "instance us-central1-a/pool-2 was recreated meanwhile".to_owned();
    assert_eq!(answer, GroupAnswer::Conflict(anew));
    let (answer, _) = lost(World::default(), &first, |world, pool| {
        world.instances.get_mut(pool).unwrap()[1].action = CurrentAction::Leaving;
    });
    assert_eq!(answer, GroupAnswer::AlreadySo);
}

#[test]
fn the_failure_of_an_instance_s_deletion_has_its_reason() {
    let first = [node(ZONE, "pool-1")];
    let failing = |method: &'static str, unchanged, skipped: bool| {
        lost(World::default(), &first, |world, _| {
            world.failing.insert(method, error(ErrorKind::Unavailable, unchanged, "no answer"));
            world.skipped.extend(skipped.then(|| instance(ZONE, "pool-2")));
        })
        .0
    };
    let text = || "no answer".to_owned();
    assert_eq!(failing("instances", true, false), GroupAnswer::Busy(text()));
    assert_eq!(failing("delete", true, false), GroupAnswer::Busy(text()));
    assert_eq!(failing("delete", false, false), GroupAnswer::Done);
    assert_eq!(failing("delete", false, true), GroupAnswer::InDoubt(text()));
}
