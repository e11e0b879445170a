//! The program as a plugin of kubectl: started as `kubectl-rebalancer`, it is `kubectl rebalancer`.

use std::path::Path;
use std::process::{Command, Output};

use kube_rebalancer::cli::PLUGIN;
use serde_json::Value;

/// A folder that has the program under the plugin's name.
fn installed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kube-rebalancer"), folder.path().join(PLUGIN)).unwrap();
    folder
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn its_help_names_the_command_that_a_person_types() {
    let folder = installed();
    let help = Command::new(folder.path().join(PLUGIN)).env_clear().arg("--help").output().unwrap();
    assert!(text(&help).contains("\nUsage: kubectl rebalancer [OPTIONS]"), "{}", text(&help));
    let own = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer")).env_clear().arg("--help").output().unwrap();
    assert!(text(&own).contains("\nUsage: kube-rebalancer [OPTIONS]"), "{}", text(&own));
}

#[test]
fn kubectl_finds_it() {
    let folder = installed();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().display());
    let run =
        Command::new("kubectl").env_clear().env("PATH", path).args(["rebalancer", "--version"]).output();
    let Ok(output) = run else {
        println!("skipped: there is no kubectl");
        return;
    };
    assert_eq!(text(&output), format!("kube-rebalancer {}\n", env!("CARGO_PKG_VERSION")));
}

/// Checks the manifest by the rules of krew's own validation, and its version.
#[test]
fn the_manifest_is_one_that_krew_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s/krew.yaml");
    let manifest: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    let name = manifest["metadata"]["name"].as_str().unwrap();
    assert_eq!(format!("kubectl-{name}"), PLUGIN);
    let spec = &manifest["spec"];
    assert_eq!(spec["version"].as_str().unwrap(), format!("v{}", env!("CARGO_PKG_VERSION")));
    let short = spec["shortDescription"].as_str().unwrap();
    assert!(!short.is_empty() && short.len() <= 50 && !short.ends_with('.'), "{short}");
    let platforms = spec["platforms"].as_array().unwrap();
    assert!(!platforms.is_empty());
    for platform in platforms {
        let labels = &platform["selector"]["matchLabels"];
        let archive = format!(
            "{PLUGIN}-{}-{}.tar.gz",
            labels["os"].as_str().unwrap(),
            labels["arch"].as_str().unwrap()
        );
        let uri = platform["uri"].as_str().unwrap();
        assert!(
            uri.starts_with("https://")
                && uri.ends_with(&format!("/v{}/{archive}", env!("CARGO_PKG_VERSION")))
        );
        let sum = platform["sha256"].as_str().unwrap();
        assert!(sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sum}");
        assert_eq!(platform["bin"], PLUGIN);
        let files = platform["files"].as_array().unwrap();
        let from: Vec<&str> = files.iter().map(|file| file["from"].as_str().unwrap()).collect();
        assert!(from.contains(&PLUGIN) && from.iter().any(|file| file.starts_with("LICENSE")), "{from:?}");
    }
}
