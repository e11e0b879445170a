//! Every request of a run fails once in every way, and the run is killed before and after each. In all cases the run
//! reports the truth, and the next clean run ends in the same state as an undisturbed one.
//!
//! ```text
//!   world     a cluster in which one run makes every kind of request
//!   program   the program as a process
//!   answers   good answers that are no lists
//!   truth     exit code and report against what is stored
//!   many      cases side by side
//!   evictions the requests of a run that evicts pods
//!   killed    a run that is killed at a request
//!   counts    how many requests a run makes
//!   patience  pages, pauses, timeouts, signals
//!   lease     which Leases keep a run out
//! ```

mod answers;
mod counts;
mod evictions;
pub(crate) mod killed;
mod lease;
pub(crate) mod many;
mod patience;
mod program;
mod truth;
mod world;

use std::sync::Arc;

use hyper::Method;
use killed::killed;
use many::complaints;
use program::{Program, Ran};
use world::{
    ACTIONS, CLAIM, CONFIG_MAPS, LEASES, State, VOLUME, VOLUMES, critical, critical_and_cordoned,
    expire_lease, holder, state,
};

use crate::fake_api::{Call, FakeApi, Fault, Moment, Requests};

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const EVENTS_OF_USERS: &str = "/apis/events.k8s.io/v1/namespaces/users/events";

pub(crate) const FAULTS: [Fault; 12] = [
    Fault::InternalError,
    Fault::Unavailable,
    Fault::TooManyRequests { retry_after_seconds: 1 },
    Fault::Conflict,
    Fault::Forbidden,
    Fault::ExpiredToken,
    Fault::MalformedJson,
    Fault::HalfBody,
    Fault::Reset(Moment::Before),
    Fault::Reset(Moment::After),
    Fault::Hang(Moment::Before),
    Fault::Hang(Moment::After),
];

/// One request of a run. Concurrent requests arrive in any order, so method and path identify a request.
#[derive(Debug, Clone)]
struct Point {
    /// Whether a Lease of an earlier run is there, to be updated instead of created.
    lease: bool,
    method: Method,
    path: String,
    /// Its position among the requests of this method and path, from 1.
    nth: usize,
    /// Its position among all requests of the undisturbed run, from 1.
    index: usize,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// Only this request fails.
    Once(Fault),
    /// This request and every later one of its method and path fail.
    Lasting(Fault),
    /// This request and every later one fail.
    Everything(Fault),
}

/// The requests of an undisturbed run, and the state that it leaves.
struct Undisturbed {
    points: Vec<Point>,
    state: State,
}

fn start(lease: bool) -> (FakeApi, Program) {
    let fake = world::start();
    if lease {
        world::add_free_lease(&fake);
    }
    let program = Program::new(&fake, "60s");
    (fake, program)
}

fn undisturbed() -> Undisturbed {
    let [(points, state), (with_lease, same)] = [false, true].map(|lease| {
        let (fake, program) = start(lease);
        let ran = program.run(&["--yes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        (points(fake.calls(), lease), state(&fake))
    });
    assert_eq!(state, same);
    // With a Lease, only its update is another request.
    let update = with_lease.into_iter().filter(|point| point.method == Method::PUT && point.nth == 1);
    Undisturbed { points: points.into_iter().chain(update).collect(), state }
}

fn points(calls: Vec<Call>, lease: bool) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for (index, Call { method, path, .. }) in (1..).zip(calls) {
        let nth = 1 + points.iter().filter(|point| (&point.method, &point.path) == (&method, &path)).count();
        points.push(Point { lease, method, path, nth, index });
    }
    points
}

impl Point {
    fn requests(&self) -> Requests {
        Requests::of(self.method.clone(), &self.path)
    }

    fn is_list(&self) -> bool {
        self.method == Method::GET && !self.path.starts_with(LEASES)
    }

    fn is_lease(&self) -> bool {
        self.path.starts_with(LEASES)
    }

    /// Whether a run can do without an answer to this one: it is of no use to the run itself.
    fn is_aside(&self) -> bool {
        let last_word = self.method == Method::PUT && self.nth == if self.lease { 2 } else { 1 };
        let paths = [EVENTS, EVENTS_OF_USERS, CLAIM, VOLUME];
        last_word || paths.contains(&&*self.path) || self.path.starts_with(CONFIG_MAPS)
    }

    /// Whether a run gets over one such fault here.
    fn is_overcome(&self, fault: Fault) -> bool {
        match fault {
            Fault::InternalError
            | Fault::Unavailable
            | Fault::TooManyRequests { .. }
            | Fault::HalfBody
            | Fault::Reset(_) => true,
            Fault::Conflict => self.method == Method::PATCH || self.is_aside(),
            Fault::MalformedJson | Fault::Instead(_) => self.method != Method::GET || self.is_aside(),
            Fault::ExpiredToken => self.is_list() || self.is_aside(),
            Fault::Forbidden => self.is_aside(),
            Fault::NotFound | Fault::BudgetRefuses | Fault::Hang(_) => false,
        }
    }
}

impl Trouble {
    fn begin(self, fake: &FakeApi, point: &Point) {
        match self {
            Self::Once(fault) => fake.fail(point.requests().nth(point.nth), fault),
            Self::Lasting(fault) => fake.fail(point.requests().since_nth(point.nth), fault),
            Self::Everything(fault) => fake.fail(Requests::all().since_nth(point.index), fault),
        }
    }

    /// The value of `RUN_TIMEOUT`: long enough for faults that a run survives, and short for faults that last until
    /// the end.
    fn timeout(self) -> &'static str {
        match self {
            Self::Once(Fault::Hang(_)) | Self::Lasting(_) | Self::Everything(_) => "2s",
            Self::Once(_) => "60s",
        }
    }
}

