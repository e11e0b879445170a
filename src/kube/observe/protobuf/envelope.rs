//! What the API server writes around every message: `k8s`, a zero byte, and an `Unknown` with the kind and the content.

use super::fields::{BrokenProtobuf, Fields, Value};
use super::object::text_of;

const MAGIC: &[u8] = b"k8s\0";

/// A message, with what it says of itself.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
    pub(super) raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, BrokenProtobuf> {
        let unknown = bytes.strip_prefix(MAGIC).ok_or(BrokenProtobuf::NoMagic)?;
        let mut envelope = Self::default();
        for field in Fields::of(unknown) {
            match field? {
                (1, Value::Bytes(types)) => {
                    for field in Fields::of(types) {
                        match field? {
                            (1, Value::Bytes(version)) => envelope.version = plain(version),
                            (2, Value::Bytes(kind)) => envelope.kind = plain(kind),
                            _ => {}
                        }
                    }
                }
                (2, Value::Bytes(raw)) => envelope.raw = raw,
                (3 | 4, Value::Bytes(encoding)) if !encoding.is_empty() => {
                    return Err(BrokenProtobuf::Encoded);
                }
                _ => {}
            }
        }
        Ok(envelope)
    }
}

/// Where the next page begins, by a list's metadata.
pub(super) fn next_page(metadata: &[u8]) -> Result<Option<String>, BrokenProtobuf> {
    let mut next = None;
    for field in Fields::of(metadata) {
        if let (3, Value::Bytes(token)) = field? {
            next = text_of(token).map(|text| text.as_str().to_owned());
        }
    }
    Ok(next)
}

/// A version or a kind; none of those that are looked for is anything but ASCII.
fn plain(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("a kind that is no text")
}
