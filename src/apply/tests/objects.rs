//! Node objects are deleted in a world that has moved on: never another node, one that anybody needs, or without the Lease.

use kube_rebalancer_core::model::{MachineFate, Taint, TaintEffect};
use kube_rebalancer_core::plan::{Action, MarkReason, ObjectDoubt, ObjectReason, Since, UnmarkReason};

use super::world::NOW;
use super::*;

const MACHINE: &str = "openstack:///a";

/// A node whose machine was given back and found gone a good while ago.
fn left() -> Node {
    let unreachable = Taint {
        key: taint::UNREACHABLE.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoExecute,
        added_at: None,
    };
    let node = Node {
        provider_id: Some(MACHINE.to_owned()),
        outside: Some("its server is gone".to_owned()),
        ready: None,
        taints: vec![unreachable],
        ..cordoned("a", OLD)
    };
    let node = with_note(node, annotation::DELETION_ASKED, MACHINE);
    let node = with_note(node, annotation::GONE_SINCE, "2027-01-15T07:00:00Z");
    with_note(node, annotation::GONE_MACHINE, MACHINE)
}

fn action() -> Action {
    let reason = ObjectReason::MachineGone { machine: MACHINE.to_owned(), since: Since(None) };
    Action::DeleteObject { node: "a".to_owned(), reason }
}

fn world(now: Node, pods: &[Pod]) -> World {
    World { delete_node_objects: true, fate: MachineFate::Gone, ..World::new(&[now, node("b")], pods) }
}

/// The outcome, and whether the deletion was requested.
fn ended(world: World) -> (Outcome, bool, Ended) {
    let ended = world.apply(&[left(), node("b")], vec![action()]);
    let asked = ended.log.iter().any(|line| line.starts_with("delete node"));
    (ended.applied.outcomes[0].clone(), asked, ended)
}

#[test]
fn a_node_object_goes_in_the_version_that_was_read_after_the_pods_and_before_the_provider_was_asked() {
    let (outcome, _, ended) = ended(world(changed(left()), &[]));
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(ended.log, ["list pods", "read a", "fate a", "delete node a uid-a 2"]);
    assert!(!ended.nodes.contains_key("a"));
    assert_eq!(ended.told, ["NodeObjectDeleted a"]);
}

#[test]
fn whatever_speaks_against_it_meanwhile_keeps_the_node_object() {
    let ready = Node { ready: node("a").ready, ..left() };
    let uncordoned = Node { unschedulable: false, ..left() };
    let replaced = Node { uid: "another".to_owned(), ..left() };
    let mut moved = left();
    moved.provider_id = Some("openstack:///b".to_owned());
    let mut unnoted = left();
    unnoted.annotations.remove(annotation::GONE_SINCE);
    let young = with_note(left(), annotation::GONE_SINCE, &NOW.to_string());
    for now in [ready, uncordoned, replaced, moved, unnoted, young] {
        let (outcome, asked, _) = ended(world(changed(now.clone()), &[]));
        assert!(matches!(outcome, Outcome::Stale(_)), "{now:?}: {outcome:?}");
        assert!(!asked);
    }
    for pod in [user("ada", "a"), critical("hub", "a")] {
        let (outcome, asked, _) = ended(world(left(), &[pod]));
        assert!(matches!(outcome, Outcome::Stale(Stale::Occupied { .. })), "{outcome:?}");
        assert!(!asked);
    }
    for fate in [MachineFate::Unknown("503".to_owned()), MachineFate::Exists("ACTIVE".to_owned())] {
        let (outcome, asked, _) = ended(World { fate, ..world(left(), &[]) });
        assert!(matches!(outcome, Outcome::Stale(Stale::ObjectStays { .. })), "{outcome:?}");
        assert!(!asked);
    }
}

