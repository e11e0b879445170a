//! Commands as small scripts: what is understood of them, and what of their mischief reaches the run.

mod earlier;
mod notes;
mod processes;
mod sightings;
mod turns;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{MachineFate, Node, NodeGroup, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{
    Clock, CloudScope, CloudView, Commands, Environment, GroupAnswer, InstanceToDelete, Notes, PortError,
    Provider, ProviderError, SharedClock, SharedNotes,
};
use tempfile::TempDir;

use super::{PROVIDER, schema};

/// A clock that is moved by hand.
#[derive(Debug)]
struct Hand(Mutex<(Timestamp, SignedDuration)>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn left(&self) -> SignedDuration {
        self.0.lock().unwrap().1
    }
}

/// Notes in a file, which the scripts can see.
#[derive(Debug)]
struct FileNotes {
    file: PathBuf,
    fails: bool,
}

impl FileNotes {
    /// The growth is in `notes`, every other note in a file of its own.
    fn path(&self, key: &str) -> PathBuf {
        match key.strip_prefix("kube-rebalancer/exec-") {
            Some("growth") => self.file.clone(),
            other => self.file.with_extension(other.unwrap()),
        }
    }
}

#[async_trait]
impl Notes for FileNotes {
    async fn read(&self, key: &str) -> Result<Option<String>, PortError> {
        Ok(fs::read_to_string(self.path(key)).ok())
    }

    async fn write(&self, key: &str, text: Option<&str>) -> Result<(), PortError> {
        if self.fails {
            return Err(PortError("the Lease is not this run's any more".to_owned()));
        }
        match text {
            Some(text) => fs::write(self.path(key), text).unwrap(),
            None => drop(fs::remove_file(self.path(key))),
        }
        Ok(())
    }
}

/// A folder with the scripts, what they write, and the run around them.
struct World {
    folder: TempDir,
    scope: CloudScope,
    clock: Arc<Hand>,
    nodes: Vec<Node>,
}

const UUID: &str = "4C4C4544-0042-3510-8051-B4C04F4E3732";

fn world() -> World {
    let folder = TempDir::new().unwrap();
    let named = |name: &str| Node {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        provider_id: Some(format!("openstack:///{name}")),
        ..Node::default()
    };
    let bare = Node { provider_id: None, system_uuid: Some(UUID.to_owned()), ..named("n3") };
    let notes = FileNotes { file: folder.path().join("notes"), fails: false };
    let environment = [
        ("PATH", std::env!("PATH").to_owned()),
        ("FOLDER", folder.path().display().to_string()),
        ("TF_VAR_x", "yes".to_owned()),
        ("OS_PASSWORD", "secret".to_owned()),
    ];
    let scope = CloudScope {
        provider: Some("exec".to_owned()),
        commands: Commands { variables: ["FOLDER", "TF_*"].map(str::to_owned).into(), ..Commands::default() },
        notes: Some(SharedNotes::new(Arc::new(notes))),
        environment: environment.into_iter().collect::<Environment>(),
        ..CloudScope::default()
    };
    let now = "2026-11-26T09:00:00Z".parse().unwrap();
    let clock = Arc::new(Hand(Mutex::new((now, SignedDuration::from_mins(5)))));
    World { folder, scope, clock, nodes: vec![named("n1"), named("n2"), bare] }
}

const THREE: &str = r#"{"groups": [{"name": "pool", "zone": "nova", "instances": [
    {"name": "n1", "providerID": "openstack:///n1"},
    {"name": "n2", "providerID": "openstack:///n2", "state": "parked"},
    {"name": "n3", "systemUUID": "4c4c4544-0042-3510-8051-b4c04f4e3732"}]}]}"#;

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a script; its input is stored in a file of its name with `.in`.
    fn script(&self, name: &str, body: &str) -> Vec<String> {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\ncat >\"$FOLDER/{name}.in\"\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        vec![path.display().to_string(), "an argument".to_owned()]
    }

    fn lists(mut self, body: &str) -> Self {
        self.scope.commands.list = Some(self.script("list", body));
        self
    }

    fn lists_three(self) -> Self {
        fs::write(self.path("three"), THREE).unwrap();
        self.lists("cat \"$FOLDER/three\"")
    }

    fn limit(&self, millis: i64) {
        self.clock.0.lock().unwrap().1 = SignedDuration::from_millis(millis);
    }

    fn later(&self, minutes: i64) {
        self.clock.0.lock().unwrap().0 += SignedDuration::from_mins(minutes);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.clock.now(), self.nodes.clone(), Vec::new(), Vec::new(), 1).unwrap()
    }

    async fn connected(&self) -> Box<dyn Provider> {
        let clock: SharedClock = self.clock.clone();
        PROVIDER.connect(self.scope.clone(), clock).await.unwrap()
    }

    async fn looked(&self) -> Result<(Box<dyn Provider>, CloudView), ProviderError> {
        let mut provider = self.connected().await;
        let view = provider.list(&self.snapshot(), &Policy::default()).await?;
        Ok((provider, view))
    }

    /// The provider of a run whose whole time is this, after its first list.
    async fn looked_within(&self, millis: i64) -> Box<dyn Provider> {
        self.limit(millis);
        let mut provider = self.connected().await;
        self.limit(300_000);
        provider.list(&self.snapshot(), &Policy::default()).await.unwrap();
        self.limit(millis);
        provider
    }

    fn instances(&self, names: &[&str]) -> Vec<InstanceToDelete> {
        let of = |name: &&str| {
            let node = self.nodes.iter().find(|node| node.name == **name).unwrap();
            InstanceToDelete {
                node: node.name.clone(),
                provider_id: node.provider_id.clone(),
                system_uuid: node.system_uuid.clone(),
            }
        };
        names.iter().map(of).collect()
    }
}

