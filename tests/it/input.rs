//! Input from a file: every form that a dump comes in, and every way in which one can be bad.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Bytes, Snapshot};
use kube_rebalancer_kube::observe::{self, Observation, ReadError, Reading};
use kube_rebalancer_ports::{Source, chain};
use serde_json::{Value, json};

fn observe(inputs: &[&[u8]]) -> Result<Observation, ReadError> {
    let mut reading = Reading::default();
    for input in inputs {
        reading.add_input("dump", *input)?;
    }
    reading.finish(Timestamp::UNIX_EPOCH)
}

fn read(input: impl AsRef<[u8]>) -> Result<Observation, ReadError> {
    observe(&[input.as_ref()])
}

fn failure(input: impl AsRef<[u8]>) -> String {
    chain(&read(input).expect_err("this input is bad"))
}

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"allocatable": {"memory": "12Gi"}, "capacity": {"memory": "13Gi"}},
    })
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "hub", "name": name},
        "spec": {"nodeName": "n1", "containers": [{"resources": {"requests": {"memory": "1Gi"}}}]},
        "status": {"phase": "Running"},
    })
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})
}

/// A list as the raw API answers: items have neither kind nor version. With the keys in the order given.
fn raw_list(kind: &str, kind_first: bool, items: &[Value]) -> String {
    let items: Vec<Value> = items
        .iter()
        .map(|item| {
            let mut item = item.clone();
            let fields = item.as_object_mut().unwrap();
            fields.remove("kind");
            fields.remove("apiVersion");
            item
        })
        .collect();
    let (items, kind) =
        (format!(r#""items":{}"#, json!(items)), format!(r#""kind":"{kind}","apiVersion":"v1""#));
    if kind_first { format!("{{{kind},{items}}}") } else { format!("{{{items},{kind}}}") }
}

/// The beginning of the message for an input that is no dump.
const NEITHER: &str = "dump: is neither JSON nor YAML of Kubernetes objects and begins with ";

fn names(snapshot: &Snapshot) -> (Vec<&str>, Vec<&str>) {
    (
        snapshot.nodes().iter().map(|node| node.name.as_str()).collect(),
        snapshot.pods().iter().map(|pod| &*pod.name).collect(),
    )
}

#[test]
fn every_form_of_a_dump_gives_the_same_snapshot() {
    let (nodes, pods) = ([node("n1"), node("n2")], [pod("ada"), pod("bob")]);
    let all = [nodes.clone(), pods.clone()].concat();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": ["odd"]});
    let documents: Vec<String> = all.iter().map(ToString::to_string).collect();
    let yaml_documents = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n\
        status: {allocatable: {memory: 12Gi}, capacity: {memory: 13Gi}}\n\
        ---\n# the order of keys does not matter\nstatus: {capacity: {memory: 13Gi}, allocatable: {memory: 12Gi}}\n\
        metadata: {name: n2}\nkind: Node\n---\n---\n";
    let yaml_list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: ada\n    \
        namespace: hub\n  spec:\n    containers:\n    - resources:\n        requests:\n          memory: 1073741824\n    \
        nodeName: n1\n  status: {phase: Running}\n- kind: Pod\n  metadata:\n    name: bob\n    namespace: hub\n  spec:\n    nodeName: n1\n    \
        containers:\n    - resources: {requests: {memory: 1024Mi}}\n  \
        status: {phase: Running}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";
    let mixed = list(&all).to_string();
    let forms: Vec<(&str, Vec<String>)> = vec![
        ("kubectl get -o json", vec![mixed.clone()]),
        ("indented", vec![serde_json::to_string_pretty(&list(&all)).unwrap()]),
        ("with a byte order mark", vec![format!("\u{feff}{mixed}")]),
        ("after blank lines", vec![format!("\n\n  {mixed}\r\n\n")]),
        ("other kinds between", vec![list(&[&nodes[..], &[service], &pods[..]].concat()).to_string()]),
        ("two inputs", vec![list(&nodes).to_string(), list(&pods).to_string()]),
        ("pods first", vec![list(&pods).to_string(), list(&nodes).to_string()]),
        ("raw lists", vec![raw_list("NodeList", true, &nodes), raw_list("PodList", true, &pods)]),
        (
            "raw lists with the kind behind the items",
            vec![raw_list("NodeList", false, &nodes), raw_list("PodList", false, &pods)],
        ),
        ("one document after the other", vec![documents.join("\n")]),
        ("without a space between them", vec![documents.concat()]),
        ("an input an object", documents.clone()),
        ("a list of lists", vec![list(&[list(&nodes), list(&pods)]).to_string()]),
        ("YAML documents and a YAML list", vec![yaml_documents.to_owned(), yaml_list.to_owned()]),
        ("YAML all in one", vec![format!("{yaml_documents}{yaml_list}")]),
    ];
    let expected = read(&mixed).unwrap().snapshot;
    assert_eq!(names(&expected), (vec!["n1", "n2"], vec!["ada", "bob"]));
    assert_eq!(expected.pods()[0].requests.memory, Bytes::GIBI);
    for (form, inputs) in forms {
        let inputs: Vec<&[u8]> = inputs.iter().map(String::as_bytes).collect();
        let Observation { snapshot, warnings, .. } =
            observe(&inputs).unwrap_or_else(|error| panic!("{form}: {}", chain(&error)));
        assert_eq!(snapshot.nodes(), expected.nodes(), "{form}");
        assert_eq!(snapshot.pods(), expected.pods(), "{form}");
        assert_eq!((snapshot.pods_seen(), warnings), (2, vec![]), "{form}");
    }
}

#[test]
fn files_are_read_in_the_order_given_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("nodes.json"), raw_list("NodeList", true, &[node("n1")])).unwrap();
    fs::write(path("pods.json"), raw_list("PodList", true, &[pod("ada")])).unwrap();
    fs::write(path("cut.json"), "{").unwrap();
    let source = |name: &str| Source::from(path(name).into_os_string());
    let read = |names: &[&str]| {
        let sources: Vec<Source> = names.iter().map(|name| source(name)).collect();
        observe::read(&sources, Timestamp::UNIX_EPOCH)
    };
    let snapshot = read(&["nodes.json", "pods.json"]).unwrap().snapshot;
    assert_eq!(names(&snapshot), (vec!["n1"], vec!["ada"]));

    let error = read(&["nodes.json", "cut.json"]).unwrap_err();
    assert_eq!(error.to_string(), path("cut.json").display().to_string());
    let error = chain(&read(&["absent.json"]).unwrap_err());
    assert!(error.contains("absent.json: cannot be opened: "), "{error}");
    let error =
        chain(&observe::read(&[Source::File(folder.path().into())], Timestamp::UNIX_EPOCH).unwrap_err());
    assert!(error.ends_with(": is a directory, expected a file"), "{error}");
    assert_eq!(Source::from(std::ffi::OsString::from("-")), Source::StandardInput);
}

