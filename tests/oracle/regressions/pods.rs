//! Waiting pods, nominations, and the requests of pods on odd nodes.

use std::sync::Arc;

use kube_rebalancer_core::model::FurtherAmounts;
use kube_rebalancer_core::policy::{AdoptCordons, PartsPerMillion};

use super::*;

fn nominated(node: &str, pod: Pod) -> Pod {
    let mut unbound = pod.unbound.clone().unwrap_or_default();
    unbound.nominated = Some(node.into());
    Pod { unbound: Some(unbound), ready: false, ..pod }
}

#[test]
fn a_pod_refused_for_an_hour_keeps_the_first_serving_node_that_it_fits() {
    let nodes = vec![node("n0"), cordoned(20, node("n1")), node("n2")];
    let pods = vec![on("n0", user("ada", 6)), on("n1", user("alan", 1)), refused(3600, user("emmy", 8))];
    let plan = Case::new(nodes, pods, vec![]).min_nodes(2).plan();
    assert!(!names(&plan, "cordon").contains(&"n2".to_owned()), "{:?}", plan.actions);
}

#[test]
fn with_adopt_cordons_true_a_reserved_node_is_opened_for_a_waiting_pod() {
    for (adopt, opened) in [(AdoptCordons::Always, 1), (AdoptCordons::Never, 0)] {
        let reserved = tainted("odd", cordoned_by_others(60, node("n1")));
        let pods = vec![
            on("n0", user("ada", 3)),
            on("n0", user("alan", 3)),
            refused(60, tolerating("odd", user("emmy", 8))),
        ];
        let case =
            Case::new(vec![node("n0"), reserved], pods, vec![]).with(|policy| policy.adopt_cordons = adopt);
        assert_eq!(names(&case.plan(), "uncordon").len(), opened, "{adopt}");
    }
}

#[test]
fn a_nominated_node_under_our_cordon_is_uncordoned() {
    let nodes = vec![node("n0"), cordoned(20, node("n1"))];
    let pods = vec![on("n0", user("ada", 6)), nominated("n1", refused(10, user("emmy", 8)))];
    assert_eq!(names(&Case::new(nodes, pods, vec![]).plan(), "uncordon"), ["n1"]);
}

#[test]
fn a_nomination_for_a_node_that_the_pod_does_not_reach_has_no_effect() {
    let nodes = vec![node("n0"), cordoned(20, node("n1"))];
    let pods = vec![on("n0", user("ada", 6)), nominated("n1", user("emmy", 20))];
    assert_eq!(names(&Case::new(nodes, pods, vec![]).plan(), "uncordon"), Vec::<String>::new());
}

#[test]
fn pods_on_a_booting_node_take_room_there() {
    let boots = tainted("node.cilium.io/agent-not-ready", created(60, in_group("z/users", node("n1"))));
    let users = NodeGroup { template: template(&[], &[]), ..group("z/users") };
    let pods = vec![on("n0", user("ada", 6)), on("n1", user("alan", 5)), refused(600, user("emmy", 5))];
    let case = Case::new(vec![in_group("z/users", node("n0")), boots], pods, vec![users]);
    let plan = case.plan();
    // It does not fit beside the other one, and the group's machine still boots.
    assert!(plan.warnings.iter().any(|one| one.to_string().contains("still boots")), "{:?}", plan.warnings);
}

#[test]
fn a_pod_whose_nominated_node_is_uncordoned_waits_no_longer() {
    // Only that pod keeps n1 first, and the pod is placed on n0.
    let nodes = vec![cordoned_by_others(600, created(400, node("n0"))), created(100, node("n1"))];
    let pods = vec![nominated("n0", refused(10, user("emmy", 1)))];
    let case = Case::new(nodes, pods, vec![]).min_nodes(2);
    let plan = case.with(|policy| policy.adopt_cordons = AdoptCordons::Always).plan();
    assert_eq!(
        (names(&plan, "uncordon"), names(&plan, "steer")),
        (vec!["n0".to_owned()], vec!["n1".to_owned()])
    );
}

