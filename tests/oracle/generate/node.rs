//! Random nodes.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Bytes as Memory, FurtherAmounts, Node, ReadyCondition, Taint, TaintEffect, annotation, taint,
};

use super::cluster::Traits;
use super::group::{self, Made, ZONE, zone};
use super::{Bytes, ago};

pub(super) fn make(traits: &Traits, groups: &[Made], at: usize, bytes: &mut Bytes<'_>) -> Node {
    let name = format!("n{at:02}");
    let free = bytes.below(groups.len().max(1));
    let member = !groups.is_empty() && !bytes.chance(10);
    let group = member.then(|| &groups[free]);
    let own_kind = group::kind(traits, bytes);
    let kind = group.map_or(own_kind, |made| made.kind);
    let resources = kind.resources();
    let mut node = Node {
        labels: kind.labels(),
        taints: kind.taints(),
        created_at: Some(ago(86_400)),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(80_000)) }),
        allocatable: resources.clone(),
        capacity: resources,
        group: group.map(|made| made.group.name.clone()),
        uid: format!("node-uid-{at}"),
        ..Node::default()
    };
    node.labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
    node.name = name;
    if !groups.is_empty() && !member && at.is_multiple_of(2) {
        node.outside = Some("its instance is in no node group".to_owned());
    }
    let somewhere = bytes.below(traits.zones.max(1));
    if traits.zones > 0 && !bytes.chance(5) {
        let of_group = group.and_then(|made| made.group.zone.clone());
        node.labels.insert(ZONE.to_owned(), of_group.unwrap_or_else(|| zone(somewhere)));
    }
    node.capacity.memory = node.capacity.memory.map(|memory| Memory(memory.0 + u64::from(bytes.chance(20))));
    node.created_at = bytes.pick(&[Some(86_400), Some(86_400), Some(400), Some(7200), Some(100)]).map(ago);
    if bytes.chance(traits.cordoned) {
        cordon(traits, &mut node, bytes);
    }
    if bytes.chance(traits.unready) {
        let since = bytes.pick(&[60, 60, 899, 900, 3600, -60, -86_400]);
        node.ready = Some(ReadyCondition { ready: false, since: Some(ago(since)) });
        let added_at = bytes.pick(&[None, Some(60), Some(900)]).map(ago);
        node.taints.push(Taint { added_at, ..no_schedule("node.kubernetes.io/not-ready") });
    }
    if bytes.chance(6) {
        let value = bytes.pick(&["true", "true", "false"]);
        node.annotations.insert(annotation::SCALE_DOWN_DISABLED.to_owned(), value.to_owned());
    }
    if traits.kinds && bytes.chance(10) {
        node.taints.push(Taint {
            effect: bytes.pick(&[TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule]),
            added_at: [None, Some(ago(30)), Some(ago(5000))][at % 3],
            ..no_schedule("odd")
        });
    }
    if (at + traits.zones + usize::from(traits.kinds)).is_multiple_of(5) {
        node.taints.push(Taint { effect: TaintEffect::PreferNoSchedule, ..no_schedule(taint::FILL_LAST) });
    }
    if traits.strange {
        strange(&mut node, bytes);
    }
    let boots = node.ready.is_some_and(|condition| !condition.ready);
    if boots && traits.kinds && at.is_multiple_of(3) {
        exaggerate(&mut node);
    }
    node
}

/// Reports far more than any node of a group has.
fn exaggerate(node: &mut Node) {
    let allocatable = &mut node.allocatable;
    allocatable.memory = allocatable.memory.map(|memory| Memory(memory.0 * 100));
    let further = allocatable.further.iter().flat_map(|map| map.iter());
    let further: FurtherAmounts = further.map(|(name, amount)| (name.clone(), amount * 100)).collect();
    allocatable.further = (!further.is_empty()).then(|| further.into());
}

/// Cordoned by this program, or by another actor.
fn cordon(traits: &Traits, node: &mut Node, bytes: &mut Bytes<'_>) {
    node.unschedulable = true;
    let ages = [3600, 3600, 20, 60, 500, 700, 7200, -600];
    let age = bytes.pick(&ages);
    let added_at = bytes.pick(&[Some(0), Some(0), None, Some(400)]).map(|later| ago(age - later));
    node.taints.push(Taint { added_at, ..no_schedule(taint::UNSCHEDULABLE) });
    if !(traits.others && bytes.chance(50)) {
        let mark = if bytes.chance(4) { "yesterday".to_owned() } else { ago(age).to_string() };
        node.annotations.insert(annotation::CORDONED_AT.to_owned(), mark);
    }
    if bytes.chance(30) {
        node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), ago(bytes.pick(&ages)).to_string());
    }
}

