//! Failures before and around a run: a clear line, the right exit code, nothing changed.
//!
//! A label separates the nodes from the nodes of other tests on the same control plane; a taint keeps the scheduler's
//! pods away.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::{Identity, kubeconfig};
use crate::fake_api::{FakeApi, Fault, Moment, Requests};
use crate::objects::{Node, Pod};

/// Four nodes, one of them with a pod, of which `MIN_NODES=1` keeps one: three cordons to be made.
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
        // A cluster without a single pod would look like a missing permission.
        plane.create_bound_pod(&Pod::new(&name, "critical").on(&nodes[0]));
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

    /// Asserts that a run ends with this exit code and this on standard error, and that nothing is changed. Returns the
    /// pauses between its tries, in milliseconds.
    #[track_caller]
    fn ends(&self, program: &Program<'_>, arguments: &[&str], code: i32, error: &str) -> Vec<u64> {
        let ended = program.run(arguments).must_be(code);
        println!("{}\n", ended.log.trim_end());
        assert_eq!(ended.error(), error);
        assert_eq!(self.cordoned(), 0);
        let pauses = ended.log.split("trying again in ").skip(1);
        pauses.map(|rest| rest.split(' ').next().unwrap().parse().unwrap()).collect()
    }
}

const LEASES: (&str, &str, &[&str]) = ("coordination.k8s.io", "leases", &["create", "get", "update"]);
const NODES: (&str, &str, &[&str]) = ("", "nodes", &["list"]);
const PODS: (&str, &str, &[&str]) = ("", "pods", &["list"]);
const EVENTS: (&str, &str, &[&str]) = ("events.k8s.io", "events", &["create"]);

#[test]
fn without_a_usable_kubeconfig_a_run_says_what_is_wrong() {
    let Some(world) = World::new() else { return };
    let admin = world.program(&Identity::Admin);
    let none = admin.clone().with("KUBECONFIG", "");
    let directory = world.plane.directory().display().to_string();
    let with = |text: &str| {
        let file = format!("{directory}/{}", world.plane.unique("wrong.kubeconfig"));
        std::fs::write(&file, text).unwrap();
        admin.clone().with("KUBECONFIG", &file)
    };
    let missing = |file: &str| {
        format!(
            "error: no cluster to connect to: no kubeconfig ({directory}/{file} does not exist), and this is no pod of a cluster\n\
             hint: without a connection: kubectl get nodes,pods,pv -A -o json | kube-rebalancer --from -"
        )
    };
    world.ends(&none, &["--yes"], 3, &missing(".kube/config"));
    let elsewhere = admin.clone().with("KUBECONFIG", &format!("{directory}/no-such-file"));
    world.ends(&elsewhere, &["--yes"], 3, &missing("no-such-file"));
    let cases = [
        (
            with("clusters: ["),
            "the kubeconfig cannot be used: failed to parse kubeconfig YAML: error: line 1 column 11: unclosed bracket '['"
                .to_owned(),
        ),
        (
            with("{contexts: [{name: a}, {name: b}]}"),
            "the kubeconfig names no current context, expected --context with one of: a, b".to_owned(),
        ),
    ];
    for (program, error) in cases {
        world.ends(&program, &["--yes"], 3, &format!("error: {error}\nhint: nothing was changed"));
    }
    world.ends(
        &with("{contexts: [{name: production}, {name: test}]}"),
        &["--yes", "--context", "tset"],
        3,
        "error: the kubeconfig has no context \"tset\", expected one of: production, test\nhint: nothing was changed",
    );
    let unread = format!("{directory}/.kube/config: No such file or directory (os error 2)");
    world.ends(
        &none,
        &["--yes", "--context", "test"],
        3,
        &format!("error: the kubeconfig cannot be used: {unread}\nhint: nothing was changed"),
    );
}