#[test]
fn a_waiting_user_is_not_left_to_an_instance_of_which_nothing_is_known() {
    let unknown = NodeGroup { instances: vec![instance("i0", 5)], ..group("z/unknown") };
    let users = NodeGroup { template: template(&[], &[]), ..group("z/users") };
    let pods = vec![on("n0", user("ada", 4)), refused(29, user("emmy", 8))];
    let case = Case::new(vec![in_group("z/users", node("n0"))], pods, vec![unknown, users]);
    assert_eq!(grown(&case.plan()), [("z/users".to_owned(), 1)].into());
}

#[test]
fn a_parked_node_is_woken_for_a_user_who_fits_nothing_else() {
    let mut parked = cordoned(7200, not_ready(3600, in_group("z/users", node("n1"))));
    parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
    let users = NodeGroup { not_growable: Some("it is full".into()), ..group("z/users") };
    let pods = vec![on("n0", user("ada", 6)), refused(29, user("emmy", 5))];
    let case = Case::new(vec![in_group("z/users", node("n0")), parked], pods, vec![users]);
    let plan = plan(&case.snapshot(), &case.policy).unwrap();
    assert_eq!(names(&plan, "wake"), ["n1"]);
}

#[test]
fn the_pod_of_this_run_does_not_come_with_a_new_node() {
    let daemons = Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "runs".into(),
        uid: "runs".into(),
    };
    let run = Pod { controller: Some(daemons.into()), label_keys: [].into(), ..user("run", 3) };
    let case = Case::new(vec![node("n0")], vec![on("n0", user("ada", 8)), on("n0", run)], vec![]);
    let case = case.with(|policy| {
        policy.own_pod = Some(("hub".into(), "run".into()));
        policy.bounds.optimal_utilization = PartsPerMillion(500_000);
        policy.bounds.min_utilization = PartsPerMillion(500_000);
    });
    assert_eq!(grown(&case.plan()).values().sum::<u32>(), 1);
}

#[test]
fn no_pool_counts_on_a_node_that_another_pool_uncordons() {
    let in_pool = |pool: &str, node: Node| labelled("pool", pool, node);
    let nodes =
        vec![in_pool("a", cordoned(600, node("a0"))), in_pool("b", node("b0")), in_pool("b", node("b1"))];
    let critical = Pod { label_keys: [].into(), ..user("proxy", 1) };
    let pods = vec![on("a0", critical), on("b0", user("ada", 6)), refused(10, user("emmy", 5))];
    let case = Case::new(nodes, pods, vec![]).with(|policy| policy.pool_label = Some("pool".into()));
    let plan = case.plan();
    // Once a0 serves, it is the first place for emmy. Until then b1 is.
    assert_eq!((names(&plan, "uncordon"), names(&plan, "cordon")), (vec!["a0".to_owned()], vec![]));
}

#[test]
fn a_pool_counts_on_a_node_that_it_uncordons_for_a_pod_of_another_pool() {
    let in_pool = |pool: &str, node: Node| labelled("pool", pool, node);
    let (a0, a1, a2) = (node("a0"), node("a1"), cordoned(600, node("a2")));
    let nodes = [a0, a1, a2].map(|node| in_pool("a", node)).into_iter();
    let nodes = nodes.chain([in_pool("b", node("b0")), in_pool("b", node("b1"))]).collect();
    let mut emmy = refused(10, user("emmy", 4));
    emmy.unbound.as_mut().unwrap().nominated = Some("a2".into());
    let pods = vec![on("a0", user("ada", 5)), on("a1", user("alan", 5)), on("b0", user("grace", 6)), emmy];
    let case = Case::new(nodes, pods, vec![]).with(|policy| policy.pool_label = Some("pool".into()));
    let plan = case.plan();
    // The 10 of ada and alan would fit a2 and another node, but emmy goes to a2 with 4 more. If a2 cannot be uncordoned,
    // b1 takes emmy.
    assert_eq!((names(&plan, "uncordon"), names(&plan, "cordon")), (vec!["a2".to_owned()], vec![]));
}

