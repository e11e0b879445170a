//! The manifests list every setting of the catalogue with its default, and no other setting.

use kube_rebalancer::settings::catalog::{ENTRIES, Entry, Kind};
use kube_rebalancer::settings::{Origin, Settings};

use super::{OVERLAYS, file, objects, one, pod_template};
use crate::control_plane::ControlPlane;

/// The line before the settings, which continue to the end of the file.
const BEGIN: &str = "# Every setting with its default. An empty value means the default.\n";

/// Every setting with its default, commented out, as keys of a YAML mapping.
fn block() -> String {
    let choices = ENTRIES.iter().filter(|entry| entry.kind == Kind::Choice);
    let lines = choices.map(|Entry { name, default, shape, doc, .. }| {
        format!("\n  # {doc}.\n  # Expected: {}.\n  # {name}: \"{default}\"\n", shape.expected)
    });
    lines.collect()
}

#[test]
fn the_config_map_and_the_chart_list_every_setting_with_its_default() {
    for name in ["base/settings.yaml", "chart/values.yaml"] {
        let text = std::fs::read_to_string(super::path(name)).unwrap();
        let (_, settings) = text.split_once(BEGIN).unwrap();
        let expected = block();
        assert!(settings == expected, "replace the settings of k8s/{name} by\n{expected}");
    }
}

/// All comment signs are removed.
#[test]
fn the_defaults_of_the_config_map_are_the_defaults() {
    let text = std::fs::read_to_string(super::path("base/settings.yaml")).unwrap();
    let keys = text.lines().filter_map(|line| line.strip_prefix("  # ").filter(|line| line.ends_with('"')));
    let keys = keys.collect::<Vec<&str>>().join("\n");
    let data = &objects(&keys)[0];
    let given: Vec<(String, String)> =
        serde_json::from_value::<std::collections::BTreeMap<_, _>>(data.clone())
            .unwrap()
            .into_iter()
            .collect();
    let (settings, warnings) = Settings::from_pairs(given.clone()).unwrap();
    assert!(warnings.is_empty());
    for value in settings.values() {
        assert_eq!(value.text, value.entry.default, "{}", value.entry.name);
        // An empty text is none, so only the others show that they were there.
        let is_given = given.iter().any(|(name, text)| name == value.entry.name && !text.is_empty());
        assert_eq!(value.origin == Origin::Environment, is_given, "{}", value.entry.name);
    }
    let choices = ENTRIES.iter().filter(|entry| entry.kind == Kind::Choice).count();
    assert_eq!(given.len(), choices);
}

#[test]
fn every_variable_of_the_manifests_is_a_setting_and_its_value_is_valid() {
    let Some(plane) = ControlPlane::shared() else { return };
    for overlay in OVERLAYS {
        let objects = objects(&plane.filled_in(overlay));
        let data = one(&objects, "ConfigMap")["data"].as_object().cloned().unwrap_or_default();
        let pairs = data.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        for (name, _) in pairs.clone() {
            assert!(ENTRIES.iter().any(|entry| entry.name == name && entry.kind == Kind::Choice), "{name}");
        }
        let (_, warnings) = Settings::from_pairs(pairs).unwrap();
        assert!(warnings.is_empty(), "{overlay}: {warnings:?}");
    }
}

/// A run without the name of a project or of a group does not start.
#[test]
fn what_is_not_filled_in_on_gke_azure_and_eks_ends_a_run() {
    let Some(plane) = ControlPlane::shared() else { return };
    let overlays = [
        ("gke", Some("PROJECT=PROJECT_ID")),
        ("gke-dry-run", Some("PROJECT=PROJECT_ID")),
        ("aks", Some("PROJECT=SUBSCRIPTION_ID")),
        ("aks-dry-run", Some("PROJECT=SUBSCRIPTION_ID")),
        ("azure", Some("PROJECT=SUBSCRIPTION_ID")),
        ("azure-dry-run", Some("PROJECT=SUBSCRIPTION_ID")),
        ("eks", None),
        ("eks-dry-run", None),
    ];
    for (overlay, project) in overlays {
        let overlay = &format!("overlays/{overlay}");
        let objects = objects(&plane.kustomize(overlay));
        let data = one(&objects, "ConfigMap")["data"].as_object().cloned().unwrap_or_default();
        let pairs = data.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let text = Settings::from_pairs(pairs).unwrap_err().to_string();
        for placeholder in project.into_iter().chain(["NODE_GROUPS=NODE_GROUP_NAMES"]) {
            assert!(text.contains(placeholder), "{overlay}: {text}");
        }
    }
}

/// Kubernetes sets the variables about the run's own pod, independent of the `ConfigMap`.
#[test]
fn the_pod_gets_every_setting_of_the_downward_api_and_nothing_else_by_hand() {
    let cron_job = file("base/cronjob.yaml");
    let container = &pod_template(&cron_job)["spec"]["containers"][0];
    let given: Vec<&str> =
        container["env"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let expected: Vec<&str> =
        ENTRIES.iter().filter(|entry| entry.kind == Kind::DownwardApi).map(|entry| entry.name).collect();
    assert_eq!(given, expected);
    for one in container["env"].as_array().unwrap() {
        assert!(one["valueFrom"]["fieldRef"]["fieldPath"].is_string(), "{one}");
    }
    let config_map = &file("base/settings.yaml")[0];
    assert_eq!(container["envFrom"][0]["configMapRef"]["name"], config_map["metadata"]["name"]);
}
