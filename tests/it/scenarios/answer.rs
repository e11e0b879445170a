//! The right answer to a situation from the field, as an operator states it: decisions, and the words that matter.
//!
//! ```text
//!   exit 0                            the exit code
//!   uncordon n3                       an action on a node
//!   uncordon n3 WaitingPod            the same, with the reason's word
//!   delete n3 + ingress/controller    the same, with words of the reason's sentence
//!   grow 2                            new nodes of one group
//!   grow 2 pool gpu                   the same, in the section of a pool
//!   maybe cordon u4                   an action that is allowed, not demanded
//!   nothing                           no action
//!   keep n3 LosesPod + argo/step-7    the verdict on a node that stays; a selection
//!   unmanaged cp1                     a node that no action may name
//!   utilization 0.672 of memory       before the run, with the resource that decides
//!   utilization gpu 0.672 of memory   the same, of a pool
//!   limit MAX_CORDONS 4 -> 3          a setting that changes a number: asked, allowed
//!   warned Cluster Autoscaler + n4    one warning has all these words
//!   said u3 + hub/jupyter-ada         one sentence of the whole report has all these words
//!   unsaid fits on no node            no sentence has all these words
//!   refused + etcdserver              no plan, and these words
//! ```
//!
//! Actions are complete and in their order. Book-keeping (notes and soft taints on nodes) counts only where an answer
//! names one. Limits and warnings are selections: an answer states what an operator needs, not the form of the
//! report. Words are compared without regard to case.

mod facts;
mod report;
mod tests;

use serde_json::Value;

use facts::fact;
pub(super) use report::is_refused;
use report::{list, number, sentences, text};

/// Actions that change notes or soft taints only.
const BOOK_KEEPING: [&str; 4] = ["mark", "unmark", "steer", "unsteer"];

/// The lines of an `answer.txt`.
#[derive(Default)]
pub(super) struct Answer {
    exit: Option<String>,
    actions: Vec<Expected>,
    facts: Vec<String>,
}

/// One action as an answer states it.
struct Expected {
    line: String,
    maybe: bool,
    verb: String,
    /// A node, or how many nodes are created.
    target: String,
    pool: Option<String>,
    reason: Option<String>,
    words: Vec<String>,
}

/// One action of the plan.
struct Found {
    verb: String,
    target: String,
    pool: String,
    reason: String,
    sentence: String,
}

impl Answer {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut answer = Self::default();
        let mut told = false;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let word = line.split(' ').next().unwrap_or_default();
            match word {
                "exit" => answer.exit = Some(line.to_owned()),
                "nothing" => told = true,
                "maybe" | "uncordon" | "grow" | "cordon" | "delete" | "mark" | "unmark" | "steer"
                | "unsteer" => {
                    told = true;
                    answer.actions.push(Expected::parse(line)?);
                }
                "refused" => {
                    told = true;
                    answer.facts.push(line.to_owned());
                }
                "keep" | "unmanaged" | "utilization" | "limit" | "warned" | "said" | "unsaid" => {
                    answer.facts.push(line.to_owned());
                }
                _ => return Err(format!("answer.txt: {line:?} is not known here\n")),
            }
        }
        match (&answer.exit, told) {
            (Some(_), true) => Ok(answer),
            (None, _) => Err("answer.txt names no exit code\n".to_owned()),
            (_, false) => Err("answer.txt names no action, neither nothing nor refused\n".to_owned()),
        }
    }

    /// Compares. `plan` is the JSON report, null where there is none; `failure` is what a failed run prints.
    pub(super) fn check(&self, code: u8, plan: &Value, failure: &str) -> Result<(), String> {
        let mut problems = Vec::new();
        let exit = format!("exit {code}");
        if self.exit.as_deref() != Some(&exit) {
            problems.push(format!("{exit} instead of {}\n", self.exit.as_deref().unwrap_or_default()));
        }
        let found = self.actions_of(plan);
        if !follows(&found, &self.actions) {
            let expected: Vec<&str> = self.actions.iter().map(|action| action.line.as_str()).collect();
            let found: Vec<String> = found.iter().map(Found::shown).collect();
            problems.push(format!("actions {found:#?}\ninstead of {expected:#?}\n"));
        }
        let sentences = sentences(plan, failure);
        problems.extend(self.facts.iter().filter_map(|line| fact(line, plan, failure, &sentences).err()));
        let refused = self.facts.iter().any(|line| line.starts_with("refused"));
        if !refused && is_refused(plan) {
            problems.push(format!("refused: {failure}\n"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.concat()) }
    }

    fn actions_of(&self, plan: &Value) -> Vec<Found> {
        let named = |verb: &str| self.actions.iter().any(|action| action.verb == verb);
        let of_interest = |found: &Found| !BOOK_KEEPING.contains(&found.verb.as_str()) || named(&found.verb);
        list(plan, "actions").iter().map(Found::read).filter(of_interest).collect()
    }
}

