//! Nodes that were created endlessly, or never.

use std::sync::Arc;

use kube_rebalancer_core::model::{CreatedFor, FurtherAmounts, LabelSelector, Operator, Requirement};
use kube_rebalancer_core::plan::{Limit, Warning};
use kube_rebalancer_core::policy::PartsPerMillion;

use super::*;

const GROUP: &str = "z/users";

/// One full node of a group, whose users request more.
fn full(newcomers: Vec<Node>) -> Case {
    let mut nodes = vec![in_group(GROUP, node("n0"))];
    nodes.extend(newcomers.into_iter().map(|node| in_group(GROUP, node)));
    Case::new(nodes, vec![on("n0", user("ada", 8))], vec![group(GROUP)])
}

#[test]
fn a_group_grows_unless_its_youngest_node_is_of_no_use() {
    for (sentence, newcomers, grows) in [
        ("no newcomer", vec![], true),
        ("reserved", vec![tainted("surprise", created(60, node("n1")))], false),
        ("reserved, 29 minutes old", vec![tainted("surprise", created(1799, node("n1")))], false),
        // A person may have tainted it since, to work on it: the users of the group do not wait for that.
        ("reserved, 30 minutes old", vec![tainted("surprise", created(1800, node("n1")))], true),
        ("broken since it came", vec![not_ready(900, created(900, node("n1")))], false),
        (
            "under a startup taint",
            vec![tainted("node.cilium.io/agent-not-ready", created(900, node("n1")))],
            false,
        ),
        ("broken and older", vec![not_ready(1800, created(1800, node("n1")))], true),
    ] {
        assert_eq!(!grown(&full(newcomers).plan()).is_empty(), grows, "{sentence}");
    }
}

#[test]
fn a_newcomer_that_still_boots_does_not_hide_the_useless_one_before_it() {
    let newcomers = vec![not_ready(900, created(900, node("n1"))), not_ready(60, created(60, node("n2")))];
    let mut case = full(newcomers).min_nodes(3);
    case.policy.bounds.max_nodes = 9;
    assert_eq!(grown(&case.plan()), BTreeMap::new());
}

/// A node that boots reports 8, and omitted pods take all of them: it will serve nobody, although the other node of its group
/// has 24.
#[test]
fn a_booting_node_that_omitted_pods_fill_is_no_capacity_to_come() {
    let mut large = in_group(GROUP, node("n0"));
    (large.allocatable.memory, large.capacity.memory) = (Some(Bytes(24)), Some(Bytes(24)));
    let boots = in_group(GROUP, tainted("node.cilium.io/agent-not-ready", created(400, node("n1"))));
    let grows = |pods: Vec<Pod>| {
        let pods = [vec![on("n0", user("ada", 21))], pods].concat();
        let case = Case::new(vec![large.clone(), boots.clone()], pods, vec![group(GROUP)]);
        !grown(&case.min_nodes(1).plan()).is_empty()
    };
    assert!(!grows(vec![]), "21 of 32");
    assert!(
        grows(vec![on("n1", omitted("agent", 8))]),
        "21 of 24 is above the band, not 21 of 24 + (24 - 8)"
    );
}

fn noted(nodes: u32, seconds: i64) -> Ledger {
    let useless = [(GROUP.to_owned(), CreatedFor { nodes, at: ago(seconds) })].into();
    Ledger { useless, ..Ledger::default() }
}

#[test]
fn a_group_is_not_grown_for_a_doubled_pause_after_each_useless_node() {
    for (nodes, seconds, grows) in [
        (1, 899, false),
        (1, 900, true),
        (2, 900, false),
        (2, 1800, true),
        (40, 86_399, false),
        (40, 86_400, true),
    ] {
        let case = full(vec![]).noting(noted(nodes, seconds));
        assert_eq!(!grown(&case.plan()).is_empty(), grows, "{nodes} {seconds}");
    }
}

