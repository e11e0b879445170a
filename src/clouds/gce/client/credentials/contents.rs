//! Reads files up to a bound.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Maximum number of bytes of a file.
const LONGEST: u64 = 1 << 20;

/// The reason why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Io(String, io::Error),
    /// It is too long.
    #[error("{0} is longer than {LONGEST} bytes")]
    TooLong(String),
    /// The thread that reads it ends early.
    #[error("{0} was not read to its end")]
    Left(String),
}

/// The text of a file. It may be a pipe: this may block.
pub(super) fn of_file(path: &Path) -> Result<String, Unread> {
    let shown = || path.display().to_string();
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(LONGEST.saturating_add(1)).read_to_string(&mut text));
    let length = read.map_err(|error| Unread::Io(shown(), error))?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
        return Err(Unread::TooLong(shown()));
    }
    Ok(text)
}
