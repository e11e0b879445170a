//! The list of volumes fails in every way, or changes while a run works: the home of an absent user is never given back with
//! its node.
//!
//! ```text
//!   n1, n2  three users each                              serve
//!   n3      our cordon, empty; the home of eve is on it   stays
//!   n4      our cordon, empty                             deleted
//! ```
//!
//! The home is on the second page of the list. A run lists the volumes twice: before it decides, and before it deletes.

use hyper::Method;
use serde_json::{Value, json};

use super::world::{World, user};
use crate::fake_api::{Fault, Requests, Resource};
use crate::faults::FAULTS;
use crate::faults::many::complaints;
use crate::ran::Ran;

const VOLUMES: &str = "/api/v1/persistentvolumes";

/// Good answers that are no whole list of volumes.
const NO_LISTS: [&str; 5] = [
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"etcdserver: request timed out","code":500}"#,
    r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}"#,
    r#"{"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"x"}}"#,
    "{}",
    "<html>Sign in to continue</html>",
];

/// The number of requests for pages in an undisturbed run.
const REQUESTS: usize = 4;

fn volume(name: &str, host: Option<&str>, phase: &str) -> Value {
    let affinity = host.map(|host| {
        let hostname = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [host]});
        json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}})
    });
    json!({
        "metadata": {"name": name},
        "spec": {
            "claimRef": {"namespace": "users", "name": name},
            "persistentVolumeReclaimPolicy": "Delete",
            "nodeAffinity": affinity,
        },
        "status": {"phase": phase},
    })
}

fn start() -> World {
    let world = World::new(4);
    for number in 1..=6 {
        world.api.add_pod(&user(number).on(if number % 2 == 0 { "n1" } else { "n2" }));
    }
    for name in ["n3", "n4"] {
        world.mark(name, &[]);
    }
    for number in 0..500 {
        world.api.add(Resource::Volumes, volume(&format!("disk-{number:03}"), None, "Bound"));
    }
    world.api.add(Resource::Volumes, volume("home-eve", Some("n3"), "Bound"));
    world.api.add(Resource::Volumes, volume("home-late", Some("n4"), "Available"));
    world
}

fn run(world: &World, timeout: &str) -> Ran {
    world.run(&[("RUN_TIMEOUT", timeout)])
}

fn asked(world: &World) -> usize {
    world.api.calls().iter().filter(|call| call.path == VOLUMES).count()
}

fn pages() -> Requests {
    Requests::of(Method::GET, VOLUMES)
}

#[test]
fn without_a_fault_the_node_with_the_home_stays_and_the_other_one_is_deleted() {
    let world = start();
    let ran = run(&world, "60s");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!((world.lines("done"), asked(&world)), (vec!["delete n4".to_owned()], REQUESTS));
}

#[test]
fn whatever_request_for_volumes_fails_in_whatever_way_no_home_is_given_back() {
    let faults = FAULTS.into_iter().chain([Fault::NotFound]).chain(NO_LISTS.map(Fault::Instead));
    let cases: Vec<(Fault, usize, bool)> = faults
        .flat_map(|fault| {
            (1..=REQUESTS).flat_map(move |nth| [false, true].map(|lasting| (fault, nth, lasting)))
        })
        // Without the permission, or such a list, a run goes on with a warning.
        .filter(|(fault, nth, _)| *nth > 1 || !matches!(fault, Fault::Forbidden | Fault::NotFound))
        .collect();
    let found = complaints(&cases, |&(fault, nth, lasting)| {
        let world = start();
        let requests = if lasting { pages().since_nth(nth) } else { pages().nth(nth) };
        world.api.fail(requests, fault);
        let ran = run(&world, if lasting || matches!(fault, Fault::Hang(_)) { "4s" } else { "60s" });
        let is_overcome = !lasting
            && match fault {
                Fault::InternalError
                | Fault::Unavailable
                | Fault::TooManyRequests { .. }
                | Fault::HalfBody
                | Fault::Reset(_)
                | Fault::ExpiredToken => true,
                Fault::Conflict
                | Fault::Forbidden
                | Fault::NotFound
                | Fault::BudgetRefuses
                | Fault::MalformedJson
                | Fault::Instead(_)
                | Fault::Hang(_) => false,
            };
        let done = world.lines("done");
        let mut found = Vec::new();
        // Without a whole list nothing is given back.
        if !is_overcome && !done.is_empty() {
            found.push(format!("done {done:?}"));
        }
        if is_overcome && (ran.code, &*done) != (Some(0), &["delete n4".to_owned()]) {
            found.push(format!("exit {:?} and {done:?}, though one such fault can be got over", ran.code));
        }
        if !matches!(ran.code, Some(0 | 1 | 3)) {
            found.push(format!("exit {:?}", ran.code));
        }
        if !found.is_empty() {
            found.push(format!("{:?} {}", ran.story(), ran.stderr));
        }
        // A later run, once a claim has expired, makes it good.
        world.api.behave();
        world.expire_lease();
        world.join();
        world.later(20);
        let clean = run(&world, "60s");
        if (clean.code, world.lines("done")) != (Some(0), vec!["delete n4".to_owned()]) {
            found.push(format!("the clean run: {:?} {:?} {}", clean.code, clean.story(), clean.stderr));
        }
        found.into_iter().map(|text| format!("{fault:?} {nth} lasting {lasting}: {text}")).collect()
    });
    println!("{} cases", cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn without_the_permission_or_on_a_server_without_such_a_list_a_warning_names_it() {
    for fault in [Fault::Forbidden, Fault::NotFound] {
        let world = start();
        world.api.fail(pages(), fault);
        let ran = run(&world, "60s");
        assert_eq!((ran.code, asked(&world)), (Some(0), 1), "{fault:?}: {}", ran.stderr);
        let told = ran.warnings().iter().any(|text| text.contains("persistent volumes cannot be listed"));
        assert!(told, "{fault:?}: {:?}", ran.warnings());
    }
}

/// The volume of a user who came and went while the run claimed the node.
#[test]
fn a_home_that_comes_while_a_run_claims_its_node_keeps_the_node() {
    let world = start();
    let claim = Requests::of(Method::PATCH, "/nodes/n4").nth(1);
    world.api.change_before(claim, Resource::Volumes, "home-late", |volume| {
        volume["status"]["phase"] = json!("Bound");
    });
    let ran = run(&world, "60s");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(world.lines("done"), [""; 0]);
    let because = "the data of volume home-late of claim users/home-late may be on its disk";
    assert_eq!(ran.story(), [format!("delete n4: stale ({because})")]);
    let node = world.api.get(Resource::Nodes, None, "n4").unwrap();
    assert!(node["metadata"]["annotations"]["kube-rebalancer/deleting-until"].is_null(), "{node}");
    // The next run knows.
    let next = run(&world, "60s");
    assert_eq!((next.code, next.story()), (Some(0), vec![]), "{}", next.stderr);
}
