//! Amounts of the resources that nodes offer and pods request: two that every node has, and an extended
//! one.

use kube_rebalancer_core::model::{Bytes, Millicores};

/// A resource of the simulated cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Memory.
    Memory,
    /// Processor time.
    Cpu,
    /// Whole devices: `nvidia.com/gpu`.
    Gpu,
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Memory.
    pub memory: Bytes,
    /// Processor time.
    pub cpu: Millicores,
    /// GPUs.
    pub gpus: u64,
}

impl Resource {
    /// All resources.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Gpu];

    /// The name in a report.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "processor time",
            Self::Gpu => "GPUs",
        }
    }
}

impl Resources {
    /// The amount of one resource: bytes, thousandths of a core, or devices.
    #[must_use]
    pub fn of(self, resource: Resource) -> u64 {
        match resource {
            Resource::Memory => self.memory.0,
            Resource::Cpu => self.cpu.0,
            Resource::Gpu => self.gpus,
        }
    }

    /// Whether no resource exceeds the room.
    #[must_use]
    pub fn fits(self, room: Self) -> bool {
        Resource::ALL.iter().all(|resource| self.of(*resource) <= room.of(*resource))
    }

    /// This amount without another one; never below zero.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self {
            memory: Bytes(self.memory.0.saturating_sub(other.memory.0)),
            cpu: Millicores(self.cpu.0.saturating_sub(other.cpu.0)),
            gpus: self.gpus.saturating_sub(other.gpus),
        }
    }

    /// Both amounts together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            memory: Bytes(self.memory.0 + other.memory.0),
            cpu: Millicores(self.cpu.0 + other.cpu.0),
            gpus: self.gpus + other.gpus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Resources = Resources { memory: Bytes(2), cpu: Millicores(2), gpus: 2 };

    #[test]
    fn an_amount_fits_if_each_of_its_resources_does() {
        assert!(TWO.fits(TWO));
        assert!(!Resources { memory: Bytes(3), ..TWO }.fits(TWO));
        assert!(!Resources { cpu: Millicores(3), ..TWO }.fits(TWO));
        assert!(!Resources { gpus: 3, ..TWO }.fits(TWO));
    }

    #[test]
    fn nothing_is_left_of_what_is_overdrawn() {
        let three = Resources { gpus: 3, ..TWO };
        assert_eq!(TWO.less(three), Resources::default());
        assert_eq!(three.less(TWO), Resources { gpus: 1, ..Resources::default() });
        assert_eq!(TWO.plus(TWO).less(TWO), TWO);
    }
}
