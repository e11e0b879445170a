//! JSON documents: ASCII, decimals without float arithmetic, settings in order.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::Setting;

/// Writes any document, indented, in ASCII, ending with a newline.
pub fn write_document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(document)?;
    out.write_all(ascii(&json).as_bytes())?;
    out.write_all(b"\n")
}

/// A ratio in parts per million, written as a number: 412,000 as `0.412`.
///
/// It is put together as decimal text and only then read as a float: the shortest text of the nearest float to a
/// decimal of so few digits is that decimal again, so programs see exactly the digits of the decision.
#[derive(Clone, Copy, Debug)]
pub struct Decimal(pub u128);

impl Decimal {
    const ONE: u128 = 1_000_000;
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:06}", self.0 / Self::ONE, self.0 % Self::ONE);
        let number: f64 = text.parse().map_err(S::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Decimal")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// An object with a field for each setting, in the order in which they are given.
pub fn settings<S: Serializer>(settings: &[Setting<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|setting| (setting.name, &setting.json)))
}

/// Replaces all but printable ASCII by JSON's own escapes. Outside of strings JSON has none, so the value is the same;
/// but a name with control characters is harmless when the output is printed to a terminal.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || character == ' ' || character.is_ascii_graphic() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _: Result<(), std::fmt::Error> = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}
