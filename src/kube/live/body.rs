//! The body of an answer, read up to a bound, because an answer may never end.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::write::GzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt as _;
use kube::client::Body;

/// Maximum number of bytes of an answer. A page of 500 pods has some five million.
pub(super) const LONGEST: usize = 64 << 20;
/// Maximum number of bytes of an answer that holds one object: etcd holds none larger than 1.5 MiB.
pub(super) const LONGEST_OBJECT: usize = 8 << 20;
/// Maximum number of bytes of an answer that reports a failure; the rest is not read.
const LONGEST_FAILURE: usize = 64 << 10;

/// The compression that every API server supports.
pub(super) const GZIP: &str = "gzip";

/// The answer exceeds its bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Number of buffers that are kept for later answers: for one that is parsed, and one that arrives in the meantime.
const SPARE: usize = 2;
/// Maximum size of a kept buffer.
const LARGEST_SPARE: usize = 16 << 20;

/// The memory of parsed answers, reused for later ones: a list of a thousand pages needs the memory of two.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    /// Keeps a buffer whose content is no longer needed.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        let mut spare = self.lock();
        if spare.len() < SPARE && (1..=LARGEST_SPARE).contains(&buffer.capacity()) {
            buffer.clear();
            spare.push(buffer);
        }
    }

    /// Frees the buffers that are kept: after a list, planning needs the memory.
    pub(super) fn free(&self) {
        std::mem::take(&mut *self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of an answer, if it is no longer than `most` bytes. The length that the server announces can end the
/// reading early, but never sizes an allocation.
pub(super) async fn whole(
    mut body: Body,
    headers: &HeaderMap,
    most: usize,
    buffers: &Buffers,
) -> Result<Result<Vec<u8>, TooLong>, kube::Error> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
        return Ok(Err(TooLong));
    }
    let read = Bounded { read: buffers.take(), most };
    if is_compressed(headers) {
        let mut decoder = GzDecoder::new(read);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if let Err(error) = decoder.write_all(&data) {
                return if decoder.get_ref().is_full() { Ok(Err(TooLong)) } else { Err(broken(error)) };
            }
        }
        return Ok(Ok(decoder.finish().map_err(broken)?.read));
    }
    let mut read = read;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if read.write_all(&data).is_err() {
            return Ok(Err(TooLong));
        }
    }
    Ok(Ok(read.read))
}

/// Whether an answer is compressed, by its headers.
pub(super) fn is_compressed(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(GZIP.as_bytes()))
}

/// The error of a damaged compressed answer, which is treated as an incomplete answer.
fn broken(error: io::Error) -> kube::Error {
    kube::Error::Service(error.into())
}

/// Takes decompressed bytes up to a bound.
#[derive(Debug)]
struct Bounded {
    read: Vec<u8>,
    most: usize,
}

impl Bounded {
    /// Whether the bound is exceeded.
    fn is_full(&self) -> bool {
        self.most == 0
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.read.len().saturating_add(bytes.len()) > self.most {
            self.most = 0;
            return Err(io::Error::other("longer than it may be"));
        }
        self.read.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The beginning of an answer: enough for the server's message.
pub(super) async fn beginning(mut body: Body) -> Result<Vec<u8>, kube::Error> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = LONGEST_FAILURE.saturating_sub(read.len());
        read.extend(data.iter().take(room));
        if read.len() == LONGEST_FAILURE {
            break;
        }
    }
    Ok(read)
}

/// The bytes as text, without a copy if they are UTF-8.
pub(super) fn text(read: Vec<u8>) -> String {
    String::from_utf8(read).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_buffers_are_kept_for_later_answers_until_the_list_ends() {
        let buffers = Buffers::default();
        for size in [10, 20, 30] {
            buffers.give_back(Vec::with_capacity(size));
        }
        assert_eq!(buffers.lock().iter().map(Vec::capacity).collect::<Vec<_>>(), [10, 20]);
        assert_eq!(buffers.take().capacity(), 20);
        buffers.free();
        assert_eq!(buffers.take().capacity(), 0);
    }
}
