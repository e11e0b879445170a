//! Amounts of resources, with their unit in the type.
//!
//! One object never holds more than `i64::MAX` of a resource (Kubernetes' own bound for a quantity). Sums are in `u64`
//! and saturate, so no request of a user fails a run; ratios are compared by cross-multiplication in `u128`, where no
//! product of two amounts overflows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// One mebibyte.
    pub const MEBI: Self = Self(1 << 20);
    /// One gibibyte.
    pub const GIBI: Self = Self(1 << 30);
}

/// Writes the amount with a binary suffix and at most one decimal, rounded half up: `13Gi`, `1.5Gi`, `100Mi`, `0`.
impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let bytes = u128::from(self.0);
        let mut unit: u128 = 1;
        let mut suffix = 0;
        while suffix + 1 < SUFFIXES.len() && bytes >= unit * 1024 {
            unit *= 1024;
            suffix += 1;
        }
        let tenths = (bytes * 10 + unit / 2) / unit;
        let name = SUFFIXES.get(suffix).copied().unwrap_or_default();
        let text = match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole}{name}"),
            (whole, tenth) => format!("{whole}.{tenth}{name}"),
        };
        formatter.pad(&text)
    }
}

/// An amount of processor time in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millicores(pub u64);

/// Writes whole cores without a suffix and parts in millicores: `4`, `1500m`.
impl fmt::Display for Millicores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (cores, 0) => formatter.pad(&cores.to_string()),
            _ => formatter.pad(&format!("{}m", self.0)),
        }
    }
}

/// A resource whose ratio can decide what a run does (`RESOURCES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Memory.
    Memory,
    /// Processor time.
    Cpu,
}

impl Resource {
    /// The resource's name in Kubernetes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }

