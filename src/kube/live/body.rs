//! The body of an answer, as far as it is read. An answer need not end: every one has a bound.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use kube::client::Body;

/// Maximum number of bytes of an answer. A page of 500 pods has some five million.
pub(super) const LONGEST: usize = 64 << 20;
/// Maximum number of bytes of an answer that reports a failure; the rest is not read.
const LONGEST_FAILURE: usize = 64 << 10;

/// The answer is longer than it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// The text of an answer, if it is no longer than `most` bytes. What the server says of its length beforehand saves the
/// reading, and never sizes an allocation.
pub(super) async fn whole(
    mut body: Body,
    headers: &HeaderMap,
    most: usize,
) -> Result<Result<String, TooLong>, kube::Error> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
        return Ok(Err(TooLong));
    }
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if read.len().saturating_add(data.len()) > most {
            return Ok(Err(TooLong));
        }
        read.extend_from_slice(&data);
    }
    Ok(Ok(text(read)))
}

/// The beginning of an answer: enough for the server's words.
pub(super) async fn beginning(mut body: Body) -> Result<String, kube::Error> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = LONGEST_FAILURE.saturating_sub(read.len());
        read.extend(data.iter().take(room));
        if read.len() == LONGEST_FAILURE {
            break;
        }
    }
    Ok(text(read))
}

/// The same bytes as text, without a copy where they are text.
fn text(read: Vec<u8>) -> String {
    String::from_utf8(read).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
