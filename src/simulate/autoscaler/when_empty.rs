//! A cluster autoscaler for users' pods that must not be moved: it adds a node for a pod without a node, and deletes a
//! node after it was empty for ten minutes. The times are Cluster Autoscaler's defaults.

use std::cmp::Reverse;

use super::{Autoscaler, Defect};
use crate::cluster::GroupIndex;
use crate::resources::Resources;
use crate::world::{SimulatedNode, Wish, World};

/// Seconds between two runs.
const SCAN: u64 = 10;
/// Seconds that a node must be empty before its deletion.
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

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect> {
        world.tally.runs += 1;
        let for_users = world.nodes().iter().filter(|node| !world.is_core(node)).count();
        let spare = for_users.saturating_sub(self.min_nodes);
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
            let missing = missing(world);
            for group in missing.into_iter().take(room) {
                world.create(group, 1);
            }
        }
        Ok(())
    }
}

/// The groups of the new nodes that waiting users need beyond the room of the booting nodes.
fn missing(world: &World<'_>) -> Vec<GroupIndex> {
    let mut waiting: Vec<Wish> = world.waiting().collect();
    waiting.sort_by_key(|wish| (Reverse(wish.asked.memory), Reverse(wish.asked.cpu)));
    let boots = world.nodes().iter().filter(|node| !node.ready);
    let mut rooms: Vec<(GroupIndex, Resources)> = boots.map(|node| (node.group, node.free)).collect();
    let booting = rooms.len();
    for wish in waiting {
        let fits = |(group, room): &&mut (GroupIndex, Resources)| {
            wish.asked.fits(*room) && world.reaches(wish, *group)
        };
        if let Some((_, room)) = rooms.iter_mut().find(fits) {
            *room = room.less(wish.asked);
        } else if let Some((group, room)) = maker(world, wish, &rooms) {
            rooms.push((group, room.less(wish.asked)));
        }
    }
    rooms.into_iter().skip(booting).map(|(group, _)| group).collect()
}

/// The group that creates a node for a pod: among the groups whose nodes would take it, the one with the fewest nodes,
/// so that zones are filled evenly.
fn maker(
    world: &World<'_>,
    wish: Wish,
    rooms: &[(GroupIndex, Resources)],
) -> Option<(GroupIndex, Resources)> {
    let makers = (0..world.groups().len()).filter(|group| world.reaches(wish, *group));
    let rooms_of = |group| Some((group, world.pool(group)?.room()));
    let fit = makers.filter_map(rooms_of).filter(|(_, room)| wish.asked.fits(*room));
    let size = |group: GroupIndex| {
        let ready = world.nodes().iter().filter(|node| node.ready && node.group == group).count();
        ready + rooms.iter().filter(|(other, _)| *other == group).count()
    };
    fit.min_by_key(|(group, _)| size(*group))
}
