//! States of nodes, cordons, claims and deletions.

use std::sync::Arc;

use kube_rebalancer_core::model::FurtherAmounts;
use kube_rebalancer_core::policy::{AdoptCordons, PartsPerMillion};

use super::*;

#[test]
fn an_expired_claim_is_removed_from_every_node_whoever_cordoned_it() {
    for (sentence, tainted_node, adopt) in [
        ("under our cordon", cordoned(500, node("n1")), AdoptCordons::Never),
        ("under a cordon of others", cordoned_by_others(500, node("n1")), AdoptCordons::Never),
        ("and a reserved one", tainted("odd", cordoned_by_others(500, node("n1"))), AdoptCordons::Always),
    ] {
        let nodes = vec![node("n0"), claimed(-60, tainted_node)];
        let case = Case::new(nodes, vec![on("n0", user("ada", 5)), on("n1", user("alan", 1))], vec![]);
        let case = case.with(|policy| policy.adopt_cordons = adopt);
        assert_eq!(names(&case.plan(), "unmark"), ["n1"], "{sentence}");
    }
}

#[test]
fn a_stale_claim_goes_before_a_mark_is_written() {
    let nodes = vec![node("n0"), claimed(-60, cordoned(500, node("n1")))];
    let case = Case::new(nodes, vec![on("n0", user("ada", 6))], vec![]);
    let case = case.with(|policy| policy.empty_grace = SignedDuration::from_mins(30));
    let plan = case.plan();
    assert_eq!((names(&plan, "unmark"), names(&plan, "mark")), (vec!["n1".to_owned()], vec![]));
}

#[test]
fn a_broken_node_that_another_run_deletes_is_not_cordoned() {
    for (seconds, cordons) in [(300, 0), (-60, 1)] {
        let nodes = vec![node("n0"), claimed(seconds, not_ready(3600, node("n1")))];
        let case = Case::new(nodes, vec![on("n0", user("ada", 6))], vec![]);
        assert_eq!(names(&case.plan(), "cordon").len(), cordons, "{seconds}");
    }
}

#[test]
fn a_node_under_pressure_with_nothing_left_is_under_pressure() {
    let pressed = tainted("node.kubernetes.io/memory-pressure", node("n1"));
    let pods = vec![on("n0", user("ada", 6)), on("n1", omitted("dns", 8))];
    let case = Case::new(vec![node("n0"), pressed], pods, vec![]);
    let case = case.with(|policy| (policy.max_unready_percent, policy.ok_unready_nodes) = (0, 0));
    let plan = case.plan();
    assert_eq!((state(&plan, "n1"), plan.guard), (NodeState::UnderPressure, None));
}

#[test]
fn the_taint_of_a_cordon_closes_a_node_without_a_cordon() {
    let left = || tainted(taint::UNSCHEDULABLE, node("n1"));
    for (pods, actions) in [
        (vec![on("n0", user("ada", 6))], 0),
        (vec![on("n0", user("ada", 6)), refused(60, user("ben", 6))], 1),
    ] {
        let case = Case::new(vec![node("n0"), left()], pods, vec![]);
        let plan = case.plan();
        assert_eq!((state(&plan, "n1"), plan.guard), (NodeState::UnderPressure, None));
        assert_eq!((names(&plan, "cordon").len(), grown(&plan).len()), (0, actions));
    }
}

#[test]
fn a_node_that_omitted_pods_fill_counts_in_no_guard_and_its_users_are_asked_for() {
    let pods = vec![on("n0", user("ada", 6)), on("n1", omitted("dns", 8)), on("n1", user("alan", 1))];
    let case = Case::new(vec![node("n0"), created(60, node("n1"))], pods, vec![]);
    let case = case.with(|policy| (policy.max_unready_percent, policy.ok_unready_nodes) = (0, 0));
    let plan = case.plan();
    assert_eq!((state(&plan, "n1"), plan.guard), (NodeState::NotInUse, None));
    assert_eq!(plan.pools[0].demand.total().memory, Bytes(7));
}

