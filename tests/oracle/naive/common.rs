//! Section 3: which managed nodes are common.

use kube_rebalancer_core::model::{
    LastingTaint, Ledger, Node, NodeResources, Pod, Resource, Snapshot, TaintEffect, TaintSet,
    is_extended_resource,
};
use kube_rebalancer_core::policy::Policy;

use super::words::{self, Class};
use super::world::World;

/// The voters of one pool.
pub(crate) struct Jury<'a> {
    pool: String,
    /// Dynamic and placeholder pods bound to its nodes, and all unbound ones.
    users: Vec<&'a Pod>,
    /// The users among them that run or can run.
    voters: Vec<&'a Pod>,
    /// The refused pods, nominated or not.
    waiting: Vec<&'a Pod>,
    sets: Vec<TaintSet>,
    /// Whether no node of the pool is common by the rules.
    none: bool,
}

pub(crate) fn judge(world: &mut World<'_>) {
    for pool in pools(world) {
        let jury = Jury::of(world, &pool);
        let verdicts: Vec<bool> = world
            .machines
            .iter()
            .map(|machine| {
                let set = words::lasting(machine.taints(), world.policy);
                let windows = words::is_windows(&machine.node.labels);
                jury.is_common(world, &set, &words::extended(machine.node), windows)
            })
            .collect();
        for (machine, common) in world.machines.iter_mut().zip(verdicts) {
            if machine.pool == pool {
                machine.common = common;
            }
        }
    }
}

fn pools(world: &World<'_>) -> Vec<String> {
    let mut pools: Vec<String> = world.machines.iter().map(|machine| machine.pool.clone()).collect();
    pools.sort();
    pools.dedup();
    pools
}

impl<'a> Jury<'a> {
    pub(crate) fn of(world: &World<'a>, pool: &str) -> Self {
        let votes =
            |pod: &Pod| world.counts(pod) && matches!(world.class(pod), Class::Dynamic | Class::Placeholder);
        let bound = world.in_pool(pool).flat_map(|machine| machine.pods.iter().copied());
        let bound = bound.filter(|pod| pod.node_name.is_some());
        let loose = world.loose.iter().map(|loose| loose.pod);
        let mut jury = Self {
            pool: pool.to_owned(),
            users: bound.chain(loose).filter(|pod| votes(pod)).collect(),
            voters: Vec::new(),
            waiting: world.loose.iter().filter(|loose| loose.is_refused).map(|loose| loose.pod).collect(),
            sets: world.in_pool(pool).map(|machine| words::lasting(machine.taints(), world.policy)).collect(),
            none: false,
        };
        let all = jury.users.iter().copied();
        jury.voters = all.filter(|pod| pod.node_name.is_some() || may_run(world, pod)).collect();
        let none = !world.in_pool(pool).any(|machine| {
            let set = words::lasting(machine.taints(), world.policy);
            jury.by_rule(world, &set, &words::extended(machine.node), words::is_windows(&machine.node.labels))
        });
        jury.none = none;
        jury
    }

    pub(crate) fn users(&self) -> &[&'a Pod] {
        &self.users
    }

    pub(crate) fn is_common(
        &self,
        world: &World<'_>,
        set: &TaintSet,
        devices: &[String],
        windows: bool,
    ) -> bool {
        if self.by_rule(world, set, devices, windows) {
            return true;
        }
        if self.none {
            // With pools, a taint that every node of the pool has does not distinguish any of them.
            let pooled = world.policy.pool_label.is_some();
            let everywhere = |taint: &LastingTaint| self.sets.iter().all(|set| set.contains(taint));
            return !set.iter().any(|taint| is_special(taint, devices) && !(pooled && everywhere(taint)));
        }
        false
    }

    fn by_rule(&self, world: &World<'_>, set: &TaintSet, devices: &[String], windows: bool) -> bool {
        let pooled = world.policy.pool_label.is_some();
        let shared = |taint: &LastingTaint| self.sets.iter().all(|set| set.contains(taint));
        let judged = self.judged(world, set);
        let waited_for = |(key, value, effect): &LastingTaint| {
            self.waiting.iter().any(|pod| words::tolerates(&pod.constraints.tolerations, key, value, *effect))
        };
        let mut special = judged.iter().filter(|taint| is_special(taint, devices));
        if special.any(|taint| pooled || !shared(taint) || !waited_for(taint)) {
            return false;
        }
        if judged.is_empty() && !windows {
            return true;
        }
        self.by_vote(world, set, &judged, windows)
    }

