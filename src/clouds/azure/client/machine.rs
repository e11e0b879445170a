//! An instance of a scale set as Azure lists it.

use jiff::Timestamp;
use serde::Deserialize;

use super::failure::is_no_room;
use crate::id::{InstanceId, ScaleSetId};

/// An instance of a scale set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) id: InstanceId,
    /// Its name in Azure, such as `users_7`.
    pub(crate) name: String,
    /// The host name, with which its node registers.
    pub(crate) computer_name: Option<String>,
    /// A number that no other machine ever has.
    pub(crate) unique: Option<String>,
    /// `Creating`, `Updating`, `Succeeded`, `Failed`, `Deleting`, ….
    pub(crate) provisioning: String,
    /// Its instance view.
    pub(crate) statuses: Vec<Status>,
    pub(crate) created_at: Option<Timestamp>,
    /// Whether it is protected from scale-in. Azure itself respects that only in its own scaling.
    pub(crate) is_protected: bool,
}

/// A line of the instance view.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    /// The code, such as `PowerState/running` or `ProvisioningState/failed/AllocationFailed`.
    pub(crate) code: String,
    pub(crate) message: Option<String>,
    /// The time at which the state began.
    pub(crate) time: Option<String>,
}

impl Machine {
    /// The power state, such as `running`; empty if there is none yet.
    pub(crate) fn power(&self) -> &str {
        let power = self.statuses.iter().find_map(|one| strip_prefix(&one.code, "PowerState/"));
        power.unwrap_or_default()
    }

    /// The line of a failure, with its code.
    pub(crate) fn failure(&self) -> Option<(&Status, &str)> {
        let failed = |one| strip_prefix(code(one), "ProvisioningState/failed/").map(|code| (one, code));
        self.statuses.iter().find_map(failed)
    }

    /// Whether the failure is a lack of room.
    pub(crate) fn had_no_room(&self) -> bool {
        self.failure().is_some_and(|(_, code)| is_no_room(code))
    }
}

fn code(status: &Status) -> &str {
    &status.code
}

/// The rest of a text after a prefix, in any letter case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

/// The same in the form of the API. A missing required field is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw {
    name: String,
    instance_id: String,
    properties: Properties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    vm_id: Option<String>,
    provisioning_state: String,
    instance_view: Option<InstanceView>,
    os_profile: Option<OsProfile>,
    protection_policy: Option<Protection>,
    time_created: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
struct InstanceView {
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OsProfile {
    computer_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protection {
    #[serde(default)]
    protect_from_scale_in: bool,
    #[serde(default)]
    protect_from_scale_set_actions: bool,
}

impl Raw {
    /// The machine, of that scale set.
    pub(super) fn of(self, set: &ScaleSetId) -> Result<Machine, String> {
        let Self { name, instance_id, properties } = self;
        let id = set.instance(&instance_id).ok_or_else(|| format!("`{instance_id}` is no instance ID"))?;
        let protection = properties.protection_policy;
        Ok(Machine {
            id,
            name,
            computer_name: properties.os_profile.and_then(|profile| profile.computer_name),
            unique: properties.vm_id.filter(|id| !id.is_empty()),
            provisioning: properties.provisioning_state,
            statuses: properties.instance_view.unwrap_or_default().statuses,
            created_at: properties.time_created,
            is_protected: protection
                .is_some_and(|policy| policy.protect_from_scale_in || policy.protect_from_scale_set_actions),
        })
    }
}
