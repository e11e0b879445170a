//! What the real server refuses in the objects that the program writes. Only mistakes that a program could well make.

use serde_json::Value;

use super::status::Refusal;
use super::target::Resource;

/// The longest note of an event.
const LONGEST_NOTE: usize = 1024;

/// Checks an object about to be stored.
pub(super) fn validate(resource: Resource, name: &str, object: &Value) -> Result<(), Refusal> {
    let stem = object["metadata"]["generateName"].as_str().map(|stem| stem.trim_end_matches('-'));
    for (field, text) in [("metadata.name", Some(name)), ("metadata.generateName", stem)] {
        if text.is_some_and(|text| !is_subdomain(text)) {
            return Err(Refusal::invalid(
                resource.kind(),
                name,
                field,
                "a lowercase RFC 1123 subdomain must ...",
            ));
        }
    }
    match resource {
        Resource::Nodes => node(name, object),
        Resource::Pods
        | Resource::VolumeClaims
        | Resource::Volumes
        | Resource::Budgets
        | Resource::Evictions => Ok(()),
        Resource::Leases => lease(name, object),
        Resource::Events => event(name, object),
        Resource::ConfigMaps => config_map(name, object),
    }
}

/// Whether a name is of the characters that Kubernetes allows.
fn is_subdomain(name: &str) -> bool {
    let inner = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(inner)
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn node(name: &str, node: &Value) -> Result<(), Refusal> {
    let unschedulable = &node["spec"]["unschedulable"];
    if !(unschedulable.is_null() || unschedulable.is_boolean()) {
        return Err(Refusal::invalid("Node", name, "spec.unschedulable", "must be a boolean"));
    }
    for taint in node["spec"]["taints"].as_array().into_iter().flatten() {
        let effect = taint["effect"].as_str().unwrap_or_default();
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            let problem = format!("Unsupported value: {effect:?}");
            return Err(Refusal::invalid("Node", name, "spec.taints.effect", &problem));
        }
    }
    let annotations = node["metadata"]["annotations"].as_object();
    match annotations.into_iter().flatten().find(|(_, value)| !value.is_string()) {
        None => Ok(()),
        Some((key, _)) => {
            Err(Refusal::invalid("Node", name, &format!("metadata.annotations[{key}]"), "must be a string"))
        }
    }
}

fn lease(name: &str, lease: &Value) -> Result<(), Refusal> {
    let spec = &lease["spec"];
    for field in ["acquireTime", "renewTime"] {
        micro_time("Lease", &spec[field])?;
    }
    let what = "Lease.coordination.k8s.io";
    let seconds = &spec["leaseDurationSeconds"];
    if !seconds.is_null() && seconds.as_i64().is_none_or(|seconds| seconds <= 0) {
        let problem = format!("Invalid value: {seconds}: must be greater than 0");
        return Err(Refusal::invalid(what, name, "spec.leaseDurationSeconds", &problem));
    }
    Ok(())
}

fn config_map(name: &str, config_map: &Value) -> Result<(), Refusal> {
    let data = config_map["data"].as_object();
    match data.into_iter().flatten().find(|(_, value)| !value.is_string()) {
        None => Ok(()),
        Some((key, _)) => {
            Err(Refusal::invalid("ConfigMap", name, &format!("data[{key}]"), "must be a string"))
        }
    }
}

fn event(name: &str, event: &Value) -> Result<(), Refusal> {
    micro_time("Event", &event["eventTime"])?;
    let invalid = |field, problem: &str| Err(Refusal::invalid("Event", name, field, problem));
    for field in ["eventTime", "reportingController", "reportingInstance", "action", "reason"] {
        if event[field].as_str().is_none_or(str::is_empty) {
            return invalid(field, "Required value");
        }
    }
    if !matches!(event["type"].as_str(), Some("Normal" | "Warning")) {
        return invalid("type", "Invalid value: \"\": has invalid value: ");
    }
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let wanted: &[&str] = match event["regarding"]["namespace"].as_str() {
        None | Some("") => &["default", "kube-system"],
        Some(of_object) => &[of_object],
    };
    if !wanted.contains(&namespace) {
        return invalid("involvedObject.namespace", "Invalid value: does not match event.namespace");
    }
    if event["note"].as_str().is_some_and(|note| note.len() > LONGEST_NOTE) {
        return invalid("message", "Invalid value: \"\": can have at most 1024 characters");
    }
    Ok(())
}

/// These times must have exactly six decimals, as in `2026-01-01T00:00:00.000000Z`.
fn micro_time(kind: &str, value: &Value) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    let text = value.as_str().unwrap_or_default();
    let zone =
        text.split_once('.').and_then(|(_, rest)| rest.strip_prefix(|first: char| first.is_ascii_digit()));
    let six = zone.is_some_and(|rest| {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        digits == 5 && rest.chars().nth(5).is_some_and(|next| matches!(next, 'Z' | '+' | '-'))
    });
    if six && text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(());
    }
    Err(Refusal::bad_request(&format!(
        "{kind} in version \"v1\" cannot be handled as a {kind}: parsing time {text:?} as \
         \"2006-01-02T15:04:05.000000Z07:00\""
    )))
}