fn now<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn unseen(world: &World) -> String {
    match now(world.looked()) {
        Err(ProviderError::Unseen(words)) => words,
        other => panic!("{other:?}"),
    }
}

fn coming(group: &NodeGroup) -> usize {
    group.instances.iter().filter(|instance| !instance.has_node).count()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "UPDATE_GOLDENS=1 writes the file anew")]
fn the_schema_is_the_published_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/exec.v1.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, made, "run UPDATE_GOLDENS=1 cargo test, and review what changed");
}

#[test]
fn a_node_is_in_a_group_only_if_its_machine_is_proven() {
    let mut world = world().lists_three();
    world.scope.commands.delete = Some(world.script("delete", ""));
    let (_, view) = now(world.looked()).unwrap();
    let groups: Vec<_> = view.memberships.iter().map(|one| one.group.as_deref()).collect();
    assert_eq!(groups, [Some("pool"); 3]);
    let pool = &view.groups[0];
    assert_eq!((pool.target_size, pool.instances.len(), coming(pool)), (3, 3, 0));
    assert_eq!(pool.not_growable.as_deref(), Some("EXEC_GROW is not set"));
    assert_eq!(pool.not_parkable.as_deref(), Some("EXEC_PARK is not set"));
    assert_eq!(pool.not_shrinkable, None);

    for (change, why) in [
        (
            ("openstack:///n1", "openstack:///n9"),
            "its providerID is openstack:///n1, EXEC_LIST says openstack:///n9",
        ),
        (
            ("\"providerID\": \"openstack:///n1\"", "\"state\": \"present\""),
            "EXEC_LIST does not name its providerID",
        ),
        (("\"n1\"", "\"n7\""), "EXEC_LIST does not name it"),
    ] {
        let changed = THREE.replacen(change.0, change.1, 1);
        fs::write(world.path("three"), changed).unwrap();
        let (_, view) = now(world.looked()).unwrap();
        assert_eq!(view.memberships[0].outside.as_deref(), Some(why));
    }
}