/// The errors of a run with a fault, and of the clean run after it.
fn judge(undisturbed: &Undisturbed, point: &Point, trouble: Trouble) -> Vec<String> {
    let (fake, program) = start(point.lease);
    let program = program.timeout(trouble.timeout());
    let before = state(&fake);
    trouble.begin(&fake, point);
    let ran = program.run(&["--yes"]);
    fake.behave();
    let mut found = truth::lies(&ran, &before, &state(&fake), Some(&undisturbed.state));
    if let Trouble::Once(fault) = trouble {
        if point.is_overcome(fault) && ran.code != Some(0) {
            found.push(format!("exit {:?}, though one such fault can be got over", ran.code));
        }
        if !point.is_lease() && holder(&fake).is_some() {
            found.push("the Lease was not given back".to_owned());
        }
    }
    if !found.is_empty() {
        found.push(ran.stderr);
    }
    found.extend(after_a_clean_run(undisturbed, &fake, &program.timeout("60s")));
    found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
}

/// The errors in the state after a further undisturbed run.
fn after_a_clean_run(undisturbed: &Undisturbed, fake: &FakeApi, program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    expire_lease(fake);
    let mut clean = program.run(&["--yes"]);
    if clean.code == Some(4) {
        // A request of the previous run may arrive after the end of that run, and acquire the Lease for it.
        expire_lease(fake);
        clean = program.run(&["--yes"]);
    }
    if clean.code != Some(0) {
        found.push(format!("the clean run: exit {:?}\n{}", clean.code, clean.stderr));
    }
    let (state, bad) = (state(fake), critical_and_cordoned(fake));
    if state != undisturbed.state {
        found.push(format!("the clean run ended in {state:?}"));
    }
    if !bad.is_empty() {
        found.push(format!("critical and still cordoned: {bad:?}"));
    }
    found
}

fn with_every_trouble(points: &[Point]) -> Vec<(&Point, Trouble)> {
    let every = FAULTS
        .into_iter()
        .flat_map(|fault| [Trouble::Once(fault), Trouble::Lasting(fault), Trouble::Everything(fault)]);
    every.flat_map(|trouble| points.iter().map(move |point| (point, trouble))).collect()
}

/// The world in which a critical pod is scheduled on n5 during its cordon.
fn start_with_arrival() -> (Arc<FakeApi>, Program) {
    let (fake, program) = start(false);
    let fake = Arc::new(fake);
    // Weak, since the hook lives in the fake.
    let world = Arc::downgrade(&fake);
    fake.on(Requests::of(Method::PATCH, "/n5"), Moment::After, move |call| {
        if call.body["spec"]["unschedulable"] == true {
            arrive(&world.upgrade().unwrap());
        }
    });
    (fake, program)
}

fn arrive(fake: &FakeApi) {
    fake.add_pod(&critical("late").on("n5"));
}

