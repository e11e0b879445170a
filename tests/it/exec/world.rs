//! The program as a process between a fake API server and commands of an operator whose machines are files.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};
use crate::ran::Ran;

/// The start of a world.
const BEGIN: Timestamp = Timestamp::constant(1_795_716_000, 0);

/// The node group that the commands know.
pub(crate) const GROUP: &str = "kubespray";

/// The common part of all commands: they count their calls, and kill the run that started them at the call that the file
/// `strike` names.
///
/// `strike` has a verb, the number of its call, and a moment: `before` kills the run and changes nothing, `during` kills
/// it and continues to the end, `after` kills it after all changes.
const COMMON: &str = r#"
verb=${0##*/}
input=$(cat)
calls=$(cat "$STATE/calls.$verb" 2>/dev/null || echo 0)
calls=$((calls + 1))
echo "$calls" >"$STATE/calls.$verb"
names=$(printf %s "$input" | grep -o '"name":"[^"]*"' | cut -d '"' -f 4)
echo "$verb $calls" >>"$STATE/points"
trap 'echo "$verb $calls" >>"$STATE/ended"' EXIT
trap '' PIPE
# The run is dead, not only dying: the test has waited for its end.
die() {
  rm "$STATE/strike"
  kill -9 "$PPID"
  while kill -0 "$PPID" 2>/dev/null; do :; done
}
struck() { [ "$(cat "$STATE/strike" 2>/dev/null)" = "$verb $calls $1" ]; }
if struck before; then die; exit 1; fi
if struck during; then die; fi
"#;

/// The body of each command.
const COMMANDS: [(&str, &str); 6] = [
    (
        "list",
        r#"
out=
for file in "$STATE"/machines/*; do
  name=${file##*/}
  out="$out${out:+,}{\"name\":\"$name\",\"providerID\":\"script:///$name\",\"state\":\"$(cat "$file")\"}"
done
if struck after; then die; exit 1; fi
printf '{"groups":[{"name":"kubespray","instances":[%s]}]}' "$out"
exit 0
"#,
    ),
    (
        "grow",
        r#"
to=$(printf %s "$input" | sed -n 's/.*"to":\([0-9]*\).*/\1/p')
if [ -e "$STATE/hangs" ]; then
  # Terraform, which writes its state when it is ended.
  trap 'sleep 1; echo "state written" >>"$STATE/done"; exit 1' TERM
  echo >"$STATE/hanging"
  while :; do sleep 0.1; done
fi
echo "grow $to" >>"$STATE/done"
if [ -e "$STATE/slow" ]; then
  # What Terraform and Ansible take a quarter of an hour for.
  echo "$to" >"$STATE/ordered"
else
  number=$(ls "$STATE/machines" | wc -l)
  while [ "$number" -lt "$to" ]; do number=$((number + 1)); echo creating >"$STATE/machines/n$number"; done
fi
"#,
    ),
    (
        "delete",
        r#"for name in $names; do echo "delete $name" >>"$STATE/done"; rm "$STATE/machines/$name"; done"#,
    ),
    (
        "gone",
        r#"
out=
for name in $names; do
  state=gone
  if [ -e "$STATE/machines/$name" ] && [ ! -e "$STATE/blind" ]; then state=present; fi
  out="$out${out:+,}{\"name\":\"$name\",\"state\":\"$state\"}"
done
printf '{"machines":[%s]}' "$out"
"#,
    ),
    (
        "park",
        r#"for name in $names; do echo "park $name" >>"$STATE/done"; echo parked >"$STATE/machines/$name"; done"#,
    ),
    (
        "wake",
        r#"for name in $names; do echo "wake $name" >>"$STATE/done"; echo present >"$STATE/machines/$name"; done"#,
    ),
];

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: FakeApi,
    state: TempDir,
    minute: std::cell::Cell<i64>,
}

/// A user's pod.
pub(crate) fn user(number: usize) -> Pod {
    Pod::new("users", &format!("user-{number}")).label("user", "true").memory("2Gi").cpu("100m")
}