#[test]
fn a_command_gets_its_words_its_document_and_the_variables_that_it_may_have() {
    let mut world = world().lists_three();
    world.scope.commands.park =
        Some(world.script("park", "echo \"$1|$TF_VAR_x|$OS_PASSWORD|$HOME\" >\"$FOLDER/seen\"; echo '{}'"));
    let (provider, _) = now(world.looked()).unwrap();
    assert_eq!(now(provider.park(&world.instances(&["n1", "n3"]))), [GroupAnswer::Done, GroupAnswer::Done]);
    assert_eq!(world.read("seen"), "an argument|yes||\n");
    let request: serde_json::Value = serde_json::from_str(&world.read("park.in")).unwrap();
    let expected = serde_json::json!({
        "schema": "kube-rebalancer/exec/v1", "verb": "park", "group": "pool",
        "nodes": [
            {"name": "n1", "providerID": "openstack:///n1", "uid": "uid-n1"},
            {"name": "n3", "uid": "uid-n3", "systemUUID": UUID},
        ],
    });
    assert_eq!(request, expected);
}

#[test]
fn what_is_so_already_or_is_no_longer_there_is_not_asked_for() {
    let mut world = world().lists_three();
    let script = |world: &World, name: &str| Some(world.script(name, ""));
    world.scope.commands.park = script(&world, "park");
    world.scope.commands.wake = script(&world, "wake");
    world.scope.commands.delete = script(&world, "delete");
    let (provider, _) = now(world.looked()).unwrap();
    assert_eq!(now(provider.park(&world.instances(&["n2"]))), [GroupAnswer::AlreadySo]);
    assert_eq!(now(provider.wake(&world.instances(&["n1"]))), [GroupAnswer::AlreadySo]);
    fs::write(world.path("three"), THREE.replace("n1", "n8")).unwrap();
    assert_eq!(now(provider.delete(&world.instances(&["n1"]))), [GroupAnswer::AlreadySo]);
    let gone = GroupAnswer::Conflict("EXEC_LIST does not name it any more".to_owned());
    assert_eq!(now(provider.park(&world.instances(&["n1"]))), [gone]);
    let other = InstanceToDelete {
        provider_id: Some("openstack:///x".to_owned()),
        ..world.instances(&["n1"])[0].clone()
    };
    assert!(matches!(&now(provider.delete(&[other]))[..], [GroupAnswer::Refused(_)]));
    for name in ["park", "wake", "delete"] {
        assert_eq!(world.read(&format!("{name}.in")), "", "{name}");
    }
}

#[test]
fn exit_codes_and_answers_by_node_say_what_became_of_it() {
    let answer = |body: &str| {
        let mut world = world().lists_three();
        world.scope.commands.delete = Some(world.script("delete", body));
        let (provider, _) = now(world.looked()).unwrap();
        now(provider.delete(&world.instances(&["n1", "n3"])))
    };
    let both = |answer: GroupAnswer| vec![answer.clone(), answer];
    let words = |text: &str| text.to_owned();
    assert_eq!(answer("exit 0"), both(GroupAnswer::Done));
    let busy = words("EXEC_DELETE: the command is busy: the state is locked");
    assert_eq!(answer("echo the state is locked >&2; exit 75"), both(GroupAnswer::Busy(busy)));
    let cannot = words("EXEC_DELETE: the command cannot: no such pool");
    assert_eq!(answer("echo '{\"message\": \"no such pool\"}'; exit 69"), both(GroupAnswer::Refused(cannot)));
    let failed = words("EXEC_DELETE: the command ended with exit code 1: \\u{1b}[31mred");
    assert_eq!(answer("printf '\\033[31mred\\n\\n' >&2; exit 1"), both(GroupAnswer::Failed(failed)));
    let killed = words("EXEC_DELETE: a signal ended the command");
    assert_eq!(answer("kill -9 $$"), both(GroupAnswer::InDoubt(killed)));
    let mixed =
        answer("echo '{\"nodes\": [{\"name\": \"n3\", \"result\": \"busy\", \"message\": \"later\"}]}'");
    assert_eq!(mixed, [GroupAnswer::Done, GroupAnswer::Busy(words("EXEC_DELETE: later"))]);
    // About a node that it was not asked about: nothing that it says counts.
    let foreign = answer("echo '{\"nodes\": [{\"name\": \"n2\", \"result\": \"done\"}]}'");
    let told = words("EXEC_DELETE: the command answers for node n2, which it was not asked about");
    assert_eq!(foreign, both(GroupAnswer::InDoubt(told)));
    let nonsense = answer("echo deleted");
    let told = "EXEC_DELETE: the command wrote no JSON document of the expected form: expected value at line 1 column 1";
    assert_eq!(nonsense, both(GroupAnswer::InDoubt(words(told))));
}

