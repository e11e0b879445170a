//! Events on waiting pods: what was started, in words for users.

use kube_rebalancer_core::plan::{Action, NoticeKind, PodNotice, Started};
use kube_rebalancer_core::policy::PoolName;

use super::world::wake;
use super::*;

fn notice(name: &str, kind: NoticeKind, started: Option<Started>) -> PodNotice {
    PodNotice {
        namespace: "hub".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        kind,
        message: "as planned".to_owned(),
        started,
    }
}

fn on(node: &str) -> Started {
    Started::Node(node.to_owned())
}

fn in_group(group: &str) -> Started {
    Started::Growth { pool: PoolName::default(), group: Some(group.to_owned()) }
}

fn notified(world: World, nodes: &[Node], actions: Vec<Action>, notices: &[PodNotice]) -> Vec<PodNotice> {
    let mut made = plan(actions);
    made.notices = notices.to_vec();
    world.apply_plan(nodes, &made).notices
}

/// What the pod's own action ended with is all that its event tells. The words of a cloud or a server may name projects,
/// quotas and addresses.
#[test]
fn only_the_pod_whose_action_failed_reads_that_it_was_not_done_without_words_of_a_cloud() {
    use NoticeKind::{NotTriggerScaleUp, TriggeredScaleUp};
    let notices = [
        notice("ada", TriggeredScaleUp, Some(on("a"))),
        notice("ben", TriggeredScaleUp, Some(on("b"))),
        notice("cy", TriggeredScaleUp, Some(in_group("zone/pool"))),
        notice("dan", TriggeredScaleUp, Some(in_group("zone/other"))),
        notice("eve", TriggeredScaleUp, Some(on("w"))),
        notice("flo", TriggeredScaleUp, None),
        notice("gus", NotTriggerScaleUp, None),
    ];
    let parked = with_note(cordoned("w", OLD), annotation::PARKED_AT, "2027-01-15T07:00:00Z");
    let nodes = [cordoned("a", OLD), cordoned("b", OLD), parked];
    let actions =
        vec![uncordon("a"), uncordon("b"), wake("w"), grow(Some("zone/pool")), grow(Some("zone/other"))];
    let all_done = notified(World::new(&nodes, &[]), &nodes, actions.clone(), &notices);
    assert_eq!(all_done, notices);
    let quota = GroupAnswer::Quota("quota CPUS of project secret-17 exceeded".to_owned());
    let world = World {
        refused: ["a"].into(),
        says: [("grow zone/pool 2 to 4".to_owned(), quota)].into(),
        ..World::new(&nodes, &[])
    };
    let not_done = "what was planned for it was not done; the operator's log has the reason";
    let expected = notices.clone().map(|notice| match notice.name.as_str() {
        "ada" | "cy" => PodNotice { kind: NotTriggerScaleUp, message: not_done.to_owned(), ..notice },
        _ => notice,
    });
    assert_eq!(notified(world, &nodes, actions, &notices), expected);
}

#[test]
fn what_was_not_tried_has_its_reason_in_the_event() {
    let nodes = [cordoned("a", OLD)];
    let notices = [notice("ada", NoticeKind::TriggeredScaleUp, Some(in_group("zone/pool")))];
    let world = World { stop_at: Some("uncordon a"), ..World::new(&nodes, &[]) };
    let actions = vec![uncordon("a"), grow(Some("zone/pool"))];
    let read = notified(world, &nodes, actions, &notices);
    let expected = "what was planned for it was not done: the run was stopped before its turn";
    assert_eq!(read[0].message, expected);
}

/// Two hundred waiting pods of one namespace do not keep the events from other namespaces.
#[test]
fn the_pods_of_each_namespace_get_their_events_in_turn() {
    let notice = |namespace: &str, at: usize| PodNotice {
        namespace: namespace.to_owned(),
        name: format!("p{at:03}"),
        uid: format!("{namespace}-{at}"),
        kind: NoticeKind::NotTriggerScaleUp,
        message: "it fits no node".to_owned(),
        started: None,
    };
    let many = (0..200).map(|at| notice("aaa", at));
    let mut made = plan(vec![]);
    made.notices = many.chain([notice("hub", 0), notice("hub", 1)]).collect();
    let ended = World::new(&[], &[]).apply_plan(&[], &made);
    let of = |namespace: &str| ended.notices.iter().filter(|notice| notice.namespace == namespace).count();
    assert_eq!((of("aaa"), of("hub")), (98, 2));
}
