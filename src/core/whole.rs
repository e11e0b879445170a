//! Whole plans of clusters with parked nodes, each judged by the checker, and again on its own outcome.

mod amounts;
mod drain;
mod from_zero;
mod kinds;
mod objects;
mod sizes;
mod volumes;

use crate::check;
use crate::model::{
    Node, NodeGroup, Pod, ReadyCondition, SchedulerRefusal, Snapshot, Taint, Unbound, annotation, taint,
};
use crate::plan::fixture::{Build, ago, node, now, pod, taint as of};
use crate::plan::{Action, NodeState, Plan, plan};
use crate::policy::{AdoptCordons, Bounds, Budget, GiveBack, Policy};

const HOUR: i64 = 3600;
const POOL: &str = "z/pool";

fn noted(mut node: Node, key: &str, seconds: i64) -> Node {
    node.annotations.insert(key.to_owned(), ago(seconds).to_string());
    node
}

/// A node that serves, in the group.
fn serving(name: &str) -> Node {
    Node { group: Some(POOL.to_owned()), ..node(name) }
}

/// A Ready node under our own cordon.
fn cordoned(name: &str, seconds: i64) -> Node {
    let unschedulable = Taint { added_at: Some(ago(seconds)), ..of(taint::UNSCHEDULABLE) };
    let node = Node { unschedulable: true, taints: vec![unschedulable], ..serving(name) };
    noted(node, annotation::CORDONED_AT, seconds)
}

fn not_ready(node: Node, seconds: i64) -> Node {
    Node { ready: Some(ReadyCondition { ready: false, since: Some(ago(seconds)) }), ..node }
}

/// A node that was parked this number of seconds ago.
fn parked(name: &str, seconds: i64) -> Node {
    noted(not_ready(cordoned(name, seconds + HOUR), seconds), annotation::PARKED_AT, seconds)
}

/// A node that was woken this number of seconds ago and is not Ready yet.
fn woken(name: &str, seconds: i64) -> Node {
    noted(not_ready(cordoned(name, 2 * HOUR), HOUR), annotation::WOKEN_AT, seconds)
}

fn user(name: &str, gibibytes: u64) -> Pod {
    pod(&format!("hub/{name}")).labelled("user").asking(gibibytes, 100)
}

fn policy() -> Policy {
    Policy {
        bounds: Bounds { min_nodes: 1, ..Bounds::default() },
        preemptible_labels: ["user".to_owned()].into(),
        give_back: GiveBack::Park,
        max_deletions: Budget::Count(10),
        ..Policy::default()
    }
}

fn group() -> NodeGroup {
    NodeGroup { name: POOL.to_owned(), target_size: 9, ..NodeGroup::default() }
}

fn cluster(nodes: &[Node], pods: &[Pod], group: NodeGroup) -> Snapshot {
    Snapshot::new(now(), nodes.to_vec(), pods.to_vec(), vec![group], pods.len() + 1).unwrap()
}

/// The plan, after the checker has accepted it as sound and final.
#[track_caller]
fn planned(nodes: &[Node], pods: &[Pod], group: NodeGroup, policy: &Policy) -> Plan {
    sound(&cluster(nodes, pods, group), policy)
}

/// The plan of a snapshot, after the checker has accepted it as sound and final.
#[track_caller]
fn sound(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let made = plan(snapshot, policy).unwrap();
    assert_eq!(check::check(snapshot, policy, &made), []);
    assert_eq!(check::check_settled(snapshot, policy, &made, plan), None);
    made
}

/// `verb node` of each action that is no note.
fn actions(plan: &Plan) -> Vec<String> {
    let acts = plan.actions.iter().filter(|action| !action.is_note());
    acts.map(|action| format!("{} {}", action.verb(), action.node().unwrap_or("group"))).collect()
}

fn verdict(plan: &Plan, name: &str) -> String {
    plan.node(name).unwrap().verdict.reason().to_string()
}

fn state(plan: &Plan, name: &str) -> NodeState {
    plan.node(name).unwrap().state
}

/// A user of three quarters of a node: in the middle of the band.
fn busy(node: &str) -> Pod {
    user(&format!("on-{node}"), 24).on(node)
}

