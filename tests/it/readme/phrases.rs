//! English that reads like a translation is rare: a list of phrases that comments, pages and messages do without.
//!
//! `cargo test --workspace --locked --test it readme::phrases -- --nocapture` prints their number. To count them in another
//! revision, compile this file alone: `CARGO_MANIFEST_DIR=<checkout> rustc --edition 2024 --test tests/it/readme/phrases.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// The maximum number of places with one of the phrases.
const MOST: usize = 20;

/// The files and folders to read. A folder is read with all of its folders.
const PLACES: [&str; 8] =
    ["src", "tests", "docs", "k8s", ".ci", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"];

/// The endings of the names of files with text for people.
const ENDINGS: [&str; 4] = ["rs", "md", "yaml", "toml"];

/// The phrases: each beginning with each end. In two parts, so that this file has none of them.
const PHRASES: [(&[&str], &[&str]); 7] = [
    (&["is", "are", "was", "were", "be"], &["told"]),
    (&["says"], &["so"]),
    (&["so"], &["many"]),
    (&["stand", "stands"], &["in", "for", "at", "there", "first", "before"]),
    (&["who", "whoever"], &["has"]),
    (&["what"], &["boots", "is there", "comes"]),
    (&["those"], &["of", "that", "who"]),
];

/// All phrases, in lower case.
fn phrases() -> Vec<String> {
    let mut phrases = Vec::new();
    for (begins, ends) in PHRASES {
        for begin in begins {
            phrases.extend(ends.iter().map(|end| format!("{begin} {end}")));
        }
    }
    phrases
}

/// How often a line in lower case has a phrase as whole words.
fn count(line: &str, phrase: &str) -> usize {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let is_whole = |begin: usize| {
        let (before, rest) = line.split_at(begin);
        let after = rest.strip_prefix(phrase).unwrap_or(rest);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    };
    line.match_indices(phrase).filter(|(begin, _)| is_whole(*begin)).count()
}

/// The files with text for people in a file or folder, in order of their names.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        let ending = path.extension().and_then(|ending| ending.to_str());
        return if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            vec![path.to_owned()]
        } else {
            vec![]
        };
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.iter().flat_map(|entry| files(entry)).collect()
}

/// The places with a phrase in a text, as `name:line: phrase`.
fn places(name: &str, text: &str, phrases: &[String]) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let present: Vec<&String> = phrases.iter().filter(|phrase| text.contains(phrase.as_str())).collect();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for phrase in &present {
            let times = count(line, phrase);
            found.extend((0..times).map(|_| format!("{name}:{}: {phrase}", number + 1)));
        }
    }
    found
}

#[test]
fn phrases_that_read_like_a_translation_are_rare() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let phrases = phrases();
    let files: Vec<PathBuf> = PLACES.iter().flat_map(|place| files(&root.join(place))).collect();
    assert!(files.len() > 400, "{} files found", files.len());
    let mut found = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        found.extend(places(&name, &fs::read_to_string(&path).unwrap(), &phrases));
    }
    println!("{} places with one of the phrases; at most {MOST} are allowed", found.len());
    assert!(
        found.len() <= MOST,
        "{} places, expected at most {MOST}; rebuild the sentence with a thing as its subject:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn a_phrase_is_found_as_whole_words_in_any_case() {
    let phrases = phrases();
    assert_eq!(phrases.len(), 27);
    let [those, many] =
        ["those", "so"].map(|begin| phrases.iter().find(|phrase| phrase.starts_with(begin)).unwrap());
    let text = format!("fine\n/// X{many}, {many}y, {}. {those}: {those}", many.to_uppercase());
    let expected = [format!("file:2: {many}"), format!("file:2: {those}"), format!("file:2: {those}")];
    assert_eq!(places("file", &text, &phrases), expected);
}
