//! Groups and instances, for tests to create and read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

/// An Auto Scaling group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a group of the real service has as many switches")]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `MinSize`.
    pub min: u32,
    /// `MaxSize`.
    pub max: u32,
    /// `DesiredCapacity`.
    pub desired: u32,
    /// Its zones.
    pub zones: Vec<String>,
    /// Its instances, with the warm pool.
    pub instances: Vec<Instance>,
    /// The names of suspended processes.
    pub suspended: BTreeSet<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// `NewInstancesProtectedFromScaleIn`.
    pub protects_new: bool,
    /// `MaxInstanceLifetime`.
    pub max_lifetime: Option<u32>,
    /// `CapacityRebalance`.
    pub capacity_rebalance: bool,
    /// Whether a mixed instances policy asks for Spot.
    pub spot: bool,
    /// The weight of each instance, if sizes count weights.
    pub weight: Option<u32>,
    /// `Operator`.
    pub operator: Option<String>,
    /// Whether it has a warm pool.
    pub warm_pool: bool,
    /// `Status`, such as `Delete in progress`.
    pub status: Option<String>,
    /// The names of its scaling policies.
    pub policies: Vec<String>,
    /// The names of its scheduled actions.
    pub scheduled: Vec<String>,
    /// The time for which its hook holds a terminating instance.
    pub termination_hook: Option<Duration>,
    /// The status of its youngest instance refresh.
    pub refresh: Option<String>,
    /// The type of its instances.
    pub kind: String,
    /// ID and version of its launch template, if it has one.
    pub launch_template: Option<(String, String)>,
    /// The types in the overrides of a mixed instances policy; an empty one is of requirements.
    pub overrides: Vec<String>,
    /// Its activities, the youngest last.
    pub activities: Vec<Activity>,
    /// The time of the next launch after a failed one.
    pub(crate) tries_again: Option<Timestamp>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "an instance of the real service has as many switches")]
pub struct Instance {
    /// Its ID.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// `LifecycleState`.
    pub lifecycle: String,
    /// `ProtectedFromScaleIn`.
    pub protected: bool,
    /// The group's reason for its termination, if it terminates: `a request` for one that a client
    /// named.
    pub goes_by: Option<&'static str>,
    /// The time at which its state changes.
    pub(crate) until: Option<Timestamp>,
    /// The state of its machine, as EC2 names it.
    pub power: &'static str,
    /// The time at which that changes.
    pub(crate) power_until: Option<Timestamp>,
    /// `stateReason`: why it has this state, as a code and a message.
    pub reason: Option<(&'static str, String)>,
    /// Whether it starts for nothing: EC2 has no machine for it.
    pub(crate) no_room: bool,
    /// What reads show in place of that, and how many of them.
    pub(crate) before: Option<Before>,
    /// What was done with it at requests: `standby`, `stop`, `start`, `in service`.
    pub done: Vec<&'static str>,
    /// Whether it is a Spot Instance.
    pub spot: bool,
    /// Whether its root device is an instance store.
    pub instance_store: bool,
    /// Whether stop protection is on.
    pub stop_protected: bool,
}

/// A machine as reads still show it after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Before {
    /// The number of further reads that show it.
    pub(crate) reads: u32,
    /// The state.
    pub(crate) power: &'static str,
    /// The reason.
    pub(crate) reason: Option<(&'static str, String)>,
}

/// A scaling activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// `Description`.
    pub description: String,
    /// `Cause`.
    pub cause: String,
    /// `StartTime`.
    pub started: Timestamp,
    /// `StatusCode`.
    pub status: &'static str,
    /// `StatusMessage`.
    pub message: Option<String>,
}

impl Group {
    /// A group of these zones, from none to ten instances, with the tag of the cluster `hub`.
    #[must_use]
    pub fn new(name: &str, zones: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            max: 10,
            zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            kind: "m5.xlarge".to_owned(),
            ..Self::default()
        }
        .tag("kubernetes.io/cluster/hub", "owned")
    }

    /// With a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a version of a launch template.
    #[must_use]
    pub fn template(mut self, id: &str, version: &str) -> Self {
        self.launch_template = Some((id.to_owned(), version.to_owned()));
        self
    }

    /// With types that take the place of the launch template's.
    #[must_use]
    pub fn overrides(mut self, kinds: &[&str]) -> Self {
        self.overrides = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        self
    }

    /// With bounds.
    #[must_use]
    pub fn bounds(mut self, min: u32, max: u32) -> Self {
        (self.min, self.max) = (min, max);
        self
    }

    /// With a process suspended.
    #[must_use]
    pub fn suspend(mut self, process: &str) -> Self {
        self.suspended.insert(process.to_owned());
        self
    }

    /// With one more instance in service, which counts in its desired capacity.
    #[must_use]
    pub fn instance(mut self, id: &str, zone: &str) -> Self {
        self.instances.push(Instance::new(id, zone, "InService"));
        self.desired += 1;
        self
    }

    /// The instances that count in its desired capacity.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|one| one.counts())
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.counted().count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn note(
        &mut self,
        description: String,
        cause: &str,
        started: Timestamp,
        status: &'static str,
    ) {
        let (cause, message) = (cause.to_owned(), None);
        self.activities.push(Activity { description, cause, started, status, message });
    }
}

impl Instance {
    /// An instance in this state.
    #[must_use]
    pub fn new(id: &str, zone: &str, lifecycle: &str) -> Self {
        Self {
            id: id.to_owned(),
            zone: zone.to_owned(),
            lifecycle: lifecycle.to_owned(),
            protected: false,
            goes_by: None,
            until: None,
            power: if lifecycle == "Warmed:Stopped" { "stopped" } else { "running" },
            power_until: None,
            reason: None,
            no_room: false,
            before: None,
            done: Vec::new(),
            spot: false,
            instance_store: false,
            stop_protected: false,
        }
    }

    /// Whether it is in service or starting.
    pub(crate) fn counts(&self) -> bool {
        let is_any = |words: &[&str]| words.iter().any(|word| self.lifecycle.starts_with(word));
        is_any(&["InService", "Pending", "ReplacingRootVolume", "RootVolumeReplaced"])
    }

    /// Whether it is of the warm pool.
    pub(crate) fn is_warm(&self) -> bool {
        self.lifecycle.starts_with("Warmed")
    }
}