#[test]
fn a_dead_node_is_no_last_node_of_its_zone_where_groups_are_named() {
    let in_zone = |zone: &str, node: Node| labelled("topology.kubernetes.io/zone", zone, node);
    for named in [true, false] {
        let dead = cordoned(4000, not_ready(4000, in_zone("b", node("n1"))));
        let case = Case::new(vec![in_zone("a", node("n0")), dead], vec![on("n0", user("ada", 6))], vec![]);
        let case = case.with(|policy| {
            policy.bounds.keep_zones = true;
            policy.node_groups_named = named;
        });
        assert_eq!(names(&case.plan(), "delete").len(), usize::from(named));
    }
}

#[test]
fn a_set_max_nodes_never_takes_the_last_serving_node_for_one_that_boots() {
    let boots = not_ready(60, created(60, node("n1")));
    let case = Case::new(
        vec![node("n0"), boots],
        vec![refused(29, user("ada", 8)), on("n0", user("alan", 6))],
        vec![],
    );
    assert_eq!(names(&case.min_nodes(1).max_nodes(1).plan(), "cordon"), Vec::<String>::new());
}

#[test]
fn nothing_is_kept_of_windows_nodes_because_taints_do_not_tell_of_them() {
    let windows = labelled("kubernetes.io/os", "windows", tainted("odd", node("n1")));
    let nodes = vec![node("n0"), windows, tainted("odd", node("n2"))];
    let case = Case::new(nodes, vec![tolerating("odd", on("n0", user("ada", 6)))], vec![]);
    let case = case.noting(Ledger::default());
    let plan = case.plan();
    let odd = [("odd".to_owned(), String::new(), TaintEffect::NoSchedule)].into();
    assert_eq!(plan.ledger.as_ref().unwrap().common[""].get(&odd), Some(&true));
    let reserved = |name: &str| plan.nodes.iter().find(|node| node.name == name).unwrap().reserved;
    assert_eq!((reserved("n1"), reserved("n2")), (true, false));
    let mut naive = Ledger::default();
    naive::note_common(&case.snapshot(), &case.policy, &mut naive);
    assert_eq!(plan.ledger.unwrap().common, naive.common);
}

#[test]
fn of_a_ready_and_a_dead_cordoned_node_of_a_zone_the_ready_one_stays() {
    let in_zone = |zone: &str, node: Node| labelled("topology.kubernetes.io/zone", zone, node);
    for (ready, dead) in [(9000, 4000), (4000, 9000)] {
        let nodes = vec![
            in_zone("a", node("n0")),
            in_zone("b", cordoned(ready, node("n1"))),
            in_zone("b", cordoned(dead, not_ready(4000, node("n2")))),
        ];
        let case = Case::new(nodes, vec![on("n0", user("ada", 6))], vec![]).with(|policy| {
            policy.bounds.keep_zones = true;
            policy.node_groups_named = true;
        });
        assert_eq!(names(&case.plan(), "delete"), ["n2"], "it could not serve");
    }
}

#[test]
fn where_not_all_cordons_may_be_made_what_serves_stays_but_a_set_max_nodes_still_shrinks_it() {
    let nodes = vec![node("n0"), node("n1"), node("n2"), cordoned(600, node("n3"))];
    let case = Case::new(nodes, vec![on("n3", user("ada", 3))], vec![]).max_nodes(2).with(|policy| {
        policy.bounds.min_utilization = PartsPerMillion(1);
        policy.max_cordons = Budget::Count(1);
    });
    let plan = case.plan();
    // Without the limit, n3 would serve in place of two others.
    assert_eq!((names(&plan, "uncordon"), names(&plan, "cordon")), (vec![], vec!["n2".to_owned()]));
}

/// Two critical nodes are uncordoned in any case; two others would be cordoned in their place.
#[test]
fn inside_the_band_no_part_of_a_move_is_made_even_if_its_uncordons_are_made_anyway() {
    let critical = |name: &str| Pod { label_keys: [].into(), ..user(name, 1) };
    let nodes: Vec<Node> = ["n0", "n1", "n2"].map(node).into_iter().collect();
    let nodes = nodes.into_iter().chain(["n3", "n4"].map(|name| cordoned(600, node(name)))).collect();
    let users = ["n0", "n1", "n2"].map(|name| on(name, user(&format!("user-{name}"), 5)));
    let services = ["n3", "n4"].map(|name| on(name, critical(&format!("hub-{name}"))));
    let case = Case::new(nodes, users.into_iter().chain(services).collect(), vec![]);
    for (most, cordons) in [(1, vec![]), (2, vec!["n2", "n1"])] {
        let plan =
            case.clone().with(|policy| (policy.pack, policy.max_cordons) = (false, Budget::Count(most)));
        let plan = plan.plan();
        assert_eq!(names(&plan, "uncordon"), ["n3", "n4"]);
        assert_eq!(names(&plan, "cordon"), cordons, "MAX_CORDONS={most}");
    }
}

