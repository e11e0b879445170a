//! The deletions that were requested of Magnum, stored in an annotation of the Lease before the request. A driver that
//! ignores the names deletes other servers, and the named ones stay: a later run sees that here, and requests no more.

use jiff::Timestamp;
use kube_rebalancer_ports::words::clean;
use kube_rebalancer_ports::{PortError, SharedNotes};
use serde::{Deserialize, Serialize};

/// The key of the note.
pub(super) const KEY: &str = "kube-rebalancer/magnum-deletions";

/// A requested deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::provider) struct Asked {
    /// The group.
    pub(super) group: String,
    /// The server's ID.
    pub(super) server: String,
    /// The time of the request.
    pub(super) at: Timestamp,
}

/// Reads the notes. A note that cannot be read is an error: it may be the one that forbids a deletion.
pub(super) async fn read(notes: Option<&SharedNotes>) -> Result<Vec<Asked>, PortError> {
    let Some(notes) = notes else { return Ok(Vec::new()) };
    let Some(text) = notes.read(KEY).await? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|error| {
        let why = clean(&error.to_string());
        PortError(format!("annotation {KEY} of the Lease is not understood: {why}; {}", notes.removal(KEY)))
    })
}

/// Writes the notes.
pub(super) async fn write(notes: Option<&SharedNotes>, all: &[Asked]) -> Result<(), PortError> {
    let Some(notes) = notes else { return Ok(()) };
    let text = serde_json::to_string(all).map_err(|error| PortError(error.to_string()))?;
    notes.write(KEY, (!all.is_empty()).then_some(text.as_str())).await
}
