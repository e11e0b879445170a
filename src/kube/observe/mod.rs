//! From what the API server showed, live or in a file, to a [`Snapshot`](kube_rebalancer_core::model::Snapshot).
//!
//! ```text
//!   file --> JSON cut into items --> document --> raw --> convert --> model
//!       \--> YAML --------------------^   one object at a time   \--> warnings
//!   live cluster -- JSON -------------'         ^
//!        \--------- protobuf ---> raw -----------'
//! ```
//!
//! Everything but `file` and `json` is free of input and output and does not know where its objects come from.

mod budget;
mod claims;
mod collector;
mod convert;
mod crowds;
mod document;
mod error;
mod examples;
mod file;
mod intern;
mod json;
mod kinds;
mod life;
mod observation;
mod oddities;
mod protobuf;
mod raw;
mod requests;
mod usage;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use kube_rebalancer_core::model::{ClaimKey, Node, Pod, StoredVolume, Volumes};

pub use budget::{LARGEST_SELECTORS, read_budgets};
use collector::{Collector, Kind};
use document::DocumentError;
pub use error::{
    FieldProblem, JsonError, ObjectError, ObjectName, ReadError, ReadProblem, ReadWarning, WarningKind,
};
pub use kinds::KindsFound;
use kube_rebalancer_ports::Source;
pub use life::read_lives;
pub use observation::Observation;
pub use protobuf::BrokenProtobuf;
pub(crate) use protobuf::status_message;
pub use usage::{BadUsage, UsagePage, read_usage};

/// The requested list of a live cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A node.
    Node,
    /// A page of the list of nodes.
    Nodes,
    /// A pod.
    Pod,
    /// A page of the list of pods.
    Pods,
    /// A claim of a pod on a volume.
    Claim,
    /// A volume.
    Volume,
    /// A page of the list of volumes.
    Volumes,
}

impl Asked {
    /// The kind of the right answer.
    fn kind(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Nodes => "NodeList",
            Self::Pod => "Pod",
            Self::Pods => "PodList",
            Self::Claim => "PersistentVolumeClaim",
            Self::Volume => "PersistentVolume",
            Self::Volumes => "PersistentVolumeList",
        }
    }

    /// How many objects of a cluster are read: several times the nodes and pods that any service offers for one, and what
    /// a server that never ends can make a run keep.
    fn most(self) -> usize {
        match self {
            Self::Node | Self::Pod | Self::Claim | Self::Volume => 1,
            Self::Nodes => 100_000,
            Self::Pods | Self::Volumes => 1_000_000,
        }
    }

    /// The kind of the objects in it.
    fn item(self) -> Kind {
        match self {
            Self::Node | Self::Nodes => Kind::Node,
            Self::Pod | Self::Pods => Kind::Pod,
            Self::Claim => Kind::Claim,
            Self::Volume | Self::Volumes => Kind::Volume,
        }
    }
}

/// How a page is written, as its `Content-Type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`, and whatever a proxy calls its own page.
    Json,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

/// The token of the next page, if it can be found without reading the objects: the next page can then be requested meanwhile.
/// The result of [`Reading::add_page`] takes precedence.
#[must_use]
pub fn next_page(page: &[u8], encoding: Encoding) -> Option<String> {
    match encoding {
        Encoding::Json => document::next_page(page),
        Encoding::Protobuf => protobuf::next_page(page),
    }
}

/// Reads a cluster from files that together hold its nodes and pods.
pub fn read(sources: &[Source], observed_at: Timestamp) -> Result<Observation, ReadError> {
    let mut reading = Reading::default();
    for source in sources {
        reading.add(source)?;
    }
    reading.finish(observed_at)
}

/// A cluster that is being read, input by input.
#[derive(Debug, Default)]
pub struct Reading {
    collector: Collector,
}

impl Reading {
    /// One that keeps only these keys of the labels of pods, for a cluster whose users may write any number of them, and counts
    /// the pods that differ in their names alone, but for this program's own.
    pub(crate) fn of_labels(keys: Arc<BTreeSet<String>>, own_pod: Option<(String, String)>) -> Self {
        Self { collector: Collector::of_labels(keys, own_pod) }
    }

    /// Keeps of each pod what an eviction needs to know.
    #[must_use]
    pub(crate) fn with_evictions(mut self) -> Self {
        self.collector.keep_evictions();
        self
    }

    /// Keeps each pod by itself, also where no decision asks for it.
    #[must_use]
    pub(crate) fn with_each_pod(mut self) -> Self {
        self.collector.keep_each();
        self
    }

