//! The messages to waiting users: the action for each pod, or the reason why it waits. Section 6.

use super::decided::Run;
use super::order::{Candidate, cordon};
use super::places::Stage;
use super::placing::Fate;
use super::pools::PoolIndex;
use super::state::Cordon;
use super::value::{NoticeKind, PodNotice, Started};
use crate::model::{NodeIndex, Pod};

/// The notices on all refused pods, sorted by pod.
pub(super) fn notices(run: &Run<'_, '_>) -> Vec<PodNotice> {
    let mut notices = Vec::new();
    for (pool, decision) in run.changes.decisions.iter().enumerate() {
        let pods = run.waiting.placeable.get(pool).map(Vec::as_slice).unwrap_or_default();
        for (one, fate) in pods.iter().zip(&decision.placement.fates) {
            let (kind, message) = words(run, pool, fate);
            let promises = kind == NoticeKind::TriggeredScaleUp;
            let started = if promises { started(run, pool, fate) } else { None };
            notices.push(PodNotice { started, ..notice(one.pod, kind, message) });
        }
    }
    for (pod, why) in &run.waiting.hopeless {
        notices.push(notice(pod, NoticeKind::NotTriggerScaleUp, why.clone()));
    }
    notices.sort_unstable();
    notices
}

fn notice(pod: &Pod, kind: NoticeKind, message: String) -> PodNotice {
    PodNotice {
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        uid: pod.unbound.as_ref().map(|unbound| unbound.uid.to_string()).unwrap_or_default(),
        kind,
        message,
        started: None,
    }
}

/// The action that a promise for a pod relies on. Nothing is done for a node or an instance that boots.
fn started(run: &Run<'_, '_>, pool: PoolIndex, fate: &Fate) -> Option<Started> {
    let on = |index: NodeIndex| Started::Node(run.name(index));
    match fate {
        Fate::OnNode(index, stage) if is_uncordoned(run, *index) || *stage == Stage::Parked => {
            Some(on(*index))
        }
        Fate::Held(nodes) => nodes.iter().find(|index| is_uncordoned(run, **index)).map(|index| on(*index)),
        Fate::OnNew(index) => {
            let group = *run.changes.decisions.get(pool)?.placement.needs.new.get(*index)?;
            let group = run.growth.groups.get(group)?;
            let pool = run.survey.pool_name(group.pool?).to_owned();
            Some(Started::Growth { pool, group: group.group.map(|group| group.name.clone()) })
        }
        Fate::OnNode(..) | Fate::OnInstance(_) | Fate::Nothing(_) => None,
    }
}

fn words(run: &Run<'_, '_>, pool: PoolIndex, fate: &Fate) -> (NoticeKind, String) {
    use NoticeKind::{NotTriggerScaleUp, TriggeredScaleUp};
    match fate {
        Fate::OnNode(index, stage) => on_node(run, *index, *stage),
        Fate::OnInstance(index) => {
            let name =
                run.growth.booting.get(*index).map(|one| one.instance.name.as_str()).unwrap_or_default();
            (TriggeredScaleUp, format!("instance {name} boots and has room for it"))
        }
        Fate::OnNew(index) => on_new(run, pool, *index),
        Fate::Held(nodes) => {
            let opened = nodes.iter().find(|index| is_uncordoned(run, **index));
            match opened {
                Some(index) => (
                    TriggeredScaleUp,
                    format!("node {} becomes schedulable, and may take it", run.name(*index)),
                ),
                None => (
                    NotTriggerScaleUp,
                    "it fits a node that takes pods by its requests, but the scheduler refuses it for another reason"
                        .to_owned(),
                ),
            }
        }
        Fate::Nothing(why) => (NotTriggerScaleUp, why.clone()),
    }
}

fn is_uncordoned(run: &Run<'_, '_>, index: NodeIndex) -> bool {
    run.survey.nodes.get(index).is_some_and(|facts| facts.cordon != Cordon::None)
        && cordon(&run.changes.cordons, index) == Cordon::None
}

fn on_node(run: &Run<'_, '_>, index: NodeIndex, stage: Stage) -> (NoticeKind, String) {
    use NoticeKind::{NotTriggerScaleUp, TriggeredScaleUp};
    let name = run.name(index);
    // It counts so whatever it was in the last pass of the choice, which works on the outcome of the pass
    // before.
    if is_uncordoned(run, index) {
        return (TriggeredScaleUp, format!("node {name} becomes schedulable for it"));
    }
    match stage {
        Stage::Booting => (TriggeredScaleUp, format!("node {name} boots and has room for it")),
        Stage::Parked if run.changes.wake.contains(&index) => {
            (TriggeredScaleUp, format!("node {name} is woken for it"))
        }
        Stage::Serving | Stage::Reserved => (
            NotTriggerScaleUp,
            format!("node {name} has room for it; the scheduler has yet to place it there"),
        ),
        Stage::Cordoned | Stage::ReservedCordoned | Stage::Parked | Stage::New => {
            (NotTriggerScaleUp, format!("node {name} has room for it, but MAX_NODES keeps it out of service"))
        }
    }
}

