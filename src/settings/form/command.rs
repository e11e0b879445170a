//! Commands: program and arguments, without a shell; and the names of variables.

use std::collections::BTreeSet;

use super::complaint::Complaint;
use super::shape::{Form, JsonKind, Shape};
use super::sign::SEPARATOR;

/// A program with its arguments.
pub(in crate::settings) const COMMAND: Form<Option<Vec<String>>> = Form {
    shape: Shape {
        unit: "command",
        expected: "a program with arguments, or a JSON array of strings",
        json: JsonKind::Text,
    },
    read: command,
};

/// Names of variables of the environment.
pub(in crate::settings) const VARIABLES: Form<BTreeSet<String>> = Form {
    shape: Shape {
        unit: "variables",
        expected: "names of variables with ':' between them, such as KUBECONFIG:TF_*",
        json: JsonKind::List,
    },
    read: variables,
};

/// Splits a command at blanks, without quotes; a command that needs quotes must be a JSON array. A shell would read quotes
/// differently, and a run must not guess which one was meant.
fn command(text: &str) -> Result<Option<Vec<String>>, Complaint> {
    if text.is_empty() {
        return Ok(None);
    }
    let not_one = |what| Complaint::NotAName { text: text.to_owned(), what };
    if text.starts_with('[') {
        let words: Vec<String> = serde_json::from_str(text).map_err(|_| not_one("JSON array of strings"))?;
        let is_one = words.first().is_some_and(|program| !program.is_empty());
        let clean = words.iter().all(|word| !word.contains('\0'));
        return if is_one && clean { Ok(Some(words)) } else { Err(not_one("command")) };
    }
    if text.contains(['"', '\'', '\\', '$', '`', '|', ';', '&', '<', '>', '\0']) {
        return Err(not_one("plain command"));
    }
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    if words.is_empty() { Err(not_one("command")) } else { Ok(Some(words)) }
}

fn variables(text: &str) -> Result<BTreeSet<String>, Complaint> {
    if text.is_empty() {
        return Ok(BTreeSet::new());
    }
    let is_name = |name: &str| {
        let name = name.strip_suffix('*').unwrap_or(name);
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split(SEPARATOR)
        .map(|name| {
            if is_name(name) {
                Ok(name.to_owned())
            } else {
                Err(Complaint::NotAName { text: name.to_owned(), what: "name of a variable" })
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_words_or_a_json_array_and_never_a_shell() {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        for (text, expected) in [
            ("", None),
            ("/opt/list", words(&["/opt/list"])),
            ("/opt/list  --all", words(&["/opt/list", "--all"])),
            (r#"["/opt/list", "a b", "$HOME"]"#, words(&["/opt/list", "a b", "$HOME"])),
        ] {
            assert_eq!(command(text), Ok(expected), "{text}");
        }
        for text in [" ", "a 'b c'", "a | b", "a; b", "a $B", "[", "[]", r#"[""]"#, "[1]", r#"["a"] b"#] {
            assert!(command(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_are_names_or_beginnings_of_names() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(variables("A_1:TF_*"), Ok(set(&["A_1", "TF_*"])));
        assert_eq!(variables(""), Ok(set(&[])));
        for text in ["A:", "1A", "A-B", "*", "A*B", "A=b"] {
            assert!(variables(text).is_err(), "{text}");
        }
    }
}
