//! A world to try things in by hand: a real control plane with simulated kubelets, and a fake cloud whose instances become its
//! nodes.
//!
//! ```text
//!   tests/control-plane/world [gce|aws|azure|aks|openstack]
//! ```

use std::any::Any;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fake_openstack::{Account, FakeOpenStack, Options, Server};
use serde_json::Value;

use super::hub::Hub;
use super::tuesday::{aws, azure};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};
use crate::openstack_world::{OpenStackWorld, Servers};

/// The line after the last variable.
const END: &str = "The world ends with this command: Ctrl-D or Ctrl-C.";

struct World {
    plane: Arc<ControlPlane>,
    settings: Vec<(&'static str, String)>,
    /// The cloud, and the thread that makes nodes of its instances.
    _cloud: Box<dyn Any>,
}

impl World {
    /// Three nodes on a cloud of this kind. `None` where there is no control plane.
    fn start(kind: &str) -> Option<Self> {
        let (plane, settings, cloud): (_, _, Box<dyn Any>) = match kind {
            "gce" => {
                let hub = Hub::start(Duration::from_secs(1))?;
                let settings = vec![
                    ("GCE_METADATA_HOST", hub.gce.address().to_string()),
                    ("COMPUTE_ENDPOINT", hub.gce.url()),
                ];
                (Arc::clone(&hub.plane), settings, Box::new(hub))
            }
            "aws" => {
                let hub = aws::Hub::start()?;
                (Arc::clone(&hub.plane), hub.environment(), Box::new(hub))
            }
            "azure" | "aks" => {
                let hub = azure::Hub::start(kind == "aks")?;
                (Arc::clone(&hub.plane), hub.environment(), Box::new(hub))
            }
            "openstack" => openstack()?,
            other => panic!("{other}: expected gce, aws, azure, aks or openstack"),
        };
        Some(Self { plane, settings, _cloud: cloud })
    }
}

type Parts = (Arc<ControlPlane>, Vec<(&'static str, String)>, Box<dyn Any>);

fn openstack() -> Option<Parts> {
    let plane = Arc::new(ControlPlane::start().unwrap()?);
    let fake = FakeOpenStack::start(Account::ops(), Options::default()).unwrap();
    for number in 0..3 {
        let (id, name) = (format!("00000000-0000-4000-8000-{number:012}"), format!("hub-k8s-node-{number}"));
        fake.add_server(Server::new(&id, &name, &Account::ops().project_id));
        plane.create_node(&Node::new(&name).on_openstack(&id));
    }
    plane.create_namespace("hub");
    plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi"));
    let fake = Arc::new(fake);
    let settings = vec![
        ("OS_AUTH_URL", fake.auth_url()),
        ("OS_USERNAME", Account::ops().user),
        ("OS_PASSWORD", Account::ops().password),
        ("OS_PROJECT_NAME", Account::ops().project),
        ("OS_USER_DOMAIN_NAME", "Default".to_owned()),
        ("OS_PROJECT_DOMAIN_NAME", "Default".to_owned()),
        ("NODE_GROUPS", "hub-k8s-node-".to_owned()),
        ("GIVE_BACK", "park".to_owned()),
    ];
    let cloud: Arc<dyn Servers> = fake;
    let world = OpenStackWorld::join(cloud, Arc::clone(&plane));
    Some((plane, settings, Box::new(world)))
}

/// Prints the environment of a run, and waits for the end of its input.
#[test]
#[ignore = "for a person: tests/control-plane/world"]
#[expect(clippy::disallowed_methods, reason = "whoever starts a world says which")]
fn a_world_for_a_person() {
    let kind = std::env::var("WORLD").unwrap_or_else(|_| "gce".to_owned());
    let Some(world) = World::start(&kind) else { return };
    let kubeconfig = world.plane.directory().join("by-hand.kubeconfig");
    std::fs::write(&kubeconfig, world.plane.kubeconfig(&Identity::Admin)).unwrap();
    let mut output = std::io::stdout();
    writeln!(output, "\nthree nodes on {kind}; in another terminal:\n").unwrap();
    let own = [("KUBECONFIG", kubeconfig.display().to_string()), ("PREEMPTIBLE_LABELS", "user".to_owned())];
    for (name, value) in own.iter().chain(&world.settings) {
        writeln!(output, "export {name}='{value}'").unwrap();
    }
    writeln!(output, "\n{END}").unwrap();
    output.flush().unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Starts the world of a kind as a person does, and plans a run in it.
fn planned(kind: &str) -> Value {
    let mut person = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "live::by_hand::a_world_for_a_person"])
        .env("WORLD", kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Read to its end: whoever writes into a pipe that nobody reads fails.
    let mut output = BufReader::new(person.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = output.by_ref().take_while(|line| line != END).collect();
    let variables = lines.iter().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let ran = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(["--dry-run", "-o", "json"])
        .env_clear()
        .envs(variables.map(|(name, value)| (name, value.trim_matches('\''))))
        .env("MIN_NODES", "4")
        .env("PACK", "false")
        .output()
        .unwrap();
    drop(person.stdin.take());
    output.for_each(drop);
    assert!(person.wait().unwrap().success(), "{kind}");
    assert_eq!(ran.status.code(), Some(0), "{kind}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn in_every_world_a_run_sees_three_nodes_and_their_cloud() {
    if ControlPlane::shared().is_none() {
        return;
    }
    for kind in ["gce", "aws", "azure", "aks", "openstack"] {
        let report = planned(kind);
        assert_eq!(report["nodes"].as_array().unwrap().len(), 3, "{kind}: {report}");
        let actions = report["actions"].as_array().unwrap();
        let grown: Vec<_> = actions.iter().map(|action| (&action["action"], &action["to"])).collect();
        if kind == "openstack" {
            let set = "a set of named servers cannot grow";
            assert!(grown.is_empty() && report.to_string().contains(set), "{kind}: {report}");
        } else {
            assert_eq!(grown, [(&Value::from("grow"), &Value::from(4))], "{kind}: {report}");
        }
    }
}
