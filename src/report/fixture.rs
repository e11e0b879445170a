//! Plans put together by hand, for the tests of the report: what a planner would say is not the question here.

mod everything;

pub(super) use everything::everything;

use std::sync::LazyLock;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Bytes, TotalBytes};
use kube_rebalancer_core::plan::{
    Action, After, Band, Before, CordonReason, DeleteReason, KeepReason, NodeState, NodeVerdict, Plan, Since,
    UncordonReason, Utilization, Verdict, Warning,
};
use kube_rebalancer_core::policy::{PartsPerMillion, Policy};

use serde_json::json;

use super::Facts;
use kube_rebalancer_page::Setting;

pub(super) const GIBI: u128 = 1 << 30;
/// Allocatable of the machines that the 2017 cluster ran on: 12.7Gi.
const MACHINE: Bytes = Bytes(13_317_664 << 10);

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

pub(super) fn node(name: &str, state: NodeState, occupants: usize, verdict: Verdict) -> NodeVerdict {
    let critical = matches!(verdict, Verdict::Keep(KeepReason::CriticalPod { .. }));
    // Half a gibibyte for the daemons, three quarters of one for each occupant.
    let requested = TotalBytes((1 << 29) + u128::try_from(occupants).unwrap() * (3 << 28));
    NodeVerdict {
        name: name.to_owned(),
        state,
        managed: true,
        occupants,
        critical,
        requested,
        capacity: MACHINE,
        verdict,
    }
}

pub(super) fn kept(name: &str, occupants: usize) -> NodeVerdict {
    node(name, NodeState::Serving, occupants, Verdict::Keep(KeepReason::Needed { occupants }))
}

fn below(occupants: usize) -> CordonReason {
    let utilization = Utilization { requested: 323, capacity: 1000 };
    CordonReason::BelowBand { utilization, min: PartsPerMillion(650_000), occupants }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon { node: node.to_owned(), reason: UncordonReason::MinNodes { serving: 2, min: 3 } }
}

pub(super) fn delete(node: &str) -> Action {
    Action::Delete { node: node.to_owned(), reason: empty() }
}

fn empty() -> DeleteReason {
    DeleteReason::EmptyAndCordoned {
        cordoned: moment("2017-06-14T09:00:00Z"),
        empty: moment("2017-06-14T11:00:00Z"),
    }
}

/// A plan out of its nodes and actions; the counts do not matter to the test.
pub(super) fn plan(nodes: Vec<NodeVerdict>, actions: Vec<Action>) -> Plan {
    let count = |state| nodes.iter().filter(|node| node.managed && node.state == state).count();
    Plan {
        observed_at: "2017-06-14T12:00:00Z".parse::<Timestamp>().unwrap(),
        before: Before {
            managed: nodes.iter().filter(|node| node.managed).count(),
            serving: count(NodeState::Serving),
            cordoned: count(NodeState::Cordoned),
            critical: nodes.iter().filter(|node| node.critical).count(),
            empty: 0,
            booting: count(NodeState::Booting),
            broken: count(NodeState::Broken),
            instances_without_node: 0,
            waiting_pods: 0,
            demand: 6 * GIBI,
            utilization: Utilization { requested: 7 * GIBI, capacity: 10 * GIBI },
        },
        band: Band::Within,
        after: After {
            serving: 2,
            booting: 0,
            created: 0,
            utilization: Utilization { requested: 7 * GIBI, capacity: 10 * GIBI },
        },
        actions,
        nodes,
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
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
        keep("8pbd", NodeState::Cordoned, 2, KeepReason::PodsRemaining { pods: 2, pod: user }),
        kept(&name("f31s"), 10),
        cordon("j3m8", 3),
        node(&name("kz7z"), NodeState::Cordoned, 0, Verdict::Delete(empty())),
        NodeVerdict { managed: false, ..keep("tfrz", NodeState::Serving, 0, KeepReason::NotSelected) },
    ];
    let cordon = |suffix: &str, occupants| Action::Cordon { node: name(suffix), reason: below(occupants) };
    let actions = vec![cordon("17c7", 0), cordon("2zbs", 0), cordon("j3m8", 3), delete(&name("kz7z"))];
    let mut plan = plan(nodes, actions);
    plan.band = Band::Below;
    plan.before.empty = 1;
    // Daemons of the serving nodes: 5 * 0.5 before, 2 * 0.5 after; 24 occupants * 0.75; machines of 12.7008Gi.
    let machine = u128::from(MACHINE.0);
    plan.before.demand = GIBI * 18;
    plan.before.utilization = Utilization { requested: GIBI * 41 / 2, capacity: 5 * machine };
    plan.after.utilization = Utilization { requested: GIBI * 19, capacity: 2 * machine };
    plan.warnings = vec![Warning::NoMemoryRequest { pod: "datahub/cull-deployment-9f2".to_owned(), pods: 4 }];
    plan
}

/// A thousand nodes: a few dozen are touched, and everything else needs no line of its own.
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
                let reason = KeepReason::PodsRemaining { pods, pod: format!("prod/jupyter-{number}") };
                node(&name(number), NodeState::Cordoned, pods, Verdict::Keep(reason))
            }
            _ => kept(&name(number), 6 + number % 6),
        })
        .collect();
    let cordons = (0..30).map(|number| Action::Cordon { node: name(number), reason: below(number / 10) });
    let deletions = (30..40).map(|number| delete(&name(number)));
    let mut plan = plan(nodes.clone(), cordons.chain(deletions).collect());
    plan.warnings =
        (0..30).map(|number| Warning::FitsNowhere { pod: format!("prod/huge-{number}") }).collect();
    plan
}
