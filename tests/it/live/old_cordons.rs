//! Cordons that are as old as time would make them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::control_plane::ControlPlane;

const PATIENCE: Duration = Duration::from_mins(1);
const NOTES: [&str; 2] = ["kube-rebalancer/cordoned-at", "kube-rebalancer/evicted-at"];

/// Longer than a cordon, or the last eviction, must be ago before its node may go.
const CORDON_SETTLES: SignedDuration = SignedDuration::from_secs(31);

/// Moves the moment of every cordon back, as if time had passed: in our note and in the taint of the node controller,
/// of which the younger counts. The moment of the last eviction moves with it. A node that goes meanwhile has no cordon.
pub(super) fn cordons_get_old(plane: &ControlPlane) {
    let earlier = |text: &str| {
        let time: Timestamp = text.parse().unwrap();
        format!("{:.0}", time - CORDON_SETTLES)
    };
    for name in plane.cordoned() {
        let url = format!("/api/v1/nodes/{name}");
        let taint = "node.kubernetes.io/unschedulable";
        let node = plane.wait_until(&format!("{name} has its taint"), PATIENCE, || {
            let answer = plane.admin().get(&url);
            if answer.status == 404 {
                return Some(None);
            }
            let node = answer.success();
            let is_there = node["spec"]["taints"].as_array()?.iter().any(|one| one["key"] == taint);
            is_there.then_some(Some(node))
        });
        let Some(node) = node else { continue };
        let mut taints = node["spec"]["taints"].clone();
        for time in taints.as_array_mut().unwrap().iter_mut().filter_map(|taint| taint.get_mut("timeAdded")) {
            *time = earlier(time.as_str().unwrap()).into();
        }
        let one = |key: &str| Some((key.to_owned(), earlier(node["metadata"]["annotations"][key].as_str()?)));
        let notes: BTreeMap<String, String> = NOTES.into_iter().filter_map(one).collect();
        let patch = json!({"metadata": {"annotations": notes}, "spec": {"taints": taints}});
        let answer = plane.admin().patch(&url, &patch);
        if answer.status != 404 {
            answer.success();
        }
    }
}
