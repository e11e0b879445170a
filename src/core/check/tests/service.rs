//! The nodes that serve after the plan.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Pod, Resource};
use crate::plan::Limit;
use crate::policy::{Budget, PartsPerMillion, Policy};

fn users(node: &str, count: usize) -> Vec<Pod> {
    (0..count).map(|number| user(&format!("{node}-{number}"), node)).collect()
}

fn ahead(asked: u64, capacity: u64) -> Vec<Violation> {
    vec![Violation::CordonsRunAhead {
        pool: String::new(),
        resource: Resource::Memory,
        requested: asked << 30,
        capacity: capacity << 30,
        max: PartsPerMillion(850_000),
    }]
}

#[test]
fn what_is_ready_after_the_cordons_is_enough_by_itself() {
    // Two nodes of 8 GiB: 85 % of one is 6.8 GiB.
    let serve = |first: usize, second: usize| {
        let pods = [users("a", first), users("b", second)].concat();
        found(&world(vec![node("a"), node("b")], pods), &policy(), [cordon("b")])
    };
    assert_eq!(serve(4, 2), []);
    assert_eq!(serve(4, 3), ahead(7, 8), "the users of a cordoned node come back elsewhere");
}

#[test]
fn the_daemons_that_a_booting_node_will_run_take_room_from_waiting_pods() {
    // Ada waits for c, which boots, runs the hub of 5 GiB, and will have the agent of 1 GiB that most others have.
    let c = || node("c").labelled("kind", "new").created(400).tainted("node.cilium.io/agent-not-ready");
    let cordoning_d = |gibibytes, agents: &[&str]| {
        let agents = agents.iter().map(|on| critical(&format!("agent-{on}"), on).of("DaemonSet", "agent"));
        let ada = unbound("ada").selecting("kind", "new").asking_gibibytes(gibibytes).refused_for(30);
        let pods = agents.chain([critical("hub", "c").asking_gibibytes(5), ada]).collect();
        let snapshot = world(vec![node("a"), node("b"), c(), node("d")], pods);
        found(&snapshot, &policy(), [cordon("d")])
    };
    assert_eq!(cordoning_d(8, &["a", "b"]), [], "8 GiB have no room beside the agent");
    assert_eq!(cordoning_d(7, &["a", "b"]), ahead(14, 16), "the hub, two agents and Ada");
    assert_eq!(cordoning_d(7, &["a", "b", "c"]), ahead(14, 16), "an agent that is there is no second one");
    assert_eq!(cordoning_d(8, &["a"]), ahead(14, 16), "one of three is not most of them");
}

#[test]
fn a_pod_of_another_pool_whose_nominated_node_is_uncordoned_counts_in_both_pools() {
    // Ada's 4 GiB fit only y's nodes now, so she belongs to y. The scheduler has nominated x's cordoned node c for her.
    let of = |pool: &str, node: crate::model::Node| node.in_pool(pool);
    let nodes = || vec![of("x", node("a")), of("x", node("b")), of("x", cordoned("c"))];
    let nodes = || nodes().into_iter().chain([of("y", node("d")), of("y", node("e"))]).collect();
    let full = [users("a", 5), users("b", 5), users("d", 3)].concat();
    let ada = || unbound("ada").asking_gibibytes(4).refused_for(10);
    let found = |ada: Pod, actions: &[&str]| {
        let pods = full.iter().cloned().chain([ada]).collect();
        let actions = actions.iter().map(|name| if *name == "c" { uncordon("c") } else { cordon(name) });
        found(&world(nodes(), pods), &with_pools(), actions)
    };
    let ahead = |pool: &str, asked: u64, capacity: u64| {
        let mut ahead = ahead(asked, capacity);
        if let Some(Violation::CordonsRunAhead { pool: of, .. }) = ahead.first_mut() {
            *of = text(pool);
        }
        ahead
    };
    // 10 GiB of 16, and with Ada 14 of 16.
    assert_eq!(found(ada(), &["c", "b"]), []);
    assert_eq!(found(ada().nominated_for("c"), &["c", "b"]), ahead("x", 14, 16));
    // If the uncordon fails, she needs the room of her own pool: 7 GiB of 8.
    assert_eq!(found(ada().nominated_for("c"), &["c", "e"]), ahead("y", 7, 8));
}

