//! The live half against servers whose answers are too large, too slow, or never end.

mod eviction;
mod notes;
mod server;
mod usage;
mod volumes;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use kube::{Client, Config};
use kube_rebalancer_ports::{Cluster as _, chain};

use super::call::{Call, Server};
use super::credentials::Credentials;
use super::whole::WholeLists;
use super::{Live, RunTime, Target};
use serde_json::{Value, json};
use server::{Answer, Page, start, start_with};

fn live(url: &str, label_keys: &[&str]) -> Live {
    rustls::crypto::ring::default_provider().install_default().ok();
    let time = RunTime::new("2026-01-15T09:00:00Z".parse().unwrap(), SignedDuration::from_mins(5));
    let mut config = Config::new(url.parse().unwrap());
    config.default_retry = false;
    Live {
        server: Server::new(Client::try_from(config).unwrap(), time.clone(), url, Credentials::default()),
        time,
        target: Target { context: None, server: url.to_owned() },
        identity: "a run".to_owned(),
        namespace: "default".to_owned(),
        lease_name: "kube-rebalancer".to_owned(),
        dry_run: true,
        lists: WholeLists::default(),
        no_evictions: std::sync::atomic::AtomicBool::default(),
        drain: kube_rebalancer_core::policy::Drain::None,
        each_pod: false,
        own_pod: None,
        wanted_keys: std::sync::Mutex::default(),
        label_keys: Arc::new(label_keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>()),
    }
}

/// A pod of `bytes` bytes, with an ignored annotation and its own label key.
fn pod(at: usize, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        r#"{{"metadata":{{"namespace":"hub","name":"p{at}","labels":{{"user":"","only-of-{at}-{text}":""}},"annotations":{{"a":"{text}"}}}},"spec":{{"containers":[{{"name":"c"}}]}}}}"#
    )
}

