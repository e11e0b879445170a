//! The corpus of the fuzzers, and what is near it, through the functions that they try.

#[path = "../fuzz/functions.rs"]
mod functions;

use std::fs;
use std::path::{Path, PathBuf};

/// Number of damaged copies of each text, unless the variable `FUZZ_DAMAGED` sets another one.
const DAMAGED: usize = 200;

#[expect(clippy::disallowed_methods, reason = "whoever has no fuzzer may want more")]
fn damaged_so_often() -> usize {
    std::env::var("FUZZ_DAMAGED").ok().map_or(DAMAGED, |text| text.parse().unwrap())
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn every_function_takes_its_corpus() {
    for (target, function) in functions::ALL {
        let files = corpus(target);
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            function(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_function_takes_its_corpus_damaged() {
    let mut random = fastrand::Rng::with_seed(1);
    for (target, function) in functions::ALL {
        for file in corpus(target) {
            let whole = fs::read(&file).unwrap();
            for _ in 0..damaged_so_often() {
                function(&damaged(&whole, &mut random));
            }
        }
    }
}

/// A text with a few bytes changed, cut, repeated or moved.
fn damaged(whole: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = whole.to_vec();
    for _ in 0..random.usize(1..4) {
        if text.is_empty() {
            break;
        }
        let (from, to) = (random.usize(..text.len()), random.usize(..=text.len()));
        let (from, to) = (from.min(to), from.max(to));
        match random.u8(..6) {
            0 => text[from] = random.u8(..),
            1 => drop(text.drain(from..to.min(from + 8))),
            2 => text.truncate(from.max(1)),
            3 => text.insert(from, *random.choice(b"{}[]\"\\,:0-9eE.\n\x00\x1b\xff/=&*".as_slice()).unwrap()),
            4 => {
                let part = text[from..to.min(from + 32)].to_vec();
                text.splice(from..from, part);
            }
            _ => text[from] ^= 1 << random.u8(..8),
        }
    }
    text
}

#[test]
fn every_function_is_a_target_of_the_fuzzers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (target, _) in functions::ALL {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
        let source = fs::read_to_string(folder.join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(source.contains(&format!("functions::{target}(input)")), "{target}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), functions::ALL.len());
}
