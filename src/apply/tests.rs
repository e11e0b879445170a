//! Plans are carried out in a world that has moved on or fails, and in a run that receives a signal to stop.

mod cloud;
mod evictions;
mod notices;
mod objects;
mod parked;
mod reliance;
mod steering;
mod waking;
mod world;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{CreatedFor, Ledger, Node, Pod, annotation, taint};
use kube_rebalancer_core::recheck::Stale;
use world::{
    Ended, Meanwhile, World, changed, cordon, cordoned, critical, delete, delete_instance, grow, grow_or,
    mark, node, plan, unbound, uncordon, unmark, user, with_note,
};

use kube_rebalancer_ports::{GroupAnswer, NotTried, Outcome, PortError};

/// Older than anything that the scheduler may still have in mind.
const OLD: i64 = 3600;
/// Younger than that.
const YOUNG: i64 = 600;

/// A claim is an annotation and a taint, both or neither.
#[track_caller]
fn is_claimed(ended: &Ended, name: &str) -> bool {
    let noted = ended.nodes[name].annotations.contains_key(annotation::DELETING_UNTIL);
    let tainted = ended.nodes[name].taints.iter().any(|one| one.key == taint::DELETING);
    assert_eq!(noted, tainted, "{:?}", ended.nodes[name]);
    noted
}

fn failed(text: &str) -> Outcome {
    Outcome::Failed(PortError(text.to_owned()))
}

#[test]
fn everything_is_done_in_the_order_of_the_policy_whatever_the_order_of_the_plan() {
    let nodes = [
        cordoned("a", OLD),
        node("b"),
        cordoned("c", OLD),
        cordoned("d", OLD),
        with_note(cordoned("e", OLD), annotation::EMPTY_SINCE, "2026-01-01T00:00:00Z"),
    ];
    let actions =
        vec![unmark("e"), mark("d"), delete("c"), cordon("b"), grow(Some("zone/pool")), uncordon("a")];
    let ended = World::new(&nodes, &[]).apply(&nodes, actions);
    assert_eq!(ended.applied.outcomes, vec![Outcome::Applied; 6]);
    assert_eq!(
        ended.log,
        [
            "uncordon a",
            "grow zone/pool 2 to 4",
            "cordon b",
            "claim c",
            "list pods",
            "read c",
            "delete c",
            "note e",
            "note d"
        ]
    );
    assert_eq!(ended.told, ["ScaleDown c", "NodeCordoned b", "NodeUncordoned a"]);
    assert!(ended.applied.is_complete());
    assert!(ended.nodes["a"].annotations.is_empty() && !ended.nodes["a"].unschedulable);
    assert!(
        ended.nodes["b"].annotations.contains_key(annotation::CORDONED_AT) && ended.nodes["b"].unschedulable
    );
    // The cloud is slow; meanwhile no run may uncordon it.
    assert!(is_claimed(&ended, "c"));
    assert!(ended.nodes["d"].annotations.contains_key(annotation::EMPTY_SINCE));
    assert!(!ended.nodes["e"].annotations.contains_key(annotation::EMPTY_SINCE));
}

#[test]
fn a_node_that_a_pod_came_to_meanwhile_is_not_deleted_and_its_claim_is_dropped() {
    let nodes = [cordoned("a", OLD)];
    let ended = World::new(&nodes, &[user("ada", "a")]).apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::Occupied { pod: "hub/ada".to_owned() })]);
    assert_eq!(ended.log, ["claim a", "list pods", "read a", "give free a"]);
    assert!(!is_claimed(&ended, "a"));
    // Left to the next run, which is no failure.
    assert!(ended.applied.is_complete());
}

#[test]
fn while_a_pod_may_still_be_bound_only_a_node_under_an_old_cordon_is_deleted() {
    let nodes = [cordoned("old", OLD), cordoned("young", YOUNG)];
    let actions = || vec![delete("old"), delete("young")];
    let ended = World::new(&nodes, &[unbound("new")]).apply(&nodes, actions());
    let late = Stale::LateBind { pod: "hub/new".to_owned() };
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Stale(late)]);
    assert!(!ended.log.contains(&"delete young".to_owned()), "{:?}", ended.log);
    assert!(!is_claimed(&ended, "young"));

    let nobody_waits = World::new(&nodes, &[]).apply(&nodes, actions());
    assert_eq!(nobody_waits.applied.outcomes, [Outcome::Applied, Outcome::Applied]);
}

