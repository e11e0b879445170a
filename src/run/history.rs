//! What foresight learns from, out of a file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use kube_rebalancer_core::model::History;
use kube_rebalancer_history::{BadHistory, LONGEST, decode};

use crate::error::{Ending, Failure};

/// Reads a history from a file, if one is named.
pub(super) fn read(file: Option<&OsStr>) -> Result<Option<Arc<History>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let name = || file.to_string_lossy().into_owned();
    let mut text = String::new();
    // One byte more than the longest shows that it is too long.
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(file).and_then(|file| file.take(most).read_to_string(&mut text));
    read.map_err(|source| Failure::new(Ending::NotObserved, NotRead { name: name(), source }))?;
    let history = decode(&text);
    let history =
        history.map_err(|source| Failure::new(Ending::NotObserved, NoHistory { name: name(), source }))?;
    Ok(Some(Arc::new(history)))
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: cannot be read")]
struct NotRead {
    name: String,
    source: std::io::Error,
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: it is no history")]
struct NoHistory {
    name: String,
    source: BadHistory,
}