#[test]
fn a_booting_node_carries_the_daemons_that_it_lacks_beside_its_own() {
    let daemon = |set: &str, at: &str| {
        let controller = Controller {
            group: Some("apps".into()),
            kind: "DaemonSet".into(),
            name: set.into(),
            uid: set.into(),
        };
        let name = format!("{set}-{at}");
        on(at, Pod { controller: Some(controller.into()), label_keys: [].into(), ..user(&name, 2) })
    };
    let boots = tainted("node.cilium.io/agent-not-ready", created(60, node("n1")));
    // Of the 8 of n1, its own daemon and the one to come leave 4.
    for (memory, grows) in [(4, 0), (5, 1)] {
        let pods = vec![
            on("n0", user("ada", 3)),
            daemon("log", "n0"),
            daemon("net", "n1"),
            refused(20, user("emmy", memory)),
        ];
        let plan = Case::new(vec![node("n0"), boots.clone()], pods, vec![]).plan();
        assert_eq!(grown(&plan).values().sum::<u32>(), grows, "{memory}");
    }
}

#[test]
fn pods_that_do_not_fit_an_uncordoned_node_together_do_not_all_begin_to_wait_anew() {
    let mut opened = cordoned(600, node("n0"));
    opened.allocatable.pods = Some(2);
    let critical = Pod { label_keys: [].into(), ..user("proxy", 1) };
    let pods = vec![on("n0", critical), refused(3600, user("ada", 2)), refused(10, user("emmy", 3))];
    // Neither this run nor the next one creates a node for ada after her hour of waiting.
    assert_eq!(names(&Case::new(vec![opened], pods, vec![]).plan(), "uncordon"), ["n0"]);
}

#[test]
fn a_refused_pod_is_offered_each_zone_also_where_the_node_that_it_fits_is_cordoned() {
    let in_zone = |node: Node| labelled("topology.kubernetes.io/zone", "z", node);
    let mut pinned = in_zone(cordoned(7200, node("n1")));
    pinned.annotations.insert(annotation::SCALE_DOWN_DISABLED.to_owned(), "true".to_owned());
    let nodes = vec![cordoned(600, node("n0")), pinned, in_zone(node("n2"))];
    let plan = Case::new(nodes, vec![refused(3000, user("emmy", 3))], vec![]).plan();
    assert_eq!(
        (names(&plan, "uncordon"), names(&plan, "cordon")),
        (vec!["n0".to_owned(), "n1".to_owned()], vec!["n2".to_owned()])
    );
}

#[test]
fn a_pod_belongs_to_no_pool_by_room_on_a_node_that_takes_nobody_now() {
    let in_pool = |pool: &str, node: Node| labelled("pool", pool, node);
    let lost = tainted("node.kubernetes.io/disk-pressure", created(100, node("a1")));
    let boots = tainted("node.cilium.io/agent-not-ready", created(400, node("b0")));
    let nodes = vec![in_pool("a", node("a0")), in_pool("a", lost), in_pool("b", boots)];
    let emmy = Pod { unbound: Some(Box::default()), ready: false, ..user("emmy", 3) };
    let case = Case::new(nodes, vec![on("a0", user("ada", 6)), emmy], vec![]);
    let plan = case.min_nodes(1).with(|policy| policy.pool_label = Some("pool".into())).plan();
    // Emmy is of pool b, whose node boots. A node that takes nobody is not cordoned.
    let asked: Vec<u64> = plan.pools.iter().map(|pool| pool.demand.total().memory.0).collect();
    assert_eq!((asked, names(&plan, "cordon")), (vec![6, 3], vec![]));
}

