//! The cluster by sections 2 to 4: managed nodes with their pods, pods without a node, groups.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Amounts, Binding, Bytes, ControllerKey, FurtherAmounts, Millicores, Node, NodeGroup, NodeResources, Pod,
    Resource, Snapshot, Taint, annotation,
};
use kube_rebalancer_core::policy::{AdoptCordons, Bounds, CapacitySource, Policy};

use super::common;
use super::evict;
use super::shape::{self, Shape};
use super::words::{self, Class, Cordon};

/// Section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Booting,
    Broken,
    NotInUse,
    UnderPressure,
    Claimed,
    /// Ready, but omitted pods fill it.
    Filled,
}

/// A managed node.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pool: String,
    /// The plain condition.
    pub(crate) is_ready: bool,
    pub(crate) state: State,
    pub(crate) cordon: Cordon,
    pub(crate) common: bool,
    /// All its pods, including the nominated ones.
    pub(crate) pods: Vec<&'a Pod>,
    /// Section 16: pods that would be critical, and may be evicted.
    pub(crate) movable: Vec<&'a Pod>,
    pub(crate) nominated: bool,
    pub(crate) claimed: bool,
    /// The status, and for a booting node the additions of its group.
    pub(crate) size: NodeResources,
    pub(crate) size_capacity: NodeResources,
    /// Requests of the daemons that a booting node does not run yet: of all daemons, and of the counted ones.
    pub(crate) missing_daemons: (Amounts, Amounts),
    /// Of a booting node: what it reports beyond the bound of its group.
    pub(crate) beyond: Amounts,
    pub(crate) capacity: Amounts,
}

/// A pod without a node.
#[derive(Debug)]
pub(crate) struct Loose<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) pool: Option<String>,
    /// Whether the scheduler refuses it, apart from gated pods and placeholders.
    pub(crate) is_refused: bool,
    /// Whether section 6 searches a place for it.
    pub(crate) waits: bool,
    pub(crate) refused: Option<SignedDuration>,
    /// The node that it is nominated for and that counts it among its pods.
    pub(crate) settled: bool,
}

#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    pub(crate) machines: Vec<Machine<'a>>,
    pub(crate) loose: Vec<Loose<'a>>,
    /// Pools by name, with the shapes of the nodes that could be created there.
    pub(crate) pools: BTreeMap<String, Vec<Shape>>,
    /// Counted pods on unreadable nodes, by pool.
    pub(crate) unread: Vec<(String, &'a Pod)>,
    /// The number of nodes that this run may still create.
    pub(crate) creations: usize,
    /// The nodes that served at the beginning of the run.
    pub(crate) served: BTreeSet<String>,
}

impl<'a> World<'a> {
    pub(crate) fn observed(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let mut world = Self {
            snapshot,
            policy,
            now: snapshot.observed_at(),
            machines: Vec::new(),
            loose: Vec::new(),
            pools: BTreeMap::new(),
            unread: Vec::new(),
            creations: 0,
            served: BTreeSet::new(),
        };
        world.find_machines();
        world.creations = policy.max_creations.allows(world.machines.len());
        world.find_pods();
        evict::find_movable(&mut world);
        world.judge_states();
        common::judge(&mut world);
        world.measure();
        world.nominate();
        shape::find(&mut world);
        world.assign_pools();
        // Section 9: nothing is created, so the existing nodes must do.
        if super::too_many_broken(&world) {
            world.creations = 0;
        }
        let served = world.machines.iter().filter(|machine| machine.serves(policy));
        world.served = served.map(|machine| machine.name().to_owned()).collect();
        world
    }

    fn pool_of(&self, node: &Node) -> Option<String> {
        match &self.policy.pool_label {
            None => Some(String::new()),
            Some(label) => node.labels.get(label).map(str::to_owned),
        }
    }

