//! The simplification of a failing world, as long as it still fails.

use kube_rebalancer_core::policy::{Bounds, Policy};

use super::World;

/// Removes objects and resets settings, one at a time, as long as the world still fails.
pub(crate) fn smallest(mut world: World, fails: &dyn Fn(&World) -> bool) -> World {
    loop {
        let mut changed = false;
        let mut attempt = |next: World, world: &mut World| {
            let worse = fails(&next);
            if worse {
                *world = next;
                changed = true;
            }
            worse
        };
        for kind in 0..4 {
            let mut at = 0;
            loop {
                let mut next = world.clone();
                let cluster = &mut next.cluster;
                let gone = match kind {
                    0 => remove(&mut cluster.pods, at),
                    1 => remove(&mut cluster.nodes, at),
                    2 => {
                        // A node is in no group that is not listed.
                        if let Some(group) = cluster.groups.get(at) {
                            let members = cluster.nodes.iter_mut();
                            members
                                .filter(|node| node.group.as_ref() == Some(&group.name))
                                .for_each(|node| node.group = None);
                        }
                        remove(&mut cluster.groups, at)
                    }
                    _ => {
                        let all: usize = cluster.groups.iter().map(|group| group.instances.len()).sum();
                        if at < all {
                            let mut left = at;
                            for group in &mut cluster.groups {
                                if left < group.instances.len() {
                                    remove(&mut group.instances, left);
                                    group.target_size = group.target_size.saturating_sub(1);
                                    break;
                                }
                                left -= group.instances.len();
                            }
                        }
                        at < all
                    }
                };
                if !gone {
                    break;
                }
                if !attempt(next, &mut world) {
                    at += 1;
                }
            }
        }
        for pod in 0..world.cluster.pods.len() {
            for field in 0..8 {
                let mut next = world.clone();
                let one = &mut next.cluster.pods[pod];
                match field {
                    0 => one.constraints = Default::default(),
                    1 => one.claims = Default::default(),
                    2 => one.priority = 0,
                    3 => one.local_volume = None,
                    4 => one.safe_to_evict = None,
                    5 => one.deleting = false,
                    6 => one.ready = one.node_name.is_some(),
                    _ => one.requests.cpu = Default::default(),
                }
                if next.cluster.pods[pod] != world.cluster.pods[pod] {
                    attempt(next, &mut world);
                }
            }
        }
        for node in 0..world.cluster.nodes.len() {
            for field in 0..6 {
                let mut next = world.clone();
                let one = &mut next.cluster.nodes[node];
                match field {
                    0 => one.annotations.clear(),
                    1 => one.taints.clear(),
                    2 => one.capacity = one.allocatable.clone(),
                    3 => one.outside = None,
                    4 => one.labels.remove("pool"),
                    _ => drop(one.annotations.remove("kube-rebalancer/empty-since")),
                }
                if next.cluster.nodes[node] != world.cluster.nodes[node] {
                    attempt(next, &mut world);
                }
            }
        }
        for group in 0..world.cluster.groups.len() {
            let mut next = world.clone();
            if next.cluster.groups[group].template.take().is_some() {
                attempt(next, &mut world);
            }
        }
        for setting in 0..13 {
            let mut next = world.clone();
            let plain = Policy::default();
            let policy = &mut next.policy;
            match setting {
                0 => policy.capacity = plain.capacity,
                1 => policy.empty_grace = plain.empty_grace,
                2 => policy.adopt_cordons = plain.adopt_cordons,
                3 => policy.resources.truncate(1),
                4 => policy.max_cordons = plain.max_cordons,
                5 => policy.max_creations = plain.max_creations,
                6 => {
                    policy.bounds = Bounds {
                        min_nodes: policy.bounds.min_nodes,
                        keep_zones: policy.bounds.keep_zones,
                        ..plain.bounds
                    }
                }
                7 => policy.bounds.max_nodes_set = false,
                8 => policy.bounds.keep_zones = false,
                9 => policy.omit_labels.clear(),
                10 => next.cluster.ledger = Some(Default::default()),
                11 => next.cluster.stored = Default::default(),
                _ => next.cluster.volumes.clear(),
            }
            if next.policy != world.policy
                || next.cluster.ledger != world.cluster.ledger
                || next.cluster.volumes != world.cluster.volumes
                || next.cluster.stored != world.cluster.stored
            {
                attempt(next, &mut world);
            }
        }
        if !changed {
            return world;
        }
    }
}

fn remove<T>(things: &mut Vec<T>, at: usize) -> bool {
    let there = at < things.len();
    if there {
        drop(things.remove(at));
    }
    there
}