    /// Reads a file or standard input.
    pub fn add(&mut self, source: &Source) -> Result<(), ReadError> {
        file::read_source(source, &mut self.collector)
    }

    /// Reads JSON or YAML from anywhere; `name` is for messages.
    pub fn add_input(&mut self, name: &str, input: impl Read) -> Result<(), ReadError> {
        file::read_documents(input, &mut self.collector)
            .map_err(|problem| ReadError::Input { name: name.to_owned(), problem })
    }

    /// Reads one answer of the API. Returns where the next page begins, if there is one.
    ///
    /// An answer of another kind is an error: a proxy's page or a failure that is taken for an empty list would make
    /// every node look empty.
    pub fn add_answer(&mut self, name: &str, text: &str, asked: Asked) -> Result<Option<String>, ReadError> {
        let failed = |problem| ReadError::Input { name: name.to_owned(), problem };
        if text.trim_start().starts_with('<') {
            return Err(failed(ReadProblem::Html));
        }
        self.collector.goes_live();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = document::read(&mut json, document::Guesses::default(), &mut self.collector);
        read.map_err(DocumentError::into_answer)
            .and_then(|()| json.end().map_err(ReadProblem::Answer))
            .map_err(failed)?;
        let (kind, next) = self.collector.take_document();
        if kind.as_deref() != Some(asked.kind()) {
            return Err(failed(ReadProblem::OtherAnswer { found: kind, expected: asked.kind() }));
        }
        Ok(next)
    }

    /// Reads one page of a list of nodes or pods, as [`add_answer`](Self::add_answer) does.
    pub fn add_page(
        &mut self,
        name: &str,
        page: &[u8],
        encoding: Encoding,
        asked: Asked,
    ) -> Result<Option<String>, ReadError> {
        let failed = |problem| ReadError::Input { name: name.to_owned(), problem };
        let next = match encoding {
            Encoding::Json => self.add_answer(name, &String::from_utf8_lossy(page), asked)?,
            Encoding::Protobuf => {
                self.collector.goes_live();
                protobuf::read_page(page, asked.kind(), asked.item(), &mut self.collector).map_err(failed)?
            }
        };
        self.collector.has_at_most(asked.item(), asked.most()).map_err(failed)?;
        Ok(next)
    }

    /// Reads a list of nodes or pods in protobuf while it comes in.
    #[must_use]
    pub fn coming(mut self, asked: Asked) -> Incoming {
        self.collector.goes_live();
        Incoming { reading: self, asked, list: protobuf::ListStream::new(asked.kind(), asked.item()) }
    }

    /// Adds what another one read.
    pub fn absorb(&mut self, other: Self) {
        self.collector.absorb(other.collector);
    }

    /// The nodes read so far.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        self.collector.nodes()
    }

    /// Hands over what was read, without making a cluster of it: the nodes, the pods, and how many pods were seen.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Node>, Vec<Pod>, usize) {
        self.collector.into_parts()
    }

    /// Records that a claim of a waiting pod does not exist.
    pub(crate) fn misses_claim(&mut self, claim: ClaimKey) {
        self.collector.misses_claim(claim);
    }

    /// Returns the volumes of all claims read that have one. A claim that a refused one of these pods cannot use has no node.
    #[must_use]
    pub fn into_volumes(self, pods: &[Pod]) -> Volumes {
        self.collector.into_volumes(pods)
    }

    /// Returns the volumes with data that only some nodes can use.
    #[must_use]
    pub fn into_stored_volumes(self) -> Vec<StoredVolume> {
        self.collector.into_stored()
    }

    /// Makes a snapshot of everything read.
    pub fn finish(self, observed_at: Timestamp) -> Result<Observation, ReadError> {
        if !self.collector.knows_nodes() {
            return Err(ReadError::NoNodes { pods: self.collector.pods_seen() });
        }
        Ok(self.collector.finish(observed_at)?)
    }
}

/// A list that is coming in.
#[derive(Debug)]
pub struct Incoming {
    reading: Reading,
    asked: Asked,
    list: protobuf::ListStream,
}

impl Incoming {
    /// Reads the next piece.
    pub fn add(&mut self, piece: &[u8]) -> Result<(), ReadProblem> {
        self.list.add(piece, &mut self.reading.collector)?;
        self.reading.collector.has_at_most(self.asked.item(), self.asked.most())
    }

    /// Ends the list, which must be complete.
    pub fn finish(mut self) -> Result<Reading, ReadProblem> {
        self.list.finish(&mut self.reading.collector)?;
        Ok(self.reading)
    }
}

#[cfg(test)]
mod tests;