    fn find_machines(&mut self) {
        for node in self.snapshot.nodes().iter().filter(|node| words::managed(node, self.policy)) {
            let Some(pool) = self.pool_of(node) else { continue };
            self.machines.push(Machine {
                node,
                pool,
                is_ready: node.ready.is_some_and(|condition| condition.ready),
                state: State::Ready,
                cordon: words::cordon(node),
                common: true,
                pods: Vec::new(),
                movable: Vec::new(),
                nominated: false,
                claimed: words::claimed(node, self.now),
                size: node.allocatable.clone(),
                size_capacity: node.capacity.clone(),
                missing_daemons: (Amounts::default(), Amounts::default()),
                beyond: Amounts::default(),
                capacity: Amounts::default(),
            });
        }
    }

    pub(crate) fn machine(&self, name: &str) -> Option<usize> {
        self.machines.iter().position(|machine| machine.node.name == name)
    }

    fn find_pods(&mut self) {
        for (pod, binding) in self.snapshot.placed_pods() {
            match binding {
                Binding::Unbound => self.find_loose(pod),
                Binding::UnknownNode => {}
                Binding::Node(at) => {
                    let node = &self.snapshot.nodes()[at];
                    if let Some(machine) = self.machine(&node.name) {
                        self.machines[machine].pods.push(pod);
                    } else if node.unreadable.is_some()
                        && words::counts(pod, self.policy)
                        && let Some(pool) = self.pool_of(node)
                    {
                        self.unread.push((pool, pod));
                    }
                }
            }
        }
    }

    fn find_loose(&mut self, pod: &'a Pod) {
        let class = words::class(pod, self.policy);
        if pod.deleting || !words::counts(pod, self.policy) || class == Class::Daemon {
            return;
        }
        let Some(unbound) = pod.unbound.as_deref() else { return };
        let refused = unbound.refusal.is_some().then(|| unbound.refused_since()).flatten();
        let left_out = unbound.gated || unbound.set_aside;
        let is_refused = unbound.refusal.is_some() && class != Class::Placeholder && !left_out;
        self.loose.push(Loose {
            pod,
            pool: None,
            is_refused,
            waits: is_refused,
            refused: refused.map(|since| words::age(self.now, since)),
            settled: false,
        });
    }

    /// Section 6: pods for which the scheduler has nominated a node.
    fn nominate(&mut self) {
        for at in 0..self.loose.len() {
            let pod = self.loose[at].pod;
            let unbound = pod.unbound.as_deref();
            let nominated = unbound.filter(|one| !one.gated).and_then(|one| one.nominated.as_deref());
            let Some(node) = nominated.and_then(|name| self.machine(name)) else { continue };
            // The scheduler does not know the daemons that are still missing, and believes what a node reports.
            let machine = &self.machines[node];
            let room = machine.free_of_occupants(self.policy).plus(&machine.missing_daemons.0);
            let room = room.plus(&machine.beyond);
            let reached = super::reach::admitted_by(self, pod, machine) && pod.requests.fits(&room);
            if self.class(pod) == Class::Placeholder || !reached {
                continue;
            }
            let machine = &mut self.machines[node];
            machine.nominated |= machine.state == State::Ready;
            let holds = machine.nominated && machine.cordon == Cordon::None;
            if holds {
                machine.pods.push(pod);
            }
            self.loose[at].settled = holds;
            self.loose[at].waits = !holds;
        }
    }

