//! The usage of bound pods beside their requests: the amount of each that a choice counts (`DEMAND`) and a report shows.
//!
//! A source of metrics is not trusted. A pod whose sample is missing, old, from the future or impossible counts by its
//! requests.

use jiff::{SignedDuration, Timestamp};

use super::asked::Asking;
use super::capacity::Ceiling;
use super::classes::{Classifier, PodClass};
use super::managed::is_unreadable;
use super::pods::of_all;
use super::survey::{NodeFacts, OccupantKind};
use super::usage::{NodeUsage, Unmeasured, Used};
use crate::model::{
    Amounts, Binding, Bytes, Measured, Millicores, NodeIndex, Pod, Resource, Sample, Snapshot,
};
use crate::policy::{DemandSource, Policy};

/// Maximum age of a sample.
const OLDEST: SignedDuration = SignedDuration::from_mins(5);
/// Maximum time by which the clock of a source may be ahead of the API server's.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// The usage of each node's pods that count in `W`. `None` if no source of metrics was asked, or none answered.
pub(super) fn usage_of_nodes<'a>(
    nodes: &[NodeFacts<'a>],
    snapshot: &'a Snapshot,
    policy: &'a Policy,
) -> Option<Vec<NodeUsage>> {
    let samples = snapshot.usage()?;
    let mut usage = vec![NodeUsage::default(); nodes.len()];
    let mut classifier = Classifier::new(policy);
    let mut asking = Asking::new(snapshot, policy);
    for ((pod, binding), sample) in snapshot.placed_pods().zip(samples) {
        let class = classifier.class(pod);
        let Binding::Node(index) = binding else { continue };
        let (Some(facts), Some(usage)) = (nodes.get(index), usage.get_mut(index)) else { continue };
        let part = match (class, OccupantKind::of(class)) {
            (PodClass::Daemon { counted: true }, _) if facts.managed() => &mut usage.daemons,
            (_, Some(kind)) if may_ask(facts) && asking.counts(pod, kind, facts, nodes) => &mut usage.demand,
            _ => continue,
        };
        let ceiling = Ceiling::new(facts.node);
        let requests = of_all(pod, ceiling.cap(&pod.requests));
        // The sample of one pod is not valid for the others that it counts for.
        let sample = sample.as_ref().filter(|_| pod.alike.is_empty());
        let judged = judge(sample, pod, &requests, &ceiling, snapshot.observed_at());
        part.told.count(&requests, judged.as_ref().map_err(|why| *why));
        part.counted.add(&counted(policy.demand, &requests, judged.ok()));
    }
    Some(usage)
}

fn may_ask(facts: &NodeFacts<'_>) -> bool {
    facts.managed() || is_unreadable(facts.unmanaged.as_deref())
}

/// The amount that a choice counts of a pod.
fn counted(demand: DemandSource, requests: &Amounts, used: Option<Amounts>) -> Amounts {
    match (demand, used) {
        (DemandSource::Requests, _) | (_, None) => requests.clone(),
        (DemandSource::Usage, Some(used)) => used,
        (DemandSource::Larger, Some(used)) => used.larger(requests),
    }
}

/// The valid usage of a pod; of other resources than memory and CPU, its requests.
fn judge(
    sample: Option<&Sample>,
    pod: &Pod,
    requests: &Amounts,
    ceiling: &Ceiling<'_>,
    now: Timestamp,
) -> Result<Amounts, Unmeasured> {
    let sample = sample.ok_or(Unmeasured::Missing)?;
    let age = now.duration_since(sample.taken_at.ok_or(Unmeasured::Stale)?);
    if age > OLDEST {
        return Err(Unmeasured::Stale);
    }
    if age < -AHEAD {
        return Err(Unmeasured::Future);
    }
    let amount = |resource, measured| match measured {
        Measured::Amount(used) => ceiling.believe(resource, used, requests).ok_or(Unmeasured::Absurd),
        Measured::Missing => Err(Unmeasured::Partial),
        Measured::Negative => Err(Unmeasured::Negative),
        Measured::Absurd => Err(Unmeasured::Absurd),
    };
    let memory = amount(Resource::Memory, sample.memory)?;
    let cpu = amount(Resource::Cpu, sample.cpu)?;
    if sample.containers.is_some_and(|containers| containers < usize::from(pod.containers)) {
        return Err(Unmeasured::Partial);
    }
    let mut used = requests.clone();
    (used.memory, used.cpu) = (Bytes(memory), Millicores(cpu));
    Ok(used)
}

/// Adds the usage of each node's pods beside their requests.
pub(super) fn note_usage<'a>(nodes: &mut [NodeFacts<'a>], snapshot: &'a Snapshot, policy: &'a Policy) {
    let Some(usage) = usage_of_nodes(nodes, snapshot, policy) else { return };
    for (facts, usage) in nodes.iter_mut().zip(usage) {
        facts.usage = Some(Box::new(usage));
    }
}

/// The usage of the pods that count in the demand on a pool's serving nodes; `None` if it is not known.
pub(super) fn used_in_pool<'n, 'a: 'n>(
    nodes: impl Iterator<Item = (NodeIndex, &'n NodeFacts<'a>)>,
    serves: impl Fn(NodeIndex, &NodeFacts<'a>) -> bool,
) -> Option<Used> {
    let mut sum = None;
    for (index, facts) in nodes {
        let Some(usage) = &facts.usage else { continue };
        let sum = sum.get_or_insert_with(Used::default);
        sum.add(&usage.demand.told);
        if serves(index, facts) {
            sum.add(&usage.daemons.told);
        }
    }
    sum
}

#[cfg(test)]
mod tests;
