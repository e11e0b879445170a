//! The common parts of nodes and pods: metadata, amounts, times, requirements on labels.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::Stay;

use super::fields::{BrokenProtobuf, Fields, Value};
use crate::observe::raw::{
    Amount, Amounts, Annotations, Metadata, NodeSelector, Object, Owner, Requirement, Spec, Status, Term,
    Text, Time,
};

/// A text. One that is no UTF-8 is changed where it is not, as the server does when it writes JSON.
pub(super) fn text(bytes: &[u8]) -> Text<'_> {
    Text(lossy(bytes))
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all of it is UTF-8, which this finds out faster than what repairs the rest.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A text that is absent if it is empty: the server writes empty texts where JSON has none.
pub(super) fn text_of(bytes: &[u8]) -> Option<Text<'_>> {
    (!bytes.is_empty()).then(|| text(bytes))
}

/// A name that only a comparison needs.
pub(super) fn name(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A moment; none for the empty message that the server writes for a time that was never set.
pub(super) fn time(message: &[u8]) -> Result<Option<Time<'_>>, BrokenProtobuf> {
    let mut seconds = 0;
    for field in Fields::of(message) {
        if let (1, Value::Number(number)) = field? {
            seconds = number.cast_signed();
        }
    }
    Ok((!message.is_empty()).then_some(Time::Seconds(seconds)))
}

/// The key and the value of an entry of a map.
pub(super) fn entry(message: &[u8]) -> Result<(&[u8], &[u8]), BrokenProtobuf> {
    let (mut key, mut value): (&[u8], &[u8]) = (b"", b"");
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => key = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Adds an entry to a node selector.
pub(super) fn label<'a>(
    message: &'a [u8],
    labels: &mut BTreeMap<Text<'a>, Text<'a>>,
) -> Result<(), BrokenProtobuf> {
    let (key, value) = entry(message)?;
    labels.insert(text(key), text(value));
    Ok(())
}

/// Adds an entry to amounts.
pub(super) fn amount<'a>(message: &'a [u8], amounts: &mut Amounts<'a>) -> Result<(), BrokenProtobuf> {
    let (key, quantity) = entry(message)?;
    let mut written: &[u8] = b"";
    for field in Fields::of(quantity) {
        if let (1, Value::Bytes(bytes)) = field? {
            written = bytes;
        }
    }
    let amount = Amount(lossy(written));
    match key {
        b"cpu" => amounts.cpu = Some(amount),
        b"memory" => amounts.memory = Some(amount),
        b"pods" => amounts.pods = Some(amount),
        other => drop(amounts.further.insert(text(other), amount)),
    }
    Ok(())
}

/// The keys of labels to keep; all of them if that is not said.
pub(super) type LabelKeys<'k> = Option<&'k BTreeSet<String>>;

/// Adds what a part of a message says to what is known.
type Part<'a, T> = fn(&'a [u8], &mut T) -> Result<(), BrokenProtobuf>;

/// A node or a pod: both have metadata, spec and status under the same numbers.
pub(super) fn object<'a>(
    message: &'a [u8],
    keys: LabelKeys<'_>,
    spec: Part<'a, Spec<'a>>,
    status: Part<'a, Status<'a>>,
) -> Result<Object<'a>, BrokenProtobuf> {
    let mut object = Object::default();
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => metadata(bytes, keys, &mut object.metadata)?,
            (2, Value::Bytes(bytes)) => spec(bytes, &mut object.spec)?,
            (3, Value::Bytes(bytes)) => status(bytes, &mut object.status)?,
            _ => {}
        }
    }
    Ok(object)
}

/// Adds what a message says to metadata.
fn metadata<'a>(
    message: &'a [u8],
    keys: LabelKeys<'_>,
    metadata: &mut Metadata<'a>,
) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => metadata.name = text_of(bytes),
            3 => metadata.namespace = text_of(bytes),
            5 => metadata.uid = text_of(bytes),
            6 => metadata.resource_version = text_of(bytes),
            8 => metadata.creation_timestamp = time(bytes)?,
            // With any value, the object is being deleted.
            9 => metadata.deletion_timestamp = Some(time(bytes)?.unwrap_or(Time::Seconds(0))),
            11 => {
                let (key, value) = entry(bytes)?;
                let key = text(key);
                let stay = || Stay::of_key(key.as_str()).is_some();
                if keys.is_none_or(|keys| keys.contains(key.as_str()) || stay()) {
                    metadata.labels.insert(key, text(value));
                }
            }
            12 => annotation(bytes, &mut metadata.annotations)?,
            13 => metadata.owner_references.push(owner(bytes)?),
            _ => {}
        }
    }
    Ok(())
}

fn annotation<'a>(message: &'a [u8], annotations: &mut Annotations<'a>) -> Result<(), BrokenProtobuf> {
    let (key, value) = entry(message)?;
    if Annotations::is_read(name(key)) {
        annotations.insert(text(key), text(value));
    }
    Ok(())
}

fn owner(message: &[u8]) -> Result<Owner<'_>, BrokenProtobuf> {
    let mut owner = Owner::default();
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => owner.kind = text_of(bytes),
            (3, Value::Bytes(bytes)) => owner.name = text_of(bytes),
            (4, Value::Bytes(bytes)) => owner.uid = text_of(bytes),
            (5, Value::Bytes(bytes)) => owner.api_version = text_of(bytes),
            (6, Value::Number(number)) => owner.controller = Some(number != 0),
            _ => {}
        }
    }
    Ok(owner)
}

/// Adds what a message says to a node selector of an affinity.
pub(super) fn node_selector<'a>(
    message: &'a [u8],
    selector: &mut NodeSelector<'a>,
) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        let (1, Value::Bytes(bytes)) = field? else { continue };
        let mut term = Term::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Bytes(bytes)) => term.match_expressions.push(requirement(bytes)?),
                (2, Value::Bytes(bytes)) => term.match_fields.push(requirement(bytes)?),
                _ => {}
            }
        }
        selector.node_selector_terms.push(term);
    }
    Ok(())
}

fn requirement(message: &[u8]) -> Result<Requirement<'_>, BrokenProtobuf> {
    let mut requirement = Requirement::default();
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => requirement.key = text(bytes),
            (2, Value::Bytes(bytes)) => requirement.operator = text(bytes),
            (3, Value::Bytes(bytes)) => requirement.values.push(text(bytes)),
            _ => {}
        }
    }
    Ok(requirement)
}
