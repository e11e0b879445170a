use std::collections::BTreeSet;

use super::*;
use crate::model::{SchedulerRefusal, Unbound};
use crate::plan::fixture::{Build, cluster, node, owned_by, pod, taint, tolerating};
use crate::plan::survey::Survey;
use crate::plan::{Reason, Warning};

const USER: &str = "hub.jupyter.org/username";

fn policy() -> Policy {
    Policy { preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
}

fn pools() -> Policy {
    Policy { pool_label: Some("pool".into()), ..policy() }
}

/// A node with taints, written `key` or `key=value`.
fn with(name: &str, taints: &[&str]) -> Node {
    let parse = |text: &&str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        Taint { value: value.into(), ..taint(key) }
    };
    Node { taints: taints.iter().map(parse).collect(), ..node(name) }
}

fn gpu(mut node: Node) -> Node {
    let further = FurtherAmounts::from([("nvidia.com/gpu".into(), 1)]);
    node.capacity.further = Some(Arc::new(further));
    node
}

fn in_group(node: Node) -> Node {
    Node { group: Some("z/a".into()), ..node }
}

fn in_pool(mut node: Node, pool: &str) -> Node {
    node.labels.insert("pool", pool);
    node
}

fn user(name: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER)
}

fn tolerant(name: &str, key: &str) -> Pod {
    user(name).constrained(tolerating(key))
}

fn refused(pod: Pod) -> Pod {
    let refusal = Some(SchedulerRefusal::default());
    Pod { unbound: Some(Box::new(Unbound { refusal, ..Unbound::default() })), ..pod }
}

/// For each node the word of the reason that reserves it, or `-`.
fn words(nodes: Vec<Node>, pods: Vec<Pod>, policy: &Policy) -> Vec<&'static str> {
    let snapshot = cluster(nodes, pods);
    let survey = Survey::new(&snapshot, policy);
    survey.nodes.iter().map(|facts| facts.reserved.as_deref().map_or("-", Reason::word)).collect()
}

#[test]
fn a_node_without_lasting_taints_is_common() {
    for taints in [
        &[][..],
        &["hub.jupyter.org/dedicated=user"],
        &["hub.jupyter.org_dedicated=user"],
        &["node.kubernetes.io/disk-pressure"],
        &["kube-rebalancer/deleting"],
        &["startup-taint.cluster-autoscaler.kubernetes.io/gpu"],
    ] {
        let seen = words(vec![with("n1", taints), node("n2")], vec![user("ada").on("n1")], &policy());
        assert_eq!(seen, ["-", "-"], "{taints:?}");
    }
}

#[test]
fn a_lasting_taint_reserves_a_node_unless_half_of_the_pool_s_pods_tolerate_it() {
    let nodes = || vec![with("n1", &["old-pool"]), node("n2")];
    let others = |count: usize| (0..count).map(|index| user(&format!("u{index}")).on("n2"));
    let pods = |tolerating: usize, not: usize| {
        let those = (0..tolerating).map(|index| tolerant(&format!("t{index}"), "old-pool").on("n1"));
        those.chain(others(not)).collect::<Vec<_>>()
    };
    for (tolerating, not, expected) in
        [(0, 0, "Reserved"), (1, 0, "-"), (1, 1, "-"), (1, 2, "Reserved"), (3, 3, "-")]
    {
        assert_eq!(
            words(nodes(), pods(tolerating, not), &policy()),
            [expected, "-"],
            "{tolerating} of {not}"
        );
    }
}

#[test]
fn users_pods_and_placeholders_judge_bound_or_not_and_critical_ones_do_not() {
    let nodes = || vec![with("n1", &["old-pool"]), node("n2")];
    let tolerate = |pod: Pod| pod.constrained(tolerating("old-pool"));
    let reserve = |name: &str| {
        let reserve = pod(name).controlled(owned_by("apps", "StatefulSet"));
        Pod { priority: -10, ends_at_once: true, ..reserve }
    };
    for (sentence, pods, expected) in [
        ("a placeholder", vec![tolerate(reserve("hub/p")).on("n1")], "-"),
        ("an unbound user", vec![tolerate(user("ada"))], "-"),
        (
            "an unbound user that is deleted",
            vec![Pod { deleting: true, ..tolerate(user("ada")) }],
            "Reserved",
        ),
        ("a critical pod", vec![tolerate(pod("hub/hub")).on("n1")], "Reserved"),
        ("an omitted placeholder", vec![tolerate(reserve("kube-system/p")).on("n1")], "Reserved"),
    ] {
        assert_eq!(words(nodes(), pods, &policy()), [expected, "-"], "{sentence}");
    }
}

