//! The report for a person: facts, one sentence, the actions in order, and every node with its reason.
//!
//! ```text
//!   alerts       only if the plan must not, or may hardly, be trusted
//!   header       what was seen
//!   sentence     the outcome
//!   actions      numbered, in the order in which they are carried out
//!   notes        limits and warnings
//!   nodes        a table, or, in a large cluster, groups by verdict and reason
//! ```
//!
//! Every character is printable ASCII (and colour codes, where wanted) and every line fits the width: the report is
//! read on terminals, in pod logs and in mails. Names of nodes with an action are always written in full, so that they
//! can be copied.

use std::io::{Result, Write};

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{NodeVerdict, Plan, Refusal};
use kube_rebalancer_page::{Layout, Page, Tone};

use super::{Facts, actions, groups, header, notes, sentence, table};

/// A table of more nodes than this is replaced by groups: it would push the actions off every screen.
const LONGEST_TABLE: usize = 40;

/// Writes the report of a plan.
pub fn write(out: &mut dyn Write, plan: &Plan, facts: &Facts<'_>, layout: Layout) -> Result<()> {
    let page = &mut Page::new(out, layout);
    header::title(page, facts)?;
    header::alerts(page, plan, facts)?;
    header::facts(page, plan, facts)?;
    page.blank()?;
    page.paragraph(0, 0, (Tone::Plain, ""), (Tone::Bold, &sentence::outcome(plan)))?;
    header::pools(page, plan, facts)?;
    actions::write(page, &plan.actions, facts)?;
    if plan.pools.len() == 1 {
        notes::limits(page, plan.all_limits())?;
    } else {
        notes::limits(page, plan.limits.iter())?;
    }
    notes::warnings(page, facts.observed, &plan.warnings)?;
    nodes(page, plan, layout)
}

/// Writes the nodes of each pool, then the unmanaged nodes; all together if there is one pool.
fn nodes(page: &mut Page<'_>, plan: &Plan, layout: Layout) -> Result<()> {
    let listed = layout.all_nodes || plan.nodes.len() <= LONGEST_TABLE;
    let write = |page: &mut Page<'_>, title: &str, nodes: &[&NodeVerdict], decides| {
        if listed {
            table::write(page, title, nodes, decides)
        } else {
            groups::write(page, title, nodes, decides)
        }
    };
    if let [pool] = plan.pools.as_slice() {
        let all: Vec<&NodeVerdict> = plan.nodes.iter().collect();
        return write(page, "nodes", &all, pool.before.utilization.decides());
    }
    for pool in &plan.pools {
        let members: Vec<&NodeVerdict> =
            plan.nodes.iter().filter(|node| node.managed && node.pool == pool.name).collect();
        write(page, &format!("nodes of pool {}", pool.name), &members, pool.before.utilization.decides())?;
    }
    let others: Vec<&NodeVerdict> = plan.nodes.iter().filter(|node| !node.managed).collect();
    write(page, "nodes that are not managed", &others, Resource::Memory)
}

/// Writes the outcomes of the actions of a plan that was written before.
pub fn write_outcomes(out: &mut dyn Write, plan: &Plan, facts: &Facts<'_>, layout: Layout) -> Result<()> {
    actions::write(&mut Page::new(out, layout), &plan.actions, facts)
}

/// Writes the reason for a missing plan.
pub fn write_refusal(
    out: &mut dyn Write,
    refusal: &Refusal,
    facts: &Facts<'_>,
    layout: Layout,
) -> Result<()> {
    let page = &mut Page::new(out, layout);
    header::title(page, facts)?;
    page.blank()?;
    let body = format!("there is no plan and nothing is changed: {refusal}.");
    page.paragraph(0, 2, (Tone::Red, "REFUSED:"), (Tone::Plain, &body))?;
    page.blank()?;
    header::origin(page, facts)
}

#[cfg(test)]
mod tests;
