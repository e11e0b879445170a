use super::*;
use crate::model::{Node, PodSample};
use crate::plan::fixture::{Build, ago, cluster, node, now, owned_by, pod, taint};
use crate::plan::survey::Survey;
use crate::plan::{Band, KeepReason, Plan, Verdict, plan};
use crate::policy::Bounds;

const USER: &str = "hub.jupyter.org/username";

fn policy(demand: DemandSource) -> Policy {
    let bounds = Bounds { min_nodes: 1, ..Bounds::default() };
    let preemptible_labels = [USER.to_owned()].into();
    Policy { bounds, preemptible_labels, demand, pack: false, ..Policy::default() }
}

fn user(name: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER).asking(4, 1000)
}

/// Two GiB and half a core, a moment ago.
fn sample() -> Sample {
    Sample {
        taken_at: Some(ago(30)),
        memory: Measured::Amount(2 << 30),
        cpu: Measured::Amount(500),
        containers: Some(1),
    }
}

fn of(name: &str, sample: Sample) -> PodSample {
    PodSample { namespace: "hub".into(), name: name.into(), sample }
}

fn planned(nodes: Vec<Node>, pods: Vec<Pod>, samples: Vec<PodSample>, demand: DemandSource) -> Plan {
    let (snapshot, policy) = (cluster(nodes, pods).with_usage(Some(samples)), policy(demand));
    plan(&snapshot, &policy).unwrap()
}

/// Memory in GiB: of the measured pods requested and used, and what a choice counts of all.
fn memory(samples: Vec<PodSample>, demand: DemandSource) -> (u64, u64, u64) {
    let (snapshot, policy) = (cluster(vec![node("n1")], vec![user("ada").on("n1")]), policy(demand));
    let snapshot = snapshot.with_usage(Some(samples));
    let survey = Survey::new(&snapshot, &policy);
    let facts = &survey.nodes[0];
    let told = &facts.usage.as_ref().unwrap().demand.told;
    (told.requested.memory.0 >> 30, told.used.memory.0 >> 30, facts.counted_demand().memory.0 >> 30)
}

#[test]
fn a_pod_counts_with_its_requests_its_usage_or_the_larger_of_both() {
    use DemandSource::{Larger, Requests, Usage};
    let more = || Sample { memory: Measured::Amount(6 << 30), ..sample() };
    for (sample, demand, counted) in [
        (sample(), Requests, 4),
        (sample(), Usage, 2),
        (sample(), Larger, 4),
        (more(), Requests, 4),
        (more(), Usage, 6),
        (more(), Larger, 6),
    ] {
        assert_eq!(memory(vec![of("ada", sample)], demand).2, counted, "{sample:?} {demand}");
    }
}

#[test]
fn the_larger_of_both_is_taken_resource_by_resource() {
    let hungry = Sample { cpu: Measured::Amount(3000), ..sample() };
    let (snapshot, policy) =
        (cluster(vec![node("n1")], vec![user("ada").on("n1")]), policy(DemandSource::Larger));
    let snapshot = snapshot.with_usage(Some(vec![of("ada", hungry)]));
    let survey = Survey::new(&snapshot, &policy);
    let counted = survey.nodes[0].counted_demand();
    assert_eq!((counted.memory, counted.cpu, counted.pods), (Bytes(4 << 30), Millicores(3000), 1));
}

