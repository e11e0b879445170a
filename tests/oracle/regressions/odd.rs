//! One odd node of a group: its labels and its taints do not decide about the next one.

use super::*;

const GROUP: &str = "z/users";

/// A user who fills a node, or waits for one, and asks for the label `purpose=user`.
fn asks(name: &str) -> Pod {
    let mut pod = user(name, 8);
    let mut constraints = (*pod.constraints).clone();
    constraints.node_selector.insert("purpose".to_owned(), "user".to_owned());
    pod.constraints = constraints.into();
    pod
}

/// Whether a group of these nodes, each of them full, grows for a waiting pod.
fn grows(nodes: &[Node], on_each: &Pod, waits: &Pod, known: Option<NodeTemplate>) -> [bool; 2] {
    let full = nodes.iter().filter(|node| node.ready.is_some_and(|condition| condition.ready));
    let full =
        full.map(|node| Pod { name: format!("on-{}", node.name).into(), ..on(&node.name, on_each.clone()) });
    let pods: Vec<Pod> = full.chain([refused(60, waits.clone())]).collect();
    let members = nodes.iter().map(|node| in_group(GROUP, node.clone())).collect();
    let of_group = Case::new(members, pods.clone(), vec![NodeGroup { template: known, ..group(GROUP) }]);
    let alone = Case::new(nodes.to_vec(), pods, vec![]);
    [of_group, alone].map(|case| !grown(&case.plan()).is_empty())
}

#[test]
fn the_label_of_one_node_does_not_stop_its_group() {
    let with = |value: &str, name: &str| labelled("purpose", value, node(name));
    let most = || vec![with("user", "n0"), with("user", "n1"), with("user", "n2")];
    let grows = |odd: Vec<Node>, known| grows(&[most(), odd].concat(), &asks("ada"), &asks("eve"), known);
    assert_eq!(grows(vec![], None), [true, true]);
    for (sentence, odd) in [
        ("it has none", node("n3")),
        ("it has another one", with("core", "n3")),
        ("it is dead", not_ready(7200, node("n3"))),
    ] {
        // Without node groups the nodes may be of several kinds: in doubt none is created.
        assert_eq!(grows(vec![odd.clone()], None), [true, false], "{sentence}");
        let first = Node { name: "a".to_owned(), uid: "uid-a".to_owned(), ..odd };
        assert_eq!(grows(vec![first], None), [true, false], "the first by name: {sentence}");
    }
    let half = || vec![node("n3"), node("n4"), with("core", "n5")];
    assert_eq!(grows(half(), None), [false, false], "no majority");
    let known = || template(&[("purpose", "user")], &[]);
    assert_eq!(grows(half(), known()), [true, false], "the template decides where the nodes do not");
    assert_eq!(grows(vec![], template(&[("purpose", "core")], &[])), [true, true], "the nodes decide");
}

#[test]
fn a_node_without_the_taint_of_its_group_buys_nothing_for_pods_that_do_not_tolerate_it() {
    let dedicated = |name: &str| tainted("dedicated", node(name));
    let member = |size| tolerating("dedicated", user("ada", size));
    let grows = |nodes: &[Node], waits: &Pod, known| grows(nodes, &member(5), waits, known);
    // The nodes have enough for all but the largest: 20 and 7 are less than 0.85 of 32.
    let stranger = user("eve", 7);
    for (sentence, nodes) in [
        ("dead", [not_ready(7200, node("n3")), dedicated("n0"), dedicated("n1"), dedicated("n2")]),
        ("used", [node("n3"), dedicated("n0"), dedicated("n1"), dedicated("n2")]),
        ("as many", [node("n3"), node("n4"), dedicated("n0"), dedicated("n1")]),
    ] {
        assert_eq!(grows(&nodes, &stranger, None), [false, false], "{sentence}");
        assert_eq!(grows(&nodes, &member(7), None), [true, true], "{sentence}");
    }
    let minority = [node("n3"), node("n4"), node("n5"), dedicated("n0")];
    assert_eq!(grows(&minority, &stranger, None), [true, true], "most nodes are not tainted");
    let known = template(&[], &["dedicated"]);
    assert_eq!(grows(&minority, &stranger, known.clone()), [false, true], "the template names it");
    // The taint of a template that no node has is one that the nodes lose once they are set up.
    assert_eq!(grows(&[node("n3"), node("n4"), node("n5"), node("n6")], &stranger, known), [true, true]);
}

#[test]
fn a_person_who_taints_most_nodes_of_a_group_does_not_keep_it_from_growing() {
    let recycled = |name: &str| tainted("recycle", node(name));
    let nodes = [recycled("n0"), recycled("n1"), node("n2")];
    assert_eq!(grows(&nodes, &user("ada", 8), &user("eve", 8), None), [true, true]);
    // Nobody uses the group: the taint is older than any user.
    let users = || vec![on("u0", user("ada", 8)), refused(60, user("eve", 8))];
    let nodes = nodes.map(|node| cordoned_by_others(60, in_group("z/ml", node)));
    let nodes = [nodes.to_vec(), vec![in_group(GROUP, node("u0"))]].concat();
    let not = |name: &str| NodeGroup { not_growable: Some("none left".to_owned()), ..group(name) };
    let grown =
        |groups| grown(&Case::new(nodes.clone(), users(), groups).plan()).into_keys().collect::<Vec<_>>();
    assert_eq!(grown(vec![group("z/ml"), group(GROUP)]), [GROUP]);
    assert_eq!(grown(vec![group("z/ml"), not(GROUP)]), [""; 0]);
}

/// Two nodes have 12 of 16, and a pod of 7 waits: with a third node that boots, 19 of 24 are in the band.
#[test]
fn a_node_boots_by_no_time_to_come_and_no_longer_than_the_taint_of_the_control_plane() {
    let unreachable = |seconds, node: Node| Node {
        taints: vec![Taint { added_at: Some(ago(seconds)), ..taint(taint::UNREACHABLE) }],
        ..node
    };
    let odd = || created(7200, node("n2"));
    for (sentence, odd, expected) in [
        ("a moment ago", not_ready(60, odd()), NodeState::Booting),
        ("in a moment", not_ready(-300, odd()), NodeState::Booting),
        ("in a day", not_ready(-86_400, odd()), NodeState::Broken),
        ("new, in a day", created(60, not_ready(-86_400, odd())), NodeState::Booting),
        ("anew", not_ready(60, unreachable(900, odd())), NodeState::Broken),
        ("a moment ago, by both", not_ready(60, unreachable(899, odd())), NodeState::Booting),
    ] {
        let pods = vec![on("n0", user("ada", 6)), on("n1", user("ben", 6)), refused(60, user("eve", 7))];
        let nodes = [node("n0"), node("n1"), odd].map(|node| in_group(GROUP, node));
        let plan = Case::new(nodes.into(), pods, vec![group(GROUP)]).plan();
        assert_eq!(state(&plan, "n2"), expected, "{sentence}");
        assert_eq!(grown(&plan).is_empty(), expected == NodeState::Booting, "{sentence}");
    }
}
