//! The report for programs: `kube-rebalancer/plan/v2`, and the JSON Schema that describes it.
//!
//! The types in `document` and `pool` are the format. They are separate from the plan's own types, so that a change of the planner
//! cannot change the output unnoticed: `plan.v2.schema.json` is generated from them, checked in, and compared by a test.
//! Fields and reason words may be added to version 2; none is renamed, removed or given another meaning.

mod build;
mod document;
mod pool;
#[cfg(test)]
mod tests;
mod values;

use std::io::{self, Write};

use kube_rebalancer_core::plan::Plan;
use kube_rebalancer_page::json::write_document;
use schemars::generate::SchemaSettings;

use super::Facts;
pub use document::LeftOut;

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

/// The numbers of entries of lists that a record of at most some size has. The list of nodes grows with the cluster, warnings and
/// notices with the pods of users; actions and pools are shortened last.
const SHORTER: [(usize, usize); 7] = [
    (usize::MAX, usize::MAX),
    (100, usize::MAX),
    (30, usize::MAX),
    (10, usize::MAX),
    (3, 100),
    (3, 30),
    (1, 3),
];

/// The report of a plan on one line, for a log that takes at most `longest` bytes a line. If the report is longer, its lists are
/// shortened. Returns what was left out, too.
pub fn line(plan: &Plan, facts: &Facts<'_>, longest: usize) -> io::Result<(String, LeftOut)> {
    let mut document = build::document(plan, facts);
    let json = serde_json::to_string(&document)?;
    if json.len() <= longest {
        return Ok((json, LeftOut::default()));
    }
    let mut left_out = LeftOut { nodes: std::mem::take(&mut document.nodes).len(), ..LeftOut::default() };
    let mut json = String::new();
    for (most, most_actions) in SHORTER {
        left_out.warnings += cut(&mut document.warnings, most);
        left_out.notices += cut(&mut document.notices, most);
        let violations = document.violations;
        document.violations = violations.get(..most).unwrap_or(violations);
        left_out.violations += violations.len() - document.violations.len();
        left_out.pools += cut(&mut document.pools, most_actions);
        left_out.actions += cut(&mut document.actions, most_actions);
        left_out.outcomes += document.outcomes.as_mut().map_or(0, |outcomes| cut(outcomes, most_actions));
        document.left_out = Some(left_out);
        json = serde_json::to_string(&document)?;
        if json.len() <= longest {
            break;
        }
    }
    Ok((json, left_out))
}

/// Shortens a list to a number of entries. Returns the number of the others.
fn cut<T>(list: &mut Vec<T>, most: usize) -> usize {
    let before = list.len();
    list.truncate(most);
    before - list.len()
}

/// The JSON Schema (draft 2020-12) of what [`write()`] writes.
#[must_use]
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<document::Document<'_>>().to_value()
}
