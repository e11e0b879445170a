//! The live cluster: lists in pages, one node at a time, patches on a version.

use http::StatusCode;
use kube_rebalancer_core::model::{Ledger, Node, StoredVolumes, Taint, TaintEffect, taint};
use kube_rebalancer_core::plan::PodNotice;
use serde_json::{Map, Value, json};

use super::Live;
use super::call::{Call, CallError};
use super::event;
use super::ledger::Remembered;
use crate::observe::{Asked, Observation, ReadError, Reading};
use kube_rebalancer_ports::{
    Clock, Cluster, EvictionAnswer, NodeEvent, NodePatch, NodeToDelete, PatchError, PodList, PodNow,
    PodToEvict, PortError, chain,
};

/// The filter that excludes pods that have ended: they request nothing and keep no node.
const NOT_ENDED: &str = "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

/// The reason why the cluster could not be observed. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A list failed.
    #[error(transparent)]
    List(#[from] PortError),
    /// The lists are not one valid cluster.
    #[error("the lists of the API server do not form one cluster")]
    Snapshot(#[from] ReadError),
}

impl Live {
    /// Observes the cluster: nodes first, then pods, so that a pod which is bound in between is seen on its node and not
    /// missed. `listed` is called with the nodes as soon as they are listed: the pods take longer.
    pub async fn observe(&self, listed: impl FnOnce(&[Node])) -> Result<Observation, ObserveError> {
        // Evictions after this list only reduce what budgets allow, and the eviction API judges again.
        let budgets = self.budgets().await?;
        let mut reading = self.reading();
        self.list("/api/v1/nodes", "", Asked::Nodes, &mut reading).await?;
        listed(reading.nodes());
        self.list("/api/v1/pods", NOT_ENDED, Asked::Pods, &mut reading).await?;
        let mut observation = reading.finish(self.time.now())?;
        let volumes = self.volumes(&observation.snapshot).await;
        let Remembered { ledger, history, told } = self.remembered().await;
        let snapshot = observation.snapshot.with_volumes(volumes).with_budgets(budgets);
        let ledger = ledger.map(|ledger| ledger.without_future(snapshot.observed_at()));
        observation.snapshot = snapshot.with_ledger(ledger).with_history(history);
        observation.told = told;
        Ok(observation)
    }
}

impl Live {
    /// Finds out the result of a patch whose answer was lost: the node shows it, or it does not.
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
        let mut reading = self.reading();
        self.list("/api/v1/pods", NOT_ENDED, Asked::Pods, &mut reading).await?;
        let (_, pods, seen) = reading.into_parts();
        Ok(PodList { pods, seen })
    }

    async fn nodes(&self) -> Result<Vec<Node>, PortError> {
        let mut reading = self.reading();
        self.list("/api/v1/nodes", "", Asked::Nodes, &mut reading).await?;
        let (nodes, _, _) = reading.into_parts();
        Ok(nodes)
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        match self.server.call(&Call::get(node_path(name))).await {
            Ok(text) => one_node(name, &text).map(Some),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn volumes_again(&self, nodes: &[Node]) -> StoredVolumes {
        match self.stored_volumes(nodes).await {
            // They were listed in this run, so there may be some.
            (_, Some(why)) => StoredVolumes::Unknown { why },
            (stored, None) => stored,
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

    async fn notify(&self, notice: &PodNotice) -> Result<(), PortError> {
        if self.dry_run {
            return Ok(());
        }
        let body = event::on_pod(notice, self.time.now(), &self.identity)
            .map_err(|error| PortError(error.to_string()))?;
        let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", escaped(&notice.namespace));
        self.server.call(&Call::post(path, body).once()).await?;
        Ok(())
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Option<PodNow>, PortError> {
        self.one_pod(namespace, name).await
    }

    async fn evict(&self, pod: &PodToEvict) -> EvictionAnswer {
        self.evict_one(pod).await
    }

    async fn delete_node(&self, node: &NodeToDelete) -> Result<(), PatchError> {
        let dry_run = if self.dry_run { "?dryRun=All" } else { "" };
        let target = format!("{}{dry_run}", node_path(&node.name));
        let preconditions = json!({ "uid": node.uid, "resourceVersion": node.resource_version });
        let body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions });
        let Err(error) = self.server.call(&Call::delete(target, body).once()).await else { return Ok(()) };
        if !error.is_in_doubt() || self.dry_run {
            return Err(refused(error));
        }
        match self.node(&node.name).await {
            Ok(Some(now)) if now.uid == node.uid && !now.deleting => Err(refused(error)),
            Ok(_) => {
                log::info!("{error}, but it was done");
                Ok(())
            }
            Err(unread) => {
                let text = format!("{error}; whether it was done is not known ({unread})");
                Err(PatchError::Failed(PortError(text)))
            }
        }
    }

    /// A dry run holds no Lease.
    async fn still_leads(&self) -> Result<bool, PortError> {
        if self.dry_run { Ok(true) } else { self.holds_lease().await }
    }

    async fn remember(&self, ledger: &Ledger) -> Result<(), PortError> {
        self.write_ledger(ledger).await
    }
}

fn node_path(name: &str) -> String {
    format!("/api/v1/nodes/{}", escaped(name))
}

/// A merge patch: an annotation that is `null` is removed, a list of taints is replaced whole; the resource version makes
/// the server refuse the patch (409) if the node has changed.
fn body(patch: &NodePatch) -> Value {
    let mut body = json!({ "metadata": { "resourceVersion": patch.resource_version, "annotations": patch.annotations } });
    let mut spec = Map::new();
    if let Some(unschedulable) = patch.unschedulable {
        spec.insert("unschedulable".to_owned(), Value::from(unschedulable));
    }
    if let Some(taints) = &patch.taints {
        spec.insert("taints".to_owned(), taints.iter().map(taint_json).collect());
    }
    if let (false, Some(fields)) = (spec.is_empty(), body.as_object_mut()) {
        fields.insert("spec".to_owned(), Value::Object(spec));
    }
    body
}

/// A taint in the form of the API.
fn taint_json(taint: &Taint) -> Value {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    let mut fields = Map::from_iter([
        ("key".to_owned(), Value::from(taint.key.as_str())),
        ("effect".to_owned(), Value::from(effect)),
    ]);
    if !taint.value.is_empty() {
        fields.insert("value".to_owned(), Value::from(taint.value.as_str()));
    }
    if let Some(added_at) = taint.added_at {
        fields.insert("timeAdded".to_owned(), Value::from(format!("{added_at:.0}")));
    }
    Value::Object(fields)
}

fn refused(error: CallError) -> PatchError {
    match error.status() {
        Some(StatusCode::CONFLICT) => PatchError::Conflict,
        Some(StatusCode::NOT_FOUND) => PatchError::Gone,
        _ => PatchError::Failed(error.into()),
    }
}

/// Whether a node has the state that a patch makes. Our notes have a time, so a note of another writer differs.
fn shows(patch: &NodePatch, node: &Node) -> bool {
    let noted = |(key, value): (&&str, &Option<String>)| node.annotations.get(*key) == value.as_ref();
    let same = |left: &Taint, right: &Taint| {
        (&left.key, &left.value, left.effect) == (&right.key, &right.value, right.effect)
    };
    // The control plane adds and removes taints of its own; only these two belong to this program.
    let ours = [taint::DELETING, taint::FILL_LAST];
    let carries = |taints: &[Taint], key: &str| taints.iter().any(|one| one.key == key);
    let tainted = |wanted: &Vec<Taint>| {
        ours.iter().all(|key| carries(wanted, key) == carries(&node.taints, key))
            && wanted
                .iter()
                .filter(|one| ours.contains(&one.key.as_str()))
                .all(|one| node.taints.iter().any(|other| same(one, other)))
    };
    patch.unschedulable.is_none_or(|wanted| wanted == node.unschedulable)
        && patch.annotations.iter().all(noted)
        && patch.taints.as_ref().is_none_or(tainted)
}

fn one_node(name: &str, text: &str) -> Result<Node, PortError> {
    let mut reading = Reading::default();
    reading.add_answer(name, text, Asked::Node).map_err(|error| PortError(chain(&error)))?;
    let (mut nodes, _, _) = reading.into_parts();
    nodes.pop().ok_or_else(|| PortError(format!("the API server's answer for node {name} is no node")))
}

/// A part of a path or a query: everything but letters, digits and `-._~` as `%XX`.
pub(super) fn escaped(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
