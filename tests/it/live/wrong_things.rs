//! What goes wrong before and around a run: a clear line, the right exit code, nothing changed.
//!
//! The nodes are apart from those of other tests on the same control plane: a label selects them, a taint keeps the
//! scheduler's pods away.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::{Identity, kubeconfig};
use crate::objects::Node;

/// Four nodes without pods of which MIN_NODES=1 keeps one: three cordons to be made.
pub(super) struct World {
    pub(super) plane: &'static ControlPlane,
    pub(super) name: String,
    pub(super) nodes: Vec<String>,
}

impl World {
    pub(super) fn new() -> Option<Self> {
        let plane = ControlPlane::shared()?;
        let name = plane.unique("live");
        plane.create_namespace(&name);
        let nodes: Vec<String> = (0..4).map(|index| format!("{name}-n{index}")).collect();
        let made = |node: &String| Node::new(node).label("live", &name).taint("live", &name, "NoSchedule");
        plane.create_nodes(&nodes.iter().map(made).collect::<Vec<Node>>());
        Some(Self { plane, name, nodes })
    }

    pub(super) fn program(&self, identity: &Identity) -> Program<'static> {
        Program::new(self.plane, identity)
            .with("NODE_SELECTOR", &format!("live={}", self.name))
            .with("LEASE_NAMESPACE", &self.name)
            .with("MIN_NODES", "1")
    }

    pub(super) fn cordoned(&self) -> usize {
        self.nodes.iter().filter(|name| self.plane.node(name)["spec"]["unschedulable"] == true).count()
    }

    /// A service account with these rights in the whole cluster, each as group, resource and verbs.
    pub(super) fn account(&self, name: &str, rights: &[(&str, &str, &[&str])]) -> Identity {
        let rule = |(group, resource, verbs): &(&str, &str, &[&str])| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
        let rules: Vec<Value> = rights.iter().map(rule).collect();
        self.plane.create_service_account(&self.name, name, &Value::from(rules))
    }

    /// Asserts that a run ends so, with this on standard error and nothing changed.
    #[track_caller]
    fn ends(&self, what: &str, program: &Program<'_>, arguments: &[&str], code: i32, error: &str) {
        let ended = program.run(arguments);
        println!("{what}: exit code {code}\n{}\n", ended.log.trim_end());
        if !error.is_empty() {
            assert_eq!(ended.error(), error, "{what}");
        }
        assert_eq!(self.cordoned(), 0, "{what}");
    }
}

const LEASES: (&str, &str, &[&str]) = ("coordination.k8s.io", "leases", &["create", "get", "update"]);

#[test]
fn without_a_cluster_a_run_says_what_is_missing() {
    let Some(world) = World::new() else { return };
    let admin = world.program(&Identity::Admin);
    let directory = world.plane.directory();
    let at = |file: &str| directory.join(file).display().to_string();
    world.ends("no kubeconfig", &admin.clone().with("KUBECONFIG", ""), &["--yes"], 3, "");
    world.ends(
        "a kubeconfig that is not there",
        &admin.clone().with("KUBECONFIG", &at("no-such-file")),
        &["--yes"],
        3,
        "",
    );
    std::fs::write(at("broken"), "clusters: [").unwrap();
    world.ends(
        "no kubeconfig in the file",
        &admin.clone().with("KUBECONFIG", &at("broken")),
        &["--yes"],
        3,
        "",
    );
    world.ends("an unknown context", &admin, &["--yes", "--context", "tset"], 3, "");
    world.ends(
        "an unknown context, no kubeconfig",
        &admin.clone().with("KUBECONFIG", ""),
        &["--yes", "--context", "tset"],
        3,
        "",
    );

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(at("closed"), kubeconfig(&format!("https://{closed}"), None, &json!({}))).unwrap();
    let started = Instant::now();
    world.ends("a closed port", &admin.clone().with("KUBECONFIG", &at("closed")), &["--yes"], 3, "");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    std::fs::write(at("other-ca"), kubeconfig(world.plane.url(), None, &json!({}))).unwrap();
    world.ends("an unknown authority", &admin.clone().with("KUBECONFIG", &at("other-ca")), &["--yes"], 3, "");
    let expired = Identity::Certificate(world.plane.authority().expired_user("ada").unwrap());
    world.ends("an expired certificate", &world.program(&expired), &["--yes"], 3, "");
    world.ends("a wrong token", &world.program(&Identity::Token("wrong".to_owned())), &["--yes"], 3, "");
}

#[test]
fn without_a_permission_a_run_says_which() {
    let Some(world) = World::new() else { return };
    let reads: (&str, &str, &[&str]) = ("", "nodes", &["list"]);
    let pods: (&str, &str, &[&str]) = ("", "pods", &["list"]);
    let all = world.account("nothing", &[]);
    world.ends("no Lease", &world.program(&all), &["--yes"], 3, "");
    world.ends("no nodes", &world.program(&all), &["--dry-run"], 3, "");
    let account = world.account("no-pods", &[LEASES, reads]);
    world.ends("nodes but no pods", &world.program(&account), &["--yes"], 3, "");
    let account = world.account("no-patch", &[LEASES, reads, pods]);
    world.ends("list but no patch", &world.program(&account), &["--yes"], 1, "");
}
