//! Takes objects one at a time and keeps only the fields of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kube_rebalancer_core::model::{
    Affinity, ClaimKey, DisruptionBudget, Node, Pod, Snapshot, SnapshotError, StoredVolume, StoredVolumes,
    Volumes,
};
use kube_rebalancer_core::plan::Warning;

use super::claims::Claims;
use super::convert::{self, Identity};
use super::crowds::Crowds;
use super::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadProblem};
use super::examples::Examples;
use super::intern::Interner;
use super::kinds::KindsFound;
use super::observation::Observation;
use super::oddities::Oddities;
use super::raw::{Object, Text};
use kube_rebalancer_ports::PodLife;

/// The number of pods to reserve room for if each is kept. Unwritten memory costs nothing, and an allocation of this size
/// grows by remapping: growth by copying would leave holes as large as the list.
const ROOM: usize = 1 << 18;

/// The objects of a cluster that have been collected so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    pods_seen: usize,
    namespaces: Namespaces,
    millibytes: Examples,
    /// The claims on volumes.
    claims: Claims,
    /// The nodes that can use each volume.
    volumes: BTreeMap<String, Option<Affinity>>,
    /// The volumes with data that only some nodes can use.
    stored: Vec<StoredVolume>,
    node_lists: usize,
    pod_lists: usize,
    others: KindsFound,
    warnings: Oddities,
    interner: Interner,
    /// The keys of pods' labels to keep; `None` keeps all.
    label_keys: Option<Arc<BTreeSet<String>>>,
    /// Whether the facts that evictions need are left out.
    no_evictions: bool,
    /// The pods that may count for others; `None` if each pod is kept individually.
    crowds: Option<Crowds>,
    /// The budgets that protect pods.
    budgets: Vec<DisruptionBudget>,
    /// Whether the objects come from a live cluster and not from a file.
    is_live: bool,
    /// The kind of the last document that was not an item of another.
    document: Option<String>,
    /// The token of the next page of the last list; only of a live cluster.
    next: Option<String>,
    /// The pods with their lives, if lives are read; then there are no other pods.
    lives: Option<Vec<PodLife>>,
    /// The error that stopped the reading, stored here because the deserializer's own error can only carry text.
    pub(super) failure: Option<ObjectError>,
}

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Pod,
    /// A claim of a pod on a volume.
    Claim,
    /// A volume.
    Volume,
    /// Any other kind.
    Other,
}

impl Kind {
    /// The kind with this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "Node" => Self::Node,
            "Pod" => Self::Pod,
            "PersistentVolumeClaim" => Self::Claim,
            "PersistentVolume" => Self::Volume,
            _ => Self::Other,
        }
    }

    /// The kind's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Claim => "PersistentVolumeClaim",
            Self::Volume => "PersistentVolume",
            Self::Other => "another kind",
        }
    }

    /// The kind of an object without `kind`, by the fields that only one kind has.
    pub(super) fn of_shape(object: &Object<'_>) -> Self {
        if !object.spec.containers.is_empty() {
            Self::Pod
        } else if (object.status.capacity.is_some() || object.status.allocatable.is_some())
            && object.metadata.namespace.is_none()
        {
            Self::Node
        } else if object.spec.node_affinity.required.is_some() && object.metadata.namespace.is_none() {
            Self::Volume
        } else {
            Self::Other
        }
    }
}

impl Collector {
    /// A collector that keeps only these keys of pods' labels, and stores this program's own pod individually.
    pub(super) fn of_labels(keys: Arc<BTreeSet<String>>, own_pod: Option<(String, String)>) -> Self {
        Self {
            label_keys: Some(keys),
            no_evictions: true,
            crowds: Some(Crowds::without(own_pod)),
            ..Self::default()
        }
    }

    /// Keeps the facts of each pod that an eviction needs, and stores each pod individually.
    pub(super) fn keep_evictions(&mut self) {
        self.no_evictions = false;
        self.keep_each();
    }

    /// Stores each pod individually, even if no decision needs that.
    pub(super) fn keep_each(&mut self) {
        self.crowds = None;
        self.pods.reserve(ROOM);
    }

    /// Keeps a budget that protects pods.
    pub(super) fn take_budget(&mut self, budget: DisruptionBudget) {
        self.budgets.push(budget);
    }

    /// The keys of pods' labels to keep; `None` keeps all.
    pub(super) fn label_keys(&self) -> Option<Arc<BTreeSet<String>>> {
        self.label_keys.clone()
    }

    /// Creates a collector that keeps the lives of all pods, including ended pods.
    pub(super) fn of_lives() -> Self {
        Self { lives: Some(Vec::new()), ..Self::default() }
    }

