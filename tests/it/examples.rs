//! The example commands of `k8s/examples`, with substitutes for the tools that they run.

mod kubespray;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/k8s/examples/kubespray");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/k8s/examples/script");

/// A workspace with stand-ins for `terraform` and `ansible-playbook`, which note their arguments.
struct Workspace(TempDir);

impl Workspace {
    fn new(terraform: &str) -> Self {
        let workspace = Self(TempDir::new().unwrap());
        workspace.tool("terraform", &format!("echo \"terraform $*\" >>\"$WORKSPACE/log\"\n{terraform}"));
        workspace.tool("ansible-playbook", "echo \"ansible-playbook $*\" >>\"$WORKSPACE/log\"");
        let nodes = json!({"k8s_nodes": {"1": {"az": "nova"}, "2": {"az": "nova"}}});
        fs::write(workspace.path("nodes.auto.tfvars.json"), nodes.to_string()).unwrap();
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tool(&self, name: &str, body: &str) {
        fs::create_dir_all(self.path("bin")).unwrap();
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs an example of Kubespray; returns its exit code and its output.
    fn run(&self, name: &str, request: &Value) -> (Option<i32>, String) {
        self.run_in(FOLDER, name, request)
    }

    /// Runs an example; returns its exit code and its output.
    #[expect(clippy::disallowed_methods, reason = "the stand-ins come before the tools of this machine")]
    fn run_in(&self, folder: &str, name: &str, request: &Value) -> (Option<i32>, String) {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut child = Command::new(Path::new(folder).join(name))
            .env_clear()
            .env("PATH", path)
            .env("WORKSPACE", self.0.path())
            .env("KUBESPRAY", "/kubespray")
            .env("CLUSTER", "hub")
            .env("PREFIX", "hub-node-")
            .env("OS_REGION_NAME", "RegionOne")
            .env("NODE_TEMPLATE", r#"{"az": "nova"}"#)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() != Some(127), "{errors}");
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    }

    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn keys(&self) -> Vec<String> {
        let nodes = fs::read_to_string(self.path("nodes.auto.tfvars.json")).unwrap();
        let nodes: Value = serde_json::from_str(&nodes).unwrap();
        nodes["k8s_nodes"].as_object().unwrap().keys().cloned().collect()
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped is named")]
fn has_jq() -> bool {
    let there = Command::new("jq").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("skipped: the examples need jq");
    }
    there
}

/// A substitute for `openstack` that knows one server and records its arguments.
const OPENSTACK: &str = r#"
echo "openstack $*" >>"$WORKSPACE/log"
[ "$1 $2 $4 $5 $6 $7" = "server show -f value -c id" ] || exit 2
case $3 in
  there) echo "$3" ;;
  gone) echo "No Server found for $3" >&2; exit 1 ;;
  older) echo "No server with a name or ID of '$3' exists." >&2; exit 1 ;;
  odd) echo "No Server found for another" >&2; exit 1 ;;
  twice) printf 'No Server found for %s\nFailed to contact the endpoint\n' "$3" >&2; exit 1 ;;
  *) echo "The request you have made requires authentication. (HTTP 401)" >&2; exit 1 ;;
esac"#;