#[test]
fn ended_pods_are_seen_and_dropped() {
    let with_phase = |name: &str, phase: Value| {
        let mut pod = pod(name);
        pod["status"]["phase"] = phase;
        pod
    };
    let mut broken = with_phase("broken-but-over", json!("Failed"));
    broken["spec"]["containers"][0]["resources"]["requests"]["memory"] = json!("?");
    let pods = [
        with_phase("pending", json!("Pending")),
        with_phase("done", json!("Succeeded")),
        with_phase("lost", json!("Unknown")),
        with_phase("none", json!(null)),
        broken,
    ];
    let snapshot = read(list(&[&[node("n1")], &pods[..]].concat()).to_string()).unwrap().snapshot;
    assert_eq!(names(&snapshot).1, ["lost", "none", "pending"]);
    assert_eq!(snapshot.pods_seen(), 5);
}

#[test]
fn nodes_without_pods_and_lists_without_nodes_are_for_the_planner_to_refuse() {
    let snapshot = read(list(&[node("n1")]).to_string()).unwrap().snapshot;
    assert_eq!((snapshot.nodes().len(), snapshot.pods_seen()), (1, 0));
    for empty in [r#"{"kind":"NodeList","items":[]}"#, r#"{"items":null,"kind":"NodeList"}"#] {
        assert!(read(empty).unwrap().snapshot.nodes().is_empty(), "{empty}");
    }
}