    /// Whether it keeps the lives of pods.
    pub(super) fn keeps_lives(&self) -> bool {
        self.lives.is_some()
    }

    /// Marks all later objects as objects of a live cluster.
    pub(super) fn goes_live(&mut self) {
        self.is_live = true;
    }

    /// Keeps an object; `Other` is for the caller to count.
    pub(super) fn take(&mut self, kind: Kind, object: &Object<'_>) -> Result<(), ObjectError> {
        match kind {
            Kind::Node => {
                self.nodes.push(convert::node(
                    object,
                    self.is_live,
                    &mut self.interner,
                    &mut self.warnings.list,
                )?);
            }
            Kind::Pod => self.take_pod(object)?,
            Kind::Claim => self.claims.add(convert::claim(object)),
            Kind::Volume => self.take_volume(object),
            Kind::Other => {}
        }
        self.warnings.bound();
        Ok(())
    }

    fn take_volume(&mut self, object: &Object<'_>) {
        self.stored.extend(convert::stored(object));
        self.volumes.extend(convert::affinity_of_volume(object));
    }

    fn take_pod(&mut self, object: &Object<'_>) -> Result<(), ObjectError> {
        let identity = Identity::of(object)?;
        self.pods_seen += 1;
        self.namespaces.see(identity.namespace());
        let mut reading = convert::Reading {
            is_live: self.is_live,
            interner: &mut self.interner,
            label_keys: self.label_keys.as_deref(),
            evictions: !self.no_evictions,
            warnings: &mut self.warnings.list,
            millibytes: &mut self.millibytes,
        };
        if let Some(lives) = &mut self.lives {
            lives.push(convert::life(identity, object, &mut reading)?);
        } else if !object.status.phase.has_ended() {
            let pod = convert::pod(identity, object, &mut reading)?;
            match &mut self.crowds {
                Some(crowds) => crowds.add(pod, &mut self.pods),
                None => self.pods.push(pod),
            }
        }
        Ok(())
    }

    /// Counts an object of another kind.
    pub(super) fn skip(&mut self, kind: &str) {
        self.others.add(kind);
    }

    /// Records that a list was seen, even an empty one, and the token of its next page.
    pub(super) fn list(&mut self, kind: &str, next: Option<&Text<'_>>) -> Result<(), ObjectError> {
        match kind {
            "List" | "PersistentVolumeClaimList" | "PersistentVolumeList" => {}
            "NodeList" => self.node_lists += 1,
            "PodList" => self.pod_lists += 1,
            foreign => self.skip(foreign),
        }
        self.next = next.and_then(Text::non_empty).map(str::to_owned);
        if self.next.is_some() && !self.is_live {
            let of = ObjectName::Unnamed("a list");
            return Err(BadField::new("metadata.continue", FieldProblem::OnePage).of(of));
        }
        Ok(())
    }

    /// Records the kind of a document.
    pub(super) fn document(&mut self, kind: Option<String>) {
        self.document = kind;
    }

    /// Returns the kind of the last document, and the token of its next page.
    pub(super) fn take_document(&mut self) -> (Option<String>, Option<String>) {
        (self.document.take(), self.next.take())
    }

