//! Whole inputs: which objects are taken, which are passed over, and what is no list at all.

pub(super) mod damage;

use kube_rebalancer_core::model::{Operator, Requirement};
use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-15T09:00:00Z";

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {}})
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name}, "spec": {}, "status": {}})
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The contents of a file.
fn read(documents: &[Value]) -> Result<Observation, ReadError> {
    let text: String = documents.iter().map(Value::to_string).collect();
    read_text(&text)
}

fn read_text(text: &str) -> Result<Observation, ReadError> {
    let mut reading = Reading::default();
    reading.add_input("dump.json", text.as_bytes())?;
    reading.finish(NOW.parse().unwrap())
}

/// An error with its causes, one a line.
fn message(error: &ReadError) -> String {
    let first: &dyn std::error::Error = error;
    let chain = std::iter::successors(Some(first), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn answer(asked: Asked, answer: &Value) -> Result<Option<String>, String> {
    Reading::default().add_answer("/api/v1/pods", &answer.to_string(), asked).map_err(|error| message(&error))
}

#[test]
fn a_page_says_its_kind_and_where_the_next_one_begins() {
    let page =
        |metadata: Value| json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": []});
    for (metadata, next) in [
        (json!({}), None),
        (json!(null), None),
        (json!({"continue": ""}), None),
        (json!({"resourceVersion": "1", "continue": "abc"}), Some("abc".to_owned())),
    ] {
        assert_eq!(answer(Asked::Pods, &page(metadata.clone())), Ok(next), "{metadata}");
    }
    let behind = json!({"items": [], "metadata": {"continue": "abc"}, "kind": "PodList"});
    assert_eq!(answer(Asked::Pods, &behind), Ok(Some("abc".to_owned())));
    let node = node("n1");
    assert_eq!(answer(Asked::Node, &node), Ok(None));
}

#[test]
fn an_answer_of_another_kind_is_an_error_and_not_an_empty_list() {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                        "message": "etcdserver: request timed out", "code": 500});
    let table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": [], "columnDefinitions": []});
    let of = |kind: &str| json!({"kind": kind, "apiVersion": "v1", "items": []});
    let item = json!({"kind": "PodList", "apiVersion": "v1", "items": [{"kind": "Secret", "metadata": {"name": "s"}}]});
    let cases = [
        (status, "a Status and no list of objects; the API server says: etcdserver: request timed out"),
        (table, "a Table and no list of objects"),
        (of("SecretList"), "is SecretList, expected PodList"),
        (of("NodeList"), "is NodeList, expected PodList"),
        (of("List"), "is List, expected PodList"),
        (json!({}), "is an object without a kind, expected PodList"),
        (
            json!({"kind": "PodList", "apiVersion": "metrics.k8s.io/v1beta1", "items": []}),
            "is metrics.k8s.io/v1beta1 PodList, expected PodList",
        ),
        (pod("hub", "p"), "is Pod, expected PodList"),
        // The kind of the list follows its items, or precedes them.
        (item.clone(), "missing or of another kind, and the list it is in"),
        (json!(null), "is not a valid answer of an API server"),
        (json!([]), "is not a valid answer of an API server"),
    ];
    for (answered, expected) in cases {
        let message = answer(Asked::Pods, &answered).unwrap_err();
        assert!(message.contains(expected), "{answered}: {message}");
    }
    let text = format!("{{\"kind\":\"PodList\",\"items\":{}}}", item["items"]);
    let error = Reading::default().add_answer("/api/v1/pods", &text, Asked::Pods).unwrap_err();
    assert!(message(&error).contains("Secret, in a list of Pod"), "{}", message(&error));
    let mut reading = Reading::default();
    for (text, expected) in [
        ("\n<!DOCTYPE html><title>Sign in</title>", "is HTML"),
        ("", "is not a valid answer of an API server"),
        ("{\"kind\":\"PodList\",\"items\":[]}{}", "trailing characters"),
    ] {
        let error = reading.add_answer("/api/v1/pods", text, Asked::Pods).unwrap_err();
        assert!(message(&error).contains(expected), "{text}: {}", message(&error));
    }
}

#[test]
fn a_file_that_reports_a_failure_is_no_cluster() {
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "pods is forbidden"});
    let whole = list(&[node("n1"), pod("hub", "p")]);
    let error = message(&read(&[whole.clone(), status]).unwrap_err());
    let expected = "dump.json\na document: kind\na Status and no list of objects; the API server says: pods is forbidden";
    assert_eq!(error, expected);
    let table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []});
    assert!(message(&read(&[whole.clone(), table]).unwrap_err()).contains("a Table and no list"));
    let secrets = json!({"kind": "SecretList", "apiVersion": "v1", "items": []});
    assert!(message(&read(std::slice::from_ref(&secrets)).unwrap_err()).contains("neither nodes nor pods"));
    // Beside the whole cluster, a list of something else takes nothing away.
    assert!(read(&[whole, secrets]).is_ok());
}

