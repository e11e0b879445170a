//! Both encodings say the same; damaged pages end in an error or in pods, and never in a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::observe::tests::damage::objects;
use crate::observe::{Asked, Encoding, ReadProblem, Reading, next_page};

fn list(kind: &str, metadata: &Value, items: &[Value]) -> Value {
    json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items})
}

/// A list in JSON, its fields in the order in which the API server writes them.
fn in_json(list: &Value) -> Vec<u8> {
    let fields = ["kind", "apiVersion", "metadata", "items"].map(|name| format!("\"{name}\":{}", list[name]));
    format!("{{{}}}\n", fields.join(",")).into_bytes()
}

/// The contents of a page: the next page, the objects, the number of pods, and oddities; or the error.
fn read(page: &[u8], encoding: Encoding, asked: Asked) -> String {
    let mut reading = Reading::default();
    match reading.add_page("/api/v1/pods", page, encoding, asked) {
        Ok(next) => {
            let observed = reading.finish("2026-01-15T09:00:00Z".parse().unwrap());
            format!("{next:?} {observed:#?}")
        }
        Err(error) => kube_rebalancer_ports::chain(&error),
    }
}

/// Both encodings of a list of nodes, and of one of pods beside a node that they may be on.
fn both(list: &Value, asked: Asked) -> [String; 2] {
    let json = read(&in_json(list), Encoding::Json, asked);
    [json, read(&as_protobuf::message(list), Encoding::Protobuf, asked)]
}