#[test]
fn a_parked_node_is_not_broken_offers_nothing_and_is_not_in_the_guard() {
    let nodes: Vec<Node> =
        [serving("a")].into_iter().chain(["b", "c", "d", "e"].map(|name| parked(name, HOUR))).collect();
    let made = planned(&nodes, &[busy("a")], group(), &policy());
    assert_eq!(actions(&made), Vec::<String>::new());
    assert!(made.guard.is_none());
    assert_eq!(state(&made, "b"), NodeState::Parked);
    assert_eq!((made.pools[0].before.parked, made.pools[0].before.broken), (4, 0));
    assert_eq!(verdict(&made, "b"), "parked since 2026-03-02T08:30:00Z; nothing needs it now");
    // Without its annotation it is a node that a person stopped.
    let stopped: Vec<Node> = nodes
        .into_iter()
        .map(|mut node| {
            node.annotations.remove(annotation::PARKED_AT);
            node
        })
        .collect();
    assert!(planned(&stopped, &[busy("a")], group(), &policy()).guard.is_some());
}

#[test]
fn what_is_parked_for_longest_is_woken_first_as_many_as_are_needed_and_nothing_is_created() {
    let nodes =
        [serving("a"), parked("b", HOUR), parked("c", 2 * HOUR), parked("d", 3 * HOUR), parked("e", HOUR)];
    // 60 GiB on nodes of 32 GiB: three at 0.75.
    let pods = [user("ada", 30).on("a"), user("ben", 30).on("a")];
    let made = planned(&nodes, &pods, group(), &policy());
    assert_eq!(actions(&made), ["wake d", "wake c"]);
    assert_eq!((made.pools[0].after.serving, made.pools[0].after.booting), (3, 2));
    assert!(verdict(&made, "d").ends_with("is above 0.85"), "{}", verdict(&made, "d"));

    // All parked nodes are woken before a node is created.
    let made = planned(&nodes[..2], &pods, group(), &policy());
    assert_eq!(actions(&made), ["wake b", "grow group"]);
}

#[test]
fn while_a_woken_node_boots_no_other_is_woken_for_the_same_load_and_then_it_is_uncordoned() {
    let pods = [user("ada", 24).on("a"), user("ben", 20).on("a")];
    let made = planned(&[serving("a"), woken("b", 60), parked("c", HOUR)], &pods, group(), &policy());
    assert_eq!(actions(&made), Vec::<String>::new());
    assert_eq!(state(&made, "b"), NodeState::Booting);
    assert_eq!(verdict(&made, "b"), "woken since 2026-03-02T09:29:00Z, and not Ready yet");

    let up = noted(cordoned("b", 2 * HOUR), annotation::WOKEN_AT, 60);
    let made = planned(&[serving("a"), up, parked("c", HOUR)], &pods, group(), &policy());
    assert_eq!(actions(&made), ["uncordon b"]);

    // Not Ready within BOOT_GRACE: broken, and the run wakes the next one.
    let late = planned(&[serving("a"), woken("b", 900), parked("c", HOUR)], &pods, group(), &policy());
    assert_eq!((state(&late, "b"), actions(&late)[0].as_str()), (NodeState::Broken, "wake c"));
}

fn waiting(name: &str, gibibytes: u64) -> Pod {
    let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(10)) };
    let waits = Unbound { refusal: Some(refusal), created_at: Some(ago(20)), ..Unbound::default() };
    Pod { unbound: Some(Box::new(waits)), ..user(name, gibibytes) }
}

#[test]
fn a_waiting_pod_wakes_a_node_that_would_take_it() {
    let gina = waiting("gina", 10);
    let made = planned(&[serving("a"), parked("b", HOUR)], &[busy("a"), gina], group(), &policy());
    assert_eq!(actions(&made), ["wake b"]);
    assert_eq!(verdict(&made, "b"), "it has room for waiting pod hub/gina");
    assert_eq!(made.notices[0].message, "node b is woken for it");
}

