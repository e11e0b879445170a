//! What the manifests promise beyond what an API server checks.

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
        let objects = objects(&plane.kustomize(overlay));
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

/// What the pod security standard `restricted` asks for is checked by the API server itself; this is what it leaves out.
#[test]
fn the_pod_can_write_nothing_and_never_takes_anybodys_place() {
    let spec = &pod_template(&file("base/cronjob.yaml"))["spec"].clone();
    let container = &spec["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(spec["volumes"], Value::Null);
    let class = &file("base/priorityclass.yaml")[0];
    assert_eq!(class["metadata"]["name"], spec["priorityClassName"]);
    assert_eq!(class["preemptionPolicy"], "Never");
}

/// The `dry-run` overlays differ from what they are made of in one word of the job, and in the rights.
#[test]
fn a_dry_run_is_the_same_job() {
    let Some(plane) = ControlPlane::shared() else { return };
    for (live, dry) in [("base", "overlays/dry-run"), ("overlays/gke", "overlays/gke-dry-run")] {
        let (live, dry) = (plane.kustomize(live), plane.kustomize(dry));
        let same = |yaml: &str| -> Vec<Value> {
            let rights = |object: &Value| object["kind"] == "ClusterRole" || object["kind"] == "Role";
            objects(yaml).into_iter().filter(|object| !rights(object)).collect()
        };
        assert_eq!(same(&live.replace("- --yes", "- --dry-run")), same(&dry));
        assert_eq!(pod_template(&objects(&dry))["spec"]["containers"][0]["args"], json!(["--dry-run"]));
    }
}