#[test]
fn useless_nodes_are_noted_once_each_and_forgotten_when_a_later_one_serves() {
    let noted_by = |case: &Case| case.plan().ledger.map(|ledger| ledger.useless.get(GROUP).copied());
    let one = |nodes| Some(Some(CreatedFor { nodes, at: NOW }));
    let broken = || full(vec![not_ready(900, created(900, node("n1")))]);
    assert_eq!(noted_by(&broken().noting(Ledger::default())), one(1));
    assert_eq!(noted_by(&broken().noting(noted(1, 899))), None, "this one was noted");
    assert_eq!(noted_by(&broken().noting(noted(1, 901))), one(2));
    assert_eq!(noted_by(&broken()), None, "nothing can be kept");
    let serves = full(vec![created(600, node("n1"))]);
    assert_eq!(noted_by(&serves.clone().noting(noted(3, 601))), Some(None));
    assert_eq!(noted_by(&serves.noting(noted(3, 600))), None, "it came before the note");
    let mut late = full(vec![]);
    late.groups[0].instances.push(instance("i1", 900));
    assert_eq!(noted_by(&late.noting(Ledger::default())), one(1));
}

/// The cloud of the other group did not answer in this run. Its record stays: else each such run would buy one more machine.
#[test]
fn the_record_of_a_group_that_is_not_listed_is_kept_for_a_week() {
    let with_other = |seconds| {
        let other = ("z/other".to_owned(), CreatedFor { nodes: 3, at: ago(seconds) });
        Ledger { useless: [other].into(), ..Ledger::default() }
    };
    let names =
        |seconds| full(vec![]).noting(with_other(seconds)).plan().ledger.map(|ledger| ledger.useless.len());
    assert_eq!(names(7 * 86_400 - 1), None, "the record is as it was");
    assert_eq!(names(7 * 86_400), Some(0));
}

/// Runs an hour apart see a new node only when it is older than twice `BOOT_GRACE`, which is 30 minutes here.
#[test]
fn a_node_that_never_was_usable_is_noted_by_rare_runs_too() {
    let noted_by = |case: &Case| case.plan().ledger.map(|ledger| ledger.useless.get(GROUP).copied());
    let hour_old = |not_ready_for| full(vec![not_ready(not_ready_for, created(3600, node("n1")))]);
    // Two useless nodes before it: with this one the pause is an hour, and half of it has passed.
    let third = hour_old(3600).noting(noted(2, 7200));
    assert_eq!(noted_by(&third), Some(Some(CreatedFor { nodes: 3, at: ago(1800) })));
    assert_eq!(grown(&third.plan()), BTreeMap::new());
    // Alone it causes no delay.
    assert!(!grown(&hour_old(3600).noting(Ledger::default()).plan()).is_empty());
    // This one served for 50 minutes.
    assert_eq!(noted_by(&hour_old(600).noting(noted(2, 7200))), None);
}

/// A person taints the youngest node to work on it, or gives it a label that omits it. It has been there for hours.
#[test]
fn an_old_node_that_is_out_of_use_is_noted_and_causes_no_delay() {
    let noted_by = |case: &Case| case.plan().ledger.map(|ledger| ledger.useless.get(GROUP).copied());
    let old = || created(7200, node("n1"));
    let mut labelled = old();
    labelled.labels.insert("hands-off", "");
    for node in [tainted("debug", old()), labelled] {
        let case = full(vec![node]).with(|policy| {
            policy.omit_labels = ["hands-off".to_owned()].into();
        });
        assert!(!grown(&case.plan()).is_empty());
        let case = case.noting(Ledger::default());
        assert_eq!(noted_by(&case), Some(Some(CreatedFor { nodes: 1, at: ago(5400) })));
        assert!(!grown(&case.plan()).is_empty());
        // After two more of them the pause is an hour.
        let third = case.noting(noted(2, 7201));
        assert!(!grown(&third.plan()).is_empty());
    }
}

#[test]
fn a_node_that_would_not_be_managed_is_never_created() {
    let only = |value: &str| {
        let operator = Operator::In(vec![value.to_owned()]);
        LabelSelector(vec![Requirement { key: "pool".to_owned(), operator }])
    };
    for (labels, grows) in [([("pool", "users")], true), ([("pool", "large")], false)] {
        let empty = NodeGroup { template: template(&labels, &[]), ..group(GROUP) };
        let case = Case::new(vec![], vec![], vec![empty]).min_nodes(3).with(|policy| {
            policy.node_selector = only("users");
            policy.node_groups_named = true;
        });
        assert_eq!(!grown(&case.plan()).is_empty(), grows, "{labels:?}");
    }
}

