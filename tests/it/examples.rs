//! The example commands of `k8s/examples`, with substitutes for the tools that they run.

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
    ];
    assert_eq!((code, states.as_slice()), (Some(0), expected.as_slice()));
    assert!(machines[5]["message"].as_str().unwrap().contains("401"), "{answer}");
    // It reads, and changes nothing.
    let log = workspace.log();
    assert_eq!(log.len(), 7, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("openstack server show ")), "{log:?}");
}

const LOCKED: &str = "echo 'Error: Error acquiring the state lock' >&2; exit 1";

#[test]
fn the_list_names_the_workers_and_no_control_plane() {
    if !has_jq() {
        return;
    }
    let server = |name: &str, id: &str, groups: &str| {
        json!({"type": "openstack_compute_instance_v2", "values": {
            "name": name, "id": id, "metadata": {"kubespray_groups": groups},
        }})
    };
    let state = json!({"values": {"root_module": {"child_modules": [{"resources": [
        server("hub-k8s-node-1", "u1", "kube_node,k8s_cluster"),
        server("hub-k8s-master-1", "u2", "kube_control_plane,etcd,kube_node"),
        {"type": "openstack_networking_port_v2", "values": {"name": "port"}},
    ]}]}}});
    let workspace = Workspace::new(&format!("cat <<'JSON'\n{state}\nJSON"));
    let (code, output) = workspace.run("list", &json!({"verb": "list", "nodes": []}));
    let expected = json!({"groups": [{"name": "kubespray", "instances": [
        {"name": "hub-k8s-node-1", "providerID": "openstack:///u1", "systemUUID": "u1"},
    ]}]});
    assert_eq!((code, serde_json::from_str::<Value>(&output).unwrap()), (Some(0), expected));
    let (_, output) = workspace.run("list-by-uuid", &json!({"verb": "list", "nodes": []}));
    assert!(!output.contains("providerID") && output.contains("systemUUID"), "{output}");
}

#[test]
fn growing_adds_nodes_by_name_and_plays_them_alone() {
    if !has_jq() {
        return;
    }
    let workspace = Workspace::new("");
    let (code, _) = workspace.run("grow", &json!({"verb": "grow", "group": "kubespray", "from": 2, "to": 4}));
    assert_eq!((code, workspace.keys().len()), (Some(0), 4));
    let new: Vec<String> = workspace.keys().into_iter().filter(|key| key.starts_with("auto-")).collect();
    let log = workspace.log();
    assert_eq!(log[0], "terraform apply -input=false -auto-approve -lock-timeout=0s");
    let limit = log[1].strip_prefix("ansible-playbook -i hosts --become scale.yml --limit ").unwrap();
    let mut played: Vec<&str> = limit.split(',').collect();
    played.sort_unstable();
    let expected: Vec<String> = new.iter().map(|key| format!("hub-k8s-node-{key}")).collect();
    assert_eq!(played, expected);
}

#[test]
fn a_held_lock_ends_with_75_and_changes_nothing() {
    if !has_jq() {
        return;
    }
    let workspace = Workspace::new(LOCKED);
    let grow = json!({"verb": "grow", "group": "kubespray", "from": 2, "to": 3});
    let delete = json!({"verb": "delete", "nodes": [{"name": "hub-k8s-node-2", "uid": "u"}]});
    assert_eq!(workspace.run("grow", &grow).0, Some(75));
    assert_eq!(workspace.run("delete", &delete).0, Some(75));
    assert_eq!(workspace.keys(), ["1", "2"]);
    assert!(workspace.log().iter().all(|line| line.starts_with("terraform ")), "{:?}", workspace.log());
    for script in ["grow", "delete"] {
        let text = fs::read_to_string(Path::new(FOLDER).join(script)).unwrap();
        assert!(!text.contains("force-unlock"), "{script}");
    }
}

#[test]
fn deleting_removes_exactly_the_named_nodes() {
    if !has_jq() {
        return;
    }
    let workspace = Workspace::new("");
    let delete = json!({"verb": "delete", "nodes": [{"name": "hub-k8s-node-1", "uid": "u"}]});
    assert_eq!(workspace.run("delete", &delete).0, Some(0));
    assert_eq!(workspace.keys(), ["2"]);
    let played =
        "ansible-playbook -i hosts --become remove-node.yml -e node=hub-k8s-node-1 -e skip_confirmation=true";
    assert_eq!(workspace.log()[1], played);
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

#[test]
fn a_machine_with_another_uuid_ends_the_command_before_anything_is_changed() {
    if !has_jq() {
        return;
    }
    let host = host(&[("hub-node-1", "running"), ("hub-node-2", "running")]);
    let request = json!({"nodes": [
        {"name": "hub-node-1", "uid": "a", "systemUUID": "uuid-of-hub-node-1"},
        {"name": "hub-node-2", "uid": "b", "systemUUID": "another"},
    ]});
    for verb in ["park", "wake"] {
        assert_eq!(host.run_in(SCRIPT, verb, &request).0, Some(1), "{verb}");
    }
    assert_eq!(host.log(), Vec::<String>::new());
    // One without a UUID is not proven either.
    let unproven = json!({"nodes": [{"name": "hub-node-1", "uid": "a"}]});
    assert_eq!(host.run_in(SCRIPT, "park", &unproven).0, Some(1));
}
