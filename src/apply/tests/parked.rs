//! Parking and waking: the mark before the request, the same proofs as for a deletion, and what a refusal leaves.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{CreatedFor, Ledger, Node, ReadyCondition, annotation};
use kube_rebalancer_core::plan::Plan;
use kube_rebalancer_core::recheck::Stale;
use kube_rebalancer_ports::{GroupAnswer, NotTried, Outcome, PortError, Substitute};

use super::world::{
    Ended, World, changed, cordoned, delete, grow, node, park, plan, user, wake, wake_or, with_note,
};
use super::{OLD, failed, is_claimed};

const PARKED: &str = "2026-12-01T00:00:00Z";

/// A Ready node under our own cordon, in a group that parks.
fn idle(name: &str) -> Node {
    Node { group: Some("z/pool".to_owned()), ..cordoned(name, OLD) }
}

fn parked(name: &str) -> Node {
    let since = idle(name).ready.and_then(|ready| ready.since);
    let ready = Some(ReadyCondition { ready: false, since });
    with_note(Node { ready, ..idle(name) }, annotation::PARKED_AT, PARKED)
}

fn mark<'e>(ended: &'e Ended, name: &str, key: &str) -> Option<&'e str> {
    ended.nodes[name].annotations.get(key).map(String::as_str)
}