/// A list's kind, its requested type, and one object.
fn cases() -> [(&'static str, Asked, Value); 2] {
    let [node, pod] = objects().map(without_kind);
    [("NodeList", Asked::Nodes, node), ("PodList", Asked::Pods, pod)]
}

fn without_kind(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.remove("kind");
    fields.remove("apiVersion");
    object
}

/// The contents of a list that arrives in pieces of these sizes, repeated.
fn in_pieces(mut bytes: &[u8], asked: Asked, sizes: &[usize]) -> String {
    let mut coming = Reading::default().coming(asked);
    for size in sizes.iter().cycle() {
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        if let Err(problem) = coming.add(piece) {
            return kube_rebalancer_ports::chain(&problem);
        }
        bytes = rest;
        if bytes.is_empty() {
            break;
        }
    }
    match coming.finish() {
        Ok(reading) => format!("None {:#?}", reading.finish("2026-01-15T09:00:00Z".parse().unwrap())),
        Err(problem) => kube_rebalancer_ports::chain(&problem),
    }
}

#[test]
fn a_list_that_comes_in_pieces_is_the_same_list() {
    for (kind, asked, object) in cases() {
        let items = vec![object; 3];
        let bytes = as_protobuf::message(&list(kind, &json!({"resourceVersion": "7"}), &items));
        let expected = read(&bytes, Encoding::Protobuf, asked);
        assert!(expected.starts_with("None"), "{expected}");
        for sizes in [[1, 1], [2, 3], [7, 1000], [4096, 1], [1 << 20, 1]] {
            assert_eq!(in_pieces(&bytes, asked, &sizes), expected, "{sizes:?}");
        }
        // Every beginning of it but the whole is an error.
        for end in 0..bytes.len() - 4 {
            let cut = in_pieces(&bytes[..end], asked, &[64, 1]);
            assert!(cut.contains("ends within a field"), "{end}: {cut}");
        }
    }
}

#[test]
fn what_is_no_whole_list_is_an_error() {
    let empty = |kind: &str, metadata: Value| as_protobuf::message(&list(kind, &metadata, &[]));
    let page = empty("PodList", json!({"continue": "more"}));
    let only = "is not a valid answer of an API server: it is only the first page of a list";
    assert_eq!(in_pieces(&page, Asked::Pods, &[5]), only);
    let nodes = empty("NodeList", json!({}));
    assert_eq!(in_pieces(&nodes, Asked::Pods, &[5]), "is NodeList, expected PodList");
    assert!(in_pieces(b"<html>", Asked::Pods, &[2]).contains("does not begin with k8s"));
    // An object that says it has five million bytes is refused before they come.
    let mut large = b"k8s\0".to_vec();
    large.extend_from_slice(b"\x0a\x0d\x0a\x02v1\x12\x07PodList");
    large.extend_from_slice(b"\x12\x80\x80\x80\x10\x12\xc0\x96\xb1\x02");
    let refused = in_pieces(&large, Asked::Pods, &[3]);
    assert!(refused.contains("longer than 4194304 bytes"), "{refused}");
}

/// The same pods and nodes with one value elsewhere or not at all.
fn variants(object: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    crate::observe::tests::damage::paths(object, "", &mut places);
    let mut variants = vec![object.clone()];
    for place in places.iter().filter(|place| !place.is_empty()) {
        let mut without = object.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match without.pointer_mut(parent).unwrap() {
            Value::Object(fields) => {
                fields.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
            Value::Array(items) => {
                items.remove(key.parse().unwrap());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        }
        variants.push(without);
    }
    variants
}

#[test]
fn every_field_says_the_same_in_both_encodings() {
    for (kind, asked, object) in cases() {
        let variants = variants(&object);
        assert!(variants.len() > 25, "{}", variants.len());
        for variant in variants {
            // Pods are compared as they are kept; a list of them lacks the nodes for a whole cluster.
            let [json, protobuf] = [Encoding::Json, Encoding::Protobuf].map(|encoding| {
                let list = list(kind, &json!({"continue": "a+b/c="}), std::slice::from_ref(&variant));
                let page = match encoding {
                    Encoding::Json => in_json(&list),
                    Encoding::Protobuf => as_protobuf::message(&list),
                };
                let mut reading = Reading::default();
                let next = reading.add_page("a list", &page, encoding, asked);
                let next = next.map_err(|error| kube_rebalancer_ports::chain(&error));
                format!("{next:?} {:#?}", reading.collector)
            });
            assert_eq!(json, protobuf, "{variant:#}");
        }
    }
}

#[test]
fn a_page_says_where_the_next_one_begins_before_and_after_it_is_read() {
    for (kind, asked, object) in cases() {
        for (metadata, next) in [
            (json!({}), None),
            (json!({"continue": ""}), None),
            (json!({"resourceVersion": "7", "continue": "a+b/c=", "remainingItemCount": 9}), Some("a+b/c=")),
        ] {
            let list = list(kind, &metadata, std::slice::from_ref(&object));
            let pages = [(Encoding::Json, in_json(&list)), (Encoding::Protobuf, as_protobuf::message(&list))];
            for (encoding, page) in pages {
                assert_eq!(next_page(&page, encoding).as_deref(), next, "{kind} {encoding:?} {metadata}");
                let read = Reading::default().add_page("a list", &page, encoding, asked).unwrap();
                assert_eq!(read.as_deref(), next, "{kind} {encoding:?} {metadata}");
            }
        }
    }
    // If it follows the items, only reading them shows it.
    let behind = br#"{"kind":"PodList","items":[],"metadata":{"continue":"a"}}"#;
    assert_eq!(next_page(behind, Encoding::Json), None);
    let read = Reading::default().add_page("a list", behind, Encoding::Json, Asked::Pods).unwrap();
    assert_eq!(read.as_deref(), Some("a"));
}

#[test]
fn an_answer_of_another_kind_is_an_error_in_both_encodings() {
    let nodes = list("NodeList", &json!({}), &[]);
    let expected = "/api/v1/pods: is NodeList, expected PodList";
    assert_eq!(both(&nodes, Asked::Pods), [expected, expected]);
    let foreign = json!({"kind": "PodList", "apiVersion": "metrics.k8s.io/v1", "metadata": {}, "items": []});
    let expected = "/api/v1/pods: is metrics.k8s.io/v1 PodList, expected PodList";
    assert_eq!(both(&foreign, Asked::Pods), [expected, expected]);
}

#[test]
fn what_is_no_message_of_the_server_is_an_error() {
    let of = |page: &[u8]| {
        let result = Reading::default().add_page("a list", page, Encoding::Protobuf, Asked::Pods);
        kube_rebalancer_ports::chain(&result.unwrap_err())
    };
    let wrong = "a list: is not a valid answer of an API server";
    assert_eq!(of(b""), format!("{wrong}: it does not begin with k8s and a zero byte"));
    assert_eq!(of(b"{}"), format!("{wrong}: it does not begin with k8s and a zero byte"));
    assert_eq!(of(b"k8s\0"), "a list: is an object without a kind, expected PodList");
    let page = as_protobuf::message(&list("PodList", &json!({}), &[cases()[1].2.clone()]));
    assert_eq!(of(&page[..page.len() / 2]), format!("{wrong}: a message ends within a field"));
    let mut compressed = page;
    compressed.extend_from_slice(b"\x1a\x04gzip");
    assert_eq!(of(&compressed), format!("{wrong}: its content is encoded in another way"));
}

#[test]
fn a_failure_has_words_in_protobuf_too() {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "pods is forbidden", "reason": "Forbidden", "code": 403});
    let words = super::status_message(&as_protobuf::message(&status));
    assert_eq!(words.as_deref(), Some("pods is forbidden"));
    assert_eq!(super::status_message(&as_protobuf::message(&list("PodList", &json!({}), &[]))), None);
    assert_eq!(super::status_message(b"no"), None);
}

#[test]
fn a_time_that_was_never_set_is_no_time() {
    // The server writes an empty message for creationTimestamp; a deletionTimestamp keeps its meaning.
    let pod = |metadata: &[u8]| {
        let metadata = [b"\x0a\x01p".as_slice(), metadata].concat();
        let bytes = [&[0x0a, u8::try_from(metadata.len()).unwrap()], metadata.as_slice()].concat();
        let page = as_protobuf::list("PodList", &json!({}), std::iter::once(bytes.as_slice()));
        let mut reading = Reading::default();
        reading.add_page("a list", &page, Encoding::Protobuf, Asked::Pods).unwrap();
        reading.into_parts().1.pop().unwrap()
    };
    let created = |pod: &kube_rebalancer_core::model::Pod| pod.unbound.as_ref().unwrap().created_at;
    assert_eq!(created(&pod(b"\x42\x00")), None);
    assert_eq!(created(&pod(b"\x42\x02\x08\x07")).unwrap().as_second(), 7);
    assert!(!pod(b"").deleting);
    assert!(pod(b"\x4a\x02\x08\x07").deleting && pod(b"\x4a\x00").deleting);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn whatever_the_bytes_are_reading_ends(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        which in 0..2_usize,
    ) {
        let (kind, asked, object) = cases()[which].clone();
        let mut page = as_protobuf::message(&list(kind, &json!({"continue": "a"}), &[object.clone(), object]));
        for (place, byte) in damage {
            let place = place.index(page.len());
            page[place] = byte;
        }
        if let Some(cut) = cut {
            page.truncate(cut.index(page.len()));
        }
        drop(next_page(&page, Encoding::Protobuf));
        super::status_message(&page);
        let result = Reading::default().add_page("a list", &page, Encoding::Protobuf, asked);
        if let Err(crate::observe::ReadError::Input { problem: ReadProblem::Json(error), .. }) = result {
            panic!("{error}");
        }
    }

    #[test]
    fn any_bytes_at_all_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let page = as_protobuf::list("PodList", &json!({}), std::iter::once(bytes.as_slice()));
        Reading::default().add_page("a list", &page, Encoding::Protobuf, Asked::Pods).ok();
        Reading::default().add_page("a list", &bytes, Encoding::Protobuf, Asked::Pods).ok();
    }
}
