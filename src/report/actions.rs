//! The actions, numbered in the order in which they are carried out, and their outcomes.
//!
//! Neighbours with the same verb and the same sentence share it as a heading; each node keeps its own line, because
//! an operator must see every node that changes.

use std::io::Result;

use kube_rebalancer_core::plan::{Action, Target, WakeInstead};

use kube_rebalancer_ports::{Outcome, OutcomeKind};

use super::Facts;
use kube_rebalancer_page::{Page, Tone, count};

/// Maximum number of parked nodes that are named as alternatives to one.
const NAMED_INSTEAD: usize = 2;

pub(super) fn write(page: &mut Page<'_>, actions: &[Action], facts: &Facts<'_>) -> Result<()> {
    if actions.is_empty() {
        return Ok(());
    }
    let outcomes = facts.outcomes;
    let fate = match outcomes {
        None if !facts.violations.is_empty() => ", NOT carried out".to_owned(),
        None => ", in this order".to_owned(),
        Some(outcomes) => format!(", in this order: {}", totals(outcomes)),
    };
    page.heading(&format!("actions ({}){fate}", actions.len()))?;
    let digits = actions.len().to_string().len();
    let mut previous: Option<(&str, String)> = None;
    for (index, action) in actions.iter().enumerate() {
        let heading = (action.verb(), action.reason().to_string());
        if previous.as_ref() != Some(&heading) {
            let verb = format!("{}:", heading.0);
            page.paragraph(2, 3 + verb.len(), (Tone::of_action(action), &verb), (Tone::Plain, &heading.1))?;
            previous = Some(heading);
        }
        let number = format!("{:>digits$}  ", index + 1);
        let outcome = outcomes.and_then(|outcomes| outcomes.get(index));
        let (tone, suffix) = outcome.map_or((Tone::Plain, String::new()), became);
        let body = format!("{}{suffix}", target(action));
        page.paragraph(4, 4 + digits + 2, (Tone::Dim, &number), (tone, &body))?;
    }
    Ok(())
}

/// The object of an action, in full.
fn target(action: &Action) -> String {
    match action.target() {
        Target::Group { group: Some(group), from, to, instead, .. } => {
            let others: Vec<&str> = instead.iter().map(|other| other.group.as_str()).collect();
            let otherwise = if others.is_empty() {
                String::new()
            } else {
                format!("; if it refuses, {}", others.join(", then "))
            };
            format!("{group}: from {} to {to}{otherwise}", count(from, "instance"))
        }
        Target::Group { group: None, from, to, .. } => {
            format!("the cluster, whose node groups are not known: from {} to {to}", count(from, "node"))
        }
        Target::Instance { group, instance, .. } => format!("{instance} of {group}"),
        Target::Pod { node, namespace, pod } => format!("{namespace}/{pod} of {node}"),
        Target::Node { node, instead: Some(instead), .. } => format!("{node}{}", otherwise(instead)),
        Target::Node { node, restarts: [], .. } => node.to_owned(),
        Target::Node { node, restarts, .. } => {
            format!("{node} (starts again elsewhere: {})", restarts.join(", "))
        }
    }
}

/// The alternatives if a parked node is not woken. Every action of a pool has the same further nodes, so only few
/// are named.
fn otherwise(instead: &WakeInstead) -> String {
    let named = instead.nodes.iter().take(NAMED_INSTEAD).cloned();
    let more = instead.nodes.len().saturating_sub(NAMED_INSTEAD);
    let more = (more > 0).then(|| format!("{more} more"));
    let groups = instead.groups.iter().map(|other| format!("a new node of {}", other.group));
    let others: Vec<String> = named.chain(more).chain(groups).collect();
    if others.is_empty() {
        String::new()
    } else {
        format!("; if it cannot be woken, {}", others.join(", then "))
    }
}

/// The words after the target. Capitals if the operator must look: colour may be off.
fn became(outcome: &Outcome) -> (Tone, String) {
    let (tone, words) = match outcome.kind() {
        OutcomeKind::Applied => (Tone::Plain, "done"),
        OutcomeKind::AlreadySo => (Tone::Plain, "was already so"),
        OutcomeKind::Stale => (Tone::Yellow, "STALE, skipped"),
        OutcomeKind::Failed => (Tone::Red, "FAILED"),
        OutcomeKind::NotTried => (Tone::Yellow, "NOT TRIED"),
    };
    let message = outcome.message();
    let separator = if message.is_empty() { "" } else { ": " };
    (tone, format!(" - {words}{separator}{message}"))
}

/// `7 done, 1 stale`.
fn totals(outcomes: &[Outcome]) -> String {
    let parts: Vec<String> = [
        (OutcomeKind::Applied, "done"),
        (OutcomeKind::AlreadySo, "already so"),
        (OutcomeKind::Stale, "stale"),
        (OutcomeKind::Failed, "failed"),
        (OutcomeKind::NotTried, "not tried"),
    ]
    .into_iter()
    .map(|(kind, words)| (outcomes.iter().filter(|outcome| outcome.kind() == kind).count(), words))
    .filter(|(number, _)| *number > 0)
    .map(|(number, words)| format!("{number} {words}"))
    .collect();
    if parts.is_empty() { "none was tried".to_owned() } else { parts.join(", ") }
}
