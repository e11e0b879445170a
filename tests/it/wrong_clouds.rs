//! Every wrong setting of a provider, and every wrong file or program that a setting leads to: one clear line that names the
//! thing, what it is, and what was expected; and nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fake_openstack::{Account, Cluster};
use tempfile::TempDir;

use crate::exec::world as commands;
use crate::openstack::world as servers;

/// A wrong configuration: a name for a person, the settings (`@` is a folder with the files), the exit code, and parts of the
/// message.
type Wrong = (&'static str, &'static [(&'static str, &'static str)], i32, &'static [&'static str]);

/// The run continues without the cloud: its failure is a warning, and the exit code shows it.
const UNSEEN: i32 = 1;
/// The run ends before it reads or changes anything.
const USAGE: i32 = 2;

const OPENSTACK: [Wrong; 22] = [
    ("no node group", &[("NODE_GROUPS", "")], UNSEEN, &["NODE_GROUPS", "hub-k8s-node-"]),
    (
        "a bracket is missing",
        &[("NODE_GROUPS", "^hub-(")],
        USAGE,
        &["NODE_GROUPS", "`^hub-(`", "no regular expression"],
    ),
    (
        "a range upside down",
        &[("NODE_GROUPS", "^[z-a]")],
        USAGE,
        &["NODE_GROUPS", "`^[z-a]`", "no regular expression"],
    ),
    (
        "no such file",
        &[("OS_CLOUD", "lab"), ("OS_CLIENT_CONFIG_FILE", "@/none.yaml")],
        USAGE,
        &["OS_CLOUD", "`lab`", "none.yaml"],
    ),
    (
        "a folder",
        &[("OS_CLOUD", "lab"), ("OS_CLIENT_CONFIG_FILE", "@")],
        USAGE,
        &["OS_CLOUD", "`lab`", "looked for"],
    ),
    (
        "no YAML",
        &[("OS_CLOUD", "lab"), ("OS_CLIENT_CONFIG_FILE", "@/broken.yaml")],
        USAGE,
        &["broken.yaml", "is not understood", "line 2"],
    ),
    (
        "other YAML",
        &[("OS_CLOUD", "lab"), ("OS_CLIENT_CONFIG_FILE", "@/list.yaml")],
        USAGE,
        &["list.yaml", "is not understood", "expected"],
    ),
    (
        "not UTF-8",
        &[("OS_CLOUD", "lab"), ("OS_CLIENT_CONFIG_FILE", "@/bytes.yaml")],
        USAGE,
        &["cannot read", "bytes.yaml"],
    ),
    (
        "an unknown cloud",
        &[("OS_CLOUD", "mars"), ("OS_CLIENT_CONFIG_FILE", "@/clouds.yaml")],
        USAGE,
        &["clouds.yaml", "`mars`", "lab, moon"],
    ),
    (
        "two clouds, none named",
        &[("OS_AUTH_URL", ""), ("OS_CLIENT_CONFIG_FILE", "@/clouds.yaml")],
        USAGE,
        &["clouds.yaml", "2 clouds: lab, moon", "OS_CLOUD"],
    ),
    (
        "an unknown kind of login",
        &[("OS_CLOUD", "moon"), ("OS_CLIENT_CONFIG_FILE", "@/clouds.yaml")],
        USAGE,
        &["cloud `moon`", "`v3magic`", "password"],
    ),
    ("no such controller's file", &[("CLOUD_CONFIG", "@/none.conf")], USAGE, &["CLOUD_CONFIG", "none.conf"]),
    (
        "no section [Global]",
        &[("CLOUD_CONFIG", "@/local.conf")],
        USAGE,
        &["CLOUD_CONFIG", "local.conf", "[Global]", "[local]"],
    ),
    (
        "a quote that does not end",
        &[("CLOUD_CONFIG", "@/line.conf")],
        USAGE,
        &["CLOUD_CONFIG", "line.conf", "line 2", "auth-url"],
    ),
    ("a wrong password", &[("OS_PASSWORD", "wrong")], UNSEEN, &["user `ops`", "Default", "password"]),
    ("another project", &[("PROJECT", "other-project")], USAGE, &["PROJECT is other-project", "hub"]),
    ("a region that is not there", &[("OS_REGION_NAME", "Atlantis")], USAGE, &["Atlantis", "RegionOne"]),
    (
        "no Keystone",
        &[("OS_AUTH_URL", "http://127.0.0.1:1/v3")],
        UNSEEN,
        &["auth URL", "http://127.0.0.1:1/v3"],
    ),
    (
        "a Magnum that is too old",
        &[("NODE_GROUPS", "hub/default-worker")],
        UNSEEN,
        &["hub/default-worker", "does not know the microversion", "1.10"],
    ),
    ("no such cluster", &[("NODE_GROUPS", "mars/default-worker")], USAGE, &["NODE_GROUPS", "mars"]),
    (
        "MAGNUM_DELETE",
        &[("MAGNUM_DELETE", "yes")],
        USAGE,
        &["MAGNUM_DELETE", "yes", "never", "heat", "cluster-api"],
    ),
    ("PARK", &[("PARK", "pause")], USAGE, &["PARK", "pause", "shelve", "stop"]),
];