impl World {
    /// A world with this number of nodes of 8 GiB, `n1` and so on, each on a machine that runs.
    pub(crate) fn new(nodes: usize) -> Self {
        let state = TempDir::new().unwrap();
        let api = FakeApi::start();
        fs::create_dir(state.path().join("machines")).unwrap();
        for (verb, body) in COMMANDS {
            let path = state.path().join(verb);
            let end = "\nif struck after; then die; fi\n";
            fs::write(&path, format!("#!/bin/sh\n{COMMON}{body}{end}")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(state.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        let world = Self { api, state, minute: std::cell::Cell::new(0) };
        for number in 1..=nodes {
            world.set_machine(&format!("n{number}"), "present");
        }
        world.join();
        world.later(0);
        world
    }

    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Child {
        let mut environment = BTreeMap::from([
            ("PROVIDER", "exec"),
            ("EXEC_ENV", "STATE"),
            ("PREEMPTIBLE_LABELS", "user"),
            ("MIN_NODES", "2"),
            ("RESOURCES", "memory"),
            ("PACK", "false"),
            ("FORECAST", "false"),
            ("STABILIZATION", "0s"),
            ("RUN_TIMEOUT", "60s"),
        ]);
        environment.extend(settings.iter().copied());
        let command = |verb: &str| self.state.path().join(verb);
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["--output", "json", "--yes"])
            .env_clear()
            .env("PATH", env!("PATH"))
            .env("STATE", self.state.path())
            .env("KUBECONFIG", command("kubeconfig"))
            .env("EXEC_LIST", command("list"))
            .env("EXEC_GROW", command("grow"))
            .env("EXEC_DELETE", command("delete"))
            .env("EXEC_PARK", command("park"))
            .env("EXEC_WAKE", command("wake"))
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The path of a command.
    pub(crate) fn command(&self, verb: &str) -> String {
        self.state.path().join(verb).display().to_string()
    }

    pub(crate) fn run(&self, settings: &[(&str, &str)]) -> Ran {
        Ran::new(&self.spawn(settings).wait_with_output().unwrap())
    }

    /// Moves the cluster's clock.
    pub(crate) fn later(&self, minutes: i64) {
        self.minute.set(self.minute.get() + minutes);
        self.api.set_date(&self.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }

    pub(crate) fn now(&self) -> Timestamp {
        BEGIN + SignedDuration::from_mins(self.minute.get())
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.state.path().join(file), text).unwrap();
    }

    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.state.path().join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn set_machine(&self, name: &str, state: &str) {
        self.write(&format!("machines/{name}"), state);
    }

    pub(crate) fn remove_machine(&self, name: &str) {
        fs::remove_file(self.state.path().join("machines").join(name)).unwrap();
    }

    /// The machines, and what each is doing.
    pub(crate) fn machines(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.state.path().join("machines")).unwrap().map(|file| file.unwrap());
        let name = |file: &fs::DirEntry| file.file_name().into_string().unwrap();
        files.map(|file| (name(&file), fs::read_to_string(file.path()).unwrap().trim().to_owned())).collect()
    }

    /// New machines run; every running machine is a node, and no other node is Ready.
    pub(crate) fn join(&self) {
        let now = self.now().to_string();
        for (name, state) in self.machines() {
            if state == "creating" {
                self.set_machine(&name, "present");
            }
            if self.api.get(Resource::Nodes, None, &name).is_none() {
                self.api.add_node(&Node::new(&name));
                self.api.edit(Resource::Nodes, None, &name, |node| {
                    node["spec"]["providerID"] = json!(format!("script:///{name}"));
                    node["metadata"]["creationTimestamp"] = json!(now);
                });
            }
        }
        let runs: BTreeSet<String> = self
            .machines()
            .into_iter()
            .filter(|(_, state)| state == "present")
            .map(|(name, _)| name)
            .collect();
        for node in self.api.all(Resource::Nodes) {
            let name = node["metadata"]["name"].as_str().unwrap();
            if !self.machines().contains_key(name) {
                self.api.remove(Resource::Nodes, None, name);
                continue;
            }
            let status = if runs.contains(name) { "True" } else { "Unknown" };
            if node["status"]["conditions"][0]["status"] != status {
                self.api.edit(Resource::Nodes, None, name, |node| {
                    node["status"]["conditions"] =
                        json!([{"type": "Ready", "status": status, "lastTransitionTime": now}]);
                });
            }
        }
    }

    /// The node has had these annotations and a cordon of this program for two hours.
    pub(crate) fn mark(&self, name: &str, marks: &[&str]) {
        let since = (self.now() - SignedDuration::from_hours(2)).to_string();
        self.api.edit(Resource::Nodes, None, name, |node| {
            node["spec"]["unschedulable"] = json!(true);
            for mark in ["cordoned-at", "empty-since"].iter().chain(marks) {
                node["metadata"]["annotations"][format!("kube-rebalancer/{mark}")] = json!(since);
            }
        });
    }

    /// Waits until it is so.
    pub(crate) fn until(description: &str, mut is_so: impl FnMut() -> bool) {
        let patience = std::time::Duration::from_secs(30);
        fake_http::waiting::until(description, patience, || is_so().then_some(())).unwrap();
    }

    /// Waits until no command works any more.
    pub(crate) fn until_commands_ended(&self) {
        Self::until("the commands have ended", || self.lines("points").len() == self.lines("ended").len());
    }

    /// Lets the Lease of a run that did not release it expire.
    pub(crate) fn expire_lease(&self) {
        self.api.edit(Resource::Leases, Some("default"), "kube-rebalancer", |lease| {
            lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z");
        });
    }

    /// The note of growth in the Lease.
    pub(crate) fn note(&self) -> Option<String> {
        let lease = self.api.get(Resource::Leases, Some("default"), "kube-rebalancer")?;
        lease["metadata"]["annotations"]["kube-rebalancer/exec-growth"].as_str().map(str::to_owned)
    }
}
