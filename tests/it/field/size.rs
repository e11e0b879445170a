//! Many objects, made here instead of kept in files.

use serde_json::{Value, json};

use super::{Ran, SETTINGS, cordoned, list, node, plan, plan_with, raw, user};

/// The names of the nodes that actions of this kind name.
fn named(ran: &Ran, verb: &str) -> Vec<String> {
    let report = ran.report();
    let actions = report["actions"].as_array().cloned().unwrap_or_default();
    let of_kind = actions.iter().filter(|action| action["action"] == verb);
    of_kind.map(|action| action["node"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Evicted pods that were not removed occupy no resources.
#[test]
fn six_thousand_evicted() {
    let mut pods = vec![user("ada", "u1", "22Gi"), user("ben", "u2", "20Gi")];
    for number in 0..6_000 {
        let mut pod = user(&format!("gone-{number}"), "n3", "2Gi");
        pod["status"] = json!({"phase": "Failed", "reason": "Evicted"});
        pods.push(pod);
    }
    let nodes = [node("u1"), node("u2"), cordoned("n3")];
    let text = raw("NodeList", &nodes) + &raw("PodList", &pods);
    let ran = plan(&[text.as_bytes()]);
    assert_eq!((ran.code, named(&ran, "delete")), (Some(0), vec!["n3".to_owned()]), "{}", ran.error);
}

/// Nodes in four zones with one user each, who requests this number of Gi.
fn many(nodes: usize, memory: usize) -> String {
    let (mut all, mut pods) = (Vec::new(), Vec::new());
    for number in 0..nodes {
        let name = format!("node-{number:04}");
        let mut node = node(&name);
        node["metadata"]["labels"] = json!({"topology.kubernetes.io/zone": format!("z{}", number % 4)});
        all.push(node);
        pods.push(user(&format!("user-{number}"), &name, &format!("{memory}Gi")));
    }
    list(&[all, pods].concat()).to_string()
}

/// 8 of 32 Gi each, a quarter: two thirds of 6,000 nodes are too many, and a fifth of them may go in one run. Everything
/// is read: Kubernetes' own limit of 5,000 nodes is not ours.
#[test]
fn six_thousand_nodes() {
    let ran =
        plan_with(&[("PREEMPTIBLE_LABELS", "hub.jupyter.org/username")], &[many(6_000, 8).as_bytes()], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.error);
    assert_eq!(ran.nodes().len(), 6_000);
    assert_eq!(named(&ran, "cordon").len(), 1_200);
}

/// 24 of 32 Gi each, 0.75: a default does not delete nodes. The default of `MAX_NODES` only bounds the creation of
/// nodes.
#[test]
fn eighty_nodes_without_max_nodes() {
    let settings = [("PREEMPTIBLE_LABELS", "hub.jupyter.org/username"), ("PACK", "false")];
    let ran = plan_with(&settings, &[many(80, 24).as_bytes()], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.error);
    assert_eq!(ran.report()["actions"], json!([]), "{}", ran.error);
}

/// The same with `MAX_NODES=72`: eight nodes are one too many each, 80 * 24 / (72 * 32) = 0.833.
#[test]
fn eighty_nodes_with_max_nodes_set() {
    let settings = [("PREEMPTIBLE_LABELS", "hub.jupyter.org/username"), ("MAX_NODES", "72")];
    let ran = plan_with(&settings, &[many(80, 24).as_bytes()], &[]);
    assert_eq!((ran.code, named(&ran, "cordon").len()), (Some(0), 8), "{}", ran.error);
    assert!(ran.out.contains("MAX_NODES"), "{}", ran.out);
}

/// Amounts that the API server accepts and no machine has: one pod with the maximum request does not fail a run.
#[test]
fn a_request_without_end() {
    let endless = user("max", "u2", "9223372036854775807");
    let objects: Vec<Value> = vec![node("u1"), node("u2"), user("ada", "u1", "22Gi"), endless.clone(), {
        let mut another = endless;
        another["metadata"]["name"] = json!("jupyter-max-2");
        another
    }];
    let ran = plan_with(&SETTINGS, &[list(&objects).to_string().as_bytes()], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.error);
    assert_eq!(named(&ran, "cordon"), Vec::<String>::new());
}
