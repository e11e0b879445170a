//! The size of a node by its machine: what the kernel and the kubelet leave of it.
//!
//! It is an estimate. A node that exists reports its own size.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{Bytes, Millicores, NodeResources};

/// The default amount of memory below which the kubelet evicts pods.
pub const EVICTION: Bytes = Bytes(100 * MIB);

/// The resource of Nvidia's device plugin.
const GPU: &str = "nvidia.com/gpu";

const MIB: u64 = 1024 * 1024;

/// The hardware of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// Its processors.
    pub cpus: u64,
    /// Its Nvidia GPUs.
    pub gpus: u64,
}

/// The amounts that the kubelet reserves from the capacity of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Processor time for the system and Kubernetes.
    pub cpu: Millicores,
    /// Memory for the system and Kubernetes.
    pub memory: Bytes,
    /// The memory that is kept free.
    pub eviction: Eviction,
}

/// The memory that the kubelet keeps free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// An amount.
    Bytes(Bytes),
    /// A part of the capacity, in percent.
    Percent(u64),
}

/// The size of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSize {
    /// Its allocatable amounts.
    pub allocatable: NodeResources,
    /// Its capacity.
    pub capacity: NodeResources,
}

impl Hardware {
    /// The size of a node on this machine that takes this number of pods.
    #[must_use]
    pub fn node(self, reserved: Reserved, pods: u64) -> NodeSize {
        let physical = self.memory_mib.saturating_mul(MIB);
        let memory = physical.saturating_sub(kernel(physical));
        let cpu = self.cpus.saturating_mul(1000);
        let kept = match reserved.eviction {
            Eviction::Bytes(bytes) => bytes.0,
            Eviction::Percent(percent) => (memory / 100).saturating_add(1).saturating_mul(percent),
        };
        let further = (self.gpus > 0).then(|| Arc::new(BTreeMap::from([(Arc::from(GPU), self.gpus)])));
        let offer = |memory, cpu| NodeResources {
            memory: Some(Bytes(memory)),
            cpu: Some(Millicores(cpu)),
            pods: Some(pods),
            further: further.clone(),
        };
        let free = memory.saturating_sub(reserved.memory.0).saturating_sub(kept);
        NodeSize {
            allocatable: offer(free, cpu.saturating_sub(reserved.cpu.0)),
            capacity: offer(memory, cpu),
        }
    }
}

/// The memory that the Linux kernel reserves: a 64th, 16 MiB, and 64 MiB of buffers above 3 GiB. Cluster Autoscaler
/// uses the same formula.
fn kernel(physical: u64) -> u64 {
    let buffers = if physical > 3 * 1024 * MIB { 64 * MIB } else { 0 };
    physical / 64 + 16 * MIB + buffers
}

impl NodeSize {
    /// The smaller amount of each resource: what a node has that may be of either size.
    #[must_use]
    pub fn smaller(&self, other: &Self) -> Self {
        Self {
            allocatable: smaller(&self.allocatable, &other.allocatable),
            capacity: smaller(&self.capacity, &other.capacity),
        }
    }
}

fn smaller(left: &NodeResources, right: &NodeResources) -> NodeResources {
    let further = left.further.iter().flat_map(|amounts| amounts.iter()).filter_map(|(name, amount)| {
        let other = right.further.as_ref()?.get(name)?;
        Some((Arc::clone(name), *amount.min(other)))
    });
    let further: BTreeMap<Arc<str>, u64> = further.collect();
    NodeResources {
        memory: left.memory.min(right.memory),
        cpu: left.cpu.min(right.cpu),
        pods: left.pods.min(right.pods),
        further: (!further.is_empty()).then(|| Arc::new(further)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Reserved =
        Reserved { cpu: Millicores(80), memory: Bytes(1024 * MIB), eviction: Eviction::Bytes(EVICTION) };

    #[test]
    fn kernel_and_kubelet_leave_less_than_the_machine_has() {
        let size = Hardware { memory_mib: 16_384, cpus: 4, gpus: 1 }.node(PLAIN, 58);
        // 16384 / 64 + 16 + 64 MiB for the kernel, 1 GiB for the kubelet, 100 MiB free.
        assert_eq!(size.capacity.memory, Some(Bytes((16_384 - 336) * MIB)));
        assert_eq!(size.allocatable.memory, Some(Bytes((16_384 - 336 - 1024 - 100) * MIB)));
        assert_eq!((size.allocatable.cpu, size.allocatable.pods), (Some(Millicores(3920)), Some(58)));
        assert_eq!(size.allocatable.further.unwrap().get(GPU), Some(&1));
        let nothing = Hardware { memory_mib: 512, cpus: 0, gpus: 0 }.node(PLAIN, 4).allocatable;
        assert_eq!(
            (nothing.memory, nothing.cpu, nothing.further),
            (Some(Bytes(0)), Some(Millicores(0)), None)
        );
    }

    #[test]
    fn of_several_machines_a_node_has_the_smallest_amount_of_each_resource() {
        let node = |memory_mib, cpus, gpus| Hardware { memory_mib, cpus, gpus }.node(PLAIN, cpus * 10);
        let (tall, wide) = (node(65_536, 8, 2), node(32_768, 16, 1));
        let both = tall.smaller(&wide);
        assert_eq!(both.allocatable.memory, wide.allocatable.memory);
        assert_eq!((both.allocatable.cpu, both.allocatable.pods), (tall.allocatable.cpu, Some(80)));
        assert_eq!(both.allocatable.further.clone().unwrap()[GPU], 1);
        assert_eq!(both.smaller(&node(65_536, 8, 0)).allocatable.further, None, "it may have no GPU");
    }
}
