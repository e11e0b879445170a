//! The preconditions of an action beside its own node: successful uncordons, the checker's result, and the taints of
//! others.

use kube_rebalancer_core::foresight::Expectation;
use kube_rebalancer_core::model::{Amounts, Node, SchedulerRefusal, Taint, TaintEffect, Unbound, taint};
use kube_rebalancer_core::plan::{
    Action, After, Band, Before, Demand, KeepReason, NodeState, NodeVerdict, Plan, PoolPlan, UnmarkReason,
    Utilization, Verdict,
};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_core::recheck::Stale;
use kube_rebalancer_ports::Outcome;

use super::world::{
    Ended, World, changed, cordon, cordoned, delete, node, plan, unbound, uncordon, user, with_note,
};
use super::{OLD, annotation, failed, is_claimed};

/// A broken node with an old cordon of this program.
fn broken(name: &str) -> Node {
    Node { ready: None, ..cordoned(name, OLD) }
}

/// A plan whose one pool holds these nodes; `MIN_NODES` is 3.
fn plan_of(nodes: &[Node], actions: Vec<Action>) -> Plan {
    let utilization =
        Utilization::new(&Policy::default().resources, &Amounts::default(), &Amounts::default());
    let before = Before {
        managed: 0,
        serving: 0,
        cordoned: 0,
        booting: 0,
        broken: 0,
        not_in_use: 0,
        under_pressure: 0,
        claimed: 0,
        parked: 0,
        reserved: 0,
        critical: 0,
        empty: 0,
        instances_without_node: 0,
        waiting_pods: 0,
        utilization,
    };
    let pool = PoolPlan {
        name: String::new(),
        before,
        demand: Demand::default(),
        used: None,
        expectation: Expectation::default(),
        band: Band::Within,
        after: After { serving: 0, booting: 0, created: 0, utilization },
        limits: Vec::new(),
    };
    Plan { pools: vec![pool], nodes: nodes.iter().map(verdict).collect(), ..plan(actions) }
}

fn verdict(node: &Node) -> NodeVerdict {
    let is_ready = node.ready.is_some_and(|condition| condition.ready);
    let state = match (is_ready, node.unschedulable) {
        (false, _) => NodeState::Broken,
        (true, true) => NodeState::Cordoned,
        (true, false) => NodeState::Serving,
    };
    NodeVerdict {
        name: node.name.clone(),
        pool: String::new(),
        state,
        managed: true,
        reserved: false,
        occupants: 0,
        critical: false,
        requested: Amounts::default(),
        capacity: Amounts::default(),
        verdict: Verdict::Keep(KeepReason::ScaleDownDisabled { mark: String::new() }),
    }
}

#[test]
fn an_uncordon_that_was_not_done_blocks_the_cordons_that_rely_on_it_and_deletes_no_ready_node() {
    let nodes = [cordoned("a", OLD), node("b"), node("c"), node("d"), cordoned("e", OLD), broken("f")];
    let actions = || vec![uncordon("a"), cordon("d"), delete("e"), delete("f")];
    let blocked = || Outcome::Blocked { uncordon: "a".to_owned() };
    let is_broken_now = |node: &Node| if node.name == "a" { changed(broken("a")) } else { node.clone() };
    let later: Vec<Node> = nodes.iter().map(is_broken_now).collect();
    for (world, uncordon) in [
        (World { refused: ["a"].into(), ..World::new(&nodes, &[]) }, failed("no patches today")),
        (World::new(&later, &[]), Outcome::Stale(Stale::NotReady)),
    ] {
        let ended = world.apply_plan(&nodes, &plan_of(&nodes, actions()));
        // Without a, two nodes would serve. A broken node offers nothing that would be missed.
        assert_eq!(ended.applied.outcomes, [uncordon, blocked(), blocked(), Outcome::Applied]);
        assert!(!ended.nodes["d"].unschedulable && !is_claimed(&ended, "e"));
    }
}

#[test]
fn a_cordon_that_does_not_rely_on_a_missing_uncordon_is_made() {
    let nodes = [cordoned("a", OLD), node("b"), node("c"), node("d"), node("e"), cordoned("f", OLD)];
    let actions = || vec![uncordon("a"), cordon("e"), delete("f")];
    let world = World { refused: ["a"].into(), ..World::new(&nodes, &[]) };
    let ended = world.apply_plan(&nodes, &plan_of(&nodes, actions()));
    let blocked = Outcome::Blocked { uncordon: "a".to_owned() };
    assert_eq!(ended.applied.outcomes, [failed("no patches today"), Outcome::Applied, blocked]);
    // Nothing is missing: nothing is blocked.
    let ended = World::new(&nodes, &[]).apply_plan(&nodes, &plan_of(&nodes, actions()));
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Applied, Outcome::Applied]);
}

