//! The growth that was requested of `EXEC_GROW` and may not be listed yet: stored in an annotation of the Lease before the
//! command starts.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_ports::words::clean;
use kube_rebalancer_ports::{PortError, SharedNotes};
use serde::{Deserialize, Serialize};

/// The key of the note.
pub(crate) const KEY: &str = "kube-rebalancer/exec-growth";

/// A requested growth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) group: String,
    pub(crate) count: u32,
    pub(crate) at: Timestamp,
}

/// The notes that still count: younger than the grace. A note that cannot be read is an error: it may be about growth that is
/// still coming, which must not be requested twice.
pub(crate) async fn read(
    notes: Option<&SharedNotes>,
    now: Timestamp,
    grace: SignedDuration,
) -> Result<Vec<Asked>, PortError> {
    let Some(notes) = notes else { return Ok(Vec::new()) };
    let Some(text) = notes.read(KEY).await? else { return Ok(Vec::new()) };
    let all: Vec<Asked> = serde_json::from_str(&text).map_err(|error| {
        let why = clean(&error.to_string());
        PortError(format!(
            "annotation {KEY} of the Lease is not understood: {why}; once no EXEC_GROW works any more, {}",
            notes.removal(KEY)
        ))
    })?;
    let counts = |asked: &Asked| now.duration_since(asked.at) < grace && asked.at.duration_since(now) < grace;
    Ok(all.into_iter().filter(counts).collect())
}

/// Writes the notes.
pub(crate) async fn write(notes: Option<&SharedNotes>, all: &[Asked]) -> Result<(), PortError> {
    let Some(notes) = notes else { return Ok(()) };
    let text = serde_json::to_string(all).map_err(|error| PortError(error.to_string()))?;
    notes.write(KEY, (!all.is_empty()).then_some(text.as_str())).await
}
