//! Implements the ports of applying a plan for the simulated cluster, so that the simulation uses the
//! real code.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Ledger, Node};
use kube_rebalancer_core::plan::PodNotice;

use super::world::{NodeId, SimulatedNode, World};
use kube_rebalancer_ports::{
    Clock, Cluster, GroupAnswer, InstanceToDelete, NodeEvent, NodeGroups, NodePatch, PatchError, PodList,
    PortError,
};

/// A cluster, a cloud and a clock. All calls answer at once: a run takes no time.
#[derive(Debug)]
pub(super) struct Ports<'w, 's> {
    world: Mutex<&'w mut World<'s>>,
    run_timeout: SignedDuration,
}

impl<'w, 's> Ports<'w, 's> {
    pub(super) fn new(world: &'w mut World<'s>, run_timeout: SignedDuration) -> Self {
        Self { world: Mutex::new(world), run_timeout }
    }

    fn world(&self) -> MutexGuard<'_, &'w mut World<'s>> {
        // Only the one future of a run uses it; should it ever panic, the simulation is over anyway.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ports<'_, '_> {
    fn each(&self, nodes: &[InstanceToDelete], change: impl Fn(&mut World<'_>, NodeId)) -> Vec<GroupAnswer> {
        let mut world = self.world();
        let one = |node: &InstanceToDelete| match world.named(&node.node).map(|node| node.id) {
            Some(id) => {
                change(&mut world, id);
                GroupAnswer::Done
            }
            None => GroupAnswer::Failed(format!("there is no node {}", node.node)),
        };
        nodes.iter().map(one).collect()
    }
}

impl Cluster for Ports<'_, '_> {
    async fn pods(&self) -> Result<PodList, PortError> {
        Ok(self.world().pods())
    }

    async fn nodes(&self) -> Result<Vec<Node>, PortError> {
        Ok(self.world().nodes().iter().map(|node| node.node.clone()).collect())
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        Ok(self.world().named(name).map(|node| node.node.clone()))
    }

    async fn patch(&self, name: &str, patch: &NodePatch) -> Result<Node, PatchError> {
        let mut world = self.world();
        let Some(node) = world.named(name) else { return Err(PatchError::Gone) };
        if node.node.resource_version != patch.resource_version {
            return Err(PatchError::Conflict);
        }
        let id = node.id;
        world.annotate(id, &patch.annotations);
        if let Some(taints) = &patch.taints {
            world.set_taints(id, taints);
        }
        if let Some(unschedulable) = patch.unschedulable {
            world.set_cordoned(id, unschedulable);
        }
        world.named(name).map(|node| node.node.clone()).ok_or(PatchError::Gone)
    }

    async fn tell(&self, _: &NodeEvent) -> Result<(), PortError> {
        Ok(())
    }

    async fn notify(&self, _: &PodNotice) -> Result<(), PortError> {
        Ok(())
    }

    async fn remember(&self, ledger: &Ledger) -> Result<(), PortError> {
        self.world().remember(ledger);
        Ok(())
    }
}

impl NodeGroups for Ports<'_, '_> {
    async fn grow(&self, group: &str, _: u32, to: u32) -> GroupAnswer {
        let mut world = self.world();
        let Some(index) = world.groups().iter().position(|one| one.name == group) else {
            return GroupAnswer::Failed(format!("there is no group {group}"));
        };
        let wanted = usize::try_from(to).unwrap_or(usize::MAX);
        let missing = wanted.saturating_sub(world.size(index));
        if missing == 0 {
            return GroupAnswer::AlreadySo;
        }
        world.create(index, missing);
        GroupAnswer::Done
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut world = self.world();
        let delete = |node: &InstanceToDelete| match world.named(&node.node).map(|node| node.id) {
            Some(id) => {
                world.delete(id);
                GroupAnswer::Done
            }
            None => GroupAnswer::Failed(format!("there is no node {}", node.node)),
        };
        nodes.iter().map(delete).collect()
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is for one lifetime only"
    )]
    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, |world, id| world.park(id))
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is for one lifetime only"
    )]
    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each(nodes, |world, id| world.wake(id))
    }

    async fn delete_instance(&self, group: &str, instance: &str, _: &[Node]) -> GroupAnswer {
        GroupAnswer::Failed(format!("every instance of group {group} becomes a node, so does {instance}"))
    }
}

impl Clock for Ports<'_, '_> {
    fn now(&self) -> Timestamp {
        {
            let world = self.world();
            world.scenario.time(world.now)
        }
    }

    fn left(&self) -> SignedDuration {
        self.run_timeout
    }
}

impl World<'_> {
    fn named(&self, name: &str) -> Option<&SimulatedNode> {
        self.nodes().iter().find(|node| node.ready && node.name() == name)
    }
}
