//! Reads persistent volumes, if that is permitted. Sections 2 and 6.
//!
//! ```text
//!   volumes           of single claims: of waiting pods, and of omitted pods on nodes that may be deleted
//!   stored_volumes    all of them, once a plan gives nodes back: the data of absent users may be on their disks
//! ```
//!
//! A claim that cannot be read, or that is not bound, has no effect. The API server's word that a claim of a waiting pod does
//! not exist has one: no node helps the pod.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::StatusCode;
use kube_rebalancer_core::model::{
    Node, Operator, Pod, Requirement, Snapshot, StoredVolume, StoredVolumes, Volumes, is_label_of_place,
};
use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::{chain, in_turn};
use serde_json::Value;
use tokio::time::timeout;

use super::Live;
use super::body;
use super::call::{Call, CallError};
use super::cluster::escaped;
use crate::observe::{Asked, ReadError, Reading};

/// Maximum number of claims that a run looks up: of each namespace in turn.
const MOST_CLAIMS: usize = 50;

/// Maximum time of all these look-ups.
const LOOK_UPS: Duration = Duration::from_secs(20);

const VOLUMES: &str = "/api/v1/persistentvolumes";

/// Maximum number of pages of 500 volumes.
const MOST_PAGES: usize = 2000;

/// Maximum number of volumes on cordoned nodes.
const MOST_STORED: usize = 100_000;

impl Live {
    /// Looks up the volumes of claims, as far as that is permitted.
    pub(super) async fn volumes(&self, snapshot: &Snapshot) -> Volumes {
        let mut found = Reading::default();
        let claims = to_look_up(snapshot, self.drain);
        let look_ups = async {
            for (namespace, name) in claims {
                let Err(error) = self.look_up(namespace, name, &mut found).await else { continue };
                log::info!("the volume of claim {namespace}/{name} is not known: {error}");
                if error.is_no_object("persistentvolumeclaims", name) {
                    found.misses_claim((namespace.to_owned(), name.to_owned()));
                }
                // The next one would fail as well, and a run must not wait for fifty failures.
                if error.status() != Some(StatusCode::NOT_FOUND) {
                    break;
                }
            }
        };
        if timeout(LOOK_UPS, look_ups).await.is_err() {
            log::info!("the volumes of claims were not all looked up within {} s", LOOK_UPS.as_secs());
        }
        found.into_volumes(snapshot.pods())
    }

    /// Lists the volumes whose data may be on the disk of a cordoned node. Without the permission they are not listed, and
    /// the second value names the problem.
    pub async fn stored_volumes(&self, nodes: &[Node]) -> (StoredVolumes, Option<String>) {
        let hosts = Hosts::of(nodes);
        match self.list_stored(&hosts).await {
            Ok(volumes) => (StoredVolumes::Listed(volumes), None),
            Err(ListError::NotOffered(error)) => {
                let problem = format!(
                    "the persistent volumes cannot be listed, so a node may be given back although the data of an absent \
                     user is on its disk: {error}"
                );
                (StoredVolumes::NotListed, Some(problem))
            }
            Err(error) => (StoredVolumes::Unknown { why: chain(&error) }, None),
        }
    }

    /// The volumes that only these hosts can use. If the server no longer has the list's moment (410), the list
    /// starts again, once.
    async fn list_stored(&self, hosts: &Hosts<'_>) -> Result<Vec<StoredVolume>, ListError> {
        match self.pages_of_stored(hosts).await {
            Err(ListError::Call(error)) if error.status() == Some(StatusCode::GONE) => {
                log::info!("the list of {VOLUMES} took too long and is started again");
                self.pages_of_stored(hosts).await
            }
            ended => ended,
        }
    }

    async fn pages_of_stored(&self, hosts: &Hosts<'_>) -> Result<Vec<StoredVolume>, ListError> {
        let mut stored = Vec::new();
        let mut from = String::new();
        for _ in 0..MOST_PAGES {
            let call = Call::get(format!("{VOLUMES}?limit=500{from}")).at_most(body::LONGEST);
            let text = match self.server.call(&call).await {
                Ok(text) => text,
                // A list that breaks off later has shown that it can be read.
                Err(error) if from.is_empty() && is_not_offered(&error) => {
                    return Err(ListError::NotOffered(error));
                }
                Err(error) => return Err(error.into()),
            };
            let mut page = Reading::default();
            let next = page.add_answer(VOLUMES, &text, Asked::Volumes)?;
            stored.extend(page.into_stored_volumes().into_iter().filter(|volume| hosts.has(volume)));
            if stored.len() > MOST_STORED {
                return Err(ListError::TooMany);
            }
            let Some(next) = next else { return Ok(stored) };
            let next = format!("&continue={}", escaped(&next));
            if next == from {
                return Err(ListError::Stuck);
            }
            from = next;
        }
        Err(ListError::Endless)
    }

    async fn look_up(&self, namespace: &str, name: &str, found: &mut Reading) -> Result<(), CallError> {
        let (namespace, name) = (escaped(namespace), escaped(name));
        let claim = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}");
        let text = self.server.call(&Call::get(&claim).optional()).await?;
        if !read(found, &claim, &text, Asked::Claim) {
            return Ok(());
        }
        let object: Value = serde_json::from_str(&text).unwrap_or_default();
        let volume = object.pointer("/spec/volumeName").and_then(Value::as_str);
        let Some(volume) = volume.filter(|name| is_name(name)) else { return Ok(()) };
        let path = format!("/api/v1/persistentvolumes/{}", escaped(volume));
        let text = self.server.call(&Call::get(&path).optional()).await?;
        read(found, &path, &text, Asked::Volume);
        Ok(())
    }
}

