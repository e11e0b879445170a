//! Plans put together by hand, for the tests of the report: what a planner would say is not the question here.

mod everything;

pub(super) use everything::everything;

use std::sync::LazyLock;

use jiff::Timestamp;
use kube_rebalancer_core::foresight::Expectation;
use kube_rebalancer_core::model::{Amounts, Bytes, Millicores, Resource};
use kube_rebalancer_core::plan::{
    Action, After, Band, Before, CordonReason, DeleteReason, Demand, KeepReason, Limit, NodeState,
    NodeVerdict, Plan, PoolPlan, Since, UncordonReason, Utilization, Verdict, Warning,
};
use kube_rebalancer_core::policy::{PartsPerMillion, Policy};

use serde_json::json;

use super::Facts;
use kube_rebalancer_page::Setting;

pub(super) const GIBI: u64 = 1 << 30;
/// Allocatable of the machines that the 2017 cluster ran on: 12.7Gi.
const MACHINE: u64 = 13_317_664 << 10;
/// Their cores, in thousandths.
const CORES: u64 = 1930;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

static SETTINGS: LazyLock<Vec<Setting<'static>>> = LazyLock::new(|| {
    let setting = |name, text, json, is_default| Setting { name, text, json, is_default };
    let label = "hub.jupyter.org/autoscaler-ephemeral";
    vec![
        setting("MAX_UTILIZATION", "0.85", json!(0.85), true),
        setting("MIN_NODES", "3", json!(3), true),
        setting("PREEMPTIBLE_LABELS", label, json!([label]), false),
        setting("EMPTY_GRACE", "30m", json!("30m"), false),
        setting("KEEP_ZONES", "true", json!(true), true),
    ]
});

pub(super) fn facts() -> Facts<'static> {
    Facts {
        version: "0.1.0",
        source: "cluster.json",
        dry_run: true,
        policy: &POLICY,
        settings: &SETTINGS,
        observed: &[],
        violations: &[],
        outcomes: None,
    }
}

pub(super) fn moment(text: &str) -> Since {
    Since(Some(text.parse().unwrap()))
}

/// A utilization by memory and cpu: requested and offered of each.
pub(super) fn utilization(memory: (u64, u64), cpu: (u64, u64)) -> Utilization {
    let amounts = |memory, cpu| Amounts::pod(Bytes(memory), Millicores(cpu));
    Utilization::new(&[Resource::Memory, Resource::Cpu], &amounts(memory.0, cpu.0), &amounts(memory.1, cpu.1))
}

pub(super) fn node(name: &str, state: NodeState, occupants: usize, verdict: Verdict) -> NodeVerdict {
    let critical = matches!(verdict, Verdict::Keep(KeepReason::CriticalPod { .. }));
    let pods = u64::try_from(occupants).unwrap();
    // Half a gibibyte and a tenth of a core for the daemons, three quarters and a twentieth for each occupant.
    let requested = Amounts::pod(Bytes((1 << 29) + pods * (3 << 28)), Millicores(100 + pods * 50));
    NodeVerdict {
        name: name.to_owned(),
        pool: String::new(),
        state,
        managed: true,
        reserved: false,
        occupants,
        critical,
        requested,
        capacity: Amounts::pod(Bytes(MACHINE), Millicores(CORES)),
        verdict,
    }
}

pub(super) fn kept(name: &str, occupants: usize) -> NodeVerdict {
    let utilization = utilization((748, 1000), (100, 1000));
    let reason = KeepReason::Needed { occupants, must: 1, utilization };
    node(name, NodeState::Serving, occupants, Verdict::Keep(reason))
}

fn below(occupants: usize) -> CordonReason {
    let utilization = utilization((323, 1000), (187, 1000));
    CordonReason::BelowBand { utilization, min: PartsPerMillion(650_000), occupants }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon { node: node.to_owned(), reason: UncordonReason::MinNodes { serving: 2, min: 3 } }
}

pub(super) fn delete(node: &str) -> Action {
    Action::Delete { node: node.to_owned(), reason: empty(), restarts: Vec::new() }
}

fn empty() -> DeleteReason {
    DeleteReason::EmptyAndCordoned {
        cordoned: moment("2017-06-14T09:00:00Z"),
        empty: moment("2017-06-14T11:00:00Z"),
    }
}