#[test]
fn without_a_second_list_nothing_is_deleted_and_the_run_is_not_complete() {
    let nodes = [cordoned("a", OLD), node("b")];
    let world = World { no_lists: true, ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![cordon("b"), delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::NotTried(NotTried::NoSecondLook)]);
    assert_eq!(ended.log, ["cordon b", "claim a", "list pods", "give free a"]);
    assert_eq!(ended.applied.problems, [PortError("no lists today".to_owned())]);
    assert!(!ended.applied.is_complete());
}

/// What the cordon of `b` needs is not lost with the read of `a`.
#[test]
fn a_claimed_node_that_cannot_be_read_stops_nothing_else() {
    let nodes = [cordoned("a", OLD), node("b"), cordoned("c", OLD)];
    let world = World { unread: ["a"].into(), ..World::new(&nodes, &[critical("proxy", "b")]) };
    let ended = world.apply(&nodes, vec![cordon("b"), delete("a"), delete("c")]);
    let taken_back = Outcome::TakenBack { pod: "hub/proxy".to_owned() };
    let unread = Outcome::NotTried(NotTried::NoSecondLook);
    assert_eq!(ended.applied.outcomes, [taken_back, unread, Outcome::Applied]);
    assert_eq!(ended.applied.problems, [PortError("no reads today".to_owned())]);
    assert!(!is_claimed(&ended, "a") && !ended.log.contains(&"delete a".to_owned()), "{:?}", ended.log);
}

