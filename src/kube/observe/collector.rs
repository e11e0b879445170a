//! Takes objects one at a time and keeps of each only what the model has a field for.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Node, Pod, Snapshot, SnapshotError};

use super::convert::{self, Identity};
use super::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadWarning};
use super::intern::Interner;
use super::raw::{Object, Phase};
use kube_rebalancer_ports::PodLife;

/// A cluster in the making.
#[derive(Debug, Default)]
pub(super) struct Collector {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    pods_seen: usize,
    node_lists: usize,
    pod_lists: usize,
    others: KindsFound,
    warnings: Vec<ReadWarning>,
    interner: Interner,
    /// The pods with their lives, if those are what is read; then there are no others.
    lives: Option<Vec<PodLife>>,
    /// What stopped the reading, kept here while the deserializer unwinds: its own error can only carry text.
    pub(super) failure: Option<ObjectError>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Pod,
    /// Any other kind.
    Other,
}

impl Kind {
    /// The kind with this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "Node" => Self::Node,
            "Pod" => Self::Pod,
            _ => Self::Other,
        }
    }

    /// What an object without a kind must be, by the fields that all objects of a kind have and no others do.
    pub(super) fn of_shape(object: &Object<'_>) -> Self {
        if !object.spec.containers.is_empty() {
            Self::Pod
        } else if object.status.capacity.is_some() && object.metadata.namespace.is_none() {
            Self::Node
        } else {
            Self::Other
        }
    }
}

impl Collector {
    /// One that keeps the lives of pods, also of those that have ended.
    pub(super) fn of_lives() -> Self {
        Self { lives: Some(Vec::new()), ..Self::default() }
    }

    /// Whether it is one of those.
    pub(super) fn keeps_lives(&self) -> bool {
        self.lives.is_some()
    }

    /// Keeps a node or a pod; `Other` is for the caller to count.
    pub(super) fn take(&mut self, kind: Kind, object: &Object<'_>) -> Result<(), ObjectError> {
        match kind {
            Kind::Node => self.nodes.push(convert::node(object, &mut self.warnings)?),
            Kind::Pod => {
                let identity = Identity::of(object)?;
                self.pods_seen += 1;
                if let Some(lives) = &mut self.lives {
                    lives.push(convert::life(identity, object, &mut self.interner, &mut self.warnings)?);
                } else if object.status.phase == Phase::Live {
                    let pod = convert::pod(identity, object, &mut self.interner, &mut self.warnings)?;
                    self.pods.push(pod);
                }
            }
            Kind::Other => {}
        }
        Ok(())
    }

    /// Counts an object that is neither a node nor a pod.
    pub(super) fn skip(&mut self, kind: &str) {
        self.others.add(kind);
    }

    /// Notes a list, which says something even when it is empty.
    pub(super) fn list(&mut self, kind: &str) {
        match kind {
            "List" => {}
            "NodeList" => self.node_lists += 1,
            "PodList" => self.pod_lists += 1,
            foreign => self.skip(foreign),
        }
    }

    /// Adds what another one collected.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            nodes,
            pods,
            pods_seen,
            node_lists,
            pod_lists,
            others,
            warnings,
            interner: _,
            lives,
            failure,
        } = other;
        self.nodes.extend(nodes);
        self.pods.extend(pods);
        if let (Some(own), Some(lives)) = (&mut self.lives, lives) {
            own.extend(lives);
        }
        self.pods_seen += pods_seen;
        self.node_lists += node_lists;
        self.pod_lists += pod_lists;
        for (kind, count) in others.0 {
            *self.others.0.entry(kind).or_default() += count;
        }
        self.warnings.extend(warnings);
        self.failure = self.failure.take().or(failure);
    }

    /// How much has been seen of nodes and pods, so that a file that adds nothing can be told.
    pub(super) fn useful(&self) -> usize {
        self.nodes.len() + self.pods_seen + self.node_lists + self.pod_lists
    }

    /// Hands over what else there was and starts counting anew.
    pub(super) fn take_others(&mut self) -> KindsFound {
        std::mem::take(&mut self.others)
    }

    /// Whether nodes were seen, or a list of nodes that says there are none.
    pub(super) fn knows_nodes(&self) -> bool {
        !self.nodes.is_empty() || self.node_lists > 0
    }

    /// How many pods were seen.
    pub(super) fn pods_seen(&self) -> usize {
        self.pods_seen
    }

    /// Hands over what was kept.
    pub(super) fn into_parts(self) -> (Vec<Node>, Vec<Pod>, usize) {
        (self.nodes, self.pods, self.pods_seen)
    }

    /// Hands over the lives of the pods.
    pub(super) fn into_lives(self) -> Vec<PodLife> {
        self.lives.unwrap_or_default()
    }

    /// Makes a snapshot of what was kept.
    pub(super) fn finish(self, observed_at: Timestamp) -> Result<super::Observation, SnapshotError> {
        let snapshot = Snapshot::new(observed_at, self.nodes, self.pods, Vec::new(), self.pods_seen)?;
        let mut warnings = self.warnings;
        warnings.sort_unstable();
        Ok(super::Observation { snapshot, warnings })
    }

    /// Remembers why the reading stops.
    pub(super) fn fail(&mut self, what: &'static str, field: &str, problem: FieldProblem) {
        self.failure = Some(BadField::new(field, problem).of(ObjectName::Unnamed(what)));
    }
}

/// The kinds of objects that are neither nodes nor pods, with their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindsFound(BTreeMap<String, usize>);

impl KindsFound {
    fn add(&mut self, kind: &str) {
        match self.0.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(kind.to_owned(), 1)),
        }
    }
}

/// Writes `3 Secret, 1 Service`, or `nothing`.
impl fmt::Display for KindsFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("nothing");
        }
        for (index, (kind, count)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let kind = if kind.is_empty() { "objects without a kind" } else { kind.as_str() };
            write!(formatter, "{separator}{count} {kind}")?;
        }
        Ok(())
    }
}
