//! Objects in JSON as an API server writes them in protobuf, for servers of tests and of benchmarks.
//!
//! The names and numbers of fields are in a table, so that this crate is independent of the reader under test. A
//! field that the table lacks is a panic: a test must not silently omit a field.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that writes something else than it means should stop"
)]

mod schema;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The media type of what [`message`] and [`list`] write.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

type Fields = BTreeMap<&'static str, (u64, &'static str)>;

/// The fields of each message.
static MESSAGES: LazyLock<BTreeMap<&'static str, Fields>> = LazyLock::new(|| {
    let lines = schema::MESSAGES.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (message, fields) = line.split_once(' ').unwrap_or((line, ""));
            (message, fields.split_whitespace().map(field).collect())
        })
        .collect()
});

fn field(text: &'static str) -> (&'static str, (u64, &'static str)) {
    let (name, rest) = text.split_once('=').expect("a field has a number");
    let (number, kind) = rest.split_once(':').unwrap_or((rest, "string"));
    (name, (number.parse().expect("a number"), kind))
}

/// A list, a `Status` or an object, with the kind that it says itself.
#[must_use]
pub fn message(object: &Value) -> Vec<u8> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind");
    let raw = match (kind.strip_suffix("List"), object.get("items").and_then(Value::as_array)) {
        (Some(item), Some(items)) => {
            let items: Vec<Vec<u8>> = items.iter().map(|one| bare(item, one)).collect();
            list_content(object.get("metadata").unwrap_or(&Value::Null), items.iter().map(Vec::as_slice))
        }
        _ => bare(kind, object),
    };
    enveloped(text("apiVersion"), kind, &raw)
}

/// An object that was written before with [`bare`], as an item of a list.
#[must_use]
pub fn item(object: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_bytes(2, object, &mut bytes);
    bytes
}

/// A list of [items](item) that were written one after the other.
#[must_use]
pub fn list_of_items(kind: &str, metadata: &Value, items: &[u8]) -> Vec<u8> {
    let raw = [list_content(metadata, std::iter::empty()).as_slice(), items].concat();
    enveloped("v1", kind, &raw)
}

/// The beginning and the end of a list whose [items](item) take `bytes` bytes, to be sent between them.
#[must_use]
pub fn around_items(kind: &str, metadata: &Value, bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let content = list_content(metadata, std::iter::empty());
    let mut head = enveloped("v1", kind, b"");
    // After the kind follow the empty content and the two empty fields of the end: two bytes each.
    let end = head.split_off(head.len() - 4);
    head.truncate(head.len() - 1);
    write_length(content.len() + bytes, &mut head);
    head.extend_from_slice(&content);
    (head, end)
}

/// A list of objects that were written before with [`bare`].
#[must_use]
pub fn list<'a>(kind: &str, metadata: &Value, items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    enveloped("v1", kind, &list_content(metadata, items))
}

/// An object without kind and version, which lists leave out.
#[must_use]
pub fn bare(kind: &str, object: &Value) -> Vec<u8> {
    let mut fields = object.as_object().cloned().unwrap_or_default();
    fields.remove("kind");
    fields.remove("apiVersion");
    let mut bytes = Vec::new();
    write_message(kind, &fields, &mut bytes);
    bytes
}

/// A message as the server sends it.
#[must_use]
pub fn enveloped(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    write_bytes(1, version.as_bytes(), &mut types);
    write_bytes(2, kind.as_bytes(), &mut types);
    let mut bytes = b"k8s\0".to_vec();
    write_bytes(1, &types, &mut bytes);
    write_bytes(2, raw, &mut bytes);
    // The server writes these two although they are empty.
    write_bytes(3, b"", &mut bytes);
    write_bytes(4, b"", &mut bytes);
    bytes
}

fn list_content<'a>(metadata: &Value, items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut raw = Vec::new();
    write_bytes(1, &bare("ListMeta", metadata), &mut raw);
    for item in items {
        write_bytes(2, item, &mut raw);
    }
    raw
}