#[test]
fn users_who_are_kept_as_one_pod_all_ask_for_room_on_common_nodes() {
    // On the reserved node are three users of 1 GiB who differ in their names alone, and would fit common nodes.
    let three = || {
        let mut three = user("u0", "r").bare();
        for name in ["u1", "u2"] {
            assert!(three.count_in(user(name, "r").bare()).is_none());
        }
        three
    };
    let nodes = || vec![node("a"), node("b"), node("r").tainted("dedicated")];
    let serve = |others| {
        let pods = users("a", others).into_iter().chain([three()]).collect();
        found(&world(nodes(), pods), &policy(), [cordon("b")])
    };
    assert_eq!(serve(3), []);
    assert_eq!(serve(4), ahead(7, 8));
}

#[test]
fn booting_and_new_nodes_do_not_let_a_cordon_go_ahead() {
    let pods = [users("a", 4), users("b", 3)].concat();
    let boots = node("c").not_ready_for(60);
    let snapshot = world(vec![node("a"), node("b"), boots], pods.clone());
    assert_eq!(found(&snapshot, &policy(), [grow(None, 3, 4), cordon("b")]), ahead(7, 8));
    // A node that is Ready and uncordoned first does.
    let snapshot = world(vec![node("a"), node("b"), cordoned("c")], pods);
    assert_eq!(found(&snapshot, &policy(), [uncordon("c"), cordon("b")]), []);
}

#[test]
fn cordons_that_leave_things_no_worse_than_before_pass() {
    let pods = [users("a", 8), users("b", 8), users("c", 8)].concat();
    let full = vec![node("a"), node("b"), node("c"), cordoned("d").of_gibibytes(32)];
    let snapshot = world(full.clone(), pods.clone());
    // 24 of 24 before, 24 of 48 after; 24 of 16 without the uncordon.
    assert_eq!(found(&snapshot, &policy(), [uncordon("d"), cordon("c")]), []);
    assert_eq!(found(&snapshot, &policy(), [cordon("c")]), ahead(24, 16));
}

#[test]
fn a_pod_counts_in_the_pool_of_the_node_that_is_nominated_for_it() {
    let found_for = |bob: Pod| {
        let nodes = vec![node("a").in_pool("x"), node("b").in_pool("x"), node("c").in_pool("y")];
        let pods = [users("a", 4), vec![bob.asking_gibibytes(4)]].concat();
        found(&world(nodes, pods), &with_pools(), [cordon("b")])
    };
    assert_eq!(found_for(unbound("bob").nominated_for("c")), []);
    // Without a nomination, or with one for a node that cannot take it, it belongs to the first pool that has room.
    let ahead = |pool: &str| {
        let mut expected = ahead(8, 8);
        if let [Violation::CordonsRunAhead { pool: of, .. }] = expected.as_mut_slice() {
            *of = text(pool);
        }
        expected
    };
    assert_eq!(found_for(unbound("bob")), ahead("x"));
    assert_eq!(found_for(unbound("bob").nominated_for("gone")), ahead("x"));
}

#[test]
fn every_deciding_resource_is_held() {
    let thirsty = |name: &str, node: &str| {
        user(name, node).change(|pod| pod.requests.cpu = crate::model::Millicores(2000))
    };
    let snapshot = world(vec![node("a"), node("b")], vec![thirsty("alice", "a"), thirsty("bob", "b")]);
    let expected = Violation::CordonsRunAhead {
        pool: String::new(),
        resource: Resource::Cpu,
        requested: 4000,
        capacity: 4000,
        max: PartsPerMillion(850_000),
    };
    assert_eq!(found(&snapshot, &policy(), [cordon("b")]), [expected]);
    let memory_only = Policy { resources: vec![Resource::Memory], ..policy() };
    assert_eq!(found(&snapshot, &memory_only, [cordon("b")]), []);
}

