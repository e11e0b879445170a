//! Clusters that come to rest late.

use kube_rebalancer_core::model::{Affinity, Operator, Requirement, SelectorTerm};
use kube_rebalancer_core::policy::PartsPerMillion;
use proptest::strategy::{Strategy, ValueTree};

use super::*;
use crate::generate::{Fate, TurnsOut, World, worlds};
use crate::running_on::{planner, run_on};

const GROUP: &str = "z/users";

fn daemon(number: usize, node: &str) -> Pod {
    let uid = format!("daemonset-{number}");
    let kind = "DaemonSet".into();
    let controller =
        Controller { group: Some("apps".into()), kind, name: uid.as_str().into(), uid: uid.as_str().into() };
    Pod { label_keys: [].into(), controller: Some(controller.into()), ..on(node, user(&uid, 1)) }
}

/// A world of a case, in which runs are a minute apart.
fn world(case: Case, boots: usize, turns_out: TurnsOut) -> World {
    let Case { policy, nodes, pods, groups, ledger, .. } = case;
    let mut world = worlds().new_tree(&mut crate::runner(1)).unwrap().current();
    world.policy = policy;
    world.fate = Fate { step: 60, boots, turns_out, stubborn: 0, spreads: true };
    world.cluster.volumes.clear();
    world.cluster.stored = Default::default();
    (world.cluster.nodes, world.cluster.pods, world.cluster.groups, world.cluster.ledger) =
        (nodes, pods, groups, ledger);
    world
}

/// Each new node has 3 of the 8 that its template promises, and two daemons of 1. With `k` of them the ratio is
/// `(40 + 2k) / (40 + 3k)`; it is 0.75 with 40 nodes. The settling test ended before the last one was there.
#[test]
fn a_cluster_whose_machines_come_smaller_rests_once_they_are_enough() {
    let mut large = in_group("z/old", node("n0"));
    for size in [&mut large.allocatable, &mut large.capacity] {
        (size.memory, size.pods) = (Some(Bytes(40)), Some(30));
    }
    let old = NodeGroup { not_growable: Some("it is old".to_owned()), ..group("z/old") };
    let users = NodeGroup { template: template(&[], &[]), ..group(GROUP) };
    let users_of_two = (0..19).map(|number| on("n0", user(&format!("user-{number}"), 2)));
    let pods = users_of_two.chain([daemon(1, "n0"), daemon(2, "n0")]).collect();
    let case = Case::new(vec![large], pods, vec![old, users]);
    let case = case.noting(Ledger::default()).with(|policy| {
        let exactly = PartsPerMillion(750_000);
        let bounds = &mut policy.bounds;
        (bounds.min_utilization, bounds.optimal_utilization, bounds.max_utilization) =
            (exactly, exactly, exactly);
        policy.node_groups_named = true;
    });
    let world = world(case, 2, TurnsOut::Smaller);
    run_on(&world, planner::planner).unwrap();
    run_on(&world, planner::naive).unwrap();
}

/// One of two nodes has two of the three daemons of 1, and a plan expects none of them on a new node of 8. Each new node needs
/// three quarters of a further one, so a try takes seven runs: 4, 3, 2, 2, 1, 1 and 1 nodes. No machine is ever Ready, so
/// there are two tries in half an hour. The settling test counted runs only, and found too many.
#[test]
fn a_try_goes_on_while_unexpected_daemons_come_to_its_nodes() {
    let nodes = vec![node("n0"), cordoned_by_others(600, node("n1"))];
    let users = (0..17).map(|number| on("n0", user(&format!("user-{number}"), 1)));
    let pods = users.chain([daemon(1, "n0"), daemon(2, "n0"), daemon(3, "n1")]).collect();
    let case = Case::new(nodes, pods, vec![]).noting(Ledger::default()).with(|policy| {
        let bounds = &mut policy.bounds;
        (bounds.min_utilization, bounds.optimal_utilization, bounds.max_utilization) =
            (PartsPerMillion(500_000), PartsPerMillion(500_000), PartsPerMillion(750_000));
    });
    let world = world(case, 3, TurnsOut::NeverReady);
    run_on(&world, planner::planner).unwrap();
    run_on(&world, planner::naive).unwrap();
}

