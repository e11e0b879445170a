//! Events of the API group `events.k8s.io`, which `kubectl get events` shows.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::Value;

use kube_rebalancer_core::plan::PodNotice;
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::NodeEvent;

/// The namespace of events on objects without a namespace, such as nodes.
const NAMESPACE: &str = "default";

/// The path at which they are created.
pub(super) const PATH: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// Maximum number of bytes of a note.
const LONGEST_NOTE: usize = 1024;

/// The event on a node in the form of the API. `instance` names the run.
pub(super) fn body(event: &NodeEvent, now: Timestamp, instance: &str) -> serde_json::Result<Value> {
    let regarding = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(event.node.clone()),
        uid: Some(event.uid.clone()).filter(|uid| !uid.is_empty()),
        ..ObjectReference::default()
    };
    let words =
        Words { reason: event.reason, action: event.action, note: &event.note, warning: event.warning };
    whole(NAMESPACE, regarding, &words, now, instance)
}

/// The event on a waiting pod in the form of the API.
pub(super) fn on_pod(notice: &PodNotice, now: Timestamp, instance: &str) -> serde_json::Result<Value> {
    let regarding = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(notice.namespace.clone()),
        name: Some(notice.name.clone()),
        uid: Some(notice.uid.clone()).filter(|uid| !uid.is_empty()),
        ..ObjectReference::default()
    };
    let words =
        Words { reason: notice.kind.word(), action: "Rebalance", note: &notice.message, warning: false };
    whole(&notice.namespace, regarding, &words, now, instance)
}

/// The texts of an event.
struct Words<'a> {
    reason: &'a str,
    action: &'a str,
    note: &'a str,
    warning: bool,
}

fn whole(
    namespace: &str,
    regarding: ObjectReference,
    words: &Words<'_>,
    now: Timestamp,
    instance: &str,
) -> serde_json::Result<Value> {
    let mut note = clean(words.note).into_owned();
    // Cleaned text is ASCII, so this cuts no character.
    note.truncate(LONGEST_NOTE);
    let kind = if words.warning { "Warning" } else { "Normal" };
    serde_json::to_value(Event {
        metadata: ObjectMeta {
            generate_name: Some("kube-rebalancer-".to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some(words.action.to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(note),
        reason: Some(words.reason.to_owned()),
        regarding: Some(regarding),
        reporting_controller: Some("kube-rebalancer".to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(kind.to_owned()),
        ..Event::default()
    })
}
