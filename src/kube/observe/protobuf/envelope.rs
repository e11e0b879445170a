//! The envelope of every message of the API server: `k8s`, a zero byte, and an `Unknown` with the kind and the content.

use super::fields::{BrokenProtobuf, Fields, Value};
use super::object::text_of;
use crate::observe::error::ReadProblem;

pub(super) const MAGIC: &[u8] = b"k8s\0";

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
                (1, Value::Bytes(message)) => (envelope.version, envelope.kind) = types(message)?,
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

/// The version and the kind of a message, kept while it comes in.
#[derive(Debug, Default)]
pub(super) struct Types {
    version: String,
    kind: String,
}

impl Types {
    pub(super) fn of(message: &[u8]) -> Result<Self, BrokenProtobuf> {
        let (version, kind) = types(message)?;
        Ok(Self { version: version.to_owned(), kind: kind.to_owned() })
    }

    /// Checks the kind.
    pub(super) fn expect(&self, expected: &'static str) -> Result<(), ReadProblem> {
        must_be(expected, &self.version, &self.kind)
    }
}

/// Checks what a message says of itself.
pub(super) fn must_be(expected: &'static str, version: &str, kind: &str) -> Result<(), ReadProblem> {
    if kind == expected && version == "v1" {
        return Ok(());
    }
    let group = Some(version).filter(|version| *version != "v1" && !version.is_empty());
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    let found = kind.map(|kind| group.map_or_else(|| kind.to_owned(), |group| format!("{group} {kind}")));
    Err(ReadProblem::OtherAnswer { found, expected })
}

fn types(message: &[u8]) -> Result<(&str, &str), BrokenProtobuf> {
    let (mut of_version, mut of_kind) = ("", "");
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(version)) => of_version = plain(version),
            (2, Value::Bytes(kind)) => of_kind = plain(kind),
            _ => {}
        }
    }
    Ok((of_version, of_kind))
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

/// The text of a version or a kind. Every version and kind that this program reads is ASCII.
fn plain(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("a kind that is no text")
}
