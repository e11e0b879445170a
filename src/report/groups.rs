//! The nodes of a large cluster, grouped by verdict and reason: their number, three names, and the spread of their
//! load.
//!
//! ```text
//!   keep      712 nodes, needed: ..0000, ..0001, ..0002 and 709 more
//!             for example: its capacity is needed; it has 12 pods
//!             pods 2 to 30, median 14; memory 0.310 to 0.970, median 0.740
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Result;

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{NodeVerdict, Ratio, Verdict};

use super::names::{common_prefix, legend, short};
use super::table::{COLUMN, INDENT, verb_column};
use kube_rebalancer_page::{Page, Tone, count};

/// Names written out for each group.
const SHOWN: usize = 3;

/// Writes some nodes in groups; the title names them, and `decides` is the resource that decides their utilization.
pub(super) fn write(
    page: &mut Page<'_>,
    title: &str,
    nodes: &[&NodeVerdict],
    decides: Resource,
) -> Result<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let mut groups: BTreeMap<(u8, &str), Vec<&NodeVerdict>> = BTreeMap::new();
    for &node in nodes {
        groups.entry((rank(&node.verdict), node.verdict.reason().word())).or_default().push(node);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // Stable, so groups of one size stay in the order of their words.
    groups.sort_by_key(|((rank, _), members)| (*rank, Reverse(members.len())));

    let prefix = common_prefix(nodes);
    page.heading(&format!("{title} ({}) by reason; --all-nodes lists each{}", nodes.len(), legend(prefix)))?;
    for ((_, word), members) in &groups {
        group(page, word, members, prefix, decides)?;
    }
    Ok(())
}

fn group(
    page: &mut Page<'_>,
    word: &str,
    members: &[&NodeVerdict],
    prefix: &str,
    decides: Resource,
) -> Result<()> {
    let Some(first) = members.first() else { return Ok(()) };
    let names: Vec<String> = members.iter().take(SHOWN).map(|node| short(&node.name, prefix)).collect();
    let more = match members.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let heading = format!("{}, {}: {}{more}", count(members.len(), "node"), spaced(word), names.join(", "));
    let verb = verb_column(first.verdict.verb());
    page.paragraph(INDENT, COLUMN, (Tone::of_verdict(&first.verdict), &verb), (Tone::Plain, &heading))?;

    let reason = first.verdict.reason().to_string();
    let all_the_same = members.iter().all(|node| node.verdict.reason().to_string() == reason);
    let example = if all_the_same { reason } else { format!("for example: {reason}") };
    page.paragraph(COLUMN, COLUMN + 2, (Tone::Plain, ""), (Tone::Dim, &example))?;
    match spread(members, decides) {
        Some(spread) => page.paragraph(COLUMN, COLUMN + 2, (Tone::Plain, ""), (Tone::Dim, &spread)),
        None => Ok(()),
    }
}

/// The rank of a verdict: actions come first.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Uncordon(_) => 0,
        Verdict::Wake(_) => 1,
        Verdict::Cordon(_) => 2,
        Verdict::Delete(_) => 3,
        Verdict::Park(_) => 4,
        Verdict::Keep(_) => 5,
    }
}

/// `CriticalPod` as `critical pod`: the word of the JSON report, readable.
fn spaced(word: &str) -> String {
    word.chars().fold(String::new(), |mut spaced, character| {
        if character.is_ascii_uppercase() && !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push(character.to_ascii_lowercase());
        spaced
    })
}

/// Smallest, median (the lower of two) and largest; nothing for unmanaged nodes, whose pods are ignored.
fn spread(members: &[&NodeVerdict], decides: Resource) -> Option<String> {
    let managed = || members.iter().filter(|node| node.managed);
    let pods = three_numbers(managed().map(|node| node.occupants).collect(), |pods| *pods)?;
    let load = three_numbers(
        managed()
            .map(|node| Ratio { requested: node.requested.of(decides), capacity: node.capacity.of(decides) })
            .collect(),
        // Infinite is the largest.
        |load: &Ratio| load.parts_per_million().unwrap_or(u128::MAX),
    )?;
    Some(format!("pods {}; {decides} {}", range(&pods), range(&load)))
}

/// `2 to 30, median 14`, or `5 each`.
fn range<T: PartialEq + Display>((smallest, median, largest): &(T, T, T)) -> String {
    if smallest == largest {
        format!("{smallest} each")
    } else {
        format!("{smallest} to {largest}, median {median}")
    }
}

/// Smallest, lower median and largest by a key; `None` of nothing.
fn three_numbers<T: Copy, K: Ord>(mut values: Vec<T>, key: fn(&T) -> K) -> Option<(T, T, T)> {
    values.sort_by_key(key);
    let median = values.get(values.len().checked_sub(1)? / 2)?;
    Some((*values.first()?, *median, *values.last()?))
}