    /// Adds what another one collected.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            nodes,
            pods,
            pods_seen,
            namespaces,
            millibytes,
            claims,
            volumes,
            stored,
            node_lists,
            pod_lists,
            others,
            warnings,
            interner: _,
            label_keys: _,
            no_evictions: _,
            // Pods that are added later are compared only with the pods of this collector.
            crowds: _,
            budgets,
            is_live,
            document: _,
            next: _,
            lives,
            failure,
        } = other;
        self.namespaces.absorb(namespaces);
        self.millibytes.absorb(millibytes);
        self.claims.absorb(claims);
        self.volumes.extend(volumes);
        self.stored.extend(stored);
        self.budgets.extend(budgets);
        self.is_live |= is_live;
        move_all(nodes, &mut self.nodes);
        move_all(pods, &mut self.pods);
        if let (Some(own), Some(lives)) = (&mut self.lives, lives) {
            own.extend(lives);
        }
        self.pods_seen += pods_seen;
        self.node_lists += node_lists;
        self.pod_lists += pod_lists;
        for (kind, count) in others.0 {
            *self.others.0.entry(kind).or_default() += count;
        }
        self.warnings.absorb(warnings);
        self.failure = self.failure.take().or(failure);
    }

    /// The number of nodes, pods and volumes seen, to detect a file that adds nothing.
    pub(super) fn useful(&self) -> usize {
        let volumes = self.claims.len() + self.volumes.len();
        self.nodes.len() + self.pods_seen + volumes + self.node_lists + self.pod_lists
    }

    /// Returns the counted other kinds, and restarts the count.
    pub(super) fn take_others(&mut self) -> KindsFound {
        std::mem::take(&mut self.others)
    }

    /// The nodes that were kept so far.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether nodes were seen, or an empty list of nodes.
    pub(super) fn knows_nodes(&self) -> bool {
        !self.nodes.is_empty() || self.node_lists > 0
    }

    /// The number of pods seen.
    pub(super) fn pods_seen(&self) -> usize {
        self.pods_seen
    }

    /// Returns an error if more objects of a kind were seen than a cluster has.
    pub(super) fn has_at_most(&self, kind: Kind, most: usize) -> Result<(), ReadProblem> {
        let seen = match kind {
            Kind::Node => self.nodes.len(),
            Kind::Pod => self.pods_seen,
            Kind::Claim | Kind::Volume | Kind::Other => 0,
        };
        if seen > most { Err(ReadProblem::TooMany { most }) } else { Ok(()) }
    }

    /// Returns the collected objects.
    pub(super) fn into_parts(self) -> (Vec<Node>, Vec<Pod>, usize) {
        (self.nodes, self.pods, self.pods_seen)
    }

    /// Returns the lives of the pods.
    pub(super) fn into_lives(self) -> Vec<PodLife> {
        self.lives.unwrap_or_default()
    }

    /// Records that a claim of a waiting pod does not exist.
    pub(super) fn misses_claim(&mut self, claim: ClaimKey) {
        self.claims.misses(claim);
    }

    /// Returns the volumes of the claims of these pods.
    pub(super) fn into_volumes(self, pods: &[Pod]) -> Volumes {
        self.claims.into_volumes(&self.volumes, pods)
    }

    /// Returns the volumes with data that only some nodes can use.
    pub(super) fn into_stored(self) -> Vec<StoredVolume> {
        self.stored
    }

    /// Makes a snapshot of the collected objects.
    pub(super) fn finish(self, observed_at: Timestamp) -> Result<Observation, SnapshotError> {
        let mut plan_warnings = Vec::new();
        if let Some((pod, pods)) = self.millibytes.into_parts() {
            plan_warnings.push(Warning::MillibyteRequest { pod, pods });
        }
        // The API server lists all namespaces or refuses; kubectl lists one unless -A is given.
        if let (false, Namespaces::One { name, pods: 2.. }) = (self.is_live, self.namespaces) {
            plan_warnings.push(Warning::OneNamespace { namespace: name });
        }
        let mut claims = self.claims;
        if !self.is_live {
            claims.are_listed(&self.pods);
        }
        let volumes = claims.into_volumes(&self.volumes, &self.pods);
        let listed = !self.volumes.is_empty();
        let stored = if listed { StoredVolumes::Listed(self.stored) } else { StoredVolumes::NotListed };
        let snapshot = Snapshot::new(observed_at, self.nodes, self.pods, Vec::new(), self.pods_seen)?;
        let warnings = self.warnings.into_warnings();
        let snapshot = snapshot.with_volumes(volumes).with_stored_volumes(stored.into());
        let snapshot = snapshot.with_budgets(self.budgets);
        Ok(Observation { snapshot, warnings, plan_warnings, told: None })
    }

    /// Records why the reading stops.
    pub(super) fn fail(&mut self, what: &'static str, field: &str, problem: FieldProblem) {
        self.failure = Some(BadField::new(field, problem).of(ObjectName::Unnamed(what)));
    }
}

/// Appends all. An empty list takes the other one without a copy: a list of pods is half of a run's memory.
fn move_all<T>(from: Vec<T>, to: &mut Vec<T>) {
    if to.is_empty() {
        *to = from;
    } else {
        to.extend(from);
    }
}

/// The namespaces of the pods seen so far: none, one or many.
#[derive(Debug, Default)]
enum Namespaces {
    /// No pod was seen.
    #[default]
    None,
    /// All pods are in one.
    One {
        /// Its name.
        name: String,
        /// The number of pods.
        pods: usize,
    },
    /// There are several.
    Many,
}

impl Namespaces {
    fn see(&mut self, namespace: &str) {
        match self {
            Self::None => *self = Self::One { name: namespace.to_owned(), pods: 1 },
            Self::One { name, pods } if name == namespace => *pods += 1,
            Self::One { .. } => *self = Self::Many,
            Self::Many => {}
        }
    }

    fn absorb(&mut self, other: Self) {
        *self = match (std::mem::take(self), other) {
            (Self::None, one) | (one, Self::None) => one,
            (Self::One { name, pods }, Self::One { name: theirs, pods: more }) if name == theirs => {
                Self::One { name, pods: pods + more }
            }
            _ => Self::Many,
        };
    }
}
