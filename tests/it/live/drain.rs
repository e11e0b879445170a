//! Pods that are moved off nodes that go: a real eviction API, real budgets, real controllers that start them again.
//!
//! ```text
//!   DRAIN_RUNS=100 DRAIN_SEED=1 REQUIRE_CONTROL_PLANE=true cargo test --test it live::drain -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ended, Program, ended, lease_path};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::deploy;
use crate::objects::{Node, Pod};

const PATIENCE: Duration = Duration::from_mins(2);

/// Two nodes that serve, each with a user of 6 of its 8 Gi, and five under our own cordon: `dns` has two pods of a Deployment
/// of which a budget allows one to be missing; `cache` a Deployment's with an emptyDir; `bare` one that nobody starts again;
/// `store` a StatefulSet's; `beside` a Deployment's and a user's.
struct World {
    plane: ControlPlane,
    /// The users' pods by name: their UIDs.
    users: BTreeMap<String, String>,
}

/// A node, and how its pods come onto it.
type Workload<'w> = (&'w str, &'w dyn Fn(&ControlPlane));

impl World {
    fn start() -> Option<Self> {
        let plane = ControlPlane::start().unwrap()?;
        plane.create_namespace("hub");
        let workloads: [Workload<'_>; 5] = [
            ("dns", &|plane| {
                plane.create_workload("deployments", "kube-system", "dns", 2, &json!({}));
                plane.create_budget("kube-system", "dns", 1);
            }),
            ("cache", &|plane| {
                let volumes = json!({"volumes": [{"name": "scratch", "emptyDir": {}}]});
                plane.create_workload("deployments", "kube-system", "cache", 1, &volumes);
            }),
            ("bare", &|plane| drop(plane.create_bound_pod(&Pod::new("kube-system", "bare").on("bare")))),
            ("store", &|plane| plane.create_workload("statefulsets", "hub", "store", 1, &json!({}))),
            ("beside", &|plane| plane.create_workload("deployments", "hub", "beside", 1, &json!({}))),
        ];
        for (name, create) in workloads {
            // The only node that takes pods now.
            plane.create_node(&Node::new(name));
            create(&plane);
            if name == "beside" {
                plane.create_bound_pod(&super::user("eve").memory("64Mi").on(name));
            }
            plane.cordon_long_ago(name);
        }
        plane.create_nodes(&[Node::new("s1"), Node::new("s2")]);
        for (user, node) in [("ada", "s1"), ("ben", "s2")] {
            plane.create_bound_pod(&super::user(user).memory("6Gi").on(node));
        }
        let users = ["ada", "ben", "eve"].map(|name| (name.to_owned(), plane.uid("hub", name).unwrap()));
        Some(Self { users: users.into(), plane })
    }

    fn program(&self, identity: &Identity) -> Program<'_> {
        Program::new(&self.plane, identity)
            .with("MIN_NODES", "1")
            .with("RESOURCES", "memory")
            .with("LEASE_NAMESPACE", "hub")
    }

    /// Checks that no user has lost a pod.
    fn nobody_was_evicted(&self) {
        for (name, uid) in &self.users {
            assert_eq!(self.plane.uid("hub", name).as_ref(), Some(uid), "user {name}");
        }
    }

    /// Until every controller's pods are Ready, and the budget knows.
    fn settle(&self) {
        for (kind, namespace, name) in [
            ("deployments", "kube-system", "dns"),
            ("deployments", "kube-system", "cache"),
            ("deployments", "hub", "beside"),
            ("statefulsets", "hub", "store"),
        ] {
            self.plane.wait_for_workload(kind, namespace, name);
        }
        let path = "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets/dns";
        self.plane.wait_until("the budget allows one", PATIENCE, || {
            let budget = self.plane.admin().get(path).success();
            (budget["status"]["disruptionsAllowed"] == 1).then_some(())
        });
    }

    /// The notes of drains, by node.
    fn marks(&self) -> BTreeMap<String, [Value; 2]> {
        let of = |node: &Value| {
            ["kube-rebalancer/evicted-at", "kube-rebalancer/evicted"]
                .map(|key| node["metadata"]["annotations"][key].clone())
        };
        self.plane.nodes().iter().map(|node| (super::name_of(node), of(node))).collect()
    }

    /// Uncordons a node by hand: it loses its cordon and this program's annotations.
    fn uncordon(&self, node: &str) {
        let nothing = json!({
            "kube-rebalancer/cordoned-at": null, "kube-rebalancer/evicted-at": null, "kube-rebalancer/evicted": null,
        });
        let patch =
            json!({"metadata": {"annotations": nothing}, "spec": {"unschedulable": null, "taints": null}});
        self.plane.admin().patch(&format!("/api/v1/nodes/{node}"), &patch).success();
    }

    /// Starts the pods of a controller again on one node, which is then cordoned, and the users' nodes are not.
    fn gather(&self, namespace: &str, app: &str, node: &str) {
        let all = self.plane.nodes();
        for one in &all {
            self.plane.cordon_long_ago(&super::name_of(one));
        }
        self.uncordon(node);
        for pod in self.plane.pods_of(namespace, app) {
            let path = format!("/api/v1/namespaces/{namespace}/pods/{}", super::name_of(&pod));
            self.plane.admin().delete(&path);
        }
        self.settle();
        for one in ["s1", "s2"] {
            self.uncordon(one);
        }
        self.plane.cordon_long_ago(node);
    }

    /// Passes half a minute since the last evictions.
    fn time_passes(&self) {
        for node in self.plane.nodes() {
            if node["metadata"]["annotations"]["kube-rebalancer/evicted-at"].is_string() {
                let patch = json!({"metadata": {"annotations": {"kube-rebalancer/evicted-at": "2026-01-02T00:00:00Z"}}});
                self.plane
                    .admin()
                    .patch(&format!("/api/v1/nodes/{}", super::name_of(&node)), &patch)
                    .success();
            }
        }
    }
}

