//! The Helm chart renders the same objects as kustomize. Its output is checked in, because helm may be missing; if it is
//! installed, the chart is rendered again.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::objects;
use crate::control_plane::ControlPlane;

/// The outputs of `tests/chart/render`, each with the overlay that it equals.
const RENDERED: [(&str, &str); 9] = [
    ("base.yaml", "base"),
    ("dry-run.yaml", "overlays/dry-run"),
    ("aks.yaml", "overlays/aks"),
    ("azure.yaml", "overlays/azure"),
    ("eks.yaml", "overlays/eks"),
    ("gke.yaml", "overlays/gke"),
    ("openstack-nova.yaml", "overlays/openstack-nova"),
    ("openstack-magnum.yaml", "overlays/openstack-magnum"),
    ("exec.yaml", "overlays/exec"),
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shell(script: &str) -> Output {
    Command::new("sh").args(["-c", script]).current_dir(repository()).output().unwrap()
}

/// Objects by kind and name, without fields that say nothing.
fn sorted(yaml: &str) -> Vec<(String, String, Value)> {
    let key = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let mut sorted: Vec<_> = objects(yaml)
        .into_iter()
        .filter(|object| !object.is_null())
        .map(|object| {
            (format!("{} {}", object["kind"], key(&object, "namespace")), key(&object, "name"), said(object))
        })
        .collect();
    sorted.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    sorted
}

/// The same without nulls: `data:` with nothing but comments below it is one.
fn said(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, said(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(said).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[test]
fn the_chart_makes_the_same_objects_as_the_overlays() {
    let Some(plane) = ControlPlane::shared() else { return };
    for (rendered, overlay) in RENDERED {
        let rendered = std::fs::read_to_string(repository().join("tests/chart").join(rendered)).unwrap();
        let (chart, overlay_objects) = (sorted(&rendered), sorted(&plane.kustomize(overlay)));
        assert_eq!(chart.len(), 9, "{overlay}");
        for (one, other) in chart.iter().zip(&overlay_objects) {
            assert_eq!(one, other, "{overlay}");
        }
        assert_eq!(chart.len(), overlay_objects.len(), "{overlay}");
    }
}

#[test]
fn what_is_checked_in_was_rendered_from_the_chart_as_it_is() {
    let now = shell("find k8s/chart -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1");
    let then = std::fs::read(repository().join("tests/chart/stamp")).unwrap();
    assert!(now.stdout == then, "the chart has changed; run tests/chart/render");
}

#[test]
fn helm_renders_what_is_checked_in() {
    if !shell("helm version").status.success() {
        println!("skipped: no helm to render the chart with");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let output = shell(&format!("tests/chart/render {}", directory.path().display()));
    assert!(output.status.success(), "{output:?}");
    for (name, _) in RENDERED {
        let read = |directory: &Path| std::fs::read_to_string(directory.join(name)).unwrap();
        assert!(
            read(directory.path()) == read(&repository().join("tests/chart")),
            "{name}: run tests/chart/render"
        );
    }
}