    /// The node that the scheduler has nominated for a pod.
    fn nominee(&self, pod: &Pod) -> Option<&Machine<'a>> {
        let name = pod.unbound.as_deref()?.nominated.as_deref()?;
        Some(&self.machines[self.machine(name)?])
    }

    /// Section 6: in its own pool a pod waits until a pass of that pool uncordons its nominated node. The pool of the node
    /// counts it as well.
    pub(crate) fn wait_beside_other_pools(&mut self, observed: &Self) {
        for at in 0..self.loose.len() {
            let loose = &self.loose[at];
            let elsewhere = self.nominee(loose.pod).is_some_and(|one| Some(&one.pool) != loose.pool.as_ref());
            if elsewhere && loose.settled && !observed.loose[at].settled {
                (self.loose[at].settled, self.loose[at].waits) = (false, true);
            }
        }
    }

    /// The requests of the pods of other pools that go to nodes which a pool uncordons.
    pub(crate) fn arriving(&self, pool: &str, uncordons: &BTreeSet<String>) -> Amounts {
        let mut arriving = Amounts::default();
        for loose in self.loose.iter().filter(|loose| loose.waits && loose.pool.as_deref() != Some(pool)) {
            let here = |one: &Machine<'_>| one.nominated && uncordons.contains(one.name());
            if self.nominee(loose.pod).is_some_and(here) {
                arriving.add(&loose.pod.requests);
            }
        }
        arriving
    }

    fn judge_states(&mut self) {
        let grace = self.policy.boot_grace;
        let states: Vec<State> = (0..self.machines.len())
            .map(|at| {
                let machine = &self.machines[at];
                let node = machine.node;
                let young =
                    |since: Option<Timestamp>| since.is_some_and(|since| words::age(self.now, since) < grace);
                let carries = |is: &dyn Fn(&str) -> bool| node.taints.iter().any(|taint| is(&taint.key));
                if !machine.is_ready {
                    let since = words::not_ready_since(node, self.now);
                    match young(since) {
                        true if node.shutting_down && !words::claimed(node, self.now) => State::NotInUse,
                        true => State::Booting,
                        false => State::Broken,
                    }
                } else if words::claimed(node, self.now) {
                    State::Claimed
                } else if node.taints.iter().any(|one| words::is_startup(one, self.policy)) {
                    let ahead = |at: &Timestamp| at.duration_since(self.now) > SignedDuration::from_mins(5);
                    let since = node.ready.and_then(|condition| condition.since).filter(|at| !ahead(at));
                    let recovers = young(since)
                        && carries(&|key| words::turns_away_now(key) && !words::is_pressure(key));
                    if young(node.created_at) || recovers { State::Booting } else { State::NotInUse }
                } else if (young(node.created_at) || !self.snapshot.groups().is_empty())
                    && self.lacks_device(at)
                {
                    if young(node.created_at) { State::Booting } else { State::NotInUse }
                } else if node.taints.iter().any(|one| words::presses(one, node)) {
                    State::UnderPressure
                } else {
                    State::Ready
                }
            })
            .collect();
        for (machine, state) in self.machines.iter_mut().zip(states) {
            machine.state = state;
        }
    }

    /// Whether a node's status lacks an extended resource that its group's template, or most of its group's other
    /// healthy nodes, have.
    fn lacks_device(&self, at: usize) -> bool {
        let node = self.machines[at].node;
        if self.snapshot.groups().is_empty() {
            return self.lacks_device_of_pool(at);
        }
        let Some(group) =
            self.snapshot.groups().iter().find(|group| node.group.as_ref() == Some(&group.name))
        else {
            return false;
        };
        let has = words::extended(node);
        let mut promised: Vec<String> = Vec::new();
        if let Some(template) = &group.template {
            let like = Node {
                allocatable: template.allocatable.clone(),
                capacity: template.capacity.clone(),
                ..Node::default()
            };
            promised.extend(words::extended(&like));
        }
        // A claim says nothing about what a machine has.
        let others = self.machines.iter().filter(|one| one.is_ready && !self.closed(one.node));
        let others =
            others.map(|one| one.node).filter(|one| one.group == node.group && one.name != node.name);
        let others: Vec<&Node> = others.collect();
        for name in others.iter().flat_map(|other| words::extended(other)) {
            let having = others.iter().filter(|other| words::extended(other).contains(&name)).count();
            if 2 * having > others.len() {
                promised.push(name);
            }
        }
        promised.iter().any(|name| !has.contains(name))
    }

    /// The same if no group is known: the nodes of the pool without permanent taints count as one group.
    fn lacks_device_of_pool(&self, at: usize) -> bool {
        let machine = &self.machines[at];
        let alike = |node: &Node| words::lasting(&node.taints, self.policy).is_empty();
        let others: Vec<Vec<String>> = self
            .in_pool(&machine.pool)
            .filter(|one| {
                one.name() != machine.name() && one.is_ready && alike(one.node) && !self.closed(one.node)
            })
            .map(|one| words::extended(one.node))
            .collect();
        let has = words::extended(machine.node);
        alike(machine.node)
            && others.iter().flatten().any(|name| {
                let having = others.iter().filter(|names| names.contains(name)).count();
                2 * having > others.len() && !has.contains(name)
            })
    }

    /// Whether a startup taint or a pressure taint keeps pods away from a node.
    fn closed(&self, node: &Node) -> bool {
        node.taints.iter().any(|one| words::is_startup(one, self.policy) || words::presses(one, node))
    }

    /// The healthy nodes of a group; without groups, the healthy common nodes of a pool.
    pub(crate) fn healthy(&self, group: Option<&str>, pool: &str) -> Vec<&'a Node> {
        let healthy = self.machines.iter().filter(|machine| {
            let boots = matches!(machine.state, State::Booting | State::NotInUse);
            machine.is_ready && !boots && !machine.claimed && !self.closed(machine.node)
        });
        healthy
            .filter(|machine| match group {
                Some(group) => machine.node.group.as_deref() == Some(group),
                None => machine.pool == pool && machine.common,
            })
            .map(|machine| machine.node)
            .collect()
    }

    pub(crate) fn in_pool<'b>(&'b self, pool: &'b str) -> impl Iterator<Item = &'b Machine<'a>> {
        self.machines.iter().filter(move |machine| machine.pool == pool)
    }

    /// The bounds in force: the schedule raises the minimum, up to `MAX_NODES`.
    pub(crate) fn bounds(&self, pool: &str) -> Bounds {
        let bounds = *self.policy.bounds_of(pool);
        let scheduled = self.scheduled_min_nodes(pool).min(bounds.max_nodes);
        Bounds { min_nodes: bounds.min_nodes.max(scheduled), ..bounds }
    }

    pub(crate) fn class(&self, pod: &Pod) -> Class {
        words::class(pod, self.policy)
    }

    pub(crate) fn counts(&self, pod: &Pod) -> bool {
        words::counts(pod, self.policy)
    }

    /// The counted amounts of a bound pod: at most the amounts of its node.
    pub(crate) fn counted(node: &Node, pod: &Pod) -> Amounts {
        let mut amounts = pod.requests.clone();
        let most = |first: Option<u64>, second: Option<u64>| {
            first.max(second).filter(|known| *known > 0).unwrap_or(u64::MAX)
        };
        let memory = |of: &NodeResources| of.memory.map(|bytes| bytes.0);
        let cpu = |of: &NodeResources| of.cpu.map(|cpu| cpu.0);
        if pod.node_name.is_some() {
            amounts.memory.0 = amounts.memory.0.min(most(memory(&node.allocatable), memory(&node.capacity)));
            amounts.cpu.0 = amounts.cpu.0.min(most(cpu(&node.allocatable), cpu(&node.capacity)));
        }
        amounts
    }

    /// Section 4: the amounts of each node in the ratio.
    fn measure(&mut self) {
        for at in 0..self.machines.len() {
            let machine = &self.machines[at];
            let group = machine.node.group.clone().filter(|name| self.group(name).is_some());
            let mut reported = (machine.size.clone(), machine.size_capacity.clone());
            if machine.state == State::Booting {
                let of = group.as_deref().and_then(|name| self.group(name));
                let pool = machine.pool.clone();
                let grouped = group.is_some() || self.snapshot.groups().is_empty();
                let healthy = if grouped { self.healthy(group.as_deref(), &pool) } else { Vec::new() };
                let (told, told_capacity) = shape::size(Some(machine.node), of, &healthy);
                let believed = self.believed(machine.node);
                let (size, size_capacity) = shape::size(Some(&believed), of, &healthy);
                let missing = self.missing_daemons(machine, &healthy);
                let machine = &mut self.machines[at];
                machine.beyond = told.offer(&told_capacity).minus(&size.offer(&size_capacity));
                (machine.size, machine.size_capacity) = (size, size_capacity);
                machine.missing_daemons = missing;
                reported = (told, told_capacity);
            }
            let machine = &self.machines[at];
            let mut capacity = self.gross(&reported.0, &reported.1);
            let reports_all = self.policy.resources.iter().all(|resource| capacity.of(*resource) > 0);
            if let Some(group) = &group {
                // All its nodes count: an unhealthy one shows the size of the group's nodes as well.
                let members = self.machines.iter().filter(|one| one.node.group.as_ref() == Some(group));
                let all: Vec<Amounts> =
                    members.map(|one| self.gross(&one.node.allocatable, &one.node.capacity)).collect();
                let at_most = |amount: u64, of: &dyn Fn(&Amounts) -> u64| {
                    let mut values: Vec<u64> = all.iter().map(of).collect();
                    values.sort_unstable();
                    match values.get(values.len().saturating_sub(1) / 2) {
                        Some(median) if u128::from(amount) > 4 * u128::from(*median) => *median,
                        _ => amount,
                    }
                };
                capacity.memory.0 = at_most(capacity.memory.0, &|one| one.memory.0);
                capacity.cpu.0 = at_most(capacity.cpu.0, &|one| one.cpu.0);
            }
            if self.policy.capacity == CapacitySource::Allocatable {
                for pod in &machine.pods {
                    if words::omitted(pod, self.policy) && self.class(pod) != Class::Placeholder {
                        capacity.take(&Self::counted(machine.node, pod));
                    }
                }
                let (all, counted) = &machine.missing_daemons;
                capacity.take(&all.clone().minus(counted));
            }
            let left = self.policy.resources.iter().all(|resource| capacity.of(*resource) > 0);
            if self.machines[at].state == State::Ready && !left {
                let created = self.machines[at].node.created_at;
                let young = created.is_some_and(|at| words::age(self.now, at) < self.policy.boot_grace);
                let state = if young && !reports_all { State::Booting } else { State::Filled };
                self.machines[at].state = state;
            }
            self.machines[at].capacity = capacity;
        }
    }

    /// A node, of each resource with at most four times the median of its group; more counts as the median.
    fn believed(&self, node: &Node) -> Node {
        let mut believed = node.clone();
        let group = node.group.as_deref().and_then(|name| self.group(name));
        let pool = self.machine(&node.name).map(|at| &self.machines[at]).filter(|one| one.common);
        let members: Vec<&Node> = match (group, pool) {
            (Some(group), _) => {
                let of_group = |one: &&Machine<'_>| one.node.group.as_ref() == Some(&group.name);
                self.machines.iter().filter(of_group).map(|one| one.node).collect()
            }
            (None, Some(machine)) if self.snapshot.groups().is_empty() => {
                let exists = |one: &&Machine<'_>| one.common && !super::objects::is_only_object(self, one);
                self.in_pool(&machine.pool).filter(exists).map(|one| one.node).collect()
            }
            (None, _) => return believed,
        };
        let at_most = |amount: u64, told: &mut Vec<u64>| {
            told.sort_unstable();
            match told.get(told.len().saturating_sub(1) / 2) {
                Some(median) if u128::from(amount) > 4 * u128::from(*median) => *median,
                _ => amount,
            }
        };
        let mut memory: Vec<u64> = members
            .iter()
            .filter_map(|one| one.allocatable.memory.or(one.capacity.memory))
            .map(|one| one.0)
            .collect();
        let mut cpu: Vec<u64> = members
            .iter()
            .filter_map(|one| one.allocatable.cpu.or(one.capacity.cpu))
            .map(|one| one.0)
            .collect();
        let reported = node.allocatable.memory.or(node.capacity.memory);
        believed.allocatable.memory = reported.map(|one| Bytes(at_most(one.0, &mut memory)));
        let reported = node.allocatable.cpu.or(node.capacity.cpu);
        believed.allocatable.cpu = reported.map(|one| Millicores(at_most(one.0, &mut cpu)));
        if let Some(further) = &node.allocatable.further {
            let of = |one: &Node, name: &str| one.allocatable.offer(&one.capacity).further_of(name);
            let bounded = further.iter().map(|(name, amount)| {
                let mut told: Vec<u64> = members.iter().map(|one| of(one, name)).collect();
                let bounded = at_most(*amount, &mut told);
                (name.clone(), if bounded == 0 { *amount } else { bounded })
            });
            let bounded: FurtherAmounts = bounded.collect();
            believed.allocatable.further = Some(bounded.into());
        }
        believed
    }

    /// The amount that the ratio divides by, before omitted pods.
    pub(crate) fn gross(&self, allocatable: &NodeResources, capacity: &NodeResources) -> Amounts {
        let (first, second) = match self.policy.capacity {
            CapacitySource::Allocatable => (allocatable, capacity),
            CapacitySource::Capacity => (capacity, allocatable),
        };
        let mut gross = Amounts::default();
        gross.memory = first.memory.or(second.memory).unwrap_or_default();
        gross.cpu = first.cpu.or(second.cpu).unwrap_or_default();
        gross
    }

    /// Requests of the daemons that a booting node will run and does not run yet: of all daemons, and of the counted ones.
    fn missing_daemons(&self, machine: &Machine<'_>, healthy: &[&Node]) -> (Amounts, Amounts) {
        let (mut all, mut counted) = (Amounts::default(), Amounts::default());
        for (controller, requests, counts) in self.typical_daemons(healthy) {
            let is_it =
                |one: &Pod| self.class(one) == Class::Daemon && one.controller_key() == Some(controller);
            if machine.pods.iter().any(|one| is_it(one)) {
                continue;
            }
            all.add(&requests);
            if counts {
                counted.add(&requests);
            }
        }
        (all, counted)
    }

    /// The pod of each DaemonSet that has pods on more than half of these nodes: what it requests, by the (lower) median of the
    /// first one on each node, and whether all of these are taken into account.
    pub(crate) fn typical_daemons(&self, nodes: &[&Node]) -> Vec<(ControllerKey<'a>, Amounts, bool)> {
        let mut found: BTreeMap<ControllerKey<'a>, BTreeMap<&str, &Pod>> = BTreeMap::new();
        for pod in self.snapshot.pods() {
            // This run's own pod ends with the run.
            let daemon = self.class(pod) == Class::Daemon && !words::is_own(pod, self.policy);
            let is_static = pod.controller.as_deref().is_some_and(|one| one.kind == "Node");
            let Some(controller) = pod.controller_key().filter(|_| daemon && !is_static) else { continue };
            let Some(on) = pod.node_name.as_deref().filter(|on| nodes.iter().any(|node| node.name == **on))
            else {
                continue;
            };
            found.entry(controller).or_default().entry(on).or_insert(pod);
        }
        let most = found.into_iter().filter(|(_, pods)| 2 * pods.len() > nodes.len());
        most.map(|(controller, pods)| {
            let pods: Vec<&Pod> = pods.into_values().collect();
            (controller, lower_medians(&pods), pods.iter().all(|pod| self.counts(pod)))
        })
        .collect()
    }

    pub(crate) fn group(&self, name: &str) -> Option<&'a NodeGroup> {
        self.snapshot.groups().iter().find(|group| group.name == name)
    }
}