fn strange(node: &mut Node, bytes: &mut Bytes<'_>) {
    let startup = "node.cilium.io/agent-not-ready";
    let csi = "ebs.csi.aws.com/agent-not-ready";
    match bytes.below(60) {
        1 => node.deleting = true,
        2 => node.labels.insert("omit".to_owned(), String::new()),
        3 => node.labels.insert("node-role.kubernetes.io/etcd".to_owned(), String::new()),
        4 => node.taints.push(no_schedule("ToBeDeletedByClusterAutoscaler")),
        5 => drop(node.annotations.insert(annotation::REBOOT_IN_PROGRESS.to_owned(), String::new())),
        6 => drop(node.annotations.insert(annotation::MACHINE_CONFIG_STATE.to_owned(), "Working".to_owned())),
        7 | 8 => node.taints.push(no_schedule(startup)),
        9 => node.taints.push(no_schedule(csi)),
        10 => node.taints.push(no_schedule("startup-taint.cluster-autoscaler.kubernetes.io/x")),
        11 | 12 => node.taints.push(no_schedule("node.kubernetes.io/memory-pressure")),
        13 => node.taints.push(no_schedule("node.kubernetes.io/network-unavailable")),
        14 | 15 => drop(node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(5000).to_string())),
        16 => drop(node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), ago(5000).to_string())),
        17..=19 => {
            let until = bytes.pick(&[ago(-300), ago(60), ago(-100_000)]);
            node.annotations.insert(annotation::DELETING_UNTIL.to_owned(), until.to_string());
            node.taints.push(no_schedule(taint::DELETING));
        }
        20 => drop(node.annotations.insert(format!("{}x", annotation::DELAY_DELETION), String::new())),
        21 => node.taints.push(no_schedule("node.kubernetes.io/unreachable")),
        22 => node.taints.push(no_schedule("my/agent")),
        31 => node.taints.push(no_schedule("cni.istio.io/not-ready")),
        23 => {
            node.allocatable.further = None;
            node.capacity.further = None;
        }
        24 => node.labels.remove("pool"),
        25 => node.allocatable.memory = Some(Memory(100)),
        26 => {
            let marks = [
                (annotation::FLATCAR_REBOOT, "true"),
                (annotation::FLATCAR_REBOOT, "false"),
                (annotation::SRIOV_STATE, "Draining"),
                (annotation::SRIOV_STATE, "Idle"),
                (annotation::HARVESTER_MAINTENANCE, "completed"),
                (annotation::DO_NOT_DISRUPT, "4h"),
                (annotation::DO_NOT_DISRUPT, "false"),
                (annotation::NO_DELETE, "an experiment"),
                (annotation::REMOVAL_DISABLED, "true"),
            ];
            let (key, value) = bytes.pick(&marks);
            node.annotations.insert(key.to_owned(), value.to_owned());
        }
        27 => {
            let (key, value) = bytes.pick(&[
                ("nvidia.com/gpu-driver-upgrade-state", "drain-required"),
                ("nvidia.com/gpu-driver-upgrade-state", "upgrade-required"),
                ("autoscaling.cast.ai/removal-disabled", "true"),
                ("aws-node-termination-handler/action", "UncordonAfterReboot"),
            ]);
            node.labels.insert(key.to_owned(), value.to_owned());
        }
        29 | 30 => node.volume_in_use = Some("disk-of-ada".into()),
        28 => node.taints.push(no_schedule("medik8s.io/drain")),
        _ => {}
    }
}

pub(super) fn no_schedule(key: &str) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect: TaintEffect::NoSchedule, added_at: None }
}

/// A plain node, in service or cordoned by this program, for the rule of more load.
pub(super) fn plain(at: usize, bytes: &mut Bytes<'_>) -> Node {
    let mut node = make(&Traits::default(), &[], at, &mut Bytes::new(&[]));
    node.labels.remove("pool");
    if bytes.chance(35) {
        node.unschedulable = true;
        node.annotations = BTreeMap::from([(annotation::CORDONED_AT.to_owned(), ago(3600).to_string())]);
    }
    node
}
