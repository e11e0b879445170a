//! Connections to clouds that are made while the pods are still being listed: a cloud's credentials take as long as a list.

use std::collections::BTreeMap;

use kube_rebalancer_ports::{CloudScope, Connecting, Provider, ProviderError, ProviderKind, SharedClock};
use tokio::task::JoinHandle;

type Connected = Result<Box<dyn Provider>, ProviderError>;

/// The connections that were begun, by the names of their kinds.
#[derive(Debug, Default)]
pub struct Connections(BTreeMap<&'static str, JoinHandle<Connected>>);

impl Connections {
    /// Begins to connect to these clouds.
    pub(super) fn begin(kinds: &[&dyn ProviderKind], scope: &CloudScope, clock: &SharedClock) -> Self {
        let begin = |kind: &&dyn ProviderKind| {
            (kind.name(), tokio::spawn(kind.connect(scope.clone(), SharedClock::clone(clock))))
        };
        Self(kinds.iter().map(begin).collect())
    }

    /// The connection to a cloud, if it was begun. A defect of the cloud's library is passed on to the caller that awaits
    /// it.
    pub(super) fn take(&mut self, kind: &dyn ProviderKind) -> Option<Connecting> {
        let task = self.0.remove(kind.name())?;
        Some(Box::pin(async move {
            task.await.unwrap_or_else(|ended| match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(ProviderError::Unseen("the connection was given up".to_owned())),
            })
        }))
    }
}

impl Drop for Connections {
    /// Ends the connections that were not taken.
    fn drop(&mut self) {
        self.0.values().for_each(JoinHandle::abort);
    }
}
