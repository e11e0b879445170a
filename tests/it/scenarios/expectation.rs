//! The expected result of a scenario, as written by a person.
//!
//! ```text
//!   exit 0                        the exit code
//!   uncordon n3 WaitingPod        an action: node and reason
//!   wake n3 WaitingPod else n4     the same, and what is woken if the cloud does not wake it
//!   evict c1 Omitted              an eviction: the pod's node and the reason
//!   grow 2 AboveBand              the number of new nodes, and the reason
//!   nothing                       no action at all
//!   refused                       no plan at all
//!   keep n1 CriticalPod           the verdict on a node; a selection
//!   limit MIN_NODES 1 -> 3        a setting that changed a number: asked, allowed
//!   warning pod hub/ada fits on   a part of a warning
//! ```
//!
//! Exit code, actions (in their order), limits and warnings are complete; the verdicts are a selection.

use serde_json::Value;

use super::answer::is_refused;
use super::difference::difference;

/// The first words of the lines that describe the outcome as a whole.
const OUTCOME: [&str; 14] = [
    "exit", "refused", "nothing", "limit", "uncordon", "wake", "grow", "cordon", "delete", "evict", "mark",
    "unmark", "steer", "unsteer",
];

/// The lines of an `expect.txt`, by what they are compared with.
pub(super) struct Expectation {
    outcome: Vec<String>,
    verdicts: Vec<String>,
    warnings: Vec<String>,
}

impl Expectation {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut expectation = Self { outcome: Vec::new(), verdicts: Vec::new(), warnings: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let word = line.split(' ').next().unwrap_or_default();
            let list = match word {
                "keep" => &mut expectation.verdicts,
                "warning" => &mut expectation.warnings,
                _ if OUTCOME.contains(&word) => &mut expectation.outcome,
                _ => return Err(format!("expect.txt: {line:?} is not known here\n")),
            };
            list.push(line.to_owned());
        }
        Ok(expectation)
    }

    /// Compares. `plan` is the JSON report, null where even that could not be written.
    pub(super) fn check(&self, code: u8, plan: &Value) -> Result<(), String> {
        let mut found = vec![format!("exit {code}")];
        if is_refused(plan) {
            found.push("refused".to_owned());
        } else {
            found.extend(actions(plan));
            let pools = list(plan, "pools").iter().flat_map(|pool| list(pool, "limits"));
            found.extend(pools.chain(list(plan, "limits")).map(limit));
        }
        let different = difference(&self.outcome.join("\n"), &found.join("\n"));
        let verdicts: Vec<String> = list(plan, "nodes").iter().map(verdict).collect();
        let missing = self.verdicts.iter().filter(|verdict| !verdicts.contains(verdict));
        let missing = missing.map(|verdict| format!("{verdict}: not among {verdicts:?}\n"));
        let problems: String =
            different.into_iter().chain(missing).chain(self.other_warnings(plan)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn other_warnings(&self, plan: &Value) -> Vec<String> {
        let found: Vec<&str> =
            list(plan, "warnings").iter().map(|warning| text(&warning["message"])).collect();
        let expected: Vec<&str> =
            self.warnings.iter().filter_map(|line| line.strip_prefix("warning ")).collect();
        let missing = expected.iter().filter(|part| !found.iter().any(|text| text.contains(**part)));
        let missing = missing.map(|part| format!("no warning says {part:?}\n"));
        let further = found.iter().filter(|text| !expected.iter().any(|part| text.contains(part)));
        missing.chain(further.map(|text| format!("not expected: warning {text}\n"))).collect()
    }
}

fn actions(plan: &Value) -> Vec<String> {
    let actions: Vec<String> = list(plan, "actions").iter().map(action).collect();
    if actions.is_empty() { vec!["nothing".to_owned()] } else { actions }
}

fn action(action: &Value) -> String {
    let (verb, reason) = (text(&action["action"]), text(&action["reason"]));
    match action["node"].as_str() {
        Some(node) => {
            let others: Vec<&str> = list(action, "instead").iter().map(text).collect();
            let otherwise =
                if others.is_empty() { String::new() } else { format!(" else {}", others.join(" ")) };
            format!("{verb} {node} {reason}{otherwise}")
        }
        None => format!("{verb} {} {reason}", number(&action["to"]) - number(&action["from"])),
    }
}

fn limit(limit: &Value) -> String {
    format!("limit {} {} -> {}", text(&limit["setting"]), number(&limit["asked"]), number(&limit["allowed"]))
}

fn verdict(node: &Value) -> String {
    format!("{} {} {}", text(&node["verdict"]), text(&node["name"]), text(&node["reason"]))
}

fn list<'a>(plan: &'a Value, field: &str) -> &'a [Value] {
    plan[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn each_difference_from_an_expectation_is_reported() {
    let plan = serde_json::json!({
        "actions": [{"action": "grow", "group": null, "from": 2, "to": 4, "reason": "AboveBand"}],
        "nodes": [{"name": "n1", "verdict": "keep", "reason": "Needed"}],
        "pools": [{"limits": [{"setting": "MAX_NODES", "asked": 5, "allowed": 4}]}],
        "limits": [{"setting": "MAX_CORDONS", "asked": 3, "allowed": 1}],
        "warnings": [{"reason": "FitsNowhere", "message": "pod hub/ada fits no node", "objects": ["pod/hub/ada"]}],
        "refused": null,
    });
    let check = |text: &str| Expectation::parse(text).unwrap().check(0, &plan);
    let right = "exit 0\ngrow 2 AboveBand\nlimit MAX_NODES 5 -> 4\nlimit MAX_CORDONS 3 -> 1\nkeep n1 Needed\n\
                 warning hub/ada\n";
    assert_eq!(check(right), Ok(()));
    for (part, other) in [
        ("exit 0", "exit 3"),
        ("grow 2", "grow 1"),
        ("AboveBand", "MinNodes"),
        ("grow 2 AboveBand", "nothing"),
        ("5 -> 4", "4 -> 5"),
        ("limit MAX_CORDONS 3 -> 1\n", ""),
        ("n1 Needed", "n1 Booting"),
        ("warning hub/ada\n", ""),
        ("warning hub/ada", "warning hub/bob"),
    ] {
        assert!(check(&right.replace(part, other)).is_err(), "{other}");
    }
    assert!(Expectation::parse("cordonn n1").is_err());
}
