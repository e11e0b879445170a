//! A Node object that remains after the deletion of its machine, on a real control plane without a cloud controller
//! manager: the node's own controller finds it unreachable, and two runs find its machine gone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::deploy;
use crate::objects::Node;

const PATIENCE: Duration = Duration::from_mins(3);

/// The machines are files with their provider IDs.
const LIST: &str = r#"#!/bin/sh
cat >/dev/null
out=
for file in "$STATE"/machines/*; do
  out="$out${out:+,}{\"name\":\"${file##*/}\",\"providerID\":\"$(cat "$file")\"}"
done
printf '{"groups":[{"name":"workers","instances":[%s]}]}' "$out"
"#;

const DELETE: &str = r#"#!/bin/sh
for name in $(grep -o '"name":"[^"]*"' | cut -d '"' -f 4); do rm "$STATE/machines/$name"; done
"#;

const GONE: &str = r#"#!/bin/sh
out=
for name in $(grep -o '"name":"[^"]*"' | cut -d '"' -f 4); do
  state=gone
  if [ -e "$STATE/machines/$name" ]; then state=present; fi
  out="$out${out:+,}{\"name\":\"$name\",\"state\":\"$state\"}"
done
printf '{"machines":[%s]}' "$out"
"#;

struct World {
    plane: ControlPlane,
    state: TempDir,
}

impl World {
    /// Two nodes that serve, each with a user of 6 of its 8 Gi, and an empty one under our own cordon.
    fn start() -> Option<Self> {
        let plane = ControlPlane::start().unwrap()?;
        plane.create_namespace("hub");
        let state = TempDir::new().unwrap();
        fs::create_dir(state.path().join("machines")).unwrap();
        for (name, script) in [("list", LIST), ("delete", DELETE), ("gone", GONE)] {
            let path = state.path().join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["s1", "s2", "d1"] {
            let node = Node::new(name).on_openstack(name);
            // The node to delete has no simulated kubelet: half a minute later the controller finds it unreachable.
            plane.create_node(&if name == "d1" { node.without_kubelet() } else { node });
            let provider_id = plane.node(name)["spec"]["providerID"].as_str().unwrap().to_owned();
            fs::write(state.path().join("machines").join(name), provider_id).unwrap();
        }
        for (user, node) in [("ada", "s1"), ("ben", "s2")] {
            plane.create_bound_pod(&super::user(user).memory("6Gi").on(node));
        }
        plane.cordon_long_ago("d1");
        Some(Self { plane, state })
    }

    fn program(&self, identity: &Identity) -> Program<'_> {
        let command = |name: &str| self.state.path().join(name).display().to_string();
        Program::new(&self.plane, identity)
            .with("MIN_NODES", "1")
            .with("RESOURCES", "memory")
            .with("PACK", "false")
            .with("LEASE_NAMESPACE", "hub")
            .with("PROVIDER", "exec")
            .with("EXEC_ENV", "STATE")
            .with("STATE", &self.state.path().display().to_string())
            .with("EXEC_LIST", &command("list"))
            .with("EXEC_DELETE", &command("delete"))
            .with("EXEC_GONE", &command("gone"))
            .with("DELETE_NODE_OBJECTS", "true")
    }

    fn note(&self, key: &str) -> Value {
        self.plane.node("d1")["metadata"]["annotations"][format!("kube-rebalancer/{key}")].clone()
    }

    fn annotate(&self, key: &str, value: &Value) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        self.plane.admin().patch("/api/v1/nodes/d1", &patch).success();
    }

    fn is_there(&self) -> bool {
        let nodes = self.plane.admin().get("/api/v1/nodes").success();
        nodes["items"].as_array().unwrap().iter().any(|node| node["metadata"]["name"] == "d1")
    }
}

/// The rules of k8s/base, and of the component.
fn rights(with_component: bool) -> Value {
    let base = deploy::file("base/rbac.yaml");
    let component = deploy::file("components/node-objects/rbac.yaml");
    let of = |objects: &[Value], kind: &str| deploy::one(objects, kind)["rules"].as_array().unwrap().clone();
    let mut rules = [of(&base, "ClusterRole"), of(&base, "Role")].concat();
    if with_component {
        rules.extend(of(&component, "ClusterRole"));
    }
    for rule in &mut rules {
        rule.as_object_mut().unwrap().remove("resourceNames");
    }
    json!(rules)
}

#[test]
fn a_node_object_goes_once_the_node_is_unreachable_and_two_runs_found_its_machine_gone() {
    let Some(world) = World::start() else { return };
    let plane = &world.plane;
    let arguments = ["--yes", "-o", "json"];
    let bare = world.program(&plane.create_service_account("hub", "bare", &rights(false)));
    let ended = bare.run(&arguments).must_be(0);
    assert_eq!(ended.story(), ["delete d1: applied"], "{}\n{}", ended.report, ended.log);
    assert_eq!(world.note("deletion-asked"), plane.node("d1")["spec"]["providerID"]);
    plane.wait_until("node d1 is unreachable", PATIENCE, || {
        let node = plane.node("d1");
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        taints.iter().any(|taint| taint["key"] == "node.kubernetes.io/unreachable").then_some(())
    });
    // The claim has expired.
    world.annotate("kube-rebalancer/deleting-until", &json!("2026-01-02T00:00:00Z"));
    for _ in 0..2 {
        assert_eq!(bare.run(&arguments).must_be(0).story(), Vec::<String>::new());
    }
    assert!(world.note("gone-since").is_string(), "{:#}", plane.node("d1"));
    assert_eq!(bare.run(&arguments).must_be(0).story(), Vec::<String>::new(), "two minutes have not passed");
    world.annotate("kube-rebalancer/gone-since", &json!("2026-01-02T00:00:00Z"));
    // The base may not delete nodes; the component may.
    let refused = bare.run(&arguments).must_be(1);
    let said = format!("{}{}", refused.report, refused.log).replace('\\', "");
    assert!(said.contains("cannot delete resource \"nodes\""), "{said}");
    assert!(world.is_there());
    let full = world.program(&plane.create_service_account("hub", "full", &rights(true)));
    let ended = full.run(&arguments).must_be(0);
    assert_eq!(ended.story(), ["delete-object d1: applied"], "{}\n{}", ended.report, ended.log);
    assert!(!world.is_there());
    assert_eq!(full.run(&arguments).must_be(0).story(), Vec::<String>::new());
}
