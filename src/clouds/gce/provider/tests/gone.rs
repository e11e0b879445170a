//! Whether instances are gone: only Compute Engine's own word about exactly this instance counts, beside another instance of
//! the cluster in the same project.

use kube_rebalancer_core::model::{MachineFate, Node};
use kube_rebalancer_ports::{CloudScope, Provider};

use super::engine::{Engine, World, error, zonal};
use super::{ZONE, log, node, now, seen, to_delete, with_provider};
use crate::ErrorKind;
use crate::provider::{Gce, PROVIDER};

/// A provider that has seen two nodes. The instance of a third one is deleted.
fn one_gone() -> (Engine, Gce) {
    let engine = World::default().with(&zonal(ZONE, "pool"), &["pool-2", "pool-3"]).engine();
    let nodes = [node(ZONE, "pool-2"), node(ZONE, "pool-3")];
    let cloud = seen(&engine, &nodes, &CloudScope::default()).unwrap().cloud;
    log(&engine);
    (engine, cloud)
}

fn fates(cloud: &Gce, nodes: &[Node]) -> Vec<MachineFate> {
    let asked: Vec<_> = nodes.iter().map(to_delete).collect();
    now(cloud.fates(&asked))
}

fn unknown(fate: &MachineFate) -> &str {
    let MachineFate::Unknown(words) = fate else { panic!("{fate:?}") };
    words
}

#[test]
fn an_instance_that_is_not_found_is_gone_if_another_of_the_cluster_is_found() {
    assert_eq!(PROVIDER.cannot_prove_gone(&CloudScope::default()), None);
    let (engine, cloud) = one_gone();
    assert_eq!(fates(&cloud, &[node(ZONE, "pool-1")]), [MachineFate::Gone]);
    assert_eq!(log(&engine), ["state us-central1-a/pool-1", "state us-central1-a/pool-2"]);
    let exists = MachineFate::Exists("instance us-central1-a/pool-2 is RUNNING".to_owned());
    let both = [node(ZONE, "pool-1"), node(ZONE, "pool-2")];
    assert_eq!(fates(&cloud, &both), [MachineFate::Gone, exists]);
}

/// A group recreates an instance under its name.
#[test]
fn an_instance_made_anew_under_the_name_is_there() {
    let (engine, cloud) = one_gone();
    let mut world = std::mem::take(&mut *engine.0.lock().unwrap());
    world = world.with(&zonal(ZONE, "pool"), &["pool-1", "pool-2", "pool-3"]);
    *engine.0.lock().unwrap() = world;
    let exists = MachineFate::Exists("instance us-central1-a/pool-1 is RUNNING".to_owned());
    assert_eq!(fates(&cloud, &[node(ZONE, "pool-1")]), [exists]);
}

#[test]
fn without_another_instance_of_the_cluster_nothing_is_proven() {
    let (engine, cloud) = one_gone();
    engine.0.lock().unwrap().instances.clear();
    let found = fates(&cloud, &[node(ZONE, "pool-1")]);
    assert!(unknown(&found[0]).ends_with("pool-3 of the cluster is not found either"), "{found:?}");
    // No node of the cluster was proven: nothing is known about the project, and it is not asked.
    let engine = World::default().engine();
    let nobody = seen(&engine, &[node(ZONE, "pool-1")], &CloudScope::default()).unwrap().cloud;
    log(&engine);
    let found = fates(&nobody, &[node(ZONE, "pool-1")]);
    assert!(unknown(&found[0]).contains("project my-project"), "{found:?}");
    assert_eq!(log(&engine), Vec::<String>::new());
}

/// One that is being deleted at this moment may be the last that the project shows.
#[test]
fn an_instance_that_stops_is_no_proof_of_the_project() {
    let (engine, cloud) = one_gone();
    for found in engine.0.lock().unwrap().instances.values_mut().flatten() {
        found.status = Some("STOPPING".to_owned());
    }
    let found = fates(&cloud, &[node(ZONE, "pool-1")]);
    assert!(unknown(&found[0]).ends_with("pool-3 of the cluster is being deleted"), "{found:?}");
}

#[test]
fn a_request_that_fails_proves_nothing() {
    for kind in [
        ErrorKind::Credentials,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Quota,
        ErrorKind::Unavailable,
        ErrorKind::Other,
    ] {
        let (engine, cloud) = one_gone();
        engine.0.lock().unwrap().failing.insert("state", error(kind, true, "an answer"));
        for name in ["pool-1", "pool-2"] {
            let found = fates(&cloud, &[node(ZONE, name)]);
            assert_eq!(unknown(&found[0]), "an answer", "{kind:?} {name}");
        }
    }
}

#[test]
fn a_node_that_is_not_the_instance_of_its_provider_id_is_not_judged() {
    let (engine, cloud) = one_gone();
    let nameless = Node { provider_id: None, ..node(ZONE, "pool-1") };
    for node in [
        with_provider("pool-1", "gce://my-project/us-central1-a/pool-9"),
        with_provider("pool-1", "gce://other-project/us-central1-a/pool-1"),
        with_provider("pool-1", "gce://nonsense"),
        nameless,
    ] {
        let found = fates(&cloud, &[node]);
        unknown(&found[0]);
    }
    assert_eq!(log(&engine), Vec::<String>::new());
}
