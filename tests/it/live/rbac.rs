//! The roles of `k8s/base` are enough for everything that a run does, and no verb of them is too many.

use serde_json::{Value, json};

use super::wrong_things::World;
use super::{Ended, Program, lease_path};
use crate::control_plane::identity::Identity;
use crate::deploy;
use crate::objects::Pod;

/// The rules of the role of this kind, one for each verb.
fn rules(kind: &str) -> Vec<Value> {
    let objects = deploy::file("base/rbac.yaml");
    let rules = deploy::one(&objects, kind)["rules"].as_array().unwrap().clone();
    let verbs = |rule: &Value| rule["verbs"].as_array().unwrap().clone();
    let with = |rule: &Value, verb: Value| {
        let mut rule = rule.clone();
        rule["verbs"] = json!([verb]);
        rule
    };
    rules.iter().flat_map(|rule| verbs(rule).into_iter().map(move |verb| with(rule, verb))).collect()
}

/// Of a rule with one verb: the resource, and the verb.
fn right(rule: &Value) -> (&str, &str) {
    (rule["resources"][0].as_str().unwrap(), rule["verbs"][0].as_str().unwrap())
}

/// The world's nodes in a cluster in which a run makes every kind of request: every node has a taint that a user does not
/// tolerate, which is recorded for later runs; and a user with a disk waits for a node that does not exist.
fn world_of_users() -> Option<World> {
    let world = World::new()?;
    let (plane, namespace) = (world.plane, &world.name);
    let at_home = Pod::new(namespace, "ada").label("user", "ada").on(&world.nodes[0]);
    plane.create_bound_pod(&at_home);
    plane.create_disk(namespace, "home", None);
    let waiting =
        Pod::new(namespace, "ben").label("user", "ben").claim("home").node_selector("no-node", "has");
    plane.create_pod(&waiting);
    plane.wait_until_refused(namespace, "ben");
    Some(world)
}

impl World {
    /// A service account with the rights of the one in `k8s/base`, but one.
    fn account_without(&self, name: &str, without: Option<(&str, &str)>) -> Identity {
        let rest = |kind| {
            rules(kind).into_iter().filter(|rule| Some(right(rule)) != without).collect::<Vec<Value>>()
        };
        let identity = self.plane.create_service_account(&self.name, name, &json!(rest("ClusterRole")));
        self.create_role(name, &json!(rest("Role")));
        let last = if without == Some(("leases", "update")) { "get" } else { "update" };
        self.wait_until_allowed(&identity, last);
        identity
    }

    fn create_role(&self, name: &str, rules: &Value) {
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        let role = json!({"metadata": {"name": name}, "rules": rules});
        self.plane.admin().post(&format!("{rbac}/roles"), &role).success();
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": self.name, "name": name}],
        });
        self.plane.admin().post(&format!("{rbac}/rolebindings"), &binding).success();
    }

    /// Until the API server has seen the Role; it sees all of its rules at once.
    fn wait_until_allowed(&self, identity: &Identity, verb: &str) {
        let client = self.plane.client_of(identity);
        let review = json!({"spec": {"resourceAttributes": {
            "verb": verb, "group": "coordination.k8s.io", "resource": "leases",
            "namespace": self.name, "name": "kube-rebalancer",
        }}});
        self.plane.wait_until("the Role is known", std::time::Duration::from_secs(30), || {
            let answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review);
            (answer.success()["status"]["allowed"] == true).then_some(())
        });
    }

    /// Resets the world to the state before the first run.
    fn reset(&self) {
        self.plane.admin().delete(&lease_path(&self.name));
        self.plane.admin().delete(&format!("/api/v1/namespaces/{}/configmaps/kube-rebalancer", self.name));
        for name in &self.nodes {
            let annotations =
                json!({"kube-rebalancer/cordoned-at": null, "kube-rebalancer/empty-since": null});
            let patch = json!({"metadata": {"annotations": annotations}, "spec": {"unschedulable": null}});
            self.plane.admin().patch(&format!("/api/v1/nodes/{name}"), &patch).success();
        }
    }

    /// A run whose nodes all change between its list and its patches, so that it has to read each again.
    fn run_with_conflicts(&self, program: &Program<'_>) -> Ended {
        let paused = program.pause(&["--yes"]);
        self.nodes.iter().for_each(|name| self.plane.touch(name));
        paused.go_on()
    }
}

fn warnings(ended: &Ended) -> Vec<&str> {
    ended.log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect()
}