#[test]
fn a_pod_that_fits_once_this_run_is_over_is_not_given_up() {
    let run = Pod { label_keys: [].into(), ..on("n0", user("run", 2)) };
    for (sentence, memory, asked) in [("beside nobody", 8, 8), ("nowhere", 9, 0)] {
        let case = Case::new(vec![node("n0")], vec![run.clone(), refused(10, user("emmy", memory))], vec![]);
        let case = case.max_nodes(1).with(|policy| policy.own_pod = Some(("hub".into(), "run".into())));
        assert_eq!(case.plan().pools[0].demand.total().memory, Bytes(asked), "{sentence}");
    }
}

/// Where `MAX_NODES` leaves room for one of two, the node that may suit one pod goes before the instance for the other.
#[test]
fn nodes_that_pods_need_come_before_instances_that_they_need() {
    let gpu = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 1)])));
    let mut with_gpu = template(&[], &[]);
    with_gpu.as_mut().unwrap().allocatable.further.clone_from(&gpu);
    let coming = NodeGroup { template: with_gpu, instances: vec![instance("i1", 60)], ..group("z/gpus") };
    let mut emmy = refused(300, user("emmy", 1));
    emmy.requests = emmy.requests.with_further(gpu);
    let critical = Pod { label_keys: [].into(), ..user("proxy", 6) };
    let nodes = vec![node("n0"), node("n1"), node("n2")];
    let pods = vec![
        on("n0", critical),
        on("n1", user("ada", 3)),
        on("n1", user("alan", 3)),
        refused(3600, user("carl", 3)),
        emmy,
    ];
    let plan = Case::new(nodes, pods, vec![coming]).max_nodes(2).plan();
    assert_eq!(names(&plan, "cordon"), ["n1"]);
}

/// Only `n2` takes emmy, and a node that came since she waits does not. In the outcome she is as good as on `n2`.
#[test]
fn a_pod_that_only_an_uncordoned_node_takes_leaves_that_to_no_later_one() {
    let in_zone = |zone: &str, node: Node| labelled("topology.kubernetes.io/zone", zone, node);
    let nodes = vec![
        in_zone("a", node("n0")),
        in_zone("a", created(100, node("n1"))),
        in_zone("b", cordoned(7200, node("n2"))),
    ];
    let mut emmy = refused(300, user("emmy", 2));
    let zone_b = [("topology.kubernetes.io/zone".to_owned(), "b".to_owned())].into();
    emmy.constraints = Constraints { node_selector: zone_b, ..Constraints::default() }.into();
    let hub = Pod { label_keys: [].into(), ..on("n2", user("hub", 3)) };
    let plan = Case::new(nodes, vec![emmy, hub, refused(-5, user("ada", 5))], vec![]).min_nodes(3).plan();
    assert_eq!((names(&plan, "uncordon"), grown(&plan)), (vec!["n2".to_owned()], BTreeMap::new()));
}

/// An instance serves soon without a request, so it is a place before a parked node (section 15), and nobody needs `n1`. The run
/// woke `n1` for its nomination, and the next one would have counted emmy's place on `i1` as well.
#[test]
fn a_pod_nominated_for_a_parked_node_waits_for_an_instance_that_boots() {
    let of_users = |node: Node| labelled("pool", "users", node);
    let mut parked = of_users(cordoned(7200, not_ready(3600, node("n1"))));
    parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
    let nodes = vec![of_users(in_group("z/users", node("n0"))), parked, cordoned(7200, node("n2"))];
    let mut emmy = nominated("n1", refused(10, user("emmy", 8)));
    let users = [("pool".to_owned(), "users".to_owned())].into();
    emmy.constraints = Constraints { node_selector: users, ..Constraints::default() }.into();
    let comes = NodeGroup { target_size: 2, instances: vec![instance("i1", 60)], ..group("z/users") };
    let case = Case::new(nodes, vec![on("n0", user("ada", 5)), emmy], vec![comes]).min_nodes(3);
    // The naive planner knows nothing of parked nodes.
    let (snapshot, policy) = (case.snapshot(), &case.policy);
    let first = plan(&snapshot, policy).unwrap();
    assert_eq!(check_settled(&snapshot, policy, &first, plan), None);
    assert_eq!((names(&first, "wake"), names(&first, "uncordon")), (vec![], vec!["n2".to_owned()]));
}

