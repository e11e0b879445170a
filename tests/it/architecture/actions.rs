//! The files that a kind of action touches are exactly the files that CONTRIBUTING lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{code, sources};

/// The names of one kind of action, which nothing else in the program has.
const NAMES: [&str; 5] = ["Action::Mark", "Self::Mark", "MarkReason", "recheck::mark", "fn mark("];

/// The paths in code quotes of one section of CONTRIBUTING.md.
fn listed(section: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let (_, rest) = text.split_once(&format!("## {section}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let quoted = section.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| word.starts_with("src/") && Path::new(word).extension().is_some())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_kind_of_action_touches_the_files_that_contributing_lists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for (path, text) in sources("src") {
        let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let about_tests = path.contains("/tests") || path.contains("/fixture");
        if !about_tests && NAMES.iter().any(|name| code(&text).contains(name)) {
            found.insert(path);
        }
    }
    assert_eq!(found, listed("Add a kind of action"));
}
