//! The fields of Auto Scaling that a run reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::id::InstanceId;
use crate::shape::Source;

/// An Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a group has as many switches")]
pub(crate) struct Group {
    /// Its name, which no other group of the account and region has.
    pub(crate) name: String,
    /// `MinSize`.
    pub(crate) min: u32,
    /// `MaxSize`.
    pub(crate) max: u32,
    /// `DesiredCapacity`.
    pub(crate) desired: u32,
    /// `AvailabilityZones`.
    pub(crate) zones: Vec<String>,
    /// `Instances`, without the warm pool.
    pub(crate) instances: Vec<Instance>,
    /// The names of `SuspendedProcesses`.
    pub(crate) suspended: BTreeSet<String>,
    /// `Tags`.
    pub(crate) tags: BTreeMap<String, String>,
    /// `NewInstancesProtectedFromScaleIn`.
    pub(crate) protects_new: bool,
    /// `MaxInstanceLifetime` in seconds.
    pub(crate) max_lifetime: Option<u32>,
    /// `CapacityRebalance`.
    pub(crate) capacity_rebalance: bool,
    /// Whether `MixedInstancesPolicy` lets some of its instances be Spot.
    pub(crate) has_spot: bool,
    /// Whether it may take several types of instances.
    pub(crate) is_mixed: bool,
    /// Where the types of its new instances come from: `LaunchTemplate`, or `MixedInstancesPolicy` with its overrides.
    pub(crate) sources: Vec<Source>,
    /// Whether `DesiredCapacityType` or a weight makes its sizes count something else than instances.
    pub(crate) is_weighted: bool,
    /// `Operator`: the only client that may change it.
    pub(crate) operator: Option<String>,
    /// Whether it is being deleted.
    pub(crate) is_leaving: bool,
    /// Whether it has a warm pool.
    pub(crate) has_warm_pool: bool,
}

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Its ID.
    pub(crate) id: InstanceId,
    /// Its zone.
    pub(crate) zone: String,
    /// Its type, where the answer has it.
    pub(crate) kind: Option<String>,
    /// `LifecycleState`.
    pub(crate) lifecycle: Lifecycle,
    /// `ProtectedFromScaleIn`.
    pub(crate) is_protected: bool,
}

/// An instance and its group, as `DescribeAutoScalingInstances` shows it: one of the warm pool too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The group.
    pub(crate) group: String,
    /// The instance.
    pub(crate) instance: Instance,
}

/// The lifecycle state of an instance, such as `InService` or `Terminating:Wait`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lifecycle(pub(crate) String);

/// The meaning of a lifecycle state for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It will be in service soon.
    Coming,
    /// It is in service.
    Serving,
    /// It is terminating or terminated.
    Going,
    /// It is in the warm pool: it counts as no capacity.
    Warm,
    /// It is in standby or detached: it counts as no capacity of the group.
    Aside,
    /// It counts as one of the group, but another operation on it is in progress.
    Occupied,
}

impl Lifecycle {
    /// Whether it is in standby, or on its way into it.
    pub(crate) fn is_standby(&self) -> bool {
        matches!(self.0.as_str(), "Standby" | "EnteringStandby")
    }

    /// Its meaning. An instance with an unknown state is left alone.
    pub(crate) fn stage(&self) -> Stage {
        let word = self.0.as_str();
        match word.split(':').next().unwrap_or(word) {
            "InService" => Stage::Serving,
            "Pending" => Stage::Coming,
            "Terminating" | "Terminated" => Stage::Going,
            "Warmed" => Stage::Warm,
            "Standby" | "EnteringStandby" | "Detaching" | "Detached" => Stage::Aside,
            _ => Stage::Occupied,
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A scaling activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Its kind.
    pub(crate) deed: Deed,
    /// The instance that its description names.
    pub(crate) instance: Option<InstanceId>,
    /// The time at which it began.
    pub(crate) started: Timestamp,
    /// Its outcome.
    pub(crate) end: End,
    /// `StatusMessage`.
    pub(crate) words: String,
}

/// The kind of a scaling activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It launches an instance.
    Launch,
    /// It terminates one.
    Terminate,
    /// Anything else.
    Other,
}

/// The outcome of a scaling activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It succeeded.
    Successful,
    /// It failed, or was cancelled.
    Failed,
    /// It is in progress.
    UnderWay,
}

/// The result of a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launched {
    /// The instances that were launched.
    pub(crate) instances: Vec<InstanceId>,
    /// The failures of the others, each a code and a message.
    pub(crate) failures: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifecycle_state_is_sorted_by_its_first_word() {
        for (word, stage) in [
            ("InService", Stage::Serving),
            ("Pending", Stage::Coming),
            ("Pending:Wait", Stage::Coming),
            ("Pending:Proceed", Stage::Coming),
            ("Terminating", Stage::Going),
            ("Terminating:Wait", Stage::Going),
            ("Terminating:Retained", Stage::Going),
            ("Terminated", Stage::Going),
            ("Warmed:Stopped", Stage::Warm),
            ("Warmed:Running", Stage::Warm),
            ("Warmed:Hibernated", Stage::Warm),
            ("Warmed:Terminating:Wait", Stage::Warm),
            ("Standby", Stage::Aside),
            ("EnteringStandby", Stage::Aside),
            ("Detaching", Stage::Aside),
            ("ReplacingRootVolume:Wait", Stage::Occupied),
            ("Quarantined", Stage::Occupied),
            ("SomethingNew", Stage::Occupied),
            ("", Stage::Occupied),
        ] {
            assert_eq!(Lifecycle(word.to_owned()).stage(), stage, "{word}");
        }
    }
}
