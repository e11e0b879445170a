//! The theoretical minimum of nodes: at every moment exactly the nodes of each pool that the demand fills to the
//! optimum. They are created, emptied and deleted in no time.

use kube_rebalancer_core::policy::PartsPerMillion;

use super::fill::Fill;
use super::machine::HUB;
use super::resources::Resources;
use super::scenario::Scenario;
use super::session::Session;

/// The nodes that all users together need, if each is served at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// Nodes times seconds.
    pub node_seconds: u128,
    /// The most memory requested at one time, in bytes, with the hub.
    pub peak_memory: u64,
    /// The most users at one time.
    pub peak_users: usize,
    /// The most nodes at one time.
    pub peak_nodes: u64,
}

impl Floor {
    pub(super) fn new(scenario: &Scenario, optimum: PartsPerMillion) -> Self {
        let fill = Fill::new(&scenario.cluster, optimum);
        let core = u64::from(scenario.cluster.core.is_some());
        let mut floor = Self::default();
        demands(scenario, |demand| {
            let nodes = fill.nodes(demand.asked) + core;
            floor.node_seconds += u128::from(nodes) * u128::from(demand.seconds);
            floor.peak_nodes = floor.peak_nodes.max(nodes);
            floor.peak_memory = floor.peak_memory.max(demand.memory);
            floor.peak_users = floor.peak_users.max(demand.users);
        });
        floor
    }
}

/// For each pool, the least number of nodes that hold its largest demand.
pub(super) fn least_nodes(scenario: &Scenario) -> Vec<u64> {
    let fill = Fill::new(&scenario.cluster, PartsPerMillion::ONE);
    let mut least = vec![0; scenario.cluster.pools.len()];
    demands(scenario, |demand| {
        for (least, nodes) in least.iter_mut().zip(fill.nodes_of_each(demand.asked)) {
            *least = nodes.max(*least);
        }
    });
    least
}

/// The requests during some seconds.
struct Demand<'d> {
    seconds: u64,
    users: usize,
    /// Memory of all users and the hub.
    memory: u64,
    /// The requests in each pool; without the hub if it has a separate node.
    asked: &'d [Resources],
}

/// Visits the demands one after the other, each user served at once.
fn demands(scenario: &Scenario, mut visit: impl FnMut(Demand<'_>)) {
    let sessions = &scenario.sessions;
    let mut leaving: Vec<(u64, &Session)> = sessions.iter().map(|session| (session.end, session)).collect();
    leaving.sort_by_key(|(end, _)| *end);
    let mut leaving = leaving.into_iter().peekable();
    let mut coming = sessions.iter().peekable();
    let mut asked = vec![Resources::default(); scenario.cluster.pools.len()];
    if let (None, Some(first)) = (scenario.cluster.core, asked.first_mut()) {
        *first = HUB;
    }
    let (mut now, mut memory, mut users): (u64, u64, usize) = (0, HUB.memory.0, 0);
    loop {
        let leaves = leaving.peek().map(|(at, _)| *at);
        let comes = coming.peek().map(|session| session.start);
        let next = [leaves, comes].into_iter().flatten().min().unwrap_or(scenario.length);
        let next = next.min(scenario.length);
        visit(Demand { seconds: next.saturating_sub(now), users, memory, asked: &asked });
        now = next;
        if now >= scenario.length {
            return;
        }
        while let Some((_, left)) = leaving.next_if(|(at, _)| *at <= now) {
            memory = memory.saturating_sub(left.memory.0);
            users = users.saturating_sub(1);
            if let Some(asked) = asked.get_mut(scenario.home(left)) {
                *asked = asked.less(scenario.asked(left));
            }
        }
        while let Some(session) = coming.next_if(|session| session.start <= now) {
            memory += session.memory.0;
            users += 1;
            if let Some(asked) = asked.get_mut(scenario.home(session)) {
                *asked = asked.plus(scenario.asked(session));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::machine::Machine;
    use crate::scenario::Scheduler;
    use kube_rebalancer_core::model::Bytes;

    #[test]
    fn the_floor_is_the_sum_over_a_small_day() {
        let machine = Machine::new(Bytes(8 << 30), 4);
        let node = machine.offered().memory.0;
        let session =
            |start, end, memory| Session { start, end, memory: Bytes(memory), ..Session::default() };
        // With the hub's 1 Gi one user of half a node makes more than half of a node, and two more than one.
        let sessions = vec![session(100, 300, node / 2), session(200, 900, node / 2), session(300, 400, 1)];
        let scenario = Scenario {
            sessions,
            start: crate::users::MONDAY,
            length: 500,
            cluster: Cluster::uniform(machine),
            people: Vec::new(),
            scheduler: Scheduler::Spread,
            boot_time: 0,
            wake_time: 0,
            image_pull: 0,
            interval: 300,
            seed: 0,
        };
        let hub = HUB.memory.0;
        // At 0.5 of a node: 1 for the hub, 2 for it and one user, 3 for it and two.
        let floor = Floor::new(&scenario, PartsPerMillion(500_000));
        assert_eq!(floor.node_seconds, 100 + 2 * 100 + 3 * 100 + 2 * 200);
        assert_eq!((floor.peak_nodes, floor.peak_users), (3, 2));
        assert_eq!(floor.peak_memory, hub + node / 2 * 2);
        // At 1: one until both are there.
        let floor = Floor::new(&scenario, PartsPerMillion::ONE);
        assert_eq!(floor.node_seconds, 200 + 2 * 100 + 200);
    }
}