    /// Writes an amount of this resource with its unit.
    #[must_use]
    pub fn show(self, amount: u64) -> String {
        match self {
            Self::Memory => Bytes(amount).to_string(),
            Self::Cpu => Millicores(amount).to_string(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Amounts of further resources by their names: `nvidia.com/gpu`, `hugepages-2Mi`, `ephemeral-storage`. Never holds a
/// zero, so two equal amounts compare as equal.
pub type FurtherAmounts = BTreeMap<Arc<str>, u64>;

/// An amount of every resource: the requests of a pod, the allocatable amount or free room of a node, or a sum of these.
///
/// Further resources are shared (`Arc`) between the pods that request the same; most pods have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amounts {
    /// Memory.
    pub memory: Bytes,
    /// Processor time.
    pub cpu: Millicores,
    /// Pods; one for a single pod.
    pub pods: u64,
    further: Option<Arc<FurtherAmounts>>,
}

impl Amounts {
    /// The requests of one pod that requests only memory and CPU.
    #[must_use]
    pub fn pod(memory: Bytes, cpu: Millicores) -> Self {
        Self { memory, cpu, pods: 1, further: None }
    }

    /// The same amount with other further resources; zeros are left out.
    #[must_use]
    pub fn with_further(mut self, further: Option<Arc<FurtherAmounts>>) -> Self {
        self.further = match further {
            Some(map) if map.values().any(|amount| *amount == 0) => {
                let kept: FurtherAmounts = map
                    .iter()
                    .filter(|(_, amount)| **amount > 0)
                    .map(|(name, amount)| (name.clone(), *amount))
                    .collect();
                (!kept.is_empty()).then(|| Arc::new(kept))
            }
            other => other.filter(|map| !map.is_empty()),
        };
        self
    }

    /// The same amount with the further resources of another one.
    #[must_use]
    pub fn with_further_of(self, other: &Self) -> Self {
        Self { further: other.further.clone(), ..self }
    }

    /// The further resources and their amounts, sorted by name.
    pub fn further(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.further.iter().flat_map(|map| map.iter()).map(|(name, amount)| (name, *amount))
    }

    /// Whether there is an amount of any further resource.
    #[must_use]
    pub fn has_further(&self) -> bool {
        self.further.is_some()
    }

    /// The amount of a further resource.
    #[must_use]
    pub fn further_of(&self, name: &str) -> u64 {
        self.further.as_ref().and_then(|map| map.get(name)).copied().unwrap_or(0)
    }

    /// The amount of a resource that can decide.
    #[must_use]
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Memory => self.memory.0,
            Resource::Cpu => self.cpu.0,
        }
    }

    /// The same amount with nothing of these resources.
    #[must_use]
    pub fn without(mut self, resources: &[Resource]) -> Self {
        for resource in resources {
            match resource {
                Resource::Memory => self.memory = Bytes(0),
                Resource::Cpu => self.cpu = Millicores(0),
            }
        }
        self
    }

    /// Adds an amount; saturates.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        if other.further.is_some() {
            self.merge(other, u64::saturating_add);
            return;
        }
        // The sums of a plan over hundreds of thousands of pods.
        self.memory.0 = self.memory.0.saturating_add(other.memory.0);
        self.cpu.0 = self.cpu.0.saturating_add(other.cpu.0);
        self.pods = self.pods.saturating_add(other.pods);
    }

    /// This amount `count` times; saturates.
    #[must_use]
    pub fn times(&self, count: usize) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let mut product = self.clone();
        product.merge(self, |amount, _| amount.saturating_mul(count));
        product
    }

    /// Subtracts an amount; never below zero.
    pub fn take(&mut self, other: &Self) {
        self.merge(other, u64::saturating_sub);
    }

    /// The sum of two amounts; saturates.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    /// The difference of two amounts; never below zero.
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        self.take(other);
        self
    }

    /// The larger amount of each resource.
    #[must_use]
    pub fn larger(mut self, other: &Self) -> Self {
        self.merge(other, u64::max);
        self
    }

    /// The smaller amount of each resource.
    #[must_use]
    pub fn smaller(mut self, other: &Self) -> Self {
        self.merge(other, u64::min);
        if let Some(mine) = &mut self.further
            && mine.keys().any(|name| other.further_of(name) == 0)
        {
            Arc::make_mut(mine).retain(|name, _| other.further_of(name) > 0);
            self.further = self.further.filter(|map| !map.is_empty());
        }
        self
    }

    /// Whether a pod with these requests fits the free room. A request of zero fits even if nothing is free, as in the
    /// scheduler.
    #[must_use]
    pub fn fits(&self, left: &Self) -> bool {
        let enough = |asked: u64, left: u64| asked == 0 || asked <= left;
        enough(self.memory.0, left.memory.0)
            && enough(self.cpu.0, left.cpu.0)
            && enough(self.pods, left.pods)
            && self.further().all(|(name, asked)| asked <= left.further_of(name))
    }

    /// Whether a pod with these requests fits beside others that ask for `taken` of an offer.
    #[must_use]
    pub fn fits_beside(&self, taken: &Self, offer: &Self) -> bool {
        let enough = |asked: u64, taken: u64, offer: u64| asked == 0 || asked <= offer.saturating_sub(taken);
        enough(self.memory.0, taken.memory.0, offer.memory.0)
            && enough(self.cpu.0, taken.cpu.0, offer.cpu.0)
            && enough(self.pods, taken.pods, offer.pods)
            && self
                .further()
                .all(|(name, asked)| asked <= offer.further_of(name).saturating_sub(taken.further_of(name)))
    }

    /// The first resource whose free room is less than these requests, with both amounts; `None` if the pod fits.
    #[must_use]
    pub fn lacks(&self, left: &Self) -> Option<String> {
        let short = |name: &str, asked: String, left: String| {
            Some(format!("{asked} of {name} is asked for, {left} is free"))
        };
        for resource in [Resource::Memory, Resource::Cpu] {
            let (asked, free) = (self.of(resource), left.of(resource));
            if asked > 0 && asked > free {
                return short(resource.name(), resource.show(asked), resource.show(free));
            }
        }
        if let Some((name, asked)) = self.further().find(|(name, asked)| *asked > left.further_of(name)) {
            return short(name, asked.to_string(), left.further_of(name).to_string());
        }
        (self.pods > left.pods).then(|| "no further pod is allowed there".to_owned())
    }

    fn merge(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        self.memory.0 = combine(self.memory.0, other.memory.0);
        self.cpu.0 = combine(self.cpu.0, other.cpu.0);
        self.pods = combine(self.pods, other.pods);
        let Some(theirs) = &other.further else { return };
        // A sum owns its map and changes it in place: most pods that have further resources have the same.
        let mut merged = self.further.take().unwrap_or_default();
        let mine = Arc::make_mut(&mut merged);
        for (name, amount) in theirs.iter() {
            match mine.get_mut(name) {
                Some(one) => *one = combine(*one, *amount),
                None => drop(mine.insert(name.clone(), combine(0, *amount))),
            }
        }
        mine.retain(|_, amount| *amount > 0);
        self.further = (!merged.is_empty()).then_some(merged);
    }
}

