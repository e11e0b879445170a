//! One eviction through the eviction API of `policy/v1`.
//!
//! The body is written here: kube's own `evict` writes its options under a name that the API does not know, so that a
//! precondition in them would have no effect. It is sent once. A refusal by a budget (429) is no failure; after a lost answer
//! the pod is read.

use http::StatusCode;
use kube_rebalancer_ports::{EvictionAnswer, PodNow, PodToEvict, PortError, chain};
use serde_json::{Value, json};

use super::Live;
use super::call::{Call, CallError};
use super::cluster::escaped;
use crate::observe::Asked;

impl Live {
    /// Reads one pod; `None` if it is gone or has ended.
    pub(super) async fn one_pod(&self, namespace: &str, name: &str) -> Result<Option<PodNow>, PortError> {
        let path = path(namespace, name);
        let text = match self.server.call(&Call::get(&path)).await {
            Ok(text) => text,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut reading = self.reading();
        reading.add_answer(&path, &text, Asked::Pod).map_err(|error| PortError(chain(&error)))?;
        let (_, pods, _) = reading.into_parts();
        let Some(pod) = pods.into_iter().next() else { return Ok(None) };
        if *pod.namespace != *namespace || *pod.name != *name {
            return Err(PortError(format!("GET {path}: the answer is about {}", pod.full_name())));
        }
        let object: Value = serde_json::from_str(&text).unwrap_or_default();
        let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        Ok(Some(PodNow { pod, resource_version: version.unwrap_or_default().to_owned() }))
    }

    pub(super) async fn evict_one(&self, pod: &PodToEvict) -> EvictionAnswer {
        let dry_run = if self.dry_run { "?dryRun=All" } else { "" };
        let target = format!("{}/eviction{dry_run}", path(&pod.namespace, &pod.name));
        let Err(error) = self.server.call(&Call::post(target, body(pod)).once()).await else {
            return EvictionAnswer::Done;
        };
        match error.status() {
            Some(StatusCode::TOO_MANY_REQUESTS) => EvictionAnswer::NotNow(error.to_string()),
            Some(StatusCode::NOT_FOUND) => EvictionAnswer::Gone,
            Some(StatusCode::CONFLICT) => EvictionAnswer::Changed(error.to_string()),
            _ if error.is_in_doubt() && !self.dry_run => self.read_back(pod, error).await,
            _ => EvictionAnswer::Failed(error.to_string()),
        }
    }

    /// Finds out the result of an eviction whose answer was lost: the pod is terminating or gone, or it is not.
    async fn read_back(&self, pod: &PodToEvict, error: CallError) -> EvictionAnswer {
        let of_uid = |now: &PodNow| now.pod.eviction.as_ref().is_some_and(|facts| *facts.uid == *pod.uid);
        match self.one_pod(&pod.namespace, &pod.name).await {
            Ok(Some(now)) if of_uid(&now) && !now.pod.deleting => EvictionAnswer::Failed(error.to_string()),
            Ok(Some(_) | None) => {
                log::info!("{error}, but it was done");
                EvictionAnswer::Done
            }
            Err(unread) => {
                EvictionAnswer::Failed(format!("{error}; whether it was done is not known ({unread})"))
            }
        }
    }

    /// Whether the Lease still names this run.
    pub(super) async fn holds_lease(&self) -> Result<bool, PortError> {
        let (namespace, name) = (escaped(&self.namespace), escaped(&self.lease_name));
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}");
        let text = match self.server.call(&Call::get(&path)).await {
            Ok(text) => text,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let lease: Value = serde_json::from_str(&text).unwrap_or_default();
        let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
        Ok(holder == Some(self.identity.as_str()))
    }
}

fn path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", escaped(namespace), escaped(name))
}

/// The body of the eviction. Its options have no grace period, so the pod's own one applies.
fn body(pod: &PodToEvict) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": { "name": pod.name, "namespace": pod.namespace },
        "deleteOptions": {
            "preconditions": { "uid": pod.uid, "resourceVersion": pod.resource_version },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_where_the_api_looks_for_them_and_name_no_grace_period() {
        let pod = PodToEvict {
            namespace: "hub".into(),
            name: "web-1".into(),
            uid: "u1".into(),
            resource_version: "7".into(),
        };
        let options = json!({ "preconditions": { "uid": "u1", "resourceVersion": "7" } });
        assert_eq!(body(&pod)["deleteOptions"], options);
        assert_eq!(body(&pod)["metadata"], json!({ "name": "web-1", "namespace": "hub" }));
        assert_eq!(path("hub", "a/../b"), "/api/v1/namespaces/hub/pods/a%2F..%2Fb");
    }
}
