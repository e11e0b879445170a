//! A form: its description for people and programs, and the parser of its texts.

use serde_json::Value;

use super::complaint::Complaint;
use super::sign::SEPARATOR;

/// The form of a setting's text, with its parser into a `T`.
#[derive(Debug)]
pub(in crate::settings) struct Form<T> {
    /// The part of the form that does not depend on the type.
    pub(in crate::settings) shape: Shape,
    /// Reads a text. An empty text means *unset*; it is only passed if the default is empty.
    pub(in crate::settings) read: fn(&str) -> Result<T, Complaint>,
}

/// The description of a form's texts for people and programs.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The unit, in a word or two.
    pub unit: &'static str,
    /// The expected form, as it follows the word *expected*.
    pub expected: &'static str,
    /// The kind of the text in JSON.
    pub json: JsonKind,
}

/// The kind of a setting's text in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// A number or a boolean if the text is one, else a string: `3`, `0.85`, `true`, `"20%"`.
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
            Self::List => text.split(SEPARATOR).map(Value::from).collect(),
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