#[test]
fn a_list_that_is_none_is_one_clear_line() {
    for (body, told) in [
        (
            "echo hello",
            "EXEC_LIST: the command wrote no JSON document of the expected form: expected value at line 1 column 1",
        ),
        ("", "EXEC_LIST: the answer has no groups"),
        (
            "echo '{\"group\": []}'",
            "EXEC_LIST: the command wrote no JSON document of the expected form: unknown field `group`",
        ),
        ("echo oh; echo it broke >&2; exit 3", "EXEC_LIST: the command ended with exit code 3: it broke"),
        (
            "echo '{\"groups\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}'",
            "EXEC_LIST: it has two groups called `a`",
        ),
        ("yes | head -c 100000000", "EXEC_LIST: the command wrote more than 8 MiB and was killed"),
        (
            "yes >&2 | head -c 1 & yes | head -c 50000000 >&2; exit 4",
            "EXEC_LIST: the command ended with exit code 4: y",
        ),
    ] {
        let words = unseen(&world().lists(body));
        assert!(words.starts_with(told), "{words}");
        assert_eq!(words.lines().count(), 1);
    }
    let mut missing = world();
    missing.scope.commands.list = Some(vec!["/nowhere/list".to_owned()]);
    let told = "EXEC_LIST: /nowhere/list cannot be started: No such file or directory (os error 2)";
    assert_eq!(unseen(&missing), told);
    let unset = now(PROVIDER.connect(world().scope.clone(), world().clock.clone()));
    assert!(matches!(unset, Err(ProviderError::Setting(_))));
}

#[test]
fn growth_is_noted_before_the_command_starts_and_asked_for_once_in_fifteen_minutes() {
    let mut world = world().lists_three();
    let grow = "test -s \"$FOLDER/notes\" || exit 3; echo asked >>\"$FOLDER/log\"";
    world.scope.commands.grow = Some(world.script("grow", grow));
    let (provider, view) = now(world.looked()).unwrap();
    assert_eq!(view.groups[0].not_growable, None);
    assert_eq!(now(provider.grow("pool", 3, 5)), GroupAnswer::Done);
    let request: serde_json::Value = serde_json::from_str(&world.read("grow.in")).unwrap();
    assert_eq!((&request["from"], &request["to"]), (&3.into(), &5.into()));
    // The same run, and every run of the next minutes, sees them coming.
    assert_eq!(now(provider.grow("pool", 3, 5)), GroupAnswer::AlreadySo);
    for _ in 0..14 {
        world.later(1);
        let (provider, view) = now(world.looked()).unwrap();
        assert_eq!((view.groups[0].target_size, coming(&view.groups[0])), (5, 2));
        assert_eq!(now(provider.grow("pool", 3, 5)), GroupAnswer::AlreadySo);
    }
    assert_eq!(world.read("log"), "asked\n");
    // One came.
    let four = THREE.replace("[\n", "[{\"name\": \"n4\", \"providerID\": \"openstack:///n4\"},\n");
    fs::write(world.path("three"), four).unwrap();
    let came = Node {
        name: "n4".to_owned(),
        provider_id: Some("openstack:///n4".to_owned()),
        created_at: Some(world.clock.now()),
        ..Node::default()
    };
    world.nodes.push(came);
    let (_, view) = now(world.looked()).unwrap();
    assert_eq!((view.groups[0].target_size, coming(&view.groups[0])), (5, 1));
    // After BOOT_GRACE the program does not wait for the other one.
    world.later(1);
    let (_, view) = now(world.looked()).unwrap();
    assert_eq!((view.groups[0].target_size, coming(&view.groups[0])), (4, 0));
}