#[test]
fn a_group_is_not_grown_whose_new_nodes_come_without_the_pool_label() {
    let member = |name: &str| in_group(GROUP, labelled("pool", "users", node(name)));
    for (youngest, grows) in [(member("n1"), true), (in_group(GROUP, node("n1")), false)] {
        let nodes = vec![member("n0"), created(60, youngest)];
        let case = Case::new(nodes, vec![], vec![group(GROUP)])
            .min_nodes(4)
            .with(|policy| policy.pool_label = Some("pool".to_owned()));
        assert_eq!(!grown(&case.plan()).is_empty(), grows);
    }
}

#[test]
fn every_node_that_the_groups_of_a_pool_made_counts_under_max_nodes() {
    let others = [tainted("odd", node("n1")), labelled("omit", "", node("n2"))];
    let nodes = [node("n0")].into_iter().chain(others).chain([created(60, node("n3"))]);
    let case = Case::new(nodes.map(|node| in_group(GROUP, node)).collect(), vec![], vec![group(GROUP)]);
    let case = case.min_nodes(9).with(|policy| {
        policy.omit_labels = ["omit".to_owned()].into();
        policy.bounds.max_nodes = 10;
    });
    assert_eq!(grown(&case.plan()), [(GROUP.to_owned(), 6)].into());
}

#[test]
fn a_group_of_reserved_nodes_of_unknown_size_is_not_grown() {
    let reserved = in_group(GROUP, tainted("dedicated", cordoned_by_others(60, not_ready(60, node("n0")))));
    let case = Case::new(vec![node("n1"), reserved], vec![], vec![group(GROUP)]).min_nodes(9);
    assert_eq!(grown(&case.plan()), BTreeMap::new());
}

#[test]
fn the_plan_says_where_max_nodes_keeps_it_below_min_nodes() {
    let dead = |name: &str| in_group(GROUP, cordoned(4000, not_ready(4000, node(name))));
    let mut case = Case::new(
        vec![in_group(GROUP, node("n0")), dead("n1"), dead("n2")],
        vec![on("n0", user("ada", 4)), on("n1", user("alan", 1)), on("n2", user("emmy", 1))],
        vec![group(GROUP)],
    );
    case = case.min_nodes(3).with(|policy| policy.max_unready_percent = 100);
    case.policy.bounds.max_nodes = 3;
    let plan = case.plan();
    let said = plan.all_limits().any(|limit| matches!(limit, Limit::MaxNodes { asked: 3, allowed: 1, .. }));
    assert!(said, "{:?}", plan.all_limits().collect::<Vec<_>>());
}

#[test]
fn an_instance_of_a_group_that_is_not_discovered_is_not_deleted() {
    for named in [true, false] {
        let other = NodeGroup { instances: vec![instance("i0", 4000)], ..group("z/others") };
        let nodes = vec![in_group(GROUP, node("n0"))];
        let case = Case::new(nodes, vec![on("n0", user("ada", 6))], vec![group(GROUP), other])
            .with(|policy| policy.node_groups_named = named);
        let plan = case.plan();
        assert_eq!(plan.actions.iter().any(|one| matches!(one, Action::DeleteInstance { .. })), named);
    }
}

#[test]
fn a_plan_that_only_deletes_an_instance_need_not_be_final() {
    let late = NodeGroup { instances: vec![instance("i0", 4000)], ..group(GROUP) };
    let mut case = full(vec![]);
    case.groups = vec![late];
    case.policy.bounds.max_nodes = 2;
    let plan = case.plan();
    assert!(
        plan.actions.iter().all(|one| matches!(one, Action::DeleteInstance { .. })),
        "{:?}",
        plan.actions
    );
    assert!(kube_rebalancer_core::check::cut_short(&plan));
}

#[test]
fn an_empty_pool_grows_although_its_template_carries_a_taint() {
    let labels = [("pool", "core")];
    let empty = NodeGroup { template: template(&labels, &["dedicated"]), ..group(GROUP) };
    let case = Case::new(vec![], vec![], vec![empty]).min_nodes(1).with(|policy| {
        policy.pool_label = Some("pool".to_owned());
        policy.node_groups_named = true;
    });
    let plan = case.plan();
    assert_eq!(grown(&plan), [(GROUP.to_owned(), 1)].into());
    assert!(!plan.warnings.iter().any(|one| matches!(one, Warning::GroupNotGrown { .. })));
}