/// The new nodes of the first group come under a taint that ada does not tolerate; the second group is of unknown kind, and its
/// nodes never come. Ada counts while an instance there may take her, and nobody can use what is open then. So a node of the first group
/// turns with each try. The settling test allowed three turns in five hours.
#[test]
fn a_node_turns_with_each_try_for_a_pod_that_no_known_node_takes() {
    let known = NodeGroup { template: template(&[], &[]), zone: Some("z".to_owned()), ..group("z/known") };
    let unknown = NodeGroup { zone: Some("z".to_owned()), ..group("z/unknown") };
    let case = Case::new(vec![], vec![refused(3600, user("ada", 8))], vec![known, unknown]);
    let case = case.min_nodes(1).noting(Ledger::default()).with(|policy| {
        policy.node_groups_named = true;
        policy.max_deletions = Budget::Count(0);
    });
    let mut world = world(case, 1, TurnsOut::Tainted);
    world.fate.step = 900;
    run_on(&world, planner::planner).unwrap();
    run_on(&world, planner::naive).unwrap();
}

/// The new nodes share no label, so emmy may go to one; each is stuck in its startup and of no use. She counts while a try may
/// bring a node for her (section 4), and the nodes that are there, which she cannot use, turn with each try. The settling test
/// allowed three turns in more than an hour.
#[test]
fn nodes_turn_with_each_try_for_a_pod_that_none_of_them_takes() {
    let nodes = vec![labelled("pool", "core", node("n0")), labelled("pool", "users", node("n1"))];
    let mut emmy = refused(10, user("emmy", 8));
    let labels = vec![Requirement { key: "pool".to_owned(), operator: Operator::DoesNotExist }];
    let affinity = Some(Affinity(vec![SelectorTerm { labels, fields: vec![] }]));
    emmy.constraints = Constraints { affinity, ..Constraints::default() }.into();
    let case = Case::new(nodes, vec![emmy], vec![]).noting(Ledger::default()).with(|policy| {
        policy.node_groups_named = true;
        policy.max_deletions = Budget::Count(0);
    });
    let mut world = world(case, 1, TurnsOut::StuckInStartup);
    world.fate.step = 300;
    run_on(&world, planner::planner).unwrap();
    run_on(&world, planner::naive).unwrap();
}

/// Two zones keep a node each, and `MAX_NODES` allows no further one. Three users wait, and each opened node goes to one of those
/// for whom it was not opened: dora and bob are earlier in the scheduler's queue than ada. The opened node serves its zone
/// meanwhile, so the node of the most users there turns with each of them. The settling test allowed three turns.
#[test]
fn a_node_turns_while_others_take_the_room_that_is_opened_for_a_pod() {
    let zonal = |zone: &str, node: Node| labelled("topology.kubernetes.io/zone", zone, node);
    let new = |name: &str, memory: u64| {
        let mut pod = refused(0, user(name, memory));
        pod.unbound.as_mut().unwrap().refusal = None;
        pod
    };
    let nodes = vec![
        zonal("east", node("e0")),
        zonal("east", cordoned(3600, node("e1"))),
        zonal("west", cordoned(3600, node("w0"))),
        zonal("west", node("w1")),
        zonal("west", cordoned(3600, node("w2"))),
    ];
    let pods = vec![
        on("w0", user("anna", 2)),
        on("w0", user("bert", 2)),
        on("w0", user("bill", 3)),
        on("e0", user("carl", 7)),
        on("w1", user("dina", 0)),
        new("dora", 8),
        new("bob", 5),
        new("ada", 8),
    ];
    let case = Case::new(nodes, pods, vec![]).min_nodes(1).max_nodes(1).noting(Ledger::default());
    let case = case.with(|policy| {
        policy.bounds.keep_zones = true;
        policy.max_deletions = Budget::Count(0);
    });
    let world = world(case, 1, TurnsOut::AsPromised);
    run_on(&world, planner::planner).unwrap();
    run_on(&world, planner::naive).unwrap();
}
