//! The usage of pods: pages, bounds, and invalid answers.

use std::sync::{Arc, Mutex};

use kube_rebalancer_ports::UsageSource as _;
use serde_json::json;

use super::live;
use super::server::{Answer, start};

fn page(name: &str, next: &str) -> Answer {
    let item = json!({
        "metadata": {"namespace": "hub", "name": name},
        "timestamp": "2026-01-15T08:59:31Z",
        "containers": [{"name": "notebook", "usage": {"memory": "1Mi", "cpu": "1m"}}]
    });
    let list = json!({"kind": "PodMetricsList", "metadata": {"continue": next}, "items": [item]});
    Answer::ok(std::iter::once(list.to_string()))
}

#[tokio::test]
async fn the_pages_of_a_list_are_asked_for_one_after_the_other() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let url = start(move |target| {
        noted.lock().unwrap().push(target.to_owned());
        if target.ends_with("&continue=a%2Fb") { page("bob", "") } else { page("ada", "a/b").large() }
    });
    let samples = live(&url, &[]).usage().await.unwrap();
    assert_eq!(samples.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["ada", "bob"]);
    let path = "/apis/metrics.k8s.io/v1beta1/pods?limit=500";
    assert_eq!(*asked.lock().unwrap(), [path.to_owned(), format!("{path}&continue=a%2Fb")]);
}

#[tokio::test]
async fn what_fails_is_tried_once_and_told_in_a_line() {
    type Way = fn() -> Answer;
    let missing = || {
        let status = json!({"kind": "Status", "message": "the server could not find the requested resource"});
        Answer::ok(std::iter::once(status.to_string())).of_status("404 Not Found")
    };
    let html = || Answer::ok(std::iter::once("<html>who are you?</html>".to_owned()));
    let moved = || Answer::ok(std::iter::empty()).of_status("302 Found");
    let cases: [(Way, &str); 6] = [
        (missing, "404 Not Found: the server could not find the requested resource"),
        (html, "the answer is not a list of PodMetrics: expected value at line 1 column 1"),
        (moved, "302 Found: "),
        (|| page("ada", "the same"), "the answer says that the next page is itself"),
        (
            || Answer::ok(std::iter::once("{\"kind\": \"PodMetricsList\", \"items\": [".to_owned())),
            "the answer is not a list of PodMetrics: EOF while parsing a list at line 1 column 37",
        ),
        (|| Answer::ok(std::iter::repeat_with(|| " ".repeat(1 << 20))), "the answer is longer than 64 MiB"),
    ];
    for (answer, words) in cases {
        let url = start(move |_| answer());
        let error = live(&url, &[]).usage().await.unwrap_err();
        assert_eq!(error.to_string(), format!("GET /apis/metrics.k8s.io/v1beta1/pods: {words}"));
    }
}