fn on_new(run: &Run<'_, '_>, pool: PoolIndex, index: usize) -> (NoticeKind, String) {
    use NoticeKind::{NotTriggerScaleUp, TriggeredScaleUp};
    let Some(decision) = run.changes.decisions.get(pool) else { return (NotTriggerScaleUp, String::new()) };
    let Some(group) = decision.placement.needs.new.get(index) else {
        return (NotTriggerScaleUp, String::new());
    };
    // The nodes for waiting pods are created in this order, as far as the limits allow.
    let created = decision.new.get(index).is_some_and(|entry| entry.candidate == Candidate::New(*group));
    let name = run.growth.groups.get(*group).map(super::group::Group::name).unwrap_or_default();
    if created && run.guard.is_none() {
        let where_ = if name.is_empty() { String::new() } else { format!(" in node group {name}") };
        (TriggeredScaleUp, format!("a node is created for it{where_}"))
    } else if run.guard.is_some() {
        (NotTriggerScaleUp, "too many nodes are broken to create any".to_owned())
    } else {
        let limit = decision.limits.first().map(ToString::to_string);
        let limit = limit.or_else(|| run.changes.limits.first().map(ToString::to_string));
        (NotTriggerScaleUp, limit.unwrap_or_else(|| "no further node may be created in this run".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Ledger, Node, NodeGroup, ReadyCondition, SchedulerRefusal, Snapshot, Unbound, annotation,
    };
    use crate::plan::fixture::{Build, ago, node, now, pod};
    use crate::plan::plan;
    use crate::policy::{GiveBack, Policy};

    fn in_group(node: Node) -> Node {
        Node { group: Some("z/a".to_owned()), ..node }
    }

    fn refused(pod: Pod) -> Pod {
        let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(10)) };
        let unbound = Unbound {
            uid: format!("uid-{}", pod.name).into(),
            refusal: Some(refusal),
            created_at: Some(ago(10)),
            ..Unbound::default()
        };
        Pod { unbound: Some(Box::new(unbound)), ..pod }
    }

    /// What is started for the one refused pod of 30 GiB beside a node that is full.
    fn started(other: Option<Node>, size: u32) -> (NoticeKind, Option<Started>) {
        let nodes: Vec<Node> = std::iter::once(in_group(node("n0"))).chain(other).collect();
        let pods = vec![
            pod("hub/ben").labelled("user").asking(30, 100).on("n0"),
            refused(pod("hub/ada").labelled("user").asking(30, 100)),
        ];
        let group = NodeGroup { name: "z/a".to_owned(), target_size: size, ..NodeGroup::default() };
        let snapshot = Snapshot::new(now(), nodes, pods, vec![group], 2).unwrap();
        let snapshot = snapshot.with_ledger(Some(Ledger::default()));
        let mut policy = Policy {
            preemptible_labels: ["user".to_owned()].into(),
            give_back: GiveBack::Park,
            node_groups_named: true,
            ..Policy::default()
        };
        policy.bounds.min_nodes = 1;
        let plan = plan(&snapshot, &policy).unwrap();
        let [notice] = plan.notices.as_slice() else { panic!("{:?}", plan.notices) };
        if let Some(started) = &notice.started {
            assert!(plan.actions.iter().any(|action| started.is(action)), "{:?}", plan.actions);
        }
        (notice.kind, notice.started.clone())
    }

    #[test]
    fn a_promise_names_the_action_that_it_relies_on() {
        use NoticeKind::TriggeredScaleUp;
        let on = |node: &str| Some(Started::Node(node.to_owned()));
        let mut cordoned = Node { unschedulable: true, ..in_group(node("c")) };
        cordoned.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(3600).to_string());
        assert_eq!(started(Some(cordoned.clone()), 2), (TriggeredScaleUp, on("c")));
        let ready = Some(ReadyCondition { ready: false, since: Some(ago(3600)) });
        let mut parked = Node { ready, ..cordoned };
        parked.annotations.insert(annotation::PARKED_AT.to_owned(), ago(3600).to_string());
        assert_eq!(started(Some(parked), 2), (TriggeredScaleUp, on("c")));
        let growth = Started::Growth { pool: String::new(), group: Some("z/a".to_owned()) };
        assert_eq!(started(None, 1), (TriggeredScaleUp, Some(growth)));
        // It boots: nothing is done for it.
        let ready = Some(ReadyCondition { ready: false, since: Some(ago(60)) });
        let booting = Node { ready, created_at: Some(ago(60)), ..in_group(node("b")) };
        assert_eq!(started(Some(booting), 2), (TriggeredScaleUp, None));
    }
}