fn write_message(name: &str, object: &Map<String, Value>, bytes: &mut Vec<u8>) {
    let fields = MESSAGES.get(name).unwrap_or_else(|| panic!("the table has no message {name}"));
    let inner = fields.get("*").copied();
    let of_inner = inner.and_then(|(_, kind)| MESSAGES.get(kind));
    let mut of_the_inner = Map::new();
    let mut written: Vec<(u64, &str, &Value)> = Vec::new();
    for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        if let Some((number, kind)) = fields.get(key.as_str()) {
            written.push((*number, kind, value));
        } else if of_inner.is_some_and(|inner| inner.contains_key(key.as_str())) {
            of_the_inner.insert(key.clone(), value.clone());
        } else {
            panic!("the table has no field {key} in {name}");
        }
    }
    written.sort_by_key(|(number, ..)| *number);
    for (number, kind, value) in written {
        write_field(number, kind, value, bytes);
    }
    if let Some((number, kind)) = inner {
        write_field(number, kind, &Value::Object(of_the_inner), bytes);
    }
}

fn write_field(number: u64, kind: &str, value: &Value, bytes: &mut Vec<u8>) {
    if let Value::Array(values) = value {
        return values.iter().for_each(|value| write_field(number, kind, value, bytes));
    }
    if let Some(kind) = kind.strip_prefix('{').and_then(|kind| kind.strip_suffix('}')) {
        for (key, value) in value.as_object().expect("a map") {
            let mut entry = Vec::new();
            write_bytes(1, key.as_bytes(), &mut entry);
            write_field(2, kind, value, &mut entry);
            write_bytes(number, &entry, bytes);
        }
        return;
    }
    let mut content = Vec::new();
    match kind {
        "string" => content = value.as_str().expect("a text").as_bytes().to_vec(),
        "bool" | "int" => {
            let number_written = value.as_bool().map(i64::from).or(value.as_i64()).expect("a whole number");
            write_number(number << 3, bytes);
            return write_number(number_written.cast_unsigned(), bytes);
        }
        "Quantity" => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            write_bytes(1, text.as_bytes(), &mut content);
        }
        "Raw" => write_bytes(1, value.to_string().as_bytes(), &mut content),
        "Time" => {
            let time: Timestamp = value.as_str().expect("a time").parse().expect("a time");
            write_number(1 << 3, &mut content);
            write_number(time.as_second().cast_unsigned(), &mut content);
            write_number(2 << 3, &mut content);
            write_number(0, &mut content);
        }
        message => write_message(message, value.as_object().expect("an object"), &mut content),
    }
    write_bytes(number, &content, bytes);
}

fn write_bytes(number: u64, content: &[u8], bytes: &mut Vec<u8>) {
    write_number(number << 3 | 2, bytes);
    write_length(content.len(), bytes);
    bytes.extend_from_slice(content);
}

fn write_length(length: usize, bytes: &mut Vec<u8>) {
    write_number(u64::try_from(length).expect("a length"), bytes);
}

fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_written_field_by_field() {
        let node = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "labels": {"a": "b"}},
            "spec": {"unschedulable": true}, "status": {"capacity": {"cpu": 4}}});
        let bytes = message(&node);
        assert!(bytes.starts_with(b"k8s\0\x0a\x0a\x0a\x02v1\x12\x04Node\x12"), "{bytes:x?}");
        let raw = bare("Node", &node);
        let written = [
            b"\x0a\x0c\x0a\x02n1\x5a\x06\x0a\x01a\x12\x01b".as_slice(),
            b"\x12\x02\x20\x01",
            b"\x1a\x0c\x0a\x0a\x0a\x03cpu\x12\x03\x0a\x014",
        ];
        assert_eq!(raw, written.concat());
    }

    #[test]
    fn a_volume_holds_its_source_in_a_message_of_its_own() {
        let volume = json!({"name": "v", "emptyDir": {"medium": "Memory"}});
        let mut bytes = Vec::new();
        write_message("Volume", volume.as_object().expect("an object"), &mut bytes);
        assert_eq!(bytes, b"\x0a\x01v\x12\x0a\x12\x08\x0a\x06Memory");
    }

    #[test]
    #[should_panic(expected = "the table has no field priorty in PodSpec")]
    fn what_the_table_lacks_is_not_left_out_in_silence() {
        drop(message(&json!({"kind": "Pod", "apiVersion": "v1", "spec": {"priorty": 1}})));
    }

    #[test]
    fn every_type_in_the_table_is_there() {
        let known = ["string", "bool", "int", "Quantity", "Raw", "Time"];
        for (message, fields) in &*MESSAGES {
            for (_, kind) in fields.values() {
                let kind = kind.trim_matches(['{', '}']);
                assert!(known.contains(&kind) || MESSAGES.contains_key(kind), "{kind} in {message}");
            }
        }
    }
}
