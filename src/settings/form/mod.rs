//! What a setting's text may look like: each form knows its unit, what it expects, and the strict reading of a text
//! into a value of a type that cannot be wrong any more.

mod by_pool;
mod complaint;
mod count;
mod duration;
mod list;
mod name;
mod ratio;
mod selector;
mod word;

use serde_json::Value;

pub(super) use by_pool::{ByPool, NODES_BY_POOL, RATIO_BY_POOL, SWITCH_BY_POOL};
pub use complaint::Complaint;
pub(super) use count::{BUDGET, CREATIONS, NODES, PERCENT};
pub(super) use duration::{DURATION, TIMEOUT};
pub(super) use list::{GROUPS, Groups, LABEL_KEYS, NAMESPACES, RESOURCES, TAINT_KEYS};
pub(super) use name::{ENDPOINT, LABEL_KEY, LEASE, NAMESPACE, OBJECT, PROJECT, PROVIDER, ZONE};
pub(super) use selector::SELECTOR;
pub use selector::SelectorError;
pub(super) use word::{ADOPT, CAPACITY, LOG_FORMAT, SWITCH};

/// The form of a setting's text, and its reading into a `T`.
#[derive(Debug)]
pub(super) struct Form<T> {
    /// The form as far as it does not depend on the type that is read.
    pub(super) shape: Shape,
    /// Reads a text. An empty one stands for *unset* and is only given where the default is empty.
    pub(super) read: fn(&str) -> Result<T, Complaint>,
}

/// What a form tells a person and a program about its texts.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The unit, in a word or two.
    pub unit: &'static str,
    /// What is expected, to follow the word *expected*.
    pub expected: &'static str,
    /// What the text is in JSON.
    pub json: JsonKind,
}

/// What a setting's text is in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// A number or a boolean where the text is one, else a string: `3`, `0.85`, `true`, `"20%"`.
    Scalar,
    /// A string; `null` when unset.
    Text,
    /// An array of strings.
    List,
}

impl JsonKind {
    /// The JSON value of a text that its form accepts.
    #[must_use]
    pub fn value(self, text: &str) -> Value {
        match self {
            Self::Scalar => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            Self::Text if text.is_empty() => Value::Null,
            Self::Text => Value::from(text),
            Self::List if text.is_empty() => Value::Array(Vec::new()),
            Self::List => text.split(list::SEPARATOR).map(Value::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_become_the_json_that_a_program_expects() {
        let cases = [
            (JsonKind::Scalar, "3", json!(3)),
            (JsonKind::Scalar, "0.85", json!(0.85)),
            (JsonKind::Scalar, "true", json!(true)),
            (JsonKind::Scalar, "20%", json!("20%")),
            (JsonKind::Text, "5m", json!("5m")),
            (JsonKind::Text, "007", json!("007")),
            (JsonKind::Text, "", json!(null)),
            (JsonKind::List, "a:b", json!(["a", "b"])),
            (JsonKind::List, "", json!([])),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(kind.value(text), expected, "{text:?}");
        }
    }
}
