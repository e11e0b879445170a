//! The meaning of a server's status and task for a run.

use kube_rebalancer_join::{InstanceState, ListedInstance};

use crate::client::Server;
use crate::id::ServerId;

/// The state of a server. In doubt it counts as running: its node is then kept.
pub(crate) fn state(server: &Server) -> InstanceState {
    let task = server.task.as_deref().unwrap_or_default();
    if matches!(task, "deleting" | "soft-deleting") || is_deleted(server) {
        return InstanceState::Leaving;
    }
    if is_going_to_sleep(task) {
        return InstanceState::Asleep;
    }
    if !task.is_empty() && is_off(server) {
        // unshelving, spawning, powering-on, resuming, …
        return InstanceState::Present;
    }
    match server.status.as_str() {
        "BUILD" => InstanceState::Creating,
        _ if is_off(server) => InstanceState::Asleep,
        _ => InstanceState::Present,
    }
}

fn is_deleted(server: &Server) -> bool {
    matches!(server.status.as_str(), "DELETED" | "SOFT_DELETED")
}

fn is_going_to_sleep(task: &str) -> bool {
    task.starts_with("shelving") || matches!(task, "powering-off" | "suspending" | "pausing")
}

fn is_off(server: &Server) -> bool {
    is_shelved(server) || matches!(server.status.as_str(), "SHUTOFF" | "SUSPENDED" | "PAUSED")
}

/// Whether it is shelved, with or without a host.
pub(crate) fn is_shelved(server: &Server) -> bool {
    matches!(server.status.as_str(), "SHELVED" | "SHELVED_OFFLOADED")
}

/// The server in the form of the crate `join`. Its UUID is a number that no other server ever has.
pub(crate) fn listed(server: &Server) -> ListedInstance<ServerId> {
    ListedInstance {
        id: server.id.clone(),
        name: server.name.clone(),
        uid: Some(server.id.as_str().to_owned()),
        state: state(server),
        created_at: server.created_at,
        creation_error: (server.status == "ERROR").then(|| "Nova shows it in status ERROR".to_owned()),
    }
}

/// Status and task in words.
pub(crate) fn shown(server: &Server) -> String {
    match &server.task {
        Some(task) => format!("{} with task {task}", server.status),
        None => server.status.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_by_task_and_status() {
        use InstanceState::{Asleep, Creating, Leaving, Present};
        for (status, task, expected) in [
            ("ACTIVE", "", Present),
            ("ACTIVE", "shelving", Asleep),
            ("ACTIVE", "shelving_image_uploading", Asleep),
            ("SHELVED", "shelving_offloading", Asleep),
            ("SHELVED", "", Asleep),
            ("SHELVED_OFFLOADED", "", Asleep),
            ("SHELVED_OFFLOADED", "unshelving", Present),
            ("SHELVED_OFFLOADED", "spawning", Present),
            ("ACTIVE", "powering-off", Asleep),
            ("SHUTOFF", "", Asleep),
            ("SHUTOFF", "powering-on", Present),
            ("SHUTOFF", "shelving", Asleep),
            ("PAUSED", "", Asleep),
            ("REBOOT", "rebooting", Present),
            ("ERROR", "", Present),
            ("BUILD", "spawning", Creating),
            ("ACTIVE", "deleting", Leaving),
            ("SHELVED_OFFLOADED", "deleting", Leaving),
            ("SOFT_DELETED", "", Leaving),
            ("UNKNOWN", "", Present),
        ] {
            let server = Server {
                id: ServerId::parse("a4a4113e-15ec-441f-9e60-29e60cb23525").unwrap(),
                name: String::new(),
                status: status.to_owned(),
                task: Some(task.to_owned()).filter(|task| !task.is_empty()),
                locked: false,
                zone: None,
                created_at: None,
                metadata: std::collections::BTreeMap::new(),
                addresses: std::collections::BTreeSet::new(),
            };
            assert_eq!(state(&server), expected, "{status} {task}");
        }
    }
}
