//! Pods without a node, and the nodes to which they may still be bound.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Node, Pod, annotation, taint};
use crate::policy::{AdoptCordons, Policy};

fn delete_a(node_a: Node, pods: Vec<Pod>) -> Vec<Violation> {
    found(&world(vec![node_a, node("b")], pods), &policy(), [delete("a")])
}

fn late(pod: &str) -> Vec<Violation> {
    vec![Violation::LateBind { node: text("a"), pod: text(pod) }]
}

fn would_take(pod: &str) -> Vec<Violation> {
    vec![Violation::WouldTakeWaitingPod { node: text("a"), pod: text(pod) }]
}

#[test]
fn the_scheduler_has_half_a_minute_to_learn_of_a_cordon() {
    let recent = |seconds| vec![Violation::CordonedRecently { node: text("a"), seconds }];
    assert_eq!(delete_a(node("a").cordoned_for(30), vec![]), []);
    assert_eq!(delete_a(node("a").cordoned_for(29), vec![]), recent(29));
    assert_eq!(delete_a(node("a").cordoned_for(-600), vec![]), recent(0), "a moment in the future is now");
    // A clock that was wrong wrote the mark, a year ahead: the taint has the time.
    let marked = |ahead: i64, tainted| {
        node("a").annotated(annotation::CORDONED_AT, &ago(-ahead).to_string()).cordoned_by_others_for(tainted)
    };
    assert_eq!(delete_a(marked(31_536_000, Some(30)), vec![]), []);
    assert_eq!(delete_a(marked(31_536_000, Some(29)), vec![]), recent(29));
    assert_eq!(delete_a(marked(301, None), vec![]), [], "an unknown age");
    assert_eq!(delete_a(marked(301, None), vec![unbound("bob")]), late("hub/bob"));
    assert_eq!(delete_a(marked(300, None), vec![]), recent(0));
    // The younger of mark and taint counts.
    let again = cordoned("a").change(|node| node.taints[0].added_at = Some(ago(3301)));
    assert_eq!(delete_a(again, vec![unbound("bob")]), []);
    let twice = node("a").cordoned_for(200).change(|node| node.taints[0].added_at = Some(ago(10)));
    assert_eq!(delete_a(twice, vec![]), recent(10));
    // An unknown age passes this, and fails the rule on late binds.
    let always = Policy { adopt_cordons: AdoptCordons::Always, ..policy() };
    let unknown = |pods| {
        let nodes = vec![node("a").cordoned_by_others_for(None), node("b")];
        found(&world(nodes, pods), &always, [delete("a")])
    };
    assert_eq!(unknown(vec![]), []);
    assert_eq!(unknown(vec![unbound("bob")]), late("hub/bob"));
}

#[test]
fn a_pod_that_may_have_been_promised_the_node_keeps_it_while_the_cordon_is_young() {
    let at = |seconds, pod: Pod| delete_a(node("a").cordoned_for(seconds), vec![pod]);
    assert_eq!(at(660, unbound("bob")), []);
    assert_eq!(at(659, unbound("bob")), late("hub/bob"));
    // Size does not matter: other pods may end in the meantime.
    assert_eq!(at(659, unbound("bob").asking_gibibytes(80)), late("hub/bob"));
    // A pod that could not run there, or would not keep a node, does not count.
    assert_eq!(at(659, unbound("bob").selecting("disk", "ssd")), []);
    assert_eq!(at(659, unbound("bob").gated()), []);
    assert_eq!(at(659, unbound("bob").leaving()), []);
    assert_eq!(at(659, critical("agent", "").of("DaemonSet", "agent").change(unbind)), []);
    assert_eq!(at(659, placeholder("reserve", "").change(unbind)), []);
    assert_eq!(at(659, system("dns", "", "ReplicaSet", "dns").change(unbind)), []);
    // Nothing would recreate this one.
    assert_eq!(at(659, system("job", "", "Job", "job").change(unbind)), late("kube-system/job"));
    assert_eq!(at(659, user("bob", "b")), [], "it is bound");
}

fn unbind(pod: &mut Pod) {
    *pod = Pod { node_name: None, ready: false, unbound: Some(Box::default()), ..pod.clone() };
}

#[test]
fn the_mark_of_emptiness_tells_the_age_of_a_cordon_of_others_without_a_time() {
    let always = Policy { adopt_cordons: AdoptCordons::Always, ..policy() };
    let at = |seconds| {
        let nodes = vec![node("a").cordoned_by_others_for(None).empty_for(seconds), node("b")];
        found(&world(nodes, vec![unbound("bob")]), &always, [delete("a")])
    };
    assert_eq!(at(660), []);
    assert_eq!(at(659), late("hub/bob"));
}

