//! What may know what: crates by their manifests; within a crate by its sources, because one crate cannot forbid its
//! modules to see each other.

mod actions;
mod circles;
mod crates;
mod linked;
mod sleeps;

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust sources below a folder of this repository.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    assert!(!sources.is_empty(), "no sources in {folder}");
    sources
}

/// The code of a source, without comments, and without its text in quotes.
fn code(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let unquoted: Vec<&str> = line.split('"').step_by(2).collect();
        code.push_str(&unquoted.concat());
        code.push('\n');
    }
    code
}

/// The names that a `use` of this path brings in, nested braces included.
fn imports(code: &str, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(path) {
        let rest = &code[at + path.len()..];
        let end =
            if rest.starts_with('{') { rest.find('}') } else { rest.find([';', ',', '\n', ' ', '(', ')']) };
        let list = rest[..end.unwrap_or(rest.len())].trim_start_matches('{');
        names.extend(list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    names
}

/// The types of which a plan consists. The checker may use them; everything else in `plan` makes decisions.
const VALUE_TYPES: [&str; 37] = [
    "Action",
    "After",
    "Band",
    "Before",
    "CordonAge",
    "CordonReason",
    "DeleteReason",
    "Demand",
    "Elapsed",
    "EvictReason",
    "GroupSize",
    "GrowReason",
    "InstanceReason",
    "KeepReason",
    "Limit",
    "Loss",
    "MarkReason",
    "NodeState",
    "NodeVerdict",
    "ObjectReason",
    "Plan",
    "PoolPlan",
    "Reason",
    "Refusal",
    "Service",
    "Since",
    "SteerReason",
    "Target",
    "TooManyBroken",
    "UncordonReason",
    "UnmarkReason",
    "UnsteerReason",
    "Utilization",
    "Verdict",
    "WakeInstead",
    "WakeReason",
    "Warning",
];

#[test]
fn the_checker_takes_nothing_from_the_planner_but_the_values() {
    for (path, text) in sources("src/core/check") {
        let code = code(&text);
        for name in imports(&code, "plan::") {
            assert!(VALUE_TYPES.contains(&name.as_str()), "{}: imports plan::{name}", path.display());
        }
        for name in imports(&code, "crate::").iter().filter(|name| name.starts_with("plan")) {
            let typed = name
                .strip_prefix("plan::")
                .is_some_and(|name| name.starts_with(char::is_uppercase) || name.starts_with('{'));
            assert!(typed, "{}: imports crate::{name}", path.display());
        }
    }
}

#[test]
fn the_planner_takes_nothing_from_the_checker() {
    for folder in ["src/core/plan", "src/core/model"] {
        for (path, text) in sources(folder) {
            let names = imports(&code(&text), "crate::");
            assert!(!names.iter().any(|name| name.starts_with("check")), "{}: {names:?}", path.display());
        }
    }
}

#[test]
fn the_core_is_pure() {
    let forbidden = [
        "std::env",
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::thread",
        "HashMap",
        "HashSet",
        "Instant",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "f32",
        "f64",
        "tokio",
        "kube::",
        "k8s_openapi",
        "println!",
        "rand::",
        "log::",
    ];
    for (path, text) in sources("src/core") {
        let code = code(&text);
        for name in forbidden {
            // Two threads for many nodes: the file argues why plans do not depend on that.
            let is_argued = name == "std::thread" && path.ends_with("src/core/plan/halves.rs");
            assert!(is_argued || !code.contains(name), "{}: {name} has no place in the core", path.display());
        }
    }
}

#[test]
fn only_the_table_of_providers_names_a_cloud() {
    let clouds = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/clouds")).unwrap();
    let clouds = clouds.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The crates that several clouds share name no cloud.
    let own = clouds.filter(|name| !["join", "rest"].contains(&name.as_str()));
    let providers: Vec<String> = own.map(|name| format!("kube_rebalancer_{name}")).collect();
    assert!(!providers.is_empty());
    for (path, text) in sources("src") {
        if path.ends_with("src/providers.rs") {
            continue;
        }
        let code = code(&text);
        for provider in &providers {
            assert!(!code.contains(provider.as_str()), "{} names {provider}", path.display());
        }
    }
}

#[test]
fn the_rules_of_this_file_can_fail() {
    assert_eq!(imports("use crate::plan::{Action, plan};", "plan::"), ["Action", "plan"]);
    assert_eq!(imports("use super::super::plan::choose;", "plan::"), ["choose"]);
    assert_eq!(imports("let x = crate::plan::plan(a);", "plan::"), ["plan"]);
    assert_eq!(code("let a = 1; // f64\nlet b = \"HashMap\";"), "let a = 1; \nlet b = ;\n");
}
