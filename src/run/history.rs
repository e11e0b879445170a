//! Reads the history of foresight from a file.

use std::ffi::OsStr;
use std::sync::Arc;

use kube_rebalancer_core::model::History;
use kube_rebalancer_history::{BadHistory, LONGEST, decode};

use super::file;
use crate::error::{Ending, Failure};

/// Reads a history from a file, if one is named.
pub(super) fn read(file: Option<&OsStr>) -> Result<Option<Arc<History>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let name = || file.to_string_lossy().into_owned();
    let history = decode(&String::from_utf8_lossy(&file::of_flag(file, LONGEST)?));
    let history =
        history.map_err(|source| Failure::new(Ending::NotObserved, NoHistory { name: name(), source }))?;
    Ok(Some(Arc::new(history)))
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: it is no history")]
struct NoHistory {
    name: String,
    source: BadHistory,
}
