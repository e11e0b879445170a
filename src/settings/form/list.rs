//! Lists of names, separated by `:` as in the original's environment.

use std::collections::BTreeSet;

use super::name::{NameRule, group_part, label_key, namespace};
use super::{Complaint, Form, JsonKind, Shape};

/// What stands between the elements.
pub(super) const SEPARATOR: char = ':';

/// Keys of labels.
pub(in crate::settings) const LABEL_KEYS: Form<BTreeSet<String>> = Form {
    shape: Shape {
        unit: "label keys",
        expected: "label keys with ':' between them, such as team:example.com/pool",
        json: JsonKind::List,
    },
    read: |text| elements(text, &label_key),
};

/// Namespaces.
pub(in crate::settings) const NAMESPACES: Form<BTreeSet<String>> = Form {
    shape: Shape { unit: "namespaces", expected: "namespaces with ':' between them", json: JsonKind::List },
    read: |text| elements(text, &namespace),
};

/// Managed instance groups, each by its name or a part of it that no other group has.
pub(in crate::settings) const GROUPS: Form<BTreeSet<String>> = Form {
    shape: Shape {
        unit: "names",
        expected: "group names with ':' between them, such as pool-a:pool-b",
        json: JsonKind::List,
    },
    read: |text| elements(text, &group_part),
};

/// Reads a list. The empty text is the empty list; an empty element is a slip (a trailing `:`, an unset variable in
/// the middle) that would otherwise be taken for the name of nothing.
fn elements(text: &str, rule: &NameRule) -> Result<BTreeSet<String>, Complaint> {
    if text.is_empty() {
        return Ok(BTreeSet::new());
    }
    (1..)
        .zip(text.split(SEPARATOR))
        .map(|(position, element)| match element {
            "" => Err(Complaint::EmptyElement { position }),
            _ => rule(element),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_separate_elements() {
        let set = |elements: &[&str]| Ok(elements.iter().map(ToString::to_string).collect());
        let not_a_key = |text: &str| Err(Complaint::NotAName { text: text.into(), what: "label key" });
        let empty = |position| Err(Complaint::EmptyElement { position });
        let cases = [
            ("", set(&[])),
            ("a", set(&["a"])),
            ("b:a:b", set(&["a", "b"])),
            ("hub.jupyter.org/autoscaler-ephemeral:c", set(&["c", "hub.jupyter.org/autoscaler-ephemeral"])),
            ("a:", empty(2)),
            (":a", empty(1)),
            ("a::b", empty(2)),
            (":", empty(1)),
            ("a, b", not_a_key("a, b")),
            ("a:b c", not_a_key("b c")),
            ("pool=users", not_a_key("pool=users")),
        ];
        for (text, expected) in cases {
            assert_eq!((LABEL_KEYS.read)(text), expected, "{text:?}");
        }
    }

    #[test]
    fn each_list_has_its_own_rule() {
        let not = |text: &str, what| Err(Complaint::NotAName { text: text.into(), what });
        assert_eq!((NAMESPACES.read)("kube-system:Hub"), not("Hub", "namespace"));
        assert_eq!((GROUPS.read)("pool-a:../b"), not("../b", "group name"));
        assert!((GROUPS.read)("gke-hub-users-1a2b-grp:1a2b").is_ok());
    }
}