#[test]
fn an_unbound_pod_that_cannot_run_judges_nothing() {
    let nodes = || vec![with("n1", &["old-pool"]), node("n2")];
    let tolerant = |name: &str| tolerant(name, "old-pool");
    let gated =
        |pod: Pod| Pod { unbound: Some(Box::new(Unbound { gated: true, ..Unbound::default() })), ..pod };
    // A node has 32 GiB and 8 cores.
    for (sentence, one, expected) in [
        ("an unbound user", tolerant("eve"), "-"),
        ("a gated one", gated(tolerant("eve")), "Reserved"),
        ("one as large as a node", tolerant("eve").asking(32, 8000), "-"),
        ("one with more memory than a node", tolerant("eve").asking(33, 1), "Reserved"),
        ("one with more CPU than a node", tolerant("eve").asking(1, 8001), "Reserved"),
        ("a bound one with more", tolerant("eve").asking(33, 1).on("n2"), "-"),
    ] {
        let pods = vec![user("ada").on("n2"), one];
        assert_eq!(words(nodes(), pods, &policy()), [expected, "-"], "{sentence}");
    }
    let many = (0..9).map(|index| gated(user(&format!("g{index}"))));
    let pods = many.chain([tolerant("ada").on("n1")]).collect();
    assert_eq!(
        words(nodes(), pods, &policy()),
        ["-", "-"],
        "nor do they turn a common node into a reserved one"
    );
}

#[test]
fn a_pod_judges_if_a_group_without_nodes_may_have_room_for_it() {
    use crate::model::{NodeGroup, NodeTemplate};
    let nodes = || vec![in_group(with("n1", &["old-pool"])), in_group(node("n2"))];
    let template = |node: Node| NodeTemplate {
        allocatable: node.allocatable,
        capacity: node.capacity,
        ..NodeTemplate::default()
    };
    let large = || {
        let mut large = node("n");
        large.allocatable.memory = Some(crate::model::Bytes(64 << 30));
        large
    };
    for (sentence, second, expected) in [
        ("no further group", None, "Reserved"),
        ("one of the same size", Some(Some(template(node("n")))), "Reserved"),
        ("a larger one", Some(Some(template(large()))), "-"),
        ("one whose template has no size", Some(Some(NodeTemplate::default())), "-"),
        ("one of which nothing is known", Some(None), "-"),
    ] {
        let group = |name: &str, template| NodeGroup { name: name.into(), template, ..NodeGroup::default() };
        let mut groups = vec![group("z/a", None)];
        groups.extend(second.map(|template| group("z/b", template)));
        let pods = vec![tolerant("eve", "old-pool").asking(33, 1)];
        let seen = pods.len();
        let snapshot =
            crate::model::Snapshot::new(crate::plan::fixture::now(), nodes(), pods, groups, seen).unwrap();
        let policy = policy();
        let survey = Survey::new(&snapshot, &policy);
        let word = survey.nodes[0].reserved.as_deref().map_or("-", Reason::word);
        assert_eq!(word, expected, "{sentence}");
    }
}

#[test]
fn every_lasting_taint_must_be_tolerated() {
    let nodes = vec![with("n1", &["a", "b"]), node("n2")];
    assert_eq!(words(nodes, vec![tolerant("ada", "a").on("n1")], &policy()), ["Reserved", "-"]);
}

#[test]
fn the_reason_names_the_taint_that_fewest_tolerate_and_one_warning_names_all_its_nodes() {
    let nodes = vec![with("n1", &["a", "b=x"]), with("n2", &["a", "b=x"]), node("n3")];
    let snapshot = cluster(nodes, vec![tolerant("ada", "a").on("n1")]);
    let policy = policy();
    let survey = Survey::new(&snapshot, &policy);
    let taint = "b=x:NoSchedule".to_owned();
    assert_eq!(survey.nodes[1].reserved.as_deref(), Some(&KeepReason::Reserved { taint: taint.clone() }));
    let expected = Warning::Reserved { taint, node: "n1".into(), nodes: 2 };
    assert_eq!(survey.warnings, [expected]);
}