#[test]
fn nodes_that_come_too_small_for_their_daemons_are_not_created_without_end() {
    let daemon = Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "net".into(),
        uid: "net".into(),
    };
    // Eight are promised, the node has two, and the daemon takes both.
    let mut small = in_group(GROUP, node("n0"));
    (small.allocatable.memory, small.capacity.memory) = (Some(Bytes(2)), Some(Bytes(2)));
    let net = Pod { controller: Some(daemon.into()), label_keys: [].into(), ..user("net", 2) };
    let users = NodeGroup { template: template(&[], &[]), ..group(GROUP) };
    let case = Case::new(vec![small], vec![on("n0", net)], vec![users]);
    assert_eq!(grown(&case.plan()), BTreeMap::new());
}

#[test]
fn a_parked_node_does_not_hide_the_newcomer_that_serves() {
    let mut parked = cordoned(4200, not_ready(3600, created(100, node("n1"))));
    parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
    let case = full(vec![created(400, node("n2")), parked]).noting(noted(9, 1500));
    let case = case.min_nodes(5);
    let plan = plan(&case.snapshot(), &case.policy).unwrap();
    assert!(!grown(&plan).is_empty(), "{:?}", plan.warnings);
}

#[test]
fn the_only_group_that_takes_a_user_with_a_device_grows_from_nothing() {
    let gpu = |amount: u64| Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), amount)])));
    let mut of_gpus = template(&[], &["nvidia.com/gpu"]);
    of_gpus.as_mut().unwrap().allocatable.further = gpu(2);
    let mut emmy = tolerating("nvidia.com/gpu", refused(10, user("emmy", 5)));
    emmy.requests = emmy.requests.with_further(gpu(1));
    let groups = vec![group("z/plain"), NodeGroup { template: of_gpus, ..group("z/with-gpus") }];
    let case = Case::new(vec![], vec![emmy], groups).min_nodes(1).with(|policy| {
        policy.node_groups_named = true;
    });
    assert_eq!(grown(&case.plan()), [("z/with-gpus".to_owned(), 1)].into());
}

#[test]
fn a_group_of_an_empty_cluster_grows_to_min_nodes_whatever_its_system() {
    let windows =
        NodeGroup { template: template(&[("kubernetes.io/os", "windows")], &[]), ..group("z/windows") };
    let case =
        Case::new(vec![], vec![], vec![windows]).min_nodes(1).with(|policy| policy.node_groups_named = true);
    assert_eq!(grown(&case.plan()), [("z/windows".to_owned(), 1)].into());
}

/// An omitted daemon that runs on a booting node takes its room, whether or not other nodes of the group have one.
#[test]
fn a_booting_node_counts_without_the_omitted_daemon_that_runs_there() {
    let daemon = Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "logs".into(),
        uid: "logs".into(),
    };
    let logs = Pod { controller: Some(daemon.into()), ..omitted("logs-n1", 4) };
    let boots = in_group(GROUP, not_ready(60, node("n1")));
    let promised = NodeGroup { template: template(&[], &[]), ..group(GROUP) };
    let pods = vec![on("n0", user("ada", 8)), on("n1", logs)];
    let case =
        Case::new(vec![in_group("z/other", node("n0")), boots], pods, vec![promised, group("z/other")]);
    // Of 8 and 8 - 4, 8 are requested: 0.667. Were it 8 of 16, the 0.5 would be enough as well.
    let plan = case.with(|policy| policy.bounds.optimal_utilization = PartsPerMillion(750_000)).plan();
    let after = plan.pools[0].after.utilization.ratio();
    assert_eq!((after.requested, after.capacity), (8, 12));
}

