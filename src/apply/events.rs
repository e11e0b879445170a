//! Events on nodes: what a run did, for `kubectl get events` and `kubectl describe node`.

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::plan::Action;

use super::{Apply, PARALLEL};
use kube_rebalancer_ports::{Clock, Cluster, NodeEvent, NodeGroups, Outcome};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Tells of everything that was done or failed. An event that cannot be written is worth a line in the log, no more.
    pub(super) async fn tell(&self, outcomes: &[Outcome]) {
        let events = self
            .plan
            .actions
            .iter()
            .zip(outcomes)
            .filter_map(|(action, outcome)| self.event(action, outcome));
        let events: Vec<NodeEvent> = events.collect();
        let told = stream::iter(&events).map(|event| async move { (event, self.cluster.tell(event).await) });
        let told: Vec<_> = told.buffered(PARALLEL).collect().await;
        let mut failed = told.iter().filter_map(|(event, result)| Some((event, result.as_ref().err()?)));
        // What keeps one from being written mostly keeps all.
        if let Some((event, error)) = failed.next() {
            let failed = 1 + failed.count();
            log::warn!(
                "{failed} of {} events were not written, for node {} because: {error}",
                told.len(),
                event.node
            );
        }
    }

    fn event(&self, action: &Action, outcome: &Outcome) -> Option<NodeEvent> {
        let (done, failed, verb) = match action {
            Action::Uncordon { .. } => ("NodeUncordoned", "UncordonFailed", "Uncordon"),
            Action::Cordon { .. } => ("NodeCordoned", "CordonFailed", "Cordon"),
            Action::Delete { .. } => ("ScaleDown", "ScaleDownFailed", "Delete"),
            // Growing is on no node, and notes are for the next run.
            Action::Grow { .. } | Action::Mark { .. } | Action::Unmark { .. } => return None,
        };
        let (reason, note) = match outcome {
            Outcome::Applied => (done, action.reason().to_string()),
            Outcome::TakenBack { .. } => ("NodeUncordoned", outcome.message()),
            Outcome::Failed(_) => (failed, outcome.message()),
            Outcome::AlreadySo | Outcome::Stale(_) | Outcome::Postponed(_) | Outcome::NotTried(_) => {
                return None;
            }
        };
        let target = self.planned(action.node()?)?;
        Some(NodeEvent {
            node: target.name.clone(),
            uid: target.uid.clone(),
            reason,
            action: verb,
            note,
            warning: matches!(outcome, Outcome::Failed(_)),
        })
    }
}
