//! The answers to changes of node groups.

/// The reason why a run makes no further request to a cloud.
pub const NOT_ASKED: &str =
    "it was not requested: RUN_TIMEOUT has expired, or the run received a signal to stop";

/// An instance to delete, to park or to wake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceToDelete {
    /// The node.
    pub node: String,
    /// Its provider ID, which names the instance.
    pub provider_id: Option<String>,
    /// Its system UUID, which names the instance where the node has no provider ID.
    pub system_uuid: Option<String>,
}

/// The result of a request to a node group. The text is for a person, with the cloud's message if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupAnswer {
    /// The cloud accepted it.
    Done,
    /// The state was already as requested.
    AlreadySo,
    /// The group or the instance is no longer what the plan saw. Nothing was changed; the next run looks again.
    Conflict(String),
    /// The group cannot do this, or nothing proves that the instance is the node's. Nothing was changed.
    Refused(String),
    /// The cloud has no more machines of that kind there. Nothing was changed; another group may have one.
    Exhausted(String),
    /// A quota is used up. Nothing was changed.
    Quota(String),
    /// The credentials do not permit it. Nothing was changed.
    Forbidden(String),
    /// There is no such group or instance. Nothing was changed.
    Gone(String),
    /// The cloud is busy, or another change is in progress. Nothing was changed; a later try may succeed.
    Busy(String),
    /// It failed for any other reason, and nothing was changed.
    Failed(String),
    /// It is not known whether it was done: its answer was lost, or it was still in progress when the time expired.
    InDoubt(String),
}

impl GroupAnswer {
    /// Whether the same request may succeed a moment later. After a lost answer the provider reads the state first, and
    /// repeats only a request that has no second effect.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::InDoubt(_))
    }

    /// Whether another group may be able to do it.
    #[must_use]
    pub fn tries_another_group(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Exhausted(_)
                | Self::Quota(_)
                | Self::Forbidden(_)
                | Self::Gone(_)
                | Self::Busy(_)
        )
    }

    /// The text, if it has any.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Done | Self::AlreadySo => None,
            Self::Conflict(words)
            | Self::Refused(words)
            | Self::Exhausted(words)
            | Self::Quota(words)
            | Self::Forbidden(words)
            | Self::Gone(words)
            | Self::Busy(words)
            | Self::Failed(words)
            | Self::InDoubt(words) => Some(words),
        }
    }
}

/// A pod to evict, as it was read right before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodToEvict {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID: no other pod of that name is evicted.
    pub uid: String,
    /// The version that was judged: a pod that has changed since is not evicted.
    pub resource_version: String,
}

/// A Node object to delete, as it was read right before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeToDelete {
    /// Its name.
    pub name: String,
    /// Its UID: no other node of that name is deleted.
    pub uid: String,
    /// The version that was judged: a node that has changed since is not deleted.
    pub resource_version: String,
}

/// The result of the request to evict a pod. The text is for a person, with the API server's message if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvictionAnswer {
    /// The pod is being evicted.
    Done,
    /// It is gone.
    Gone,
    /// It has changed since it was read, or another pod has its name.
    Changed(String),
    /// A budget allows no eviction now, or the server is busy. This is no failure; the next run tries again.
    NotNow(String),
    /// It failed, or its result is unknown.
    Failed(String),
}