/// A pool out of its nodes; the counts do not matter to the test.
pub(super) fn pool(name: &str, nodes: &[NodeVerdict]) -> PoolPlan {
    let members = || nodes.iter().filter(|node| node.managed && node.pool == name);
    let count = |state| members().filter(|node| node.state == state && !node.reserved).count();
    let utilization = utilization((7 * GIBI, 10 * GIBI), (1000, 4000));
    PoolPlan {
        name: name.to_owned(),
        before: Before {
            managed: members().count(),
            serving: count(NodeState::Serving),
            cordoned: count(NodeState::Cordoned),
            booting: count(NodeState::Booting),
            broken: count(NodeState::Broken),
            not_in_use: count(NodeState::NotInUse),
            under_pressure: count(NodeState::UnderPressure),
            claimed: count(NodeState::Claimed),
            parked: count(NodeState::Parked),
            reserved: members().filter(|node| node.reserved).count(),
            critical: members().filter(|node| node.critical).count(),
            empty: 0,
            instances_without_node: 0,
            waiting_pods: 0,
            utilization,
        },
        demand: Demand::default(),
        used: None,
        expectation: Expectation::default(),
        band: Band::Within,
        after: After { serving: 2, booting: 0, created: 0, utilization },
        limits: Vec::new(),
    }
}

/// A plan out of its nodes and actions, with the one pool that has no name.
pub(super) fn plan(nodes: Vec<NodeVerdict>, actions: Vec<Action>) -> Plan {
    Plan {
        observed_at: "2017-06-14T12:00:00Z".parse::<Timestamp>().unwrap(),
        pools: vec![pool("", &nodes)],
        actions,
        nodes,
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
        notices: Vec::new(),
        ledger: None,
    }
}

/// Nothing to do.
pub(super) fn quiet() -> Plan {
    plan(vec![kept("a", 8), kept("b", 8)], Vec::new())
}

/// A small hub for notebooks in the evening: most users are gone.
pub(super) fn evening() -> Plan {
    const POOL: &str = "gke-prod-highmem-pool-0df1a536";
    let name = |suffix: &str| format!("{POOL}-{suffix}");
    let keep =
        |suffix: &str, state, occupants, reason| node(&name(suffix), state, occupants, Verdict::Keep(reason));
    let cordon = |suffix: &str, occupants| {
        node(&name(suffix), NodeState::Serving, occupants, Verdict::Cordon(below(occupants)))
    };
    let hub = "datahub/hub-deployment-1750684654-bpql1".to_owned();
    let user = "datahub/jupyter-user07-1791".to_owned();
    let nodes = vec![
        keep("0zc0", NodeState::Serving, 9, KeepReason::CriticalPod { pod: hub }),
        cordon("17c7", 0),
        cordon("2zbs", 0),
        keep(
            "8pbd",
            NodeState::Cordoned,
            2,
            KeepReason::PodsRemaining { pods: 2, pod: user, deleting: false },
        ),
        kept(&name("f31s"), 10),
        cordon("j3m8", 3),
        node(&name("kz7z"), NodeState::Cordoned, 0, Verdict::Delete(empty())),
        NodeVerdict { managed: false, ..keep("tfrz", NodeState::Serving, 0, KeepReason::NotSelected) },
    ];
    let cordon = |suffix: &str, occupants| Action::Cordon { node: name(suffix), reason: below(occupants) };
    let actions = vec![cordon("17c7", 0), cordon("2zbs", 0), cordon("j3m8", 3), delete(&name("kz7z"))];
    let mut plan = plan(nodes, actions);
    let pool = plan.pools.first_mut().unwrap();
    pool.band = Band::Below;
    pool.before.empty = 1;
    // Daemons of the serving nodes: 5 * 0.5 before, 2 * 0.5 after; 24 occupants * 0.75; machines of 12.7008Gi.
    // Of cpu: 5 * 100 before, 2 * 100 after; 24 occupants * 50; machines of 1930.
    pool.before.utilization = utilization((GIBI * 41 / 2, 5 * MACHINE), (1700, 5 * CORES));
    pool.after.utilization = utilization((GIBI * 19, 2 * MACHINE), (1400, 2 * CORES));
    plan.warnings = vec![Warning::NoMemoryRequest { pod: "datahub/cull-deployment-9f2".to_owned(), pods: 4 }];
    plan
}