#[test]
fn two_requests_that_are_both_under_way_count_both_and_each_machine_that_comes_counts_once() {
    let mut world = world().lists_three();
    world.scope.commands.grow = Some(world.script("grow", "exit 0"));
    let (provider, _) = now(world.looked()).unwrap();
    assert_eq!(now(provider.grow("pool", 3, 5)), GroupAnswer::Done);
    world.later(5);
    let (provider, view) = now(world.looked()).unwrap();
    assert_eq!((view.groups[0].target_size, coming(&view.groups[0])), (5, 2));
    assert_eq!(now(provider.grow("pool", 5, 6)), GroupAnswer::Done);
    // Two come, later than both requests: the third is still coming.
    let mut listed = THREE.to_owned();
    for (name, left) in [("n4", 2), ("n5", 1), ("n6", 0)] {
        world.later(1);
        listed = listed.replacen(
            "[\n",
            &format!("[\n{{\"name\": \"{name}\", \"providerID\": \"openstack:///{name}\"}},\n"),
            1,
        );
        fs::write(world.path("three"), &listed).unwrap();
        world.nodes.push(Node {
            name: name.to_owned(),
            provider_id: Some(format!("openstack:///{name}")),
            created_at: Some(world.clock.now()),
            ..Node::default()
        });
        let (_, view) = now(world.looked()).unwrap();
        assert_eq!((view.groups[0].target_size, coming(&view.groups[0])), (6, left), "{name}");
    }
}

#[test]
fn growth_that_is_refused_is_not_coming_and_one_in_doubt_is() {
    let grown = |body: &str, millis: i64| {
        let mut world = world().lists_three();
        world.scope.commands.grow = Some(world.script("grow", body));
        // The list before the command takes its part of the time.
        let provider = now(world.looked_within(millis));
        let answer = now(provider.grow("pool", 3, 5));
        world.limit(300_000);
        let (_, view) = now(world.looked()).unwrap();
        (answer, coming(&view.groups[0]))
    };
    let busy = GroupAnswer::Busy("EXEC_GROW: the command is busy: locked".to_owned());
    assert_eq!(grown("echo locked >&2; exit 75", 300_000), (busy, 0));
    let (answer, coming) = grown("sleep 1000", 3000);
    assert!(matches!(answer, GroupAnswer::InDoubt(_)), "{answer:?}");
    assert_eq!(coming, 2);
}

#[test]
fn growth_that_cannot_be_noted_is_not_started() {
    let mut world = world().lists_three();
    world.scope.commands.grow = Some(world.script("grow", ""));
    let notes = FileNotes { file: world.path("notes"), fails: true };
    world.scope.notes = Some(SharedNotes::new(Arc::new(notes)));
    let (provider, _) = now(world.looked()).unwrap();
    let told = "EXEC_GROW was not started, as it could not be noted: the Lease is not this run's any more";
    assert_eq!(now(provider.grow("pool", 3, 5)), GroupAnswer::Failed(told.to_owned()));
    assert_eq!(world.read("grow.in"), "");
}

