//! Compares the exit code and the report of a run with the stored objects.

use kube_rebalancer_core::model::annotation;
use serde_json::Value;

use super::program::Ran;
use super::world::{NodeState, State};

/// The report's text if an answer was lost and could not be determined later: both outcomes are possible.
const IN_DOUBT: &str = "whether it was done is not known";

/// The report's text if a critical pod was scheduled before a cordon that then could not be undone.
const STUCK: &str = "it is cordoned, the critical pod hub/late was scheduled on it meanwhile";

/// The report's text for an action that was not tried because it relies on a failed uncordon.
const RELIES: &str = "which was to take over, is not uncordoned";

/// The false statements of a run. `done` is the state of the nodes after all actions, if a run can achieve it.
pub(super) fn lies(ran: &Ran, before: &State, after: &State, done: Option<&State>) -> Vec<String> {
    let mut lies = Vec::new();
    let mut lie = |text: String| lies.push(text);
    let outcomes = ran.report["outcomes"].as_array().cloned().unwrap_or_default();
    let is_done_word = |outcome: &Value| {
        let word = &outcome["outcome"];
        word == "applied" || word == "alreadySo" || outcome["message"] == "no node group"
    };
    // Left to the next run.
    let is_fine = |outcome: &Value| {
        let relies = outcome["message"].as_str().is_some_and(|message| message.contains(RELIES));
        is_done_word(outcome) || outcome["outcome"] == "stale" || relies
    };
    let all_fine = outcomes.iter().all(is_fine);
    let all_done = outcomes.iter().all(is_done_word);
    match ran.code {
        Some(0) if all_done && done.is_some_and(|done| after != done) => {
            lie("exit 0, but not everything was done".to_owned());
        }
        Some(0) if !all_fine || outcomes.is_empty() => lie(format!("exit 0 with outcomes {outcomes:?}")),
        Some(1) if all_fine && !ran.stderr.contains("ERROR kube_rebalancer") => {
            lie("exit 1 without a reason".to_owned());
        }
        Some(3) if after != before => lie("exit 3, but something was changed".to_owned()),
        Some(3) if !outcomes.is_empty() => lie("exit 3 with outcomes".to_owned()),
        Some(3) if !ran.stderr.contains("error: ") => lie("exit 3 without an error".to_owned()),
        Some(0 | 1 | 3) => {}
        other => lie(format!("exit code {other:?}")),
    }
    for outcome in &outcomes {
        let Some(action) = outcome["action"].as_u64().and_then(|index| usize::try_from(index).ok()) else {
            lie(format!("an outcome without an action: {outcome}"));
            continue;
        };
        let action = &ran.report["actions"][action];
        let node = action["node"].as_str().unwrap_or_default();
        let (Some(was), Some(is)) = (before.get(node), after.get(node)) else {
            lie(format!("an outcome for no node: {outcome}"));
            continue;
        };
        let word = outcome["outcome"].as_str().unwrap_or_default();
        let message = outcome["message"].as_str().unwrap_or_default();
        let honest = match word {
            "applied" => is_done(action, is),
            "stale" => message.contains("taken back") && !is.cordoned && is.notes.is_empty(),
            "failed" => is == was || message.contains(IN_DOUBT) || (message.contains(STUCK) && is.cordoned),
            "notTried" => is == was,
            // No other actor changes this world.
            _ => false,
        };
        if !honest {
            lie(format!("{word} {message:?} of {} {node}: {was:?} -> {is:?}", action["action"]));
        }
    }
    lies
}

/// Whether an action shows on its node.
fn is_done(action: &Value, node: &NodeState) -> bool {
    let noted = |key: &str| node.notes.contains(key);
    match action["action"].as_str().unwrap_or_default() {
        "cordon" => node.cordoned && noted(annotation::CORDONED_AT),
        "uncordon" => !node.cordoned && node.notes.is_empty(),
        "mark" => noted(annotation::EMPTY_SINCE),
        "unmark" => !noted(annotation::EMPTY_SINCE) && (node.cordoned || node.notes.is_empty()),
        _ => false,
    }
}
