//! Planning alone: 1,000 nodes with 30,000 pods, 5,000 with 150,000, 15,000 with 450,000; the same with 1,000 waiting
//! pods; and the same with a history of four weeks, by which nothing is expected. Run with `cargo bench --bench plan`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot make its cluster should stop")]

use std::collections::BTreeSet;
use std::sync::Arc;

use divan::{Bencher, black_box};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::check::check;
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Controller, History, Labels, Millicores, Node, NodeResources, Pod,
    ReadyCondition, Resource, SLOTS_KEPT, SchedulerRefusal, Slot, Snapshot, Unbound,
};
use kube_rebalancer_core::plan::plan;
use kube_rebalancer_core::policy::{AdoptCordons, Bounds, Policy};

/// Nodes of the clusters; each has thirty pods a node.
const SIZES: [u64; 3] = [1_000, 5_000, 15_000];

fn main() {
    divan::main();
}

/// A cluster in use: three daemons a node, one in twenty nodes cordoned, users spread unevenly.
fn cluster(nodes: u64, waiting: u64) -> Snapshot {
    let observed_at: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap();
    let user_labels: Arc<[Arc<str>]> = ["app", "component", "hub.jupyter.org/username"].map(Arc::from).into();
    let daemon_labels: Arc<[Arc<str>]> = ["controller-revision-hash", "k8s-app"].map(Arc::from).into();
    let (hub, system): (Arc<str>, Arc<str>) = (Arc::from("hub"), Arc::from("kube-system"));
    let daemon_set = Arc::new(Controller {
        group: Some("apps".into()),
        kind: "DaemonSet".into(),
        name: "agent".into(),
        uid: "agent".into(),
    });
    let constraints = Arc::new(Constraints::default());
    let pod =
        |namespace: &Arc<str>, name: String, labels: &Arc<[Arc<str>]>, node: Option<&Arc<str>>, mebi| Pod {
            namespace: namespace.clone(),
            name: name.into(),
            label_keys: labels.clone(),
            deleting: false,
            node_name: node.cloned(),
            containers: 1,
            requests: Amounts::pod(Bytes(mebi << 20), Millicores(100)),
            controller: None,
            mirror: false,
            daemonset_pod: false,
            bound_by: None,
            safe_to_evict: None,
            do_not_disrupt: None,
            local_volume: None,
            claims: Box::default(),
            priority: 0,
            ends_at_once: false,
            eviction: None,
            ready: node.is_some(),
            constraints: constraints.clone(),
            unbound: None,
            alike: Vec::new(),
        };
    let offered = NodeResources {
        memory: Some(Bytes(52 << 30)),
        cpu: Some(Millicores(16_000)),
        pods: Some(110),
        further: None,
    };
    let (mut all_nodes, mut pods) = (Vec::new(), Vec::new());
    for index in 0..nodes {
        let name: Arc<str> = format!("gke-hub-user-pool-0df1a536-{index:05}").into();
        all_nodes.push(Node {
            name: name.to_string(),
            created_at: Some(observed_at - SignedDuration::from_mins(i64::try_from(index).unwrap())),
            labels: Labels::from([("topology.kubernetes.io/zone", format!("zone-{}", index % 3))]),
            unschedulable: index % 20 == 7,
            ready: Some(ReadyCondition { ready: true, since: Some(observed_at) }),
            allocatable: offered.clone(),
            capacity: offered.clone(),
            ..Node::default()
        });
        for number in 0..3 {
            let daemon = pod(&system, format!("agent-{index:05}-{number}"), &daemon_labels, Some(&name), 100);
            pods.push(Pod { controller: Some(daemon_set.clone()), ..daemon });
        }
        // From 20 to 34 users a node, 27 on average.
        for number in 0..(20 + (index * 7) % 15) {
            let user = format!("jupyter-user-{index:05}-{number:02}");
            pods.push(pod(&hub, user, &user_labels, Some(&name), 1024 + (number % 4) * 256));
        }
    }
    for index in 0..waiting {
        let user =
            pod(&hub, format!("jupyter-waiting-{index:05}"), &user_labels, None, 1024 + (index % 4) * 256);
        let unbound = Unbound {
            uid: format!("uid-{index:05}").into(),
            created_at: Some(observed_at - SignedDuration::from_secs(10)),
            refusal: Some(SchedulerRefusal {
                message: "0/5000 nodes are available".into(),
                since: Some(observed_at - SignedDuration::from_secs(10)),
            }),
            ..Unbound::default()
        };
        pods.push(Pod { unbound: Some(Box::new(unbound)), ..user });
    }
    let seen = pods.len();
    Snapshot::new(observed_at, all_nodes, pods, vec![], seen).unwrap()
}

fn policy() -> Policy {
    Policy {
        bounds: Bounds { max_nodes: 20_000, ..Bounds::default() },
        adopt_cordons: AdoptCordons::Always,
        preemptible_labels: BTreeSet::from(["hub.jupyter.org/username".into()]),
        ..Policy::default()
    }
}

#[divan::bench(args = SIZES)]
fn planning(bencher: Bencher<'_, '_>, nodes: u64) {
    let (snapshot, policy) = (cluster(nodes, 0), policy());
    bencher.bench_local(|| plan(black_box(&snapshot), black_box(&policy)).unwrap());
}

#[divan::bench(args = SIZES)]
fn planning_with_a_thousand_waiting_pods(bencher: Bencher<'_, '_>, nodes: u64) {
    let (snapshot, policy) = (cluster(nodes, 1_000), policy());
    bencher.bench_local(|| plan(black_box(&snapshot), black_box(&policy)).unwrap());
}

/// Every rise of the past is zero, so that the plan is the one without a history.
#[divan::bench(args = SIZES)]
fn planning_with_four_weeks_of_history(bencher: Bencher<'_, '_>, nodes: u64) {
    let snapshot = cluster(nodes, 0);
    let mut history = History::default();
    let begin = Slot::of(snapshot.observed_at()).earlier(SLOTS_KEPT);
    for (resource, peak) in [(Resource::Memory, 1 << 40), (Resource::Cpu, 1_000_000)] {
        history.extend("", resource, begin, (0..SLOTS_KEPT).map(|_| Some(peak)));
    }
    let (snapshot, policy) = (snapshot.with_history(Some(Arc::new(history))), policy());
    bencher.bench_local(|| plan(black_box(&snapshot), black_box(&policy)).unwrap());
}

#[divan::bench(args = SIZES)]
fn checking(bencher: Bencher<'_, '_>, nodes: u64) {
    let (snapshot, policy) = (cluster(nodes, 0), policy());
    let made = plan(&snapshot, &policy).unwrap();
    bencher.bench_local(|| check(black_box(&snapshot), black_box(&policy), black_box(&made)));
}