#[test]
fn a_machine_is_gone_only_if_the_cloud_finds_no_server_of_this_id() {
    if !has_jq() {
        return;
    }
    let workspace = Workspace::new("");
    workspace.tool("openstack", OPENSTACK);
    let by_id =
        |name: &str, id: &str| json!({"name": name, "uid": "u", "providerID": id, "systemUUID": "there"});
    let request = json!({"verb": "gone", "nodes": [
        by_id("n1", "openstack:///there"),
        by_id("n2", "openstack:///gone"),
        by_id("n3", "openstack://RegionOne/older"),
        by_id("n4", "openstack:///odd"),
        by_id("n5", "openstack:///twice"),
        by_id("n6", "openstack:///401"),
        by_id("n7", "aws:///zone/gone"),
        by_id("n8", ""),
        {"name": "n9", "uid": "u", "systemUUID": "GONE"},
        {"name": "n10", "uid": "u"},
        by_id("n11", "openstack://RegionTwo/gone"),
        by_id("n12", "openstack:///there\nn1 gone"),
        by_id("n13", "openstack:///--all"),
    ]});
    let (code, output) = workspace.run("gone", &request);
    let answer: Value = serde_json::from_str(&output).unwrap();
    let machines = answer["machines"].as_array().unwrap();
    let states: Vec<(&str, &str)> = machines
        .iter()
        .map(|machine| (machine["name"].as_str().unwrap(), machine["state"].as_str().unwrap()))
        .collect();
    let expected = [
        ("n1", "present"),
        ("n2", "gone"),
        ("n3", "gone"),
        ("n4", "unknown"),
        ("n5", "unknown"),
        ("n6", "unknown"),
        ("n7", "unknown"),
        ("n8", "unknown"),
        ("n9", "gone"),
        ("n10", "unknown"),
        ("n11", "unknown"),
        ("n12", "unknown"),
        ("n13", "unknown"),
    ];
    assert_eq!((code, states.as_slice()), (Some(0), expected.as_slice()));
    assert!(machines[5]["message"].as_str().unwrap().contains("401"), "{answer}");
    // It reads, and changes nothing.
    let log = workspace.log();
    assert_eq!(log.len(), 7, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("openstack server show ")), "{log:?}");
}

#[test]
fn the_list_names_the_workers_of_the_map_with_their_times() {
    if !has_jq() {
        return;
    }
    let server = |index: Value, name: &str, id: &str, groups: &str, created: Option<&str>| {
        json!({"type": "openstack_compute_instance_v2", "index": index, "values": {
            "name": name, "id": id, "created": created, "metadata": {"kubespray_groups": groups},
        }})
    };
    let workers = "kube_node,k8s_cluster";
    let state = json!({"values": {"root_module": {"child_modules": [{"resources": [
        server(json!("1"), "hub-k8s-node-1", "u1", workers, None),
        server(json!("2"), "hub-k8s-node-2", "u3", workers, Some("2026-11-26 09:00:00 +0000 UTC")),
        server(json!("3"), "hub-k8s-node-3", "u4", workers, Some("0001-01-01 00:00:00 +0200 X")),
        // A worker of a count: no command can delete exactly this one.
        server(json!(0), "hub-k8s-node-nf-1", "u5", workers, None),
        server(json!("m"), "hub-k8s-master-1", "u2", "kube_control_plane,etcd,kube_node", None),
        {"type": "openstack_networking_port_v2", "values": {"name": "port"}},
    ]}]}}});
    let workspace = Workspace::new(&format!("cat <<'JSON'\n{state}\nJSON"));
    let (code, output) = workspace.run("list", &json!({"verb": "list", "nodes": []}));
    let expected = json!({"groups": [{"name": "kubespray", "instances": [
        {"name": "hub-k8s-node-1", "providerID": "openstack:///u1", "systemUUID": "u1"},
        {"name": "hub-k8s-node-2", "providerID": "openstack:///u3", "systemUUID": "u3",
            "createdAt": "2026-11-26T09:00:00Z"},
        {"name": "hub-k8s-node-3", "providerID": "openstack:///u4", "systemUUID": "u4"},
    ]}]});
    assert_eq!((code, serde_json::from_str::<Value>(&output).unwrap()), (Some(0), expected));
    let (_, output) = workspace.run("list-by-uuid", &json!({"verb": "list", "nodes": []}));
    assert!(!output.contains("providerID") && output.contains("systemUUID"), "{output}");
}

/// A substitute for `virsh` that keeps each machine's state in a file and records its changes.
const VIRSH: &str = r#"
cd "$WORKSPACE/machines"
case $1 in
  list) ls ;;
  domuuid) echo "uuid-of-$2" ;;
  domstate) cat "$2" ;;
  shutdown) echo "$1 $2" >>../log; echo "shut off" >"$2" ;;
  start) echo "$1 $2" >>../log; echo running >"$2" ;;
  *) exit 2 ;;
esac"#;

fn host(machines: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new("");
    workspace.tool("virsh", VIRSH);
    fs::create_dir(workspace.path("machines")).unwrap();
    for (name, state) in machines {
        fs::write(workspace.path("machines").join(name), format!("{state}\n")).unwrap();
    }
    workspace
}

