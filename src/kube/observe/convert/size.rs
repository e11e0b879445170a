//! Bounds on the stored parts of a pod: a user may write more than a megabyte into each, and a run reads all of
//! them.

use crate::observe::raw::{NodeSelector, Spec, Text};
use crate::observe::requests::Requests;

/// Maximum number of bytes of a pod's constraints. Two hundred host names in an affinity take 20,000.
const MOST_CONSTRAINTS: usize = 64 << 10;
/// Number of bytes that a text takes in addition to its letters.
const A_TEXT: usize = 48;
/// Maximum number of resources besides memory and CPU that a pod may request. No node has as many.
pub(super) const MOST_RESOURCES: usize = 64;
/// Maximum number of volumes of a pod that are read. No node mounts as many.
pub(super) const MOST_VOLUMES: usize = 256;
/// Maximum number of bytes of an owner's name. Names of objects have at most 253.
pub(super) const LONGEST_NAME: usize = 512;
/// Maximum number of bytes of the scheduler's message.
const LONGEST_MESSAGE: usize = 4096;

/// The part of a pod that is larger than anything legitimate; such a pod fits no node, and its constraints are not
/// stored.
pub(super) fn beyond_measure(spec: &Spec<'_>, requests: &Requests<'_>) -> Option<String> {
    let resources = requests.further.len();
    if resources > MOST_RESOURCES {
        return Some(format!("it asks for {resources} resources, expected at most {MOST_RESOURCES}"));
    }
    let bytes = constraints(spec);
    (bytes > MOST_CONSTRAINTS).then(|| {
        format!(
            "its node selector, affinity and tolerations take {} KiB, expected at most {}",
            bytes >> 10,
            MOST_CONSTRAINTS >> 10
        )
    })
}

/// The beginning of a message.
pub(super) fn beginning(message: &str) -> &str {
    message.get(..message.floor_char_boundary(LONGEST_MESSAGE)).unwrap_or_default()
}

/// The approximate number of bytes of a pod's constraints.
fn constraints(spec: &Spec<'_>) -> usize {
    let selector = spec.node_selector.iter().map(|(key, value)| size(key) + size(value));
    let tolerations = spec.tolerations.iter();
    let tolerations =
        tolerations.map(|one| one.key.as_ref().map_or(0, size) + size(&one.operator) + size(&one.value));
    let affinity = spec.affinity.node_affinity.required.as_ref().map_or(0, affinity);
    selector.chain(tolerations).fold(affinity, usize::saturating_add)
}

fn affinity(selector: &NodeSelector<'_>) -> usize {
    let requirements = |term: &crate::observe::raw::Term<'_>| {
        let all = term.match_expressions.iter().chain(&term.match_fields);
        all.map(|one| size(&one.key) + one.values.iter().map(size).sum::<usize>()).sum::<usize>()
    };
    selector.node_selector_terms.iter().map(|term| A_TEXT + requirements(term)).sum()
}

fn size(text: &Text<'_>) -> usize {
    text.as_str().len() + A_TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: &str) -> Spec<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_long_list_of_hosts_is_legitimate_and_fifty_thousand_values_are_not() {
        let of = |values: usize| {
            let values: Vec<String> =
                (0..values).map(|at| format!("\"gke-users-0123456789-abcdef{at}\"")).collect();
            format!(
                r#"{{"affinity":{{"nodeAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":{{"nodeSelectorTerms":
                   [{{"matchExpressions":[{{"key":"kubernetes.io/hostname","operator":"In","values":[{}]}}]}}]}}}}}}}}"#,
                values.join(",")
            )
        };
        assert_eq!(beyond_measure(&spec(&of(500)), &Requests::default()), None);
        let large = of(50_000);
        let why = beyond_measure(&spec(&large), &Requests::default()).unwrap();
        assert!(why.starts_with("its node selector, affinity and tolerations take "), "{why}");
    }

    #[test]
    fn no_node_has_a_hundred_kinds_of_devices() {
        let names: Vec<String> = (0..100).map(|at| format!("example.com/{at}")).collect();
        let requests = |count| Requests {
            further: names.iter().take(count).map(|name| (name.as_str(), 1)).collect(),
            ..Requests::default()
        };
        assert_eq!(beyond_measure(&Spec::default(), &requests(64)), None);
        let why = beyond_measure(&Spec::default(), &requests(65)).unwrap();
        assert_eq!(why, "it asks for 65 resources, expected at most 64");
    }

    #[test]
    fn a_message_is_cut_between_letters() {
        let long = "ä".repeat(LONGEST_MESSAGE);
        assert_eq!(beginning(&long).len(), LONGEST_MESSAGE);
        assert_eq!(beginning("short"), "short");
        assert_eq!(size(&Text::default()), A_TEXT);
    }
}