impl ControlPlane {
    fn uid(&self, namespace: &str, name: &str) -> Option<String> {
        let answer = self.admin().get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"));
        let pod = (answer.status == 200).then(|| answer.json())?;
        let uid = pod["metadata"]["uid"].as_str().filter(|_| pod["metadata"]["deletionTimestamp"].is_null());
        uid.map(str::to_owned)
    }

    fn create_workload(&self, kind: &str, namespace: &str, name: &str, replicas: u32, more: &Value) {
        let labels = json!({"app": name});
        let mut pod = json!({
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "none", "resources": {"requests": {"memory": "16Mi"}}}],
        });
        pod.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let object = json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "serviceName": name,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        });
        self.admin().post(&format!("/apis/apps/v1/namespaces/{namespace}/{kind}"), &object).success();
        self.wait_for_workload(kind, namespace, name);
    }

    fn wait_for_workload(&self, kind: &str, namespace: &str, name: &str) {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{kind}/{name}");
        self.wait_until(&format!("{name} is Ready"), PATIENCE, || {
            let now = self.admin().get(&path).success();
            let ready = now["status"]["readyReplicas"] == now["spec"]["replicas"];
            let gone = self
                .pods_of(namespace, name)
                .iter()
                .all(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            (ready && gone).then_some(())
        });
    }

    fn pods_of(&self, namespace: &str, app: &str) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
        self.admin().get(&path).success()["items"].as_array().cloned().unwrap_or_default()
    }

    /// The nodes of a controller's pods, in order.
    fn nodes_of(&self, namespace: &str, app: &str) -> Vec<String> {
        let pods = self.pods_of(namespace, app);
        let mut nodes: Vec<String> =
            pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).map(str::to_owned).collect();
        nodes.sort();
        nodes
    }

    fn create_budget(&self, namespace: &str, app: &str, available: u32) {
        let budget = json!({
            "metadata": {"name": app},
            "spec": {"minAvailable": available, "selector": {"matchLabels": {"app": app}}},
        });
        let path = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
        self.admin().post(&path, &budget).success();
    }
}

/// The reason for which a node stays.
fn reason(ended: &Ended, node: &str) -> String {
    let report = ended.json();
    let mut nodes = report["nodes"].as_array().unwrap().iter();
    let verdict = nodes.find(|verdict| verdict["name"] == node).unwrap();
    format!("{} {}", verdict["verdict"].as_str().unwrap(), verdict["reason"].as_str().unwrap())
}

