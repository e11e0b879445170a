//! Reads a list as a whole while it arrives, from servers that stream lists.
//!
//! From Kubernetes 1.33 on, a server encodes a list object by object (`StreamingCollectionEncodingToProtobuf`), and since
//! 1.31 it answers from its cache once that is as new as its store (`ConsistentListFromCache`): one request without
//! `limit` costs it less than all the pages. No resource version is named, so that the answer is the most recent one, as the
//! API documents it, and all of it is of one moment, as the pages of a list are. An older server would hold the answer in
//! memory, and gets pages.
//!
//! ```text
//!   connection --> pieces --> another thread: decompressed, read object by object
//! ```
//!
//! This is tried once in a run. After any failure, the list is requested in pages, which have retries and error messages.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::write::GzDecoder;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::sync::{OnceCell, mpsc};

use super::Live;
use super::body::is_compressed;
use super::call::{Call, CallError, Pieces};
use crate::observe::{Asked, Encoding, Incoming, ReadProblem, Reading};
use kube_rebalancer_ports::chain;

/// The first minor version of Kubernetes 1 from which whole lists are requested.
const FIRST: u32 = 33;
/// Number of pieces between the connection and the reader. A fast connection makes pieces of up to 400 KiB, so that more of
/// them would cost more memory than all nodes.
const UNDER_WAY: usize = 4;

/// The facts about the server's lists.
#[derive(Debug, Default)]
pub(super) struct WholeLists {
    /// Whether its version streams lists.
    is_new: OnceCell<bool>,
    has_failed: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum WholeError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer is not in protobuf")]
    Encoding,
    #[error("the answer broke off: {0}")]
    Broken(String),
    #[error("{}", chain(.0))]
    Read(#[from] ReadProblem),
    #[error("the answer cannot be decompressed: {0}")]
    Compressed(io::Error),
    #[error("the reader of a list broke down")]
    Reader,
}

impl Live {
    /// The list as a whole; `None` if it must be requested in pages.
    pub(super) async fn whole(&self, path: &str, selector: &str, asked: Asked) -> Option<Reading> {
        if self.lists.has_failed.load(Ordering::Relaxed)
            || !*self.lists.is_new.get_or_init(|| self.is_new()).await
        {
            return None;
        }
        match self.whole_list(path, selector, asked).await {
            Ok(reading) => Some(reading),
            Err(error) => {
                self.lists.has_failed.store(true, Ordering::Relaxed);
                log::info!("the list of {path} is requested in pages: {error}");
                None
            }
        }
    }

    /// Whether whole lists are requested from the server. A server without a version gets pages.
    async fn is_new(&self) -> bool {
        #[derive(Deserialize)]
        struct Version {
            major: String,
            minor: String,
        }
        let answer = self.server.call(&Call::get("/version").once().soon()).await;
        let version = answer.ok().and_then(|text| serde_json::from_str::<Version>(&text).ok());
        version.is_some_and(|Version { major, minor }| is_new(&major, &minor))
    }

    async fn whole_list(&self, path: &str, selector: &str, asked: Asked) -> Result<Reading, WholeError> {
        let query = selector.trim_start_matches('&');
        let call = Call::get(format!("{path}?{query}")).in_encoding(Encoding::Protobuf).compressed();
        let Pieces { headers, encoding, mut body } = self.server.pieces(&call).await?;
        if encoding != Encoding::Protobuf {
            return Err(WholeError::Encoding);
        }
        let list = self.reading().coming(asked);
        let (to_reader, pieces) = mpsc::channel(UNDER_WAY);
        let compressed = is_compressed(&headers);
        let reader = tokio::task::spawn_blocking(move || read(pieces, list, compressed));
        while let Some(frame) = self.server.in_time(body.frame()).await.map_err(WholeError::Broken)? {
            let frame = frame.map_err(|error| WholeError::Broken(error.to_string()))?;
            let Ok(piece) = frame.into_data() else { continue };
            if to_reader.send(piece).await.is_err() {
                break; // What it could not read is its answer.
            }
        }
        drop(to_reader);
        let reading = reader.await.unwrap_or(Err(WholeError::Reader))?;
        log::debug!("the list of {path} arrived as a whole{}", if compressed { ", compressed" } else { "" });
        Ok(reading)
    }
}

/// Whether whole lists are requested from a server of this version: `1` and `33`, which some clouds write `33+`.
fn is_new(major: &str, minor: &str) -> bool {
    let digits = minor.trim_end_matches(|character: char| !character.is_ascii_digit());
    major == "1" && digits.parse().is_ok_and(|minor: u32| minor >= FIRST)
}

/// Reads the pieces until there are no more.
fn read<P: AsRef<[u8]>>(
    mut pieces: mpsc::Receiver<P>,
    list: Incoming,
    compressed: bool,
) -> Result<Reading, WholeError> {
    let reader = Reader { list, failure: None };
    if compressed {
        let mut decoder = GzDecoder::new(reader);
        while let Some(piece) = pieces.blocking_recv() {
            if let Err(error) = decoder.write_all(piece.as_ref()) {
                let failure = decoder.get_mut().failure.take();
                return Err(failure.map_or(WholeError::Compressed(error), WholeError::Read));
            }
        }
        let Reader { list, .. } = decoder.finish().map_err(WholeError::Compressed)?;
        return Ok(list.finish()?);
    }
    let Reader { mut list, .. } = reader;
    while let Some(piece) = pieces.blocking_recv() {
        list.add(piece.as_ref())?;
    }
    Ok(list.finish()?)
}

/// Parses decompressed bytes at once.
#[derive(Debug)]
struct Reader {
    list: Incoming,
    /// The error that stopped the reading, stored here because the decoder's own error can only carry text.
    failure: Option<ReadProblem>,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.list.add(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(problem) => {
                self.failure = Some(problem);
                Err(io::Error::other("the list cannot be read"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_unknown_versions_get_pages() {
        for (major, minor, expected) in [
            ("1", "33", true),
            ("1", "33+", true),
            ("1", "37", true),
            ("1", "32+", false),
            ("1", "9", false),
            ("1", "", false),
            ("1", "new", false),
            ("2", "40", false),
        ] {
            assert_eq!(is_new(major, minor), expected, "{major}.{minor}");
        }
    }
}
