//! Clusters with usage of pods from sources of metrics: correct, partial, or missing.

use jiff::SignedDuration;
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::{Measured, Pod, PodSample, Sample, Snapshot};
use kube_rebalancer_core::plan::{Plan, plan};
use kube_rebalancer_core::policy::{DemandSource, Policy};

use crate::generate::{World, worlds};
use crate::properties::{differs, hold};

/// The same world with a `DEMAND` that asks for usage.
fn by_usage(mut world: World) -> World {
    let larger = world.cluster.pods.len() % 2 == 1;
    world.policy.demand = if larger { DemandSource::Larger } else { DemandSource::Usage };
    world
}

/// A number that depends on a pod alone, so that a simplified world keeps it.
fn number(pod: &Pod) -> u64 {
    let letters = pod.namespace.bytes().chain(pod.name.bytes());
    letters.fold(17, |sum: u64, letter| sum.wrapping_mul(31).wrapping_add(u64::from(letter)) % 1_000_003)
}

/// The sample of a pod: most pods use a part of their requests, some more, and some samples are wrong.
fn told(pod: &Pod, snapshot: &Snapshot) -> Option<Sample> {
    let number = number(pod);
    let parts = |amount: u64| Measured::Amount(amount / 8 * (number / 16 % 20));
    let good = Sample {
        taken_at: Some(snapshot.observed_at()),
        memory: parts(pod.requests.memory.0.min(1 << 50)),
        cpu: parts(pod.requests.cpu.0.min(1 << 30)),
        containers: Some(1),
    };
    match number % 16 {
        0 => None,
        1 => Some(Sample { memory: Measured::Negative, ..good }),
        2 => Some(Sample { cpu: Measured::Absurd, ..good }),
        3 => Some(Sample { taken_at: None, ..good }),
        4 => Some(Sample { cpu: Measured::Missing, ..good }),
        5 => Some(Sample { memory: Measured::Amount(u64::MAX), ..good }),
        6 => Some(Sample { taken_at: Some(snapshot.observed_at() + SignedDuration::from_hours(1)), ..good }),
        7 => Some(Sample { taken_at: Some(snapshot.observed_at() - SignedDuration::from_hours(1)), ..good }),
        8 => Some(Sample { containers: Some(0), ..good }),
        _ => Some(good),
    }
}

fn with_samples(snapshot: Snapshot, of: impl Fn(&Pod, &Snapshot) -> Option<Sample>) -> Snapshot {
    let samples = snapshot.pods().iter().filter_map(|pod| {
        let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
        Some(PodSample { namespace, name, sample: of(pod, &snapshot)? })
    });
    let samples = samples.collect();
    snapshot.with_usage(Some(samples))
}

/// Section 19: the usage of pods changes only the choice, so the checker, which counts requests, finds nothing.
#[test]
fn with_usage_the_checker_finds_nothing_and_a_plan_is_final() {
    hold(&worlds(), by_usage, &|world| {
        let snapshot = with_samples(world.snapshot(), told);
        let plan = plan(&snapshot, &world.policy).ok()?;
        if let Some(first) = check(&snapshot, &world.policy, &plan).first() {
            let word = format!("{first:?}");
            let word = word.split(['{', ' ']).next().unwrap_or_default();
            return Some(format!("{word}: {first:?}"));
        }
        let found = check_settled(&snapshot, &world.policy, &plan, kube_rebalancer_core::plan::plan)?;
        Some(format!("settled: {found:?} after {:?}", plan.actions))
    });
}

#[test]
fn with_usage_the_planner_decides_as_the_naive_one_does() {
    hold(&worlds(), by_usage, &|world| differs(world, &with_samples(world.snapshot(), told)));
}

/// A plan without its texts about usage.
fn without_usage(snapshot: &Snapshot, policy: &Policy) -> Option<Plan> {
    let mut plan = plan(snapshot, policy).ok()?;
    for pool in &mut plan.pools {
        (pool.used, pool.demand.counted) = (None, None);
    }
    Some(plan)
}

#[test]
fn by_requests_nothing_that_a_source_tells_changes_a_plan() {
    hold(&worlds(), |world| world, &|world| {
        let plain = without_usage(&world.snapshot(), &world.policy);
        let told = without_usage(&with_samples(world.snapshot(), told), &world.policy);
        (plain != told).then(|| format!("usage: {told:?}"))
    });
}

/// If every pod uses its requests, or has no sample, usage and requests are the same.
#[test]
fn pods_that_use_what_they_ask_for_change_no_plan() {
    let as_asked = |pod: &Pod, snapshot: &Snapshot| {
        let good = Sample {
            taken_at: Some(snapshot.observed_at()),
            memory: Measured::Amount(pod.requests.memory.0),
            cpu: Measured::Amount(pod.requests.cpu.0),
            containers: None,
        };
        (!number(pod).is_multiple_of(3)).then_some(good)
    };
    hold(&worlds(), by_usage, &|world| {
        let by_requests = Policy { demand: DemandSource::Requests, ..world.policy.clone() };
        let mut plain = without_usage(&world.snapshot(), &by_requests)?;
        let mut told = without_usage(&with_samples(world.snapshot(), as_asked), &world.policy)?;
        // A node that only requests keep has a special reason.
        let (plain_actions, told_actions) =
            (std::mem::take(&mut plain.actions), std::mem::take(&mut told.actions));
        (plain_actions != told_actions).then(|| format!("same: {plain_actions:?} then {told_actions:?}"))
    });
}