/// A pod of another namespace that names the UID of a `DaemonSet` is not the daemon of a booting node.
#[test]
fn a_forged_daemon_does_not_replace_the_one_to_come() {
    let daemon = Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "logs".into(),
        uid: "logs".into(),
    };
    let logs = |name: &str, size| Pod { controller: Some(daemon.clone().into()), ..omitted(name, size) };
    let forged = Pod { namespace: "mallory".into(), ..logs("forged", 0) };
    let mut pods = vec![on("n0", user("ada", 4)), on("n1", user("ben", 4))];
    pods.extend([on("n0", logs("logs-n0", 4)), on("n1", logs("logs-n1", 4)), on("n2", forged)]);
    let mut nodes: Vec<Node> = ["n0", "n1"].map(|name| in_group(GROUP, node(name))).into();
    nodes.push(in_group(GROUP, not_ready(60, node("n2"))));
    let plan = Case::new(nodes, pods, vec![group(GROUP)]).plan();
    // Of 8, the daemon takes 4 on each of the three nodes.
    let after = plan.pools[0].after.utilization.ratio();
    assert_eq!((after.requested, after.capacity), (8, 12));
}

/// The devices of a new node make its taint special, even if its own daemons take all of them.
#[test]
fn a_reserved_group_does_not_grow_because_its_daemons_use_the_devices() {
    let gpu = |amount: u64| Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), amount)])));
    let mut odd = tainted("nvidia.com/gpu", in_group(GROUP, cordoned_by_others(600, node("n0"))));
    (odd.allocatable.further, odd.capacity.further) = (gpu(1), gpu(1));
    let daemon = Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "plugin".into(),
        uid: "plugin".into(),
    };
    let mut plugin = Pod { controller: Some(daemon.into()), ..omitted("plugin", 1) };
    plugin.requests = plugin.requests.with_further(gpu(1));
    let case = Case::new(vec![odd], vec![on("n0", plugin)], vec![group(GROUP)]).min_nodes(1);
    assert_eq!(grown(&case.plan()), BTreeMap::new());
}

/// The device of the only node has not come, so by its users that node is common. A new one would have the device.
#[test]
fn a_new_node_is_reserved_by_its_device_although_the_node_that_lacks_it_is_common() {
    let mut of_gpus = template(&[], &["nvidia.com/gpu"]);
    of_gpus.as_mut().unwrap().allocatable.further =
        Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 2)])));
    let lacks = tainted("nvidia.com/gpu", in_group("z/gpus", node("n0")));
    let plain = in_group("z/plain", cordoned_by_others(60, node("n1")));
    let ada = on("n0", tolerating("nvidia.com/gpu", user("ada", 1)));
    let groups = vec![NodeGroup { template: of_gpus, ..group("z/gpus") }, group("z/plain")];
    let plan = Case::new(vec![lacks, plain], vec![ada], groups).min_nodes(2).plan();
    assert_eq!(grown(&plan), [("z/plain".to_owned(), 2)].into(), "{:?}", plan.warnings);
}

#[test]
fn a_claimed_newcomer_that_still_boots_does_not_hide_the_useless_one_before_it() {
    let useless = tainted("surprise", cordoned_by_others(60, created(400, node("n1"))));
    let leaves = claimed(300, cordoned(3600, not_ready(899, created(400, node("n2")))));
    let case = Case::new(vec![node("n0"), useless, leaves], vec![], vec![]).min_nodes(4);
    assert_eq!(grown(&case.plan()), BTreeMap::new());
}

/// Otherwise a taint that keeps a node for others would turn with the cordon of the nominated node, in the middle of a run.
#[test]
fn a_nominated_pod_is_one_of_the_refused_pods_that_make_a_taint_common() {
    let mut core = node("n0");
    core.taints.push(Taint { value: "core".to_owned(), ..taint("hub.jupyter.org/dedicated") });
    let nominated = |pod: Pod| {
        let mut pod = tolerating("hub.jupyter.org/dedicated", pod);
        pod.unbound.as_mut().unwrap().nominated = Some("n0".into());
        pod
    };
    let nominated = nominated(refused(10, user("emmy", 3)));
    for (pod, grows) in [(nominated.clone(), 1), (Pod { unbound: None, ..on("n0", nominated) }, 0)] {
        let plan = Case::new(vec![core.clone()], vec![pod], vec![]).min_nodes(2).plan();
        assert_eq!(grown(&plan).values().sum::<u32>(), grows);
    }
}