const EXEC: [Wrong; 19] = [
    ("PROVIDER", &[("PROVIDER", "exce")], USAGE, &["PROVIDER", "exce", "exec"]),
    ("nothing lists", &[("EXEC_LIST", "")], USAGE, &["EXEC_LIST"]),
    ("an array that is none", &[("EXEC_LIST", "[\"@/list\"")], USAGE, &["EXEC_LIST", "JSON"]),
    ("no such program", &[("EXEC_LIST", "@/none")], UNSEEN, &["EXEC_LIST", "@/none"]),
    ("a folder", &[("EXEC_LIST", "@")], UNSEEN, &["EXEC_LIST", "cannot be started"]),
    ("not executable", &[("EXEC_LIST", "@/plain")], UNSEEN, &["EXEC_LIST", "@/plain", "cannot be started"]),
    ("no JSON", &[("EXEC_LIST", "@/says hello")], UNSEEN, &["EXEC_LIST", "no JSON document", "expected"]),
    (
        "half of it",
        &[("EXEC_LIST", "@/says {\"groups\":")],
        UNSEEN,
        &["EXEC_LIST", "no JSON document", "EOF"],
    ),
    ("nothing at all", &[("EXEC_LIST", "@/says")], UNSEEN, &["EXEC_LIST", "no groups"]),
    (
        "another version",
        &[("EXEC_LIST", "@/says {\"schema\":\"kube-rebalancer/exec/v2\",\"groups\":[]}")],
        UNSEEN,
        &["EXEC_LIST", "`kube-rebalancer/exec/v2`", "expected `kube-rebalancer/exec/v1`"],
    ),
    (
        "an unknown field",
        &[("EXEC_LIST", "@/says {\"groups\":[{\"name\":\"a\",\"colour\":1}]}")],
        UNSEEN,
        &["EXEC_LIST", "`colour`", "expected one of"],
    ),
    (
        "an unknown state",
        &[(
            "EXEC_LIST",
            "@/says {\"groups\":[{\"name\":\"a\",\"instances\":[{\"name\":\"n1\",\"state\":\"asleep\"}]}]}",
        )],
        UNSEEN,
        &["EXEC_LIST", "`asleep`", "expected one of"],
    ),
    (
        "a group without a name",
        &[("EXEC_LIST", "@/says {\"groups\":[{}]}")],
        UNSEEN,
        &["EXEC_LIST", "without a name"],
    ),
    (
        "one name twice",
        &[("EXEC_LIST", "@/says {\"groups\":[{\"name\":\"a\"},{\"name\":\"a\"}]}")],
        UNSEEN,
        &["EXEC_LIST", "two groups called `a`"],
    ),
    (
        "a quantity that is none",
        &[("EXEC_LIST", "@/says {\"groups\":[{\"name\":\"a\",\"template\":{\"memory\":\"lots\"}}]}")],
        UNSEEN,
        &["EXEC_LIST", "memory `lots`"],
    ),
    ("it fails", &[("EXEC_LIST", "@/fails 3")], UNSEEN, &["EXEC_LIST", "exit code 3", "no state file"]),
    ("it is busy", &[("EXEC_LIST", "@/fails 75")], UNSEEN, &["EXEC_LIST", "busy", "no state file"]),
    ("an unknown group", &[("NODE_GROUPS", "kubspray")], USAGE, &["NODE_GROUPS", "kubspray", "kubespray"]),
    ("a variable's name", &[("EXEC_ENV", "A=B")], USAGE, &["EXEC_ENV", "A=B"]),
];

