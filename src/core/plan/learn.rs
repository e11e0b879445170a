//! What a run adds to the history that foresight learns from.

use super::value::Plan;
use crate::model::History;

impl Plan {
    /// Notes what each pool asks for now. Returns whether that changed the history, so that it is to be kept for later
    /// runs.
    pub fn teach(&self, history: &mut History) -> bool {
        let mut changed = false;
        for pool in &self.pools {
            let asked = pool.demand.occupants.clone().plus(&pool.demand.waiting);
            for (resource, _) in pool.before.utilization.ratios() {
                changed |= history.observe(self.observed_at, &pool.name, resource, asked.of(resource));
            }
        }
        changed
    }
}