/// A claim of more than a day counts for no run, not even for the one that made it.
#[test]
fn the_claim_of_a_run_that_may_last_for_days_counts() {
    let nodes = [cordoned("a", OLD)];
    let world = World { left: SignedDuration::from_hours(48), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    assert!(kube_rebalancer_core::plan::is_claimed(&ended.nodes["a"], world::NOW));
}

#[test]
fn a_cordon_over_a_critical_pod_is_taken_back_and_one_over_a_user_is_not() {
    let nodes = [node("a"), node("b")];
    let pods = [critical("proxy", "a"), user("ada", "b")];
    let ended = World::new(&nodes, &pods).apply(&nodes, vec![cordon("a"), cordon("b")]);
    let taken_back = Outcome::TakenBack { pod: "hub/proxy".to_owned() };
    assert_eq!(ended.applied.outcomes, [taken_back, Outcome::Applied]);
    assert_eq!(ended.log, ["cordon a", "cordon b", "list pods", "uncordon a"]);
    assert_eq!(ended.told, ["NodeUncordoned a", "NodeCordoned b"]);
    assert!(ended.nodes["a"].annotations.is_empty() && !ended.nodes["a"].unschedulable);
    assert!(ended.applied.is_complete());
}

#[test]
fn a_cordon_whose_answer_was_lost_is_taken_back_too() {
    let nodes = [node("a")];
    let world = World { unanswered: ["a"].into(), ..World::new(&nodes, &[critical("proxy", "a")]) };
    let ended = world.apply(&nodes, vec![cordon("a")]);
    let taken_back = Outcome::TakenBack { pod: "hub/proxy".to_owned() };
    assert_eq!(ended.log, ["cordon a", "list pods", "read a", "uncordon a"]);
    assert_eq!(ended.applied.outcomes, [taken_back]);
    assert!(!ended.nodes["a"].unschedulable);
}

#[test]
fn a_cordon_that_failed_and_never_came_about_stays_failed_though_a_critical_pod_came() {
    let nodes = [node("a"), node("b")];
    let world = World { refused: ["a"].into(), ..World::new(&nodes, &[critical("proxy", "a")]) };
    let ended = world.apply(&nodes, vec![cordon("a"), cordon("b")]);
    // One that fails does not stop another.
    assert_eq!(ended.applied.outcomes, [failed("no patches today"), Outcome::Applied]);
    assert_eq!(ended.told, ["CordonFailed a", "NodeCordoned b"]);
}

#[test]
fn after_a_conflict_the_node_is_read_and_judged_again() {
    let disabled = |node| with_note(node, annotation::SCALE_DOWN_DISABLED, "true");
    let gone: Option<Node> = None;
    let others = Node { unschedulable: true, ..node("a") };
    let reborn = Node { uid: "uid-another".to_owned(), ..node("a") };
    let claimed = with_note(cordoned("a", OLD), annotation::DELETING_UNTIL, "2027-01-15T08:04:00Z");
    let broken = Node { ready: None, ..cordoned("a", OLD) };
    let (serves, ours) = (node("a"), cordoned("a", OLD));
    for (case, planned, now, action, expected) in [
        ("a label changed", &serves, Some(serves.clone()), cordon("a"), Outcome::Applied),
        ("somebody cordoned it", &serves, Some(others), cordon("a"), Outcome::AlreadySo),
        (
            "it is to stay",
            &serves,
            Some(disabled(serves.clone())),
            cordon("a"),
            Outcome::Stale(Stale::ScaleDownDisabled { mark: annotation::SCALE_DOWN_DISABLED.to_owned() }),
        ),
        ("another has its name", &serves, Some(reborn), cordon("a"), Outcome::Stale(Stale::Replaced)),
        ("it is gone", &serves, gone, cordon("a"), Outcome::Stale(Stale::Gone)),
        ("somebody uncordoned it", &ours, Some(serves.clone()), uncordon("a"), Outcome::AlreadySo),
        (
            "another run claims it",
            &ours,
            Some(claimed.clone()),
            uncordon("a"),
            Outcome::Stale(Stale::Claimed),
        ),
        ("it became NotReady", &ours, Some(broken), uncordon("a"), Outcome::Stale(Stale::NotReady)),
        ("another run claims it", &ours, Some(claimed), delete("a"), Outcome::Stale(Stale::Claimed)),
        (
            "somebody uncordoned it",
            &ours,
            Some(serves.clone()),
            delete("a"),
            Outcome::Stale(Stale::Schedulable),
        ),
    ] {
        let now: Vec<Node> = now.into_iter().map(changed).collect();
        let ended = World::new(&now, &[]).apply(std::slice::from_ref(planned), vec![action.clone()]);
        assert_eq!(ended.applied.outcomes, [expected], "{case}: {action:?}");
    }
}

#[test]
fn a_node_that_never_rests_is_given_up_after_three_tries() {
    let nodes = [node("a")];
    let world = World { restless: ["a"].into(), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![cordon("a")]);
    assert_eq!(ended.applied.outcomes, [failed("node a changed 3 times while it was being patched")]);
    assert_eq!(ended.log.iter().filter(|line| *line == "conflict a").count(), 3);
}

#[test]
fn a_run_that_is_told_to_stop_starts_nothing_more_but_ends_what_it_began() {
    let stopped = || Outcome::NotTried(NotTried::Stopped);
    let taken_back = || Outcome::TakenBack { pod: "hub/proxy".to_owned() };
    let nodes = [cordoned("a", OLD), node("b"), cordoned("c", OLD), cordoned("d", OLD)];
    let actions = || vec![uncordon("a"), grow(Some("zone/pool")), cordon("b"), delete("c"), mark("d")];
    for (stop_at, expected, last) in [
        ("uncordon a", [Outcome::Applied, stopped(), stopped(), stopped(), stopped()], "uncordon a"),
        ("cordon b", [Outcome::Applied, Outcome::Applied, taken_back(), stopped(), stopped()], "uncordon b"),
        (
            "list pods",
            [Outcome::Applied, Outcome::Applied, taken_back(), stopped(), stopped()],
            "give free c",
        ),
        (
            "delete c",
            [Outcome::Applied, Outcome::Applied, taken_back(), Outcome::Applied, stopped()],
            "delete c",
        ),
    ] {
        let world = World { stop_at: Some(stop_at), ..World::new(&nodes, &[critical("proxy", "b")]) };
        let ended = world.apply(&nodes, actions());
        assert_eq!(ended.applied.outcomes, expected, "stopped at {stop_at:?}");
        assert_eq!(ended.log.last().map(String::as_str), Some(last), "stopped at {stop_at:?}");
        assert!(!ended.applied.is_complete());
    }
}

#[test]
fn a_claim_is_dropped_even_if_the_node_has_changed_since() {
    let nodes = [cordoned("a", OLD)];
    let world = World { changes_once: ["a"].into(), ..World::new(&nodes, &[user("ada", "a")]) };
    let ended = world.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.log, ["claim a", "list pods", "read a", "conflict a", "read a", "give free a"]);
    assert!(!is_claimed(&ended, "a"));
}

