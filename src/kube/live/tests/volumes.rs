//! The list of volumes from servers that have it, refuse it, and fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use kube_rebalancer_core::model::{
    Controller, Node, Pod, SchedulerRefusal, Snapshot, StoredVolume, StoredVolumes, Unbound, Volumes,
    of_no_claim,
};

use super::*;

/// A bound volume of local-path on a host.
fn on(host: &str) -> Value {
    by("kubernetes.io/hostname", host)
}

/// A bound volume that nodes with a label can use.
fn by(key: &str, host: &str) -> Value {
    let hostname = json!({"key": key, "operator": "In", "values": [host]});
    json!({
        "metadata": {"name": format!("pv-{host}")},
        "spec": {
            "claimRef": {"namespace": "hub", "name": format!("home-{host}")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
        },
        "status": {"phase": "Bound"},
    })
}

/// A volume that every node can use.
fn anywhere() -> Value {
    json!({"metadata": {"name": "nfs"}, "spec": {"nfs": {"path": "/"}}, "status": {"phase": "Bound"}})
}

/// A page. The API server writes the kind first; these fields are in the order of the alphabet.
fn page(items: &[Value], next: &str) -> Answer {
    Answer::ok(std::iter::once(text(items, next)))
}

fn text(items: &[Value], next: &str) -> String {
    let kind = "PersistentVolumeList";
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"continue": next}, "items": items}).to_string()
}

fn failure(status: &'static str) -> Answer {
    let text = json!({"kind": "Status", "apiVersion": "v1", "message": "the words"}).to_string();
    Answer::ok(std::iter::once(text)).of_status(status)
}

/// The label by which a driver of bare-metal disks numbers the hosts.
const NUMBER: &str = "nodes.csi-baremetal.dell.com/uuid";

/// A label that one cordoned node alone has names it, and so does one that numbers the hosts, even if another node has the same
/// number; one that many nodes share, or one of a place, does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_volumes_of_a_host_that_a_driver_numbers_are_kept() {
    let all =
        [by(NUMBER, "98ad"), by(NUMBER, "77ff"), by("disk", "ssd"), by("topology.kubernetes.io/zone", "z0")];
    let (stored, _) = asked(move |_| page(&all, "")).await;
    let StoredVolumes::Listed(volumes) = stored else { panic!("{stored:?}") };
    let names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(names, ["pv-98ad"]);
}

/// The cordoned nodes `a`, whose host is `host-a`, and `b`; and `c` and `d`, which take pods. The kubelet of `d` claims the number
/// of `a`.
fn cluster() -> Snapshot {
    let node = |name: &str, unschedulable| Node { name: name.to_owned(), unschedulable, ..Node::default() };
    let mut a = node("a", true);
    a.labels.insert("kubernetes.io/hostname", "host-a");
    a.labels.insert(NUMBER, "98ad");
    let mut nodes = vec![a, node("b", true), node("c", false), node("d", false)];
    for (at, node) in nodes.iter_mut().enumerate() {
        node.labels.insert("topology.kubernetes.io/zone", format!("z{at}"));
        node.labels.insert("disk", if at % 2 == 1 { "hdd" } else { "ssd" });
    }
    nodes[2].labels.insert(NUMBER, "77ff");
    nodes[3].labels.insert(NUMBER, "98ad");
    let now = "2026-01-15T09:00:00Z".parse().unwrap();
    Snapshot::new(now, nodes, Vec::new(), Vec::new(), 1).unwrap()
}