#[test]
fn daemons_and_waiting_pods_are_part_of_what_is_asked_for() {
    let daemon = critical("agent", "a").of("DaemonSet", "agent").asking_gibibytes(1);
    let base = [users("a", 4), users("b", 2)].concat();
    let with = |pod: Pod| {
        let pods = [base.clone(), vec![pod]].concat();
        found(&world(vec![node("a"), node("b")], pods), &policy(), [cordon("b")])
    };
    assert_eq!(with(daemon.clone()), ahead(7, 8));
    assert_eq!(with(daemon.change(|pod| pod.node_name = Some("b".into()))), [], "it goes with its node");
    assert_eq!(with(placeholder("reserve", "b")), ahead(7, 8));
    assert_eq!(with(unbound("carol")), ahead(7, 8));
    assert_eq!(with(unbound("carol").gated()), []);
    assert_eq!(with(unbound("carol").leaving()), []);
    assert_eq!(with(unbound("carol").asking_gibibytes(9)), [], "it fits no node");
    assert_eq!(with(unbound("carol").selecting("disk", "ssd")), [], "it reaches no node");
    // An omitted pod reduces the node's capacity.
    let system = system("dns", "a", "ReplicaSet", "dns");
    assert_eq!(with(system), ahead(6, 7));
}

#[test]
fn users_of_a_node_under_pressure_stay_there_unless_it_is_cordoned() {
    let pods = [users("a", 4), users("b", 2), users("c", 3)].concat();
    let pressed = |node: crate::model::Node| node.tainted("node.kubernetes.io/memory-pressure");
    let snapshot = world(vec![node("a"), node("b"), pressed(node("c"))], pods.clone());
    assert_eq!(found(&snapshot, &policy(), [cordon("b")]), []);
    let snapshot = world(vec![node("a"), node("b"), pressed(cordoned("c"))], pods);
    assert_eq!(found(&snapshot, &policy(), [cordon("b")]), ahead(9, 8));
}

#[test]
fn cordons_leave_min_nodes_ready() {
    let two = with_bounds(|bounds| bounds.min_nodes = 2);
    let nodes = ["a", "b", "c"].map(node).to_vec();
    let snapshot = world(nodes, vec![]);
    assert_eq!(found(&snapshot, &two, [cordon("a")]), []);
    let expected = Violation::CordonsBelowMinNodes { pool: String::new(), after: 1, before: 3, min: 2 };
    let too_few = Violation::TooFewNodes { pool: String::new(), after: 1, min: 2, unused: text("a") };
    assert_eq!(found(&snapshot, &two, [cordon("a"), cordon("b")]), [too_few, expected]);
    // A booting node makes up the number after the plan, but not for a cordon.
    let snapshot = world(vec![node("a"), node("b"), node("c").not_ready_for(60)], vec![]);
    let expected = Violation::CordonsBelowMinNodes { pool: String::new(), after: 1, before: 2, min: 2 };
    assert_eq!(found(&snapshot, &two, [cordon("a")]), [expected]);
}

#[test]
fn only_a_max_nodes_that_was_set_lets_cordons_run_ahead() {
    let pods = [users("a", 5), users("b", 5), users("c", 5)].concat();
    let snapshot = world(vec![node("a"), node("b"), node("c")], pods);
    let bounded = |max, set| with_bounds(move |bounds| (bounds.max_nodes, bounds.max_nodes_set) = (max, set));
    assert_eq!(found(&snapshot, &bounded(2, true), [cordon("c")]), []);
    assert_eq!(found(&snapshot, &bounded(2, false), [cordon("c")]), ahead(15, 16));
    assert_eq!(found(&snapshot, &bounded(2, true), [cordon("b"), cordon("c")]), ahead(15, 8), "below it");
    assert_eq!(found(&snapshot, &bounded(3, true), [cordon("c")]), ahead(15, 16), "not above it");
}

#[test]
fn pools_do_not_serve_for_each_other() {
    let pods = [users("a", 4), users("b", 3)].concat();
    let nodes = |third: &str| vec![node("a").in_pool("x"), node("b").in_pool("x"), node("c").in_pool(third)];
    let expected = vec![Violation::CordonsRunAhead {
        pool: text("x"),
        resource: Resource::Memory,
        requested: 7 << 30,
        capacity: 8 << 30,
        max: PartsPerMillion(850_000),
    }];
    assert_eq!(found(&world(nodes("y"), pods.clone()), &with_pools(), [cordon("b")]), expected);
    assert_eq!(found(&world(nodes("x"), pods), &with_pools(), [cordon("b")]), []);
}

