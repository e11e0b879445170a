//! Commands that no test can run: the files, objects and flags that they name exist in this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deploy;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

/// The word after a flag.
#[track_caller]
fn value<'c>(command: &'c str, flag: &str) -> &'c str {
    let words = words(command);
    let at = words.iter().position(|word| *word == flag).expect("no such flag");
    words[at + 1]
}

/// Checks that it is an executable file of this repository, or a command of cargo to build and test, which `.ci/run` takes
/// from the README. Further words for `cargo test` are modules of the tests.
#[track_caller]
pub(super) fn build(command: &str) {
    match words(command).as_slice() {
        ["cargo", "build"] => {}
        ["cargo", "test", "--workspace", "--locked", modules @ ..] => {
            assert!(text("README.md").contains("<!-- ci:test -->\n```sh\ncargo test --workspace --locked\n"));
            for module in modules {
                let module = module.trim_end_matches("::");
                assert!(text("tests/it/main.rs").contains(&format!("\nmod {module};\n")), "{command}");
            }
        }
        [".ci/run"] => assert!(path(".ci/run").is_file()),
        [program] => {
            assert!(path(program).is_file(), "{command}");
            assert!(text(".ci/run").contains(program), ".ci/run does not run {command}");
        }
        _ => unreachable!("no test knows how this builds or tests: {command}"),
    }
}

/// Checks that each benchmark in Cargo.toml exists.
#[track_caller]
pub(super) fn bench(command: &str) {
    let manifest = text("Cargo.toml");
    let benches = manifest.split("[[bench]]").skip(1);
    let files: Vec<&str> =
        benches.map(|bench| bench.split("path = \"").nth(1).unwrap().split('"').next().unwrap()).collect();
    assert!(!files.is_empty() && files.iter().all(|file| path(file).is_file()), "{command}: {files:?}");
}

/// Checks that the image has the name and the tag of the manifests.
#[track_caller]
pub(super) fn image(command: &str) {
    let kustomization = text("k8s/base/kustomization.yaml");
    let tag = kustomization.split("newTag: ").nth(1).unwrap().lines().next().unwrap();
    let expected = format!("/kube-rebalancer:{tag}");
    match words(command).as_slice() {
        ["docker", "build", "--tag", image, "."] => {
            assert!(image.ends_with(&expected), "{command}");
            assert!(path("Dockerfile").is_file());
        }
        ["docker", "push", image] => assert!(image.ends_with(&expected), "{command}"),
        _ => unreachable!("no test knows this command of docker: {command}"),
    }
}

/// Checks that the chart, its files and its values exist; if helm is installed, it renders them.
#[track_caller]
pub(super) fn chart(command: &str) {
    let words = words(command);
    let ["helm", "install", _, chart, flags @ ..] = words.as_slice() else {
        unreachable!("no test knows this command of helm: {command}")
    };
    assert!(path(chart).join("Chart.yaml").is_file(), "{command}");
    if flags.contains(&"--values") {
        assert!(path(value(command, "--values")).is_file(), "{command}");
    }
    if flags.contains(&"--set") {
        let (key, _) = value(command, "--set").split_once('=').unwrap();
        let known =
            text(&format!("{chart}/values.yaml")).lines().any(|line| line.starts_with(&format!("{key}:")));
        assert!(known, "{command}: no value {key}");
    }
    // It is not installed: the chart equals the output of kustomize, which another command of the page applies.
    let render = command.replacen("install", "template", 1);
    match Command::new("sh")
        .args(["-c", &format!("command -v helm && {render}")])
        .current_dir(path(""))
        .output()
    {
        Ok(output) if output.stdout.is_empty() => println!("skipped: no helm to run: {command}"),
        output => {
            let output = output.unwrap();
            assert!(output.status.success(), "{command}: {output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("kind: CronJob"), "{output:?}");
        }
    }
}

/// The role is the one that the overlay for GKE binds. `gce` runs the program with its permissions, and with each one less.
#[track_caller]
pub(super) fn role(command: &str) {
    let name = words(command)[4];
    let overlay = fs::read_to_string(deploy::path("overlays/gke/kustomization.yaml")).unwrap();
    assert!(overlay.contains(&format!("/roles/{name} ")), "{command}: the overlay binds another role");
    for flag in ["--project", "--title"] {
        assert!(!value(command, flag).starts_with('-'), "{command}");
    }
    let permissions = value(command, "--permissions").split(',');
    for permission in permissions {
        let form = permission.split('.').filter(|part| !part.is_empty()).count();
        assert!(permission.starts_with("compute.") && form == 3, "{command}: {permission:?}");
    }
}
