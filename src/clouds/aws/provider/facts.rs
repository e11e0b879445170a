//! Further facts of a group, each with its own request: a missing permission hides only its part.

use crate::client::Client;
use crate::types::{Activity, Group, Stage};

use super::rules::Refresh;

/// Further facts of a group.
#[derive(Debug)]
pub(super) struct Facts {
    /// The instance refresh in progress.
    pub(super) refresh: Refresh,
    /// The names of its scaling policies.
    pub(super) policies: Result<Vec<String>, String>,
    /// The names of its scheduled actions.
    pub(super) scheduled: Result<Vec<String>, String>,
    /// The names of its hooks at a termination.
    pub(super) hooks: Result<Vec<String>, String>,
    /// Its scaling activities, the latest first; requested only if the group does not have its desired
    /// state.
    pub(super) activities: Result<Vec<Activity>, String>,
}

impl Facts {
    /// Reads them. `is_settled` means that every instance of the group has a node.
    pub(super) async fn read(client: &Client, group: &Group, is_settled: bool) -> Self {
        let name = &group.name;
        let told = |error: crate::error::CloudError| error.message;
        let is_calm =
            is_settled && missing(group) == 0 && !group.instances.iter().any(|one| is_held(&one.lifecycle.0));
        Self {
            refresh: client.refresh(name, false).await.map_err(told),
            policies: client.policies(name).await.map_err(told),
            scheduled: client.scheduled(name).await.map_err(told),
            hooks: client.termination_hooks(name).await.map_err(told),
            activities: if is_calm { Ok(Vec::new()) } else { client.activities(name).await.map_err(told) },
        }
    }
}

/// Whether a hook holds an instance that is to be terminated.
pub(super) fn is_held(lifecycle: &str) -> bool {
    matches!(lifecycle, "Terminating:Wait" | "Terminating:Retained")
}

/// The number of instances that a group wants but does not have.
pub(super) fn missing(group: &Group) -> u32 {
    let counts = |stage| matches!(stage, Stage::Coming | Stage::Serving | Stage::Occupied);
    let counted = group.instances.iter().filter(|one| counts(one.lifecycle.stage())).count();
    group.desired.saturating_sub(u32::try_from(counted).unwrap_or(u32::MAX))
}
