//! The report for programs: `kube-rebalancer/plan/v2`, and the JSON Schema that describes it.
//!
//! The types in `document` are the format. They are separate from the plan's own types, so that a change of the planner
//! cannot change the output unnoticed: `plan.v2.schema.json` is generated from them, checked in, and compared by a test.
//! Fields and reason words may be added to version 2; none is renamed, removed or given another meaning.

mod build;
mod document;
#[cfg(test)]
mod tests;
mod values;

use std::io::{self, Write};

use kube_rebalancer_core::plan::Plan;
use kube_rebalancer_page::json::write_document;
use schemars::generate::SchemaSettings;

use super::Facts;

/// Writes the report of a plan, indented, ending with a newline.
pub fn write(out: &mut dyn Write, plan: &Plan, facts: &Facts<'_>) -> io::Result<()> {
    write_document(out, &build::document(plan, facts))
}

/// Writes the reason for a missing plan, as the same kind of document.
pub fn write_refusal(
    out: &mut dyn Write,
    reason: &'static str,
    message: String,
    facts: &Facts<'_>,
) -> io::Result<()> {
    write_document(out, &build::refusal(reason, message, facts))
}

/// The report of a plan on one line, for a log that takes at most `longest` bytes a line. If the report is longer, its list
/// of nodes, which grows with the cluster, stays empty. Returns the number of nodes left out, too.
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
