//! The capacity of nodes, and the bounds within which reported amounts count (sections 2 and 4).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::median::lower_median;
use super::notes::Warning;
use crate::model::{Amounts, Bytes, Millicores, Node, Resource};
use crate::policy::{CapacitySource, Policy};

const RESOURCES: [Resource; 2] = [Resource::Memory, Resource::Cpu];

/// An amount of more than this many times the median of the node's group cannot be true.
pub(super) const BELIEVED: u64 = 4;

/// The lower median of the amounts that the nodes of each group report.
#[derive(Debug, Default)]
pub(super) struct Medians<'a>(BTreeMap<(&'a str, Resource), u64>);

impl<'a> Medians<'a> {
    /// The medians of managed nodes.
    pub(super) fn new(nodes: impl Iterator<Item = &'a Node>, policy: &Policy) -> Self {
        let mut reports: BTreeMap<(&str, Resource), Vec<u64>> = BTreeMap::new();
        for node in nodes {
            let Some(group) = node.group.as_deref() else { continue };
            for resource in RESOURCES {
                reports.entry((group, resource)).or_default().extend(reported(node, resource, policy));
            }
        }
        Self(reports.into_iter().filter_map(|(key, all)| Some((key, lower_median(all)?))).collect())
    }

    /// The amount of a resource that a node reports, or the median if that cannot be true.
    fn believed(&self, node: &Node, resource: Resource, policy: &Policy) -> Believed {
        let reported = reported(node, resource, policy).unwrap_or(0);
        let median = node.group.as_deref().and_then(|group| self.0.get(&(group, resource)));
        match median {
            Some(median) if reported > median.saturating_mul(BELIEVED) => {
                Believed { counted: *median, reported }
            }
            _ => Believed { counted: reported, reported },
        }
    }

    /// The capacity of a node before omitted pods are subtracted, and the amounts of it that cannot be true.
    pub(super) fn capacity(&self, node: &Node, policy: &Policy) -> (Amounts, Vec<Warning>) {
        let [memory, cpu] = RESOURCES.map(|resource| self.believed(node, resource, policy));
        let mut capacity = Amounts::pod(Bytes(memory.counted), Millicores(cpu.counted));
        capacity.pods = node.allocatable.pods.or(node.capacity.pods).unwrap_or(0);
        let mut warnings = Vec::new();
        for (resource, Believed { counted, reported }) in RESOURCES.into_iter().zip([memory, cpu]) {
            if counted != reported && policy.resources.contains(&resource) {
                warnings.push(Warning::BeyondMedian { node: node.name.clone(), resource, reported, counted });
            }
        }
        (capacity, warnings)
    }
}

#[derive(Clone, Copy, Debug)]
struct Believed {
    counted: u64,
    reported: u64,
}

fn reported(node: &Node, resource: Resource, policy: &Policy) -> Option<u64> {
    match policy.capacity {
        // The API server itself takes a missing allocatable from capacity.
        CapacitySource::Allocatable => node.allocatable.of(resource).or(node.capacity.of(resource)),
        CapacitySource::Capacity => node.capacity.of(resource),
    }
}

/// A node's capacity without the part of its omitted pods, which no user can fill.
pub(super) fn without_omitted(capacity: Amounts, omitted: &Amounts, policy: &Policy) -> Amounts {
    match policy.capacity {
        CapacitySource::Allocatable => capacity.minus(omitted),
        CapacitySource::Capacity => capacity,
    }
}

/// Measurements jitter, so a pod may seem to use somewhat more than its node has; a sample of more than this many times that
/// amount cannot be true.
const BELIEVED_USE: u64 = 2;

/// The most that one pod can have of its node: the larger of allocatable and capacity, where that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ceiling<'a> {
    node: &'a Node,
    memory: u64,
    cpu: u64,
}

