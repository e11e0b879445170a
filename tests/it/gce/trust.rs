//! Changes by people, other programs and a failing API server between a plan and its deletions: when in doubt, the node
//! is kept.

use hyper::Method;
use kube_rebalancer_core::model::{annotation, taint};
use serde_json::{Value, json};

use super::world::{World, ZONE, user, waiting};
use super::{DELETE, one_to_delete};
use crate::fake_api::{self, FakeApi, Resource};
use crate::objects::Node;

/// The second list of pods, the one right before the deletions.
fn second_list() -> fake_api::Requests {
    fake_api::Requests::of(Method::GET, "/api/v1/pods").nth(2)
}

/// Uncordons like `kubectl uncordon`: other taints are kept.
fn uncordon(api: &FakeApi) {
    api.edit(Resource::Nodes, None, "node-10", |node| {
        node["spec"].as_object_mut().unwrap().remove("unschedulable");
    });
}

fn node(world: &World) -> Value {
    world.api.get(Resource::Nodes, None, "node-10").unwrap()
}

/// Whether the node carries a claim: annotation and taint, both or neither.
#[track_caller]
fn is_claimed(world: &World) -> bool {
    let node = node(world);
    let noted = node["metadata"]["annotations"][annotation::DELETING_UNTIL].is_string();
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    assert_eq!(taints.any(|one| one["key"] == taint::DELETING), noted, "{node}");
    noted
}

/// The number of deletion requests to the cloud.
fn deletions(world: &World) -> usize {
    world.gce.calls().iter().filter(|call| call.method == DELETE).count()
}

/// A world, and itself for a hook that lives in it.
fn shared() -> (std::sync::Arc<World>, std::sync::Weak<World>) {
    let world = std::sync::Arc::new(World::new());
    let weak = std::sync::Arc::downgrade(&world);
    (world, weak)
}

#[test]
fn a_node_that_somebody_uncordons_while_the_second_list_is_under_way_stays() {
    let (world, weak) = shared();
    let pool = one_to_delete(&world);
    world.api.on(second_list(), fake_api::Moment::After, move |_| uncordon(&weak.upgrade().unwrap().api));
    let ran = world.run(&[]);
    let told = "delete node-10: stale (it is schedulable now)".to_owned();
    assert_eq!((ran.story(), ran.code), (vec![told], Some(0)), "{}", ran.stderr);
    assert_eq!((deletions(&world), world.target_size(&pool), is_claimed(&world)), (0, 2, false));
}

/// During a deletion no pod can be scheduled on the node: the claim's taint remains when a person uncordons the node.
#[test]
fn a_claim_keeps_pods_away_from_a_node_that_somebody_uncordons() {
    let (world, weak) = shared();
    one_to_delete(&world);
    let (sender, seen) = std::sync::mpsc::channel();
    world.api.on(second_list(), fake_api::Moment::Before, move |_| {
        let world = weak.upgrade().unwrap();
        uncordon(&world.api);
        sender.send(node(&world)).unwrap();
    });
    world.run(&[]);
    let during = seen.try_recv().unwrap();
    let claim = json!({"key": taint::DELETING, "effect": "NoSchedule"});
    assert_eq!(during["spec"], json!({"providerID": during["spec"]["providerID"], "taints": [claim]}));
    assert!(!is_claimed(&world));
}

#[test]
fn what_happens_while_the_cloud_is_busy_is_seen_before_the_next_try() {
    // 429 was decided before anything was done; 503 may come from any depth, so the claim stays.
    let turned_away = fake_gce::Fault::TooManyRequests { retry_after_seconds: 1 };
    for (fault, in_doubt) in [(turned_away, false), (fake_gce::Fault::Unavailable, true)] {
        for lands in [false, true] {
            let (world, weak) = shared();
            let pool = one_to_delete(&world);
            let first = || fake_gce::Requests::method(DELETE).nth(1);
            world.gce.on(first(), fake_gce::Moment::Before, move |_| {
                let world = weak.upgrade().unwrap();
                if lands {
                    world.api.add_pod(&user("late", "1Gi").on("node-10"));
                } else {
                    uncordon(&world.api);
                }
            });
            world.gce.fail(first(), fault.clone());
            let ran = world.run(&[]);
            let story = ran.story();
            let why = if lands { "pod users/late is on it now" } else { "it is schedulable now" };
            let expected = if in_doubt {
                "delete node-10: failed (".to_owned()
            } else {
                format!("delete node-10: stale ({why})")
            };
            assert!(story.len() == 1 && story[0].starts_with(&expected), "{story:?}");
            assert_eq!(ran.code, Some(i32::from(in_doubt)), "{}", ran.stderr);
            let state = (deletions(&world), world.target_size(&pool), is_claimed(&world));
            assert_eq!(state, (1, 2, in_doubt), "{story:?}");
        }
    }
    // Without anybody the second try deletes it.
    let world = World::new();
    let pool = one_to_delete(&world);
    world.gce.fail(fake_gce::Requests::method(DELETE).nth(1), fake_gce::Fault::Unavailable);
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["delete node-10: applied"], "{}", ran.stderr);
    assert_eq!((deletions(&world), world.target_size(&pool)), (2, 1));
}