#[test]
fn a_pool_without_a_common_node_has_all_of_them_but_those_kept_for_a_device_or_a_core() {
    let nodes = vec![
        with("n1", &["old-pool"]),
        with("n2", &["other"]),
        gpu(with("n3", &["nvidia.com/gpu"])),
        with("n4", &["hub.jupyter.org/dedicated=core"]),
    ];
    assert_eq!(words(nodes, vec![], &policy()), ["-", "-", "ReservedFor", "ReservedFor"]);
}

#[test]
fn a_device_s_taint_reserves_a_node_whatever_the_pods_tolerate() {
    let nodes = || vec![gpu(with("n1", &["nvidia.com/gpu=present"])), node("n2")];
    let pods =
        || vec![tolerant("ada", "nvidia.com/gpu").on("n1"), tolerant("bob", "nvidia.com/gpu").on("n1")];
    assert_eq!(words(nodes(), pods(), &policy()), ["ReservedFor", "-"]);
    let without_device = vec![with("n1", &["nvidia.com/gpu=present"]), node("n2")];
    assert_eq!(words(without_device, pods(), &policy()), ["-", "-"], "the key is no resource of the node");
    let core = vec![with("n1", &["hub.jupyter.org_dedicated=core"]), node("n2")];
    let pods = vec![tolerant("ada", "hub.jupyter.org_dedicated").on("n1")];
    assert_eq!(words(core, pods, &policy()), ["ReservedFor", "-"]);
}

#[test]
fn a_device_s_taint_is_common_where_all_nodes_carry_it_and_a_waiting_pod_tolerates_it() {
    let nodes = || vec![gpu(with("n1", &["nvidia.com/gpu"])), gpu(with("n2", &["nvidia.com/gpu"]))];
    let waiting = || refused(tolerant("ada", "nvidia.com/gpu"));
    assert_eq!(words(nodes(), vec![waiting()], &policy()), ["-", "-"]);
    assert_eq!(words(nodes(), vec![tolerant("ada", "nvidia.com/gpu")], &policy()), ["ReservedFor"; 2]);
    assert_eq!(words(nodes(), vec![refused(user("ada"))], &policy()), ["ReservedFor"; 2]);
    let reserve = pod("hub/p").controlled(owned_by("apps", "StatefulSet"));
    let placeholder =
        Pod { priority: -10, ends_at_once: true, ..reserve.constrained(tolerating("nvidia.com/gpu")) };
    assert_eq!(words(nodes(), vec![refused(placeholder)], &policy()), ["ReservedFor"; 2], "it does not wait");
    let with_others = vec![waiting(), refused(user("bob")), refused(user("eve"))];
    assert_eq!(words(nodes(), with_others, &policy()), ["ReservedFor"; 2], "most pods must tolerate it too");
    let and_plain = [nodes(), vec![node("n3")]].concat();
    assert_eq!(words(and_plain, vec![waiting()], &policy()), ["ReservedFor", "ReservedFor", "-"]);
}

#[test]
fn with_pools_a_taint_that_the_whole_pool_carries_is_common() {
    let nodes = vec![
        in_pool(gpu(with("n1", &["nvidia.com/gpu"])), "gpu"),
        in_pool(gpu(with("n2", &["nvidia.com/gpu"])), "gpu"),
        in_pool(gpu(with("n3", &["nvidia.com/gpu"])), "user"),
        in_pool(node("n4"), "user"),
        in_pool(with("n5", &["team"]), "team"),
        in_pool(with("n6", &["team", "phase-out"]), "team"),
    ];
    assert_eq!(words(nodes, vec![], &pools()), ["-", "-", "ReservedFor", "-", "-", "Reserved"]);
}

#[test]
fn the_pods_of_one_pool_do_not_judge_another() {
    let nodes = vec![
        in_pool(with("n1", &["t"]), "a"),
        in_pool(node("n2"), "a"),
        in_pool(with("n3", &["t"]), "b"),
        in_pool(node("n4"), "b"),
    ];
    let pods = vec![tolerant("ada", "t").on("n1"), user("bob").on("n4")];
    assert_eq!(words(nodes, pods, &pools()), ["-", "-", "Reserved", "-"]);
}

