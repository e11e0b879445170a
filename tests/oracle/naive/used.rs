//! Section 19: the amounts of a bound pod that the choice counts.

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Amounts, Bytes, Measured, Millicores, Node, Pod};
use kube_rebalancer_core::policy::DemandSource;

use super::words::{self, Class};
use super::world::{Machine, World};

/// The counted amounts of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// By `DEMAND`: for the choice of section 5.
    Choice,
    /// By its requests: for all else.
    Requests,
}

impl World<'_> {
    pub(crate) fn counted_by(&self, by: Count, node: &Node, pod: &Pod) -> Amounts {
        let requests = Self::counted(node, pod);
        let used = self.used(node, pod, &requests).filter(|_| by == Count::Choice);
        let (memory, cpu) = match (used, self.policy.demand) {
            (None, _) | (_, DemandSource::Requests) => return requests,
            (Some(used), DemandSource::Usage) => used,
            (Some((memory, cpu)), DemandSource::Larger) => {
                (memory.max(requests.memory.0), cpu.max(requests.cpu.0))
            }
        };
        let mut counted = requests;
        (counted.memory, counted.cpu) = (Bytes(memory), Millicores(cpu));
        counted
    }

    /// The counted daemons of a node; missing ones count by their requests.
    pub(crate) fn daemons(&self, by: Count, machine: &Machine<'_>) -> Amounts {
        let mut sum = machine.missing_daemons.1.clone();
        let is_daemon = |pod: &&&Pod| self.counts(pod) && words::class(pod, self.policy) == Class::Daemon;
        machine
            .pods
            .iter()
            .filter(is_daemon)
            .for_each(|pod| sum.add(&self.counted_by(by, machine.node, pod)));
        sum
    }

    /// The usage of a pod, if its sample is plausible.
    fn used(&self, node: &Node, pod: &Pod, requests: &Amounts) -> Option<(u64, u64)> {
        pod.node_name.as_ref()?;
        let at = self.snapshot.pods().iter().position(|one| std::ptr::eq(one, pod))?;
        let sample = self.snapshot.usage()?.get(at)?.as_ref()?;
        let age = self.now.duration_since(sample.taken_at?);
        let fresh = age <= SignedDuration::from_mins(5) && age >= SignedDuration::from_mins(-1);
        let whole = sample.containers.is_none_or(|containers| containers >= usize::from(pod.containers));
        let believed = |measured: Measured, has: Option<u64>, request: u64| match (measured, has) {
            (Measured::Amount(_), None) => Some(request),
            (Measured::Amount(amount), Some(has)) => {
                (u128::from(amount) <= 2 * u128::from(has)).then_some(amount.min(has))
            }
            (Measured::Missing | Measured::Negative | Measured::Absurd, _) => None,
        };
        let (memory, cpu) = (
            node.allocatable.memory.map(|one| one.0).max(node.capacity.memory.map(|one| one.0)),
            node.allocatable.cpu.map(|one| one.0).max(node.capacity.cpu.map(|one| one.0)),
        );
        let memory = believed(sample.memory, memory, requests.memory.0)?;
        let cpu = believed(sample.cpu, cpu, requests.cpu.0)?;
        (fresh && whole).then_some((memory, cpu))
    }
}
