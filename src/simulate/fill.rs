//! The number of nodes that a demand fills to the optimum, with fractions.

use kube_rebalancer_core::policy::PartsPerMillion;

use super::cluster::{Cluster, PoolIndex};
use super::resources::{Resource, Resources};

/// For each pool, the requests that fill one of its nodes to the optimum, in millionths of the resource's unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fill {
    pools: Vec<Vec<(Resource, u128)>>,
}

/// Demands of several pools are added up in thousandths of a node.
const THOUSANDTHS: u64 = 1000;

impl Fill {
    /// The optimum does not apply to GPUs: they fill a node to the last device. The core's node is not for users.
    pub(crate) fn new(cluster: &Cluster, optimum: PartsPerMillion) -> Self {
        let filled = |resource: &Resource, offered: Resources| {
            let degree = if *resource == Resource::Gpu { PartsPerMillion::ONE } else { optimum };
            (*resource, u128::from(offered.of(*resource)) * u128::from(degree.0))
        };
        let pool = |index: PoolIndex| {
            let offered = cluster.offered(index);
            cluster.counted.iter().map(|resource| filled(resource, offered)).collect()
        };
        Self { pools: (0..cluster.pools.len()).map(pool).collect() }
    }

    /// The number of nodes that hold a demand, given for each pool.
    pub(crate) fn nodes(&self, asked: &[Resources]) -> u64 {
        self.nodes_of_each(asked).sum()
    }

    /// The same for each pool.
    pub(crate) fn nodes_of_each(&self, asked: &[Resources]) -> impl Iterator<Item = u64> {
        let nodes = |(asked, filled): (&Resources, &Vec<(Resource, u128)>)| {
            largest(*asked, filled, |millionths, filled| millionths.div_ceil(filled))
        };
        asked.iter().zip(&self.pools).map(nodes)
    }

    /// The demand in a unit of which [`Fill::unit`] is one node at the optimum. If only one resource of one pool counts,
    /// it is the resource's own unit.
    pub(crate) fn workload(&self, asked: &[Resources]) -> u64 {
        if let ([asked], Some((resource, _))) = (asked, self.single()) {
            return asked.of(resource);
        }
        let parts = |(asked, filled): (&Resources, &Vec<(Resource, u128)>)| {
            largest(*asked, filled, |millionths, filled| millionths * u128::from(THOUSANDTHS) / filled)
        };
        asked.iter().zip(&self.pools).map(parts).sum()
    }

    /// One node at the optimum in the unit of [`Fill::workload`]; never 0.
    pub(crate) fn unit(&self) -> u64 {
        let whole = u128::from(PartsPerMillion::ONE.0);
        let single = self.single().map(|(_, filled)| u64::try_from(filled / whole).unwrap_or(u64::MAX));
        single.unwrap_or(THOUSANDTHS).max(1)
    }

    fn single(&self) -> Option<(Resource, u128)> {
        match self.pools.as_slice() {
            [pool] if pool.len() == 1 => pool.first().copied(),
            _ => None,
        }
    }
}

/// The largest quotient among the resources that a node offers.
fn largest(asked: Resources, filled: &[(Resource, u128)], divide: impl Fn(u128, u128) -> u128) -> u64 {
    let whole = u128::from(PartsPerMillion::ONE.0);
    let of = |(resource, filled): &(Resource, u128)| {
        if *filled == 0 { 0 } else { divide(u128::from(asked.of(*resource)) * whole, *filled) }
    };
    u64::try_from(filled.iter().map(of).max().unwrap_or(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use kube_rebalancer_core::model::{Bytes, Millicores};

    const MACHINE: Machine = Machine::new(Bytes(52 << 30), 8);
    const HALF: PartsPerMillion = PartsPerMillion(500_000);

    #[test]
    fn the_resource_that_needs_most_nodes_decides_if_it_counts() {
        let offered = MACHINE.offered();
        let asked = [Resources { memory: offered.memory, cpu: Millicores(offered.cpu.0 * 2 + 1), gpus: 0 }];
        assert_eq!(Fill::new(&Cluster::uniform(MACHINE), HALF).nodes(&asked), 2);
        let fill = Fill::new(&Cluster::of_two_resources(MACHINE), HALF);
        assert_eq!(fill.nodes(&asked), 5);
        // Twice what a node offers, at one half of it, is four nodes and a little.
        assert_eq!((fill.workload(&asked), fill.unit()), (4000, 1000));
    }

    #[test]
    fn pools_are_added_up_and_gpus_are_used_to_the_last_one() {
        let cluster = Cluster::of_three_pools(MACHINE);
        let fill = Fill::new(&cluster, HALF);
        let mut asked = vec![Resources::default(); cluster.pools.len()];
        assert_eq!(fill.nodes(&asked), 0);
        asked[0].memory = Bytes(1);
        asked[2].gpus = 2;
        assert_eq!(fill.nodes(&asked), 2);
        asked[2].gpus = 3;
        assert_eq!(fill.nodes(&asked), 3);
    }

    #[test]
    fn memory_alone_is_a_workload_in_bytes() {
        let fill = Fill::new(&Cluster::uniform(MACHINE), HALF);
        let asked = [Resources { memory: Bytes(7), ..Resources::default() }];
        assert_eq!((fill.workload(&asked), fill.unit()), (7, MACHINE.offered().memory.0 / 2));
    }
}
