//! `k8s/`, applied to a real control plane, and its job run as in a cluster.
//!
//! ```text
//!   k8s/base, k8s/overlays ── kubectl kustomize ──> objects ──> control plane ──> the Job's pod ──> the program
//!   k8s/chart ─────────────── helm template ──────> the same objects
//! ```
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

mod accepted;
mod admission;
mod chart;
mod job;
mod pod;
mod promises;
mod settings;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::control_plane::ControlPlane;

/// The overlays: those for any cluster, and those for a hub on GKE, AKS, Azure's scale sets, EKS, OpenStack or with commands of
/// the operator.
const OVERLAYS: [&str; 16] = [
    "base",
    "overlays/dry-run",
    "overlays/gke",
    "overlays/gke-dry-run",
    "overlays/aks",
    "overlays/aks-dry-run",
    "overlays/azure",
    "overlays/azure-dry-run",
    "overlays/eks",
    "overlays/eks-dry-run",
    "overlays/openstack-nova",
    "overlays/openstack-nova-dry-run",
    "overlays/openstack-magnum",
    "overlays/openstack-magnum-dry-run",
    "overlays/exec",
    "overlays/exec-dry-run",
];

/// A file or folder of `k8s/`.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s").join(name)
}

/// The objects of a YAML text.
pub(crate) fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// The objects of one file of `k8s/`. Comments are removed because the parser limits their consecutive lines.
pub(crate) fn file(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    objects(&lines.collect::<Vec<&str>>().join("\n"))
}

/// The one object of this kind.
pub(crate) fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The pod that the `CronJob` makes.
fn pod_template(objects: &[Value]) -> &Value {
    &one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]
}

impl ControlPlane {
    /// The output of kustomize for an overlay.
    pub(crate) fn kustomize(&self, overlay: &str) -> String {
        let output = self.kubectl(&["kustomize", path(overlay).to_str().unwrap()]);
        assert!(output.status.success(), "{overlay}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with what an operator fills in.
    pub(crate) fn filled_in(&self, overlay: &str) -> String {
        let yaml = self.kustomize(overlay);
        let subscription = "12345678-aaaa-bbbb-cccc-123456789abc";
        let yaml = yaml.replace("PROJECT_ID", "my-project").replace("SUBSCRIPTION_ID", subscription);
        yaml.replace("NODE_GROUP_NAMES", "gke-hub-users")
    }

    /// Applies objects as an operator does. What kubectl printed on standard error, warnings among it.
    fn apply(&self, yaml: &str) -> String {
        let file = self.directory().join(self.unique("applied.yaml"));
        std::fs::write(&file, yaml).unwrap();
        let file = file.to_str().unwrap();
        let output = self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }
}
