//! Pods between two pools, or between the node groups of several zones.

use std::sync::Arc;

use kube_rebalancer_core::model::{CreatedFor, FurtherAmounts};

use super::*;

/// The checker counted the hub's pod in the pool `users`, where a node without its user would hold it, and refused the cordon
/// of a node there. The first place for that pod is the new node of the other pool.
#[test]
fn a_pod_belongs_to_the_pool_whose_new_node_takes_it() {
    let mut large = labelled("pool", "gpu", labelled("zone", "a", cordoned_by_others(600, node("n1"))));
    (large.allocatable.memory, large.capacity.memory) = (Some(Bytes(16)), Some(Bytes(16)));
    let gpu = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 2)])));
    (large.allocatable.further, large.capacity.further) = (gpu.clone(), gpu);
    let nodes = vec![
        large,
        labelled("pool", "users", node("n2")),
        labelled("pool", "users", tainted("odd", node("n6"))),
    ];
    let critical = |name, memory| Pod { label_keys: [].into(), ..user(name, memory) };
    let mut ada = refused(29, tolerating("odd", user("ada", 2)));
    let mut constraints = (*ada.constraints).clone();
    constraints.node_selector.insert("zone".to_owned(), "a".to_owned());
    ada.constraints = constraints.into();
    let pods = vec![ada, refused(29, critical("hub", 8)), on("n2", critical("proxy", 1))];
    let case = Case::new(nodes, pods, vec![]).with(|policy| policy.pool_label = Some("pool".to_owned()));
    let plan = case.plan();
    assert_eq!((names(&plan, "cordon"), grown(&plan).len()), (vec!["n6".to_owned()], 1));
}

/// The checker counted ada in the pool `users`, where `n1` would hold her without its user, and refused the cordon of `n2`.
/// The first place for her is a new node of the other pool, also where this run creates none.
#[test]
fn a_pod_belongs_to_the_pool_whose_new_node_would_take_it_also_while_none_is_created() {
    let sized = |memory, node: Node| {
        let size = NodeResources { memory: Some(Bytes(memory)), ..eight() };
        Node { allocatable: size.clone(), capacity: size, ..node }
    };
    let nodes = vec![
        labelled("pool", "very-large", sized(16, node("g1"))),
        labelled("pool", "users", node("n1")),
        labelled("pool", "users", sized(3, node("n2"))),
        labelled("pool", "users", sized(3, node("n3"))),
    ];
    let pods = vec![refused(300, user("ada", 8)), on("g1", user("ben", 12)), on("n1", user("cleo", 5))];
    let case = Case::new(nodes, pods, vec![]).with(|policy| {
        policy.pool_label = Some("pool".to_owned());
        policy.max_creations = Budget::Count(0);
    });
    let plan = case.plan();
    let cordons = BTreeSet::from(["n2".to_owned(), "n3".to_owned()]);
    assert_eq!(
        (names(&plan, "cordon").into_iter().collect::<BTreeSet<_>>(), grown(&plan)),
        (cordons, BTreeMap::new())
    );
}

/// `a2` has room for ada, and so has `b1`. The devices of `a1` keep her out of the pool `a`. The checker looked at `a2` alone,
/// counted her there, and refused its cordon.
#[test]
fn a_node_without_devices_in_a_pool_of_devices_is_no_better_place() {
    let gpus = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 2)])));
    let mut device = labelled("pool", "a", node("a1"));
    (device.allocatable.further, device.capacity.further) = (gpus.clone(), gpus);
    let nodes = vec![device, labelled("pool", "a", node("a2")), labelled("pool", "b", node("b1"))];
    let pods = vec![on("a1", user("ben", 5)), refused(29, user("ada", 3))];
    let case = Case::new(nodes, pods, vec![]).with(|policy| policy.pool_label = Some("pool".to_owned()));
    assert_eq!(names(&case.plan(), "cordon"), ["a2"]);
}

/// ada and ben have room on `g1` of the pool `gpu`, but not both. Once `g1` is uncordoned and the scheduler has nominated ada for
/// it, ben belongs to the pool `core`, where `c2` is reserved and cordoned. The checker did not count ada on `g1`, left him in the
/// pool `gpu`, and reported the uncordon of `c2` as unrest.
#[test]
fn a_nominated_pod_takes_room_when_the_pool_of_another_is_looked_for() {
    let gpus = |count: u64| Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), count)])));
    let mut device = labelled("pool", "gpu", cordoned(7200, node("g1")));
    device.allocatable = NodeResources { memory: Some(Bytes(15)), further: gpus(2), ..eight() };
    device.capacity = device.allocatable.clone();
    let mut core = labelled("pool", "core", cordoned(7200, tainted("hub.jupyter.org/dedicated", node("c2"))));
    core.taints[0].value = "core".to_owned();
    let mut ada = refused(9000, user("ada", 8));
    ada.requests = ada.requests.with_further(gpus(1));
    let ben = refused(10, tolerating("hub.jupyter.org/dedicated", user("ben", 8)));
    let nodes = vec![device, labelled("pool", "core", node("c1")), core];
    let closed = NodeGroup { not_growable: Some("an autoscaler is attached".to_owned()), ..group("z/users") };
    let case = Case::new(nodes, vec![ada, ben, on("c1", user("cleo", 6))], vec![closed])
        .with(|policy| policy.pool_label = Some("pool".to_owned()));
    assert_eq!(names(&case.plan(), "uncordon"), ["g1"]);
}