#[test]
fn names_may_hold_anything() {
    let snapshot =
        read(list(&[node("a node with spaces \u{1f600}\n"), pod("p\u{e9}p")]).to_string()).unwrap().snapshot;
    assert_eq!(names(&snapshot), (vec!["a node with spaces \u{1f600}\n"], vec!["p\u{e9}p"]));
}

/// Reads each input and compares the message; the first of the three says what the input is.
fn assert_messages(cases: Vec<(&str, Vec<u8>, String)>) {
    for (what, input, expected) in cases {
        assert_eq!(failure(input), expected, "{what}");
    }
}

#[test]
fn input_without_nodes_or_pods_is_an_error_that_says_what_it_has() {
    let expected_dump = "expected what `kubectl get nodes,pods,pv -A -o json` prints";
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}});
    let longhorn = json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Node", "metadata": {"name": "n"}});
    assert_messages(vec![
        ("empty", vec![], format!("dump: is empty, {expected_dump}")),
        ("blank", b" \n\t\r\n".to_vec(), format!("dump: is empty, {expected_dump}")),
        ("only a mark", "\u{feff}".into(), format!("dump: is empty, {expected_dump}")),
        ("only a comment", b"# nothing\n".to_vec(), format!("dump: is empty, {expected_dump}")),
        ("binary", b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "dump: is binary, expected JSON or YAML".into()),
        ("compressed", b"\x1f\x8b\x08\0".to_vec(), "dump: is compressed with gzip, unpack it first".into()),
        (
            "no list of anything of use",
            list(&[secret.clone(), secret]).to_string().into(),
            format!("dump: has neither nodes nor pods in it but 2 Secret, {expected_dump}"),
        ),
        (
            "a raw list of something else",
            raw_list("SecretList", true, &[node("n1")]).into(),
            format!("dump: has neither nodes nor pods in it but 1 SecretList, {expected_dump}"),
        ),
        (
            "a node of another group",
            longhorn.to_string().into(),
            format!("dump: has neither nodes nor pods in it but 1 Node, {expected_dump}"),
        ),
        (
            "an empty list",
            list(&[]).to_string().into(),
            format!("dump: has neither nodes nor pods in it but nothing, {expected_dump}"),
        ),
        (
            "an object without a kind",
            br#"{"hello": "world"}"#.to_vec(),
            format!("dump: has neither nodes nor pods in it but 1 objects without a kind, {expected_dump}"),
        ),
    ]);
}