#[test]
fn without_the_lease_a_list_or_time_nothing_is_deleted() {
    let (outcome, asked, _) = ended(World { lease_lost: true, ..world(left(), &[]) });
    assert_eq!((outcome, asked), (Outcome::Stale(Stale::LeaseLost), false));
    let (outcome, asked, _) = ended(World { no_lists: true, ..world(left(), &[]) });
    assert_eq!((outcome, asked), (Outcome::NotTried(NotTried::NoSecondLook), false));
    for at in ["list pods", "read a", "fate a"] {
        let (outcome, asked, _) = ended(World { stop_at: Some(at), ..world(left(), &[]) });
        assert_eq!((outcome, asked), (Outcome::NotTried(NotTried::Stopped), false), "{at}");
    }
    let ended = world(left(), &[]).apply_without_cloud(&[left()], vec![action()]);
    assert_eq!(ended.applied.outcomes, [Outcome::NotTried(NotTried::NoNodeGroup)]);
    assert_eq!(ended.log, Vec::<String>::new());
}

#[test]
fn a_node_that_changes_after_it_was_read_stays_and_one_that_is_gone_is_done() {
    let (outcome, _, ended) = ended(World { changes_once: ["a"].into(), ..world(left(), &[]) });
    assert_eq!(outcome, Outcome::Postponed("the node changed meanwhile".to_owned()));
    assert!(ended.nodes.contains_key("a"));
    let mut gone = world(left(), &[]);
    gone.nodes.remove("a");
    assert_eq!(super::objects::ended(gone).0, Outcome::AlreadySo);
}

#[test]
fn a_node_without_a_uid_or_a_version_is_not_deleted() {
    for bare in [Node { uid: String::new(), ..left() }, Node { resource_version: String::new(), ..left() }] {
        let ended = world(bare.clone(), &[]).apply(&[bare, node("b")], vec![action()]);
        assert!(matches!(ended.applied.outcomes[0], Outcome::Failed(_)), "{:?}", ended.applied);
        assert!(ended.nodes.contains_key("a"));
    }
}

#[test]
fn a_deletion_notes_its_machine_before_the_request_and_drops_the_note_with_its_claim() {
    let nodes = [Node { provider_id: Some(MACHINE.to_owned()), ..cordoned("a", OLD) }, node("b")];
    let on = |answer| {
        let world = World { delete_node_objects: true, answers: vec![answer], ..World::new(&nodes, &[]) };
        let ended = world.apply(&nodes, vec![delete("a")]);
        ended.nodes["a"].annotations.get(annotation::DELETION_ASKED).cloned()
    };
    let asked = Some(MACHINE.to_owned());
    assert_eq!(on(GroupAnswer::Done), asked);
    assert_eq!(on(GroupAnswer::InDoubt("lost".to_owned())), asked);
    assert_eq!(on(GroupAnswer::Refused("locked".to_owned())), None);
    assert_eq!(on(GroupAnswer::Failed("500".to_owned())), None);
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.nodes["a"].annotations.get(annotation::DELETION_ASKED), None, "without the setting");
}

#[test]
fn the_notes_are_written_and_removed_together() {
    let bare = || {
        let mut node = left();
        node.annotations.retain(|key, _| !key.contains("gone"));
        node
    };
    let one = |now: Node, action: Action| {
        let ended =
            World::new(std::slice::from_ref(&now), &[]).apply(std::slice::from_ref(&now), vec![action]);
        let keys = [annotation::DELETION_ASKED, annotation::GONE_SINCE, annotation::GONE_MACHINE];
        let notes = &ended.nodes["a"].annotations;
        keys.map(|key| notes.get(key).cloned())
    };
    let [asked, now] = [MACHINE, "2027-01-15T08:00:00Z"].map(|text| Some(text.to_owned()));
    let mark = Action::Mark { node: "a".to_owned(), reason: MarkReason::MachineGone };
    assert_eq!(one(bare(), mark.clone()), [asked.clone(), now, asked.clone()]);
    let unmark = |reason| Action::Unmark { node: "a".to_owned(), reason };
    let why = ObjectDoubt::NotAsked;
    let [none, asked] = [None, asked];
    assert_eq!(
        one(left(), unmark(UnmarkReason::NotProvenGone { why: why.clone() })),
        [asked.clone(), none.clone(), none.clone()]
    );
    assert_eq!(
        one(left(), unmark(UnmarkReason::NotGivenBack { why })),
        [none.clone(), none.clone(), none.clone()]
    );
    let claimed = with_note(bare(), annotation::DELETING_UNTIL, "2027-01-15T07:59:00Z");
    assert_eq!(one(claimed, unmark(UnmarkReason::ClaimOver)), [asked, none.clone(), none]);
}
