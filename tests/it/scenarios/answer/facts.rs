//! The lines of an answer that are not about actions.

use serde_json::Value;

use super::report::{is_refused, limits, list, node, text, utilizations, whole};
use super::{has_all, words};

/// Judges one line that is not about actions.
pub(super) fn fact(line: &str, plan: &Value, failure: &str, sentences: &[String]) -> Result<(), String> {
    let (head, words) = words(line);
    let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
    // `warned`, `said` and `unsaid` have their first words in the head.
    let all: Vec<String> = std::iter::once(rest.to_owned()).chain(words.iter().cloned()).collect();
    let holds = match word {
        "keep" => keeps(plan, rest, &words),
        "unmanaged" => node(plan, rest).is_some_and(|node| node["managed"] == false),
        "utilization" => utilizations(plan).contains(&rest.to_owned()),
        "limit" => limits(plan).contains(&rest.to_owned()),
        "warned" => list(plan, "warnings").iter().any(|warning| has_all(&whole(warning), &all)),
        "said" => sentences.iter().any(|sentence| has_all(sentence, &all)),
        "unsaid" => !sentences.iter().any(|sentence| has_all(sentence, &all)),
        "refused" => is_refused(plan) && has_all(&format!("{failure}{}", whole(&plan["refused"])), &words),
        _ => false,
    };
    let there = match word {
        "keep" | "unmanaged" => format!("{:?}", node(plan, rest.split(' ').next().unwrap_or_default())),
        "utilization" => format!("{:?}", utilizations(plan)),
        "limit" => format!("{:?}", limits(plan)),
        "refused" => failure.to_owned(),
        "warned" => format!("{:#}", plan["warnings"]),
        _ => sentences.join("\n"),
    };
    if holds { Ok(()) } else { Err(format!("not so: {line}\nthere is: {there}\n")) }
}

/// Whether a node stays, for this reason if one is named.
fn keeps(plan: &Value, rest: &str, words: &[String]) -> bool {
    let (name, reason) = rest.split_once(' ').map_or((rest, None), |(name, reason)| (name, Some(reason)));
    node(plan, name).is_some_and(|node| {
        node["verdict"] == "keep"
            && reason.is_none_or(|reason| node["reason"] == reason)
            && has_all(&format!("{} {}", text(&node["reason"]), text(&node["message"])), words)
    })
}