async fn asked(answer: impl Fn(&str) -> Answer + Send + 'static) -> (StoredVolumes, Option<String>) {
    live(&start(answer), &[]).stored_volumes(cluster().nodes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_are_read_and_only_the_volumes_of_cordoned_nodes_are_kept() {
    let (stored, problem) = asked(|target| match target {
        "/api/v1/persistentvolumes?limit=500" => page(&[on("host-a"), on("c"), anywhere()], "2"),
        "/api/v1/persistentvolumes?limit=500&continue=2" => page(&[on("gone"), on("b")], ""),
        other => panic!("{other}"),
    })
    .await;
    let StoredVolumes::Listed(volumes) = stored else { panic!("{stored:?}") };
    let described: Vec<String> = volumes.iter().map(StoredVolume::described).collect();
    assert_eq!(described, ["pv-host-a of claim hub/home-host-a", "pv-b of claim hub/home-b"]);
    assert_eq!(problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_a_warning_and_every_other_failure_leaves_them_unknown() {
    for status in ["403 Forbidden", "404 Not Found"] {
        let (stored, problem) = asked(move |_| failure(status)).await;
        assert_eq!(stored, StoredVolumes::NotListed, "{status}");
        let problem = problem.unwrap();
        assert!(problem.starts_with("the persistent volumes cannot be listed"), "{problem}");
        assert!(problem.ends_with("the words"), "{problem}");
    }
    let (stored, problem) = asked(|_| failure("400 Bad Request")).await;
    assert!(matches!(&stored, StoredVolumes::Unknown { why } if why.contains("the words")), "{stored:?}");
    assert_eq!(problem, None);
    // Volumes were seen, and more may follow.
    let (stored, _) = asked(|target| match target {
        "/api/v1/persistentvolumes?limit=500" => page(&[on("b")], "2"),
        _ => failure("404 Not Found"),
    })
    .await;
    assert!(matches!(&stored, StoredVolumes::Unknown { why } if why.contains("the words")), "{stored:?}");
    // An empty list of another kind proves nothing.
    let (stored, _) = asked(|_| {
        let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []});
        Answer::ok(std::iter::once(list.to_string()))
    })
    .await;
    assert!(matches!(&stored, StoredVolumes::Unknown { why } if why.contains("PodList")), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_or_of_too_many_volumes_is_given_up() {
    let given_up = |stored| {
        let StoredVolumes::Unknown { why } = stored else { panic!("{stored:?}") };
        why
    };
    let (stored, _) = asked(|_| page(&[], "again")).await;
    assert_eq!(given_up(stored), "a page says that the next one is itself, so that the list would never end");
    let ever_new = |items: Vec<Value>| {
        let (number, text) = (AtomicUsize::new(0), text(&items, "TOKEN"));
        move |_: &str| {
            let token = format!("t{}", number.fetch_add(1, Ordering::Relaxed));
            Answer::ok(std::iter::once(text.replacen("TOKEN", &token, 1)))
        }
    };
    let (stored, _) = asked(ever_new(Vec::new())).await;
    assert_eq!(given_up(stored), "the list does not end within 2000 pages");
    let (stored, _) = asked(ever_new(vec![on("b"); 5000])).await;
    assert_eq!(given_up(stored), "more than 100000 volumes are on cordoned nodes, more than in any cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_moment_is_over_starts_again_once() {
    let gone = || failure("410 Gone");
    let first = "/api/v1/persistentvolumes?limit=500";
    let firsts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&firsts);
    let (stored, problem) = asked(move |target| match target {
        _ if target == first => {
            counted.fetch_add(1, Ordering::Relaxed);
            page(&[on("b")], &format!("t{}", counted.load(Ordering::Relaxed)))
        }
        "/api/v1/persistentvolumes?limit=500&continue=t1" => gone(),
        _ => page(&[on("host-a")], ""),
    })
    .await;
    let StoredVolumes::Listed(volumes) = stored else { panic!("{stored:?}") };
    assert_eq!((volumes.len(), problem), (2, None), "no volume of the first try is there twice: {volumes:?}");
    assert_eq!(firsts.load(Ordering::Relaxed), 2);
    // A server that never has it.
    let (stored, _) = asked(move |target| if target == first { page(&[], "t") } else { gone() }).await;
    assert!(matches!(&stored, StoredVolumes::Unknown { why } if why.contains("410")), "{stored:?}");
}

/// The API server takes any text as the name of a claim in a pod, and as the name of a volume in a claim.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_names_no_claim_keeps_nobody_from_the_zone_of_their_disk() {
    let waits = |name: &str, claim: &str| Pod {
        namespace: "hub".into(),
        name: name.into(),
        claims: [claim.into()].into(),
        unbound: Some(Box::new(Unbound { refusal: Some(SchedulerRefusal::default()), ..Unbound::default() })),
        ..Pod::default()
    };
    // Without the permission for `persistentvolumeclaims/status`, the answer to the first would be 403.
    let evil = ["a/status", "..", ".", "", "a%2fb", "A", "a b", "a?x", "\u{202e}"];
    let mut pods: Vec<Pod> = evil.iter().map(|claim| waits(&format!("evil-{claim}"), claim)).collect();
    pods.extend([waits("ada", "home-ada"), waits("eve", "bad-volume")]);
    let now = "2026-01-15T09:00:00Z".parse().unwrap();
    let snapshot = Snapshot::new(now, Vec::new(), pods, Vec::new(), 1).unwrap();
    let claim = |name: &str, volume: &str| {
        let metadata = json!({"namespace": "hub", "name": name});
        let claim = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": metadata,
            "spec": {"volumeName": volume}, "status": {"phase": "Bound"}});
        Answer::ok(std::iter::once(claim.to_string()))
    };
    let url = start(move |target| match target {
        "/api/v1/namespaces/hub/persistentvolumeclaims/home-ada" => claim("home-ada", "pv-c"),
        "/api/v1/namespaces/hub/persistentvolumeclaims/bad-volume" => claim("bad-volume", "pv/status"),
        "/api/v1/persistentvolumes/pv-c" => {
            let mut volume = on("c");
            volume["kind"] = "PersistentVolume".into();
            volume["apiVersion"] = "v1".into();
            Answer::ok(std::iter::once(volume.to_string()))
        }
        _ => failure("403 Forbidden"),
    });
    let found = live(&url, &[]).volumes(&snapshot).await;
    let known: Vec<&str> = found.keys().map(|(_, claim)| claim.as_str()).collect();
    assert_eq!(known, ["home-ada"]);
}

/// A waiting pod with a claim.
fn waits(namespace: &str, claim: &str) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: claim.into(),
        claims: [claim.into()].into(),
        unbound: Some(Box::new(Unbound { refusal: Some(SchedulerRefusal::default()), ..Unbound::default() })),
        ..Pod::default()
    }
}