#[test]
fn the_checker_has_a_word_in_a_deletion_that_the_planners_account_allows() {
    // Under such an old cordon no late bind is possible; but a node that would take a waiting pod is not deleted now.
    let refusal = SchedulerRefusal { message: "".into(), since: "2027-01-15T07:59:00Z".parse().ok() };
    let waits = Unbound { refusal: Some(refusal), ..Unbound::default() };
    let ada = kube_rebalancer_core::model::Pod { unbound: Some(Box::new(waits)), ..unbound("ada") };
    let nodes = [cordoned("a", OLD)];
    let ended = World::new(&nodes, &[ada]).apply(&nodes, vec![delete("a")]);
    let [Outcome::Stale(Stale::Refused { why })] = ended.applied.outcomes.as_slice() else {
        panic!("{:?}", ended.applied.outcomes)
    };
    assert!(why.contains("hub/ada"), "{why}");
    assert!(!is_claimed(&ended, "a") && !ended.log.contains(&"delete a".to_owned()));
}

fn taint_of(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect, added_at: None }
}

/// A taint of another actor that prevents no action.
fn theirs() -> Taint {
    taint_of("example.com/later", TaintEffect::PreferNoSchedule)
}

fn ours() -> Taint {
    taint_of(taint::DELETING, TaintEffect::NoSchedule)
}

fn claim(ended: &Ended) -> (Option<&str>, &[Taint]) {
    let node = &ended.nodes["a"];
    (node.annotations.get(annotation::DELETING_UNTIL).map(String::as_str), &node.taints)
}

#[test]
fn a_claim_is_an_annotation_and_a_taint_beside_the_taints_of_others() {
    let nodes = [Node { taints: vec![theirs()], ..cordoned("a", OLD) }];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![delete("a")]);
    // RUN_TIMEOUT and a minute from now on.
    assert_eq!(claim(&ended), (Some("2027-01-15T08:06:00Z"), [theirs(), ours()].as_slice()));
    let ended = World::new(&nodes, &[user("ada", "a")]).apply(&nodes, vec![delete("a")]);
    assert_eq!(claim(&ended), (None, [theirs()].as_slice()), "a deletion that is given up removes both");
}

#[test]
fn an_expired_claim_is_removed_whole_by_any_run_and_a_running_one_is_not() {
    let over = with_note(node("a"), annotation::DELETING_UNTIL, "2027-01-15T07:59:00Z");
    let runs = with_note(node("a"), annotation::DELETING_UNTIL, "2027-01-15T08:01:00Z");
    for (case, stays) in [(over, false), (runs, true)] {
        let nodes = [Node { taints: vec![theirs(), ours()], ..case }];
        let unmark = Action::Unmark { node: "a".to_owned(), reason: UnmarkReason::ClaimOver };
        let ended = World::new(&nodes, &[]).apply(&nodes, vec![unmark]);
        let (until, taints) = claim(&ended);
        assert_eq!((until.is_some(), taints.contains(&ours())), (stays, stays));
        assert!(taints.contains(&theirs()));
    }
}

/// An expired claim is removed with the cordon: its taint alone would keep every pod away from a node that looks
/// schedulable, and without the annotation no run would recognize it as this program's.
#[test]
fn an_uncordon_removes_an_expired_claim_whole() {
    let over = with_note(cordoned("a", OLD), annotation::DELETING_UNTIL, "2027-01-15T07:59:00Z");
    let schedulable = Node { unschedulable: false, ..over.clone() };
    let unmark = Action::Unmark { node: "a".to_owned(), reason: UnmarkReason::Uncordoned };
    for (case, action) in [(over, uncordon("a")), (schedulable, unmark)] {
        let nodes = [Node { taints: vec![theirs(), ours()], ..case }];
        let ended = World::new(&nodes, &[]).apply(&nodes, vec![action]);
        assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
        assert!(!ended.nodes["a"].unschedulable);
        assert_eq!(claim(&ended), (None, [theirs()].as_slice()));
    }
}