impl<'a> Ceiling<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        let larger = |resource| {
            let known = node.allocatable.of(resource).max(node.capacity.of(resource));
            known.filter(|amount| *amount > 0).unwrap_or(u64::MAX)
        };
        Self { node, memory: larger(Resource::Memory), cpu: larger(Resource::Cpu) }
    }

    /// The part of a pod's requests that counts.
    #[inline]
    pub(super) fn cap<'p>(&self, requests: &'p Amounts) -> Cow<'p, Amounts> {
        let fits = requests.memory.0 <= self.memory
            && requests.cpu.0 <= self.cpu
            && (!requests.has_further() || self.has(requests));
        if fits { Cow::Borrowed(requests) } else { Cow::Owned(self.capped(requests)) }
    }

    /// Whether the node has the further resources that a pod requests.
    fn has(&self, requests: &Amounts) -> bool {
        requests.further().all(|(name, amount)| amount <= self.further(name))
    }

    fn capped(&self, requests: &Amounts) -> Amounts {
        let mut capped =
            Amounts::pod(Bytes(requests.memory.0.min(self.memory)), Millicores(requests.cpu.0.min(self.cpu)));
        capped.pods = requests.pods;
        let further = requests.further();
        let further = further.map(|(name, amount)| (name.clone(), amount.min(self.further(name)))).collect();
        capped.with_further(Some(std::sync::Arc::new(further)))
    }

    /// The part that counts of a sample: at most the node's amount, and the pod's request if that is not known. `None` if the
    /// sample cannot be true.
    pub(super) fn believe(&self, resource: Resource, used: u64, requests: &Amounts) -> Option<u64> {
        let has = match resource {
            Resource::Memory => self.memory,
            Resource::Cpu => self.cpu,
        };
        match has {
            u64::MAX => Some(requests.of(resource)),
            has => (used <= has.saturating_mul(BELIEVED_USE)).then(|| used.min(has)),
        }
    }

    fn further(&self, name: &str) -> u64 {
        let of = |resources: &crate::model::NodeResources| resources.further.as_ref()?.get(name).copied();
        let known = of(&self.node.allocatable).max(of(&self.node.capacity));
        known.filter(|amount| *amount > 0).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{cluster, node};

    fn in_group(name: &str, gibibytes: u64) -> Node {
        let mut node = node(name);
        node.group = Some("z1/users".into());
        node.allocatable.memory = Some(Bytes(gibibytes << 30));
        node
    }

    #[test]
    fn more_than_four_times_the_median_of_the_group_counts_as_the_median() {
        let nodes = vec![in_group("n1", 129), in_group("n2", 32), in_group("n3", 31), in_group("n4", 128)];
        let (snapshot, policy) = (cluster(nodes, vec![]), Policy::default());
        let medians = Medians::new(snapshot.nodes().iter(), &policy);
        let counted = |index: usize| medians.capacity(&snapshot.nodes()[index], &policy);
        let (capacity, warnings) = counted(0);
        assert_eq!(capacity.memory, Bytes(32 << 30));
        let reported = 129 << 30;
        assert_eq!(
            warnings,
            [Warning::BeyondMedian {
                node: "n1".into(),
                resource: Resource::Memory,
                reported,
                counted: 32 << 30
            }]
        );
        assert_eq!(counted(3).0.memory, Bytes(128 << 30), "four times is believed");
    }

    #[test]
    fn without_a_group_every_amount_is_believed() {
        let mut alone = in_group("n1", 4096);
        alone.group = None;
        let (snapshot, policy) = (cluster(vec![alone, node("n2")], vec![]), Policy::default());
        let (capacity, warnings) =
            Medians::new(snapshot.nodes().iter(), &policy).capacity(&snapshot.nodes()[0], &policy);
        assert_eq!((capacity.memory, warnings), (Bytes(4096 << 30), vec![]));
    }

    #[test]
    fn capacity_is_the_node_s_and_nothing_is_subtracted_from_it() {
        let mut one = node("n1");
        one.allocatable.memory = Some(Bytes(20));
        one.capacity.memory = Some(Bytes(30));
        let omitted = Amounts::pod(Bytes(5), Millicores(0));
        for (source, expected) in [(CapacitySource::Allocatable, 15), (CapacitySource::Capacity, 30)] {
            let policy = Policy { capacity: source, ..Policy::default() };
            let (capacity, _) = Medians::default().capacity(&one, &policy);
            assert_eq!(without_omitted(capacity, &omitted, &policy).memory, Bytes(expected));
        }
    }

    #[test]
    fn a_bound_pod_counts_at_most_what_its_node_has() {
        let mut one = node("n1");
        one.capacity.memory = Some(Bytes(40 << 30));
        one.capacity.cpu = None;
        one.allocatable.cpu = None;
        let ceiling = Ceiling::new(&one);
        let asked = Amounts::pod(Bytes(400 << 30), Millicores(400_000));
        assert_eq!(*ceiling.cap(&asked), Amounts::pod(Bytes(40 << 30), Millicores(400_000)));
        let modest = Amounts::pod(Bytes(1), Millicores(1));
        assert!(matches!(ceiling.cap(&modest), Cow::Borrowed(_)));
        let gpus = |count| {
            let further = crate::model::FurtherAmounts::from([("nvidia.com/gpu".into(), count)]);
            Some(std::sync::Arc::new(further))
        };
        one.capacity.further = gpus(2);
        assert_eq!(
            Ceiling::new(&one).cap(&modest.clone().with_further(gpus(9))).further_of("nvidia.com/gpu"),
            2
        );
    }
}