#[test]
fn input_that_is_broken_is_an_error_that_says_where() {
    assert_messages(vec![
        (
            "cut off",
            br#"{"kind":"List","items":[{"kind":"No"#.to_vec(),
            "dump: is cut off: the JSON document is incomplete at the end of the input, after 35 bytes".into(),
        ),
        (
            "cut off, with a mark of three bytes",
            "\u{feff}{\"kind\"".into(),
            "dump: is cut off: the JSON document is incomplete at the end of the input, after 10 bytes".into(),
        ),
        (
            "YAML that was cut off before the list's kind",
            b"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata:\n    name: n1\n".to_vec(),
            "dump: a list: kind: missing, expected List, NodeList or PodList (a YAML file that was cut off looks like \
             this)"
                .into(),
        ),
        (
            "not JSON",
            b"{\n  \"kind\": List\n}".to_vec(),
            "dump: is not a JSON document of Kubernetes objects: expected value at line 2 column 11".into(),
        ),
        (
            "JSON of something else",
            b"[1, 2]".to_vec(),
            "dump: is not a JSON document of Kubernetes objects: invalid type: sequence, expected a Kubernetes object \
             at line 1 column 1"
                .into(),
        ),
        (
            "pods but no nodes",
            pod("ada").to_string().into(),
            "the input has 1 pods but no nodes, expected what `kubectl get nodes,pods,pv -A -o json` prints, or a second \
             --from with the nodes"
                .into(),
        ),
        (
            "a node twice",
            list(&[node("n1"), node("n1")]).to_string().into(),
            "node n1 is in the input twice".into(),
        ),
        (
            "a pod twice",
            list(&[node("n1"), pod("ada"), pod("ada")]).to_string().into(),
            "pod hub/ada is in the input twice".into(),
        ),
        (
            "a list whose items turn out to be of another kind",
            raw_list("ConfigMapList", false, &[pod("ada")]).into(),
            "dump: an item of a list: kind: missing or of another kind, and the list it is in does not say what it is \
             a list of before its items"
                .into(),
        ),
    ]);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for (what, input) in [
        ("UTF-16 with a mark", utf16("\u{feff}{\"kind\": \"List\"}")),
        ("UTF-16 without one", utf16("{\"kind\": \"List\"}")),
    ] {
        assert!(
            failure(input).starts_with("dump: is in UTF-16, expected UTF-8; Windows PowerShell"),
            "{what}"
        );
    }
    for (what, input) in [("prose", "hello world\n"), ("a broken mapping", "kind: List\n  items: [\n")] {
        let message = failure(input);
        assert!(message.starts_with(NEITHER) && message.contains("line "), "{what}: {message}");
    }
    let message = failure("<html><body>502 Bad Gateway</body></html>");
    assert!(message.starts_with("dump: is HTML, such as the login page of a proxy"), "{message}");
}

#[test]
fn a_bad_field_is_named_with_its_object_and_its_text() {
    let with = |mut object: Value, pointer: &str, value: Value| {
        *object.pointer_mut(pointer).unwrap() = value;
        list(&[node("n9"), object]).to_string()
    };
    let request = "/spec/containers/0/resources/requests/memory";
    let path = "spec.containers[0].resources.requests.memory";
    for (input, expected) in [
        (
            with(pod("ada"), request, json!("1.5.2Gi")),
            format!("dump: pod hub/ada: {path}: \"1.5.2Gi\" is not a quantity, expected a decimal number"),
        ),
        (
            with(pod("ada"), request, json!(-1)),
            format!("dump: pod hub/ada: {path}: \"-1\" is negative, expected zero or more"),
        ),
        (
            with(node("n1"), "/status/capacity/memory", json!("")),
            "dump: node n1: status.capacity.memory: the quantity is empty, expected a number".into(),
        ),
        (
            with(node("n1"), "/metadata/name", json!(null)),
            "dump: a node: metadata.name: missing, every object has one".into(),
        ),
    ] {
        let message = failure(&input);
        assert!(message.starts_with(&expected), "{message}\nexpected {expected}");
        let yaml = failure(format!("--- # the same as YAML\n{input}"));
        assert!(yaml.starts_with(&expected), "{yaml}\nexpected {expected}");
    }
    // Values that the API server accepts are no errors: an amount saturates, and an unreadable time counts as
    // absent.
    for huge in [json!("1e30"), json!(1e300)] {
        let snapshot = read(with(pod("ada"), request, huge)).unwrap().snapshot;
        assert_eq!(snapshot.pods()[0].requests.memory, Bytes(i64::MAX.unsigned_abs()));
    }
    let tuesday = with(node("n1"), "/metadata", json!({"name": "n1", "creationTimestamp": "Tuesday"}));
    assert_eq!(read(tuesday).unwrap().snapshot.nodes()[0].created_at, None);
}