fn files() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    write("broken.yaml", b"clouds:\n  lab: {auth\n");
    write("list.yaml", b"- lab\n");
    write("bytes.yaml", b"clouds: {\xff}\n");
    write("clouds.yaml", b"clouds:\n  lab: {auth: {auth_url: 'http://127.0.0.1:1'}}\n  moon: {auth_type: v3magic, auth: {auth_url: 'http://127.0.0.1:1'}}\n");
    write("local.conf", b"[Local]\nauth-url = x\n");
    write("line.conf", b"[Global]\nauth-url = \"x\n");
    write("plain", b"#!/bin/sh\n");
    for (name, text) in [
        ("says", "#!/bin/sh\ncat >/dev/null\nprintf '%s' \"$*\"\n"),
        ("fails", "#!/bin/sh\ncat >/dev/null\necho 'no state file' >&2\nexit $1\n"),
    ] {
        write(name, text.as_bytes());
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// The settings with the folder in place of `@`.
fn placed(settings: &[(&'static str, &str)], folder: &TempDir) -> Vec<(&'static str, String)> {
    let folder = folder.path().to_str().unwrap();
    let place = |value: &str| match value.strip_prefix("@/says ") {
        // It is a JSON array, which keeps the quotes of the text.
        Some(text) => serde_json::json!([format!("{folder}/says"), text]).to_string(),
        None => value.replace('@', folder),
    };
    settings.iter().map(|(name, value)| (*name, place(value))).collect()
}

/// The forbidden actions and the missing messages of a run.
fn complaint(
    wrong: &Wrong,
    folder: &TempDir,
    (code, told): (Option<i32>, &str),
    changes: &[String],
) -> Option<String> {
    let (name, _, expected, words) = wrong;
    let place = folder.path().to_str().unwrap();
    let line = told.lines().find(|line| words.iter().all(|word| line.contains(&word.replace('@', place))));
    let sound = code == Some(*expected) && line.is_some() && changes.is_empty() && !told.contains("panicked");
    (!sound).then(|| {
        format!("{name}: exit {code:?}, expected {expected} and {words:?}, changed {changes:?}:\n{told}\n")
    })
}

/// All messages of a run: its errors, and the warnings of its report.
fn told(stderr: &str, report: &serde_json::Value) -> String {
    let warnings = report["warnings"].as_array().into_iter().flatten();
    let warnings: Vec<&str> = warnings.filter_map(|one| one["message"].as_str()).collect();
    // A problem with a setting takes two lines: what it is, and what was expected.
    format!("{}\n{}\n{}", stderr.replace('\n', " "), stderr, warnings.join("\n"))
}

#[test]
fn whatever_is_wrong_with_openstack_is_one_clear_line_and_nothing_is_changed() {
    let folder = files();
    let found: Vec<String> = OPENSTACK
        .iter()
        .filter_map(|wrong| {
            let world = servers::World::new(3);
            world.empty(3);
            for number in [1, 2] {
                world.api.add_pod(&servers::user(number).memory("6Gi").on(&servers::name(number)));
            }
            let cluster = Cluster::new("hub", &Account::ops().project_id);
            world.cloud.add_cluster(cluster.workers("default-worker", 2, (1, Some(8))));
            world.cloud.set_newest_magnum(if wrong.0.contains("too old") { 5 } else { 14 });
            let settings = placed(wrong.1, &folder);
            let settings: Vec<(&str, &str)> =
                settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let ran = world.run(&settings);
            let servers = world.cloud.servers().into_iter().filter(|server| !server.done.is_empty());
            let changes: Vec<String> = servers.map(|server| server.name).collect();
            complaint(wrong, &folder, (ran.code, &told(&ran.stderr, &ran.report)), &changes)
        })
        .collect();
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), OPENSTACK.len(), found.join("\n"));
}

#[test]
fn whatever_is_wrong_with_commands_is_one_clear_line_and_nothing_is_changed() {
    let folder = files();
    let found: Vec<String> = EXEC
        .iter()
        .filter_map(|wrong| {
            let world = commands::World::new(3);
            world.mark("n3", &[]);
            for (number, node) in [(1, "n1"), (2, "n1"), (3, "n1"), (4, "n2"), (5, "n2"), (6, "n2")] {
                world.api.add_pod(&commands::user(number).on(node));
            }
            let settings = placed(wrong.1, &folder);
            let settings: Vec<(&str, &str)> =
                settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let ran = world.run(&settings);
            complaint(wrong, &folder, (ran.code, &told(&ran.stderr, &ran.report)), &world.lines("done"))
        })
        .collect();
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), EXEC.len(), found.join("\n"));
}