/// Two of the nodes of `GROUP` are in pool a, the first by name is in pool b. Its instance was counted in both pools, which
/// left no room under `MAX_NODES` for the node that pool b needs.
#[test]
fn a_group_with_nodes_in_two_pools_belongs_to_the_pool_of_most_of_them() {
    let of = |group: &str, pool: &str, name: &str| in_group(group, labelled("pool", pool, node(name)));
    let nodes = vec![of(GROUP, "b", "n0"), of(GROUP, "a", "n1"), of(GROUP, "a", "n2"), of("z/b", "b", "n3")];
    let pods = vec![on("n0", user("ada", 8)), on("n1", user("alan", 8)), on("n2", user("emmy", 8))];
    let pods = pods.into_iter().chain([on("n3", user("kurt", 8))]).collect();
    let groups = vec![NodeGroup { instances: vec![instance("i0", 60)], ..group(GROUP) }, group("z/b")];
    let mut case = Case::new(nodes, pods, groups).with(|policy| policy.pool_label = Some("pool".to_owned()));
    case.policy.bounds.max_nodes = 3;
    // Pool a has its three, of which one boots; pool b may have one more, and its own group makes it.
    assert_eq!(grown(&case.plan()), [("z/b".to_owned(), 1)].into());
}

/// A node that was given back: its machine is gone, and its Node object is not.
fn given_back(name: &str) -> Node {
    let mut gone = cordoned(7200, not_ready(3600, tainted(taint::UNREACHABLE, node(name))));
    let machine = format!("script:///{name}");
    gone.outside = Some("no list names it".to_owned());
    gone.annotations.insert(annotation::DELETION_ASKED.to_owned(), machine.clone());
    gone.provider_id = Some(machine);
    gone
}

/// ada does not tolerate the taint of `n0`, which came after her: a new node does not have it. `n1` lacks it and is no machine. The
/// run that deleted its Node object created nothing, and the next one did.
#[test]
fn a_node_object_whose_machine_is_proven_gone_keeps_no_taint_on_a_new_node() {
    let mut recycled = tainted("hub.jupyter.org/dedicated", node("n0"));
    recycled.taints[0].value = "user".to_owned();
    let grows = |recycled: Node| {
        let pods = vec![on("n0", user("ada", 3))];
        let mut case = Case::new(vec![recycled, given_back("n1")], pods, vec![group(GROUP)]).min_nodes(2);
        case.fates = [("n1".to_owned(), MachineFate::Gone)].into();
        let case = case.with(|policy| policy.delete_node_objects = true);
        grown(&case.plan()).values().sum::<u32>()
    };
    assert_eq!(grows(in_group(GROUP, recycled)), 1);
    // Beside `n1` this one is reserved. Once its Node object is gone, it is not, and a new node may not be needed.
    assert_eq!(grows(in_group(GROUP, tainted("odd", node("n0")))), 0);
}

/// A user waits while the machine of n1 is gone and its Node object is not: with `DELETE_NODE_OBJECTS` it goes after two
/// runs, and where `MAX_DELETIONS` is 0 not before a person has looked.
#[test]
fn a_node_object_whose_machine_is_proven_gone_takes_no_room_under_max_nodes() {
    let left = |pod: Option<Pod>, fate: MachineFate| {
        let gone = given_back("n1");
        let pods = vec![on("n0", user("ada", 8)), refused(60, user("emmy", 4))];
        let pods = pods.into_iter().chain(pod).collect();
        let mut case = Case::new(vec![in_group(GROUP, node("n0")), gone], pods, vec![group(GROUP)]);
        case.policy.bounds.max_nodes = 2;
        case.fates = [("n1".to_owned(), fate)].into();
        case.with(|policy| (policy.delete_node_objects, policy.max_deletions) = (true, Budget::Count(0)))
    };
    let grows = |case: &Case| grown(&case.plan()).values().sum::<u32>();
    assert_eq!(grows(&left(None, MachineFate::Gone)), 1);
    assert_eq!(grows(&left(None, MachineFate::Unknown("no answer".to_owned()))), 0);
    assert_eq!(grows(&left(None, MachineFate::Gone).with(|policy| policy.delete_node_objects = false)), 0);
    // Where somebody is on it, in doubt it exists.
    assert_eq!(grows(&left(Some(on("n1", user("alan", 1))), MachineFate::Gone)), 0);
}