/// Emmy gets n2 in this run. Once she is there, nobody needs n1, and `MIN_NODES` asks for a Ready node before one that boots.
#[test]
fn a_pod_that_gets_a_ready_node_needs_no_other_that_it_is_nominated_for() {
    let mut parked = cordoned(7200, not_ready(3600, node("n1")));
    parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
    let boots = not_ready(60, created(100, node("n1")));
    for n1 in [parked, boots] {
        let nodes = [n1, cordoned(7200, node("n2")), cordoned(7200, node("n3"))];
        let nodes = nodes.map(|node| in_group("z/users", node)).into();
        let emmy = nominated("n1", refused(10, user("emmy", 1)));
        let case = Case::new(nodes, vec![emmy], vec![group("z/users")]).min_nodes(2);
        let (snapshot, policy) = (case.snapshot(), &case.policy);
        let first = plan(&snapshot, policy).unwrap();
        assert_eq!(check(&snapshot, policy, &first), []);
        assert_eq!(check_settled(&snapshot, policy, &first, plan), None);
        assert_eq!(names(&first, "uncordon"), ["n2", "n3"]);
        assert!(names(&first, "wake").is_empty());
    }
}

/// The daemon that n0 still lacks takes the room that the refused pod would need there, so that pod fits no node. The checker
/// took the room for free, and refused the cordon.
#[test]
fn a_pod_that_fits_a_booting_node_only_without_its_daemons_is_no_demand() {
    let daemon = |on_node: &str, set: &str| {
        let (group, kind) = (Some("apps".into()), "DaemonSet".into());
        let controller = Controller { group, kind, name: set.into(), uid: set.into() };
        let name = format!("{set}-{on_node}");
        on(on_node, Pod { controller: Some(controller.into()), label_keys: [].into(), ..user(&name, 1) })
    };
    let boots = tainted("node.cilium.io/agent-not-ready", created(400, in_group("z/boots", node("n0"))));
    let nodes = vec![
        boots,
        in_group("z/one", node("n1")),
        in_group("z/two", node("n2")),
        in_group("z/boots", node("n3")),
    ];
    let hub = on("n0", Pod { label_keys: [].into(), ..user("hub", 5) });
    let waits = refused(30, user("emmy", 8));
    let pods = vec![hub, waits, daemon("n1", "logs"), daemon("n2", "net"), daemon("n3", "net")];
    let groups = vec![group("z/boots"), group("z/one"), group("z/two")];
    let plan = Case::new(nodes, pods, groups).min_nodes(2).plan();
    assert_eq!(names(&plan, "cordon"), ["n3"]);
}

/// In the outcome Lise is refused again, so n3 did not come since; by the refusal that a run really sees, it did.
#[test]
fn a_node_that_came_since_the_refusal_delays_the_next_one_on_the_outcome_too() {
    let zone = |zone: &str, node: Node| labelled("topology.kubernetes.io/zone", zone, node);
    let there = |mut pod: Pod| {
        let mut constraints = (*pod.constraints).clone();
        constraints.node_selector.insert("topology.kubernetes.io/zone".to_owned(), "b".to_owned());
        pod.constraints = constraints.into();
        pod
    };
    let nodes = vec![zone("a", created(100, node("n3"))), zone("b", cordoned(7200, node("n4")))];
    // Emmy gets n4; there is room for one of Kurt and Alan then, and none for Lise.
    let pods = vec![
        on("n3", user("ada", 5)),
        refused(3600, user("emmy", 5)),
        refused(30, there(user("kurt", 3))),
        refused(3599, user("alan", 2)),
        refused(3599, there(user("lise", 1))),
    ];
    let case = Case::new(nodes, pods, vec![]).min_nodes(2).noting(Ledger::default());
    let plan = case.with(|policy| policy.resources = vec![Resource::Cpu]).plan();
    assert_eq!((names(&plan, "uncordon"), grown(&plan)), (vec!["n4".to_owned()], BTreeMap::new()));
}