/// Whether this can be the name of an object. The API server takes any text as the name of a claim in a pod, and as the name of
/// a volume in a claim: `x/status` would be another request, whose refusal says nothing about claims.
fn is_name(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    text.len() <= 253
        && text.bytes().next().is_some_and(is_alphanumeric)
        && text.bytes().all(|byte| is_alphanumeric(byte) || matches!(byte, b'-' | b'.'))
}

/// The reason why the volumes could not be listed.
#[derive(Debug, thiserror::Error)]
enum ListError {
    /// There is no permission, or no such list.
    #[error(transparent)]
    NotOffered(CallError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the list does not end within {MOST_PAGES} pages")]
    Endless,
    #[error("a page says that the next one is itself, so that the list would never end")]
    Stuck,
    #[error("more than {MOST_STORED} volumes are on cordoned nodes, more than in any cluster")]
    TooMany,
}

fn is_not_offered(error: &CallError) -> bool {
    matches!(error.status(), Some(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND))
}

/// How the affinities of volumes may name the cordoned nodes. Planner and checker decide for each node; this only drops volumes
/// that concern no cordoned node, and is no stricter than they are.
#[derive(Debug)]
struct Hosts<'n> {
    names: BTreeSet<&'n str>,
    /// The labels of cordoned nodes that no other node has, or that number the hosts, as some drivers do.
    labels: BTreeSet<(&'n str, &'n str)>,
}

impl<'n> Hosts<'n> {
    fn of(nodes: &'n [Node]) -> Self {
        let cordoned = || nodes.iter().filter(|node| node.unschedulable);
        let names_of = |node: &'n Node| {
            [Some(node.name.as_str()), node.labels.get("kubernetes.io/hostname")].into_iter()
        };
        let keys: BTreeSet<&str> = cordoned().flat_map(|node| node.labels.keys()).collect();
        let all = || nodes.iter().flat_map(|node| node.labels.iter());
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for label in all().filter(|(key, _)| keys.contains(key) && !is_label_of_place(key)) {
            *counts.entry(label).or_default() += 1;
        }
        let mut of_key: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for ((key, _), count) in &counts {
            let (values, carriers) = of_key.entry(key).or_default();
            (*values, *carriers) = (*values + 1, *carriers + count);
        }
        let number_hosts = |key| of_key.get(key).is_some_and(|(values, carriers)| values * 2 > *carriers);
        let labels = cordoned().flat_map(|node| node.labels.iter());
        let labels = labels.filter(|label| {
            counts.get(label) == Some(&1) || (counts.contains_key(label) && number_hosts(label.0))
        });
        let labels = labels.collect();
        Self { names: cordoned().flat_map(names_of).flatten().collect(), labels }
    }

    /// Whether the affinity of a volume names one of the nodes.
    fn has(&self, volume: &StoredVolume) -> bool {
        let mut requirements =
            volume.affinity.0.iter().flat_map(|term| term.labels.iter().chain(&term.fields));
        requirements.any(|Requirement { key, operator }| {
            let Operator::In(values) = operator else { return false };
            let mut values = values.iter().map(String::as_str);
            values.any(|value| self.names.contains(value) || self.labels.contains(&(key.as_str(), value)))
        })
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

/// A claim of the snapshot: its namespace and its name.
type Claim<'a> = (&'a str, &'a str);

/// The claims to look up: first the claims on which a decision may depend, then the claims of pods that may be movable. The
/// claims of each namespace have their turn, so a user with many claims takes no place from the users of another namespace.
fn to_look_up(snapshot: &Snapshot, drain: Drain) -> Vec<Claim<'_>> {
    let first = wanted(snapshot);
    let then = if drain == Drain::Movable { of_movable(snapshot) } else { BTreeSet::new() };
    let then: Vec<Claim<'_>> = then.difference(&first).copied().collect();
    let mut claims = in_turn(first, |(namespace, _)| *namespace);
    claims.extend(in_turn(then, |(namespace, _)| *namespace));
    claims.truncate(MOST_CLAIMS);
    claims
}

/// The claims of pods that may be movable: a pod whose volume is not known is not movable.
fn of_movable(snapshot: &Snapshot) -> BTreeSet<Claim<'_>> {
    snapshot.pods().iter().filter(|pod| pod.eviction.is_some()).flat_map(claims_of).collect()
}

/// The claims that a decision may depend on.
fn wanted(snapshot: &Snapshot) -> BTreeSet<Claim<'_>> {
    let cordoned: BTreeSet<&str> =
        snapshot.nodes().iter().filter(|node| node.unschedulable).map(|node| node.name.as_str()).collect();
    let concerned = snapshot.pods().iter().filter(|pod| {
        let waits = pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some());
        let may_go =
            pod.node_name.as_deref().is_some_and(|node| cordoned.contains(node)) && pod.controller.is_some();
        waits || may_go
    });
    concerned.flat_map(claims_of).collect()
}

/// The claims of a pod that may exist.
fn claims_of(pod: &Pod) -> impl Iterator<Item = Claim<'_>> {
    let claims = pod.claims.iter().map(|claim| (&*pod.namespace, &**claim));
    claims.filter(|(_, name)| is_name(name))
}
