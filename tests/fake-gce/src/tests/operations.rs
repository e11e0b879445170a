//! Operations, and repeated requests.

use super::World;
use crate::engine::{OperationFailure, OperationPath, OperationStatus, Refusal, Terms};

const ID: &str = "7f3b3c5e-2a5d-4b7e-9a63-0c3f1d2e4b5a";

fn grow(world: &mut World, size: usize, request_id: &str) -> Result<OperationPath, Refusal> {
    let terms = Terms { request_id: Some(request_id.to_owned()), failure: None };
    world.engine.resize(&world.group, size, terms)
}

#[test]
fn an_operation_is_pending_then_running_then_done() {
    let mut world = World::zonal(1);
    let path = world.engine.resize(&world.group, 2, Terms::default()).unwrap();
    let status = |world: &World| world.engine.operations[&path].status;
    assert_eq!(status(&world), OperationStatus::Pending);
    world.wait(1);
    assert_eq!(status(&world), OperationStatus::Running);
    world.wait(1);
    assert_eq!(status(&world), OperationStatus::Done);
}

#[test]
fn a_request_made_twice_is_carried_out_once() {
    let mut world = World::zonal(1);
    let first = grow(&mut world, 2, ID).unwrap();
    world.resize(5);
    world.wait(59 * 60);
    assert_eq!(grow(&mut world, 2, ID), Ok(first));
    assert_eq!(world.target_size(), 5);
}

#[test]
fn a_request_id_is_forgotten_after_an_hour() {
    let mut world = World::zonal(1);
    let first = grow(&mut world, 2, ID).unwrap();
    world.resize(5);
    world.wait(60 * 60);
    assert_ne!(grow(&mut world, 2, ID), Ok(first));
    assert_eq!(world.target_size(), 2);
}

#[test]
fn instances_deleted_twice_by_one_request_id_are_deleted_once() {
    let mut world = World::zonal(3);
    let urls = [world.members().into_keys().next().unwrap().to_string()];
    let terms = Terms { request_id: Some(ID.to_owned()), failure: None };
    let first = world.engine.delete_instances(&world.group, &urls, false, terms.clone());
    // Without skipping: a second deletion of the same would be refused.
    assert_eq!(world.engine.delete_instances(&world.group, &urls, false, terms), first);
    assert_eq!(world.target_size(), 2);
}

#[test]
fn a_request_id_that_is_no_uuid_is_refused() {
    let wrong = [
        "",
        "1",
        "00000000-0000-0000-0000-000000000000",
        "7f3b3c5e2a5d4b7e9a630c3f1d2e4b5a",
        "?f3b3c5e-2a5d-4b7e-9a63-0c3f1d2e4b5a",
    ];
    for id in wrong {
        let mut world = World::zonal(1);
        assert_eq!(grow(&mut world, 2, id).unwrap_err().status, 400, "{id}");
        assert_eq!(world.target_size(), 1, "{id}");
    }
}

#[test]
fn an_operation_that_fails_has_changed_nothing() {
    let mut world = World::zonal(1);
    let failure =
        OperationFailure { status: 403, code: "QUOTA_EXCEEDED".to_owned(), message: "No more.".to_owned() };
    let terms = Terms { request_id: Some(ID.to_owned()), failure: Some(failure.clone()) };
    let path = world.engine.resize(&world.group, 5, terms).unwrap();
    world.wait(60);
    assert_eq!(world.engine.operations[&path].failure, Some(failure));
    assert_eq!((world.target_size(), world.members().len()), (1, 1));
    // The same request again is the same failure, though nothing is wrong any more.
    assert_eq!(grow(&mut world, 5, ID), Ok(path));
    assert_eq!(world.target_size(), 1);
}
