//! The requests of growing and deleting, each bounded by the time of the run.

use std::time::Duration;

use kube_rebalancer_join::{Asked, Became, Calls, GroupNow, ListedInstance};
use kube_rebalancer_ports::{GroupAnswer, NOT_ASKED};

use super::{Gce, listing, rules};
use crate::MAX_DELETED_AT_ONCE;
use crate::error::{ComputeError, ErrorKind};
use crate::name::{GroupId, InstanceId};

/// Maximum time of a last read.
const LAST_LOOK: Duration = Duration::from_secs(5);

const TIME_IS_UP: &str = "it was still under way when RUN_TIMEOUT expired";

impl Calls for Gce {
    type Instance = InstanceId;
    type Refusal = ComputeError;

    fn stopped(&self) -> Option<ComputeError> {
        (!self.clock.left().is_positive()).then(|| other(true, NOT_ASKED.to_owned()))
    }

    fn batch(&self) -> usize {
        MAX_DELETED_AT_ONCE
    }

    async fn size(&self, group: &str, last: bool) -> Result<GroupNow, ComputeError> {
        let group = self.bounded(last, self.engine.group(self.id(group)?)).await?;
        Ok(GroupNow { target_size: group.target_size, not_growable: rules::not_growable(&group) })
    }

    async fn instances(
        &self,
        group: &str,
        last: bool,
    ) -> Result<Vec<ListedInstance<InstanceId>>, ComputeError> {
        let instances = self.bounded(last, self.engine.instances(self.id(group)?)).await?;
        Ok(instances.iter().map(listing::instance).collect())
    }

    async fn resize(&self, group: &str, size: u32) -> Asked<ComputeError> {
        let request_id = request_id();
        asked(match self.id(group) {
            Ok(id) => self.bounded(false, self.engine.resize(id, size, &request_id)).await,
            Err(error) => Err(error),
        })
    }

    async fn remove(&self, group: &str, instances: &[InstanceId]) -> Asked<ComputeError> {
        let request_id = request_id();
        asked(match self.id(group) {
            Ok(id) => self.bounded(false, self.engine.delete_instances(id, instances, &request_id)).await,
            Err(error) => Err(error),
        })
    }
}

impl Gce {
    fn id(&self, group: &str) -> Result<&GroupId, ComputeError> {
        self.groups.get(group).ok_or_else(|| other(true, format!("node group {group} was not observed")))
    }

    /// Bounds a request by the time of the run; a last read has a little time even after that.
    async fn bounded<R>(
        &self,
        last: bool,
        request: impl Future<Output = Result<R, ComputeError>> + Send,
    ) -> Result<R, ComputeError> {
        let left = self.clock.left().unsigned_abs();
        let limit = if last { left.max(LAST_LOOK) } else { left };
        let answer = tokio::time::timeout(limit, request).await;
        answer.unwrap_or_else(|_| Err(other(false, TIME_IS_UP.to_owned())))
    }
}

/// The ID by which a retry of a change is the same change.
fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn other(unchanged: bool, message: String) -> ComputeError {
    ComputeError { kind: ErrorKind::Other, unchanged, message }
}

fn asked(result: Result<(), ComputeError>) -> Asked<ComputeError> {
    match result {
        Ok(()) => Asked::Accepted,
        Err(error) if error.unchanged => Asked::Refused(error),
        Err(error) => Asked::Unanswered(error),
    }
}

/// The program's answer.
pub(super) fn answer(became: Became<ComputeError>) -> GroupAnswer {
    match became {
        Became::Done => GroupAnswer::Done,
        Became::AlreadySo => GroupAnswer::AlreadySo,
        Became::Conflict(why) => GroupAnswer::Conflict(why),
        Became::Refused(why) => GroupAnswer::Refused(why),
        Became::NotTaken(why) => GroupAnswer::Failed(why),
        // An operation that failed for lack of machines or quota, while the group shows no change.
        Became::NotSeen(ComputeError { kind: ErrorKind::Exhausted, message, .. }) => {
            GroupAnswer::Exhausted(message)
        }
        Became::NotSeen(ComputeError { kind: ErrorKind::Quota, message, .. }) => GroupAnswer::Quota(message),
        Became::NotSeen(ComputeError { message, .. }) => GroupAnswer::InDoubt(message),
        Became::InDoubt(why) => GroupAnswer::InDoubt(why),
        Became::Failed(ComputeError { kind, message, .. }) => match kind {
            ErrorKind::Credentials | ErrorKind::Forbidden => GroupAnswer::Forbidden(message),
            ErrorKind::NotFound => GroupAnswer::Gone(message),
            ErrorKind::Exhausted => GroupAnswer::Exhausted(message),
            ErrorKind::Quota => GroupAnswer::Quota(message),
            ErrorKind::Unavailable => GroupAnswer::Busy(message),
            ErrorKind::Other => GroupAnswer::Failed(message),
        },
    }
}