#[test]
fn an_absurd_amount_is_judged_by_all_nodes_of_its_group() {
    let mut absurd = in_group("z/users", node("n0"));
    absurd.allocatable.memory = Some(Bytes(100));
    let pressed = |name: &str| tainted("node.kubernetes.io/memory-pressure", in_group("z/users", node(name)));
    let users = NodeGroup { template: template(&[], &[]), ..group("z/users") };
    let nodes = vec![absurd, pressed("n1"), pressed("n2")];
    let pods = vec![on("n0", user("ada", 6)), on("n0", user("alan", 6))];
    let plan = Case::new(nodes, pods, vec![users]).plan();
    // It counts as 8, so 12 need a second node.
    assert_eq!(grown(&plan), [("z/users".to_owned(), 1)].into(), "{:?}", plan.warnings);
}

/// Under the guard no machine is woken, so a cordoned node counts for `MIN_NODES` instead of a parked one.
#[test]
fn under_the_guard_min_nodes_is_kept_without_a_parked_node() {
    let mut parked = not_ready(1300, cordoned(4900, node("n2")));
    parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(1300).to_string());
    let mut nominated = refused(29, user("emmy", 1));
    nominated.unbound.as_mut().unwrap().nominated = Some("n2".into());
    let broken = (3..=5).map(|number| not_ready(5000, node(&format!("n{number}"))));
    let nodes = [node("n0"), cordoned(500, node("n1")), parked].into_iter().chain(broken).collect();
    let case = Case::new(nodes, vec![nominated], vec![]).min_nodes(2).with(|policy| {
        (policy.max_unready_percent, policy.ok_unready_nodes) = (0, 1);
    });
    // The naive planner does not know parked nodes.
    let (snapshot, policy) = (case.snapshot(), &case.policy);
    let plan = plan(&snapshot, policy).unwrap();
    assert_eq!(check(&snapshot, policy, &plan), []);
    assert_eq!((plan.guard.is_some(), names(&plan, "uncordon")), (true, vec!["n1".to_owned()]));
}

/// A placeholder does no work: beside one, a pod is still the last replica of the two that there are.
#[test]
fn a_placeholder_of_the_same_controller_is_no_replica() {
    let of_one = |pod: Pod| Pod { controller: omitted("any", 1).controller, ..pod };
    let works = on("n1", omitted("web-1", 1));
    let starts = Pod { unbound: Some(Box::default()), ready: false, ..omitted("web-2", 1) };
    let fills = on("n0", of_one(Pod { priority: -10, ends_at_once: true, ..omitted("fill", 1) }));
    let nodes = vec![node("n0"), cordoned(5000, node("n1"))];
    // n0 serves, so that pods can start there.
    let deleted =
        |pods: Vec<Pod>| names(&Case::new(nodes.clone(), pods, vec![]).min_nodes(1).plan(), "delete");
    assert_eq!(deleted(vec![works.clone(), starts.clone(), fills]), Vec::<String>::new());
    assert_eq!(deleted(vec![works, starts, on("n0", omitted("web-3", 1))]), ["n1"]);
}

/// Where every other node is cordoned, an omitted pod starts nowhere else.
#[test]
fn a_node_with_an_omitted_pod_stays_while_no_other_node_takes_pods() {
    let nodes = vec![node("n0"), cordoned(5000, node("n1"))];
    let case = || Case::new(nodes.clone(), vec![on("n1", omitted("web", 1))], vec![]);
    assert_eq!(names(&case().plan(), "cordon"), ["n0"]);
    assert_eq!(names(&case().plan(), "delete"), Vec::<String>::new());
    assert_eq!(names(&case().min_nodes(1).plan(), "delete"), ["n1"]);
}