#[test]
fn whatever_fails_while_a_critical_pod_comes_under_a_cordon_it_is_not_left_there() {
    let (fake, program) = start_with_arrival();
    let ran = program.run(&["--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(critical_and_cordoned(&fake), Vec::<String>::new());
    let mut points = points(fake.calls(), false);
    // The cordon and taking it back, and the list between them.
    points.retain(|point| point.path.ends_with("/n5") || (point.path.ends_with("/pods") && point.nth == 2));
    assert_eq!(points.len(), 3);

    let cases = with_every_trouble(&points);
    let found = complaints(&cases, |&(point, trouble)| {
        let (fake, program) = start_with_arrival();
        let program = program.timeout(trouble.timeout());
        let before = state(&fake);
        trouble.begin(&fake, point);
        let ran = program.run(&["--yes"]);
        fake.behave();
        let mut found = truth::lies(&ran, &before, &state(&fake), None);
        if let Trouble::Once(fault) = trouble
            && point.is_overcome(fault)
            && critical_and_cordoned(&fake) != Vec::<String>::new()
        {
            found.push("it was left there, though one such fault can be got over".to_owned());
        }
        if !found.is_empty() {
            found.push(ran.stderr);
        }
        arrive(&fake);
        expire_lease(&fake);
        let clean = program.timeout("60s").run(&["--yes"]);
        let bad = critical_and_cordoned(&fake);
        if clean.code != Some(0) || !bad.is_empty() {
            found.push(format!(
                "the clean run: exit {:?}, critical and cordoned: {bad:?}\n{}",
                clean.code, clean.stderr
            ));
        }
        found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn an_undisturbed_run_makes_every_kind_of_request_and_the_next_one_changes_nothing() {
    let (fake, program) = start(false);
    assert_eq!(critical_and_cordoned(&fake), ["n3"]);
    let ran = program.run(&["--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.report["outcomes"].as_array().map(Vec::len), Some(ACTIONS), "{:#}", ran.report["actions"]);
    let cordoned: Vec<String> =
        state(&fake).into_iter().filter(|(_, state)| state.cordoned).map(|(name, _)| name).collect();
    assert_eq!(cordoned, ["n2", "n4", "n5", "n6", "n8", "n9"]);
    let count = |method: Method, path: &str| {
        fake.calls().iter().filter(|call| call.method == method && call.path == path).count()
    };
    let lease = format!("{LEASES}/kube-rebalancer");
    // Is it free? Taken; still ours? Given back.
    let lease_calls = [count(Method::GET, &lease), count(Method::POST, LEASES), count(Method::PUT, &lease)];
    assert_eq!(lease_calls, [2, 1, 1]);
    assert_eq!([count(Method::GET, "/api/v1/nodes"), count(Method::GET, "/api/v1/pods")], [1, 2]);
    assert_eq!([CLAIM, VOLUME, VOLUMES].map(|path| count(Method::GET, path)), [1, 1, 1]);
    // The notes of earlier runs: none exist, so the object is created. Then the history is added.
    let notes = format!("{CONFIG_MAPS}/kube-rebalancer");
    let of_notes =
        [count(Method::GET, &notes), count(Method::PATCH, &notes), count(Method::POST, CONFIG_MAPS)];
    assert_eq!(of_notes, [1, 2, 1]);
    // One node is uncordoned, three are cordoned, one user waits; seven nodes are patched.
    assert_eq!([count(Method::POST, EVENTS), count(Method::POST, EVENTS_OF_USERS)], [4, 1]);
    let patched = |call: &Call| call.method == Method::PATCH && call.path.starts_with("/api/v1/nodes/");
    assert_eq!(fake.calls().iter().filter(|call| patched(call)).count(), 7);
    assert_eq!(count(Method::GET, "/version"), 1);
    assert_eq!(fake.calls().len(), 1 + 4 + 3 + 3 + 4 + 5 + 7);

    let before = state(&fake);
    fake.forget_calls();
    assert_eq!(program.run(&["--yes"]).code, Some(0));
    assert_eq!(state(&fake), before);
    // The history may have a new peak: five minutes may end between the two runs.
    assert!(fake.calls().iter().all(|call| call.method != Method::PATCH || call.path == notes));
}

#[test]
fn of_a_new_server_whole_lists_are_asked_for_and_pages_where_one_fails_in_whatever_way() {
    let (fake, program) = start(false);
    fake.set_version("37");
    assert_eq!(program.run(&["--yes"]).code, Some(0));
    let done = state(&fake);
    let lists = |fake: &FakeApi| -> Vec<bool> {
        let paths = ["/api/v1/nodes", "/api/v1/pods"];
        let calls = fake.calls().into_iter().filter(|call| paths.contains(&call.path.as_str()));
        calls.map(|call| call.parameter("limit").is_some()).collect()
    };
    assert_eq!(lists(&fake), [false; 3]);
    for fault in FAULTS.into_iter().filter(|fault| !matches!(fault, Fault::Hang(_))) {
        for (nth, path) in [(1, "/api/v1/nodes"), (1, "/api/v1/pods"), (2, "/api/v1/pods")] {
            let (fake, program) = start(false);
            fake.set_version("37");
            fake.fail(Requests::of(Method::GET, path).nth(nth), fault);
            let ran = program.run(&["--yes"]);
            assert_eq!((ran.code, lists(&fake).last()), (Some(0), Some(&true)), "{fault:?} {path} {nth}");
            assert_eq!(state(&fake), done, "{fault:?} {path} {nth}");
        }
    }
}

#[test]
fn whatever_request_fails_in_whatever_way_the_run_tells_the_truth_and_the_next_one_makes_it_good() {
    let undisturbed = undisturbed();
    let every = FAULTS
        .into_iter()
        .flat_map(|fault| [Trouble::Once(fault), Trouble::Lasting(fault), Trouble::Everything(fault)]);
    let points = &undisturbed.points;
    let cases: Vec<(&Point, Trouble)> =
        every.flat_map(|trouble| points.iter().map(move |point| (point, trouble))).collect();
    let found = complaints(&cases, |(point, trouble)| judge(&undisturbed, point, *trouble));
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_a_run_is_killed_the_next_one_makes_it_good() {
    let undisturbed = undisturbed();
    let moments = [Moment::Before, Moment::After];
    let points = &undisturbed.points;
    let cases: Vec<(&Point, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let (fake, program) = start(point.lease);
        let at = point.requests().nth(point.nth);
        let ended = Ran::from(killed(&fake, &at, moment, || program.spawn(&["--yes"])));
        let mut found = after_a_clean_run(&undisturbed, &fake, &program);
        if ended.code.is_some() {
            found.push(format!("it was not killed: {}", ended.stderr));
        }
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
