//! Reads a list of nodes or pods that the API server wrote as protobuf (`application/vnd.kubernetes.protobuf`).
//!
//! ```text
//!   bytes --> fields (number, value) --> raw: an object that borrows from the page --> collector
//! ```
//!
//! The decoder reads only the fields that the program uses and skips all others by their length, so that its depth does
//! not depend on the message. The field numbers come from `generated.proto` of `k8s.io/api/core/v1` and of
//! `k8s.io/apimachinery`.

mod envelope;
mod fields;
mod node;
mod object;
mod pod;
mod stream;

#[cfg(test)]
mod tests;

use super::collector::{Collector, Kind};
use super::error::ReadProblem;
use super::raw::Object;
use envelope::Envelope;
pub use fields::BrokenProtobuf;
use fields::{Fields, Value};
pub(super) use stream::ListStream;

/// Reads a page into the collector. Returns where the next one begins, if there is one.
pub(super) fn read_page(
    bytes: &[u8],
    expected: &'static str,
    item: Kind,
    collector: &mut Collector,
) -> Result<Option<String>, ReadProblem> {
    let list = Envelope::of(bytes)?;
    envelope::must_be(expected, list.version, list.kind)?;
    let mut next = None;
    for field in Fields::of(list.raw) {
        match field? {
            (1, Value::Bytes(metadata)) => next = envelope::next_page(metadata)?,
            (2, Value::Bytes(bytes)) => read_item(bytes, item, collector)?,
            _ => {}
        }
    }
    collector.list(expected, None).map_err(|error| ReadProblem::Object(Box::new(error)))?;
    Ok(next)
}

fn read_item(bytes: &[u8], item: Kind, collector: &mut Collector) -> Result<(), ReadProblem> {
    let object = match item {
        Kind::Node => node::node(bytes)?,
        Kind::Pod => pod::pod(bytes, collector.label_keys().as_deref())?,
        Kind::Claim | Kind::Volume | Kind::Other => Object::default(),
    };
    collector.take(item, &object).map_err(|error| ReadProblem::Object(Box::new(error)))
}

/// Where the page after this one begins, as far as that can be seen without reading its objects.
pub(super) fn next_page(bytes: &[u8]) -> Option<String> {
    let list = Envelope::of(bytes).ok()?;
    // The server writes the list's metadata before its items.
    match Fields::of(list.raw).next()?.ok()? {
        (1, Value::Bytes(metadata)) => envelope::next_page(metadata).ok()?,
        _ => None,
    }
}

/// The server's words for a failure, if that is what the bytes are.
pub(crate) fn status_message(bytes: &[u8]) -> Option<String> {
    let status = Envelope::of(bytes).ok().filter(|status| status.kind == "Status")?;
    let message = Fields::of(status.raw).map_while(Result::ok).find_map(|field| match field {
        (3, Value::Bytes(message)) => Some(message),
        _ => None,
    });
    message.map(|message| String::from_utf8_lossy(message).into_owned())
}
