//! The settings that a pool may override, and the rules between them in every pool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use kube_rebalancer_core::policy::{Bounds, PartsPerMillion, PoolName};

use super::catalog::{self, Entry, Setting};
use super::form::ByPool;
use super::origin::Origin;
use super::problem::{Problem, ValueInForce};
use super::reader::Reader;

/// The values of the settings that a pool may override; `None` if a text is not valid.
pub(super) struct Bounded {
    pub(super) min_utilization: Option<ByPool<PartsPerMillion>>,
    pub(super) optimal_utilization: Option<ByPool<PartsPerMillion>>,
    pub(super) max_utilization: Option<ByPool<PartsPerMillion>>,
    pub(super) min_nodes: Option<ByPool<usize>>,
    pub(super) max_nodes: Option<ByPool<usize>>,
    pub(super) keep_zones: Option<ByPool<bool>>,
    /// Whether `POOL_LABEL` is set; `true` if its text is not valid.
    pub(super) has_pools: bool,
}

/// A value in force for a pool, with its origin.
struct InForce<T> {
    value: T,
    origin: Origin,
}

impl Bounded {
    /// Compares the values of every pool with each other, if each is valid.
    pub(super) fn check(&self, reader: &mut Reader) {
        self.check_names(reader);
        for pool in self.pools() {
            let [minimum, optimum, maximum] = [
                (&catalog::MIN_UTILIZATION, &self.min_utilization),
                (&catalog::OPTIMAL_UTILIZATION, &self.optimal_utilization),
                (&catalog::MAX_UTILIZATION, &self.max_utilization),
            ];
            check_order(minimum, optimum, pool, self.has_pools, reader);
            check_order(optimum, maximum, pool, self.has_pools, reader);
            check_order(minimum, maximum, pool, self.has_pools, reader);
            let fewest = (&catalog::MIN_NODES, &self.min_nodes);
            check_order(fewest, (&catalog::MAX_NODES, &self.max_nodes), pool, self.has_pools, reader);
        }
    }

    /// The bounds of the pools without overrides, and of the pools with overrides.
    pub(super) fn resolve(&self, reader: &Reader) -> Option<(Bounds, BTreeMap<PoolName, Bounds>)> {
        let common = self.of(None, reader)?;
        let pools = self.pools().flatten();
        let pools: Option<_> = pools.map(|pool| Some((pool.clone(), self.of(Some(pool), reader)?))).collect();
        Some((common, pools?))
    }

    fn of(&self, pool: Option<&PoolName>, reader: &Reader) -> Option<Bounds> {
        let pools = self.has_pools;
        let max_nodes = in_force(&catalog::MAX_NODES, self.max_nodes.as_ref(), pool, pools, reader)?;
        let ratio = |setting, values: &Option<_>| {
            Some(in_force(setting, values.as_ref(), pool, pools, reader)?.value)
        };
        Some(Bounds {
            min_utilization: ratio(&catalog::MIN_UTILIZATION, &self.min_utilization)?,
            optimal_utilization: ratio(&catalog::OPTIMAL_UTILIZATION, &self.optimal_utilization)?,
            max_utilization: ratio(&catalog::MAX_UTILIZATION, &self.max_utilization)?,
            min_nodes: in_force(&catalog::MIN_NODES, self.min_nodes.as_ref(), pool, pools, reader)?.value,
            max_nodes: max_nodes.value,
            max_nodes_set: max_nodes.origin != Origin::Default,
            keep_zones: in_force(&catalog::KEEP_ZONES, self.keep_zones.as_ref(), pool, pools, reader)?.value,
        })
    }

    /// `None` for the pools without overrides, then each pool that has one.
    fn pools(&self) -> impl Iterator<Item = Option<&PoolName>> {
        let names: BTreeSet<_> = self.by_setting().into_iter().flat_map(|(_, pools)| pools).collect();
        std::iter::once(None).chain(names.into_iter().map(Some))
    }

    fn check_names(&self, reader: &mut Reader) {
        for (entry, pools) in self.by_setting() {
            reader.check_pools(entry, pools.first().copied(), self.has_pools);
        }
    }

    /// The pools that each setting overrides, by its name.
    pub(super) fn named(&self) -> BTreeMap<&'static str, BTreeSet<PoolName>> {
        let overriding = self.by_setting().into_iter().filter(|(_, pools)| !pools.is_empty());
        overriding.map(|(entry, pools)| (entry.name, pools.into_iter().cloned().collect())).collect()
    }

    fn by_setting(&self) -> [(&'static Entry, Vec<&PoolName>); 6] {
        [
            (&catalog::MAX_UTILIZATION.entry, names(self.max_utilization.as_ref())),
            (&catalog::MIN_UTILIZATION.entry, names(self.min_utilization.as_ref())),
            (&catalog::OPTIMAL_UTILIZATION.entry, names(self.optimal_utilization.as_ref())),
            (&catalog::MIN_NODES.entry, names(self.min_nodes.as_ref())),
            (&catalog::MAX_NODES.entry, names(self.max_nodes.as_ref())),
            (&catalog::KEEP_ZONES.entry, names(self.keep_zones.as_ref())),
        ]
    }
}

fn names<T>(values: Option<&ByPool<T>>) -> Vec<&PoolName> {
    values.map(|values| values.pools.keys().collect()).unwrap_or_default()
}

/// The value of a pool: its own, else the one for all pools, else the default.
fn in_force<T: Copy>(
    setting: &'static Setting<ByPool<T>>,
    values: Option<&ByPool<T>>,
    pool: Option<&PoolName>,
    has_pools: bool,
    reader: &Reader,
) -> Option<InForce<T>> {
    let values = values?;
    let origin = reader.origin(&setting.entry);
    let own = pool.and_then(|pool| values.pools.get(pool)).copied();
    // Without a variable or flag, the value is the default itself.
    if let Some(value) = own.or(values.common).filter(|_| origin != Origin::Default) {
        return Some(InForce { value, origin });
    }
    let default = if has_pools { setting.entry.default_of_a_pool() } else { setting.entry.default };
    let value = (setting.form.read)(default).ok()?.common?;
    Some(InForce { value, origin: Origin::Default })
}

/// Checks `lower <= upper` in a pool.
fn check_order<T: Copy + PartialOrd + Display>(
    (lower, lower_values): (&'static Setting<ByPool<T>>, &Option<ByPool<T>>),
    (upper, upper_values): (&'static Setting<ByPool<T>>, &Option<ByPool<T>>),
    pool: Option<&PoolName>,
    has_pools: bool,
    reader: &mut Reader,
) {
    let overrides = |values: &Option<ByPool<T>>| {
        pool.is_none_or(|pool| values.as_ref().is_some_and(|values| values.pools.contains_key(pool)))
    };
    // If a pool overrides neither, the problem is not its own.
    if !overrides(lower_values) && !overrides(upper_values) {
        return;
    }
    let small = in_force(lower, lower_values.as_ref(), pool, has_pools, reader);
    let large = in_force(upper, upper_values.as_ref(), pool, has_pools, reader);
    if let Some((small, large)) = small.zip(large)
        && small.value > large.value
    {
        let shown = |entry, in_force: &InForce<T>| ValueInForce {
            entry,
            text: in_force.value.to_string(),
            origin: in_force.origin,
        };
        reader.complain(Problem::Order {
            lower: shown(&lower.entry, &small),
            upper: shown(&upper.entry, &large),
            pool: pool.cloned(),
        });
    }
}
