//! The meaning of an instance's provisioning and power state for a run.

use kube_rebalancer_join::{InstanceState, ListedInstance};
use kube_rebalancer_ports::words;

use crate::client::Machine;
use crate::id::InstanceId;

/// The state of an instance. In doubt it counts as running: its node is then kept.
pub(super) fn state(machine: &Machine) -> InstanceState {
    let is = |word: &str| machine.provisioning.eq_ignore_ascii_case(word);
    if is("Deleting") {
        return InstanceState::Leaving;
    }
    if is("Creating") {
        return InstanceState::Creating;
    }
    match machine.power().to_ascii_lowercase().as_str() {
        "deallocating" | "deallocated" | "stopping" | "stopped" => InstanceState::Asleep,
        _ => InstanceState::Present,
    }
}

/// The instance in the form of the crate `join`.
pub(super) fn listed(machine: &Machine) -> ListedInstance<InstanceId> {
    ListedInstance {
        id: machine.id.clone(),
        name: machine.name.clone(),
        uid: machine.unique.clone(),
        state: state(machine),
        created_at: machine.created_at,
        creation_error: failure(machine),
    }
}

/// Azure's message about the failure of an instance, if it failed.
pub(super) fn failure(machine: &Machine) -> Option<String> {
    let (status, code) = machine.failure()?;
    let message = status.message.as_deref().map(words::clean).filter(|message| !message.is_empty());
    Some(message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Status;
    use crate::id::ScaleSetId;

    #[test]
    fn a_state_is_told_by_provisioning_and_power() {
        use InstanceState::{Asleep, Creating, Leaving, Present};
        for (provisioning, power, expected) in [
            ("Succeeded", "running", Present),
            ("Creating", "", Creating),
            ("Creating", "starting", Creating),
            ("Updating", "running", Present),
            ("Updating", "starting", Present),
            ("Updating", "deallocating", Asleep),
            ("Succeeded", "deallocated", Asleep),
            ("Failed", "deallocated", Asleep),
            ("Succeeded", "stopped", Asleep),
            ("Deleting", "running", Leaving),
            ("Deleting", "deallocated", Leaving),
            ("Failed", "", Present),
            ("Failed", "unknown", Present),
            ("Succeeded", "Deallocated", Asleep),
        ] {
            let status = Status { code: format!("PowerState/{power}"), message: None, time: None };
            let machine = Machine {
                id: ScaleSetId::new("s", "rg", "users").unwrap().instance("0").unwrap(),
                name: "users_0".to_owned(),
                computer_name: None,
                unique: None,
                provisioning: provisioning.to_owned(),
                statuses: if power.is_empty() { Vec::new() } else { vec![status] },
                created_at: None,
                is_protected: false,
            };
            assert_eq!(state(&machine), expected, "{provisioning} {power}");
        }
    }
}
