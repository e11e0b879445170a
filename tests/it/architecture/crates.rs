//! Which crate may use which: read from their manifests, so that an arrow that points up is seen where it is added.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate by its folder with the crates that it may use. Lower ones come first, and an arrow points to a line above.
const MAY_USE: [(&str, &[&str]); 19] = [
    ("src/core", &[]),
    ("src/retry", &[]),
    ("src/page", &["core"]),
    ("src/ports", &["core"]),
    ("src/apply", &["core", "ports"]),
    ("src/clouds/join", &["core"]),
    ("src/calendar", &["core"]),
    ("src/history", &["core"]),
    ("src/notify", &["core", "ports"]),
    ("src/prometheus", &["core", "ports"]),
    ("src/kube", &["core", "history", "ports", "retry"]),
    ("src/clouds/aws", &["core", "join", "ports", "retry"]),
    ("src/clouds/exec", &["core", "ports"]),
    ("src/clouds/gce", &["core", "join", "ports", "retry"]),
    ("src/clouds/rest", &["join", "ports", "retry"]),
    ("src/clouds/azure", &["core", "join", "ports", "rest"]),
    ("src/clouds/openstack", &["core", "join", "ports", "rest"]),
    ("src/simulate", &["apply", "core", "history", "page", "ports"]),
    // The program: the only place that knows all of them.
    (
        "",
        &[
            "apply",
            "aws",
            "azure",
            "calendar",
            "core",
            "exec",
            "gce",
            "history",
            "join",
            "kube",
            "notify",
            "openstack",
            "page",
            "ports",
            "prometheus",
            "retry",
            "simulate",
        ],
    ),
];

/// All that the crates without input and output may use of others.
const PURE: [(&str, &[&str]); 3] = [
    ("src/core", &["jiff", "thiserror"]),
    ("src/clouds/join", &["jiff", "thiserror"]),
    ("src/ports", &["async-trait", "jiff", "thiserror"]),
];

const OURS: &str = "kube-rebalancer-";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of a manifest's dependencies, without its dev dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['=', '.']) {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

fn read(folder: &str) -> BTreeSet<String> {
    dependencies(&fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap())
}

/// The folders below `folder` that have a manifest.
fn crates(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(crates(&path));
        } else if path.ends_with("Cargo.toml") {
            found.insert(folder.to_owned());
        }
    }
    found
}

#[test]
fn every_arrow_is_an_allowed_one() {
    for (folder, allowed) in MAY_USE {
        let used = read(folder);
        let used: BTreeSet<&str> = used.iter().filter_map(|name| name.strip_prefix(OURS)).collect();
        let surplus: Vec<&&str> = used.iter().filter(|name| !allowed.contains(name)).collect();
        assert!(surplus.is_empty(), "'{folder}' may not use {surplus:?}");
    }
}

#[test]
fn arrows_point_down_only() {
    let mut below = BTreeSet::new();
    for (folder, allowed) in MAY_USE {
        for name in allowed {
            assert!(below.contains(name), "'{folder}' uses {name}, which is not below it");
        }
        below.insert(folder.rsplit('/').next().unwrap());
    }
}

#[test]
fn every_crate_has_its_place() {
    let found: BTreeSet<PathBuf> = crates(&root().join("src"));
    let placed: BTreeSet<PathBuf> = MAY_USE
        .iter()
        .filter(|(folder, _)| !folder.is_empty())
        .map(|(folder, _)| root().join(folder))
        .collect();
    assert_eq!(found, placed);
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for (folder, _) in MAY_USE.iter().filter(|(folder, _)| !folder.is_empty()) {
        assert!(page.contains(&format!("| `{folder}` |")), "CONTRIBUTING.md has no row for {folder}");
    }
}

#[test]
fn what_decides_can_do_no_input_and_no_output() {
    for (folder, allowed) in PURE {
        for name in read(folder).iter().filter(|name| !name.starts_with(OURS)) {
            assert!(allowed.contains(&name.as_str()), "'{folder}' uses {name}");
        }
    }
}

#[test]
fn the_manifests_are_understood() {
    let manifest = "\
[package]
name = \"a\"

[dependencies]
kube-rebalancer-core = { path = \"../core\" } # = nothing
log.workspace = true

[dev-dependencies]
tokio = \"1\"
";
    let expected = ["kube-rebalancer-core", "log"].map(str::to_owned);
    assert_eq!(dependencies(manifest), BTreeSet::from(expected));
    let counts: BTreeMap<&str, usize> =
        MAY_USE.iter().map(|(folder, _)| (*folder, read(folder).len())).collect();
    assert!(counts.values().all(|count| *count > 0), "{counts:?}");
}

/// The image inherits the levels of a build from source, which are low for crates that are large and seldom run.
#[test]
fn a_level_of_the_release_build_has_another_one_in_the_image() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let of = |profile: &str| -> BTreeSet<String> {
        let begin = format!("[profile.{profile}.package]");
        let levels = manifest.lines().skip_while(|line| *line != begin).skip(1);
        let levels = levels.take_while(|line| !line.is_empty());
        levels.filter_map(|line| line.split_once(".opt-level = ")).map(|(name, _)| name.to_owned()).collect()
    };
    let (release, dist) = (of("release"), of("dist"));
    assert!(!release.is_empty());
    assert_eq!(release.difference(&dist).collect::<Vec<_>>(), [""; 0]);
}