/// `kubectl uncordon` during the list: the node is read after the list, and is kept.
#[test]
fn a_node_that_somebody_uncordons_while_the_second_list_is_under_way_is_not_deleted() {
    let nodes = [cordoned("a", OLD)];
    let meanwhile = Some(("list pods", Meanwhile::Uncordons("a")));
    let ended = World { meanwhile, ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.log, ["claim a", "list pods", "read a", "give free a"]);
    assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::Schedulable)]);
    assert!(!ended.nodes["a"].unschedulable && !is_claimed(&ended, "a"));
}

#[test]
fn a_second_list_that_lost_the_pods_of_the_first_proves_nothing() {
    let nodes = [cordoned("a", OLD), node("b")];
    let users = [user("ada", "b"), user("ben", "b"), user("cleo", "b")];
    let judged = |there: usize| {
        let world = World::new(&nodes, users.get(..there).unwrap());
        World { planned_pods: users.to_vec(), ..world }.apply(&nodes, vec![delete("a")])
    };
    assert_eq!(judged(2).applied.outcomes, [Outcome::Applied]);
    let ended = judged(1);
    assert_eq!(ended.applied.outcomes, [Outcome::NotTried(NotTried::NoSecondLook)]);
    let told = "2 of the 3 bound pods listed before are not on the second list of pods: it proves nothing";
    assert_eq!(ended.applied.problems, [PortError(told.to_owned())]);
    assert!(!is_claimed(&ended, "a") && !ended.applied.is_complete());

    let empty = World { pods: Vec::new(), ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(empty.applied.outcomes, [Outcome::NotTried(NotTried::NoSecondLook)]);
    assert!(!empty.log.contains(&"delete a".to_owned()), "{:?}", empty.log);
}

#[test]
fn nodes_that_were_not_created_are_not_noted_as_created() {
    let key = || ("uid-ada".to_owned(), "zone/pool".to_owned());
    let at = "2027-01-15T08:00:00Z".parse().unwrap();
    let noted = Ledger { created_for: [(key(), CreatedFor { nodes: 2, at })].into(), ..Ledger::default() };
    let kept = |answer: GroupAnswer| {
        let mut made = plan(vec![grow(Some("zone/pool"))]);
        made.ledger = Some(noted.clone());
        let world = World { answers: vec![answer], ..World::new(&[], &[]) };
        world.apply_plan(&[], &made).ledger
    };
    assert_eq!(kept(GroupAnswer::Done), Some(noted.clone()));
    let without = kept(GroupAnswer::Quota("no more".to_owned())).unwrap();
    assert!(without.created_for.is_empty(), "{without:?}");
}

/// The next run would create the nodes once more. What else the notes hold can wait for it.
#[test]
fn a_run_that_must_stop_after_growing_still_notes_what_it_created() {
    let at = "2027-01-15T08:00:00Z".parse().unwrap();
    let created = [(("uid-ada".to_owned(), "zone/pool".to_owned()), CreatedFor { nodes: 2, at })];
    let common = [(String::new(), [([].into(), true)].into())];
    let noted = Ledger { created_for: created.into(), common: common.into(), ..Ledger::default() };
    let stopped_at = |stop_at, ledger: &Ledger| {
        let nodes = [cordoned("a", OLD)];
        let mut made = plan(vec![uncordon("a"), grow(Some("zone/pool"))]);
        made.ledger = Some(ledger.clone());
        World { stop_at: Some(stop_at), ..World::new(&nodes, &[]) }.apply_plan(&nodes, &made)
    };
    let ended = stopped_at("grow zone/pool 2 to 4", &noted);
    assert_eq!(ended.log, ["uncordon a", "grow zone/pool 2 to 4", "remember"]);
    assert_eq!(ended.ledger, Some(noted.clone()));
    // A growth that was not tried is not noted.
    assert_eq!(stopped_at("uncordon a", &noted).ledger, None);
}
