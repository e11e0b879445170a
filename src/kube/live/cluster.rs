//! The live cluster: lists in pages, one node at a time, patches on a version.

use http::StatusCode;
use kube_rebalancer_core::model::Node;
use serde_json::{Map, Value, json};

use super::Live;
use super::call::{Call, CallError};
use super::event;
use crate::observe::{Observation, ReadError, Reading};
use kube_rebalancer_ports::{Clock, Cluster, NodeEvent, NodePatch, PatchError, PodList, PortError, chain};

/// Objects a page. Small enough that a busy API server answers within seconds, large enough that a cluster of a
/// thousand pods is two requests.
const PAGE: u32 = 500;

/// Pods that have ended ask for nothing and keep no node; the server need not send them.
const NOT_ENDED: &str = "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

/// Why the cluster could not be observed. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A list failed.
    #[error(transparent)]
    List(#[from] PortError),
    /// What was listed is not one cluster.
    #[error("what the API server listed is not one cluster")]
    Snapshot(#[from] ReadError),
}

impl Live {
    /// Observes the cluster: nodes first, then pods, so that a pod which is bound meanwhile is seen on its node rather
    /// than missed.
    pub async fn observe(&self) -> Result<Observation, ObserveError> {
        let mut reading = Reading::default();
        self.list("/api/v1/nodes", "", &mut reading).await?;
        self.list("/api/v1/pods", NOT_ENDED, &mut reading).await?;
        Ok(reading.finish(self.time.now())?)
    }

    /// Adds a list, page by page. The pages are of one moment: no resource version is named, so the server reads from
    /// its store, and later pages continue from there. When it has forgotten that moment (410), the list starts anew,
    /// once.
    async fn list(&self, path: &str, selector: &str, whole: &mut Reading) -> Result<(), PortError> {
        for last_try in [false, true] {
            let mut reading = Reading::default();
            match self.pages(path, selector, &mut reading).await {
                Ok(()) => {
                    whole.absorb(reading);
                    return Ok(());
                }
                Err(ListError::Call(error)) if error.status() == Some(StatusCode::GONE) && !last_try => {
                    log::info!("the list of {path} took too long and starts anew");
                }
                Err(ListError::Call(error)) => return Err(error.into()),
                Err(ListError::Read(error)) => return Err(PortError(chain(&error))),
            }
        }
        Err(PortError(format!("GET {path}: the list could not be finished")))
    }

    async fn pages(&self, path: &str, selector: &str, reading: &mut Reading) -> Result<(), ListError> {
        let mut next = None;
        loop {
            let from = next.map(|token: String| format!("&continue={}", escaped(&token))).unwrap_or_default();
            let text = self.server.call(&Call::get(format!("{path}?limit={PAGE}{selector}{from}"))).await?;
            next = reading.add_answer(path, &text)?;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Live {
    /// Finds out what became of a patch whose answer was lost: the node shows it, or it does not.
    async fn settle(&self, name: &str, patch: &NodePatch, error: CallError) -> Result<Node, PatchError> {
        match self.node(name).await {
            Ok(Some(node)) if shows(patch, &node) => {
                log::info!("{error}, but it was done");
                Ok(node)
            }
            Ok(Some(_)) => Err(refused(error)),
            Ok(None) => Err(PatchError::Gone),
            Err(unread) => {
                let text = format!("{error}; whether it was done is not known ({unread})");
                Err(PatchError::Failed(PortError(text)))
            }
        }
    }
}

impl Cluster for Live {
    async fn pods(&self) -> Result<PodList, PortError> {
        let mut reading = Reading::default();
        self.list("/api/v1/pods", NOT_ENDED, &mut reading).await?;
        let (_, pods, seen) = reading.into_parts();
        Ok(PodList { pods, seen })
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        match self.server.call(&Call::get(node_path(name))).await {
            Ok(text) => one_node(name, &text).map(Some),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn patch(&self, node: &str, patch: &NodePatch) -> Result<Node, PatchError> {
        let dry_run = if self.dry_run { "&dryRun=All" } else { "" };
        let target = format!("{}?fieldManager=kube-rebalancer{dry_run}", node_path(node));
        match self.server.call(&Call::merge_patch(target, body(patch))).await {
            Ok(text) => Ok(one_node(node, &text)?),
            Err(error) if error.is_in_doubt() && !self.dry_run => self.settle(node, patch, error).await,
            Err(error) => Err(refused(error)),
        }
    }

    async fn tell(&self, event: &NodeEvent) -> Result<(), PortError> {
        if self.dry_run {
            return Ok(());
        }
        let body = event::body(event, self.time.now(), &self.identity)
            .map_err(|error| PortError(error.to_string()))?;
        self.server.call(&Call::post(event::PATH, body).once()).await?;
        Ok(())
    }
}

fn node_path(name: &str) -> String {
    format!("/api/v1/nodes/{}", escaped(name))
}

/// A merge patch: an annotation that is `null` is removed; the resource version makes the server refuse the patch (409)
/// if the node has changed.
fn body(patch: &NodePatch) -> Value {
    let mut body = json!({ "metadata": { "resourceVersion": patch.resource_version, "annotations": patch.annotations } });
    if let (Some(unschedulable), Some(fields)) = (patch.unschedulable, body.as_object_mut()) {
        let spec = Map::from_iter([("unschedulable".to_owned(), Value::from(unschedulable))]);
        fields.insert("spec".to_owned(), Value::Object(spec));
    }
    body
}

fn refused(error: CallError) -> PatchError {
    match error.status() {
        Some(StatusCode::CONFLICT) => PatchError::Conflict,
        Some(StatusCode::NOT_FOUND) => PatchError::Gone,
        _ => PatchError::Failed(error.into()),
    }
}

/// Whether a node is as a patch makes it. Notes of ours carry the time, so one that was made by somebody else differs.
fn shows(patch: &NodePatch, node: &Node) -> bool {
    let noted = |(key, value): (&&str, &Option<String>)| node.annotations.get(*key) == value.as_ref();
    patch.unschedulable.is_none_or(|wanted| wanted == node.unschedulable)
        && patch.annotations.iter().all(noted)
}

fn one_node(name: &str, text: &str) -> Result<Node, PortError> {
    let mut reading = Reading::default();
    reading.add_answer(name, text).map_err(|error| PortError(chain(&error)))?;
    let (mut nodes, _, _) = reading.into_parts();
    nodes.pop().ok_or_else(|| PortError(format!("the API server's answer for node {name} is no node")))
}

/// A part of a path or a query: everything but letters, digits and `-._~` as `%XX`.
fn escaped(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