/// In the outcome Kurt took the one node that Lise can go to, although another one was uncordoned that has room for him.
#[test]
fn a_pod_that_one_node_alone_takes_gets_its_room_there_on_the_outcome() {
    let mut kept = cordoned(500, node("n2"));
    kept.annotations.insert(annotation::SCALE_DOWN_DISABLED.to_owned(), "true".to_owned());
    let nodes = vec![cordoned(7200, node("n0")), labelled("disk", "b", cordoned(7200, node("n1"))), kept];
    let mut lise = refused(10, user("lise", 2));
    let mut constraints = (*lise.constraints).clone();
    constraints.node_selector.insert("disk".to_owned(), "b".to_owned());
    lise.constraints = constraints.into();
    let hub = on("n0", Pod { label_keys: [].into(), ..user("hub", 1) });
    let plan = Case::new(nodes, vec![hub, refused(29, user("kurt", 8)), lise], vec![]).min_nodes(3).plan();
    assert_eq!((names(&plan, "uncordon").len(), grown(&plan)), (3, BTreeMap::new()));
}

/// In the outcome emmy went to the larger node, and the one that the run had uncordoned for her was left without a reason.
#[test]
fn a_pod_goes_to_the_node_that_is_uncordoned_for_it_on_the_outcome() {
    let mut large = node("n4");
    (large.allocatable.memory, large.capacity.memory) = (Some(Bytes(100)), Some(Bytes(100)));
    let nodes = vec![
        cordoned_by_others(600, node("n3")),
        cordoned(7200, large),
        cordoned(7200, created(100, node("n7"))),
    ];
    let hub = on("n3", Pod { label_keys: [].into(), ..user("hub", 2) });
    let pods = vec![hub, on("n3", user("ada", 2)), refused(29, user("emmy", 3))];
    assert_eq!(names(&Case::new(nodes, pods, vec![]).plan(), "uncordon"), ["n7", "n4"]);
}

/// A placeholder makes way for emmy on `n1`. The naive planner opened `n2` as well, as its first pass had.
#[test]
fn no_reserved_node_is_opened_for_a_pod_whose_nominated_node_is_uncordoned() {
    let nodes = vec![node("n0"), cordoned(60, node("n1")), tainted("odd", cordoned(60, node("n2")))];
    let reserve = Pod { priority: -10, ends_at_once: true, label_keys: [].into(), ..omitted("reserve", 1) };
    let reserve = Pod { namespace: "hub".into(), ..reserve };
    let emmy = nominated("n1", tolerating("odd", user("emmy", 8)));
    let pods = vec![on("n0", user("ada", 3)), on("n1", reserve), emmy];
    assert_eq!(names(&Case::new(nodes, pods, vec![]).plan(), "uncordon"), ["n1"]);
}

