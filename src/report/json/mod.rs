//! The report for programs: `kube-rebalancer/plan/v1`, and the JSON Schema that describes it.
//!
//! The types in `document` are the format. They are kept apart from the plan's own, so that a change of the planner
//! cannot change what programs read without somebody seeing it: `plan.v1.schema.json` is generated from them, checked
//! in, and compared by a test. Fields and reason words may be added to version 1; none is
//! renamed, removed or given another meaning.

mod build;
mod document;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use std::fmt::Write as _;
use std::io::{self, Write};

use kube_rebalancer_core::plan::Plan;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::Facts;

/// Writes the report of a plan, indented, ending with a newline.
pub fn write(out: &mut dyn Write, plan: &Plan, facts: &Facts<'_>) -> io::Result<()> {
    write_document(out, &build::document(plan, facts))
}

/// Writes any document, indented, in ASCII, ending with a newline.
pub(crate) fn write_document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(document)?;
    out.write_all(ascii(&json).as_bytes())?;
    out.write_all(b"\n")
}

/// The report of a plan on one line, for a log that takes so many bytes. Where it is longer, the list of nodes, which
/// grows with the cluster, stays empty; the number is that of the nodes left out.
pub fn line(plan: &Plan, facts: &Facts<'_>, longest: usize) -> io::Result<(String, usize)> {
    let mut document = build::document(plan, facts);
    let json = serde_json::to_string(&document)?;
    if json.len() <= longest {
        return Ok((json, 0));
    }
    let left_out = std::mem::take(&mut document.nodes).len();
    Ok((serde_json::to_string(&document)?, left_out))
}

/// The JSON Schema (draft 2020-12) of what [`write()`] writes.
#[must_use]
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<document::Document<'_>>().to_value()
}

/// Replaces all but printable ASCII by JSON's own escapes. Outside of strings JSON has none, so the value is the same;
/// but a name with a terminal's control characters does nothing when the output is looked at.
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
