//! Events on nodes: the actions of a run, for `kubectl get events` and `kubectl describe node`.

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::plan::{Action, ActionKind, EventWords, NoticeKind, PodNotice, Target};

use super::{Apply, PARALLEL};
use kube_rebalancer_ports::{Clock, Cluster, NodeEvent, NodeGroups, Outcome, Substitute, in_turn};

/// Maximum number of waiting pods that a run writes an event on: of each namespace in turn.
const MOST_NOTICES: usize = 100;

/// The start of the event on a pod whose action was not done.
const NOT_DONE: &str = "what was planned for it was not done";

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Writes an event about each action that was done or failed. An event that cannot be written is only logged.
    pub(super) async fn tell(&self, outcomes: &[Outcome]) {
        let events =
            self.plan.actions.iter().zip(outcomes).flat_map(|(action, outcome)| self.events(action, outcome));
        let events: Vec<NodeEvent> = events.collect();
        let told = stream::iter(&events).map(|event| async move { (event, self.cluster.tell(event).await) });
        let told: Vec<_> = told.buffered(PARALLEL).collect().await;
        let mut failed = told.iter().filter_map(|(event, result)| Some((event, result.as_ref().err()?)));
        // The cause of one failure is mostly the cause of all.
        if let Some((event, error)) = failed.next() {
            let failed = 1 + failed.count();
            log::warn!(
                "{failed} of {} events were not written, for node {} because: {error}",
                told.len(),
                event.node
            );
        }
    }

    /// Writes on each waiting pod the action for it, or the reason why it waits. Where the action for a pod was not done, its
    /// event promises nothing, and it quotes no cloud and no server: whoever reads a pod's events is no operator.
    pub(super) async fn notify(&self, outcomes: &[Outcome]) {
        let undone = |notice: &PodNotice| {
            let started = notice.started.as_ref()?;
            let mut tried = self.plan.actions.iter().zip(outcomes);
            tried
                .find(|(action, outcome)| started.is(action) && !outcome.is_done())
                .map(|(_, outcome)| outcome)
        };
        let words = |outcome: &Outcome| {
            if let Outcome::NotTried(why) = outcome {
                format!("{NOT_DONE}: {why}")
            } else {
                format!("{NOT_DONE}; the operator's log has the reason")
            }
        };
        let honest = |notice: &PodNotice| match undone(notice) {
            Some(outcome) => {
                PodNotice { kind: NoticeKind::NotTriggerScaleUp, message: words(outcome), ..notice.clone() }
            }
            None => notice.clone(),
        };
        let notices = in_turn(&self.plan.notices, |notice| notice.namespace.as_str());
        let notices: Vec<PodNotice> = notices.into_iter().take(MOST_NOTICES).map(honest).collect();
        let sent = stream::iter(&notices).map(|notice| async move { self.cluster.notify(notice).await });
        let sent: Vec<_> = sent.buffered(PARALLEL).collect().await;
        if let Some(error) = sent.iter().find_map(|result| result.as_ref().err()) {
            log::warn!("events on waiting pods were not written: {error}");
        }
    }

    /// The events of an action: on its own node, and on the one that was woken in its place.
    fn events(&self, action: &Action, outcome: &Outcome) -> Vec<NodeEvent> {
        // A growth has no node, and notes are for the next run.
        let Some(EventWords { done, failed, action: verb }) = action.kind().facts().event else {
            return Vec::new();
        };
        let taken_back = ActionKind::Uncordon.facts().event.map_or(done, |event| event.done);
        let on = |node: Option<&str>, reason, note: String| {
            let target = self.planned(node?)?;
            let (node, uid) = (target.name.clone(), target.uid.clone());
            Some(NodeEvent { node, uid, reason, action: verb, note, warning: reason == failed })
        };
        let own = match outcome {
            Outcome::Applied => on(action.node(), done, said(action)),
            Outcome::TakenBack { .. } => on(action.node(), taken_back, outcome.message()),
            Outcome::Failed(_) => on(action.node(), failed, of_pod(action, outcome.message())),
            Outcome::Instead { why, .. } => on(action.node(), failed, why.clone()),
            Outcome::AlreadySo
            | Outcome::Stale(_)
            | Outcome::Postponed(_)
            | Outcome::Blocked { .. }
            | Outcome::NotTried(_) => None,
        };
        let substitute = if let Outcome::Instead { by: Substitute::Node(node), .. } = outcome {
            on(Some(node.as_str()), done, action.reason().to_string())
        } else {
            None
        };
        own.into_iter().chain(substitute).collect()
    }
}

/// The reason of an action, with the pod for an action on a pod.
fn said(action: &Action) -> String {
    of_pod(action, action.reason().to_string())
}

fn of_pod(action: &Action, words: String) -> String {
    match action.target() {
        Target::Pod { namespace, pod, .. } => format!("pod {namespace}/{pod}: {words}"),
        Target::Node { .. } | Target::Group { .. } | Target::Instance { .. } => words,
    }
}
