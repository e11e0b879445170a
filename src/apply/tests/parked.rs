//! Parking and waking: the mark before the request, the same proofs as for a deletion, and what a refusal leaves.

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Node, ReadyCondition, annotation};
use kube_rebalancer_core::recheck::Stale;
use kube_rebalancer_ports::{GroupAnswer, NotTried, Outcome};

use super::world::{Ended, World, changed, cordoned, delete, grow, node, park, user, wake, with_note};
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

    // A user came: nothing is asked of the cloud.
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

#[test]
fn without_a_cloud_nothing_is_marked() {
    let nodes = [parked("a"), idle("b")];
    let ended = World::new(&nodes, &[]).apply_without_cloud(&nodes, vec![wake("a"), park("b")]);
    assert_eq!(ended.applied.outcomes, vec![Outcome::NotTried(NotTried::NoNodeGroup); 2]);
    assert!(ended.log.is_empty(), "{:?}", ended.log);
}