#[test]
fn virtual_machines_are_listed_parked_and_woken_by_name_and_uuid() {
    if !has_jq() {
        return;
    }
    let host = host(&[("hub-node-1", "running"), ("hub-node-2", "shut off"), ("gateway", "running")]);
    let (code, output) = host.run_in(SCRIPT, "list", &json!({"verb": "list", "nodes": []}));
    let instance = |number: usize, state: &str| {
        let name = format!("hub-node-{number}");
        json!({"name": name, "systemUUID": format!("uuid-of-{name}"), "state": state})
    };
    let expected = json!({"groups": [{"name": "libvirt", "instances": [instance(1, "present"), instance(2, "parked")]}]});
    assert_eq!((code, serde_json::from_str::<Value>(&output).unwrap()), (Some(0), expected));

    let both = json!({"nodes": [
        {"name": "hub-node-1", "uid": "a", "systemUUID": "UUID-OF-HUB-NODE-1"},
        {"name": "hub-node-2", "uid": "b", "systemUUID": "uuid-of-hub-node-2"},
    ]});
    assert_eq!(host.run_in(SCRIPT, "park", &both).0, Some(0));
    assert_eq!(host.log(), ["shutdown hub-node-1"]);
    assert_eq!(host.run_in(SCRIPT, "park", &both).0, Some(0));
    assert_eq!(host.log().len(), 1, "what is parked stays as it is");
    assert_eq!(host.run_in(SCRIPT, "wake", &both).0, Some(0));
    assert_eq!(host.log(), ["shutdown hub-node-1", "start hub-node-1", "start hub-node-2"]);
}

#[test]
fn a_list_that_cannot_be_made_whole_is_none() {
    if !has_jq() {
        return;
    }
    let request = json!({"verb": "list", "nodes": []});
    let host = host(&[("hub-node-1", "running"), ("hub-node-2", "running")]);
    host.tool("virsh", "[ \"$1\" != list ] || exit 1");
    assert_eq!(host.run_in(SCRIPT, "list", &request), (Some(1), String::new()));
    // The second of two machines is lost.
    host.tool(
        "virsh",
        &VIRSH.replacen("case", "case \"$1 $2\" in 'domuuid hub-node-2') exit 1 ;; esac\ncase", 1),
    );
    assert_eq!(host.run_in(SCRIPT, "list", &request), (Some(1), String::new()));
    let workspace = Workspace::new("echo 'no backend' >&2; exit 1");
    for name in ["list", "list-by-uuid"] {
        assert_eq!(workspace.run(name, &request), (Some(1), String::new()), "{name}");
    }
}

/// A request for `hub-node-1` and so on, as many as these.
fn request(count: usize) -> Value {
    let node = |name: String| json!({"name": name, "uid": "a", "systemUUID": format!("uuid-of-{name}")});
    json!({"nodes": (1..=count).map(|number| node(format!("hub-node-{number}"))).collect::<Vec<_>>()})
}

/// The results by node, in their order, of a command that ends with 0.
fn results(host: &Workspace, verb: &str, request: &Value) -> Vec<(String, String)> {
    let (code, output) = host.run_in(SCRIPT, verb, request);
    let answer: Value = serde_json::from_str(&output).unwrap();
    let text = |node: &Value, key: &str| node[key].as_str().unwrap().to_owned();
    let nodes = answer["nodes"].as_array().unwrap();
    assert_eq!(code, Some(0), "{verb}");
    nodes.iter().map(|node| (text(node, "name"), text(node, "result"))).collect()
}

fn expected(results: &[&str]) -> Vec<(String, String)> {
    let names = (1..).map(|number| format!("hub-node-{number}"));
    names.zip(results.iter().map(|result| (*result).to_owned())).collect()
}

#[test]
fn a_machine_with_another_uuid_fails_and_stays_as_it_is() {
    if !has_jq() {
        return;
    }
    for (verb, state, change) in [("park", "running", "shutdown"), ("wake", "shut off", "start")] {
        let host = host(&[("hub-node-1", state), ("hub-node-2", state), ("hub-node-3", state)]);
        let mut request = request(3);
        request["nodes"][0]["systemUUID"] = json!("another");
        // One without a UUID is not proven either.
        request["nodes"][1].as_object_mut().unwrap().remove("systemUUID");
        assert_eq!(results(&host, verb, &request), expected(&["failed", "failed", "done"]), "{verb}");
        assert_eq!(host.log(), [format!("{change} hub-node-3")]);
    }
}