/// A server with `count` pods, in pages of the requested size, which records the requested sizes.
fn pods(count: usize, bytes: usize) -> (String, Arc<std::sync::Mutex<Vec<usize>>>) {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let url = start(move |target| {
        let Page { limit, from } = Page::of(target);
        noted.lock().unwrap().push(limit);
        let end = (from + limit).min(count);
        let next = if end < count { end.to_string() } else { String::new() };
        let head =
            format!(r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"continue":"{next}"}},"items":["#);
        let items =
            (from..end).map(move |at| format!("{}{}", if at > from { "," } else { "" }, pod(at, bytes)));
        Answer::ok(std::iter::once(head).chain(items).chain(std::iter::once("]}".to_owned())))
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_large_pods_shrink_and_nothing_is_lost() {
    let (url, asked) = pods(40, 1_000_000);
    let list = live(&url, &["user"]).pods().await.unwrap();
    assert_eq!((list.pods.len(), list.seen), (40, 40));
    let asked = asked.lock().unwrap().clone();
    // Forty pods of two megabytes are too much for one page, also for one of 62; seven of them are a page.
    assert_eq!(asked.get(..3), Some([500, 62, 7].as_slice()), "{asked:?}");
    assert!(asked.iter().skip(3).all(|limit| *limit <= 8), "{asked:?}");
}

/// A page of five pods, as a value.
fn page_of_five(target: &str) -> Value {
    let Page { from, .. } = Page::of(target);
    let items: Vec<Value> = (from..(from + 2).min(5))
        .map(|at| json!({"metadata": {"namespace": "hub", "name": format!("p{at}")}}))
        .collect();
    let next = if from + 2 < 5 { (from + 2).to_string() } else { String::new() };
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items})
}

/// A list in JSON, its fields in the order in which the API server writes them.
fn in_json(list: &Value) -> Answer {
    let fields = ["kind", "apiVersion", "metadata", "items"].map(|name| format!("\"{name}\":{}", list[name]));
    Answer::ok(std::iter::once(format!("{{{}}}\n", fields.join(","))))
}

async fn names_of(url: &str) -> Vec<String> {
    let list = live(url, &[]).pods().await.unwrap();
    list.pods.iter().map(|pod| pod.name.to_string()).collect()
}

const FIVE: [&str; 5] = ["p0", "p1", "p2", "p3", "p4"];

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_asked_for_in_protobuf_and_read_as_the_server_answers() {
    let url = start_with(|target, accept| {
        assert_eq!(accept, "application/vnd.kubernetes.protobuf,application/json");
        Answer::protobuf(&page_of_five(target))
    });
    assert_eq!(names_of(&url).await, FIVE);
    // A server whose list changes in the middle is read page by page.
    let url = start(|target| match page_of_five(target) {
        page if Page::of(target).from == 2 => in_json(&page),
        page => Answer::protobuf(&page),
    });
    assert_eq!(names_of(&url).await, FIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_protobuf_is_asked_for_json() {
    let url = start_with(|target, accept| match accept {
        "application/json" => in_json(&page_of_five(target)),
        _ => Answer::ok(std::iter::once("only JSON".to_owned())).of_status("406 Not Acceptable"),
    });
    assert_eq!(names_of(&url).await, FIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_protobuf_is_told_in_the_servers_words() {
    let status = json!({"kind": "Status", "apiVersion": "v1", "message": "pods is forbidden", "code": 403});
    let refused = move |_: &str| Answer::protobuf(&status).of_status("403 Forbidden");
    assert_eq!(error_of(refused).await, "GET /api/v1/pods: 403 Forbidden: pods is forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_is_the_error_whatever_becomes_of_the_next() {
    let broken = |target: &str| match Page::of(target).from {
        0 => {
            let page = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"2"},"items":"none"}"#;
            Answer::ok(std::iter::once(page.to_owned()))
        }
        _ => Answer::ok(std::iter::empty()).of_status("404 Not Found"),
    };
    let error = error_of(broken).await;
    assert!(error.contains("is not a valid answer of an API server"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_pods_labels_only_those_that_a_setting_names_are_kept() {
    let (url, _) = pods(3, 100);
    let list = live(&url, &["user", "course"]).pods().await.unwrap();
    for pod in &list.pods {
        let keys: Vec<&str> = pod.label_keys.iter().map(|key| &**key).collect();
        assert_eq!(keys, ["user"]);
    }
}

async fn error_of(answer: impl Fn(&str) -> Answer + Send + 'static) -> String {
    let url = start(answer);
    chain(&live(&url, &[]).pods().await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_an_error() {
    let endless = |_: &str| {
        let head = r#"{"kind":"PodList","apiVersion":"v1","items":[],"metadata":{"a":""#.to_owned();
        Answer::ok(std::iter::once(head).chain(std::iter::repeat_with(|| "x".repeat(1 << 16))))
    };
    assert_eq!(error_of(endless).await, "GET /api/v1/pods: the answer is longer than 64 MiB");
}

/// Three events are written side by side, so an object's answer has a smaller bound than a page's.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_change_has_the_bound_of_an_object() {
    let url = start(|_: &str| Answer::ok(std::iter::repeat_with(|| " ".repeat(1 << 16))));
    for call in [Call::post("/apis/events", json!({})), Call::get("/api/v1/nodes/n1")] {
        let error = live(&url, &[]).server.call(&call.once()).await.unwrap_err().to_string();
        assert!(error.ends_with(": the answer is longer than 8 MiB"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_of_two_to_the_31_is_no_allocation() {
    let large = |_: &str| Answer::ok(std::iter::once("{".to_owned())).of_length(1 << 31);
    assert_eq!(error_of(large).await, "GET /api/v1/pods: the answer is longer than 64 MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_without_end_is_told_in_a_line() {
    let endless =
        |_: &str| Answer::ok(std::iter::repeat_with(|| "no ".repeat(1 << 12))).of_status("403 Forbidden");
    let error = error_of(endless).await;
    assert!(error.starts_with("GET /api/v1/pods: 403 Forbidden: no no no"), "{error}");
    assert!(error.len() < 400, "{}", error.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_its_own_next_one_is_an_error() {
    let same = |_: &str| {
        let text = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"again"},"items":[]}"#;
        Answer::ok(std::iter::once(text.to_owned()))
    };
    assert_eq!(
        error_of(same).await,
        "GET /api/v1/pods: a page says that the next one is itself, so that the list would never end"
    );
}

/// The memory of a run does not grow with the contents of users' pods.
///
/// ```text
/// cargo test --release -p kube-rebalancer-kube five_hundred_pods -- --ignored --nocapture
/// ```
#[tokio::test(flavor = "multi_thread")]
#[ignore = "reads several gigabytes from a server in the same process"]
async fn five_hundred_pods_of_more_than_a_megabyte_take_less_than_128_mib() {
    let (url, _) = pods(500, 700_000);
    let list = live(&url, &["user"]).pods().await.unwrap();
    assert_eq!(list.pods.len(), 500);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(peak < 128 << 10, "{peak} KiB");
}
