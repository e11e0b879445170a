//! The unfinished work of a run that ends with code 1.

use kube_rebalancer_apply::Applied;
use kube_rebalancer_page::count;
use kube_rebalancer_ports::OutcomeKind;

/// The unfinished work of a run that ends with code 1. No run ends with that code without a
/// message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfinished {
    #[error("{failed} of {} failed, the first: {first}", count(*.actions, "action"))]
    Failed { failed: usize, actions: usize, first: String },
    #[error("{not_tried} of {} {} not tried, the first: {first}", count(*.actions, "action"), was(*.not_tried))]
    NotTried { not_tried: usize, actions: usize, first: String },
    #[error("the actions are done, but something else failed: {first}")]
    Beside { first: String },
    #[error("the node groups could not be listed as a whole{first}")]
    Unseen { first: String },
}

impl Unfinished {
    /// The unfinished part of a plan, if any.
    pub(super) fn of(applied: &Applied) -> Option<Self> {
        let actions = applied.outcomes.len();
        let of_kind = |wanted| {
            let unfinished = applied.outcomes.iter().filter(|outcome| !outcome.is_fine());
            let mut found = unfinished.filter(move |outcome| outcome.kind() == wanted);
            let first = found.next()?.message();
            Some((1 + found.count(), first))
        };
        if let Some((failed, first)) = of_kind(OutcomeKind::Failed) {
            return Some(Self::Failed { failed, actions, first });
        }
        if let Some((not_tried, first)) = of_kind(OutcomeKind::NotTried) {
            return Some(Self::NotTried { not_tried, actions, first });
        }
        let first = applied.problems.first()?.to_string();
        Some(Self::Beside { first })
    }

    /// The unfinished work of a run whose node groups could not be listed.
    pub(super) fn unseen(warnings: &[String]) -> Self {
        let first = warnings.first().map(|warning| format!(": {warning}")).unwrap_or_default();
        Self::Unseen { first }
    }
}

fn was(actions: usize) -> &'static str {
    if actions == 1 { "was" } else { "were" }
}