fn snapshot_of(pods: Vec<Pod>) -> Snapshot {
    Snapshot::new("2026-01-15T09:00:00Z".parse().unwrap(), Vec::new(), pods, Vec::new(), 1).unwrap()
}

/// The numbers of requests for claims and for others, and a server that answers each of them in this way.
fn counting(status: &'static str) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let url = start(move |target| {
        noted.lock().unwrap().push(target.to_owned());
        failure(status)
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_many_claims_leaves_the_other_namespaces_their_turn() {
    let many = (0..200).map(|at| waits("aaa", &format!("c{at:03}")));
    let snapshot = snapshot_of(many.chain([waits("hub", "home-ada"), waits("lab", "home-bob")]).collect());
    let (url, asked) = counting("404 Not Found");
    live(&url, &[]).volumes(&snapshot).await;
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 50);
    for path in ["hub/persistentvolumeclaims/home-ada", "lab/persistentvolumeclaims/home-bob"] {
        assert!(asked.iter().any(|target| target.ends_with(path)), "{path}: {asked:?}");
    }
}

/// Only the API server's own word for this very claim counts, and only for a pod that waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_a_waiting_pod_that_does_not_exist_has_no_node() {
    let no_such = |what: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "message": format!("{what} not found")});
        Answer::ok(std::iter::once(status.to_string())).of_status("404 Not Found")
    };
    let url = start(move |target| match target.rsplit('/').next() {
        Some(name @ ("home-ada" | "home-hub")) => no_such(&format!("persistentvolumeclaims \"{name}\"")),
        Some("home-ben") => no_such("the page was"),
        _ => no_such("persistentvolumeclaims \"another\""),
    });
    let runs = Pod {
        node_name: Some("a".into()),
        controller: Some(Arc::new(controller())),
        unbound: None,
        ..waits("hub", "home-hub")
    };
    let pods = vec![waits("hub", "home-ada"), waits("hub", "home-ben"), waits("hub", "home-cleo"), runs];
    let now = "2026-01-15T09:00:00Z".parse().unwrap();
    let snapshot = Snapshot::new(now, cluster().nodes().to_vec(), pods, Vec::new(), 1).unwrap();
    let found = live(&url, &[]).volumes(&snapshot).await;
    let nowhere = Volumes::from([(("hub".to_owned(), "home-ada".to_owned()), of_no_claim())]);
    assert_eq!(found, nowhere);
}

fn controller() -> Controller {
    let name = |text: &str| text.to_owned();
    Controller { group: None, kind: name("ReplicaSet"), name: name("hub-1"), uid: name("u") }
}

/// Without the volumes a run still decides, so it must not spend its time on a server that fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_failure_of_a_look_up_is_the_last() {
    let snapshot = snapshot_of((0..50).map(|at| waits("hub", &format!("c{at:02}"))).collect());
    for (status, requests) in [("503 Service Unavailable", 3), ("403 Forbidden", 1), ("400 Bad Request", 1)] {
        let (url, asked) = counting(status);
        let live = live(&url, &[]);
        let done = tokio::time::timeout(std::time::Duration::from_secs(20), live.volumes(&snapshot)).await;
        assert!(done.is_ok_and(|volumes| volumes.is_empty()), "{status}");
        assert_eq!(asked.lock().unwrap().len(), requests, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notes_of_earlier_runs_are_asked_for_three_times() {
    let (url, asked) = counting("503 Service Unavailable");
    let live = live(&url, &[]);
    let done = tokio::time::timeout(std::time::Duration::from_secs(20), live.remembered()).await;
    assert!(done.is_ok_and(|known| known.ledger.is_none()));
    assert_eq!(asked.lock().unwrap().len(), 3);
}
