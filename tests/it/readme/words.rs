//! The messages and variables of the operators' pages exist in the program.

use std::fs;
use std::path::Path;

use kube_rebalancer::settings::Settings;
use kube_rebalancer::settings::catalog::ENTRIES;

pub(super) fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The pages that operators read.
const PAGES: [&str; 8] = [
    "README.md",
    "docs/comparison.md",
    "docs/concepts.md",
    "docs/foresight.md",
    "docs/operations.md",
    "docs/providers.md",
    "docs/settings.md",
    "docs/signals.md",
];

/// The text between a heading and the next one.
pub(super) fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The texts between single backticks, without blocks of code.
fn code_spans(text: &str) -> Vec<&str> {
    let prose = text.split("\n```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// The Rust code of a folder, without its tests, as one text.
fn sources(folder: &Path) -> String {
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]\nmod tests").next().unwrap());
        }
    }
    code
}

/// Whether code contains a text outside of its comments, where a backslash may break it over lines.
fn prints(code: &str, text: &str) -> bool {
    let quoted = |line: &str| !line.trim_start().starts_with("//");
    let lines = code.lines().filter(|line| quoted(line));
    let joined = lines.map(|line| line.trim_start().trim_end_matches('\\')).collect::<Vec<&str>>().join("");
    joined.contains(text)
}

#[test]
fn every_message_of_the_troubleshooting_is_one_that_the_program_prints() {
    let page = read("docs/operations.md");
    let code = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let rows = section(&page, "Troubleshooting").lines().filter_map(|line| line.strip_prefix("| `"));
    let messages: Vec<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    assert!(messages.len() > 10, "{messages:?}");
    for message in messages {
        // Three dots replace the part of a message that varies.
        for part in message.split('…') {
            assert!(prints(&code, part.trim()), "no source prints {part:?}");
        }
    }
    assert!(!prints(&code, "a message that nobody prints"));
}

/// Variables of other programs or of earlier versions.
const OTHERS: [&str; 8] = [
    "DEFAULT_CONTEXT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "NO_COLOR",
    "OS_CLOUD",
    "OS_TRUST_ID",
    "PROJECT_ID",
    "RUST_LOG",
    "SLACK_TOKEN",
];
/// The prefix of the variables that Azure's own clients read.
const AZURE: &str = "AZURE_";

#[test]
fn every_variable_of_the_pages_is_a_setting_and_its_values_are_valid() {
    let text: Vec<String> = PAGES.iter().map(|name| read(name)).collect();
    let mut seen = 0;
    for span in text.iter().flat_map(|text| code_spans(text)) {
        let (name, value) = span.split_once('=').map_or((span, None), |(name, value)| (name, Some(value)));
        let is_variable = name.len() > 2
            && name.contains('_')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        // The example of a misspelt one.
        if !is_variable || OTHERS.contains(&name) || name.starts_with(AZURE) || name == "MAX_UTILISATION" {
            continue;
        }
        seen += 1;
        assert!(ENTRIES.iter().any(|entry| entry.name == name), "{span} is no setting");
        if let Some(value) = value {
            // Overrides by pool are for clusters with pools.
            Settings::from_pairs([("POOL_LABEL", "example.com/pool"), (name, value)]).unwrap();
        }
    }
    assert!(seen > 30, "{seen} variables found");
}
