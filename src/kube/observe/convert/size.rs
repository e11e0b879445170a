//! Bounds on the stored parts of a pod: a user may write more than a megabyte into each, and a run reads all of
//! them.
//!
//! ```text
//!   namespace, name, uid, labels                bounded by the API server: 63, 253 and 36 bytes, 317 and 63 a label
//!   nodeName, nominatedNodeName, volumes' names bounded by the API server: 253, 253 and 63 bytes
//!   keys of labels                              only keys that settings or budgets name
//!   labels, for evictions                       the same; of more than MOST_LABELS, none: such a pod is not evicted
//!   controller                                  LONGEST_NAME bytes each of kind, name, UID and group, else none
//!   scheduler's message                         LONGEST_MESSAGE bytes
//!   warning of an unreadable pod                LONGEST_NAME bytes
//!   names of claims                             LONGEST_CLAIM bytes each, of MOST_VOLUMES volumes  \
//!   names of further resources                  MOST_RESOURCES                                      > and Room for all pods
//!   node selector, affinity, tolerations        MOST_CONSTRAINTS bytes                             /
//! ```
//!
//! Controllers and the labels for evictions count toward the same Room.
//!
//! Annotations, phases, conditions, containers and volumes become numbers, words of this program, or nothing. No other text of a
//! pod is stored.

use kube_rebalancer_core::model::{Controller, Labels};

use crate::observe::intern::Room;
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
/// Maximum number of bytes of a list of volumes in an annotation: the longest names of that many volumes, with a comma each.
pub(super) const LONGEST_LIST: usize = MOST_VOLUMES * 64;
/// Maximum number of bytes of a claim's name: one more than that of any claim. A longer name is cut to a
/// length that no claim's name has.
const LONGEST_CLAIM: usize = 254;
/// Maximum number of labels of a pod that may be evicted. Only labels count that settings or budgets name.
pub(super) const MOST_LABELS: usize = 64;
/// Maximum number of bytes of an owner's name. Names of objects have at most 253.
pub(super) const LONGEST_NAME: usize = 512;
/// Maximum number of bytes of the scheduler's message. A report shows fewer characters, and many pods may wait.
const LONGEST_MESSAGE: usize = 1024;

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

/// The beginning of a text that is no longer than an owner's name.
pub(super) fn name(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_NAME)).unwrap_or_default()
}

/// The name of a claim. A cut name is longer than that of any claim, too, so it never becomes the name of another one.
pub(super) fn claim_name(name: &str) -> &str {
    name.get(..name.ceil_char_boundary(LONGEST_CLAIM)).unwrap_or(name)
}

/// The approximate number of bytes that a text takes.
pub(super) fn of_text(text: &str) -> usize {
    text.len() + A_TEXT
}

/// The texts that together take no more than what every pod may store.
pub(super) fn ordinary<T>(
    texts: impl Iterator<Item = T>,
    text: impl Fn(&T) -> &str,
) -> impl Iterator<Item = T> {
    let mut bytes = 0;
    texts.take_while(move |one| {
        bytes += of_text(text(one));
        bytes <= Room::ORDINARY
    })
}

/// The approximate number of bytes of a controller's texts.
pub(super) fn controller(controller: &Controller) -> usize {
    let Controller { group, kind, name, uid } = controller;
    group.as_deref().map_or(0, of_text) + of_text(kind) + of_text(name) + of_text(uid)
}

/// The approximate number of bytes of labels.
pub(super) fn labels(labels: &Labels) -> usize {
    labels.iter().map(|(key, value)| of_text(key) + of_text(value)).sum()
}

/// The approximate number of bytes of a pod's constraints.
pub(super) fn constraints(spec: &Spec<'_>) -> usize {
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
    of_text(text.as_str())
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
        assert_eq!(claim_name(&"ä".repeat(LONGEST_CLAIM)).len(), LONGEST_CLAIM);
        assert_eq!(claim_name(&format!("a{}", "ä".repeat(LONGEST_CLAIM))).len(), LONGEST_CLAIM + 1);
        assert_eq!(size(&Text::default()), A_TEXT);
    }
}
