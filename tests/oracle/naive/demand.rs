//! Section 4: the requested and the offered amounts, and their ratio; sections 6 and 14: the pool of a pod.

use std::cmp::Ordering;

use kube_rebalancer_core::model::{Amounts, Pod, Resource, is_extended_resource};
use kube_rebalancer_core::policy::{PartsPerMillion, Policy};

use super::list::Line;
use super::reach;
use super::used::Count;
use super::words::{self, Class, Cordon};
use super::world::{Machine, State, World};

/// Requested amount over offered amount.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    asked: u128,
    offered: u128,
}

impl Ratio {
    pub(crate) fn at_most(self, bound: PartsPerMillion) -> bool {
        self.compare(Self { asked: u128::from(bound.0), offered: 1_000_000 }) != Ordering::Greater
    }

    pub(crate) fn at_least(self, bound: PartsPerMillion) -> bool {
        self.compare(Self { asked: u128::from(bound.0), offered: 1_000_000 }) != Ordering::Less
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        let infinite = |one: Self| one.offered == 0 && one.asked > 0;
        match (infinite(self), infinite(other)) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => (self.asked * other.offered.max(1)).cmp(&(other.asked * self.offered.max(1))),
        }
    }
}

/// The resource that decides, and its ratio.
pub(crate) fn utilization(policy: &Policy, asked: &Amounts, offered: &Amounts) -> (Resource, Ratio) {
    let ratio = |resource: Resource| Ratio {
        asked: u128::from(asked.of(resource)),
        offered: u128::from(offered.of(resource)),
    };
    let mut largest = (policy.resources[0], ratio(policy.resources[0]));
    for resource in &policy.resources[1..] {
        if ratio(*resource).compare(largest.1) == Ordering::Greater {
            largest = (*resource, ratio(*resource));
        }
    }
    largest
}

/// The amounts that these nodes offer, and the requested amounts.
pub(crate) fn sums<'b>(
    by: Count,
    base: &Amounts,
    lines: impl Iterator<Item = &'b Line>,
) -> (Amounts, Amounts) {
    let (mut asked, mut offered) = (base.clone(), Amounts::default());
    for line in lines {
        asked.add(match by {
            Count::Choice => &line.daemons_used,
            Count::Requests => &line.daemons,
        });
        offered.add(&line.capacity);
    }
    (asked, offered)
}

impl World<'_> {
    /// `W` of a pool without the daemons of the serving nodes.
    pub(crate) fn requested(&self, by: Count, pool: &str) -> Amounts {
        let mut sum = Amounts::default();
        for machine in self.in_pool(pool) {
            let stays = machine.cordon == Cordon::None
                && machine.is_ready
                && matches!(machine.state, State::UnderPressure | State::NotInUse);
            for pod in machine.pods.iter().filter(|pod| self.counts(pod)) {
                let counts = match self.class(pod) {
                    Class::Daemon => false,
                    Class::Critical => machine.common && !stays,
                    Class::Dynamic => !stays && (machine.common || self.reaches_common(pod, pool)),
                    Class::Placeholder => machine.common || self.reaches_common(pod, pool),
                };
                if counts {
                    sum.add(&self.counted_by(by, machine.node, pod));
                }
            }
        }
        for (_, pod) in self.unread.iter().filter(|(of, _)| of == pool) {
            if matches!(self.class(pod), Class::Dynamic | Class::Placeholder) {
                sum.add(&pod.requests);
            }
        }
        for loose in self.loose.iter().filter(|loose| !loose.settled && loose.pool.as_deref() == Some(pool)) {
            let unbound = loose.pod.unbound.as_deref();
            let left_out = unbound.is_some_and(|unbound| unbound.gated || unbound.set_aside);
            if !left_out && self.would_fit_somewhere(loose.pod, pool) {
                sum.add(&loose.pod.requests);
            }
        }
        sum
    }

    /// Section 4: a node that boots counts by its own status here.
    fn reaches_common(&self, pod: &Pod, pool: &str) -> bool {
        let holds = |machine: &Machine<'_>| {
            reach::admitted_by(self, pod, machine)
                && pod.requests.fits(&machine.reported_free_of_occupants(self.policy))
        };
        self.in_pool(pool).any(|machine| machine.common && holds(machine))
    }

    /// Whether the pod would fit some candidate or new node of the pool without occupants.
    pub(crate) fn would_fit_somewhere(&self, pod: &Pod, pool: &str) -> bool {
        self.in_pool(pool)
            .any(|machine| machine.is_candidate(self.policy) && reach::reaches(self, pod, machine))
            || self.pools[pool].iter().any(|shape| {
                let comes = shape.growable || self.is_coming(shape);
                comes && reach::would_take_new(self, pod, shape)
            })
    }

    /// Whether a group has an instance that is still booting.
    fn is_coming(&self, shape: &super::shape::Shape) -> bool {
        let group = shape.group.as_deref().and_then(|name| self.group(name));
        group.is_some_and(|group| {
            group
                .instances
                .iter()
                .any(|one| !one.has_node && super::shape::coming(self, one) == super::shape::Coming::Booting)
        })
    }

    /// Section 14: the pool of each pod without a node.
    pub(crate) fn assign_pools(&mut self) {
        let found: Vec<Option<String>> = self.loose.iter().map(|loose| self.pool_for(loose)).collect();
        for (loose, pool) in self.loose.iter_mut().zip(found) {
            loose.pool = pool;
        }
    }

    fn pool_for(&self, loose: &super::world::Loose<'_>) -> Option<String> {
        let pod = loose.pod;
        if self.policy.pool_label.is_none() {
            return Some(String::new());
        }
        let mut pools: Vec<&String> = self.pools.keys().collect();
        pools.sort_by_key(|pool| {
            let foreign = self.in_pool(pool).filter(|machine| machine.common).any(|machine| {
                words::extended(machine.node)
                    .iter()
                    .any(|name| is_extended_resource(name) && pod.requests.further_of(name) == 0)
            });
            (foreign, (*pool).clone())
        });
        let policy = self.policy;
        for place in 0..8 {
            for pool in &pools {
                let mut machines = self.in_pool(pool);
                let taken = match place {
                    0 => machines.any(|one| one.serves(policy) && reach::fits_now(self, pod, one)),
                    1 => machines
                        .any(|one| one.is_cordoned_candidate(policy) && reach::fits_now(self, pod, one)),
                    2 | 3 => machines.any(|one| {
                        let open = one.cordon == Cordon::None;
                        let counts = if place == 2 { open } else { super::place::may_open(one, policy) };
                        !one.common && one.usable(policy) && counts && reach::fits_now(self, pod, one)
                    }),
                    4 => {
                        let boots =
                            |one: &Machine<'_>| one.state == State::Booting && one.is_candidate(policy);
                        machines.any(|one| {
                            boots(one) && reach::reaches(self, pod, one) && pod.requests.fits(&one.free())
                        }) || self.pools[*pool]
                            .iter()
                            .any(|shape| self.is_coming(shape) && reach::would_take_new(self, pod, shape))
                    }
                    5 if super::place::room(self, pool, true, usize::MAX) == 0 => false,
                    6 => machines.any(|one| {
                        let may_take = one.is_candidate(policy) || (!one.common && one.usable(policy));
                        may_take && reach::reaches(self, pod, one)
                    }),
                    _ => self.pools[*pool]
                        .iter()
                        .any(|shape| shape.growable && reach::would_take_new(self, pod, shape)),
                };
                if taken {
                    return Some((*pool).clone());
                }
            }
        }
        None
    }
}