/// Gina goes to `c`, which is parked for longer, and leaves `b` to hanna. While both boot they still do, and the next run
/// needs no other node.
#[test]
fn nodes_that_are_woken_together_keep_their_order() {
    let labelled = |mut node: Node| {
        node.labels.insert("disk".to_owned(), "b".to_owned());
        node
    };
    let for_others = Taint { value: "user".to_owned(), ..of("hub.jupyter.org/dedicated") };
    let mut other = cordoned("d", 3 * HOUR);
    other.taints.push(for_others);
    let nodes = [serving("a"), labelled(parked("b", HOUR)), parked("c", 2 * HOUR), other];
    let mut hanna = waiting("hanna", 20);
    let mut constraints = (*hanna.constraints).clone();
    constraints.node_selector.insert("disk".to_owned(), "b".to_owned());
    hanna.constraints = constraints.into();
    let made = planned(&nodes, &[busy("a"), waiting("gina", 21), hanna], group(), &policy());
    assert_eq!(actions(&made), ["wake c", "wake b"]);
}

#[test]
fn an_empty_cordoned_ready_node_is_parked_where_its_group_can_and_deleted_elsewhere() {
    let nodes = [serving("a"), cordoned("b", HOUR), not_ready(cordoned("c", HOUR), HOUR)];
    let pods = [busy("a")];
    let made = planned(&nodes, &pods, group(), &policy());
    // Nothing shows that the machine of a broken node would work again.
    assert_eq!(actions(&made), ["park b", "delete c"]);
    let words = verdict(&made, "b");
    assert!(words.ends_with("its machine can be woken again"), "{words}");

    let cannot = NodeGroup { not_parkable: Some("it is made anew".to_owned()), ..group() };
    assert_eq!(actions(&planned(&nodes, &pods, cannot, &policy())), ["delete b", "delete c"]);
    let keeps = NodeGroup { not_shrinkable: Some("it may not".to_owned()), ..group() };
    assert_eq!(actions(&planned(&nodes, &pods, keeps, &policy())), ["park b"]);
    let delete = Policy { give_back: GiveBack::Delete, ..policy() };
    assert_eq!(actions(&planned(&nodes, &pods, group(), &delete)), ["delete b", "delete c"]);
}

#[test]
fn parked_max_bounds_how_many_stay_and_those_parked_for_longest_go() {
    let nodes =
        [serving("a"), cordoned("b", HOUR), parked("c", HOUR), parked("d", 2 * HOUR), parked("e", 60)];
    let at_most = |nodes| Policy { parked_max: Budget::Count(nodes), ..policy() };
    let acts = |max| actions(&planned(&nodes, &[busy("a")], group(), &at_most(max)));
    assert_eq!(acts(9), ["park b"]);
    assert_eq!(acts(3), ["park b", "delete d"]);
    assert_eq!(acts(1), ["park b", "delete d", "delete c", "delete e"]);
    assert_eq!(acts(0), ["delete b", "delete d", "delete c", "delete e"]);
    let made = planned(&nodes, &[busy("a")], group(), &at_most(3));
    assert_eq!(verdict(&made, "d"), "it is parked since 2026-03-02T07:30:00Z, and PARKED_MAX is 3");
}

#[test]
fn a_parked_node_whose_machine_is_gone_is_told_and_left_alone() {
    let gone = Node { group: None, outside: Some("its instance b is gone".to_owned()), ..parked("b", HOUR) };
    let pods = [user("ada", 30).on("a"), user("ben", 30).on("a")];
    let made = planned(&[serving("a"), gone], &pods, group(), &policy());
    assert!(!actions(&made).iter().any(|act| act.ends_with(" b")), "{:?}", actions(&made));
    assert_eq!(verdict(&made, "b"), "it cannot be deleted: its instance b is gone");

    let cannot = NodeGroup { not_wakeable: Some("EXEC_WAKE is not set".to_owned()), ..group() };
    let made = planned(&[serving("a"), parked("b", HOUR)], &pods, cannot, &policy());
    assert_eq!(verdict(&made, "b"), "parked, and node group z/pool cannot wake it: EXEC_WAKE is not set");
}