#[test]
fn a_windows_node_is_common_where_half_of_the_pods_ask_for_windows() {
    let windows = |name: &str| {
        let mut node = node(name);
        node.labels.insert("kubernetes.io/os", "windows");
        node
    };
    let asking = Constraints {
        node_selector: [("kubernetes.io/os".to_owned(), "windows".to_owned())].into(),
        ..Constraints::default()
    };
    let nodes = || vec![windows("n1"), node("n2")];
    assert_eq!(words(nodes(), vec![user("ada").on("n2")], &policy()), ["ReservedWindows", "-"]);
    let pods = vec![user("ada").constrained(asking).on("n1"), user("bob").on("n2")];
    assert_eq!(words(nodes(), pods, &policy()), ["-", "-"]);
    assert_eq!(words(vec![windows("n1")], vec![], &policy()), ["-"]);
}

/// The judgement and the note about the taint `t` on the first of three nodes, with this entry in the
/// ledger.
fn judged(kept: Option<bool>, tolerating: usize, not: usize) -> (bool, Option<bool>) {
    let set: BTreeSet<_> = [("t".to_owned(), String::new(), TaintEffect::NoSchedule)].into();
    let noted = kept.map(|common| (set.clone(), common)).into_iter().collect();
    let common = BTreeMap::from([(String::new(), noted)]);
    let ledger = Ledger { common, ..Ledger::default() };
    let those = (0..tolerating).map(|index| tolerant(&format!("t{index}"), "t").on("n1"));
    let others = (0..not).map(|index| user(&format!("u{index}")).on("n2"));
    let nodes = vec![with("n1", &["t"]), node("n2"), node("n3")];
    let snapshot = cluster(nodes, those.chain(others).collect()).with_ledger(Some(ledger));
    let policy = policy();
    let survey = Survey::new(&snapshot, &policy);
    (survey.nodes[0].reserved.is_none(), survey.judged_common[0].get(&set).copied())
}

#[test]
fn a_judgement_by_fewer_pods_than_nodes_does_not_replace_a_kept_one() {
    assert_eq!(judged(Some(true), 0, 2), (true, Some(true)));
    assert_eq!(judged(Some(true), 0, 3), (false, Some(false)));
    assert_eq!(judged(Some(false), 2, 0), (false, Some(false)));
    assert_eq!(judged(Some(false), 3, 0), (true, Some(true)));
    assert_eq!(judged(Some(true), 0, 0), (true, Some(true)));
}

#[test]
fn a_first_judgement_is_noted_and_none_by_nobody_is() {
    assert_eq!(judged(None, 1, 0), (true, Some(true)));
    assert_eq!(judged(None, 0, 1), (false, Some(false)));
    assert_eq!(judged(None, 0, 0), (false, None));
}

#[test]
fn a_new_node_would_be_reserved_by_the_same_rules() {
    let offer = |gpus: u64| {
        let further = FurtherAmounts::from([("nvidia.com/gpu".into(), gpus)]);
        Amounts::default().with_further(Some(Arc::new(further)))
    };
    let would = |nodes: Vec<Node>, pods: Vec<Pod>, new: Node, gpus: u64| {
        let (snapshot, policy) = (cluster(nodes, pods), policy());
        let new = NewNode { labels: &new.labels, taints: &new.taints, offer: &offer(gpus), kin: &[] };
        Survey::new(&snapshot, &policy).would_reserve(0, &new)
    };
    let gpu_node = || with("new", &["nvidia.com/gpu"]);
    let team_node = || with("new", &["team"]);
    let mut windows = node("new");
    windows.labels.insert("kubernetes.io/os", "windows");
    let plain = || vec![node("n1")];
    for (sentence, nodes, pods, new, gpus, expected) in [
        ("without taints", plain(), vec![], node("new"), 0, false),
        ("with a device", plain(), vec![refused(tolerant("ada", "nvidia.com/gpu"))], gpu_node(), 1, true),
        (
            "with a device, the first, awaited",
            vec![],
            vec![refused(tolerant("ada", "nvidia.com/gpu"))],
            gpu_node(),
            1,
            false,
        ),
        ("with a device, the first, for nobody", vec![], vec![], gpu_node(), 1, true),
        ("of a team that nobody belongs to", plain(), vec![user("ada")], team_node(), 0, true),
        ("of a team that all belong to", plain(), vec![tolerant("ada", "team")], team_node(), 0, false),
        ("the first of all", vec![], vec![], team_node(), 0, false),
        ("with Windows", plain(), vec![user("ada")], windows, 0, true),
    ] {
        assert_eq!(would(nodes, pods, new, gpus), expected, "{sentence}");
    }
}
