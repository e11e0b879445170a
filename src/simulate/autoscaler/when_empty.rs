//! What a cluster autoscaler does with users' pods that nothing may move: it adds a node when a pod has none, and
//! deletes a node once it has been empty for ten minutes. The times are Cluster Autoscaler's defaults.

use std::cmp::Reverse;

use kube_rebalancer_core::model::{Bytes, Millicores, Requests};

use super::{Autoscaler, Wrong};
use crate::world::{SimulatedNode, World};

/// Seconds between two looks.
const SCAN: u64 = 10;
/// Seconds that a node must have been empty.
const UNNEEDED: u64 = 600;

/// Adds a node when a pod waits, deletes it when it is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WhenEmpty {
    pub(crate) min_nodes: usize,
    pub(crate) max_nodes: usize,
}

impl Autoscaler for WhenEmpty {
    fn interval(&self) -> u64 {
        SCAN
    }

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Wrong> {
        world.tally.runs += 1;
        let spare = world.nodes().len().saturating_sub(self.min_nodes);
        let is_unneeded = |node: &&SimulatedNode| {
            node.ready && node.is_empty() && world.now.saturating_sub(node.empty_since) >= UNNEEDED
        };
        let unneeded: Vec<_> =
            world.nodes().iter().filter(is_unneeded).map(|node| node.id).take(spare).collect();
        for id in unneeded {
            world.delete(id);
        }
        if world.waiting().next().is_some() {
            let room = self.max_nodes.saturating_sub(world.nodes().len());
            world.create(missing(world).min(room));
        }
        Ok(())
    }
}

/// How many new nodes those who wait need, when what boots already takes as many of them as it can.
fn missing(world: &World<'_>) -> usize {
    let mut waiting: Vec<Requests> = world.waiting().collect();
    waiting.sort_by_key(|asked| (Reverse(asked.memory), Reverse(asked.cpu)));
    let mut rooms: Vec<Requests> =
        world.nodes().iter().filter(|node| !node.ready).map(|node| node.free).collect();
    let booting = rooms.len();
    for asked in waiting {
        let fits = |room: &&mut Requests| asked.memory <= room.memory && asked.cpu <= room.cpu;
        match rooms.iter_mut().find(fits) {
            Some(room) => *room = less(*room, asked),
            None => rooms.push(less(world.scenario.machine.room(), asked)),
        }
    }
    rooms.len() - booting
}

fn less(room: Requests, asked: Requests) -> Requests {
    Requests {
        memory: Bytes(room.memory.0.saturating_sub(asked.memory.0)),
        cpu: Millicores(room.cpu.0.saturating_sub(asked.cpu.0)),
    }
}