#[test]
fn a_pod_that_tolerates_cordons_keeps_the_node_at_any_age() {
    let careless = || unbound("bob").tolerating(taint::UNSCHEDULABLE);
    let expected = || vec![Violation::ToleratesCordon { node: text("a"), pod: text("hub/bob") }];
    assert_eq!(delete_a(cordoned("a"), vec![careless()]), expected());
    assert_eq!(delete_a(cordoned("a"), vec![careless().selecting("disk", "ssd")]), []);
    // Refused, and too large for it: the scheduler will not give it this node.
    assert_eq!(delete_a(cordoned("a"), vec![careless().asking_gibibytes(9)]), expected());
    assert_eq!(delete_a(cordoned("a"), vec![careless().asking_gibibytes(9).refused_for(7200)]), []);
    assert_eq!(delete_a(cordoned("a"), vec![careless().refused_for(7200)]), expected());
}

#[test]
fn a_ready_node_that_would_take_a_waiting_pod_stays_for_its_first_hour() {
    let waiting = |seconds| unbound("bob").refused_for(seconds);
    assert_eq!(delete_a(cordoned("a"), vec![waiting(3599)]), would_take("hub/bob"));
    assert_eq!(delete_a(cordoned("a"), vec![waiting(3600)]), []);
    assert_eq!(delete_a(cordoned("a"), vec![waiting(-60)]), would_take("hub/bob"));
    assert_eq!(delete_a(cordoned("a"), vec![unbound("bob")]), [], "it was not refused");
    assert_eq!(delete_a(cordoned("a"), vec![waiting(60).gated()]), []);
    assert_eq!(delete_a(cordoned("a"), vec![waiting(60).leaving()]), []);
    let reserve = placeholder("reserve", "").change(unbind).refused_for(60);
    assert_eq!(delete_a(cordoned("a"), vec![reserve]), []);
    // A refusal without a time began when the pod was created; without that it may have come just now.
    let undated = |created: Option<i64>| {
        waiting(60).change(|pod| {
            let unbound = pod.unbound.as_mut().unwrap();
            unbound.created_at = created.map(ago);
            unbound.refusal.as_mut().unwrap().since = None;
        })
    };
    assert_eq!(delete_a(cordoned("a"), vec![undated(Some(3600))]), []);
    assert_eq!(delete_a(cordoned("a"), vec![undated(None)]), would_take("hub/bob"));
}

#[test]
fn a_node_that_would_not_take_it_now_does_not_wait_for_the_pod() {
    let bob = || unbound("bob").refused_for(60);
    assert_eq!(delete_a(cordoned("a").not_ready_for(3600), vec![bob()]), []);
    let pressed = cordoned("a").tainted("node.kubernetes.io/disk-pressure");
    assert_eq!(delete_a(pressed, vec![bob()]), []);
    assert_eq!(delete_a(cordoned("a"), vec![bob().selecting("disk", "ssd")]), []);
    assert_eq!(delete_a(cordoned("a"), vec![bob().asking_gibibytes(8)]), would_take("hub/bob"));
    assert_eq!(delete_a(cordoned("a"), vec![bob().asking_gibibytes(9)]), []);
    // The pods on the node take room, omitted ones too.
    let dns = system("dns", "a", "ReplicaSet", "dns");
    assert_eq!(delete_a(cordoned("a"), vec![bob().asking_gibibytes(8), dns]), []);
    let reserved = cordoned("a").tainted("dedicated");
    assert_eq!(delete_a(reserved.clone(), vec![bob()]), []);
    assert_eq!(delete_a(reserved, vec![bob().tolerating("dedicated")]), would_take("hub/bob"));
}

#[test]
fn a_nominated_pod_waits_only_if_its_node_cannot_take_it() {
    let nominated = |node| unbound("bob").refused_for(60).nominated_for(node);
    assert_eq!(delete_a(cordoned("a"), vec![nominated("b")]), []);
    assert_eq!(delete_a(cordoned("a"), vec![nominated("a")]), would_take("hub/bob"));
    assert_eq!(delete_a(cordoned("a"), vec![nominated("gone")]), would_take("hub/bob"));
    let never_refused = unbound("bob").nominated_for("a").change(|pod| {
        pod.unbound.as_mut().unwrap().created_at = Some(ago(60));
    });
    assert_eq!(delete_a(cordoned("a"), vec![never_refused]), would_take("hub/bob"));
}

#[test]
fn a_bound_volume_decides_where_a_waiting_pod_may_go() {
    use crate::model::{Affinity, Operator, Requirement, SelectorTerm, Volumes};
    let zonal = |zone: &str| {
        let operator = Operator::In(vec![text(zone)]);
        let labels = vec![Requirement { key: text("topology.kubernetes.io/zone"), operator }];
        let term = SelectorTerm { labels, fields: vec![] };
        Volumes::from([((text("hub"), text("home")), Some(Affinity(vec![term])))])
    };
    let bob = unbound("bob").refused_for(60).change(|pod| pod.claims = Box::new(["home".into()]));
    let nodes = vec![cordoned("a").in_zone("east"), node("b").in_zone("east")];
    let snapshot = world(nodes, vec![bob]);
    assert_eq!(
        found(&snapshot.clone().with_volumes(zonal("east")), &policy(), [delete("a")]),
        would_take("hub/bob")
    );
    assert_eq!(found(&snapshot.with_volumes(zonal("west")), &policy(), [delete("a")]), []);
}
