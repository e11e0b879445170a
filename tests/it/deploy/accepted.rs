//! A real API server accepts every overlay without warnings.

use serde_json::json;

use super::{OVERLAYS, objects};
use crate::control_plane::ControlPlane;

#[test]
fn every_overlay_is_applied_without_a_warning() {
    let Some(plane) = ControlPlane::shared() else { return };
    for overlay in OVERLAYS {
        let yaml = plane.kustomize(overlay);
        assert_eq!(plane.apply(&yaml), "", "{overlay}");
        println!("{overlay}: {} objects accepted, no warnings", objects(&yaml).len());
    }
}

/// The test above detects a pod that the namespace does not admit.
#[test]
fn a_pod_that_asks_for_more_is_warned_of() {
    let Some(plane) = ControlPlane::shared() else { return };
    let mut objects = objects(&plane.kustomize("base"));
    let cron_job = objects.iter_mut().find(|object| object["kind"] == "CronJob").unwrap();
    cron_job["metadata"]["name"] = json!("apart");
    cron_job["spec"]["suspend"] = json!(true);
    let pod = &mut cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    pod["securityContext"]["runAsNonRoot"] = json!(false);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let said = plane.apply(&list.to_string());
    assert!(
        said.contains("Warning: would violate PodSecurity \"restricted:latest\": runAsNonRoot"),
        "{said}"
    );
}
