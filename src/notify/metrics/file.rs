//! The file of metrics: replaced as a whole, so that the collector never reads half of it.

use std::ffi::OsString;
use std::io;
use std::path::Path;

/// Writes the text beside the file and renames it.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    // The collector reads names that end in .prom; it ignores the temporary file, which has another
    // ending.
    let mut beside: OsString = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        std::fs::remove_file(&beside).ok();
    })
}