/// The node has the mark, but the request was never sent, or its answer is not known.
#[test]
fn a_node_that_a_run_marked_before_it_died_is_left_alone_for_boot_grace_and_then_parked_again() {
    let marked = |seconds| noted(cordoned("b", HOUR), annotation::PARKED_AT, seconds);
    let pods = [user("ada", 24).on("a"), user("ben", 20).on("a")];
    let made = planned(&[serving("a"), marked(899)], &pods, group(), &policy());
    assert!(!actions(&made).iter().any(|act| act.ends_with(" b")), "{:?}", actions(&made));
    assert_eq!(state(&made, "b"), NodeState::Claimed);
    // It still runs: a run uncordons it if it is needed, and parks it if not.
    assert_eq!(actions(&planned(&[serving("a"), marked(900)], &pods, group(), &policy())), ["uncordon b"]);
    let idle = planned(&[serving("a"), marked(900)], &[busy("a")], group(), &policy());
    assert_eq!(actions(&idle), ["park b"]);
}

#[test]
fn the_shutdown_taints_take_a_node_that_we_parked_out_of_nobody_s_hands() {
    for key in ["node.cloudprovider.kubernetes.io/shutdown", "node.kubernetes.io/out-of-service"] {
        let under = |mut node: Node| {
            node.taints.push(of(key));
            node
        };
        let pods = [user("ada", 24).on("a"), user("ben", 20).on("a")];
        let made = planned(&[serving("a"), under(parked("b", HOUR))], &pods, group(), &policy());
        assert_eq!(actions(&made), ["wake b"], "{key}");
        let boots = planned(&[serving("a"), under(woken("b", 60))], &pods, group(), &policy());
        assert_eq!((state(&boots, "b"), actions(&boots).len()), (NodeState::Booting, 0), "{key}");
        let stopped = not_ready(under(cordoned("b", HOUR)), HOUR);
        let made = planned(&[serving("a"), stopped], &pods, group(), &policy());
        assert!(!made.node("b").unwrap().managed, "{key}");
    }
}

/// `kubectl cordon`, `kubectl annotate` and a stop by hand, as section 15 explains.
#[test]
fn a_node_that_was_parked_by_hand_is_ours_by_its_two_marks() {
    let pods = [user("ada", 24).on("a"), user("ben", 20).on("a")];
    let acts = |node: Node| actions(&planned(&[serving("a"), node], &pods, group(), &policy()));
    let by_hand = noted(parked("b", HOUR), annotation::CORDONED_AT, 60);
    assert_eq!(acts(by_hand), ["wake b"]);
    // Without this program's cordon, another actor works on it.
    let mut theirs = parked("b", HOUR);
    theirs.annotations.remove(annotation::CORDONED_AT);
    assert!(!acts(theirs).contains(&"wake b".to_owned()));
    // A person made it schedulable: that takes precedence, and the annotations are removed.
    let theirs = Node { unschedulable: false, taints: Vec::new(), ..parked("b", 60) };
    let made = planned(&[serving("a"), theirs], &pods, group(), &policy());
    let unmarks = |action: &Action| matches!(action, Action::Unmark { node, .. } if node == "b");
    assert!(made.actions.iter().any(unmarks));
}

#[test]
fn a_woken_node_that_nothing_needs_any_more_is_not_given_back_before_it_is_ready() {
    let nodes = [serving("a"), woken("b", 60)];
    assert_eq!(actions(&planned(&nodes, &[busy("a")], group(), &policy())), Vec::<String>::new());
    let adopt = Policy { adopt_cordons: AdoptCordons::Always, ..policy() };
    assert_eq!(actions(&planned(&nodes, &[busy("a")], group(), &adopt)), Vec::<String>::new());
}

#[test]
fn a_set_max_nodes_bounds_what_is_woken_and_min_nodes_wakes() {
    let nodes = [serving("a"), parked("b", HOUR), parked("c", HOUR), parked("d", HOUR)];
    let within = |min_nodes, max_nodes| Policy {
        bounds: Bounds { min_nodes, max_nodes, max_nodes_set: true, ..Bounds::default() },
        ..policy()
    };
    let pods = [user("ada", 31).on("a"), user("ben", 31).on("a"), user("cy", 31).on("a")];
    assert_eq!(actions(&planned(&nodes, &pods, group(), &within(1, 2))), ["wake b"]);
    assert_eq!(actions(&planned(&nodes, &[busy("a")], group(), &within(3, 9))), ["wake b", "wake c"]);
}
