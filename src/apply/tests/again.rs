//! What has happened since the plan: looked for before every try of a deletion, and after the uncordons.

use kube_rebalancer_core::model::{Amounts, Bytes, Millicores, Node};
use kube_rebalancer_core::recheck::Stale;
use kube_rebalancer_ports::{NotTried, Outcome, PortError};

use super::world::{World, cordon, cordoned, delete, node, refused, uncordon, user};
use super::{OLD, failed, is_claimed};

/// Broken and under an old cordon of ours.
fn broken(name: &str) -> Node {
    Node { ready: None, ..cordoned(name, OLD) }
}

fn somebody_uncordons_a(world: &mut World) {
    let node = world.nodes.get_mut("a").unwrap();
    node.unschedulable = false;
    node.resource_version.push('x');
}

fn ada_comes_to_a(world: &mut World) {
    world.pods.push(user("ada", "a"));
}

#[test]
fn an_uncordon_that_was_not_done_blocks_the_cordons_that_rely_on_it_and_deletes_no_ready_node() {
    let nodes = [cordoned("a", OLD), node("b"), node("c"), cordoned("d", OLD), broken("e")];
    let actions = || vec![uncordon("a"), cordon("c"), delete("d"), delete("e")];
    let blocked = || Outcome::Blocked { uncordon: "a".to_owned() };
    let now_broken: Vec<Node> = nodes
        .iter()
        .map(|node| if node.name == "a" { super::changed(broken("a")) } else { node.clone() })
        .collect();
    let fails = || World { refused: ["a"].into(), ..World::new(&nodes, &[]) };
    let is_stale = || World::new(&now_broken, &[]);
    for (world, uncordon) in
        [(fails(), failed("no patches today")), (is_stale(), Outcome::Stale(Stale::NotReady))]
    {
        // 12 of 16 Gi are asked for: what b and c have together, and b alone has not.
        let demand = Amounts::pod(Bytes(12 << 30), Millicores(100));
        let ended = World { demand, ..world }.apply(&nodes, actions());
        assert_eq!(ended.applied.outcomes, [uncordon, blocked(), blocked(), Outcome::Applied]);
        assert!(!ended.nodes["c"].unschedulable && !is_claimed(&ended, "d"));
    }
    // What b alone has: the cordon does not rely on the node that is missing.
    let demand = Amounts::pod(Bytes(6 << 30), Millicores(100));
    let ended = World { demand, ..fails() }.apply(&nodes, actions());
    let expected = [failed("no patches today"), Outcome::Applied, blocked(), Outcome::Applied];
    assert_eq!(ended.applied.outcomes, expected);
}

#[test]
fn without_a_missing_uncordon_nothing_is_blocked() {
    let nodes = [cordoned("a", OLD), node("b"), node("c"), cordoned("d", OLD)];
    let demand = Amounts::pod(Bytes(12 << 30), Millicores(100));
    let world = World { demand, ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![uncordon("a"), cordon("c"), delete("d")]);
    assert_eq!(ended.applied.outcomes, vec![Outcome::Applied; 3]);
}

#[test]
fn the_answer_of_a_patch_that_is_about_another_node_fails() {
    let nodes = [cordoned("a", OLD), node("b")];
    let world = World { misdirected: ["a"].into(), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![cordon("b"), delete("a")]);
    let other = failed("the answer to the patch of node a is about x (uid-x)");
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, other]);
    assert!(!ended.log.contains(&"delete a".to_owned()));
}

#[test]
fn a_node_that_somebody_uncordons_while_the_pods_are_listed_stays() {
    let nodes = [cordoned("a", OLD)];
    let world = World { when: vec![("list pods", somebody_uncordons_a)], ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::Schedulable)]);
    assert_eq!(ended.log, ["claim a", "list pods", "read a", "give free a"]);
    assert!(!is_claimed(&ended, "a"));
}

#[test]
fn node_and_pods_are_read_again_before_a_busy_cloud_is_asked_a_second_time() {
    let nodes = [cordoned("a", OLD)];
    let first = ["claim a", "list pods", "read a", "delete a", "list pods", "read a"];
    let occupied = Stale::Occupied { pod: "hub/ada".to_owned() };
    for (happens, expected, last) in [
        (None, Outcome::Applied, "delete a"),
        (Some(ada_comes_to_a as fn(&mut World)), Outcome::Stale(occupied), "give free a"),
        (Some(somebody_uncordons_a), Outcome::Stale(Stale::Schedulable), "give free a"),
    ] {
        let when = happens.map(|happens| ("delete a", happens)).into_iter().collect();
        let ended = World { busy: 1, when, ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
        assert_eq!(ended.log, [first.as_slice(), &[last]].concat());
        assert_eq!(ended.applied.outcomes, [expected]);
        assert_eq!(is_claimed(&ended, "a"), last == "delete a");
    }
}

#[test]
fn a_cloud_that_stays_busy_is_asked_three_times() {
    let nodes = [cordoned("a", OLD)];
    let ended = World { busy: 9, ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [failed("later")]);
    assert_eq!(ended.log.iter().filter(|line| *line == "delete a").count(), 3);
    assert!(!is_claimed(&ended, "a"));
}

#[test]
fn a_second_list_without_pods_or_with_most_of_them_gone_proves_nothing() {
    let nodes = [cordoned("a", OLD), node("b")];
    let planned_pods: Vec<_> = ["ada", "ben", "cyd", "dan"].map(|name| user(name, "b")).into();
    let refuses = |world: World, why: &str| {
        let ended = world.apply(&nodes, vec![delete("a")]);
        assert_eq!(ended.applied.outcomes, [Outcome::NotTried(NotTried::NoSecondLook)]);
        assert_eq!(ended.applied.problems, [PortError(why.to_owned())]);
        assert!(!ended.log.contains(&"delete a".to_owned()) && !is_claimed(&ended, "a"));
        assert!(!ended.applied.is_complete());
    };
    refuses(
        World { lists_nothing: true, ..World::new(&nodes, &[]) },
        "the second list shows not one pod: it proves nothing",
    );
    refuses(
        World { planned_pods: planned_pods.clone(), ..World::new(&nodes, &[user("ada", "b")]) },
        "3 of the 4 bound pods seen before are not on the second list of pods: it proves nothing",
    );
    // Half of them may have gone home.
    let half = [user("ada", "b"), user("ben", "b")];
    let ended = World { planned_pods, ..World::new(&nodes, &half) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
}

#[test]
fn the_checker_has_a_word_in_a_deletion_that_the_planners_account_allows() {
    // No late bind to fear under so old a cordon; but nothing that would take somebody who waits is deleted now.
    let nodes = [cordoned("a", OLD)];
    let ended = World::new(&nodes, &[refused("ada")]).apply(&nodes, vec![delete("a")]);
    let [Outcome::Stale(Stale::Refused { why })] = ended.applied.outcomes.as_slice() else {
        panic!("{:?}", ended.applied.outcomes)
    };
    assert!(why.contains("hub/ada"), "{why}");
    assert!(!is_claimed(&ended, "a"));
}