#[test]
fn while_the_second_list_hangs_nothing_is_deleted_and_a_later_run_takes_the_claim_away() {
    let (world, weak) = shared();
    let pool = one_to_delete(&world);
    let hanging = fake_api::Requests::of(Method::GET, "/api/v1/pods").since_nth(2);
    world.api.on(second_list(), fake_api::Moment::Before, move |_| uncordon(&weak.upgrade().unwrap().api));
    world.api.fail(hanging, fake_api::Fault::Hang(fake_api::Moment::Before));
    let ran = world.run(&[("RUN_TIMEOUT", "4s")]);
    let told = "delete node-10: notTried (the second list of pods failed)".to_owned();
    assert_eq!((ran.story(), ran.code), (vec![told], Some(1)), "{}", ran.stderr);
    assert_eq!((deletions(&world), world.target_size(&pool)), (0, 2));
    world.api.behave();
    // The run had no time left, so the claim still exists. Another run does not touch it before its expiry.
    assert!(is_claimed(&world));
    world.run(&[]);
    assert!(is_claimed(&world));
    world.api.edit(Resource::Nodes, None, "node-10", |node| {
        node["metadata"]["annotations"][annotation::DELETING_UNTIL] = json!("2026-01-01T00:00:00Z");
    });
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!is_claimed(&world), "{:?}", ran.story());
    assert_eq!((deletions(&world), world.target_size(&pool)), (0, 2));
}

/// A cordon without our mark and without a taint's time, as where the controller manager does not run.
#[test]
fn a_cordon_of_unknown_age_is_young() {
    let world = World::new();
    let pool = world.pool(ZONE, "pool", &[Node::new("node-1"), Node::new("node-10").cordoned()]);
    world.api.add_pod(&user("ada", "6Gi").on("node-1"));
    for _ in 0..3 {
        let ran = world.run(&[("ADOPT_CORDONS", "1s")]);
        assert!(!ran.story().iter().any(|told| told.starts_with("delete")), "{:?}", ran.story());
        assert_eq!((ran.code, world.target_size(&pool)), (Some(0), 2), "{}", ran.stderr);
    }
}

#[test]
fn a_second_list_that_is_no_list_of_pods_or_has_lost_them_proves_nothing() {
    for text in [
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"timed out","code":500}"#,
        r#"{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#,
        r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"columnDefinitions":[],"rows":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":
            {"namespace":"kube-system","name":"dns"},"spec":{"containers":[]},"status":{"phase":"Running"}}]}"#,
        "<!doctype html><html><body>Sign in to continue</body></html>",
        "null",
        "",
    ] {
        let world = World::new();
        let pool = one_to_delete(&world);
        world.api.fail(second_list(), fake_api::Fault::Instead(text));
        let ran = world.run(&[]);
        let told = "delete node-10: notTried (the second list of pods failed)".to_owned();
        assert_eq!((ran.story(), ran.code), (vec![told], Some(1)), "{text}: {}", ran.stderr);
        let state = (deletions(&world), world.target_size(&pool), is_claimed(&world));
        assert_eq!(state, (0, 2, false), "{text}");
    }
}

/// A proxy that mixes up its answers: what is about another node is no proof that this one is claimed.
#[test]
fn an_answer_to_a_patch_about_another_node_is_no_success() {
    let world = World::new();
    let pool = one_to_delete(&world);
    let other = r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-1","uid":"uid-1","resourceVersion":"9"},
        "spec":{"unschedulable":true},"status":{}}"#;
    let claim = fake_api::Requests::of(Method::PATCH, "/api/v1/nodes/node-10").nth(1);
    world.api.fail(claim, fake_api::Fault::Instead(other));
    let ran = world.run(&[]);
    let told = "delete node-10: failed (the answer to the patch of node node-10 is about node-1 (uid-1))";
    assert_eq!((ran.story(), ran.code), (vec![told.to_owned()], Some(1)), "{}", ran.stderr);
    assert_eq!((deletions(&world), world.target_size(&pool)), (0, 2));
}

/// One Node that names an instance of a foreign project (a kubelet may write anything there), where the answer is 403:
/// that node has no group, and the groups of the others shrink and grow as without it.
#[test]
fn a_node_of_a_foreign_project_takes_only_itself_out_of_the_cloud() {
    let world = World::new();
    let pool = one_to_delete(&world);
    world.gce.close_project("evil-project");
    world.api.add_node(&Node::new("evil").on_compute_engine("evil-project", ZONE));
    world.api.add_pod(&user("eve", "6Gi").on("evil"));
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["delete node-10: applied"], "{}", ran.stderr);
    assert_eq!((ran.code, world.target_size(&pool)), (Some(0), 1));
    let warnings = ran.warnings();
    let of_node = |warning: &&&str| {
        warning.starts_with("node evil is in no node group: ") && warning.contains("evil-project")
    };
    assert_eq!(warnings.iter().filter(of_node).count(), 1, "{warnings:?}");
    for name in ["ben", "cleo", "dan"] {
        world.api.add_pod(&waiting(name, "7Gi"));
    }
    let ran = world.run(&[]);
    let story = ran.story();
    assert!(story.iter().any(|told| told.starts_with("grow us-central1-a/pool 1 to ")), "{story:?}");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(world.target_size(&pool) >= 3, "{story:?}");
}