#[test]
fn a_node_whose_daemon_is_the_other_replica_of_a_node_that_goes_stays() {
    let nodes = vec![node("n0"), cordoned(7200, node("n1")), cordoned(3600, node("n2"))];
    let daemon = |daemonset_pod| Pod { daemonset_pod, ..on("n2", omitted("b", 1)) };
    for (sentence, pods, goes) in [
        ("a daemon", vec![on("n1", omitted("a", 1)), daemon(true)], vec!["n1"]),
        ("no daemon", vec![on("n1", omitted("a", 1)), daemon(false)], vec!["n1"]),
        ("a daemon alone", vec![daemon(true)], vec!["n1", "n2"]),
    ] {
        let pods = [vec![on("n0", user("ada", 6))], pods].concat();
        let plan = Case::new(nodes.clone(), pods, vec![]).plan();
        assert_eq!(names(&plan, "delete"), goes, "{sentence}");
    }
}

/// The booting instance is enough, and until it is Ready `n3` must serve; with it the pool is inside the band, where cordons
/// move to the node that empties soonest.
#[test]
fn a_choice_is_taken_again_on_what_awaits_its_replacement() {
    let member = |node: Node| in_group("z/users", node);
    let nodes = vec![member(cordoned(60, node("n0"))), member(node("n3")), member(cordoned(500, node("n4")))];
    let hub = Pod { label_keys: [].into(), ..on("n4", user("hub", 1)) };
    let users = [on("n0", user("ada", 1)), on("n0", user("alan", 1)), on("n3", user("ben", 2))];
    let pods = [vec![hub, refused(3600, user("carl", 8))], users.to_vec()].concat();
    let comes = NodeGroup { target_size: 4, instances: vec![instance("i1", 60)], ..group("z/users") };
    let plan = Case::new(nodes, pods, vec![comes]).plan();
    let acts = |verb| names(&plan, verb);
    assert_eq!(
        (acts("uncordon"), acts("cordon")),
        (vec!["n4".to_owned(), "n0".to_owned()], vec!["n3".to_owned()])
    );
}

/// Lise has room only on n1, which is uncordoned for the hub; n5, which has room for Kurt now, is cordoned in exchange. Both may
/// get n1, and it has no room for both. On the outcome Lise had it for certain, and n5 was uncordoned again for Kurt.
#[test]
fn a_pod_whose_room_the_plan_cordons_may_take_the_node_that_it_uncordons() {
    let mut lise = refused(-5, user("lise", 3));
    let disk = [("disk".to_owned(), "b".to_owned())].into();
    lise.constraints = Constraints { node_selector: disk, ..Constraints::default() }.into();
    let nodes = vec![labelled("disk", "b", cordoned(7200, node("n1"))), node("n5")];
    let hub = Pod { label_keys: [].into(), ..on("n1", user("hub", 0)) };
    let case = Case::new(nodes, vec![hub, refused(29, user("kurt", 8)), lise], vec![]);
    let plan = case.with(|policy| policy.resources = vec![Resource::Cpu]).plan();
    assert_eq!(
        (names(&plan, "uncordon"), names(&plan, "cordon")),
        (vec!["n1".to_owned()], vec!["n5".to_owned()])
    );
}

/// The only node that shows what a new one is like has the label that users ask for. The other one is no node any more.
#[test]
fn a_node_object_whose_machine_is_proven_gone_does_not_hide_the_labels_of_a_new_node() {
    let mut gone = cordoned(7200, not_ready(3600, tainted(taint::UNREACHABLE, node("n1"))));
    gone.provider_id = Some("script:///n1".to_owned());
    gone.outside = Some("no list names it".to_owned());
    gone.annotations.insert(annotation::DELETION_ASKED.to_owned(), "script:///n1".to_owned());
    let mut ada = on("n0", user("ada", 5));
    let mut constraints = (*ada.constraints).clone();
    constraints.node_selector.insert("kind".to_owned(), "users".to_owned());
    ada.constraints = constraints.into();
    for (fate, new) in [(MachineFate::Gone, 2), (MachineFate::Exists("there it is".to_owned()), 0)] {
        let nodes = vec![labelled("kind", "users", node("n0")), gone.clone()];
        let mut case = Case::new(nodes, vec![ada.clone()], vec![]).min_nodes(3);
        case.fates = [("n1".to_owned(), fate)].into();
        let case = case.with(|policy| policy.delete_node_objects = true);
        assert_eq!(grown(&case.plan()).values().sum::<u32>(), new);
    }
}

