//! Random settings, extremes included.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kube_rebalancer_core::foresight::parse_schedule;
use kube_rebalancer_core::model::{LabelSelector, Operator, Requirement, Resource, Rule};
use kube_rebalancer_core::policy::{AdoptCordons, Bounds, Budget, CapacitySource, PartsPerMillion, Policy};

use super::Bytes;

/// `MIN`, `OPTIMAL` and `MAX_UTILIZATION` in thousandths: the default, extremes, and odd ones.
const BANDS: [(u32, u32, u32); 8] = [
    (650, 750, 850),
    (500, 500, 750),
    (500, 750, 1000),
    (400, 662, 750),
    (1000, 1000, 1000),
    (750, 750, 750),
    (1, 500, 999),
    (600, 900, 900),
];

fn budget(bytes: &mut Bytes<'_>) -> Budget {
    let percent = |percent, at_least| Budget::Percent { percent, at_least };
    bytes.pick(&[
        percent(100, 0),
        percent(100, 0),
        percent(100, 0),
        percent(100, 0),
        Budget::Count(1),
        Budget::Count(0),
        percent(20, 3),
        Budget::Count(3),
    ])
}

fn bounds(bytes: &mut Bytes<'_>) -> Bounds {
    let (min, optimal, max) = bytes.pick(&BANDS);
    let min_nodes = bytes.pick(&[0, 1, 2, 3, 5, 9]);
    Bounds {
        min_utilization: PartsPerMillion(min * 1000),
        optimal_utilization: PartsPerMillion(optimal * 1000),
        max_utilization: PartsPerMillion(max * 1000),
        min_nodes,
        max_nodes: min_nodes + bytes.pick(&[72, 8, 4, 2, 1, 0]),
        max_nodes_set: bytes.chance(50),
        keep_zones: !bytes.chance(35),
    }
}

pub(super) fn read(bytes: &mut Bytes<'_>, pools: bool) -> Policy {
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let own_bounds = bounds(bytes);
    let other_bounds = bounds(bytes);
    let overrides = pools && bytes.chance(50);
    let minutes = SignedDuration::from_mins;
    let mut policy = Policy {
        bounds: own_bounds,
        pool_bounds: if overrides {
            BTreeMap::from([("gpu".to_owned(), other_bounds)])
        } else {
            BTreeMap::new()
        },
        pool_label: pools.then(|| "pool".to_owned()),
        group_pools: BTreeMap::new(),
        resources: bytes.pick(&[
            vec![Resource::Memory, Resource::Cpu],
            vec![Resource::Memory],
            vec![Resource::Cpu, Resource::Memory],
        ]),
        preemptible_labels: bytes.pick(&[set(&["user"]), set(&["user"]), set(&["user", "course"]), set(&[])]),
        omit_labels: bytes.pick(&[set(&["omit"]), set(&[]), set(&["omit", "infra"])]),
        omit_namespaces: bytes.pick(&[set(&["kube-system"]), set(&["kube-system", "monitoring"]), set(&[])]),
        node_selector: LabelSelector::default(),
        capacity: bytes.pick(&[
            CapacitySource::Allocatable,
            CapacitySource::Allocatable,
            CapacitySource::Capacity,
        ]),
        empty_grace: minutes(bytes.pick(&[0, 0, 30])),
        adopt_cordons: bytes.pick(&[
            AdoptCordons::After(minutes(60)),
            AdoptCordons::Never,
            AdoptCordons::Always,
            AdoptCordons::After(minutes(1)),
        ]),
        max_cordons: budget(bytes),
        max_deletions: bytes.pick(&[Budget::Count(10), Budget::Count(1), Budget::Count(0)]),
        max_creations: budget(bytes),
        boot_grace: minutes(bytes.pick(&[15, 15, 15, 5])),
        startup_taints: bytes.pick(&[set(&["my/agent"]), set(&[])]),
        ..Policy::default()
    };
    rare(&mut policy, bytes);
    policy.foresight.schedule = schedule(bytes, pools);
    policy
}

/// A reserve or a minimum of nodes, which is in force, begins soon, or has ended.
fn schedule(bytes: &mut Bytes<'_>, pools: bool) -> Vec<Rule> {
    let reserve = bytes.pick(&[0, 0, 0, 3, 9, 20]);
    let nodes = bytes.pick(&[0, 0, 0, 4, 9]);
    // Every random cluster is observed on a Friday at 8:00.
    let times = bytes.pick(&[
        "Fri 07:00-09:00",
        "Fri 08:15-09:00",
        "Fri 08:16-09:00",
        "Thu 22:00-08:00",
        "Thu 22:00-08:01",
    ]);
    let pool = if pools { "gpu=" } else { "" };
    parse_schedule(&format!("{times} RESERVE={pool}{reserve} MIN_NODES={pool}{nodes}")).unwrap()
}

/// One byte for the settings that are seldom set.
fn rare(policy: &mut Policy, bytes: &mut Bytes<'_>) {
    let rare = bytes.below(256);
    policy.node_groups_named = rare & 1 != 0;
    if rare & 6 == 6 {
        policy.own_node = Some("n02".to_owned());
        policy.own_pod = Some(("hub".to_owned(), "p03".to_owned()));
    }
    let only = |operator| LabelSelector(vec![Requirement { key: "pool".to_owned(), operator }]);
    match rare >> 4 {
        1 => policy.max_unready_percent = 0,
        2 => policy.max_unready_percent = 100,
        3 => policy.ok_unready_nodes = 0,
        4 => policy.ok_unready_nodes = 1,
        6 | 7 => policy.pack = false,
        5 => policy.node_selector = only(Operator::In(vec!["users".to_owned()])),
        _ => {}
    }
}