#[test]
fn a_machine_in_another_state_is_neither_parked_nor_changed() {
    if !has_jq() {
        return;
    }
    let states = ["running", "shut off", "in shutdown", "paused", "crashed"];
    let machines: Vec<(String, &str)> =
        (1..).map(|number| format!("hub-node-{number}")).zip(states).collect();
    let host = host(&machines.iter().map(|(name, state)| (name.as_str(), *state)).collect::<Vec<_>>());
    let (code, output) = host.run_in(SCRIPT, "list", &json!({"verb": "list", "nodes": []}));
    let answer: Value = serde_json::from_str(&output).unwrap();
    let instances = answer["groups"][0]["instances"].as_array().unwrap();
    let told: Vec<(&str, Option<&str>)> =
        instances.iter().map(|one| (one["state"].as_str().unwrap(), one["error"].as_str())).collect();
    let expected = [
        ("present", None),
        ("parked", None),
        ("parked", None),
        ("present", Some("the machine is paused")),
        ("present", Some("the machine is crashed")),
    ];
    assert_eq!((code, told.as_slice()), (Some(0), expected.as_slice()));
    let parked = ["done", "alreadySo", "done", "failed", "failed"];
    assert_eq!(results(&host, "park", &request(5)), self::expected(&parked));
    assert_eq!(host.log(), ["shutdown hub-node-1"]);
    // The first one is shut off now.
    let woken = ["done", "done", "busy", "failed", "failed"];
    assert_eq!(results(&host, "wake", &request(5)), self::expected(&woken));
    assert_eq!(host.log(), ["shutdown hub-node-1", "start hub-node-1", "start hub-node-2"]);
    let again = ["alreadySo", "alreadySo", "busy", "failed", "failed"];
    assert_eq!(results(&host, "wake", &request(5)), self::expected(&again));
}

#[test]
fn a_failure_of_one_machine_is_its_own_and_one_in_doubt_ends_the_command_by_a_signal() {
    if !has_jq() {
        return;
    }
    for (verb, state, change) in [("park", "running", "shutdown"), ("wake", "shut off", "start")] {
        let three = || host(&[("hub-node-1", state), ("hub-node-2", state), ("hub-node-3", state)]);
        let case = |body: &str| VIRSH.replacen("case", &format!("case \"$1 $2\" in {body} esac\ncase"), 1);
        let fails = three();
        let body = format!("'{change} hub-node-1' | 'domstate hub-node-2') exit 1 ;;");
        fails.tool("virsh", &case(&body));
        assert_eq!(results(&fails, verb, &request(3)), expected(&["failed", "failed", "done"]), "{verb}");
        assert_eq!(fails.log(), [format!("{change} hub-node-3")]);
        // It was done, and the answer was lost.
        let lost = three();
        let after = if verb == "park" { "in shutdown" } else { "running" };
        lost.tool("virsh", &case(&format!("'{change} hub-node-1') echo '{after}' >\"$2\"; exit 1 ;;")));
        assert_eq!(results(&lost, verb, &request(1)), expected(&["done"]), "{verb}");
        // The host answers no more.
        let gone = three();
        gone.tool("virsh", &case(&format!("'{change} hub-node-2') rm \"$2\"; exit 1 ;;")));
        assert_eq!(gone.run_in(SCRIPT, verb, &request(3)), (None, String::new()), "{verb}");
        assert_eq!(gone.log(), [format!("{change} hub-node-1")]);
    }
}

/// OpenSSH's client ends with "No user exists for uid 65532" otherwise.
#[test]
fn the_user_of_the_example_image_has_an_entry() {
    let text = fs::read_to_string(Path::new(FOLDER).join("../Dockerfile")).unwrap();
    let (before, _) = text.split_once("\nUSER 65532:65532\n").unwrap();
    assert!(before.contains(":x:65532:65532:") && before.contains(">>/etc/passwd"), "{text}");
}