#[test]
fn what_cannot_be_believed_counts_by_requests_with_the_reason() {
    let node_has = 32 << 30;
    let old = |seconds| Some(ago(seconds));
    for (sentence, sample, expected) in [
        ("of another pod", None, Err(Unmeasured::Missing)),
        ("without memory", Some(Sample { memory: Measured::Missing, ..sample() }), Err(Unmeasured::Partial)),
        (
            "without processor time",
            Some(Sample { cpu: Measured::Missing, ..sample() }),
            Err(Unmeasured::Partial),
        ),
        ("without a container", Some(Sample { containers: Some(0), ..sample() }), Err(Unmeasured::Partial)),
        ("of unknown containers", Some(Sample { containers: None, ..sample() }), Ok(2)),
        ("with a sidecar", Some(Sample { containers: Some(2), ..sample() }), Ok(2)),
        ("five minutes old", Some(Sample { taken_at: old(300), ..sample() }), Ok(2)),
        ("older", Some(Sample { taken_at: old(301), ..sample() }), Err(Unmeasured::Stale)),
        ("without a time", Some(Sample { taken_at: None, ..sample() }), Err(Unmeasured::Stale)),
        (
            "from the beginning of time",
            Some(Sample { taken_at: Some(Timestamp::MIN), ..sample() }),
            Err(Unmeasured::Stale),
        ),
        ("a minute ahead", Some(Sample { taken_at: old(-60), ..sample() }), Ok(2)),
        ("further ahead", Some(Sample { taken_at: old(-61), ..sample() }), Err(Unmeasured::Future)),
        (
            "from the end of time",
            Some(Sample { taken_at: Some(Timestamp::MAX), ..sample() }),
            Err(Unmeasured::Future),
        ),
        ("negative", Some(Sample { memory: Measured::Negative, ..sample() }), Err(Unmeasured::Negative)),
        ("no number", Some(Sample { cpu: Measured::Absurd, ..sample() }), Err(Unmeasured::Absurd)),
        (
            "more than the node has",
            Some(Sample { memory: Measured::Amount(2 * node_has), ..sample() }),
            Ok(32),
        ),
        (
            "far more than the node has",
            Some(Sample { memory: Measured::Amount(2 * node_has + 1), ..sample() }),
            Err(Unmeasured::Absurd),
        ),
        (
            "more than any node",
            Some(Sample { cpu: Measured::Amount(u64::MAX), ..sample() }),
            Err(Unmeasured::Absurd),
        ),
        ("nothing", Some(Sample { memory: Measured::Amount(0), ..sample() }), Ok(0)),
    ] {
        let samples = || vec![sample.map_or_else(|| of("bob", self::sample()), |sample| of("ada", sample))];
        let (requested, used, counted) = memory(samples(), DemandSource::Usage);
        let plan = planned(vec![node("n1")], vec![user("ada").on("n1")], samples(), DemandSource::Usage);
        let told = plan.pools[0].used.as_ref().unwrap();
        match expected {
            Ok(gibibytes) => {
                assert_eq!((requested, used, counted), (4, gibibytes, gibibytes), "{sentence}");
                assert_eq!((told.measured, told.unmeasured_pods()), (1, 0), "{sentence}");
            }
            Err(why) => {
                assert_eq!((requested, used, counted), (0, 0, 4), "{sentence}");
                assert_eq!((told.measured, &told.unmeasured), (0, &[(why, 1)].into()), "{sentence}");
            }
        }
    }
}

#[test]
fn a_pod_with_two_samples_counts_by_its_requests() {
    let twice = vec![of("ada", sample()), of("ada", sample())];
    assert_eq!(memory(twice, DemandSource::Usage), (0, 0, 4));
}

#[test]
fn where_the_size_of_a_node_is_not_known_requests_count() {
    let mut bare = node("n1");
    (bare.allocatable.memory, bare.capacity.memory) = (None, None);
    let snapshot =
        cluster(vec![bare], vec![user("ada").on("n1")]).with_usage(Some(vec![of("ada", sample())]));
    let policy = policy(DemandSource::Usage);
    let survey = Survey::new(&snapshot, &policy);
    let told = &survey.nodes[0].usage.as_ref().unwrap().demand.told;
    assert_eq!((told.measured, told.used.memory, told.used.cpu), (1, Bytes(4 << 30), Millicores(500)));
}

#[test]
fn the_pods_that_count_are_those_whose_requests_do() {
    let pressed = Node { taints: vec![taint("node.kubernetes.io/memory-pressure")], ..node("n2") };
    let daemon = |name: &str| pod(name).controlled(owned_by("apps", "DaemonSet")).asking(1, 100);
    let pods = vec![
        user("ada").on("n1"),
        pod("hub/hub").asking(4, 100).on("n1"),
        daemon("hub/agent-1").on("n1"),
        daemon("hub/agent-2").on("n2"),
        pod("kube-system/dns").asking(16, 100).on("n1"),
        user("stays").on("n2"),
        user("waits"),
    ];
    let samples = pods.iter().map(|pod| PodSample {
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        sample: sample(),
    });
    let plan = planned(vec![node("n1"), pressed], pods.clone(), samples.collect(), DemandSource::Requests);
    let told = plan.pools[0].used.as_ref().unwrap();
    // ada, the hub and the daemon of the serving node.
    assert_eq!((told.measured, told.requested.memory.0 >> 30, told.used.memory.0 >> 30), (3, 9, 6));
}

