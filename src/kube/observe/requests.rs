//! The requests of a pod, by the scheduler's own rule (`k8s.io/component-helpers/resource`, `PodRequests`).
//!
//! ```text
//!   container = the largest of its spec, of what its node gives it and of what its node has set aside for it;
//!               without its spec where its resize is infeasible
//!   running   = sum of containers + sidecars       sidecar: an init container with restartPolicy Always
//!   init      = largest of (init container + the sidecars declared before it)
//!   pod       = max(running, init), per resource
//!   a resource named in spec.resources.requests replaces it: the largest of that, of what the node gives the pod and
//!               of what it has set aside for it; without the first where the resize is infeasible
//!   of memory and CPU, a limit in spec.resources.limits counts where neither the pod nor a container asks for any
//!   plus spec.overhead
//! ```
//!
//! Devices that a `DeviceClass` gives out are left out, as resource claims are: nodes do not list them in their status.
//!
//! Sums saturate: what the API server accepts never fails a run.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Bytes, Millicores, QuantityError, parse_bytes, parse_count, parse_millicores,
};

use super::error::BadField;
use super::raw::{
    Amount, Amounts, Condition, ConditionKind, ConditionReason, Container, ContainerStatus, RestartPolicy,
    Spec, Status,
};

/// The largest amount of a resource that one object holds.
const LARGEST: u64 = i64::MAX.unsigned_abs();
/// The prefix of resources that a `DeviceClass` gives out: the scheduler finds the devices in `ResourceSlice`s.
const OF_DEVICE_CLASS: &str = "deviceclass.resource.kubernetes.io/";
/// An amount in thousandths of a byte is only a mistake if it is below this: some programs write whole gigabytes in
/// them.
const LEAST_MEANT_IN_MILLIBYTES: u64 = Bytes::MEBI.0;

static NOTHING: Amounts<'static> = Amounts { cpu: None, memory: None, pods: None, further: BTreeMap::new() };

/// The requests of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests<'a> {
    pub(super) memory: u64,
    pub(super) cpu: u64,
    /// All other resources, by name.
    pub(super) further: BTreeMap<&'a str, u64>,
    /// Whether a container asks for memory in thousandths of a byte, so little that its unit must be a mistake.
    pub(super) millibytes: bool,
}

impl<'a> Requests<'a> {
    /// The amounts, none above the largest that one object holds.
    pub(super) fn memory_and_cpu(&self) -> (Bytes, Millicores) {
        (Bytes(self.memory.min(LARGEST)), Millicores(self.cpu.min(LARGEST)))
    }

    /// The other requested resources.
    pub(super) fn further(&self) -> impl Iterator<Item = (&'a str, u64)> + Clone {
        self.further
            .iter()
            .map(|(name, amount)| (*name, *amount.min(&LARGEST)))
            .filter(|(name, amount)| *amount > 0 && !name.starts_with(OF_DEVICE_CLASS))
    }

    fn plus(self, other: &Self) -> Self {
        self.merge(other, u64::saturating_add)
    }

    fn larger(self, other: &Self) -> Self {
        self.merge(other, u64::max)
    }

    /// The requests of an init step with the sidecars before it, of the resources that the step names.
    fn on_top_of(mut self, sidecars: &Self) -> Self {
        self.memory = self.memory.saturating_add(sidecars.memory);
        self.cpu = self.cpu.saturating_add(sidecars.cpu);
        for (name, amount) in &mut self.further {
            *amount = amount.saturating_add(sidecars.further.get(name).copied().unwrap_or_default());
        }
        self
    }

    fn merge(mut self, other: &Self, combine: fn(u64, u64) -> u64) -> Self {
        self.memory = combine(self.memory, other.memory);
        self.cpu = combine(self.cpu, other.cpu);
        for (name, amount) in &other.further {
            let mine = self.further.entry(name).or_default();
            *mine = combine(*mine, *amount);
        }
        self.millibytes |= other.millibytes;
        self
    }
}

