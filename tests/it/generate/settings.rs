//! Random settings, extremes included.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{LabelSelector, Operator, Requirement};
use kube_rebalancer_core::policy::{Budget, CapacitySource, PartsPerMillion, Policy};

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

const BUDGETS: [Budget; 8] = [
    Budget::Percent(100),
    Budget::Percent(100),
    Budget::Percent(100),
    Budget::Percent(100),
    Budget::Count(1),
    Budget::Count(0),
    Budget::Percent(30),
    Budget::Count(3),
];

pub(super) fn read(bytes: &mut Bytes<'_>) -> Policy {
    let (min, optimal, max) = bytes.pick(&BANDS);
    let min_nodes = bytes.pick(&[0, 1, 2, 3, 5, 9]);
    let max_nodes = min_nodes + bytes.pick(&[72, 8, 4, 2, 1, 0]);
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    Policy {
        min_utilization: PartsPerMillion(min * 1000),
        optimal_utilization: PartsPerMillion(optimal * 1000),
        max_utilization: PartsPerMillion(max * 1000),
        min_nodes,
        max_nodes,
        preemptible_labels: bytes.pick(&[set(&["user"]), set(&["user"]), set(&["user", "course"]), set(&[])]),
        omit_labels: bytes.pick(&[set(&["omit"]), set(&[]), set(&["omit", "infra"])]),
        omit_namespaces: bytes.pick(&[set(&["kube-system"]), set(&["kube-system", "monitoring"]), set(&[])]),
        node_selector: node_selector(bytes),
        capacity: bytes.pick(&[CapacitySource::Allocatable, CapacitySource::Capacity]),
        empty_grace: SignedDuration::from_mins(bytes.pick(&[0, 0, 30])),
        adopt_cordons: !bytes.chance(35),
        keep_zones: !bytes.chance(35),
        max_cordons: bytes.pick(&BUDGETS),
        max_deletions: bytes.pick(&[
            Budget::Count(10),
            Budget::Count(1),
            Budget::Count(0),
            Budget::Percent(20),
        ]),
        boot_grace: SignedDuration::from_mins(bytes.pick(&[15, 15, 15, 1])),
        max_unready_percent: 45,
        ok_unready_nodes: 3,
        node_groups_named: false,
        own_pod: None,
        own_node: None,
    }
    .with_rare_settings(bytes)
}

trait RareSettings {
    fn with_rare_settings(self, bytes: &mut Bytes<'_>) -> Self;
}

impl RareSettings for Policy {
    /// One byte for what is seldom set.
    fn with_rare_settings(mut self, bytes: &mut Bytes<'_>) -> Self {
        let rare = bytes.below(256);
        self.node_groups_named = rare & 1 != 0;
        if rare & 2 != 0 {
            self.own_node = Some("n02".to_owned());
        }
        if rare & 4 != 0 {
            self.own_pod = Some(("hub".to_owned(), "p03".to_owned()));
        }
        match rare >> 4 {
            1 => self.max_unready_percent = 0,
            2 => self.max_unready_percent = 100,
            3 => self.ok_unready_nodes = 0,
            4 => self.ok_unready_nodes = 1,
            _ => {}
        }
        self
    }
}

fn node_selector(bytes: &mut Bytes<'_>) -> LabelSelector {
    let requirement = |operator| LabelSelector(vec![Requirement { key: "pool".to_owned(), operator }]);
    let users = || Operator::In(vec!["users".to_owned()]);
    bytes.pick(&[
        LabelSelector::default(),
        LabelSelector::default(),
        LabelSelector::default(),
        LabelSelector::default(),
        LabelSelector::default(),
        LabelSelector::default(),
        requirement(users()),
        requirement(Operator::DoesNotExist),
    ])
}
