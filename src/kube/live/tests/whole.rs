//! Lists as a whole, from a server that is new enough, and pages if that fails.

use std::sync::{Arc, Mutex};

use kube_rebalancer_ports::Cluster as _;
use serde_json::{Value, json};

use super::server::{Answer, Page, start_new};
use super::{FIVE, live, page_of_five};

/// The behavior of a server.
type Way = Box<dyn Fn() -> Answer + Send>;

/// The requests that a server got, in order.
type Asked = Arc<Mutex<Vec<String>>>;

fn version(minor: &str) -> Answer {
    Answer::ok(std::iter::once(json!({"major": "1", "minor": minor}).to_string()))
}

/// Five pods, as one list.
fn all_five() -> Value {
    let items: Vec<Value> =
        FIVE.iter().map(|name| json!({"metadata": {"namespace": "hub", "name": name}})).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items})
}

/// A server of this version with five pods, which answers a request for all of them in this way.
fn server(minor: &'static str, whole: impl Fn() -> Answer + Send + 'static) -> (String, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let url = start_new(move |target, _| {
        noted.lock().unwrap().push(target.to_owned());
        if target == "/version" {
            version(minor)
        } else if target.contains("limit=") {
            Answer::protobuf(&page_of_five(target))
        } else {
            whole()
        }
    });
    (url, asked)
}

/// Lists the pods twice and returns how the server was asked: `version`, `whole`, or the first object of a page.
async fn listed(minor: &'static str, whole: impl Fn() -> Answer + Send + 'static) -> Vec<String> {
    let (url, asked) = server(minor, whole);
    let live = live(&url, &[]);
    for _ in 0..2 {
        let list = live.pods().await.unwrap();
        let names: Vec<&str> = list.pods.iter().map(|pod| &*pod.name).collect();
        assert_eq!((names.as_slice(), list.seen), (FIVE.as_slice(), 5));
    }
    let asked = asked.lock().unwrap();
    let way = |target: &String| match target.as_str() {
        "/version" => "version".to_owned(),
        target if target.contains("limit=") => Page::of(target).from.to_string(),
        _ => "whole".to_owned(),
    };
    asked.iter().map(way).collect()
}

const IN_PAGES: [&str; 3] = ["0", "2", "4"];

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_is_asked_for_the_whole_list_and_its_version_once() {
    assert_eq!(listed("37", || Answer::protobuf(&all_five())).await, ["version", "whole", "whole"]);
    assert_eq!(listed("33+", || Answer::protobuf(&all_five()).large()).await, ["version", "whole", "whole"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_asked_for_pages() {
    let asked = listed("32", || Answer::protobuf(&all_five())).await;
    assert_eq!(asked, [&["version"], IN_PAGES.as_slice(), &IN_PAGES].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_a_whole_list_it_is_asked_for_in_pages_from_then_on() {
    let whole = || as_protobuf::message(&all_five());
    let cut = move |at: usize| Answer::of_bytes(std::iter::once(whole()[..at].to_vec()));
    let length = whole().len();
    let broken: [(&str, Way); 9] = [
        ("nothing", Box::new(move || cut(0))),
        ("a kind", Box::new(move || cut(10))),
        ("half of it", Box::new(move || cut(length / 2))),
        ("all but the last object's end", Box::new(move || cut(length - 6))),
        ("a compressed half", Box::new(move || cut(length / 2).large())),
        ("JSON", Box::new(|| Answer::ok(std::iter::once(all_five().to_string())))),
        ("a page of a proxy", Box::new(|| Answer::of_bytes(std::iter::once(b"<html>".to_vec())))),
        ("a refusal", Box::new(|| Answer::protobuf(&all_five()).of_status("503 Service Unavailable"))),
        (
            "zeros without end, compressed",
            Box::new(|| {
                let head = as_protobuf::message(&all_five())[..30].to_vec();
                Answer::of_bytes(std::iter::once(head).chain(std::iter::repeat_with(|| vec![0; 1 << 16])))
                    .large()
            }),
        ),
    ];
    for (what, answer) in broken {
        let asked = listed("37", answer).await;
        assert_eq!(asked, [&["version", "whole"], IN_PAGES.as_slice(), &IN_PAGES].concat(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_be_compressed_too() {
    let url = start_new(|target, _| match target {
        "/version" => version("32"),
        _ => Answer::protobuf(&page_of_five(target)).large(),
    });
    let list = live(&url, &[]).pods().await.unwrap();
    assert_eq!(list.seen, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_large_only_when_it_is_decompressed_has_the_same_bound() {
    let url = start_new(|target, _| match target {
        "/version" => version("32"),
        _ => Answer::of_bytes(std::iter::repeat_with(|| vec![b' '; 1 << 16])).large(),
    });
    let error = live(&url, &[]).pods().await.unwrap_err();
    assert_eq!(error.to_string(), "GET /api/v1/pods: the answer is longer than 64 MiB");
}
