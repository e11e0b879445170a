//! Links between the pages lead to files and headings that exist, and so do the files in the description of the code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::page::Page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The targets of a page's links, without those to other sites.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("\n```").step_by(2);
    let targets = prose.flat_map(|text| text.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    targets.filter(|target| !target.contains("://") && !target.contains(' ')).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for page in Page::all() {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        for link in links(&page.text) {
            seen += 1;
            let (file, heading) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let path: PathBuf = if file.is_empty() { root().join(&page.name) } else { folder.join(file) };
            assert!(path.exists(), "{}: there is no {file}", page.name);
            if let Some(heading) = heading {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(anchors(&text).contains(heading), "{}: {file} has no heading {heading}", page.name);
            }
        }
    }
    assert!(seen > 40, "{seen} links found");
}

#[test]
fn every_file_of_the_walk_through_the_code_exists() {
    let text = std::fs::read_to_string(root().join("docs/development.md")).unwrap();
    let spans = text.split('`').skip(1).step_by(2);
    let files: Vec<&str> =
        spans.filter(|span| span.starts_with("src/") || span.starts_with("tests/")).collect();
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        assert!(root().join(file).exists(), "docs/development.md: there is no {file}");
    }
}

#[test]
fn an_anchor_is_the_heading_in_lower_case_with_dashes() {
    assert_eq!(anchor("18. The operator's own commands"), "18-the-operators-own-commands");
    assert_eq!(anchor("Coming from scale.py"), "coming-from-scalepy");
}