/// `i0` is of unknown size, and no group is known that can grow: emmy gets her place there. With it and `n0` there are as many nodes
/// as `MAX_NODES` allows, and `n1`, on which she has no room, stays cordoned. The naive planner uncordoned it.
#[test]
fn an_instance_of_unknown_size_takes_a_pod_also_where_its_group_does_not_grow() {
    let nodes = vec![node("n0"), cordoned(7200, node("n1"))];
    let unknown = NodeGroup { instances: vec![instance("i0", 60)], ..group("z/unknown") };
    let uncordoned = |memory| {
        let pods = vec![on("n0", user("ada", 8)), on("n1", omitted("agent", 1))];
        let pods = pods.into_iter().chain([refused(10, user("emmy", memory))]).collect();
        names(&Case::new(nodes.clone(), pods, vec![unknown.clone()]).max_nodes(2).plan(), "uncordon")
    };
    assert!(uncordoned(8).is_empty());
    // No known place would ever take her: she needs no node, and the ratio alone decides.
    assert_eq!(uncordoned(9), ["n1"]);
}

/// The plan uncordons `n1`, for which the scheduler has nominated emmy, and `n0` as the last node of its zone. In the checker's
/// outcome she was nominated for `n0`, and `n1` was not needed.
#[test]
fn a_nominated_pod_keeps_its_node_where_another_one_is_uncordoned_too() {
    let zonal = labelled("topology.kubernetes.io/zone", "z", cordoned(7200, node("n0")));
    let mut emmy = refused(3600, user("emmy", 1));
    if let Some(unbound) = &mut emmy.unbound {
        unbound.nominated = Some("n1".into());
    }
    let case = Case::new(vec![zonal, cordoned(60, node("n1"))], vec![emmy], vec![]);
    let case = case.min_nodes(1).max_nodes(1).with(|policy| policy.bounds.keep_zones = true);
    assert_eq!(names(&case.plan(), "uncordon"), ["n0", "n1"]);
}

/// ada has a GPU on the reserved `g1`. `n2` boots and will have one, but reports none yet: she is no demand on the common nodes.
/// The naive planner counted her and uncordoned `n3`.
#[test]
fn a_user_on_a_reserved_node_reaches_no_node_that_does_not_report_the_device_yet() {
    let gpus = |count: u64| Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), count)])));
    let mut device = tainted("nvidia.com/gpu", node("g1"));
    (device.allocatable.further, device.capacity.further) = (gpus(1), gpus(1));
    let mut known = template(&[], &[]);
    if let Some(template) = &mut known {
        (template.allocatable.further, template.capacity.further) = (gpus(1), gpus(1));
    }
    let boots = in_group("z/open", created(100, not_ready(60, node("n2"))));
    let nodes = vec![device, node("n0"), boots, cordoned(7200, node("n3"))];
    let mut ada = on("g1", tolerating("nvidia.com/gpu", user("ada", 4)));
    ada.requests = ada.requests.with_further(gpus(1));
    let groups = vec![NodeGroup { template: known, ..group("z/open") }];
    let case = Case::new(nodes, vec![ada, on("n0", user("ben", 6))], groups);
    let case = case.with(|policy| policy.max_deletions = Budget::Count(0));
    assert_eq!(names(&case.plan(), "uncordon"), Vec::<String>::new());
}

/// emmy asks for a GPU of `n0`. ada has room there too, but the newer `n1` is the first place for her. In the checker's outcome she
/// went to `n0` by its name, and nobody needed `n1`.
#[test]
fn a_pod_goes_to_the_first_of_two_uncordoned_nodes_in_the_order_of_places() {
    let gpus = |count: u64| Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), count)])));
    let mut device = cordoned(7200, node("n0"));
    (device.allocatable.further, device.capacity.further) = (gpus(2), gpus(2));
    let newer = created(7200, cordoned(7200, node("n1")));
    let mut emmy = refused(29, user("emmy", 2));
    emmy.requests = emmy.requests.with_further(gpus(1));
    let case = Case::new(vec![device, newer], vec![refused(29, user("ada", 1)), emmy], vec![]);
    let uncordoned: BTreeSet<String> = names(&case.plan(), "uncordon").into_iter().collect();
    assert_eq!(uncordoned, BTreeSet::from(["n0".to_owned(), "n1".to_owned()]));
}