#[test]
fn the_bounds_of_a_pool_are_its_own() {
    let mut policy = with_pools();
    let min_one = crate::policy::Bounds { min_nodes: 1, ..policy.bounds };
    policy.pool_bounds.insert(text("x"), min_one);
    let nodes = vec![node("a").in_pool("x"), node("b").in_pool("y")];
    let snapshot = world(nodes, vec![]);
    assert_eq!(found(&snapshot, &policy, [cordon("b")]), []);
    let few = Violation::TooFewNodes { pool: text("x"), after: 0, min: 1, unused: text("a") };
    let below = Violation::CordonsBelowMinNodes { pool: text("x"), after: 0, before: 1, min: 1 };
    assert_eq!(found(&snapshot, &policy, [cordon("a")]), [few, below]);
}

#[test]
fn a_zone_that_has_a_serving_node_keeps_one() {
    let nodes = [node("a").in_zone("east"), node("b").in_zone("west"), cordoned("c").in_zone("east")];
    let snapshot = world(nodes.to_vec(), vec![]);
    let expected = Violation::ZoneUnserved { pool: String::new(), zone: text("east"), before: 1 };
    assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [expected]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("c"), cordon("a")]), []);
    let careless = with_bounds(|bounds| bounds.keep_zones = false);
    assert_eq!(found(&snapshot, &careless, [cordon("a")]), []);
}

#[test]
fn where_nothing_serves_each_zone_gets_back_what_could() {
    let nodes = [cordoned("a").in_zone("east"), cordoned("b").in_zone("west").not_ready_for(3600)];
    let snapshot = world(nodes.to_vec(), vec![]);
    let expected = Violation::ZoneUnserved { pool: String::new(), zone: text("east"), before: 0 };
    assert_eq!(found(&snapshot, &policy(), []), [expected]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), []);
}

#[test]
fn fewer_than_min_nodes_stay_only_when_every_node_is_used() {
    let two = with_bounds(|bounds| bounds.min_nodes = 2);
    let few = |unused: &str| {
        vec![Violation::TooFewNodes { pool: String::new(), after: 1, min: 2, unused: text(unused) }]
    };
    let snapshot = world(vec![node("a"), cordoned("b")], vec![]);
    assert_eq!(found(&snapshot, &two, []), few("b"));
    assert_eq!(found(&snapshot, &two, [uncordon("b")]), []);
    // A booting node counts, and so do a new one and a Ready reserved one.
    let snapshot = world(vec![node("a"), cordoned("b"), node("c").not_ready_for(60)], vec![]);
    assert_eq!(found(&snapshot, &two, []), []);
    let snapshot = world(vec![node("a"), node("c").tainted("dedicated")], vec![]);
    assert_eq!(found(&snapshot, &two, []), []);
    let snapshot = world(vec![node("a")], vec![]);
    assert_eq!(found(&snapshot, &two, []), few("a new node"));
    assert_eq!(found(&snapshot, &two, [grow(None, 1, 2)]), []);
    // A cordon that a run may not undo makes the node no candidate.
    let others = node("b").cordoned_by_others_for(Some(86_400));
    let snapshot = world(vec![node("a"), others], vec![]);
    assert_eq!(found(&snapshot, &two, []), few("a new node"));
}

#[test]
fn a_plan_may_say_why_it_creates_no_more_nodes() {
    let two = with_bounds(|bounds| bounds.min_nodes = 2);
    let snapshot = world(vec![node("a")], vec![]);
    let limit = Limit::MaxCreations { asked: 1, allowed: 0 };
    assert_eq!(found_limited(&snapshot, &two, [], limit), []);
    let none = Policy { max_creations: Budget::Count(0), ..two.clone() };
    assert_eq!(found(&snapshot, &none, []), []);
    let mut refusing = group("z/pool", 1);
    refusing.not_growable = Some(text("an autoscaler"));
    let snapshot = world_with_groups(vec![node("a").in_group("z/pool")], vec![], vec![refusing]);
    assert_eq!(found(&snapshot, &two, []), []);
    // But no limit keeps an existing node from being used.
    let snapshot = world(vec![node("a"), cordoned("b")], vec![]);
    let limit = Limit::MaxCreations { asked: 1, allowed: 0 };
    let expected = Violation::TooFewNodes { pool: String::new(), after: 1, min: 2, unused: text("b") };
    assert_eq!(found_limited(&snapshot, &two, [], limit), [expected]);
}