#[test]
fn each_of_five_kinds_is_drained_or_kept_as_the_contract_says() {
    let Some(world) = World::start() else { return };
    let plane = &world.plane;
    world.settle();
    let program = world.program(&Identity::Admin).with("DRAIN", "movable");
    let run = |program: &Program<'_>| program.run(&["--yes", "-o", "json"]).must_be(0);

    let planned = program.run(&["--dry-run", "-o", "json"]).must_be(0);
    assert_eq!(planned.story(), ["evict dns: planned", "evict store: planned"], "{}", planned.report);
    let tried = program.run(&["--dry-run=server", "-o", "json"]).must_be(0);
    assert_eq!(
        tried.story(),
        ["evict dns: applied", "evict store: applied"],
        "{}\n{}",
        tried.report,
        tried.log
    );
    assert_eq!(plane.nodes_of("kube-system", "dns"), ["dns", "dns"]);

    let first = run(&program);
    assert_eq!(
        first.story(),
        ["evict dns: applied", "evict store: applied"],
        "{}\n{}",
        first.report,
        first.log
    );
    for (node, expected) in [
        ("dns", "keep Draining"),
        ("cache", "keep LosesPod"),
        ("bare", "keep LosesPod"),
        ("store", "keep Draining"),
        ("beside", "keep PodsRemaining"),
    ] {
        assert_eq!(reason(&first, node), expected, "{node}: {}", first.report);
    }
    world.nobody_was_evicted();
    world.settle();
    assert!(plane.nodes_of("hub", "store").iter().all(|node| node.starts_with('s') && node != "store"));
    assert_eq!(plane.nodes_of("kube-system", "dns")[0], "dns");
    assert_eq!(plane.nodes_of("kube-system", "cache"), ["cache"]);

    // For half a minute nothing more is done to either: a controller may not have made the next pod yet.
    let second = run(&program);
    assert_eq!(second.story(), [""; 0], "{}\n{}", second.report, second.log);
    for node in ["dns", "store"] {
        assert_eq!(reason(&second, node), "keep EvictedRecently");
    }
    // Then the other pod of dns goes. There is no node group that could delete store.
    world.time_passes();
    let third = run(&program);
    assert_eq!(
        third.story(),
        ["delete store: notTried", "evict dns: applied"],
        "{}\n{}",
        third.report,
        third.log
    );
    world.settle();
    assert!(plane.nodes_of("kube-system", "dns").iter().all(|node| node.starts_with('s')));
    world.time_passes();
    let fourth = run(&program);
    assert_eq!(fourth.story(), ["delete dns: notTried", "delete store: notTried"], "{}", fourth.report);

    // With DRAIN_EMPTY_DIR pods with an emptyDir are evicted too; bare pods and users' pods never are.
    let last = run(&program.clone().with("DRAIN_EMPTY_DIR", "true"));
    assert!(last.story().contains(&"evict cache: applied".to_owned()), "{}", last.report);
    world.settle();
    assert!(plane.nodes_of("kube-system", "cache").iter().all(|node| node.starts_with('s')));
    assert_eq!(plane.nodes_of("hub", "beside"), ["beside"]);
    assert!(plane.uid("kube-system", "bare").is_some());
    world.nobody_was_evicted();
}

#[test]
fn a_budget_that_allows_nothing_and_a_pod_that_became_a_users_are_left_alone() {
    let Some(world) = World::start() else { return };
    let plane = &world.plane;
    world.settle();
    plane.create_budget("hub", "store", 1);
    let path = "/apis/policy/v1/namespaces/hub/poddisruptionbudgets/store";
    plane.wait_until("the budget is known", PATIENCE, || {
        let budget = plane.admin().get(path).success();
        (budget["status"]["currentHealthy"] == 1).then_some(())
    });
    let program = world.program(&Identity::Admin).with("DRAIN", "movable");
    let planned = program.run(&["--dry-run", "-o", "json"]).must_be(0);
    assert_eq!(planned.story(), ["evict dns: planned"]);
    assert!(planned.report.contains("PodDisruptionBudget hub/store"), "{}", planned.report);

    // Between the plan and its eviction each pod of dns becomes a user's pod.
    let paused = program.pause(&["--yes", "-o", "json"]);
    for pod in plane.pods_of("kube-system", "dns") {
        let path = format!("/api/v1/namespaces/kube-system/pods/{}", super::name_of(&pod));
        plane.admin().patch(&path, &json!({"metadata": {"labels": {"user": "dan"}}})).success();
    }
    let ended = paused.go_on().must_be(0);
    assert_eq!(ended.story(), ["evict dns: stale"], "{}\n{}", ended.report, ended.log);
    assert_eq!(plane.nodes_of("kube-system", "dns"), ["dns", "dns"]);
    world.nobody_was_evicted();
}

/// The rules of the component, one for each verb.
fn rights() -> Vec<Value> {
    let base = deploy::file("base/rbac.yaml");
    let drain = deploy::file("components/drain/rbac.yaml");
    let rules = [&base, &drain]
        .map(|objects| deploy::one(objects, "ClusterRole")["rules"].as_array().unwrap().clone());
    let role = deploy::one(&base, "Role")["rules"].as_array().unwrap().clone();
    rules
        .concat()
        .into_iter()
        .chain(role)
        .map(|mut rule| {
            rule.as_object_mut().unwrap().remove("resourceNames");
            rule
        })
        .collect()
}

