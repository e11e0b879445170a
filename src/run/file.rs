//! Reads files that people name, within a bound, so that an endless device cannot fill the memory.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::{Ending, Failure};

/// Reads a file that a flag names. A longer file ends one byte after `longest` bytes, so that its reader refuses it.
pub(super) fn of_flag(file: &OsStr, longest: usize) -> Result<Vec<u8>, Failure> {
    let name = || file.to_string_lossy().into_owned();
    read(file, longest).map_err(|source| Failure::new(Ending::NotObserved, NotRead { name: name(), source }))
}

/// Reads a file. A longer file ends one byte after `longest` bytes, so that its reader refuses it.
pub(super) fn read(file: impl AsRef<Path>, longest: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: cannot be read")]
struct NotRead {
    name: String,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    #[cfg(unix)]
    fn one_byte_too_many_is_read_of_what_never_ends() {
        assert_eq!(read("/dev/zero", 3).unwrap(), [0; 4]);
        assert_eq!(read("/dev/null", 3).unwrap(), Vec::<u8>::new());
        assert!(read("/dev/null/none", 3).is_err());
    }
}
