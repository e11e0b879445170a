//! What a provider costs in crates, and that all of them share one TLS stack.

use std::collections::BTreeSet;
use std::process::Command;

/// Maximum number of crates that OpenStack adds.
const MOST_OF_OPENSTACK: usize = 5;

/// Maximum number of crates that AWS adds.
const MOST_OF_AWS: usize = 30;

/// Maximum number of crates that Azure adds to the ones of OpenStack.
const MOST_OF_AZURE: usize = 1;

/// Other implementations of TLS, and their parts.
const OTHER_STACKS: [&str; 9] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "mbedtls",
    "native-tls",
    "openssl",
    "openssl-sys",
    "s2n-tls",
    "schannel",
];

/// Every crate of the program with these features, as `name version`.
fn tree(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--package", "kube-rebalancer", "--no-default-features"])
        .args(["--features", features, "--edges", "normal,build", "--prefix", "none", "--no-dedupe"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<String> =
        text.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(crates.len() > 50, "{text}");
    crates
}

#[test]
fn openstack_adds_at_most_five_crates() {
    let others = tree("exec,gce,simulate");
    let with = tree("exec,gce,simulate,openstack");
    let added: Vec<&String> =
        with.difference(&others).filter(|name| !name.starts_with("kube-rebalancer-")).collect();
    println!("OpenStack adds {added:?}, {} crates in all", with.len());
    assert!(added.len() <= MOST_OF_OPENSTACK, "{added:?}");
}

#[test]
fn azure_adds_at_most_one_crate() {
    let others = tree("exec,gce,openstack,simulate");
    let with = tree("azure,exec,gce,openstack,simulate");
    let added: Vec<&String> =
        with.difference(&others).filter(|name| !name.starts_with("kube-rebalancer-")).collect();
    assert!(added.len() <= MOST_OF_AZURE, "{added:?}");
}

#[test]
fn aws_adds_at_most_thirty_crates() {
    let others = tree("exec,gce,simulate,openstack");
    let with = tree("exec,gce,simulate,openstack,aws");
    let added: Vec<&String> =
        with.difference(&others).filter(|name| !name.starts_with("kube-rebalancer-")).collect();
    println!("AWS adds {added:?}, {} crates in all", with.len());
    assert!(added.len() <= MOST_OF_AWS, "{added:?}");
}

#[test]
fn there_is_one_tls_stack() {
    for features in ["aws,azure,exec,gce,openstack,simulate", "aws", "azure", "openstack", "gce", "exec"] {
        let crates = tree(features);
        let name = |one: &String| one.split(' ').next().unwrap().to_owned();
        let other: Vec<&String> =
            crates.iter().filter(|one| OTHER_STACKS.contains(&name(one).as_str())).collect();
        let stacks: Vec<&String> = crates.iter().filter(|one| name(one) == "rustls").collect();
        assert!(other.is_empty() && stacks.len() == 1, "{features}: {other:?} {stacks:?}");
    }
}
