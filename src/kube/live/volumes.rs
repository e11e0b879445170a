//! Looks up the volumes of persistent volume claims, if that is permitted. Sections 2 and 6.
//!
//! Only claims that a decision may depend on are looked up: of waiting pods, and of omitted pods on nodes that are about
//! to be deleted. A claim that cannot be read, or that is not bound, has no effect.

use std::collections::BTreeSet;

use http::StatusCode;
use kube_rebalancer_core::model::{ClaimKey, Snapshot, Volumes};
use kube_rebalancer_core::policy::Drain;
use serde_json::Value;

use super::Live;
use super::call::{Call, CallError};
use super::cluster::escaped;
use crate::observe::{Asked, Reading};

/// Maximum number of claims that a run looks up.
const MOST_CLAIMS: usize = 50;

impl Live {
    /// Looks up the volumes of claims, as far as that is permitted.
    pub(super) async fn volumes(&self, snapshot: &Snapshot) -> Volumes {
        let mut found = Reading::default();
        let first = wanted(snapshot);
        let then = if self.drain == Drain::Movable { of_movable(snapshot) } else { BTreeSet::new() };
        let then: Vec<ClaimKey> = then.difference(&first).cloned().collect();
        for (namespace, name) in first.into_iter().chain(then).take(MOST_CLAIMS) {
            if let Err(error) = self.look_up(&namespace, &name, &mut found).await {
                log::info!("the volume of claim {namespace}/{name} is not known: {error}");
                if error.status() == Some(StatusCode::FORBIDDEN) {
                    break;
                }
            }
        }
        found.into_volumes()
    }

    async fn look_up(&self, namespace: &str, name: &str, found: &mut Reading) -> Result<(), CallError> {
        let (namespace, name) = (escaped(namespace), escaped(name));
        let claim = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}");
        let text = self.server.call(&Call::get(&claim)).await?;
        if !read(found, &claim, &text, Asked::Claim) {
            return Ok(());
        }
        let object: Value = serde_json::from_str(&text).unwrap_or_default();
        let Some(volume) = object.pointer("/spec/volumeName").and_then(Value::as_str) else { return Ok(()) };
        let path = format!("/api/v1/persistentvolumes/{}", escaped(volume));
        let text = self.server.call(&Call::get(&path)).await?;
        read(found, &path, &text, Asked::Volume);
        Ok(())
    }
}

/// Adds an answer; an unreadable one has no effect.
fn read(found: &mut Reading, path: &str, text: &str, asked: Asked) -> bool {
    let added = found.add_answer(path, text, asked);
    if let Err(error) = &added {
        log::info!("{path}: {error}");
    }
    added.is_ok()
}

/// The claims of pods that may be movable: a pod whose volume is not known is not movable.
fn of_movable(snapshot: &Snapshot) -> BTreeSet<ClaimKey> {
    let pods = snapshot.pods().iter().filter(|pod| pod.eviction.is_some());
    pods.flat_map(|pod| pod.claims.iter().map(|claim| (pod.namespace.to_string(), claim.to_string())))
        .collect()
}

/// The claims that a decision may depend on.
fn wanted(snapshot: &Snapshot) -> BTreeSet<ClaimKey> {
    let cordoned: BTreeSet<&str> =
        snapshot.nodes().iter().filter(|node| node.unschedulable).map(|node| node.name.as_str()).collect();
    let concerned = snapshot.pods().iter().filter(|pod| {
        let waits = pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some());
        let may_go =
            pod.node_name.as_deref().is_some_and(|node| cordoned.contains(node)) && pod.controller.is_some();
        waits || may_go
    });
    let claims = concerned
        .flat_map(|pod| pod.claims.iter().map(|claim| (pod.namespace.to_string(), claim.to_string())));
    claims.collect()
}