#[test]
fn a_page_in_a_file_is_not_the_whole_list() {
    let page = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "abc", "remainingItemCount": 7},
                      "items": [pod("hub", "p")]});
    let error = message(&read(&[list(&[node("n1")]), page]).unwrap_err());
    assert!(error.contains("a list: metadata.continue\nset: this is one page of a list"), "{error}");
    let yaml = "kind: NodeList\nmetadata:\n  continue: abc\nitems: []\n";
    let error = message(&read_text(yaml).unwrap_err());
    assert!(error.contains("a list: metadata.continue\nset: this is one page of a list"), "{error}");
}

#[test]
fn what_is_no_dump_is_named_by_its_first_line() {
    let table = "NAMESPACE     NAME         READY   STATUS    RESTARTS   AGE\nhub           pod/p        1/1     Running   0          9m\n";
    let noise = format!(
        "E0302 09:30:00.000000   12345 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list\"\n{}",
        list(&[node("n1")])
    );
    for (text, expected) in [
        (table.to_owned(), "begins with \"NAMESPACE     NAME         READY"),
        (noise, "begins with \"E0302 09:30:00.000000   12345 memcache.go:265]"),
        ("<html><body>Sign in</body></html>".to_owned(), "is HTML"),
    ] {
        let error = message(&read_text(&text).unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(
            error.contains("expected what `kubectl get nodes,pods,pv -A -o json` prints")
                || error.contains("HTML")
        );
    }
}

/// Other groups have kinds of these names too, with other things in the same fields.
#[test]
fn kinds_of_other_groups_are_passed_over() {
    let longhorn = json!({"apiVersion": "longhorn.io/v1beta1", "kind": "Node", "metadata": {"name": "n1"},
                          "spec": {"taints": "none"}, "status": {"conditions": {"Ready": {}}}});
    let metrics = json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": "n1"}, "usage": {}});
    let service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"containers": 3}});
    let observed = read(&[list(&[node("n1"), longhorn.clone(), metrics, service, pod("hub", "p")])]).unwrap();
    assert_eq!((observed.snapshot.nodes().len(), observed.snapshot.pods().len()), (1, 1));
    let of_its_own = json!({"apiVersion": "longhorn.io/v1beta1", "kind": "NodeList", "items": [longhorn]});
    let observed = read(&[list(&[node("n1"), pod("hub", "p")]), of_its_own]).unwrap();
    assert_eq!(observed.snapshot.nodes().len(), 1);
}

#[test]
fn claims_are_joined_with_their_volumes_in_whatever_order_they_come() {
    let claim = |name: &str, volume: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "hub", "name": name},
               "spec": {"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}})
    };
    let volume = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec});
    let host = json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]},
    ]}]}}, "capacity": {"storage": "1Gi"}});
    let observed = read(&[list(&[
        claim("local", "v1"),
        volume("v1", host),
        volume("v2", json!({})),
        claim("anywhere", "v2"),
        claim("unseen", "v3"),
        node("n1"),
        pod("hub", "p"),
    ])])
    .unwrap();
    let volumes = observed.snapshot.volumes();
    let key = |name: &str| ("hub".to_owned(), name.to_owned());
    assert!(
        volumes.keys().eq([&key("anywhere"), &key("local")]),
        "a claim whose volume was not listed is absent"
    );
    assert_eq!(volumes[&key("anywhere")], None);
    let terms = &volumes[&key("local")].as_ref().unwrap().0;
    let on_n1 =
        Requirement { key: "kubernetes.io/hostname".into(), operator: Operator::In(vec!["n1".into()]) };
    assert_eq!((terms.len(), &terms[0].labels), (1, &vec![on_n1]));

    let mut live = Reading::default();
    live.add_answer("claim", &claim("anywhere", "v2").to_string(), Asked::Claim).unwrap();
    live.add_answer("volume", &volume("v2", json!({})).to_string(), Asked::Volume).unwrap();
    assert_eq!(live.into_volumes(&[]), Volumes::from([(key("anywhere"), None)]));
}