/// The requests of a pod.
pub(super) fn of_pod<'a>(spec: &'a Spec<'_>, status: &'a Status<'_>) -> Result<Requests<'a>, BadField> {
    let infeasible = resize_is_infeasible(status);
    let mut containers = Requests::default();
    let statuses = Statuses::new(&status.container_statuses, "containerStatuses");
    for (index, container) in spec.containers.iter().enumerate() {
        let held = statuses.of(&container.name);
        containers = containers.plus(&of_container(container, "containers", index, held, infeasible)?);
    }
    let mut sidecars = Requests::default();
    // Only the resources that a step names: of any other, it holds what the sidecars before it hold, and all sidecars hold no
    // less. To add up all of them at each step would take time for each pair of an init container and a resource.
    let mut largest_step = Requests::default();
    let statuses = Statuses::new(&status.init_container_statuses, "initContainerStatuses");
    for (index, container) in spec.init_containers.iter().enumerate() {
        let is_sidecar = container.restart_policy == Some(RestartPolicy::Always);
        // Only containers that continue to run can be resized.
        let held = statuses.of(&container.name).filter(|_| is_sidecar);
        let own = of_container(container, "initContainers", index, held, infeasible)?;
        if is_sidecar {
            sidecars = sidecars.plus(&own);
        } else {
            largest_step = largest_step.larger(&own.on_top_of(&sidecars));
        }
    }
    let mut total = containers.plus(&sidecars).larger(&largest_step);

    let whole_pod = &spec.resources.requests;
    let named = amounts(whole_pod, &NOTHING, |_, resource| format!("spec.resources.requests.{resource}"))?;
    let held = held_by_pod(status)?;
    let counted = |asked: u64, held: u64| if infeasible && held > 0 { held } else { asked.max(held) };
    let limits = &spec.resources.limits;
    let limit = amounts(limits, &NOTHING, |_, resource| format!("spec.resources.limits.{resource}"))?;
    if whole_pod.memory.is_some() {
        total.memory = counted(named.memory, held.memory);
    }
    if whole_pod.cpu.is_some() {
        total.cpu = counted(named.cpu, held.cpu);
    }
    // The API server fills in requests like this.
    if whole_pod.memory.is_none() && total.memory == 0 {
        total.memory = limit.memory;
    }
    if whole_pod.cpu.is_none() && total.cpu == 0 {
        total.cpu = limit.cpu;
    }
    for (name, asked) in named.further {
        let held = held.further.get(name).copied().unwrap_or_default();
        total.further.insert(name, counted(asked, held));
    }
    let overhead = amounts(&spec.overhead, &NOTHING, |_, resource| format!("spec.overhead.{resource}"))?;
    Ok(total.plus(&overhead))
}

/// What its node gives the pod as a whole, or has set aside for it. This counts where the pod asks as a whole.
fn held_by_pod<'a>(status: &'a Status<'_>) -> Result<Requests<'a>, BadField> {
    let given = amounts(&status.resources.requests, &NOTHING, |part, resource| {
        format!("status.resources.{part}.{resource}")
    })?;
    let set_aside = amounts(&status.allocated_resources, &NOTHING, |_, resource| {
        format!("status.allocatedResources.{resource}")
    })?;
    Ok(given.larger(&set_aside))
}

/// Whether the pod was changed to ask for what its node can never give.
fn resize_is_infeasible(status: &Status<'_>) -> bool {
    let condition = |condition: &Condition<'_>| {
        condition.kind == ConditionKind::PodResizePending && condition.reason == ConditionReason::Infeasible
    };
    // Kubernetes 1.27 to 1.32 wrote a field, later versions a condition.
    status.resize.as_ref().is_some_and(|resize| resize.as_str() == "Infeasible")
        || status.conditions.iter().any(condition)
}

/// The status of a container by its node, with its place in the pod.
#[derive(Clone, Copy)]
struct Held<'a, 'b> {
    status: &'a ContainerStatus<'b>,
    list: &'static str,
    index: usize,
}

/// The statuses of a list of containers, which are found by name.
struct Statuses<'a, 'b> {
    all: &'a [ContainerStatus<'b>],
    list: &'static str,
    /// The places by name, where there are many: to search all for each container would take time for each pair.
    places: Option<BTreeMap<&'a str, usize>>,
}

