//! Events of the API group `events.k8s.io`: what `kubectl get events` shows.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::Value;

use kube_rebalancer_ports::NodeEvent;

/// Events on objects without a namespace, such as nodes, are kept in this one.
const NAMESPACE: &str = "default";

/// Where they are created.
pub(super) const PATH: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// A note may have so many bytes.
const LONGEST_NOTE: usize = 1024;

/// The event as the API takes it. `instance` says who tells.
pub(super) fn body(event: &NodeEvent, now: Timestamp, instance: &str) -> serde_json::Result<Value> {
    let mut note = event.note.clone();
    while note.len() > LONGEST_NOTE {
        note.pop();
    }
    let kind = if event.warning { "Warning" } else { "Normal" };
    serde_json::to_value(Event {
        metadata: ObjectMeta {
            generate_name: Some("kube-rebalancer-".to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some(event.action.to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(note),
        reason: Some(event.reason.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(event.node.clone()),
            uid: Some(event.uid.clone()).filter(|uid| !uid.is_empty()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("kube-rebalancer".to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(kind.to_owned()),
        ..Event::default()
    })
}
