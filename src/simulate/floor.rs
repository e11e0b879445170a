//! The least that anybody could do: at every moment just as many nodes as the memory asked for fills to the optimum,
//! created, emptied and deleted in no time.

use kube_rebalancer_core::policy::PartsPerMillion;

use super::machine::HUB;
use super::scenario::Scenario;

/// What all users together need, if each is served at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// Nodes times seconds.
    pub node_seconds: u128,
    /// The most memory asked for at one time, in bytes, the hub's included.
    pub peak_memory: u64,
    /// The most users at one time.
    pub peak_users: usize,
    /// The most nodes at one time.
    pub peak_nodes: u64,
}

impl Floor {
    pub(super) fn new(scenario: &Scenario, optimum: PartsPerMillion) -> Self {
        let mut leaving: Vec<(u64, u64)> =
            scenario.sessions.iter().map(|session| (session.end, session.memory.0)).collect();
        leaving.sort_unstable();
        let mut leaving = leaving.into_iter().peekable();
        let mut coming = scenario.sessions.iter().peekable();
        let mut floor = Self { peak_memory: HUB.memory.0, ..Self::default() };
        let (mut now, mut memory, mut users): (u64, u64, usize) = (0, HUB.memory.0, 0);
        loop {
            let nodes = nodes(memory, scenario, optimum);
            let leaves = leaving.peek().map(|(at, _)| *at);
            let comes = coming.peek().map(|session| session.start);
            let next = [leaves, comes].into_iter().flatten().min().unwrap_or(scenario.length);
            let next = next.min(scenario.length);
            floor.node_seconds += u128::from(nodes) * u128::from(next.saturating_sub(now));
            floor.peak_nodes = floor.peak_nodes.max(nodes);
            now = next;
            if now >= scenario.length {
                return floor;
            }
            while let Some((_, left)) = leaving.next_if(|(at, _)| *at <= now) {
                memory = memory.saturating_sub(left);
                users = users.saturating_sub(1);
            }
            while let Some(session) = coming.next_if(|session| session.start <= now) {
                memory += session.memory.0;
                users += 1;
            }
            floor.peak_memory = floor.peak_memory.max(memory);
            floor.peak_users = floor.peak_users.max(users);
        }
    }
}

/// How many nodes so much memory fills to the optimum.
fn nodes(memory: u64, scenario: &Scenario, optimum: PartsPerMillion) -> u64 {
    let filled = u128::from(scenario.machine.offered().memory.0) * u128::from(optimum.0);
    let asked = u128::from(memory) * u128::from(PartsPerMillion::ONE.0);
    let nodes = if filled == 0 { 0 } else { asked.div_ceil(filled) };
    u64::try_from(nodes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::scenario::Scheduler;
    use crate::session::Session;
    use kube_rebalancer_core::model::{Bytes, Millicores};

    #[test]
    fn the_floor_is_the_sum_over_a_small_day() {
        let machine = Machine { memory: Bytes(8 << 30), cpu: Millicores(4000) };
        let node = machine.offered().memory.0;
        let session = |start, end, memory| Session { start, end, memory: Bytes(memory), cpu: Millicores(0) };
        // With the hub's 1 Gi one user of half a node makes more than half of a node, and two more than one.
        let sessions = vec![session(100, 300, node / 2), session(200, 900, node / 2), session(300, 400, 1)];
        let scenario = Scenario {
            sessions,
            start: crate::users::MONDAY,
            length: 500,
            machine,
            scheduler: Scheduler::Spread,
            boot_time: 0,
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
