//! The machine of a node, and the part of it that is left for pods.

use kube_rebalancer_core::model::{Bytes, Millicores};

use super::resources::Resources;

/// A machine of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Memory of the machine.
    pub memory: Bytes,
    /// Processor time of the machine.
    pub cpu: Millicores,
}

/// The kubelet's default maximum of pods.
pub(super) const PODS: u64 = 110;

/// The pod on every node: about the sum of the requests of GKE's own daemons.
pub(super) const DAEMON: Resources = Resources { memory: Bytes(300 << 20), cpu: Millicores(250), gpus: 0 };

/// The sum of the requests of the hub and its proxy, as one pod.
pub(super) const HUB: Resources = Resources { memory: Bytes(1 << 30), cpu: Millicores(500), gpus: 0 };

/// The steps of the memory that GKE reserves on a machine: the size of a step in Gi, and the percentage reserved of it.
const KEPT_MEMORY: [(u64, u64); 4] = [(4, 25), (4, 20), (8, 10), (112, 6)];
/// The percentage reserved above the last step.
const KEPT_MEMORY_ABOVE: u64 = 2;
/// The memory that it reserves for evictions, in Mi.
const EVICTION: u64 = 100;

/// The steps of the processor that GKE reserves: the size of a step in cores, and the hundredths of a percent reserved.
const KEPT_CPU: [(u64, u64); 3] = [(1, 600), (1, 100), (2, 50)];
/// The hundredths of a percent reserved above the last step.
const KEPT_CPU_ABOVE: u64 = 25;

impl Machine {
    /// A machine with this memory and this number of cores.
    #[must_use]
    pub const fn new(memory: Bytes, cores: u64) -> Self {
        Self { memory, cpu: Millicores(cores * 1000) }
    }

    /// The maximum of the requests of all pods of a node.
    #[must_use]
    pub fn offered(self) -> Resources {
        let kept = steps(self.memory.0, &KEPT_MEMORY, KEPT_MEMORY_ABOVE, 1 << 30, 100);
        let memory = self.memory.0.saturating_sub(kept).saturating_sub(EVICTION << 20);
        let kept = steps(self.cpu.0, &KEPT_CPU, KEPT_CPU_ABOVE, 1000, 10_000);
        Resources { memory: Bytes(memory), cpu: Millicores(self.cpu.0.saturating_sub(kept)), gpus: 0 }
    }

    /// The maximum of pods of a node beside its daemon.
    pub(super) fn pods() -> u64 {
        PODS - 1
    }

    /// The room for users on a node without users.
    #[must_use]
    pub fn room(self) -> Resources {
        self.offered().less(DAEMON)
    }
}

/// The reserved part of an amount: a share of each step, and the share `above` of the rest.
fn steps(amount: u64, steps: &[(u64, u64)], above: u64, unit: u64, whole: u64) -> u64 {
    let share = |part: u64, rate: u64| {
        u64::try_from(u128::from(part) * u128::from(rate) / u128::from(whole)).unwrap_or(u64::MAX)
    };
    let (mut kept, mut rest) = (0, amount);
    for (units, rate) in steps {
        let part = rest.min(units * unit);
        kept += share(part, *rate);
        rest -= part;
    }
    kept + share(rest, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gke_keeps_is_what_its_manual_says() {
        // 25 % of 4, 20 % of 4, 10 % of 8 and 6 % of 36 Gi: 4.76 Gi, and 100 Mi.
        let machine = Machine { memory: Bytes(52 << 30), cpu: Millicores(8000) };
        let hundredths = (52 * 100 - 476) * (1u64 << 30) / 100;
        assert!(machine.offered().memory.0.abs_diff(hundredths - (100 << 20)) < 8);
        // 6 % of a core, 1 % of one, 0.5 % of two, 0.25 % of four: 60 + 10 + 10 + 10.
        assert_eq!(machine.offered().cpu, Millicores(7910));
        // Above 128 Gi 2 %: 1 + 0.8 + 0.8 + 6.72 + 2.56.
        let large = Machine { memory: Bytes(256 << 30), cpu: Millicores(500) };
        let hundredths = (256 * 100 - 1188) * (1u64 << 30) / 100;
        assert!(large.offered().memory.0.abs_diff(hundredths - (100 << 20)) < 8);
        assert_eq!(large.offered().cpu, Millicores(470));
    }

    #[test]
    fn a_machine_that_is_kept_whole_offers_nothing() {
        let tiny = Machine { memory: Bytes(100 << 20), cpu: Millicores(0) };
        assert_eq!(tiny.offered(), Resources::default());
        assert_eq!(tiny.room(), Resources::default());
    }
}
