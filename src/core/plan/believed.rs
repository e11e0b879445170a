//! The room that is believed of a node that boots: what the other nodes of its group report bounds it (section 5).
//!
//! Pods get their places on a node before it is Ready. A kubelet that reports far too much would take the waiting pods of a whole
//! cluster, and no run would create a node for them.

use std::sync::Arc;

use super::capacity::BELIEVED;
use super::median::lower_median;
use crate::model::{Amounts, Bytes, FurtherAmounts, Millicores};

/// The lower median of what the nodes of a group report; of memory and processor time without bound if none reports any.
#[derive(Clone, Debug)]
pub(super) struct Typical(Amounts);

impl Typical {
    pub(super) fn of<'n>(offers: &(impl Iterator<Item = &'n Amounts> + Clone)) -> Self {
        let median = |amount: fn(&Amounts) -> u64| {
            let reported = offers.clone().map(amount).filter(|amount| *amount < u64::MAX);
            lower_median(reported.collect()).unwrap_or(u64::MAX)
        };
        let amounts = Amounts::pod(Bytes(median(|one| one.memory.0)), Millicores(median(|one| one.cpu.0)));
        let mut devices = FurtherAmounts::new();
        for name in offers.clone().flat_map(|one| one.further().map(|(name, _)| name)) {
            if !devices.contains_key(name) {
                let all = offers.clone().map(|one| one.further_of(name)).collect();
                devices.insert(name.clone(), lower_median(all).unwrap_or_default());
            }
        }
        Self(amounts.with_further(Some(Arc::new(devices))))
    }

    /// An offer of a node of the group, of each resource at most what can be true. Of a device that most nodes do not have, any
    /// number can be.
    pub(super) fn bound(&self, offer: &Amounts) -> Amounts {
        let bound =
            |amount: u64, median: u64| if amount > median.saturating_mul(BELIEVED) { median } else { amount };
        let mut bounded = offer.clone();
        bounded.memory.0 = bound(offer.memory.0, self.0.memory.0);
        bounded.cpu.0 = bound(offer.cpu.0, self.0.cpu.0);
        let further = offer.further().map(|(name, amount)| {
            let median = Some(self.0.further_of(name)).filter(|median| *median > 0);
            (name.clone(), median.map_or(amount, |median| bound(amount, median)))
        });
        let further: FurtherAmounts = further.collect();
        bounded.with_further(Some(Arc::new(further)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(memory: u64, cpu: u64, gpus: u64) -> Amounts {
        let further = FurtherAmounts::from([("nvidia.com/gpu".into(), gpus)]);
        Amounts::pod(Bytes(memory), Millicores(cpu)).with_further(Some(Arc::new(further)))
    }

    #[test]
    fn more_than_four_times_the_median_counts_as_the_median() {
        let offers = [offer(32, 8, 2), offer(31, 8, 2), offer(9000, 7, 2), offer(u64::MAX, u64::MAX, 2)];
        let typical = Typical::of(&offers.iter());
        assert_eq!(typical.bound(&offer(9000, 33, 9)), offer(32, 8, 2));
        assert_eq!(typical.bound(&offer(u64::MAX, 0, 0)), offer(32, 0, 0));
        assert_eq!(typical.bound(&offer(128, 32, 8)), offer(128, 32, 8), "four times is believed");
    }

    #[test]
    fn what_no_other_node_tells_is_believed() {
        let alone = offer(9000, u64::MAX, 9000);
        let typical = Typical::of(&std::iter::once(&alone));
        assert_eq!(typical.bound(&alone), alone);
        let few = [offer(8, 8, 0), offer(8, 8, 0), offer(8, 8, 4)];
        assert_eq!(Typical::of(&few.iter()).bound(&offer(8, 8, 40)), offer(8, 8, 40), "most have no device");
    }
}
