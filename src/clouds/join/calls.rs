//! The requests that grow groups and delete instances, and their outcomes.

use std::fmt::{Debug, Display};

use crate::listing::ListedInstance;

/// The requests of a cloud, each bounded by the time of the run.
///
/// A request for a change is safe to repeat with the same arguments, or the implementation does not repeat it.
pub trait Calls: Sync {
    /// The identity of an instance.
    type Instance: Ord + Clone + Display + Send + Sync;
    /// The reason why a request failed: typed for the program, with the cloud's message as its display.
    type Refusal: Display + Clone + Debug + Send + Sync;

    /// The reason why no further request may be sent: `RUN_TIMEOUT` has expired, or it got a signal to stop. `None`
    /// before that.
    fn stopped(&self) -> Option<Self::Refusal>;

    /// The number of instances of one request to delete.
    fn batch(&self) -> usize;

    /// The size of a group now. A last read belongs to a change and is made even after the run was stopped.
    fn size(&self, group: &str, last: bool) -> impl Future<Output = Result<GroupNow, Self::Refusal>> + Send;

    /// The instances of a group now, all of them. `last` as above.
    fn instances(
        &self,
        group: &str,
        last: bool,
    ) -> impl Future<Output = Result<Vec<ListedInstance<Self::Instance>>, Self::Refusal>> + Send;

    /// Asks a group to have `size` instances, more than it has.
    fn resize(&self, group: &str, size: u32) -> impl Future<Output = Asked<Self::Refusal>> + Send;

    /// Asks a group to delete these instances, at most [`Self::batch`] of them, and to create no others in their
    /// place.
    fn remove(
        &self,
        group: &str,
        instances: &[Self::Instance],
    ) -> impl Future<Output = Asked<Self::Refusal>> + Send;
}

/// A group's size now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupNow {
    /// The requested number of instances.
    pub target_size: u32,
    /// The reason why it must not grow, if so.
    pub not_growable: Option<String>,
}

/// A cloud's answer to a request for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<R> {
    /// It was accepted.
    Accepted,
    /// It was refused, and changed nothing.
    Refused(R),
    /// Its answer was lost: it may or may not have changed something.
    Unanswered(R),
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became<R> {
    /// It is in progress.
    Done,
    /// The state was already as requested.
    AlreadySo,
    /// The group or the instance is no longer what the plan saw. Nothing was requested.
    Conflict(String),
    /// The group or a rule forbids it. Nothing was requested.
    Refused(String),
    /// The cloud accepted the request and did not carry it out.
    NotTaken(String),
    /// The cloud refused it, and nothing was changed.
    Failed(R),
    /// The answer was lost or is an error, and a read shows that the change is not done, at least not yet.
    NotSeen(R),
    /// It is not known whether it was done.
    InDoubt(String),
}
