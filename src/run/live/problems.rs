//! The failures that stop a run on a live cluster, with hints for a person.

use kube_rebalancer_kube::live::{ConnectError, LeaseError};

use crate::error::{Ending, Failure};

/// The failure of a run that finds no cluster, with a hint.
pub(in crate::run) fn cannot_connect(error: ConnectError) -> Failure {
    let hint = match &error {
        ConnectError::NoCluster { .. } => {
            "without a connection: kubectl get nodes,pods,pv -A -o json | kube-rebalancer --from -"
        }
        ConnectError::UnknownContext { .. }
        | ConnectError::NoContext { .. }
        | ConnectError::Kubeconfig { .. }
        | ConnectError::Client { .. }
        | ConnectError::Silent { .. } => UNCHANGED,
    };
    Failure::new(Ending::NotObserved, error).with_hint(hint)
}

/// The failure of a run that does not get the Lease, or loses it.
pub(super) fn no_lease(error: LeaseError) -> Failure {
    let ending = match &error {
        LeaseError::Busy { .. } | LeaseError::Lost { .. } => Ending::Busy,
        LeaseError::Failed { .. } => Ending::NotObserved,
    };
    Failure::new(ending, error).with_hint(UNCHANGED)
}

/// The most important fact of most failures.
pub(super) const UNCHANGED: &str = "nothing was changed";

/// The hint if no person can be asked.
pub(super) const ANSWER_BEFOREHAND: &str =
    "--yes (or YES=true) carries the plan out, --dry-run only shows it";

#[derive(Debug, thiserror::Error)]
#[error("nothing was changed: the plan needs a yes, and there is no terminal to ask on")]
pub(super) struct NoConsent;

#[derive(Debug, thiserror::Error)]
#[error("nothing was changed: the answer was not yes")]
pub(super) struct Declined;

#[derive(Debug, thiserror::Error)]
#[error(
    "nothing was changed: the cluster changed while the question was open, and the plan is another one now"
)]
pub(super) struct Changed;

#[derive(Debug, thiserror::Error)]
#[error("the asynchronous runtime cannot be started")]
pub(super) struct NoRuntime(#[source] pub(super) std::io::Error);
