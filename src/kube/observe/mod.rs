//! From what the API server showed, live or in a file, to a [`Snapshot`].
//!
//! ```text
//!   file --> JSON cut into items --> document --> raw --> convert --> model
//!       \--> YAML --------------------^   one object at a time   \--> warnings
//!   live cluster ---------------------'
//! ```
//!
//! Everything but `file` and `json` is free of input and output and does not know where its objects come from.

mod collector;
mod convert;
mod document;
mod error;
mod file;
mod intern;
mod json;
mod life;
mod raw;
mod requests;

use std::io::Read;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Node, Pod, Snapshot};
use serde::Deserialize;

use collector::Collector;
pub use collector::KindsFound;
use document::DocumentError;
pub use error::{FieldProblem, JsonError, ObjectError, ObjectName, ReadError, ReadProblem, ReadWarning};
use kube_rebalancer_ports::Source;
pub use life::read_lives;

/// A cluster as it was observed.
#[derive(Debug)]
pub struct Observation {
    /// The cluster.
    pub snapshot: Snapshot,
    /// What was odd about it, sorted.
    pub warnings: Vec<ReadWarning>,
}

/// What a page says of the list that it is a part of.
#[derive(Debug, Deserialize)]
struct Page {
    metadata: PageMetadata,
}

#[derive(Debug, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
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
    /// Reads a file or standard input.
    pub fn add(&mut self, source: &Source) -> Result<(), ReadError> {
        file::read_source(source, &mut self.collector)
    }

    /// Reads JSON or YAML from anywhere; `name` is for messages.
    pub fn add_input(&mut self, name: &str, input: impl Read) -> Result<(), ReadError> {
        file::read_documents(input, &mut self.collector)
            .map_err(|problem| ReadError::Input { name: name.to_owned(), problem })
    }

    /// Reads one answer of the API: a node, or a page of nodes or pods. Returns where the next page begins, if there is
    /// one.
    pub fn add_answer(&mut self, name: &str, text: &str) -> Result<Option<String>, ReadError> {
        let failed = |problem| ReadError::Input { name: name.to_owned(), problem };
        let mut json = serde_json::Deserializer::from_str(text);
        document::read(&mut json, document::Guesses::default(), &mut self.collector).map_err(|error| {
            failed(match error {
                DocumentError::Format(error) => ReadProblem::Answer(error),
                DocumentError::Object(error) => ReadProblem::Object(Box::new(error)),
            })
        })?;
        let page: Page = serde_json::from_str(text).map_err(|error| failed(ReadProblem::Answer(error)))?;
        Ok(page.metadata.next.filter(|token| !token.is_empty()))
    }

    /// Adds what another one read.
    pub fn absorb(&mut self, other: Self) {
        self.collector.absorb(other.collector);
    }

    /// Hands over what was read, without making a cluster of it: the nodes, the pods, and how many pods were seen.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Node>, Vec<Pod>, usize) {
        self.collector.into_parts()
    }

    /// Makes a snapshot of everything read.
    pub fn finish(self, observed_at: Timestamp) -> Result<Observation, ReadError> {
        if !self.collector.knows_nodes() {
            return Err(ReadError::NoNodes { pods: self.collector.pods_seen() });
        }
        Ok(self.collector.finish(observed_at)?)
    }
}
