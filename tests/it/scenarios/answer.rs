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
//!   keep n3 LosesPod + argo/step-7    the verdict on a node that stays; only those of interest
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
//! names one. Limits and warnings are selections: an answer pins what an operator needs, not how the report looks.
//! Words are compared without regard to case.

use serde_json::Value;

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

/// Judges one line that is not about actions.
fn fact(line: &str, plan: &Value, failure: &str, sentences: &[String]) -> Result<(), String> {
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

/// Every sentence of the report, a node's with its name, and what a failed run prints.
fn sentences(plan: &Value, failure: &str) -> Vec<String> {
    let fields = ["warnings", "actions", "nodes", "limits", "pools", "guard", "refused"];
    fields
        .iter()
        .flat_map(|field| match &plan[field] {
            Value::Array(items) => items.iter().map(whole).collect(),
            Value::Null => Vec::new(),
            other => vec![whole(other)],
        })
        .chain(failure.lines().map(str::to_owned))
        .collect()
}

/// All texts of a value, one after the other.
fn whole(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(whole).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => {
            fields.values().map(whole).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// The utilization before the run, as answers state it: of the cluster and of each pool.
fn utilizations(plan: &Value) -> Vec<String> {
    let pools = list(plan, "pools");
    let of_pools = pools.iter().map(|pool| (text(&pool["name"]), &pool["before"]["utilization"]));
    let single = match pools {
        [pool] => &pool["before"]["utilization"],
        _ => &plan["before"]["utilization"],
    };
    let named = of_pools.flat_map(|(name, value)| {
        utilization(value).into_iter().map(move |utilization| format!("{name} {utilization}"))
    });
    named.chain(utilization(single)).collect()
}

/// A ratio with three decimals, alone and with the resource that decides.
fn utilization(value: &Value) -> Vec<String> {
    let decides = value["decides"].as_str().unwrap_or("memory");
    let ratio = if value.is_object() { &value[decides] } else { value };
    let ratio = ratio.as_f64().map_or_else(|| "infinite".to_owned(), |ratio| format!("{ratio:.3}"));
    vec![format!("{ratio} of {decides}"), ratio]
}

fn limits(plan: &Value) -> Vec<String> {
    let pools = list(plan, "pools").iter().flat_map(|pool| list(pool, "limits"));
    list(plan, "limits")
        .iter()
        .chain(pools)
        .map(|limit| {
            format!(
                "{} {} -> {}",
                text(&limit["setting"]),
                number(&limit["asked"]),
                number(&limit["allowed"])
            )
        })
        .collect()
}

fn is_refused(plan: &Value) -> bool {
    plan.is_null() || !plan["refused"].is_null()
}

fn node<'a>(plan: &'a Value, name: &str) -> Option<&'a Value> {
    list(plan, "nodes").iter().find(|node| node["name"] == name)
}

/// What stands before the first ` + `, and the words behind each.
fn words(line: &str) -> (&str, Vec<String>) {
    let mut parts = line.split(" + ");
    let head = parts.next().unwrap_or_default();
    (head, parts.map(str::to_owned).collect())
}

fn has_all(sentence: &str, words: &[String]) -> bool {
    let sentence = sentence.to_lowercase();
    words.iter().all(|word| sentence.contains(&word.to_lowercase()))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// A plan of the second version of the format, and each line with a change that must make it wrong.
#[test]
fn an_answer_that_differs_in_one_point_is_wrong() {
    let plan = serde_json::json!({
        "pools": [{"name": "gpu", "before": {"utilization": {"decides": "cpu", "memory": 0.2, "cpu": 0.9184}},
                   "limits": [{"setting": "MAX_CREATIONS", "asked": 12, "allowed": 10}]}],
        "actions": [
            {"action": "uncordon", "node": "n3", "reason": "WaitingPod", "message": "it has room for pod hub/ada"},
            {"action": "grow", "group": null, "pool": "gpu", "from": 2, "to": 4, "reason": "AboveBand", "message": ""},
            {"action": "mark", "node": "n4", "reason": "Empty", "message": ""}],
        "nodes": [
            {"name": "n1", "managed": true, "verdict": "keep", "reason": "LosesPod", "message": "argo/step is lost"},
            {"name": "cp", "managed": false, "verdict": "keep", "reason": "ControlPlane", "message": ""}],
        "warnings": [{"reason": "Reserved", "message": "a taint keeps users away", "objects": ["g1"]}],
    });
    let check = |text: &str| Answer::parse(text).unwrap().check(0, &plan, "");
    let right = "exit 0\nuncordon n3 WaitingPod + hub/ada\ngrow 2 pool gpu AboveBand\nmaybe cordon n9\n\
        keep n1 LosesPod + argo/step\nunmanaged cp\nutilization gpu 0.918 of cpu\nutilization 0.918\n\
        limit MAX_CREATIONS 12 -> 10\nwarned Taint + g1\nsaid n1 + argo/step\nunsaid fits on no node\n";
    assert_eq!(check(right), Ok(()));
    assert_eq!(check(&right.replace("maybe", "mark n4\nmaybe")), Ok(()));
    assert_eq!(check(&right.replace("maybe cordon n9", "maybe cordon n9\nmark n4")), Ok(()));
    for (part, other) in [
        ("exit 0", "exit 3"),
        ("uncordon n3", "uncordon n4"),
        ("WaitingPod", "Needed"),
        ("hub/ada", "hub/bob"),
        ("grow 2", "grow 1"),
        ("pool gpu", "pool cpu"),
        ("maybe cordon", "cordon"),
        ("uncordon n3 WaitingPod + hub/ada\n", ""),
        ("keep n1 LosesPod", "keep n1 Needed"),
        ("keep n1", "keep n2"),
        ("unmanaged cp", "unmanaged n1"),
        ("gpu 0.918", "gpu 0.919"),
        ("of cpu", "of memory"),
        ("12 -> 10", "12 -> 11"),
        ("warned Taint", "warned Label"),
        ("said n1", "said n2"),
        ("unsaid fits on no node", "unsaid taint"),
        ("unmanaged cp", "refused + cp"),
    ] {
        assert!(check(&right.replacen(part, other, 1)).is_err(), "{other}");
    }
    for text in ["exit 0\n", "nothing\n", "exit 0\nnothing\ncordonn n1\n", "exit 0\ncordon\n"] {
        assert!(Answer::parse(text).is_err(), "{text:?}");
    }
    let refused = Answer::parse("exit 0\nrefused + etcd\n").unwrap();
    assert_eq!(refused.check(0, &Value::Null, "error: etcdserver\n"), Ok(()));
    assert!(refused.check(0, &Value::Null, "error: another\n").is_err());
    assert!(check("exit 0\nnothing\n").is_err());
}