/// Users of 4Gi and a core on nodes of 32Gi and 8 cores.
fn full(nodes: usize, users_on_each: usize) -> (Vec<Node>, Vec<Pod>) {
    let names: Vec<String> = (1..=nodes).map(|number| format!("n{number}")).collect();
    let users = |on: &str| -> Vec<Pod> {
        (0..users_on_each).map(|number| user(&format!("{on}-{number}")).on(on)).collect()
    };
    (names.iter().map(|name| node(name)).collect(), names.iter().flat_map(|name| users(name)).collect())
}

fn all(pods: &[Pod], sample: Sample) -> Vec<PodSample> {
    pods.iter().map(|pod| of(&pod.name, sample)).collect()
}

#[test]
fn idle_users_never_let_a_cordon_run_ahead_of_what_is_requested() {
    let (nodes, pods) = full(4, 6);
    let idle = Sample { memory: Measured::Amount(1 << 30), cpu: Measured::Amount(10), ..sample() };
    let samples = all(&pods, idle);
    let by_requests = planned(nodes.clone(), pods.clone(), samples.clone(), DemandSource::Requests);
    assert_eq!((by_requests.pools[0].band, by_requests.actions.len()), (Band::Within, 0));
    let by_usage = planned(nodes, pods, samples, DemandSource::Usage);
    // 0.1875 by usage needs one node; 96Gi on three nodes are 1.000 by requests.
    assert_eq!(by_usage.pools[0].band, Band::Below);
    assert_eq!(by_usage.pools[0].before.utilization.to_string(), "0.188 of memory");
    assert_eq!(by_usage.actions, []);
    let reasons = by_usage.nodes.iter().filter(|node| {
        matches!(&node.verdict, Verdict::Keep(KeepReason::Requested { demand: DemandSource::Usage, serving: 3, utilization })
            if utilization.to_string() == "1.000 of memory")
    });
    assert_eq!(reasons.count(), 3);
}

#[test]
fn idle_users_let_nodes_go_as_far_as_their_requests_allow() {
    let (nodes, pods) = full(6, 4);
    let idle = Sample { memory: Measured::Amount(1 << 30), cpu: Measured::Amount(10), ..sample() };
    let samples = all(&pods, idle);
    let cordons = |demand| {
        let plan = planned(nodes.clone(), pods.clone(), samples.clone(), demand);
        plan.actions.iter().filter(|action| action.verb() == "cordon").count()
    };
    // 96Gi of 192: 0.5. By requests four nodes come to 0.75; so do they by usage, since three are 1.000 of what is requested.
    assert_eq!((cordons(DemandSource::Requests), cordons(DemandSource::Usage)), (2, 2));
    assert_eq!(cordons(DemandSource::Larger), 2);
}

#[test]
fn users_who_take_more_than_they_asked_for_bring_nodes_back() {
    let (mut nodes, pods) = full(2, 5);
    nodes.push(Node { unschedulable: true, ..node("n3") });
    nodes[2].annotations.insert("kube-rebalancer/cordoned-at".into(), ago(3600).to_string());
    let busy = Sample { memory: Measured::Amount(6 << 30), cpu: Measured::Amount(1000), ..sample() };
    for (demand, uncordons) in
        [(DemandSource::Requests, 0), (DemandSource::Usage, 1), (DemandSource::Larger, 1)]
    {
        let plan = planned(nodes.clone(), pods.clone(), all(&pods, busy), demand);
        let uncordoned = plan.actions.iter().filter(|action| action.verb() == "uncordon").count();
        assert_eq!(uncordoned, uncordons, "{demand}");
    }
}

#[test]
fn without_a_source_every_demand_gives_the_same_plan() {
    let (nodes, pods) = full(6, 4);
    let of = |demand| plan(&cluster(nodes.clone(), pods.clone()), &policy(demand)).unwrap();
    let requests = of(DemandSource::Requests);
    assert_eq!(requests.pools[0].used, None);
    for demand in [DemandSource::Usage, DemandSource::Larger] {
        assert_eq!(of(demand).actions, requests.actions);
    }
    assert_eq!(requests.observed_at, now());
}