/// ada and ben fill `u1`, which the plan uncordons for them. cleo, whom no scheduler has judged yet, has room there before, and
/// then only on a new node of the pool `large`. Which pool is hers the checker cannot tell, because it does not know that node.
#[test]
fn a_pod_that_may_belong_to_a_new_node_of_another_pool_has_moved() {
    let mut large = template(&[("pool", "large")], &[]);
    if let Some(template) = &mut large {
        template.allocatable.memory = Some(Bytes(24));
    }
    let groups = vec![NodeGroup { template: large, ..group("z/large") }];
    let mut cleo = refused(10, user("cleo", 3));
    if let Some(unbound) = &mut cleo.unbound {
        unbound.refusal = None;
    }
    let pods = vec![refused(29, user("ada", 5)), refused(29, user("ben", 3)), cleo];
    let nodes = vec![labelled("pool", "users", cordoned(7200, node("u1")))];
    let case = Case::new(nodes, pods, groups).with(|policy| {
        policy.pool_label = Some("pool".to_owned());
        policy.node_groups_named = true;
    });
    let plan = case.plan();
    assert_eq!((names(&plan, "uncordon"), grown(&plan)), (vec!["u1".to_owned()], BTreeMap::new()));
}

/// Zone `a` and zone `b` have a node each, so the first group by name creates the node for emmy. The group `a/one` created one
/// for her a minute ago and pauses. The planner counted it as one more node of zone `a` and went on to zone `b`.
#[test]
fn a_group_that_creates_nothing_for_a_pod_adds_nothing_to_its_zone() {
    let in_zone = |zone: &str, name: &str| {
        let node = labelled("topology.kubernetes.io/zone", zone, node(name));
        in_group(&format!("{zone}/one"), node)
    };
    let of_zone = |zone: &str, name: &str| NodeGroup { zone: Some(zone.to_owned()), ..group(name) };
    let labels = [("topology.kubernetes.io/zone", "a")];
    let empty = NodeGroup { template: template(&labels, &[]), ..of_zone("a", "a/two") };
    let groups = vec![of_zone("a", "a/one"), empty, of_zone("b", "b/one")];
    let nodes = vec![in_zone("a", "n0"), in_zone("b", "n1")];
    let pods = vec![on("n0", user("ada", 8)), on("n1", user("ben", 8)), refused(300, user("emmy", 4))];
    let case = Case::new(nodes, pods, groups).with(|policy| policy.node_groups_named = true);
    let one = CreatedFor { nodes: 1, at: ago(60) };
    let created_for = [(("uid-emmy".to_owned(), "a/one".to_owned()), one)].into();
    let pauses = case.clone().noting(Ledger { created_for, ..Ledger::default() });
    assert_eq!(grown(&pauses.plan()), BTreeMap::from([("a/two".to_owned(), 1)]));
    assert_eq!(grown(&case.plan()), BTreeMap::from([("a/one".to_owned(), 1)]));
}

/// ada has room on two reserved nodes: `a2` under our own cordon, and `b2`, which takes her as it is. The naive planner and the
/// checker took the first pool by name, and the naive planner uncordoned `a2`.
#[test]
fn a_schedulable_reserved_node_comes_before_a_cordoned_one_of_another_pool() {
    let reserved = |name: &str| tainted("course", labelled("course", "x", node(name)));
    let nodes = vec![
        labelled("pool", "a", node("a1")),
        labelled("pool", "a", cordoned(7200, reserved("a2"))),
        labelled("pool", "b", node("b1")),
        labelled("pool", "b", reserved("b2")),
    ];
    let mut ada = refused(10, tolerating("course", user("ada", 5)));
    let mut constraints = (*ada.constraints).clone();
    constraints.node_selector.insert("course".to_owned(), "x".to_owned());
    ada.constraints = constraints.into();
    let pods = vec![
        on("a1", user("ben", 3)),
        on("a1", user("cleo", 3)),
        on("b1", user("dora", 3)),
        on("b1", user("emmy", 3)),
        ada,
    ];
    let case = Case::new(nodes, pods, vec![]).with(|policy| {
        policy.pool_label = Some("pool".to_owned());
        policy.max_deletions = Budget::Count(0);
    });
    let plan = case.plan();
    assert_eq!((names(&plan, "uncordon"), grown(&plan)), (Vec::<String>::new(), BTreeMap::new()));
}

/// emmy has no place, and fits `u1` of the pool `users` once ben is gone. The naive planner counted her in the pool of a node that
/// is broken, where no pool needs room for her.
#[test]
fn a_pod_without_a_place_belongs_to_no_pool_of_broken_nodes() {
    let sized = |memory, node: Node| {
        let size = NodeResources { memory: Some(Bytes(memory)), ..eight() };
        Node { allocatable: size.clone(), capacity: size, ..node }
    };
    let nodes = vec![
        labelled("pool", "dead", cordoned(7200, not_ready(3600, sized(24, node("d1"))))),
        labelled("pool", "users", node("u1")),
        labelled("pool", "users", cordoned(7200, sized(6, node("u2")))),
    ];
    let pods = vec![on("u1", user("ben", 3)), refused(7200, user("emmy", 8))];
    let case = Case::new(nodes, pods, vec![]).with(|policy| {
        policy.pool_label = Some("pool".to_owned());
        policy.max_deletions = Budget::Count(0);
        policy.max_creations = Budget::Count(0);
    });
    assert_eq!(names(&case.plan(), "uncordon"), ["u2"]);
}