/// The answer of `EXEC_GONE` about n1, with a script that writes this; n2 and n3 exist and are
/// listed.
fn fate_by(body: &str) -> (MachineFate, String) {
    let two = THREE
        .replace(r#"{"name": "n1", "providerID": "openstack:///n1"},"#, "")
        .replace(r#", "state": "parked""#, "");
    let mut world = world();
    fs::write(world.path("two"), two).unwrap();
    world = world.lists("cat \"$FOLDER/two\"");
    world.scope.commands.gone = Some(world.script("gone", body));
    let (provider, _) = now(world.looked()).unwrap();
    let fates = now(provider.fates(&world.instances(&["n1"])));
    (fates.into_iter().next().unwrap(), world.read("gone.in"))
}

fn machines(of: &[(&str, &str)]) -> String {
    let all: Vec<String> =
        of.iter().map(|(name, state)| format!(r#"{{"name": "{name}", "state": "{state}"}}"#)).collect();
    format!("echo '{{\"machines\": [{}]}}'", all.join(", "))
}

#[test]
fn a_machine_is_gone_only_if_the_command_shows_the_others_that_it_was_asked_about() {
    let (fate, asked) = fate_by(&machines(&[("n1", "gone"), ("n2", "present"), ("n3", "present")]));
    assert_eq!(fate, MachineFate::Gone);
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked["verb"], "gone");
    let names: Vec<_> =
        asked["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["n1", "n2", "n3"], "nothing tells the command which of them is in question");
    let (fate, _) = fate_by(&machines(&[("n1", "present"), ("n2", "present"), ("n3", "present")]));
    assert!(matches!(fate, MachineFate::Exists(_)), "{fate:?}");
}

#[test]
fn whatever_else_the_command_says_proves_nothing() {
    let rest = [("n2", "present"), ("n3", "present")];
    let with = |more: &[(&str, &str)]| machines(&[more, &rest].concat());
    for (sentence, body) in [
        ("all are gone", machines(&[("n1", "gone"), ("n2", "gone"), ("n3", "gone")])),
        ("one of the others is not answered", machines(&[("n1", "gone"), ("n2", "present")])),
        ("one of the others is unknown", machines(&[("n1", "gone"), ("n2", "present"), ("n3", "unknown")])),
        ("it is unknown", with(&[("n1", "unknown")])),
        ("it is not answered", with(&[])),
        ("it is answered twice", with(&[("n1", "gone"), ("n1", "gone")])),
        ("another is answered", with(&[("n1", "gone"), ("n9", "gone")])),
        ("a state that is none", with(&[("n1", "lost")])),
        ("no document", "echo gone".to_owned()),
        ("nothing", String::new()),
        ("an exit code", format!("{}; exit 1", with(&[("n1", "gone")]))),
        ("busy", format!("{}; exit 75", with(&[("n1", "gone")]))),
        ("it cannot", format!("{}; exit 69", with(&[("n1", "gone")]))),
        ("a signal", format!("{}; kill -9 $$", with(&[("n1", "gone")]))),
    ] {
        let (fate, _) = fate_by(&body);
        assert!(matches!(fate, MachineFate::Unknown(_)), "{sentence}: {fate:?}");
    }
}

#[test]
fn without_the_command_or_another_machine_nobody_can_tell() {
    let world = world().lists_three();
    let (provider, _) = now(world.looked()).unwrap();
    let fates = now(provider.fates(&world.instances(&["n1"])));
    assert_eq!(fates, [MachineFate::Unknown("EXEC_GONE is not set".to_owned())]);
    assert!(PROVIDER.cannot_prove_gone(&world.scope).unwrap().contains("EXEC_GONE"));
    let mut alone = self::world().lists("echo '{\"groups\": []}'");
    alone.scope.commands.gone = Some(alone.script("gone", &machines(&[("n1", "gone")])));
    assert_eq!(PROVIDER.cannot_prove_gone(&alone.scope), None);
    let (provider, _) = now(alone.looked()).unwrap();
    let fates = now(provider.fates(&alone.instances(&["n1"])));
    assert!(
        matches!(&fates[0], MachineFate::Unknown(words) if words.contains("no other machine")),
        "{fates:?}"
    );
}
