//! Finds the setting that a misspelt variable was meant to be, or that takes the place of a variable of `scale.py`.

use super::catalog::{ENTRIES, SLACK_WEBHOOK_URL};

/// The token of `scale.py` for Slack. Its other variables have names that other programs use too.
const SLACK_TOKEN: &str = "SLACK_TOKEN";

/// From this length on, two mistakes still identify the setting: `MAX_UTILISATIONS`.
const LONG_NAME: usize = 12;

/// The settings that are nearest to a name, if any is near enough: at a distance of one mistake (an extra, missing
/// or wrong letter, or two swapped ones), or two for long names. Empty for the name of a setting itself.
pub(super) fn meant_by(name: &str) -> Vec<&'static str> {
    if name == SLACK_TOKEN {
        return vec![SLACK_WEBHOOK_URL.entry.name];
    }
    let slips = |known: &'static str| {
        let allowed = if known.len() < LONG_NAME { 1 } else { 2 };
        // The lengths alone rule out nearly all variables of a process, at no cost.
        let distance = if known.len().abs_diff(name.len()) > allowed {
            return None;
        } else {
            strsim::damerau_levenshtein(known, name)
        };
        (distance <= allowed).then_some((distance, known))
    };
    let near: Vec<_> = ENTRIES.iter().filter_map(|entry| slips(entry.name)).collect();
    match near.iter().map(|(distance, _)| *distance).min() {
        None | Some(0) => Vec::new(),
        Some(least) => {
            near.into_iter().filter(|(distance, _)| *distance == least).map(|(_, name)| name).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_variables_are_left_alone() {
        let cases: [(&str, &[&str]); 16] = [
            ("MAX_UTILISATION", &["MAX_UTILIZATION"]),
            ("OPTIMAL_UTILISATION", &["OPTIMAL_UTILIZATION"]),
            ("MAX_NODE", &["MAX_NODES"]),
            ("MXA_NODES", &["MAX_NODES"]),
            ("MAN_NODES", &["MIN_NODES", "MAX_NODES"]),
            ("MAXNODES", &["MAX_NODES"]),
            ("PREEMTIBLE_LABLES", &["PREEMPTIBLE_LABELS"]),
            ("PRE_EMTIBLE_LABLES", &[]), // three slips
            ("SLACK_TOKEN", &["SLACK_WEBHOOK_URL"]),
            ("MAX_NODES", &[]),
            ("MIN_UTILIZATION", &[]), // two letters from MAX_UTILIZATION, and right as it is
            ("MAX_NODES_PER_ZONE", &[]),
            ("PATH", &[]),
            ("HOME", &[]),
            ("HOSTNAME", &[]),
            ("KUBERNETES_SERVICE_HOST", &[]),
        ];
        for (name, meant) in cases {
            let expected: Vec<_> =
                ENTRIES.iter().map(|entry| entry.name).filter(|name| meant.contains(name)).collect();
            assert_eq!(meant_by(name), expected, "{name}");
        }
    }
}