#[test]
fn the_roles_of_the_manifests_are_enough() {
    let Some(world) = world_of_users() else { return };
    // By the name it is known which events are of these runs.
    let program = world.program(&world.account_without("all", None)).with("EMPTY_GRACE", "1h");
    let program = program.with("USER", &world.name);
    let clean = |what: &str, ended: Ended| {
        assert_eq!(ended.code, Some(0), "{what}: {}\n{}", ended.report, ended.log);
        assert_eq!(warnings(&ended), Vec::<&str>::new(), "{what}");
    };

    clean("a dry run", program.run(&["--dry-run"]));
    clean("a try", program.run(&["--dry-run=server"]));
    clean("the Lease is created, nodes are cordoned after a conflict", world.run_with_conflicts(&program));
    let notes = format!("/api/v1/namespaces/{}/configmaps/kube-rebalancer", world.name);
    let kept = world.plane.admin().get(&notes).success()["data"]["ledger.json"].to_string();
    assert!(kept.contains(&world.name), "{kept}");
    let told = |event: &&Value| {
        let ours = event["reportingInstance"].as_str().is_some_and(|run| run.starts_with(&world.name));
        ours && event["reason"] == "NotTriggerScaleUp"
            && event["regarding"]["namespace"] == world.name.as_str()
    };
    let told = world.plane.events().iter().filter(told).cloned().collect::<Vec<Value>>();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["regarding"]["name"], "ben");
    assert_eq!(world.cordoned(), 3);
    clean("the Lease is updated, empty nodes are marked", program.run(&["--yes"]));
    let marked = |name: &&String| {
        !world.plane.node(name)["metadata"]["annotations"]["kube-rebalancer/empty-since"].is_null()
    };
    assert_eq!(world.nodes.iter().filter(marked).count(), 3);
    let four = program.clone().with("MIN_NODES", "4");
    clean("nodes are uncordoned, their marks removed", world.run_with_conflicts(&four));
    assert_eq!((world.cordoned(), world.nodes.iter().filter(marked).count()), (0, 0));

    // A cordon is taken back.
    let paused = program.pause(&["--yes"]);
    for (index, node) in world.nodes.iter().enumerate().skip(1) {
        world.plane.create_bound_pod(&Pod::new(&world.name, &format!("late-{index}")).on(node));
    }
    let ended = paused.go_on().must_be(0);
    assert!(ended.report.contains("taken back"), "{}", ended.report);
    assert_eq!((world.cordoned(), warnings(&ended)), (0, Vec::new()));
}

#[test]
fn without_any_one_verb_of_them_a_run_fails_or_says_what_it_could_not_do() {
    let Some(world) = world_of_users() else { return };
    // The missing permission, the exit code of a run with conflicts, the number of nodes that it cordons, and its
    // message.
    let cases = [
        ("nodes", "list", 3, 0, "cannot list resource \"nodes\""),
        ("nodes", "get", 1, 0, "cannot get resource \"nodes\""),
        ("nodes", "patch", 1, 0, "cannot patch resource \"nodes\""),
        ("pods", "list", 3, 0, "cannot list resource \"pods\""),
        ("persistentvolumeclaims", "get", 0, 3, "cannot get resource \"persistentvolumeclaims\""),
        ("persistentvolumes", "get", 0, 3, "cannot get resource \"persistentvolumes\""),
        ("events", "create", 0, 3, "3 of 3 events were not written"),
        ("configmaps", "get", 0, 3, "cannot get resource \"configmaps\""),
        ("configmaps", "create", 0, 3, "cannot create resource \"configmaps\""),
        ("configmaps", "patch", 0, 3, "cannot patch resource \"configmaps\""),
        ("leases", "get", 3, 0, "cannot get resource \"leases\""),
        ("leases", "create", 3, 0, "cannot create resource \"leases\""),
        ("leases", "update", 0, 3, "the Lease was not released and expires by itself"),
    ];
    let (mut tried, mut granted): (Vec<_>, Vec<_>) = (cases.map(|case| (case.0, case.1)).into(), Vec::new());
    let rules = [rules("ClusterRole"), rules("Role")].concat();
    granted.extend(rules.iter().map(right));
    // A run lists volumes only if it gives nodes back: `live::disks` runs without it.
    tried.push(("persistentvolumes", "list"));
    tried.sort_unstable();
    granted.sort_unstable();
    assert_eq!(tried, granted, "each verb of k8s/base/rbac.yaml is taken away once");
    for (resource, verb, code, cordoned, said) in cases {
        world.reset();
        let name = format!("no-{verb}-{resource}");
        let program = world.program(&world.account_without(&name, Some((resource, verb))));
        // A run that ends before it has observed cannot be held there.
        let ended = if code == 3 { program.run(&["--yes"]) } else { world.run_with_conflicts(&program) };
        assert_eq!(ended.code, Some(code), "{name}: {}\n{}", ended.report, ended.log);
        assert!(ended.log.contains(said), "{name}: {}", ended.log);
        assert_eq!(world.cordoned(), cordoned, "{name}");
        println!("{name}: exit code {code}, {cordoned} nodes cordoned");
        if (resource, verb) == ("leases", "update") {
            // The next run waits for it, and cannot take it over either.
            program.run(&["--yes"]).must_be(4);
        }
    }
}

#[test]
fn a_rule_for_the_one_name_does_not_allow_to_create_the_lease() {
    let Some(world) = World::new() else { return };
    let rules = json!([{
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["kube-rebalancer"],
        "verbs": ["create", "get", "update"],
    }]);
    let identity = world.account("named", &[("", "nodes", &["list"]), ("", "pods", &["list"])]);
    world.create_role("named", &rules);
    world.wait_until_allowed(&identity, "update");
    let ended = world.program(&identity).run(&["--yes"]).must_be(3);
    assert!(ended.error().contains("cannot create resource \"leases\""), "{}", ended.error());
}
