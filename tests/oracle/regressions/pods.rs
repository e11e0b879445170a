//! Waiting pods, nominations, and what pods on odd nodes ask for.

use kube_rebalancer_core::policy::AdoptCordons;

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