/// The lower median of each resource that these pods request.
fn lower_medians(pods: &[&Pod]) -> Amounts {
    let of = |get: &dyn Fn(&Pod) -> u64| {
        let mut all: Vec<u64> = pods.iter().map(|pod| get(pod)).collect();
        all.sort_unstable();
        all[(all.len() - 1) / 2]
    };
    let mut median =
        Amounts::pod(Bytes(of(&|pod| pod.requests.memory.0)), Millicores(of(&|pod| pod.requests.cpu.0)));
    median.pods = of(&|pod| pod.requests.pods);
    let names = pods.iter().flat_map(|pod| pod.requests.further().map(|(name, _)| name.clone()));
    let further: FurtherAmounts =
        names.map(|name| (name.clone(), of(&|pod| pod.requests.further_of(&name)))).collect();
    median.with_further(Some(further.into()))
}

impl<'a> Machine<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.node.name
    }

    pub(crate) fn occupants<'b>(&'b self, policy: &'b Policy) -> impl Iterator<Item = &'a Pod> + 'b {
        self.pods.iter().copied().filter(|pod| {
            pod.node_name.is_some()
                && words::counts(pod, policy)
                && matches!(words::class(pod, policy), Class::Critical | Class::Dynamic)
        })
    }

    pub(crate) fn is_critical(&self, policy: &Policy) -> bool {
        self.occupants(policy).any(|pod| words::class(pod, policy) == Class::Critical && !self.moves(pod))
    }

    pub(crate) fn is_pinned(&self, policy: &Policy) -> bool {
        words::scale_down_disabled(self.node)
            || (self.cordon == Cordon::Others && policy.adopt_cordons != AdoptCordons::Always)
    }

    /// Ready as sections 5 and 6 use the word, with capacity.
    pub(crate) fn usable(&self, policy: &Policy) -> bool {
        self.state == State::Ready && policy.resources.iter().all(|resource| self.capacity.of(*resource) > 0)
    }

    pub(crate) fn serves(&self, policy: &Policy) -> bool {
        self.usable(policy) && self.common && self.cordon == Cordon::None
    }

    /// Section 5: whether it may be part of the keep order.
    pub(crate) fn is_candidate(&self, policy: &Policy) -> bool {
        let theirs = self.cordon == Cordon::Others && (self.is_critical(policy) || self.is_pinned(policy));
        let boots = self.state == State::Booting && self.cordon == Cordon::None;
        self.common && !theirs && !self.claimed && (boots || self.usable(policy))
    }

    pub(crate) fn is_cordoned_candidate(&self, policy: &Policy) -> bool {
        self.usable(policy) && self.cordon != Cordon::None && self.is_candidate(policy)
    }

    pub(crate) fn offer(&self) -> Amounts {
        self.size.offer(&self.size_capacity)
    }

    /// The free amounts beside all its pods.
    pub(crate) fn free(&self) -> Amounts {
        let mut free = self.offer().minus(&self.missing_daemons.0);
        self.pods.iter().for_each(|pod| free.take(&pod.requests));
        free
    }

    /// The free amounts without the occupants.
    pub(crate) fn free_of_occupants(&self, policy: &Policy) -> Amounts {
        self.without_occupants(policy, self.free_without_pods())
    }

    /// The same by the node's own status, without what its group adds while it boots.
    pub(crate) fn reported_free_of_occupants(&self, policy: &Policy) -> Amounts {
        self.without_occupants(policy, self.node.allocatable.offer(&self.node.capacity))
    }

    fn without_occupants(&self, policy: &Policy, mut free: Amounts) -> Amounts {
        for pod in &self.pods {
            let gives_way = words::class(pod, policy) == Class::Placeholder
                || words::is_own(pod, policy)
                || pod.node_name.is_none();
            if !gives_way && !self.occupants(policy).any(|occupant| std::ptr::eq(occupant, *pod)) {
                free.take(&pod.requests);
            }
        }
        free
    }

    fn free_without_pods(&self) -> Amounts {
        self.offer().minus(&self.missing_daemons.0)
    }

    /// Whether the scheduler places no pod on it now, independent of its room.
    pub(crate) fn turns_away(&self) -> bool {
        let away = |one: &Taint| words::turns_away_now(&one.key) || words::presses(one, self.node);
        self.is_ready && self.node.taints.iter().any(away)
    }

    /// Whether the pod is one of its movable pods.
    pub(crate) fn moves(&self, pod: &Pod) -> bool {
        self.movable.iter().any(|one| std::ptr::eq(*one, pod))
    }

    pub(crate) fn occupied(&self, policy: &Policy, resource: Resource) -> u64 {
        let sum = self.occupants(policy).map(|pod| World::counted(self.node, pod).of(resource));
        sum.fold(0, u64::saturating_add)
    }

    pub(crate) fn taints(&self) -> &'a [Taint] {
        &self.node.taints
    }

    pub(crate) fn delays_deletion(&self) -> bool {
        self.node.annotations.keys().any(|key| key.starts_with(annotation::DELAY_DELETION))
    }
}
