//! The limits that changed a number, and the warnings; of many warnings of one kind only the first are
//! written.

use std::io::Result;
use std::mem::discriminant;

use kube_rebalancer_core::plan::{Limit, Warning};

use kube_rebalancer_page::{Page, Tone};

/// Warnings of one kind that are written out; a cluster with one bad default can raise thousands.
const SHOWN: usize = 3;

pub(super) fn limits<'l>(page: &mut Page<'_>, limits: impl Iterator<Item = &'l Limit>) -> Result<()> {
    let mut limits = limits.peekable();
    if limits.peek().is_none() {
        return Ok(());
    }
    page.heading("limits")?;
    for limit in limits {
        page.paragraph(2, 4, (Tone::Plain, "-"), (Tone::Plain, &limit.to_string()))?;
    }
    Ok(())
}

/// `observed` are the warnings from before the plan; they are few, and each may explain much of the
/// plan.
pub(super) fn warnings(page: &mut Page<'_>, observed: &[String], warnings: &[Warning]) -> Result<()> {
    if observed.is_empty() && warnings.is_empty() {
        return Ok(());
    }
    page.heading(&format!("warnings ({})", observed.len() + warnings.len()))?;
    for warning in observed {
        page.paragraph(2, 4, (Tone::Yellow, "-"), (Tone::Plain, warning))?;
    }
    let mut kinds: Vec<(&Warning, Vec<&Warning>)> = Vec::new();
    for warning in warnings {
        match kinds.iter_mut().find(|(kind, _)| discriminant(*kind) == discriminant(warning)) {
            Some((_, same)) => same.push(warning),
            None => kinds.push((warning, vec![warning])),
        }
    }
    for (_, same) in kinds {
        for warning in same.iter().take(SHOWN) {
            page.paragraph(2, 4, (Tone::Yellow, "-"), (Tone::Plain, &warning.to_string()))?;
        }
        if let Some(more) = same.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            page.line(4, &[(Tone::Dim, &format!("and {more} more like these; --output json has them all"))])?;
        }
    }
    Ok(())
}
