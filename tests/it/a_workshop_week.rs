//! A week of workshops on servers of OpenStack: forty users a day on ten nodes. In the evening all but two nodes are parked,
//! over the weekend all but one; in the morning they are woken, and nothing is created. Control plane, scheduler and
//! controllers are real; Nova is the fake, or a real one where `tests/openstack/start` has started it.
//!
//! It is the longest test, and libtest starts tests by name: this name keeps it from running alone at the end.
//!
//! Time goes by as real time does, but for the nights: then the claims of the evening are over.
//!
//! Nodes of 8 Gi, users of 1.5 Gi each: forty of them are 0.75 of ten nodes, and a node takes five. Whoever is there keeps
//! their pod, and its server runs.

mod observer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fake_openstack::{Account, FakeOpenStack, Options, Timing};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::observer::Observer;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::live::{Program, name_of, user};
use crate::objects::Node;
use crate::openstack_world::{OpenStackWorld, RealNova, Server, Servers};

/// On a busy machine a real Nova takes more than a minute to unshelve eight servers.
const PATIENCE: Duration = Duration::from_mins(3);

/// As old as a cordon must be before its node may go.
const SETTLED: SignedDuration = SignedDuration::from_secs(31);

/// Until when a node is claimed.
const CLAIM: &str = "kube-rebalancer/deleting-until";

/// The prefix of the names of the servers.
const PREFIX: &str = "workshop-";

#[test]
fn a_workshop_week_on_the_fake() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let timing = Timing {
        shelving: Duration::from_millis(200),
        scheduling: Duration::from_millis(200),
        spawning: Duration::from_millis(800),
        power: Duration::from_millis(200),
    };
    let fake = FakeOpenStack::start(Account::ops(), Options { timing, ..Options::default() }).unwrap();
    for number in 0..10 {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let name = format!("{PREFIX}{number}");
        fake.add_server(fake_openstack::Server::new(&id, &name, &Account::ops().project_id));
    }
    let fake = Arc::new(fake);
    let login = [
        ("OS_AUTH_URL", fake.auth_url()),
        ("OS_USERNAME", Account::ops().user),
        ("OS_PASSWORD", Account::ops().password),
        ("OS_PROJECT_NAME", Account::ops().project),
        ("OS_USER_DOMAIN_NAME", "Default".to_owned()),
        ("OS_PROJECT_DOMAIN_NAME", "Default".to_owned()),
    ];
    let cloud: Arc<dyn Servers> = Arc::<FakeOpenStack>::clone(&fake);
    week(plane, &cloud, &login);
    for server in FakeOpenStack::servers(&fake) {
        // Nothing but one turn after the other, and nothing twice.
        let turns = ["shelve", "unshelve"].into_iter().cycle();
        assert!(server.done.iter().copied().eq(turns.take(server.done.len())), "{server:?}");
    }
}

#[test]
fn a_workshop_on_a_real_nova() {
    let Some(nova) = RealNova::find(PREFIX) else { return };
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let login = [("OS_CLIENT_CONFIG_FILE", nova.clouds().to_str().unwrap().to_owned())];
    let cloud: Arc<dyn Servers> = Arc::new(nova);
    week(plane, &cloud, &login);
}

/// Five days, each with its evening, and the Monday after them.
fn week(plane: ControlPlane, cloud: &Arc<dyn Servers>, login: &[(&str, String)]) {
    let servers = cloud.servers();
    assert_eq!(servers.len(), 10, "{servers:?}");
    assert!(servers.iter().all(Server::runs), "{servers:?}");
    let nodes: Vec<Node> =
        servers.iter().map(|server| Node::new(&server.name).on_openstack(&server.id)).collect();
    plane.create_nodes(&nodes);
    plane.create_namespace("hub");
    let plane = Arc::new(plane);
    let world = OpenStackWorld::join(Arc::clone(cloud), Arc::clone(&plane));
    let mut program = Program::new(&plane, &Identity::Admin)
        .with("NODE_GROUPS", PREFIX)
        .with("GIVE_BACK", "park")
        .with("MAX_CORDONS", "100%");
    for (name, value) in login {
        program = program.with(name, value);
    }
    let observer = Observer::start(Arc::clone(&plane), Arc::clone(cloud));
    let mut week = Week {
        plane: &plane,
        cloud: &**cloud,
        program,
        min_nodes: "2",
        observer,
        come: 0,
        report: String::new(),
    };

    println!(
        "run                              users  wait  utilization  wake  uncordon  cordon  park  parked  seconds"
    );
    for (day, stay) in [("Monday", 2), ("Tuesday", 2), ("Wednesday", 2), ("Thursday", 2), ("Friday", 1)] {
        week.morning(day);
        week.evening(day, stay);
    }
    let seconds = week.morning("Monday after");
    println!(
        "nine nodes were awake, and everybody had a place, {seconds:.1} s after the run that woke them began"
    );
    println!("lost: {:?}", week.observer.lost());
    assert_eq!(week.observer.lost(), BTreeSet::new());
    drop(world);
}

