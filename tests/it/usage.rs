//! A source of metrics fails in every way: the run continues, its plan is the one by requests, and its report names the
//! reason.

use std::net::TcpListener;

use fake_http::{AnswerBody, Outcome, cut, endless, first_half, serve, whole};
use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::fake_api::{FakeApi, Fault, Moment, Requests};
use crate::objects::{Node, Pod};

const METRICS: &str = "/apis/metrics.k8s.io/v1beta1/pods";

struct World {
    api: FakeApi,
    home: tempfile::TempDir,
}

/// Two nodes of 8 Gi, 12 Gi requested: on the target. A third is cordoned.
fn world() -> World {
    let api = FakeApi::start();
    api.add_namespace("hub");
    api.add_namespace("default");
    for name in ["n0", "n1"] {
        api.add_node(&Node::new(name));
        api.add_pod(&Pod::new("hub", &format!("on-{name}")).label("user", "a").memory("6Gi").on(name));
    }
    api.add_node(&Node::new("n2").cordoned_long_ago());
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("kubeconfig"), api.kubeconfig()).unwrap();
    World { api, home }
}

impl World {
    /// The report of a run that must succeed.
    fn run(&self, variables: &[(&str, &str)]) -> Value {
        self.api.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("RESOURCES", "memory")
            .env("EMPTY_GRACE", "24h")
            .env("PACK", "false")
            .envs(variables.iter().copied())
            .args(["--dry-run", "-o", "json"]);
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{log}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A report without settings and warnings.
fn plan(mut report: Value) -> Value {
    for field in ["settings", "warnings", "source", "observedAt"] {
        report.as_object_mut().unwrap().remove(field).unwrap();
    }
    report
}

/// The warning about the source.
fn reason(report: &Value) -> String {
    let mut warnings =
        report["warnings"].as_array().unwrap().iter().filter_map(|one| one["message"].as_str());
    let start = "USAGE is not taken into account, every pod counts by its requests: ";
    warnings.find_map(|message| message.strip_prefix(start)).unwrap_or_default().to_owned()
}

#[test]
fn whatever_a_metrics_server_answers_the_run_goes_on_by_requests() {
    let world = world();
    let by_requests = world.run(&[]);
    assert_eq!(reason(&by_requests), "");
    assert_eq!(world.api.calls().iter().filter(|call| call.path.contains("metrics")).count(), 0);
    let by_requests = plan(by_requests);
    let faults = [
        None,
        Some(Fault::InternalError),
        Some(Fault::Unavailable),
        Some(Fault::TooManyRequests { retry_after_seconds: 1 }),
        Some(Fault::Forbidden),
        Some(Fault::ExpiredToken),
        Some(Fault::MalformedJson),
        Some(Fault::HalfBody),
        Some(Fault::Reset(Moment::Before)),
        Some(Fault::Reset(Moment::After)),
        Some(Fault::Hang(Moment::Before)),
    ];
    for fault in faults {
        world.api.behave();
        world.api.forget_calls();
        if let Some(fault) = fault {
            world.api.fail(Requests::of(Method::GET, METRICS), fault);
        }
        let report = world.run(&[("USAGE", "metrics-server"), ("DEMAND", "usage")]);
        let reason = reason(&report);
        assert!(!reason.is_empty(), "{fault:?}: {report}");
        assert_eq!(plan(report), by_requests, "{fault:?}: {reason}");
        assert_eq!(world.api.calls().iter().filter(|call| call.path == METRICS).count(), 1, "{fault:?}");
    }
}

/// Starts a Prometheus that gives this answer to every query; returns its address.
fn prometheus(answer: impl Fn(&str) -> Outcome + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = serve(listener, move |head, _| answer(head.uri.query().unwrap_or_default()));
    drop(task.unwrap()); // it goes on until the process ends
    url
}

fn answered(status: u16, body: AnswerBody) -> Outcome {
    let answer = Response::builder().status(status).header("location", "http://127.0.0.1:1/");
    Outcome::Answer(answer.body(body).unwrap())
}

/// Both users use 8 Gi and a core.
fn vector(query: &str) -> String {
    let amount = if query.contains("memory") { "8589934592" } else { "1" };
    let series = ["on-n0", "on-n1"]
        .map(|pod| json!({"metric": {"namespace": "hub", "pod": pod}, "value": [1_768_467_600.5, amount]}));
    json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string()
}

#[test]
fn whatever_a_prometheus_answers_the_run_goes_on_by_requests() {
    type Way = fn(&str) -> Outcome;
    let world = world();
    let by_requests = plan(world.run(&[]));
    let ways: [(&str, Way); 9] = [
        ("500", |_| answered(500, whole(""))),
        ("a redirect", |_| answered(307, whole(""))),
        ("a page", |_| answered(200, whole("<html>"))),
        ("half of it", |query| answered(200, whole(first_half(&vector(query))))),
        ("cut", |query| answered(200, cut(first_half(&vector(query))))),
        ("without end", |_| answered(200, endless("{"))),
        ("nothing", |_| answered(200, whole(""))),
        ("a matrix", |_| {
            answered(200, whole(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#))
        }),
        ("no answer", |_| Outcome::Hang),
    ];
    for (what, way) in ways {
        let url = prometheus(way);
        let report = world.run(&[("USAGE", "prometheus"), ("PROMETHEUS_URL", &url), ("DEMAND", "usage")]);
        let reason = reason(&report);
        let is_told = reason.starts_with(&url) || reason == "it takes longer than 5 s";
        assert!(is_told, "{what}: {reason}");
        assert_eq!(plan(report), by_requests, "{what}: {reason}");
    }
}

#[test]
fn what_a_prometheus_tells_counts() {
    let world = world();
    let url = prometheus(|query| answered(200, whole(vector(query))));
    let variables = [("USAGE", "prometheus"), ("PROMETHEUS_URL", url.as_str())];
    let by_requests = world.run(&variables);
    assert_eq!(reason(&by_requests), "");
    let usage = &by_requests["pools"][0]["usage"];
    assert_eq!((&usage["measured"], &usage["used"]["memoryBytes"]), (&json!(2), &json!(16_u64 << 30)));
    assert_eq!(by_requests["actions"].as_array().map(Vec::len), Some(1), "the cordoned node is marked empty");
    let larger = world.run(&[variables[0], variables[1], ("DEMAND", "larger")]);
    let verbs: Vec<&str> =
        larger["actions"].as_array().unwrap().iter().filter_map(|one| one["action"].as_str()).collect();
    assert_eq!(verbs, ["uncordon"]);
}

/// What a source tells of one pod: the amount of memory, and the seconds after the time of the run.
type Told = (&'static str, i64);

/// A Prometheus that tells this of the memory of pods, and of each a core.
fn prometheus_of(told: &'static [(&'static str, Told)]) -> String {
    const NOW: i64 = 1_768_467_600;
    prometheus(move |query| {
        let series = told.iter().map(|(pod, (memory, after))| {
            let amount = if query.contains("memory") { memory } else { "1" };
            json!({"metric": {"namespace": "hub", "pod": pod}, "value": [NOW + after, amount]})
        });
        let result: Vec<Value> = series.collect();
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
        answered(200, whole(body.to_string()))
    })
}

/// The verbs of a report, and how many pods its source measured and did not, by the reason.
fn counted(report: &Value) -> (Vec<&str>, &Value, &Value) {
    let actions = report["actions"].as_array().unwrap().iter();
    let usage = &report["pools"][0]["usage"];
    (actions.filter_map(|one| one["action"].as_str()).collect(), &usage["measured"], &usage["unmeasured"])
}

/// By requests the cordoned node is only marked empty. If the samples were true, both users would use 8 Gi each.
#[test]
fn what_a_prometheus_tells_and_cannot_be_true_counts_by_requests() {
    const fn both(told: Told) -> [(&'static str, Told); 2] {
        [("on-n0", told), ("on-n1", told)]
    }
    const ALL: &str = "8589934592";
    static NEGATIVE: [(&str, Told); 2] = both(("-8589934592", 0));
    static NO_NUMBER: [(&str, Told); 2] = both(("NaN", 0));
    static INFINITE: [(&str, Told); 2] = both(("+Inf", 0));
    static MORE_THAN_TWICE: [(&str, Told); 2] = both(("17179869185", 0));
    static BEYOND_NUMBERS: [(&str, Told); 2] = both(("1e300", 0));
    static OLD: [(&str, Told); 2] = both((ALL, -310));
    static AHEAD: [(&str, Told); 2] = both((ALL, 120));
    static END_OF_TIME: [(&str, Told); 2] = both((ALL, 1_000_000_000_000_000_000));
    static HALF: [(&str, Told); 1] = [("on-n0", (ALL, 0))];
    static TRUE: [(&str, Told); 3] = [("on-n0", (ALL, 50)), ("on-n1", (ALL, -240)), ("gone", (ALL, 0))];
    let world = world();
    let run = |told| {
        let url = prometheus_of(told);
        world.run(&[("USAGE", "prometheus"), ("PROMETHEUS_URL", &url), ("DEMAND", "usage")])
    };
    for (told, word) in [
        (&NEGATIVE, "negative"),
        (&NO_NUMBER, "absurd"),
        (&INFINITE, "absurd"),
        (&MORE_THAN_TWICE, "absurd"),
        (&BEYOND_NUMBERS, "absurd"),
        (&OLD, "stale"),
        (&AHEAD, "future"),
        (&END_OF_TIME, "stale"),
    ] {
        let report = run(told);
        assert_eq!(counted(&report), (vec!["mark"], &json!(0), &json!({word: 2})), "{told:?}");
    }
    // Half of them have no sample: 8 Gi and the requests of the other, 14 of 16 Gi, are above the band.
    let report = run(&HALF);
    assert_eq!(counted(&report), (vec!["uncordon"], &json!(1), &json!({"missing": 1})));
    // So are 16 of 16 Gi. Samples of pods that do not exist count nothing.
    assert_eq!(counted(&run(&TRUE)), (vec!["uncordon"], &json!(2), &json!({})));
}

/// The same from a metrics-server, whose samples have containers.
#[test]
fn what_a_metrics_server_tells_and_cannot_be_true_counts_by_requests() {
    const HALF: &str = r#"{"kind":"PodMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
        {"metadata":{"namespace":"hub","name":"on-n0"},"timestamp":"2026-01-15T08:59:30Z","window":"15s",
         "containers":[{"name":"main","usage":{"memory":"8Gi","cpu":"1"}}]}]}"#;
    let world = world();
    let run = |told: &'static str| {
        world.api.behave();
        world.api.fail(Requests::of(Method::GET, METRICS), Fault::Instead(told));
        world.run(&[("USAGE", "metrics-server"), ("DEMAND", "usage")])
    };
    let report = run(HALF);
    assert_eq!(counted(&report), (vec!["uncordon"], &json!(1), &json!({"missing": 1})));
    for (from, to, word) in [
        ("8Gi", "-8Gi", "negative"),
        ("8Gi", "much", "absurd"),
        ("8Gi", "16777217Ki", "absurd"),
        ("08:59:30Z", "08:54:50Z", "stale"),
        ("08:59:30Z", "09:02:00Z", "future"),
        (r#","cpu":"1""#, "", "partial"),
        (r#"{"name":"main","usage":{"memory":"8Gi","cpu":"1"}}"#, "", "partial"),
    ] {
        let told = HALF.replace(from, to).leak();
        let report = run(told);
        let expected = json!({"missing": 1, word: 1});
        assert_eq!(counted(&report), (vec!["mark"], &json!(0), &expected), "{to}");
    }
}
