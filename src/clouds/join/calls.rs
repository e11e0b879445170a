//! The requests that grow groups and delete instances, and their outcomes.

use std::fmt::{Debug, Display};

use crate::listing::ListedInstance;

/// The requests of a cloud, each bounded by what is left of the run.
///
/// A request to change is safe to repeat with the same arguments, or the implementation does not repeat it.
pub trait Calls: Sync {
    /// The identity of an instance.
    type Instance: Ord + Clone + Display + Send + Sync;
    /// Why a request failed: typed for the program, its display in the cloud's words.
    type Refusal: Display + Clone + Debug + Send + Sync;

    /// Why no new request may be sent: the run's time is over, or the run is to stop. `None` before that.
    fn stopped(&self) -> Option<Self::Refusal>;

    /// The number of instances of one request to delete.
    fn batch(&self) -> usize;

    /// The size of a group now. A last look belongs to a change and is taken after the run was stopped, too.
    fn size(&self, group: &str, last: bool) -> impl Future<Output = Result<GroupNow, Self::Refusal>> + Send;

    /// The instances of a group now, all of them. `last` as above.
    fn instances(
        &self,
        group: &str,
        last: bool,
    ) -> impl Future<Output = Result<Vec<ListedInstance<Self::Instance>>, Self::Refusal>> + Send;

    /// Asks a group to have `size` instances, more than it has.
    fn resize(&self, group: &str, size: u32) -> impl Future<Output = Asked<Self::Refusal>> + Send;

    /// Asks a group to delete these instances, at most [`Self::batch`] of them, and to make no others in their place.
    fn remove(
        &self,
        group: &str,
        instances: &[Self::Instance],
    ) -> impl Future<Output = Asked<Self::Refusal>> + Send;
}

/// A group's size now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupNow {
    /// How many instances it was asked to have.
    pub target_size: u32,
    /// Why it must not be grown, if so.
    pub not_growable: Option<String>,
}

/// A cloud's answer to a request to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<R> {
    /// It was accepted.
    Accepted,
    /// It was refused, and changed nothing.
    Refused(R),
    /// Its answer was lost: it may or may not have changed something.
    Unanswered(R),
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became<R> {
    /// It is under way.
    Done,
    /// It was so already.
    AlreadySo,
    /// The group or the instance is not what the plan saw. Nothing was asked for.
    Conflict(String),
    /// The group or a rule speaks against it. Nothing was asked for.
    Refused(String),
    /// The cloud accepted the request and did not carry it out.
    NotTaken(String),
    /// The cloud refused it, and nothing was changed.
    Failed(R),
    /// The answer was lost or is an error, and a look shows that it is not done, at least not yet.
    NotSeen(R),
    /// It is not known whether it was done.
    InDoubt(String),
}
