//! What people and programs put into files in the place of a dump.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{all, cluster, is_read, list, plan, raw, raw_page, user};

/// The output of `kubectl get --raw` if the server fails or refuses.
fn status(reason: &str, message: &str, code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
           "message": message, "code": code})
}

fn lines(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn items_before_kind() {
    let items = Value::from(all());
    is_read(&plan(&[format!(r#"{{"apiVersion":"v1","items":{items},"kind":"List"}}"#).as_bytes()]));
}

#[test]
fn two_lists_concatenated() {
    let (nodes, pods) = cluster();
    is_read(&plan(&[(raw("NodeList", &nodes) + &raw("PodList", &pods)).as_bytes()]));
}

#[test]
fn ndjson() {
    is_read(&plan(&[lines(&all()).as_bytes()]));
}

#[test]
fn ndjson_cut_off() {
    let text = lines(&all());
    let cut = text.get(..text.len() - 30).unwrap();
    plan(&[cut.as_bytes()]).refuses(&["cut off"]);
}

/// `jq .items`: read, or refused with what is expected instead.
#[test]
fn jq_items_array() {
    let ran = plan(&[Value::from(all()).to_string().as_bytes()]);
    if ran.code == Some(0) {
        is_read(&ran);
    } else {
        ran.refuses(&["sequence", "expected a Kubernetes object"]);
    }
}

#[test]
fn gzip() {
    plan(&[b"\x1f\x8b\x08\0\0\0\0\0\0\x03"]).refuses(&["gzip"]);
}

/// At every length a YAML list that was cut off is refused, or it has lost nothing but the end of its last line.
#[test]
fn yaml_cut_off() {
    let mut text = String::from("apiVersion: v1\nitems:\n");
    for object in all() {
        writeln!(text, "- {object}").unwrap();
    }
    text += "kind: List\n";
    is_read(&plan(&[text.as_bytes()]));
    for percent in [20, 50, 80, 95] {
        let cut = text.get(..text.len() * percent / 100).unwrap();
        plan(&[cut.as_bytes()]).refuses(&[]);
    }
}

/// The form of Windows PowerShell: a byte order mark, CRLF, several documents, sorted keys.
#[test]
fn yaml_multidoc_bom_crlf() {
    let (nodes, pods) = cluster();
    let document = |kind: &str, items: Vec<Value>| {
        let items: Vec<String> = items.iter().map(Value::to_string).collect();
        let items = items.join("\r\n- ");
        format!("apiVersion: v1\r\nitems:\r\n- {items}\r\nkind: {kind}\r\n")
    };
    let text = format!("\u{feff}{}---\r\n{}", document("List", nodes), document("List", pods));
    is_read(&plan(&[text.as_bytes()]));
}

/// Kinds of other groups may have any fields, also in JSON: the group may precede or follow the fields.
#[test]
fn mixed_kinds() {
    let metrics =
        json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": "u1"}});
    let foreign = json!({"apiVersion": "example.com/v1", "kind": "Node", "metadata": {"name": "x"},
                         "spec": {"taints": "none"}});
    let service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"containers": 3}});
    is_read(&plan(&[list(&[all(), vec![metrics, foreign, service]].concat()).to_string().as_bytes()]));
    let behind =
        r#"{"kind":"Node","metadata":{"name":"x"},"spec":{"taints":"none"},"apiVersion":"example.com/v1"}"#;
    is_read(&plan(&[(lines(&all()) + "\n" + behind).as_bytes()]));
}

#[test]
fn longhorn_node_crd() {
    let longhorn = json!({
        "apiVersion": "longhorn.io/v1beta1", "kind": "Node",
        "metadata": {"name": "u1", "namespace": "longhorn-system"},
        "spec": {"allowScheduling": true, "disks": {"d1": {"path": "/var/lib/longhorn/"}}, "tags": []},
        "status": {"conditions": {"Ready": {"type": "Ready", "status": "True", "lastProbeTime": ""}}},
    });
    is_read(&plan(&[list(&[all(), vec![longhorn]].concat()).to_string().as_bytes()]));
}

#[test]
fn node_images_names_null() {
    let mut objects = all();
    objects[0]["status"]["images"] = json!([{"names": null, "sizeBytes": 1}]);
    let mut list = list(&objects);
    list["metadata"] = Value::Null;
    is_read(&plan(&[list.to_string().as_bytes()]));
}

#[test]
fn two_clusters_same_names() {
    let list = list(&all()).to_string();
    plan(&[list.as_bytes(), list.as_bytes()]).refuses(&["twice"]);
}

/// A Status in the place of the pods: the server's own words are worth more than a guess.
#[test]
fn status_object_for_pods() {
    let (nodes, _) = cluster();
    let message = "pods is forbidden: User \"jane\" cannot list resource \"pods\" at the cluster scope";
    let text = raw("NodeList", &nodes) + &status("Forbidden", message, 403).to_string();
    plan(&[text.as_bytes()]).refuses(&["pods is forbidden"]);
}

/// Each list may be complete, or a further page may have failed. This is unknown, so nothing is planned.
#[test]
fn status_behind_a_complete_list() {
    let (nodes, pods) = cluster();
    let failure = status("InternalError", "etcdserver: request timed out", 500);
    let text = raw("NodeList", &nodes) + &raw("PodList", &pods) + &failure.to_string();
    plan(&[text.as_bytes()]).refuses(&["etcdserver: request timed out"]);
}

/// The first page of a list, saved by hand.
#[test]
fn list_with_a_continue_token() {
    let (nodes, pods) = cluster();
    let page = raw_page("PodList", "eyJ2IjoibWV0YS5rOHMuaW8vdjEi", &pods);
    plan(&[(raw("NodeList", &nodes) + &page).as_bytes()]).refuses(&["continue"]);
}

#[test]
fn table_instead_of_json() {
    let text = "NAME       STATUS   ROLES    AGE   VERSION\nnode/u1    Ready    <none>   26h   v1.33.1\n\n\
        NAMESPACE   NAME        READY\nhub         pod/hub-1   1/1\n";
    plan(&[text.as_bytes()]).refuses(&["kubectl get nodes,pods,pv -A -o json"]);
    let (nodes, _) = cluster();
    let table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "rows": []});
    plan(&[(raw("NodeList", &nodes) + &table.to_string()).as_bytes()]).refuses(&["Table"]);
}

/// `2>&1`: the lines of kubectl's log precede the JSON. They are skipped, or named.
#[test]
fn kubectl_stderr_in_the_dump() {
    let line = "E0302 09:30:00.123456   12345 memcache.go:287] couldn't get resource list for metrics.k8s.io/v1beta1: \
        the server is currently unable to handle the request";
    let ran = plan(&[format!("{line}\n{:#}", list(&all())).as_bytes()]);
    if ran.code == Some(0) {
        is_read(&ran);
    } else {
        ran.refuses(&["memcache.go"]);
    }
}

#[test]
fn exponent_with_binary_suffix() {
    let objects = [all(), vec![user("typo", "u1", "1e3Ki")]].concat();
    plan(&[list(&objects).to_string().as_bytes()]).refuses(&["hub/jupyter-typo", "requests.memory", "1e3Ki"]);
}