struct Week<'p> {
    plane: &'p ControlPlane,
    cloud: &'p dyn Servers,
    program: Program<'p>,
    min_nodes: &'static str,
    observer: Observer,
    /// The number of all users so far.
    come: usize,
    /// The last report.
    report: String,
}

impl Week<'_> {
    /// Users come until there are forty, and runs follow until all of them have a place and ten nodes serve; how long that
    /// took, from the first run on.
    fn morning(&mut self, day: &str) -> f64 {
        let parked = self.parked();
        while self.observer.users().len() < 40 {
            let name = format!("user-{:03}", self.come);
            self.come += 1;
            self.plane.create_pod(&user(&name).memory("1536Mi"));
            let uid = self.pod(&name)["metadata"]["uid"].as_str().unwrap().to_owned();
            self.observer.comes(name, uid);
        }
        self.plane.wait_until("the scheduler has looked at everybody", PATIENCE, || {
            self.observer.users().keys().all(|name| !condition(&self.pod(name)).is_null()).then_some(())
        });
        let start = now();
        let mut woken = BTreeSet::new();
        for run in 1..=20 {
            let acted = self.run(&format!("{day} 09:0{run}"));
            assert!(acted.keys().all(|verb| !matches!(verb.as_str(), "grow" | "delete")), "{acted:?}");
            assert!(run > 1 || parked.is_empty() || acted.contains_key("wake"), "{day}: {}", self.report);
            woken.extend(acted.get("wake").cloned().unwrap_or_default());
            if self.parked().is_empty() && self.waiting() == 0 {
                break;
            }
            // What was woken becomes Ready, and the scheduler finds what was uncordoned.
            self.plane.wait_until("every server has come to rest", PATIENCE, || {
                self.cloud.servers().iter().all(|server| server.task.is_none()).then_some(())
            });
            self.nodes_follow();
        }
        self.plane.wait_until("everybody has a node", PATIENCE, || (self.waiting() == 0).then_some(()));
        let seconds = start.elapsed().as_secs_f64();
        // Whatever was parked was woken: it was all needed, and there was nothing else.
        assert_eq!(woken, parked, "{day}");
        assert!(self.cloud.servers().iter().all(Server::runs), "{day}");
        seconds
    }

    /// All but `stay` users leave, and those are on different nodes; runs follow until the rest is parked.
    fn evening(&mut self, day: &str, stay: usize) {
        self.min_nodes = if stay == 2 { "2" } else { "1" };
        let mut kept = BTreeMap::new();
        for name in self.observer.users().keys() {
            let node = self.pod(name)["spec"]["nodeName"].as_str().unwrap().to_owned();
            if kept.len() < stay {
                kept.entry(node).or_insert_with(|| name.clone());
            }
        }
        let stays: BTreeSet<&String> = kept.values().collect();
        let leaving: Vec<String> =
            self.observer.users().into_keys().filter(|name| !stays.contains(name)).collect();
        for name in &leaving {
            self.observer.leaves(name);
            self.plane.admin().delete(&path(name)).success();
        }
        for name in &leaving {
            let gone = || (self.plane.admin().get(&path(name)).status == 404).then_some(());
            self.plane.wait_until(&format!("{name} is gone"), PATIENCE, gone);
        }
        for run in 0..6 {
            self.run(&format!("{day} 18:{run}0"));
            if self.parked().len() == 10 - stay {
                break;
            }
            self.cordons_settle();
        }
        let parked = self.parked();
        assert_eq!(parked.len(), 10 - stay, "{day}: {parked:?}");
        assert!(kept.keys().all(|node| !parked.contains(node)), "{day}: {parked:?}");
        self.plane.wait_until("the parked servers sleep", PATIENCE, || {
            let asleep =
                self.cloud.servers().into_iter().filter(|server| server.status == "SHELVED_OFFLOADED");
            (asleep.map(|server| server.name).collect::<BTreeSet<_>>() == parked).then_some(())
        });
        self.nodes_follow();
        self.night_goes_by();
        // A run at night has nothing to do.
        let acted = self.run(&format!("{day} 23:00"));
        assert!(acted.is_empty(), "{day}: {acted:?}");
    }

    /// Runs the program once, prints a line, and returns the nodes by what was done to them.
    fn run(&mut self, what: &str) -> BTreeMap<String, BTreeSet<String>> {
        let (waiting, start) = (self.waiting(), now());
        let program = self.program.clone().with("MIN_NODES", self.min_nodes);
        let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
        let seconds = start.elapsed().as_secs_f64();
        let report = ended.json();
        self.report = ended.report;
        let mut acted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let outcomes = report["outcomes"].as_array().map(Vec::as_slice).unwrap_or_default();
        for outcome in outcomes {
            assert_eq!(outcome["outcome"], "applied", "{what}: {outcome}\n{}", ended.log);
            let action = &report["actions"][usize::try_from(outcome["action"].as_u64().unwrap()).unwrap()];
            let verb = action["action"].as_str().unwrap();
            if !matches!(verb, "mark" | "unmark") {
                let node = action["node"].as_str().or(action["group"].as_str()).unwrap();
                acted.entry(verb.to_owned()).or_default().insert(node.to_owned());
            }
        }
        let done = |verb: &str| acted.get(verb).map_or(0, BTreeSet::len);
        println!(
            "{what:<31}  {:>5}  {waiting:>4}  {:>11.3}  {:>4}  {:>8}  {:>6}  {:>4}  {:>6}  {seconds:>7.1}",
            self.observer.users().len(),
            report["pools"][0]["before"]["utilization"]["memory"].as_f64().unwrap_or_default(),
            done("wake"),
            done("uncordon"),
            done("cordon"),
            done("park"),
            self.parked().len(),
        );
        assert_eq!(self.observer.lost(), BTreeSet::new(), "{what}");
        acted
    }

    /// Waits until every cordon is old enough for its node to go.
    #[expect(clippy::disallowed_methods, reason = "a test's patience is a matter of real time")]
    fn cordons_settle(&self) {
        self.plane.wait_until("the cordons are old enough", PATIENCE, || {
            let cordons = self.plane.nodes().into_iter().filter_map(|node| {
                let at = node["metadata"]["annotations"]["kube-rebalancer/cordoned-at"].as_str()?;
                at.parse::<Timestamp>().ok()
            });
            let newest = cordons.max();
            newest.is_none_or(|newest| Timestamp::now().duration_since(newest) >= SETTLED).then_some(())
        });
    }

    /// The night goes by: the claims that the run of the evening left on the parked nodes, a few minutes long, expire.
    fn night_goes_by(&self) {
        for node in self.plane.nodes() {
            if node["metadata"]["annotations"][CLAIM].is_string() {
                let path = format!("/api/v1/nodes/{}", name_of(&node));
                let past = json!({"metadata": {"annotations": {CLAIM: "2026-01-02T00:00:00Z"}}});
                self.plane.admin().patch(&path, &past).success();
            }
        }
    }

    /// Waits until each node is Ready if its server runs, and not otherwise.
    fn nodes_follow(&self) {
        self.plane.wait_until("the nodes follow their servers", PATIENCE, || {
            let runs: BTreeMap<String, bool> =
                self.cloud.servers().iter().map(|server| (server.name.clone(), server.runs())).collect();
            let ready: BTreeMap<String, bool> =
                self.plane.nodes().iter().map(|node| (name_of(node), is_ready(node))).collect();
            (runs == ready).then_some(())
        });
    }

    /// The nodes that carry the mark of parking.
    fn parked(&self) -> BTreeSet<String> {
        let is_parked =
            |node: &&Value| node["metadata"]["annotations"]["kube-rebalancer/parked-at"].is_string();
        self.plane.nodes().iter().filter(is_parked).map(name_of).collect()
    }

    fn pod(&self, name: &str) -> Value {
        self.plane.admin().get(&path(name)).success()
    }

    /// The number of users without a node.
    fn waiting(&self) -> usize {
        self.observer.users().keys().filter(|name| self.pod(name)["spec"]["nodeName"].is_null()).count()
    }
}

#[expect(clippy::disallowed_methods, reason = "what is printed is how long things really took")]
fn now() -> Instant {
    Instant::now()
}

fn is_ready(node: &Value) -> bool {
    let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    ready && !taints.any(|taint| taint["key"] == "node.kubernetes.io/not-ready")
}

/// Whether and where the scheduler has placed a pod; null while it has not looked.
fn condition(pod: &Value) -> &Value {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|condition| condition["type"] == "PodScheduled").unwrap_or(&Value::Null)
}

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/hub/pods/{name}")
}