impl<'a, 'b> Statuses<'a, 'b> {
    /// Maximum number of statuses that are searched one after the other.
    const FEW: usize = 16;

    fn new(all: &'a [ContainerStatus<'b>], list: &'static str) -> Self {
        // The first of a name counts, so it is inserted last.
        let named = || all.iter().enumerate().rev().map(|(at, status)| (status.name.as_str(), at)).collect();
        Self { all, list, places: (all.len() > Self::FEW).then(named) }
    }

    fn of(&self, name: &super::raw::Text<'_>) -> Option<Held<'a, 'b>> {
        let name = name.as_str();
        let index = match &self.places {
            None => self.all.iter().position(|status| status.name.as_str() == name)?,
            Some(places) => *places.get(name)?,
        };
        Some(Held { status: self.all.get(index)?, list: self.list, index })
    }
}

/// A container asks for its requests; where it has only a limit, for that: the API server fills requests in this way,
/// a file made by hand may lack them.
fn of_container<'a>(
    container: &'a Container<'_>,
    list: &str,
    index: usize,
    held: Option<Held<'a, '_>>,
    infeasible: bool,
) -> Result<Requests<'a>, BadField> {
    let resources = &container.resources;
    let asked = amounts(&resources.requests, &resources.limits, |part, resource| {
        format!("spec.{list}[{index}].resources.{part}.{resource}")
    })?;
    let Some(Held { status, list, index }) = held else { return Ok(asked) };
    let given = amounts(&status.resources.requests, &NOTHING, |part, resource| {
        format!("status.{list}[{index}].resources.{part}.{resource}")
    })?;
    let set_aside = amounts(&status.allocated_resources, &NOTHING, |_, resource| {
        format!("status.{list}[{index}].allocatedResources.{resource}")
    })?;
    let held = given.larger(&set_aside);
    if !infeasible {
        return Ok(asked.larger(&held));
    }
    // Resources that the node does not mention are not being resized.
    let or_asked = |held: u64, asked: u64| if held > 0 { held } else { asked };
    let mut kept = asked;
    kept.memory = or_asked(held.memory, kept.memory);
    kept.cpu = or_asked(held.cpu, kept.cpu);
    kept.further.extend(held.further.into_iter().filter(|(_, amount)| *amount > 0));
    Ok(kept)
}

fn amounts<'a>(
    requests: &'a Amounts<'_>,
    limits: &'a Amounts<'_>,
    path: impl Fn(&str, &str) -> String,
) -> Result<Requests<'a>, BadField> {
    let mut read = Requests::default();
    if let Some((part, amount)) = requested(requests.memory.as_ref(), limits.memory.as_ref()) {
        read.memory = quantity(amount, parse_bytes, || path(part, "memory"))?.0;
        read.millibytes = amount.0.ends_with('m') && (1..LEAST_MEANT_IN_MILLIBYTES).contains(&read.memory);
    }
    if let Some((part, amount)) = requested(requests.cpu.as_ref(), limits.cpu.as_ref()) {
        read.cpu = quantity(amount, parse_millicores, || path(part, "cpu"))?.0;
    }
    for (part, list) in [("limits", limits), ("requests", requests)] {
        for (name, amount) in &list.further {
            let count = quantity(amount, parse_count, || path(part, name.as_str()))?;
            read.further.insert(name.as_str(), count);
        }
    }
    Ok(read)
}

/// The request, else the limit.
fn requested<'a, 'b>(
    request: Option<&'a Amount<'b>>,
    limit: Option<&'a Amount<'b>>,
) -> Option<(&'static str, &'a Amount<'b>)> {
    request.map(|amount| ("requests", amount)).or(limit.map(|amount| ("limits", amount)))
}

fn quantity<T>(
    amount: &Amount<'_>,
    parse: impl FnOnce(&str) -> Result<T, QuantityError>,
    path: impl FnOnce() -> String,
) -> Result<T, BadField> {
    parse(&amount.0).map_err(|problem| BadField::new(path(), problem))
}

#[cfg(test)]
mod tests;
