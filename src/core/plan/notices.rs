//! The messages to waiting users: the action for each pod, or the reason why it waits. Section 6.

use super::decided::Run;
use super::order::{Candidate, cordon};
use super::places::Stage;
use super::placing::Fate;
use super::pools::PoolIndex;
use super::state::Cordon;
use super::value::{NoticeKind, PodNotice};
use crate::model::{NodeIndex, Pod};

/// The notices on all refused pods, sorted by pod.
pub(super) fn notices(run: &Run<'_, '_>) -> Vec<PodNotice> {
    let mut notices = Vec::new();
    for (pool, decision) in run.changes.decisions.iter().enumerate() {
        let pods = run.waiting.placeable.get(pool).map(Vec::as_slice).unwrap_or_default();
        for (one, fate) in pods.iter().zip(&decision.placement.fates) {
            let (kind, message) = words(run, pool, fate);
            notices.push(notice(one.pod, kind, message));
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