fn plan_warnings(items: &[Value]) -> Vec<String> {
    read(&[list(items)]).unwrap().plan_warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_dump_of_one_namespace_is_a_warning() {
    let one = ["all pods are in namespace hub: kubectl get pods needs -A to list every namespace"];
    assert_eq!(plan_warnings(&[node("n"), pod("hub", "a"), pod("hub", "b")]), one);
    assert_eq!(
        plan_warnings(&[node("n"), pod("hub", "a"), pod("kube-system", "b"), pod("hub", "c")]),
        [""; 0]
    );
    // One pod is in one namespace in any case.
    assert_eq!(plan_warnings(&[node("n"), pod("hub", "a")]), [""; 0]);
    let yaml = "kind: Node\nmetadata: {name: n}\n---\nkind: Pod\nmetadata: {namespace: hub, name: a}\n---\n\
                kind: Pod\nmetadata: {namespace: hub, name: b}\n";
    let warnings = read_text(yaml).unwrap().plan_warnings;
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), one);
    // The API server lists all namespaces or none.
    let mut live = Reading::default();
    let nodes = json!({"kind": "NodeList", "items": [node("n")]});
    let pods = json!({"kind": "PodList", "items": [pod("hub", "a"), pod("hub", "b")]});
    live.add_answer("nodes", &nodes.to_string(), Asked::Nodes).unwrap();
    live.add_answer("pods", &pods.to_string(), Asked::Pods).unwrap();
    assert_eq!(live.finish(NOW.parse().unwrap()).unwrap().plan_warnings, []);
}

/// A cut dump may have neither the kinds of its objects nor `status.capacity`.
#[test]
fn a_node_is_known_by_either_of_its_amounts() {
    let bare = |status: Value| json!({"metadata": {"name": "n1"}, "status": status});
    for status in [json!({"capacity": {"cpu": "2"}}), json!({"allocatable": {"cpu": "2"}})] {
        let items = json!({"apiVersion": "v1", "items": [bare(status.clone())], "kind": "NodeList"});
        let observed = read(&[items, list(&[pod("hub", "p")])]).unwrap();
        assert_eq!(observed.snapshot.nodes().len(), 1, "{status}");
    }
}

#[test]
fn memory_in_thousandths_of_a_byte_is_a_warning_with_the_first_pod_by_name() {
    let asks = |namespace: &str, name: &str, memory: &str| {
        let mut pod = pod(namespace, name);
        pod["spec"] = json!({"containers": [{"resources": {"requests": {"memory": memory}}}]});
        pod
    };
    let items = [node("n"), asks("hub", "b", "512m"), asks("hub", "a", "256m"), asks("x", "c", "512Mi")];
    let expected = "memory is requested in millibytes (the suffix m) by";
    let warnings = plan_warnings(&items);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with(expected) && warnings[0].contains("hub/a"), "{warnings:?}");
}

#[test]
fn one_unreadable_object_of_a_live_cluster_stops_nothing() {
    let mut node = node("n1");
    node["status"] = json!({"capacity": {"memory": "-1"}});
    let mut pod = pod("hub", "p");
    pod["spec"] = json!({"nodeName": "n1", "containers": [{"resources": {"requests": {"cpu": "one"}}}]});
    let mut live = Reading::default();
    live.add_answer("nodes", &json!({"kind": "NodeList", "items": [node]}).to_string(), Asked::Nodes)
        .unwrap();
    live.add_answer("pods", &json!({"kind": "PodList", "items": [pod]}).to_string(), Asked::Pods).unwrap();
    let observed = live.finish(NOW.parse().unwrap()).unwrap();
    assert!(observed.snapshot.nodes()[0].unreadable.is_some());
    assert_eq!((observed.snapshot.pods().len(), observed.warnings.len()), (1, 2));
    assert!(read(&[list(&[node, pod])]).is_err(), "in a file, which somebody edited, it is an error");
}

#[test]
fn a_list_of_a_live_cluster_that_never_ends_is_refused_once_it_is_longer_than_any() {
    let nodes: Vec<Value> = vec![node("n"); 1_000];
    let page =
        json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {"continue": "on"}, "items": nodes});
    let json = page.to_string();
    let protobuf = as_protobuf::message(&page);
    for (page, encoding) in [(json.as_bytes(), Encoding::Json), (protobuf.as_slice(), Encoding::Protobuf)] {
        let mut reading = Reading::default();
        let mut add = || reading.add_page("/api/v1/nodes", page, encoding, Asked::Nodes);
        for _ in 0..100 {
            assert_eq!(add().unwrap().as_deref(), Some("on"));
        }
        let expected =
            "/api/v1/nodes\nthe list has more than 100000 objects, more than any cluster: nothing is read on";
        assert_eq!(message(&add().unwrap_err()), expected);
    }
    // As a whole.
    let whole =
        json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": vec![node("n"); 100_001]});
    let mut list = Reading::default().coming(Asked::Nodes);
    let problem = list.add(&as_protobuf::message(&whole)).unwrap_err();
    assert!(matches!(problem, ReadProblem::TooMany { most: 100_000 }), "{problem}");
}