/// Two pools, one of which is full by cpu while the other is empty by memory, and a node in neither.
pub(super) fn two_pools() -> Plan {
    let member = |pool: &str, node: NodeVerdict| NodeVerdict { pool: pool.to_owned(), ..node };
    let of_cpu = |name: &str, occupants, cpu, verdict| {
        let node = node(name, NodeState::Serving, occupants, verdict);
        let requested = Amounts::pod(node.requested.memory, Millicores(cpu));
        let capacity = Amounts::pod(node.capacity.memory, Millicores(7900));
        member("compute", NodeVerdict { requested, capacity, ..node })
    };
    let full = utilization((7 * GIBI, 2 * MACHINE), (14_600, 15_800));
    let needed = |occupants| {
        let utilization = utilization((8 * GIBI, 3 * MACHINE), (14_700, 23_700));
        Verdict::Keep(KeepReason::Needed { occupants, must: 0, utilization })
    };
    let above = UncordonReason::AboveBand { utilization: full, max: PartsPerMillion(850_000) };
    let taint = || "nvidia.com/gpu:NoSchedule".to_owned();
    let reserved =
        node("user-b", NodeState::Serving, 1, Verdict::Keep(KeepReason::ReservedFor { taint: taint() }));
    let nodes = vec![
        NodeVerdict {
            managed: false,
            ..node("core-a", NodeState::Serving, 0, Verdict::Keep(KeepReason::NotSelected))
        },
        of_cpu("cpu-a", 4, 7300, needed(4)),
        of_cpu("cpu-b", 4, 7300, needed(4)),
        NodeVerdict {
            state: NodeState::Cordoned,
            ..of_cpu("cpu-c", 0, 100, Verdict::Uncordon(above.clone()))
        },
        member("user", node("user-a", NodeState::Serving, 0, Verdict::Cordon(below(0)))),
        member("user", NodeVerdict { reserved: true, ..reserved }),
    ];
    let actions = vec![
        Action::Uncordon { node: "cpu-c".to_owned(), reason: above },
        Action::Cordon { node: "user-a".to_owned(), reason: below(0) },
    ];
    let mut plan = plan(nodes, actions);
    let mut compute = pool("compute", &plan.nodes);
    compute.band = Band::Above;
    compute.before.utilization = full;
    compute.before.waiting_pods = 1;
    compute.before.empty = 1;
    compute.after.serving = 3;
    compute.after.utilization = utilization((8 * GIBI, 3 * MACHINE), (14_700, 23_700));
    compute.limits = vec![Limit::MaxCreations { asked: 4, allowed: 3 }];
    let mut user = pool("user", &plan.nodes);
    user.band = Band::Below;
    user.before.utilization = utilization((GIBI / 2, MACHINE), (100, CORES));
    user.after.serving = 0;
    user.after.utilization = utilization((0, 0), (0, 0));
    plan.pools = vec![compute, user];
    plan.limits = vec![Limit::MaxCordons { asked: 2, allowed: 1 }];
    plan.warnings = vec![Warning::Reserved { taint: taint(), node: "user-b".to_owned(), nodes: 1 }];
    plan
}

/// A thousand nodes: a few dozen are changed, and all others need no separate line.
pub(super) fn thousand() -> Plan {
    let name = |number: usize| format!("gke-prod-highmem-pool-0df1a536-{number:04}");
    let nodes: Vec<NodeVerdict> = (0..1000)
        .map(|number| match number {
            0..30 => {
                node(&name(number), NodeState::Serving, number / 10, Verdict::Cordon(below(number / 10)))
            }
            30..40 => node(&name(number), NodeState::Cordoned, 0, Verdict::Delete(empty())),
            40..52 => {
                let pod = format!("prod/hub-{number}");
                node(&name(number), NodeState::Serving, 5, Verdict::Keep(KeepReason::CriticalPod { pod }))
            }
            52..152 => {
                let pods = number % 7 + 1;
                let reason = KeepReason::PodsRemaining {
                    pods,
                    pod: format!("prod/jupyter-{number}"),
                    deleting: false,
                };
                node(&name(number), NodeState::Cordoned, pods, Verdict::Keep(reason))
            }
            _ => kept(&name(number), 6 + number % 6),
        })
        .collect();
    let cordons = (0..30).map(|number| Action::Cordon { node: name(number), reason: below(number / 10) });
    let deletions = (30..40).map(|number| delete(&name(number)));
    let mut plan = plan(nodes.clone(), cordons.chain(deletions).collect());
    plan.warnings = (0..30)
        .map(|number| Warning::FitsNowhere {
            pod: format!("prod/huge-{number}"),
            why: "no node has the label disk=big".to_owned(),
        })
        .collect();
    plan
}
