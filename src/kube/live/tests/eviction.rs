//! Evictions, budgets and the Lease against servers that refuse, fail, and lose answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::{EvictionAnswer, PodToEvict};

use super::*;

fn draining(url: &str) -> Live {
    Live { dry_run: false, drain: Drain::Omitted, ..live(url, &[]) }
}

fn web() -> PodToEvict {
    PodToEvict {
        namespace: "hub".into(),
        name: "web-1".into(),
        uid: "u1".into(),
        resource_version: "7".into(),
    }
}

/// The pod as the server shows it.
fn shown(uid: &str, more: &str) -> String {
    let owner = r#"{"kind":"ReplicaSet","apiVersion":"apps/v1","name":"web","uid":"r1","controller":true}"#;
    format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"namespace":"hub","name":"web-1","uid":"{uid}","resourceVersion":"7","ownerReferences":[{owner}]{more}}},"spec":{{"nodeName":"n1","containers":[{{"name":"c"}}]}}}}"#
    )
}

fn one(text: impl Into<String>) -> Answer {
    Answer::ok(std::iter::once(text.into()))
}

fn failure(words: &str) -> Answer {
    one(format!(r#"{{"kind":"Status","apiVersion":"v1","message":"{words}"}}"#))
}

/// The result of an eviction with this status as the answer, and the number of requests; `read` is the pod as it is read
/// afterwards.
async fn evicted(status: &'static str, read: Option<String>) -> (EvictionAnswer, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let noted = Arc::clone(&asked);
    let url = start(move |target| {
        if target == "/api/v1/namespaces/hub/pods/web-1/eviction" {
            noted.fetch_add(1, Ordering::Relaxed);
            return failure("the words").of_status(status);
        }
        match &read {
            Some(text) => one(text.clone()),
            None => failure("not found").of_status("404 Not Found"),
        }
    });
    let answer = draining(&url).evict(&web()).await;
    (answer, asked.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eviction_is_asked_for_once_and_a_lost_answer_is_read_back() {
    let still = || Some(shown("u1", ""));
    let going = || Some(shown("u1", r#","deletionTimestamp":"2026-01-15T09:00:30Z""#));
    let other = || Some(shown("u2", ""));
    let word = |answer: &EvictionAnswer| format!("{answer:?}").split('(').next().unwrap().to_owned();
    for (status, read, expected) in [
        ("201 Created", still(), "Done"),
        ("429 Too Many Requests", still(), "NotNow"),
        ("404 Not Found", None, "Gone"),
        ("409 Conflict", still(), "Changed"),
        ("403 Forbidden", still(), "Failed"),
        ("422 Unprocessable Entity", still(), "Failed"),
        ("500 Internal Server Error", still(), "Failed"),
        ("500 Internal Server Error", going(), "Done"),
        ("503 Service Unavailable", None, "Done"),
        ("504 Gateway Timeout", other(), "Done"),
        ("500 Internal Server Error", Some("<html>".to_owned()), "Failed"),
        ("500 Internal Server Error", Some(r#"{"kind":"PodList","items":[]}"#.to_owned()), "Failed"),
    ] {
        let (answer, asked) = evicted(status, read.clone()).await;
        assert_eq!((word(&answer).as_str(), asked), (expected, 1), "{status} {read:?}: {answer:?}");
    }
    let (answer, _) = evicted("429 Too Many Requests", still()).await;
    assert!(format!("{answer:?}").contains("the words"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_read_again_is_the_one_that_was_asked_for() {
    let read = async |text: String| draining(&start(move |_| one(text.clone()))).pod("hub", "web-1").await;
    let now = read(shown("u1", "")).await.unwrap().unwrap();
    assert_eq!((&*now.pod.eviction.unwrap().uid, now.resource_version.as_str()), ("u1", "7"));
    assert!(read(shown("u1", "").replace("web-1", "web-2")).await.is_err());
    let ended = shown("u1", "").replace(r#""spec":"#, r#""status":{"phase":"Succeeded"},"spec":"#);
    assert_eq!(read(ended).await, Ok(None));
    for text in ["", "{", "[]", r#"{"kind":"Status"}"#] {
        assert!(read(text.to_owned()).await.is_err(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_ours_only_while_it_names_us() {
    let leads = async |text: &'static str, status| {
        draining(&start(move |_| one(text).of_status(status))).still_leads().await
    };
    assert_eq!(leads(r#"{"spec":{"holderIdentity":"a run"}}"#, "200 OK").await, Ok(true));
    for text in [r#"{"spec":{"holderIdentity":"another"}}"#, r#"{"spec":{}}"#, "{}", "nonsense"] {
        assert_eq!(leads(text, "200 OK").await, Ok(false), "{text}");
    }
    assert_eq!(leads("{}", "404 Not Found").await, Ok(false));
    assert!(leads("{}", "403 Forbidden").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_are_a_list_or_the_run_ends_and_without_drain_nobody_asks() {
    let page = |next: &str| {
        let item = r#"{"metadata":{"namespace":"hub","name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}}},"status":{"disruptionsAllowed":1}}"#;
        format!(r#"{{"kind":"PodDisruptionBudgetList","metadata":{{"continue":"{next}"}},"items":[{item}]}}"#)
    };
    let two = move |target: &str| one(page(if target.contains("continue") { "" } else { "more" }));
    let live = draining(&start(two));
    let budgets = live.budgets().await.unwrap();
    assert_eq!(budgets.len(), 2);
    assert_eq!(budgets.first().map(|budget| budget.allowed), Some(1));
    let keys = live.wanted_keys.lock().unwrap().clone().unwrap();
    assert!(keys.contains("app"), "{keys:?}");
    for text in ["<html>", "{}", r#"{"kind":"PodList","items":[]}"#, r#"{"kind":"Status"}"#] {
        assert!(draining(&start(move |_| one(text))).budgets().await.is_err(), "{text}");
    }
    let unasked = super::live("http://127.0.0.1:9", &[]);
    assert_eq!(unasked.budgets().await, Ok(Vec::new()));
}

/// A user who may create budgets must not stop all runs: nothing is evicted then.
#[tokio::test(flavor = "multi_thread")]
async fn budgets_beyond_all_bounds_mean_that_no_pod_is_evicted() {
    let item = |expressions: String| {
        format!(
            r#"{{"metadata":{{"namespace":"eve","name":"b"}},"spec":{{"selector":{{"matchExpressions":[{expressions}]}}}}}}"#
        )
    };
    let list = |next: &str, item: String| {
        format!(r#"{{"kind":"PodDisruptionBudgetList","metadata":{{"continue":"{next}"}},"items":[{item}]}}"#)
    };
    let named = |key: String| format!(r#"{{"key":"{key}","operator":"Exists"}}"#);
    let keys = |count: usize| {
        let named: Vec<String> = (0..count).map(|at| named(format!("k{at}"))).collect();
        list("", item(named.join(",")))
    };
    let values = vec![format!("\"{}\"", "v".repeat(63)); 80_000].join(",");
    let large = list("", item(format!(r#"{{"key":"k","operator":"In","values":[{values}]}}"#)));
    for (text, evicts) in [
        (list("more", item(named("k".to_owned()))), false),
        (large, false),
        (list("", item(String::new())).replace("\"eve\"", &format!("\"{}\"", "e".repeat(65 << 20))), false),
        (keys(257), false),
        (keys(256), true),
    ] {
        let beginning = text.chars().take(200).collect::<String>();
        let budgets = text.clone();
        let live = draining(&start(move |target| {
            if target.starts_with("/apis/policy") { one(budgets.clone()) } else { one(PODS.to_owned()) }
        }));
        let found = live.budgets().await.unwrap();
        assert_eq!(!found.is_empty(), evicts, "{beginning}");
        let pods = live.pods().await.unwrap().pods;
        assert_eq!(pods.iter().any(|pod| pod.eviction.is_some()), evicts, "{beginning}");
        assert_eq!(pods.len(), 1);
    }
}

/// One pod of a ReplicaSet.
const PODS: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"namespace":"hub","name":"web",
    "uid":"u1","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","controller":true}]},
    "spec":{"nodeName":"n1","containers":[{"name":"c"}]}}]}"#;