    /// The taints of a set that pods are asked about.
    fn judged<'s>(&self, world: &World<'_>, set: &'s TaintSet) -> Vec<&'s LastingTaint> {
        let pooled = world.policy.pool_label.is_some();
        let shared = |taint: &LastingTaint| self.sets.iter().all(|set| set.contains(taint));
        set.iter().filter(|taint| !is_users(taint) && !(pooled && shared(taint))).collect()
    }

    /// By the pods, if there are enough of them; else by what is kept.
    fn by_vote(&self, world: &World<'_>, set: &TaintSet, judged: &[&LastingTaint], windows: bool) -> bool {
        if self.voters.len() < self.sets.len()
            && !windows
            && let Some(ledger) = world.snapshot.ledger()
            && let Some(kept) = ledger.common.get(&self.pool).and_then(|sets| sets.get(set))
        {
            return *kept;
        }
        let agree = self.voters.iter().filter(|pod| {
            let tolerated = |(key, value, effect): &&LastingTaint| {
                words::tolerates(&pod.constraints.tolerations, key, value, *effect)
            };
            judged.iter().all(tolerated) && (!windows || words::asks_for_windows(pod))
        });
        let agree = agree.count();
        agree > 0 && 2 * agree >= self.voters.len()
    }
}

/// Whether an unbound pod has no gate, and a managed node or a new one has as much memory, and one as much CPU.
fn may_run(world: &World<'_>, pod: &Pod) -> bool {
    let mut sizes: Vec<(NodeResources, NodeResources)> = Vec::new();
    for machine in &world.machines {
        sizes.push((machine.node.allocatable.clone(), machine.node.capacity.clone()));
    }
    for group in world.snapshot.groups() {
        let in_it = |node: &Node| node.group.as_ref() == Some(&group.name);
        match &group.template {
            Some(template) => sizes.push((template.allocatable.clone(), template.capacity.clone())),
            None if world.snapshot.nodes().iter().any(in_it) => {}
            None => sizes.push((NodeResources::default(), NodeResources::default())),
        }
    }
    let enough = |resource: Resource| {
        sizes.is_empty()
            || sizes.iter().any(|(allocatable, capacity)| {
                let size = allocatable.of(resource).or(capacity.of(resource));
                size.is_none_or(|size| pod.requests.of(resource) <= size)
            })
    };
    let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
    !gated && enough(Resource::Memory) && enough(Resource::Cpu)
}

/// Notes which sets of lasting taints are common, where any pod tells; nothing of Windows nodes.
pub(crate) fn note(snapshot: &Snapshot, policy: &Policy, ledger: &mut Ledger) {
    let world = World::observed(snapshot, policy);
    for pool in pools(&world) {
        let jury = Jury::of(&world, &pool);
        for machine in world.in_pool(&pool) {
            let set = words::lasting(machine.taints(), policy);
            let judged = jury.judged(&world, &set);
            if judged.is_empty() || jury.voters.is_empty() || words::is_windows(&machine.node.labels) {
                continue;
            }
            let common = jury.by_vote(&world, &set, &judged, false);
            ledger.common.entry(pool.clone()).or_default().insert(set, common);
        }
    }
}

fn is_users((key, value, _): &LastingTaint) -> bool {
    value == "user" && (key == "hub.jupyter.org/dedicated" || key == "hub.jupyter.org_dedicated")
}

/// A taint that a vote alone never makes common.
pub(super) fn is_special((key, value, _): &(String, String, TaintEffect), devices: &[String]) -> bool {
    let guarded = |device: &String| match key.strip_suffix("/gpu") {
        Some(vendor) => device.split('/').next() == Some(vendor),
        None => device.starts_with(key.as_str()),
    };
    (is_extended_resource(key) && devices.iter().any(guarded))
        || (value == "core" && (key == "hub.jupyter.org/dedicated" || key == "hub.jupyter.org_dedicated"))
}