/// A claim says nothing about what the machines of a group have. If the claimed node counted as no healthy one, a run would
/// uncordon the node without the device for the minutes of the claim. The naive planner did.
#[test]
fn a_node_lacks_the_device_of_its_group_while_another_run_deletes_the_one_that_has_it() {
    let gpus = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 2)])));
    for claims in [false, true] {
        let mut with = in_group("z/gpus", node("n0"));
        (with.allocatable.further, with.capacity.further) = (gpus.clone(), gpus.clone());
        let with = if claims { claimed(300, cordoned(3600, with)) } else { with };
        let without = in_group("z/gpus", cordoned(7200, node("n1")));
        let group = NodeGroup { not_growable: Some("it is full".to_owned()), ..group("z/gpus") };
        let plan = Case::new(vec![with, without], vec![], vec![group]).min_nodes(2).plan();
        assert_eq!((state(&plan, "n1"), names(&plan, "uncordon")), (NodeState::NotInUse, vec![]));
    }
}

/// The daemons of one controller are known by an annotation, as `OpenKruise` writes it. Ada's pod has the same controller and not
/// the annotation, so it is no daemon, and one is still to come: 12 of users and two daemons exceed 0.85 of two nodes. The
/// naive planner took Ada's pod for the daemon.
#[test]
fn a_pod_that_is_no_daemon_is_not_the_one_that_comes_to_a_booting_node() {
    let controller = Controller {
        group: Some("apps".into()),
        kind: "ReplicaSet".into(),
        name: "x".into(),
        uid: "x".into(),
    };
    let controller = Some(Arc::new(controller));
    let daemon = Pod { label_keys: [].into(), daemonset_pod: true, ..on("n0", user("daemon", 1)) };
    let pods = |of_ada| {
        vec![
            Pod { controller: controller.clone(), ..daemon.clone() },
            on("n0", user("kurt", 7)),
            Pod { controller: of_ada, ..on("n1", user("ada", 5)) },
        ]
    };
    for of_ada in [None, controller.clone()] {
        let nodes = vec![in_group("z/users", node("n0")), in_group("z/users", not_ready(60, node("n1")))];
        let plan = Case::new(nodes, pods(of_ada), vec![group("z/users")]).min_nodes(1).plan();
        assert_eq!(grown(&plan), [("z/users".to_owned(), 1)].into());
    }
}

/// The other replica runs on `n1`, which stays: others cordoned it, so no run drains it. The naive planner counted `n1` as drained
/// and kept `n2`.
#[test]
fn a_node_that_others_cordoned_is_not_drained_and_still_has_its_replica() {
    let web = |name: &str, node: &str| {
        let controller = Controller {
            group: Some("apps".into()),
            kind: "ReplicaSet".into(),
            name: "web".into(),
            uid: "web".into(),
        };
        let facts = EvictionFacts { uid: format!("uid-{name}").into(), ..EvictionFacts::default() };
        Pod {
            label_keys: [].into(),
            controller: Some(controller.into()),
            eviction: Some(facts.into()),
            ..on(node, user(name, 1))
        }
    };
    let omitted = Pod { label_keys: ["omit".into()].into(), ..web("web-2", "n2") };
    let by_others = |name: &str| cordoned_by_others(3600, node(name));
    let nodes = vec![node("n0"), by_others("n1"), not_ready(60, by_others("n2"))];
    let case = Case::new(nodes, vec![web("web-1", "n1"), omitted], vec![]).with(|policy| {
        policy.omit_labels = ["omit".to_owned()].into();
        policy.drain = Drain::Movable;
    });
    assert_eq!(names(&case.plan(), "delete"), ["n2"]);
}

/// Half of the nodes are broken, so nothing is created. The naive planner chose a new node for emmy, which the guard then left out,
/// and left `n1` cordoned.
#[test]
fn under_the_guard_cordoned_nodes_make_up_for_new_ones() {
    let broken = |name: &str| cordoned_by_others(600, not_ready(3600, node(name)));
    let nodes = vec![node("n0"), cordoned(7200, node("n1")), broken("n2"), broken("n3")];
    let pods = vec![on("n0", user("ada", 2)), on("n1", user("ben", 1)), refused(3599, user("emmy", 8))];
    let case = Case::new(nodes, pods, vec![]).min_nodes(1).noting(Ledger::default());
    let case = case.with(|policy| policy.ok_unready_nodes = 0);
    assert_eq!(names(&case.plan(), "uncordon"), ["n1"]);
}