#[test]
fn a_node_is_marked_with_its_claim_before_its_machine_is_asked_to_park() {
    let nodes = [idle("a"), idle("b")];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![delete("b"), park("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Applied]);
    let requests: Vec<&str> = ended.log.iter().map(String::as_str).collect();
    assert_eq!(requests, ["claim b", "claim a", "list pods", "read b", "read a", "delete b", "park a"]);
    assert_eq!(ended.told, ["ScaleDown b", "NodeParked a"]);
    assert!(mark(&ended, "a", annotation::PARKED_AT).is_some() && is_claimed(&ended, "a"));
    assert!(ended.nodes["a"].unschedulable && mark(&ended, "b", annotation::PARKED_AT).is_none());
}

#[test]
fn a_node_that_does_not_park_loses_claim_and_mark_together_and_one_in_doubt_keeps_both() {
    let nodes = [idle("a"), idle("b")];
    let answers = vec![GroupAnswer::Refused("locked".to_owned()), GroupAnswer::InDoubt("silence".to_owned())];
    let ended = World { answers, ..World::new(&nodes, &[]) }.apply(&nodes, vec![park("a"), park("b")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Postponed("locked".to_owned()), failed("silence")]);
    assert!(!is_claimed(&ended, "a") && mark(&ended, "a", annotation::PARKED_AT).is_none());
    assert!(is_claimed(&ended, "b") && mark(&ended, "b", annotation::PARKED_AT).is_some());

    // A user arrived: no request is made to the cloud.
    let ended = World::new(&nodes, &[user("ada", "a")]).apply(&nodes, vec![park("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::Occupied { pod: "hub/ada".to_owned() })]);
    assert!(!ended.log.contains(&"park a".to_owned()));
    assert!(!is_claimed(&ended, "a") && mark(&ended, "a", annotation::PARKED_AT).is_none());
}

#[test]
fn a_parked_node_is_marked_as_woken_before_the_request_and_before_anything_grows() {
    let nodes = [parked("a"), node("b")];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![grow(Some("z/pool")), wake("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Applied]);
    assert_eq!(ended.log, ["give free a", "wake a", "grow z/pool 2 to 4"]);
    assert_eq!(ended.told, ["NodeWoken a"]);
    assert!(mark(&ended, "a", annotation::WOKEN_AT).is_some());
    assert_eq!((mark(&ended, "a", annotation::PARKED_AT), ended.nodes["a"].unschedulable), (None, true));
}

#[test]
fn a_node_that_the_cloud_does_not_wake_is_parked_again_behind_the_others() {
    for answer in [
        GroupAnswer::Exhausted("no valid host".to_owned()),
        GroupAnswer::Conflict("locked".to_owned()),
        GroupAnswer::Busy("503".to_owned()),
        GroupAnswer::Refused("no".to_owned()),
    ] {
        let nodes = [parked("a")];
        let ended =
            World { answers: vec![answer.clone()], ..World::new(&nodes, &[]) }.apply(&nodes, vec![wake("a")]);
        assert!(!ended.applied.outcomes[0].is_done(), "{answer:?}");
        assert_eq!(mark(&ended, "a", annotation::WOKEN_AT), None, "{answer:?}");
        let since: jiff::Timestamp = mark(&ended, "a", annotation::PARKED_AT).unwrap().parse().unwrap();
        assert!(since.duration_since(PARKED.parse().unwrap()) > SignedDuration::ZERO, "{answer:?}");
    }
    // Whether it wakes is not known: it boots, or is broken after BOOT_GRACE.
    let nodes = [parked("a")];
    let answers = vec![GroupAnswer::InDoubt("silence".to_owned())];
    let ended = World { answers, ..World::new(&nodes, &[]) }.apply(&nodes, vec![wake("a")]);
    assert!(mark(&ended, "a", annotation::WOKEN_AT).is_some());
}

#[test]
fn what_was_woken_or_taken_back_meanwhile_is_not_asked_for_again() {
    let planned = [parked("a")];
    let since = with_note(parked("a"), annotation::WOKEN_AT, PARKED);
    let ended = World::new(&[changed(since)], &[]).apply(&planned, vec![wake("a")]);
    assert_eq!(
        (&ended.applied.outcomes[..], ended.log.last()),
        (&[Outcome::AlreadySo][..], Some(&"read a".into()))
    );

    let ended = World::new(&[changed(node("a"))], &[]).apply(&planned, vec![wake("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::NotParked)]);
    assert!(!ended.log.contains(&"wake a".to_owned()));
}

fn no_host(node: &str) -> (String, GroupAnswer) {
    (format!("wake {node}"), GroupAnswer::Exhausted(format!("no valid host for {node}")))
}

fn woken_instead(node: &str, why: &str) -> Outcome {
    Outcome::Instead { by: Substitute::Node(node.to_owned()), why: why.to_owned() }
}

#[test]
fn in_place_of_a_node_that_is_not_woken_the_next_parked_one_is_woken_in_the_same_run() {
    let nodes = ["a", "b", "c", "d"].map(parked);
    let actions = || vec![wake_or("a", &["c", "d"], &[]), wake_or("b", &["c", "d"], &[])];
    let world = World { says: BTreeMap::from([no_host("a"), no_host("c")]), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, actions());
    assert_eq!(ended.applied.outcomes, [woken_instead("d", "no valid host for a"), Outcome::Applied]);
    let woken: Vec<bool> =
        ["a", "b", "c", "d"].map(|name| mark(&ended, name, annotation::WOKEN_AT).is_some()).to_vec();
    assert_eq!(woken, [false, true, false, true]);
    // The ones that were refused are parked again, behind the others.
    assert!(["a", "c"].iter().all(|name| mark(&ended, name, annotation::PARKED_AT) != Some(PARKED)));
    assert_eq!(ended.told, ["WakeFailed a", "NodeWoken d", "NodeWoken b"]);

    // Each group gets one request, and without a further group the node stays unchanged.
    let says = ["a", "b", "c", "d"].map(no_host).into();
    let ended = World { says, ..World::new(&nodes, &[]) }.apply(&nodes, actions());
    assert_eq!(ended.applied.outcomes, [failed("no valid host for a"), failed("no valid host for b")]);
    let asked: Vec<&String> = ended.log.iter().filter(|line| line.starts_with("wake")).collect();
    assert_eq!(asked, ["wake a", "wake b", "wake c", "wake d"]);
}

/// A kubelet that is not Ready can write the mark of a parked node on its own node again and again.
#[test]
fn a_node_whose_machine_runs_already_takes_no_waking_from_another() {
    let nodes = ["a", "b"].map(parked);
    let awake = ("wake a".to_owned(), GroupAnswer::AlreadySo);
    let ended = World { says: [awake.clone()].into(), ..World::new(&nodes, &[]) }
        .apply(&nodes, vec![wake_or("a", &["b"], &[])]);
    let why = "its machine runs already, and the node is not Ready";
    assert_eq!(ended.applied.outcomes, [woken_instead("b", why)]);
    assert!(mark(&ended, "a", annotation::WOKEN_AT).is_some(), "it may boot");
    // Without another one the next run sees what became of it.
    let ended =
        World { says: [awake].into(), ..World::new(&nodes, &[]) }.apply(&nodes, vec![wake_or("a", &[], &[])]);
    assert_eq!(ended.applied.outcomes, [Outcome::Postponed(why.to_owned())]);
}

#[test]
fn if_no_parked_node_wakes_a_group_grows_once_for_all_of_them() {
    let nodes = ["a", "b", "c"].map(parked);
    let groups = [("z/first", 4), ("z/second", 7)];
    let actions = || vec![wake_or("a", &["c"], &groups), wake_or("b", &["c"], &groups)];
    let quota = ("grow z/first 4 to 6".to_owned(), GroupAnswer::Quota("no more".to_owned()));
    let says = ["a", "b", "c"].map(no_host).into_iter().chain([quota]).collect();
    let ended = World { says, ..World::new(&nodes, &[]) }.apply(&nodes, actions());
    let by = || Substitute::Group("z/second".to_owned());
    let expected =
        ["a", "b"].map(|node| Outcome::Instead { by: by(), why: format!("no valid host for {node}") });
    assert_eq!(ended.applied.outcomes, expected);
    let grows: Vec<&String> = ended.log.iter().filter(|line| line.starts_with("grow")).collect();
    assert_eq!(grows, ["grow z/first 4 to 6", "grow z/second 7 to 9"]);
    assert_eq!(ended.applied.outcomes[0].message(), "node group z/second grows instead: no valid host for a");

    // One is woken, so one is created; a planned growth of the same group counts from there.
    let says = ["a", "b"]
        .map(no_host)
        .into_iter()
        .chain([("grow z/pool 2 to 4".to_owned(), GroupAnswer::Quota("no more".to_owned()))]);
    let world = World { says: says.collect(), ..World::new(&nodes, &[]) };
    let mut both = actions();
    both.push(super::world::grow_or(Some("z/pool"), &[("z/first", 4)]));
    let ended = world.apply(&nodes, both);
    let grows: Vec<&String> = ended.log.iter().filter(|line| line.starts_with("grow")).collect();
    assert_eq!(grows, ["grow z/first 4 to 5", "grow z/pool 2 to 4", "grow z/first 5 to 7"]);
}

#[test]
fn what_may_have_come_about_is_not_asked_for_elsewhere_and_a_stopped_run_asks_no_more() {
    let nodes = ["a", "b"].map(parked);
    let silent = || GroupAnswer::InDoubt("silence".to_owned());
    let action = || vec![wake_or("a", &["b"], &[("z/pool", 4)])];
    let says = BTreeMap::from([("wake a".to_owned(), silent())]);
    let ended = World { says, ..World::new(&nodes, &[]) }.apply(&nodes, action());
    assert_eq!((&*ended.applied.outcomes, ended.log.len()), (&[failed("silence")][..], 2), "{:?}", ended.log);

    // Nor where the one in its place may come.
    let says = BTreeMap::from([no_host("a"), ("wake b".to_owned(), silent())]);
    let ended = World { says, ..World::new(&nodes, &[]) }.apply(&nodes, action());
    let words = "no valid host for a; in place of it, node b: silence";
    assert_eq!(ended.applied.outcomes, [Outcome::Failed(PortError(words.to_owned()))]);
    assert!(!ended.log.iter().any(|line| line.starts_with("grow")), "{:?}", ended.log);

    let world = World { stop_at: Some("wake a"), says: [no_host("a")].into(), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, action());
    assert_eq!(ended.applied.outcomes, [failed("no valid host for a")]);
    assert!(!ended.log.iter().any(|line| line == "wake b" || line.starts_with("grow")), "{:?}", ended.log);
}

#[test]
fn a_node_that_is_no_longer_parked_is_skipped() {
    let planned = ["a", "b", "c"].map(parked);
    let now = [parked("a"), changed(node("b")), parked("c")];
    let world = World { says: [no_host("a")].into(), ..World::new(&now, &[]) };
    let ended = world.apply(&planned, vec![wake_or("a", &["b", "c"], &[])]);
    assert_eq!(ended.applied.outcomes, [woken_instead("c", "no valid host for a")]);
    assert!(!ended.log.contains(&"wake b".to_owned()), "{:?}", ended.log);
}

#[test]
fn a_node_that_is_created_for_a_waiting_pod_in_place_of_a_parked_one_is_noted() {
    let nodes = [parked("a")];
    let noted = |says: BTreeMap<String, GroupAnswer>| {
        let world = World { says, ..World::new(&nodes, &[]) };
        let plan =
            Plan { ledger: Some(Ledger::default()), ..plan(vec![wake_or("a", &[], &[("z/pool", 4)])]) };
        world.apply_plan(&nodes, &plan).ledger.unwrap_or_default().created_for
    };
    let key = ("uid-of-the-pod-for-a".to_owned(), "z/pool".to_owned());
    let once = CreatedFor { nodes: 1, at: super::world::NOW };
    assert_eq!(noted([no_host("a")].into()), BTreeMap::from([(key, once)]));
    assert_eq!(noted(BTreeMap::new()), BTreeMap::new());
}

#[test]
fn without_a_cloud_nothing_is_marked() {
    let nodes = [parked("a"), idle("b")];
    let ended = World::new(&nodes, &[]).apply_without_cloud(&nodes, vec![wake("a"), park("b")]);
    assert_eq!(ended.applied.outcomes, vec![Outcome::NotTried(NotTried::NoNodeGroup); 2]);
    assert!(ended.log.is_empty(), "{:?}", ended.log);
}