/// Whether a further resource is an extended one, such as a GPU: a name with a domain outside of `kubernetes.io`, which
/// only some nodes have.
#[must_use]
pub fn is_extended_resource(name: &str) -> bool {
    match name.split_once('/') {
        Some((domain, _)) => domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(count: u64) -> Arc<FurtherAmounts> {
        Arc::new(BTreeMap::from([("nvidia.com/gpu".into(), count)]))
    }

    #[test]
    fn bytes_are_written_with_the_largest_suffix_that_leaves_a_whole_unit() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1Ki"),
            (1536 << 20, "1.5Gi"),
            (13_317_664 << 10, "12.7Gi"),
            (i64::MAX.unsigned_abs(), "8Ei"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>6}", Bytes::GIBI), "   1Gi");
    }

    #[test]
    fn sums_saturate_and_differences_stop_at_zero() {
        let large = Amounts::pod(Bytes(u64::MAX - 1), Millicores(7)).with_further(Some(gpus(1)));
        let sum = large.clone().plus(&large);
        assert_eq!(
            (sum.memory.0, sum.cpu.0, sum.pods, sum.further_of("nvidia.com/gpu")),
            (u64::MAX, 14, 2, 2)
        );
        let none = large.clone().minus(&sum);
        assert_eq!(none, Amounts::default(), "a further resource that is used up is no longer listed");
    }

    #[test]
    fn a_request_fits_where_each_resource_that_it_names_is_left() {
        let mut room = Amounts::pod(Bytes(8), Millicores(1000));
        room.pods = 5;
        assert!(Amounts::pod(Bytes(8), Millicores(0)).fits(&room));
        assert!(!Amounts::pod(Bytes(9), Millicores(0)).fits(&room));
        assert!(!Amounts::pod(Bytes(1), Millicores(1)).with_further(Some(gpus(1))).fits(&room));
        assert!(
            Amounts::pod(Bytes(1), Millicores(1))
                .with_further(Some(gpus(1)))
                .fits(&room.clone().with_further(Some(gpus(1))))
        );
        let mut full = room;
        full.pods = 0;
        assert!(!Amounts::pod(Bytes(0), Millicores(0)).fits(&full), "the number of pods is used up");
    }

    #[test]
    fn a_request_fits_beside_others_where_it_fits_what_they_leave() {
        let offer = Amounts { pods: 2, ..Amounts::pod(Bytes(8), Millicores(1000)) };
        let offer = offer.with_further(Some(gpus(1)));
        let one =
            |memory, devices| Amounts::pod(Bytes(memory), Millicores(0)).with_further(Some(gpus(devices)));
        let others = [Amounts::default(), one(4, 0), one(4, 1), one(9, 0), one(4, 0).plus(&one(0, 0))];
        for taken in others {
            for asked in [one(0, 0), one(4, 0), one(5, 0), one(1, 1)] {
                let left = offer.clone().minus(&taken);
                assert_eq!(
                    asked.fits_beside(&taken, &offer),
                    asked.fits(&left),
                    "{asked:?} beside {taken:?}"
                );
            }
        }
    }

    #[test]
    fn the_smaller_amount_of_a_resource_that_one_side_lacks_is_none() {
        let with = Amounts::pod(Bytes(8), Millicores(3)).with_further(Some(gpus(2)));
        let without = Amounts::pod(Bytes(4), Millicores(9));
        assert_eq!(with.clone().smaller(&without), Amounts::pod(Bytes(4), Millicores(3)));
        assert_eq!(without.clone().smaller(&with), Amounts::pod(Bytes(4), Millicores(3)));
        assert_eq!(without.larger(&with).further_of("nvidia.com/gpu"), 2);
    }

    #[test]
    fn native_resources_are_not_extended() {
        for (name, extended) in [
            ("nvidia.com/gpu", true),
            ("hugepages-2Mi", false),
            ("ephemeral-storage", false),
            ("kubernetes.io/x", false),
        ] {
            assert_eq!(is_extended_resource(name), extended, "{name}");
        }
    }
}