#[test]
fn without_a_connection_a_run_says_so_within_ten_seconds() {
    let Some(world) = World::new() else { return };
    let admin = world.program(&Identity::Admin);
    let at = |url: &str| {
        let file = world.plane.directory().join(world.plane.unique("wrong.kubeconfig"));
        std::fs::write(&file, kubeconfig(url, None, &json!({}))).unwrap();
        admin.clone().with("KUBECONFIG", &file.display().to_string())
    };
    let no_lease = |why: &str| {
        let name = &world.name;
        format!(
            "error: the Lease {name}/kube-rebalancer could not be taken\n  caused by: {why}\nhint: nothing was changed"
        )
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // and closed again
    let why =
        format!("no connection to https://{closed}/: tcp connect error: Connection refused (os error 111)");
    let pauses = world.ends(&at(&format!("https://{closed}")), &["--yes"], 3, &no_lease(&why));
    // A person learns of a wrong address within ten seconds; a server that restarts gets some of them.
    assert!((3..8).contains(&pauses.len()) && pauses.iter().sum::<u64>() < 8_000, "{pauses:?}");

    // The server's certificate is signed by nobody that this kubeconfig knows. That does not pass: no second try.
    let why = format!("no connection to {}/: invalid peer certificate: UnknownIssuer", world.plane.url());
    let pauses = world.ends(&at(world.plane.url()), &["--yes"], 3, &no_lease(&why));
    assert_eq!(pauses, Vec::<u64>::new());

    let path = super::lease_path(&world.name);
    let why = format!(
        "GET {path}: 401 Unauthorized: the API server does not accept these credentials, which may have expired"
    );
    let expired = Identity::Certificate(world.plane.authority().expired_user("ada").unwrap());
    world.ends(&world.program(&expired), &["--yes"], 3, &no_lease(&why));
    world.ends(&world.program(&Identity::Token("wrong".to_owned())), &["--yes"], 3, &no_lease(&why));
}

#[test]
fn without_a_permission_a_run_says_which() {
    let Some(world) = World::new() else { return };
    let name = &world.name;
    let user = |account: &str| format!("User \"system:serviceaccount:{name}:{account}\"");

    let nothing = world.program(&world.account("nothing", &[]));
    let refused = format!(
        "error: the Lease {name}/kube-rebalancer could not be taken\n  caused by: GET {}: 403 Forbidden: \
         leases.coordination.k8s.io \"kube-rebalancer\" is forbidden: {} cannot get resource \"leases\" in API group \
         \"coordination.k8s.io\" in the namespace \"{name}\"\nhint: nothing was changed",
        super::lease_path(name),
        user("nothing"),
    );
    world.ends(&nothing, &["--yes"], 3, &refused);

    let refused = |resource: &str, account: &str| {
        format!(
            "error: GET /api/v1/{resource}: 403 Forbidden: {resource} is forbidden: {} cannot list resource \"{resource}\" \
             in API group \"\" at the cluster scope\nhint: nothing was changed",
            user(account),
        )
    };
    world.ends(&nothing, &["--dry-run"], 3, &refused("nodes", "nothing"));
    let no_pods = world.program(&world.account("no-pods", &[LEASES, NODES]));
    world.ends(&no_pods, &["--yes"], 3, &refused("pods", "no-pods"));

    // Each of the three cordons is refused, and told in the report, by an event and by one line on standard error.
    let no_patch = world.program(&world.account("no-patch", &[LEASES, NODES, PODS, EVENTS]));
    for arguments in [&["--yes"], &["--dry-run=server"]] {
        let ended = no_patch.run(arguments).must_be(1);
        let refused = format!(
            "{} cannot patch resource \"nodes\" in API group \"\" at the cluster scope",
            user("no-patch")
        );
        let told: Vec<&str> = ended.log.lines().filter(|line| line.starts_with("error: ")).collect();
        println!("{}\n{}", ended.report, ended.log);
        assert_eq!(told.len(), 1, "{}", ended.log);
        assert!(told[0].contains("3 of 3 actions failed, the first: PATCH /api/v1/nodes/"), "{}", told[0]);
        assert!(told[0].contains(&refused), "{}", told[0]);
        assert!(ended.report.contains("3 failed"), "{}", ended.report);
        assert_eq!(world.cordoned(), 0);
    }
    let failed = |event: &&Value| {
        event["reason"] == "CordonFailed"
            && event["regarding"]["name"].as_str().unwrap().starts_with(name.as_str())
    };
    assert_eq!(world.plane.events().iter().filter(failed).count(), 3);
}

#[test]
fn what_is_tried_again_and_passes_is_no_error_in_the_log() {
    let fake = FakeApi::start();
    fake.add_node(&Node::new("n0"));
    fake.add_node(&Node::new("n1"));
    fake.add_node(&Node::new("n2"));
    fake.add_pod(&Pod::new("default", "critical").on("n0"));
    for fault in [Fault::Unavailable, Fault::Reset(Moment::Before)] {
        fake.behave();
        fake.fail(Requests::of(hyper::Method::GET, "/api/v1/pods").nth(1), fault);
        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, fake.kubeconfig()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .arg("--dry-run")
            .env_clear()
            .env("KUBECONFIG", &kubeconfig)
            .output()
            .unwrap();
        let log = super::text(&output.stderr);
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(output.status.code(), Some(0), "{log}");
        assert_eq!(lines.len(), 2, "{log}");
        assert!(lines[0].contains("INFO  kube_rebalancer_retry] trying again in "), "{log}");
        assert!(lines[1].contains(": 3 nodes, 1 pods"), "{log}");
    }
}