#[test]
fn yaml_that_grows_when_it_is_read_is_an_error() {
    let mut bomb = String::from("a: &a0 [x]\n");
    for level in 1..40 {
        let previous = format!("*a{}", level - 1);
        writeln!(bomb, "b{level}: &a{level} [{}]", [previous.as_str(); 9].join(",")).unwrap();
    }
    writeln!(bomb, "kind: NodeList\nitems: *a39").unwrap();
    let message = failure(bomb);
    assert!(message.starts_with(NEITHER) && message.contains("budget breached"), "{message}");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    let not_json = "dump: is not a JSON document of Kubernetes objects: recursion limit exceeded";
    let lists_of_lists = r#"{"kind":"List","items":["#.repeat(200_000);
    assert!(failure(&lists_of_lists).starts_with(not_json));
    // Skipped values are not parsed, so only the missing end is found.
    let skipped = r#"{"x":"#.repeat(200_000);
    assert!(failure(&skipped).starts_with("dump: is cut off: "));
    for deep in [lists_of_lists, skipped] {
        let message = failure(format!("---\n{deep}"));
        assert!(message.starts_with(NEITHER), "{message}");
    }
}

/// A list of many nodes is larger than the limits that the YAML library sets by itself.
#[test]
fn a_large_honest_yaml_file_is_read() {
    let mut yaml = String::from("kind: List\nitems:\n");
    for number in 0..40_000 {
        write!(
            yaml,
            "- kind: Node\n  metadata:\n    name: node-{number}\n    labels: {{a: \"1\", b: \"2\", c: \"3\", d: \"4\"}}\n  \
             spec:\n    unschedulable: true\n    providerID: gce://p/z/node-{number}\n"
        )
        .unwrap();
    }
    let snapshot = read(yaml).unwrap().snapshot;
    assert_eq!(snapshot.nodes().len(), 40_000);
    assert!(snapshot.nodes().iter().all(|node| node.unschedulable && node.labels.len() == 4));
}

#[test]
fn many_documents_in_one_file_are_read() {
    let mut yaml = String::new();
    for number in 0..3_000 {
        write!(yaml, "---\nkind: Node\nmetadata: {{name: node-{number}}}\n").unwrap();
    }
    assert_eq!(read(yaml).unwrap().snapshot.nodes().len(), 3_000);
}

/// The production capture, where the folder with shared data is there.
#[test]
fn the_production_capture_is_read_alike_from_json_and_from_yaml() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/data8-capture/cluster.json");
    let Ok(json) = fs::read_to_string(&path) else {
        let line = format!("skipped: {} does not exist\n", path.display());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let value: Value = serde_json::from_str(&json).unwrap();
    let yaml = serde_saphyr::to_string(&value).unwrap();
    assert!(!yaml.trim_start().starts_with('{'));
    let (json, yaml) = (read(json).unwrap(), read(yaml).unwrap());
    assert_eq!((json.snapshot.nodes().len(), json.snapshot.pods().len()), (17, 84));
    assert_eq!(json.snapshot.nodes(), yaml.snapshot.nodes());
    assert_eq!(json.snapshot.pods(), yaml.snapshot.pods());
    assert_eq!((json.warnings, yaml.warnings), (vec![], vec![]));

    // Counted in the file with other tools.
    let (nodes, pods) = (json.snapshot.nodes(), json.snapshot.pods());
    assert_eq!(nodes.iter().filter(|node| node.unschedulable).count(), 2);
    assert!(nodes.iter().all(|node| node.ready.is_some_and(|ready| ready.ready)));
    let of = |kind: &str| {
        pods.iter().filter(|pod| pod.controller.as_ref().is_some_and(|owner| owner.kind == kind)).count()
    };
    // The 15 pods of DaemonSets name theirs in 1.6's annotation alone, which anybody may write.
    assert_eq!((of("ReplicaSet"), of("DaemonSet")), (24, 0));
    assert_eq!(pods.iter().filter(|pod| pod.controller.is_none()).count(), 60);
    assert_eq!(pods.iter().filter(|pod| pod.mirror).count(), 30);
    assert_eq!(pods.iter().filter(|pod| pod.unbound.is_some()).count(), 0);
    assert_eq!(pods.iter().map(|pod| pod.requests.memory.0).sum::<u64>(), 37_615_697_920);
}
