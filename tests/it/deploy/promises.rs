//! Promises of the manifests that an API server does not check.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kube_rebalancer::settings::Settings;
use serde_json::{Value, json};

use super::{OVERLAYS, file, objects, one, pod_template};
use crate::control_plane::ControlPlane;

fn run_timeout(objects: &[Value]) -> SignedDuration {
    let data = one(objects, "ConfigMap")["data"].as_object().cloned().unwrap_or_default();
    let pairs = data.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    Settings::from_pairs(pairs).unwrap().0.run_timeout()
}

/// A run needs `RUN_TIMEOUT` and then the time to finish what is under way; a pod needs some to start.
#[test]
fn a_job_may_take_longer_than_a_run() {
    let Some(plane) = ControlPlane::shared() else { return };
    for overlay in OVERLAYS {
        let objects = objects(&plane.filled_in(overlay));
        let deadline = &one(&objects, "CronJob")["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"];
        let deadline = SignedDuration::from_secs(deadline.as_i64().unwrap());
        let grace = pod_template(&objects)["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap();
        let needed = run_timeout(&objects) + SignedDuration::from_secs(grace);
        assert!(deadline > needed, "{overlay}: {deadline} is not beyond {needed}");
    }
}

#[test]
fn one_job_at_a_time_and_no_second_try() {
    let spec = &file("base/cronjob.yaml")[0]["spec"];
    assert_eq!(spec["concurrencyPolicy"], "Forbid");
    assert_eq!(spec["jobTemplate"]["spec"]["backoffLimit"], 0);
    assert_eq!(spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"], "Never");
    // Less than ten seconds, and the controller, which looks every ten, may never start one.
    assert!(spec["startingDeadlineSeconds"].as_i64().unwrap() > 10);
}

/// The API server itself checks the pod security standard `restricted`; this test checks the rest.
#[test]
fn the_pod_can_write_nothing_and_never_takes_anybodys_place() {
    let spec = &pod_template(&file("base/cronjob.yaml"))["spec"].clone();
    let container = &spec["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    // A ConfigMap is all that is mounted, and it need not be there.
    let [volume] = spec["volumes"].as_array().unwrap().as_slice() else { unreachable!("{spec}") };
    assert_eq!(
        volume,
        &json!({"name": "calendar", "configMap": {"name": "kube-rebalancer-calendar", "optional": true}})
    );
    let [mount] = container["volumeMounts"].as_array().unwrap().as_slice() else {
        unreachable!("{container}")
    };
    assert_eq!((&mount["name"], &mount["readOnly"]), (&json!("calendar"), &json!(true)));
    let class = &file("base/priorityclass.yaml")[0];
    assert_eq!(class["metadata"]["name"], spec["priorityClassName"]);
    assert_eq!(class["preemptionPolicy"], "Never");
}

/// The run's pod does not go to a node with users, because it would then keep that node.
#[test]
fn on_gke_azure_and_eks_the_pod_never_goes_to_a_users_node() {
    let Some(plane) = ControlPlane::shared() else { return };
    for overlay in
        ["gke", "gke-dry-run", "aks", "aks-dry-run", "azure", "azure-dry-run", "eks", "eks-dry-run"]
    {
        let objects = objects(&plane.kustomize(&format!("overlays/{overlay}")));
        let affinity = &pod_template(&objects)["spec"]["affinity"]["nodeAffinity"];
        let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        let rule = json!({"key": "hub.jupyter.org/node-purpose", "operator": "NotIn", "values": ["user"]});
        assert_eq!(required, &json!([{"matchExpressions": [rule]}]), "{overlay}");
        assert!(affinity["preferredDuringSchedulingIgnoredDuringExecution"].is_array(), "{overlay}");
    }
}

/// The policy selects the job's pods, permits no incoming connection, and lists all outgoing ones.
#[test]
fn the_network_policy_is_about_the_jobs_pod() {
    let policy = &file("components/network-policy/policy.yaml")[0];
    let spec = &policy["spec"];
    assert_eq!(spec["podSelector"]["matchLabels"], json!({"app.kubernetes.io/name": "kube-rebalancer"}));
    assert_eq!((&spec["policyTypes"], &spec["ingress"]), (&json!(["Ingress", "Egress"]), &json!([])));
    for way in spec["egress"].as_array().unwrap() {
        assert!(way["ports"].as_array().is_some_and(|ports| !ports.is_empty()), "{way}");
    }
    let Some(plane) = ControlPlane::shared() else { return };
    let pod = pod_template(&objects(&plane.kustomize("base")))["metadata"]["labels"].clone();
    assert_eq!(pod["app.kubernetes.io/name"], "kube-rebalancer");
    let text = std::fs::read_to_string(super::path("components/network-policy/policy.yaml")).unwrap();
    assert_eq!(plane.apply(&plane.kustomize("base")), "");
    assert_eq!(plane.apply(&text), "");
}

/// The `dry-run` overlays differ from what they are made of in one word of the job, and in the rights.
#[test]
fn a_dry_run_is_the_same_job() {
    let Some(plane) = ControlPlane::shared() else { return };
    for (live, dry) in [
        ("base", "overlays/dry-run"),
        ("overlays/gke", "overlays/gke-dry-run"),
        ("overlays/aks", "overlays/aks-dry-run"),
        ("overlays/azure", "overlays/azure-dry-run"),
        ("overlays/eks", "overlays/eks-dry-run"),
        ("overlays/openstack-nova", "overlays/openstack-nova-dry-run"),
        ("overlays/openstack-magnum", "overlays/openstack-magnum-dry-run"),
        ("overlays/exec", "overlays/exec-dry-run"),
    ] {
        let (live, dry) = (plane.kustomize(live), plane.kustomize(dry));
        let same = |yaml: &str| -> Vec<Value> {
            let rights = |object: &Value| object["kind"] == "ClusterRole" || object["kind"] == "Role";
            objects(yaml).into_iter().filter(|object| !rights(object)).collect()
        };
        assert_eq!(same(&live.replace("- --yes", "- --dry-run")), same(&dry));
        assert_eq!(pod_template(&objects(&dry))["spec"]["containers"][0]["args"], json!(["--dry-run"]));
    }
}

/// The provider of the manifests of this name.
fn provider(of: &str) -> &'static str {
    let cloud = of.split(['-', '.']).next().unwrap();
    match cloud {
        "gke" => "gce",
        "aks" | "azure" => "azure",
        "eks" => "aws",
        "openstack" => "openstack",
        "exec" => "exec",
        other => unreachable!("{of}: which provider is {other}?"),
    }
}

/// The example image copies the program of the Dockerfile, so that program needs the operator's own commands too.
#[test]
fn the_image_has_every_provider_of_the_overlays_and_of_the_charts_value_files() {
    let names = |folder: &str| {
        let files = std::fs::read_dir(super::path(folder)).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut manifests = names("overlays");
    manifests.retain(|name| name != "dry-run");
    manifests.extend(names("chart"));
    manifests.retain(|name| !["Chart.yaml", "values.yaml", "templates"].contains(&name.as_str()));
    let providers: BTreeSet<&str> = manifests.iter().map(|name| provider(name)).collect();
    assert_eq!(providers.len(), 5, "{manifests:?}");
    for (file, before) in
        [("Dockerfile", "ARG FEATURES="), ("CONTRIBUTING.md", "--no-default-features --features ")]
    {
        let text = std::fs::read_to_string(super::path("..").join(file)).unwrap();
        let (_, rest) = text.split_once(before).unwrap();
        let (list, _) =
            rest.split_once(|letter: char| !letter.is_ascii_lowercase() && letter != ',').unwrap();
        let features: BTreeSet<&str> = list.split(',').collect();
        let missing: Vec<_> = providers.difference(&features).collect();
        assert!(missing.is_empty(), "{file}: {missing:?} is not in {list}");
    }
}