/// The cloud's template does not name the device, and the only node that shows it is not in use.
#[test]
fn a_group_does_not_grow_whose_nodes_have_the_device_of_their_taint_though_its_template_has_none() {
    let odd =
        tainted("node.cilium.io/agent-not-ready", tainted("nvidia.com/gpu", in_group(GROUP, node("n0"))));
    let of_gpus = NodeGroup { template: template(&[], &[]), ..group(GROUP) };
    for (gpus, grows) in [(Some(2), false), (None, true)] {
        let mut odd = odd.clone();
        odd.allocatable.further =
            gpus.map(|gpus| Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), gpus)])));
        let mut case = Case::new(vec![odd], vec![], vec![of_gpus.clone()]).min_nodes(3);
        case.policy.ok_unready_nodes = 9;
        assert_eq!(!grown(&case.plan()).is_empty(), grows, "{gpus:?}");
    }
}

/// The pods of one DaemonSet request 3 and 5. A new node gets one of 3, the lower median: 17 of 24 is nearest to the optimum. The
/// naive planner took the first pod that it found, of 5.
#[test]
fn a_new_node_carries_the_median_of_the_pods_of_a_daemon_set() {
    let agent = |name: &str, node: &str, memory| {
        let kind = "DaemonSet".into();
        let controller =
            Controller { group: Some("apps".into()), kind, name: "agent".into(), uid: "agent".into() };
        let pod = on(node, user(name, memory));
        Pod { label_keys: [].into(), controller: Some(controller.into()), ..pod }
    };
    let pods = vec![
        agent("agent-1", "n1", 5),
        agent("agent-2", "n0", 3),
        on("n0", user("ada", 4)),
        on("n1", user("ben", 2)),
    ];
    let case = Case::new(vec![node("n0"), node("n1")], pods, vec![]);
    assert_eq!(grown(&case.plan()).values().sum::<u32>(), 1);
}

/// Only the placeholder on the dead `n1` keeps the group from growing: no new node takes it. It requests neither memory nor CPU, and
/// the checker did not see it there.
#[test]
fn a_placeholder_without_memory_on_a_dead_node_excuses_the_growth_after_it() {
    let gone = MachineFate::Gone;
    let mut dead = given_back("n1");
    dead.annotations.insert(annotation::GONE_SINCE.to_owned(), ago(600).to_string());
    dead.annotations.insert(annotation::GONE_MACHINE.to_owned(), "script:///n1".to_owned());
    let gpus = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 1)])));
    let mut reserve = on("n1", Pod { priority: -10, ends_at_once: true, ..omitted("reserve", 0) });
    reserve.namespace = "hub".into();
    reserve.requests = reserve.requests.with_further(gpus);
    let broken = cordoned_by_others(600, not_ready(3600, node("n2")));
    let known = NodeGroup { template: template(&[], &[]), ..group(GROUP) };
    let mut case = Case::new(vec![dead, broken], vec![reserve], vec![known]).min_nodes(2);
    case.fates = [("n1".to_owned(), gone)].into();
    let case = case.with(|policy| (policy.delete_node_objects, policy.node_groups_named) = (true, true));
    let plan = case.plan();
    assert_eq!((names(&plan, "delete-object"), grown(&plan)), (vec!["n1".to_owned()], BTreeMap::new()));
}

/// No node of the group is healthy, so its size is unknown, and half of its nodes have a taint that one of three users tolerates. The
/// planner did not ask what a new node would be, and bought reserved ones.
#[test]
fn a_group_of_unknown_size_does_not_grow_whose_new_node_would_be_reserved() {
    let dead = |name: &str| in_group(GROUP, cordoned_by_others(600, not_ready(5000, node(name))));
    let pods = vec![
        on("n0", tolerating("odd", user("ada", 3))),
        on("n2", user("ben", 3)),
        on("n2", user("cleo", 3)),
    ];
    let grows = |first: Node| {
        let case =
            Case::new(vec![first, dead("n1"), node("n2")], pods.clone(), vec![group(GROUP)]).min_nodes(3);
        grown(&case.with(|policy| policy.max_deletions = Budget::Count(0)).plan())
    };
    assert_eq!(grows(tainted("odd", dead("n0"))), BTreeMap::new());
    assert!(!grows(dead("n0")).is_empty());
}
