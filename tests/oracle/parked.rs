//! Random clusters in which machines are parked, woken, or annotated by a run that died: the same rules, and section
//! 15.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Node, ReadyCondition, Taint, TaintEffect, annotation, taint};
use kube_rebalancer_core::policy::{Budget, GiveBack};

use crate::generate::{NOW, World};

fn ago(seconds: i64) -> Timestamp {
    NOW.checked_sub(SignedDuration::from_secs(seconds)).unwrap()
}

fn cordon(node: &mut Node, seconds: i64) {
    node.unschedulable = true;
    node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
    node.taints.push(Taint {
        key: taint::UNSCHEDULABLE.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: Some(ago(seconds)),
    });
    node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(seconds).to_string());
}

fn note(node: &mut Node, key: &str, seconds: i64) {
    node.annotations.insert(key.to_owned(), ago(seconds).to_string());
}

fn stopped(node: &mut Node, seconds: i64) {
    node.ready = Some(ReadyCondition { ready: false, since: Some(ago(seconds)) });
}

/// The world with some of its nodes parked, chosen by position and name, so that a smaller world keeps most of them.
pub(crate) fn with_parked(mut world: World) -> World {
    for node in &mut world.cluster.nodes {
        let number: u32 = node.name.bytes().map(u32::from).sum();
        let seconds = 600 + i64::from(number % 7) * 700;
        match number % 6 {
            0 | 1 => {
                cordon(node, seconds + 3600);
                stopped(node, seconds);
                note(node, annotation::PARKED_AT, seconds);
                if number.is_multiple_of(4) {
                    node.taints.push(Taint {
                        key: "node.cloudprovider.kubernetes.io/shutdown".to_owned(),
                        value: String::new(),
                        effect: TaintEffect::NoSchedule,
                        added_at: None,
                    });
                }
            }
            2 => {
                cordon(node, 7200);
                stopped(node, 5000);
                note(node, annotation::WOKEN_AT, seconds / 2);
            }
            // Marked, and still Ready.
            3 => {
                cordon(node, 7200);
                note(node, annotation::PARKED_AT, seconds);
            }
            _ => {}
        }
    }
    for (number, group) in world.cluster.groups.iter_mut().enumerate() {
        group.not_parkable = (number % 3 == 1).then(|| "its machines are made anew".to_owned());
        group.not_wakeable = (number % 4 == 3).then(|| "nothing wakes them".to_owned());
    }
    world.policy.give_back = GiveBack::Park;
    world.policy.parked_max = match world.cluster.pods.len() % 3 {
        0 => Budget::Count(1),
        1 => Budget::Percent { percent: 20, at_least: 0 },
        _ => Budget::Percent { percent: 100, at_least: 0 },
    };
    world
}
