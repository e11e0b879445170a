//! Looks again and again whether somebody has lost a pod, also while the program runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::openstack_world::{Server, Servers};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The users who are there, each with the uid of the pod that they came with.
type Users = BTreeMap<String, String>;

/// A thread that watches over the users.
#[derive(Debug)]
pub(super) struct Observer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    users: Mutex<Users>,
    /// What was lost, each with the reason.
    lost: Mutex<BTreeSet<String>>,
}

impl Observer {
    pub(super) fn start(plane: Arc<ControlPlane>, cloud: Arc<dyn Servers>) -> Self {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            while !seen.stop.load(Ordering::Relaxed) {
                let before = seen.users.lock().unwrap().clone();
                let answer = plane.admin().get("/api/v1/namespaces/hub/pods").success();
                let pods = answer["items"].as_array().cloned().unwrap_or_default();
                // After the pods: a server that a pod is on runs, and goes on running.
                let servers = cloud.servers();
                // Who left meanwhile has lost nothing.
                let after = seen.users.lock().unwrap().clone();
                let lost = before.iter().filter(|(name, _)| after.contains_key(*name));
                let lost = lost.filter_map(|(name, uid)| loss(name, uid, &pods, &servers));
                seen.lost.lock().unwrap().extend(lost);
                fake_http::waiting::take(PAUSE);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// A user comes with this pod.
    pub(super) fn comes(&self, name: String, uid: String) {
        self.shared.users.lock().unwrap().insert(name, uid);
    }

    /// A user is about to leave.
    pub(super) fn leaves(&self, name: &str) {
        self.shared.users.lock().unwrap().remove(name);
    }

    /// Who is there.
    pub(super) fn users(&self) -> Users {
        self.shared.users.lock().unwrap().clone()
    }

    /// Who lost what.
    pub(super) fn lost(&self) -> BTreeSet<String> {
        self.shared.lost.lock().unwrap().clone()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// What a user has lost, if anything.
fn loss(name: &str, uid: &str, pods: &[Value], servers: &[Server]) -> Option<String> {
    let Some(pod) = pods.iter().find(|pod| pod["metadata"]["name"] == name) else {
        return Some(format!("{name} has no pod any more"));
    };
    if pod["metadata"]["uid"] != uid {
        return Some(format!("{name} has another pod"));
    }
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return Some(format!("the pod of {name} is being deleted"));
    }
    let node = pod["spec"]["nodeName"].as_str()?;
    let server = servers.iter().find(|server| server.name == node);
    let runs = server.is_some_and(Server::runs);
    (!runs).then(|| format!("{name} was on {node}, whose server is {server:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_is_gone_or_on_a_server_that_goes_is_lost() {
        let pod = json!({"metadata": {"name": "ada", "uid": "1"}, "spec": {"nodeName": "n1"}});
        let waits = json!({"metadata": {"name": "ada", "uid": "1"}, "spec": {}});
        let going = json!({"metadata": {"name": "ada", "uid": "1", "deletionTimestamp": "now"}, "spec": {}});
        let server = |status: &str, task: Option<&str>| Server {
            id: "1".to_owned(),
            name: "n1".to_owned(),
            status: status.to_owned(),
            task: task.map(str::to_owned),
        };
        let runs = server("ACTIVE", None);
        for (pod, uid, server, lost) in [
            (&pod, "1", &runs, false),
            (&waits, "1", &server("SHELVED_OFFLOADED", None), false),
            (&pod, "2", &runs, true),
            (&going, "1", &runs, true),
            (&pod, "1", &server("ACTIVE", Some("shelving")), true),
            (&pod, "1", &server("SHUTOFF", None), true),
        ] {
            let told = loss("ada", uid, std::slice::from_ref(pod), std::slice::from_ref(server));
            assert_eq!(told.is_some(), lost, "{pod} {server:?}: {told:?}");
        }
        assert!(loss("bob", "1", std::slice::from_ref(&pod), &[runs]).is_some());
    }
}