impl Expected {
    fn parse(line: &str) -> Result<Self, String> {
        let (head, words) = words(line);
        let (maybe, head) = head.strip_prefix("maybe ").map_or((false, head), |head| (true, head));
        let parts: Vec<&str> = head.split(' ').collect();
        let (verb, target, pool, reason) = match parts.as_slice() {
            [verb, target] => (verb, target, None, None),
            [verb, target, "pool", pool] => (verb, target, Some(*pool), None),
            [verb, target, "pool", pool, reason] => (verb, target, Some(*pool), Some(*reason)),
            [verb, target, reason] => (verb, target, None, Some(*reason)),
            _ => return Err(format!("answer.txt: {line:?} is no action\n")),
        };
        Ok(Self {
            line: line.to_owned(),
            maybe,
            verb: (*verb).to_owned(),
            target: (*target).to_owned(),
            pool: pool.map(str::to_owned),
            reason: reason.map(str::to_owned),
            words,
        })
    }

    fn is(&self, found: &Found) -> bool {
        self.verb == found.verb
            && self.target == found.target
            && self.pool.as_ref().is_none_or(|pool| *pool == found.pool)
            && self.reason.as_ref().is_none_or(|reason| *reason == found.reason)
            && has_all(&found.sentence, &self.words)
    }
}

impl Found {
    fn read(action: &Value) -> Self {
        let target = match action["node"].as_str() {
            Some(node) => node.to_owned(),
            None => (number(&action["to"]) - number(&action["from"])).to_string(),
        };
        Self {
            verb: text(&action["action"]),
            target,
            pool: text(&action["pool"]),
            reason: text(&action["reason"]),
            sentence: text(&action["message"]),
        }
    }

    fn shown(&self) -> String {
        let Self { verb, target, pool, reason, sentence } = self;
        let pool = if pool.is_empty() { String::new() } else { format!(" pool {pool}") };
        format!("{verb} {target}{pool} {reason}: {sentence}")
    }
}

/// Whether the plan's actions are those expected, in this order. A `maybe` that the plan lacks is passed over.
fn follows(found: &[Found], expected: &[Expected]) -> bool {
    let Some((next, rest)) = expected.split_first() else { return found.is_empty() };
    let taken = found.split_first().is_some_and(|(first, found)| next.is(first) && follows(found, rest));
    taken || (next.maybe && follows(found, rest))
}

/// The text before the first ` + `, and the words after each.
fn words(line: &str) -> (&str, Vec<String>) {
    let mut parts = line.split(" + ");
    let head = parts.next().unwrap_or_default();
    (head, parts.map(str::to_owned).collect())
}

fn has_all(sentence: &str, words: &[String]) -> bool {
    let sentence = sentence.to_lowercase();
    words.iter().all(|word| sentence.contains(&word.to_lowercase()))
}
