//! Tests wait for something to become so; one file knows how.

use std::path::Path;

use super::{code, sources};

/// The file that may sleep.
const WAITING: &str = "tests/fake-http/src/waiting.rs";

/// The test part of a source: all of it below `tests`, and in the program the text after the
/// attribute.
fn tests_in<'a>(path: &Path, text: &'a str) -> &'a str {
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    if is_test { text } else { text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests) }
}

/// Whether code calls a function named `sleep`, from whatever library.
fn sleeps(code: &str) -> bool {
    code.match_indices("sleep(")
        .any(|(at, _)| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[test]
fn tests_sleep_nowhere_but_where_they_wait() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sleeping = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let path = path.strip_prefix(root).unwrap();
        if sleeps(&code(tests_in(path, &text))) {
            sleeping.push(path.to_str().unwrap().to_owned());
        }
    }
    assert_eq!(sleeping, [WAITING]);
}

#[test]
fn a_sleep_is_found() {
    assert!(sleeps("std::thread::sleep(PAUSE)") && sleeps("tokio::time::sleep(pause).await"));
    assert!(!sleeps("is_going_to_sleep(task)"));
}
