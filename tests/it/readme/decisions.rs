//! `docs/decisions.md` has every section that a comment in the sources names, and exactly the settings of the program.

use std::fs;
use std::path::{Path, PathBuf};

use kube_rebalancer::settings::catalog::ENTRIES;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn decisions() -> String {
    fs::read_to_string(path("docs/decisions.md")).unwrap()
}

/// The numbers of the headings `## N. Title`, in the order of the page.
fn headings(page: &str) -> Vec<u32> {
    let titles = page.lines().filter_map(|line| line.strip_prefix("## "));
    titles.filter_map(|title| title.split_once(". ")?.0.parse().ok()).collect()
}

/// The sources below a folder, each with its name.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    texts
}

/// The comments of a source as one text, because a reference may continue on the next line.
fn comments(source: &str) -> String {
    let lines = source.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    lines.map(|line| line.trim_start_matches(['/', '!']).trim()).collect::<Vec<&str>>().join(" ")
}

/// The number at the start of a word: 10 for `10's`, 7 for `7.4`.
fn number(word: &str) -> Option<u32> {
    let end = word.find(|character: char| !character.is_ascii_digit()).unwrap_or(word.len());
    word[..end].parse().ok()
}

/// The sections that a text names: `section 5`, `sections 2 to 4`, `sections 12, 13 and 15`.
fn named(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        if !["section", "sections"].contains(&word.to_ascii_lowercase().as_str()) {
            continue;
        }
        while let Some(next) =
            words.next_if(|next| number(next).is_some() || ["and", "or", "to"].contains(next))
        {
            numbers.extend(number(next));
        }
    }
    numbers
}

#[test]
fn references_are_found_in_every_form() {
    let source = "//! See section\n//! 5, and (Section 10's rule).\nlet section = 9;\n/// Of sections 2 to 4 or 12, the 7 nodes; section 7.4.";
    assert_eq!(named(&comments(source)), [5, 10, 2, 4, 12, 7]);
}

/// A changed number would refer every comment that names it to another rule.
#[test]
fn the_sections_are_numbered_from_1_to_18() {
    assert_eq!(headings(&decisions()), (1..=19).collect::<Vec<u32>>());
}

#[test]
fn every_section_that_the_page_itself_names_exists() {
    let page = decisions();
    let numbers = named(&page);
    assert!(numbers.len() > 20, "{numbers:?}");
    assert!(numbers.iter().all(|number| headings(&page).contains(number)), "{numbers:?}");
}

#[test]
fn every_section_that_a_comment_names_exists() {
    let headings = headings(&decisions());
    let mut seen = 0;
    for (name, source) in sources(&path("src")) {
        for number in named(&comments(&source)) {
            seen += 1;
            assert!(headings.contains(&number), "{name}: docs/decisions.md has no section {number}");
        }
    }
    assert!(seen >= 3, "{seen} references found");
}

/// Settings that arrive with a later release.
const PLANNED: [&str; 0] = [];

/// The rows of section 1: name, default (empty for *unset*) and meaning.
fn settings(page: &str) -> Vec<(&str, &str, &str)> {
    let (_, rest) = page.split_once("\n## 1. ").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let default = if cells[1] == "unset" { "" } else { cells[1].trim_matches('`') };
        (cells[0].trim_matches('`'), default, cells[2])
    })
    .collect()
}

#[test]
fn the_settings_of_later_releases_are_planned_and_no_others() {
    let page = decisions();
    let planned =
        settings(&page).into_iter().filter(|(_, _, meaning)| meaning.starts_with("Planned, section "));
    let mut planned: Vec<&str> = planned.map(|(name, _, _)| name).collect();
    planned.sort_unstable();
    assert_eq!(planned, PLANNED);
    assert!(ENTRIES.iter().all(|entry| !PLANNED.contains(&entry.name)), "a planned setting has arrived");
}

#[test]
fn every_other_setting_of_section_1_exists_with_the_same_default() {
    let page = decisions();
    let settings = settings(&page);
    assert!(settings.len() > 30, "{settings:?}");
    let mut wrong = Vec::new();
    for (name, default, _) in settings.into_iter().filter(|(name, _, _)| !PLANNED.contains(name)) {
        match ENTRIES.iter().find(|entry| entry.name == name) {
            None => wrong.push(format!("{name} is no setting")),
            Some(entry) if entry.default == default => {}
            Some(entry) => wrong.push(format!("{name} defaults to {:?}, not to {default:?}", entry.default)),
        }
    }
    assert_eq!(wrong, [""; 0]);
}