#[test]
fn the_rights_of_the_component_are_enough_and_none_is_too_many() {
    let Some(world) = World::start() else { return };
    world.settle();
    let account = |name: &str, without: &str| {
        let rules: Vec<Value> = rights()
            .into_iter()
            .filter(|rule| rule["resources"][0] != without)
            .map(|rule| {
                if without == "get pods" && rule["resources"][0] == "pods" {
                    json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})
                } else {
                    rule
                }
            })
            .collect();
        let identity = world.plane.create_service_account("hub", name, &json!(rules));
        world.program(&identity).with("DRAIN", "omitted")
    };
    for (name, without, code, words) in [
        ("no-list", "poddisruptionbudgets", 3, "cannot list resource \"poddisruptionbudgets\""),
        ("no-get", "get pods", 1, "cannot get resource \"pods\""),
        ("no-evict", "pods/eviction", 1, "cannot create resource \"pods/eviction\""),
    ] {
        // The mark of a drain is written before the request that is refused.
        world.time_passes();
        let ended = account(name, without).run(&["--yes", "-o", "json"]).must_be(code);
        let said = format!("{}{}", ended.report, ended.log);
        assert!(said.replace('\\', "").contains(words), "{name}: {said}");
        assert_eq!(world.plane.nodes_of("kube-system", "dns"), ["dns", "dns"]);
    }
    world.time_passes();
    let ended = account("all", "").run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), ["evict dns: applied"], "{}\n{}", ended.report, ended.log);
}

#[expect(clippy::disallowed_methods, reason = "whoever starts it says how long")]
fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs one after the other, many of them killed at a random moment or right after a drain is noted on a node; nodes are
/// cordoned as by this program, and uncordoned by hand; time passes. No user's pod is ever evicted, and no pod without a
/// controller.
#[test]
#[ignore = "minutes: DRAIN_RUNS and DRAIN_SEED"]
fn random_runs_and_kills_evict_no_user() {
    let Some(world) = World::start() else { return };
    let plane = &world.plane;
    let mut random = fastrand::Rng::with_seed(variable("DRAIN_SEED", 1));
    let bare = plane.uid("kube-system", "bare").unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for run in 0..variable("DRAIN_RUNS", 100) {
        for node in ["dns", "cache", "bare", "store", "beside", "s1", "s2"] {
            match random.u8(..if node.starts_with('s') { 6 } else { 3 }) {
                0 => plane.cordon_long_ago(node),
                1 => world.uncordon(node),
                _ => {}
            }
        }
        if random.u8(..3) == 0 {
            // Else all pods end up beside the users, where they stay.
            let node = ["dns", "cache", "store"][random.usize(..3)];
            let (namespace, app) =
                [("kube-system", "dns"), ("kube-system", "cache"), ("hub", "store")][random.usize(..3)];
            world.gather(namespace, app, node);
        }
        if random.u8(..4) > 0 {
            world.time_passes();
        }
        let program = world
            .program(&Identity::Admin)
            .with("DRAIN", if random.u8(..4) == 0 { "omitted" } else { "movable" })
            .with("DRAIN_EMPTY_DIR", if random.bool() { "true" } else { "false" })
            .with("MAX_EVICTIONS", &random.u8(1..5).to_string());
        let before = world.marks();
        let mut child = program.start(&["--yes", "-o", "json"]);
        let kill = random.u8(..4);
        if kill == 0 {
            // The run continues meanwhile: requests to the API server pass the time.
            for _ in 0..random.u8(..12) {
                plane.nodes();
            }
        }
        if kill == 1 {
            while child.try_wait().unwrap().is_none() && world.marks() == before {}
        }
        if kill < 2 {
            drop(child.kill());
        }
        let ended = ended(child);
        let end = ended.code.map_or("killed".to_owned(), |code| format!("exit {code}"));
        assert!(matches!(ended.code, None | Some(0 | 1)), "run {run}: {}\n{}", ended.report, ended.log);
        *counts.entry(end).or_default() += 1;
        if ended.code.is_some() {
            for story in ended.story() {
                let verb = story.split(' ').next().unwrap().to_owned();
                let outcome = story.rsplit(": ").next().unwrap().to_owned();
                *counts.entry(format!("{verb} {outcome}")).or_default() += 1;
            }
        } else {
            let noted = if world.marks() == before { "nothing" } else { "a drain" };
            *counts.entry(format!("killed after it noted {noted}")).or_default() += 1;
            plane.admin().delete(&lease_path("hub"));
        }
        world.nobody_was_evicted();
        assert_eq!(plane.uid("kube-system", "bare").as_ref(), Some(&bare), "run {run}");
    }
    println!("{counts:?}");
    for expected in ["evict applied", "killed after it noted a drain"] {
        assert!(counts.contains_key(expected), "{counts:?}");
    }
}
