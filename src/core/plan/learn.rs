//! Adds the demand of a run to the history that foresight learns from.

use super::value::Plan;
use crate::model::History;

impl Plan {
    /// Records the present demand of each pool. Returns whether that changed the history, so that it must be stored.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Resource, Slot};
    use crate::plan::fixture::{Build, cluster, node, now, pod};
    use crate::plan::plan;
    use crate::policy::{Foresight, Policy};

    const GIBI: u64 = 1 << 30;

    /// Users of 1Gi and half a core: some on a node, and one waiting.
    fn planned(users: usize, foresight: Foresight) -> Plan {
        let mut pods: Vec<_> =
            (0..users).map(|user| pod(&format!("hub/user-{user}")).labelled("user").on("n0")).collect();
        pods.push(pod("hub/waits").labelled("user"));
        let policy =
            Policy { preemptible_labels: ["user".to_owned()].into(), foresight, ..Policy::default() };
        plan(&cluster(vec![node("n0"), node("n1")], pods), &policy).unwrap()
    }

    #[test]
    fn a_run_notes_what_users_ask_for_those_who_wait_included() {
        let mut history = History::default();
        let slot = Slot::of(now());
        assert!(planned(3, Foresight::default()).teach(&mut history));
        assert_eq!(history.peak("", Resource::Memory, slot), Some(4 * GIBI));
        assert_eq!(history.peak("", Resource::Cpu, slot), Some(2000));
        assert!(!planned(3, Foresight::default()).teach(&mut history), "the same is nothing new");
        assert!(!planned(1, Foresight::default()).teach(&mut history), "nor is less");
        assert_eq!(history.peak("", Resource::Memory, slot), Some(4 * GIBI));
        assert!(planned(4, Foresight::default()).teach(&mut history));
        assert_eq!(history.peak("", Resource::Memory, slot), Some(5 * GIBI));
    }

    #[test]
    fn what_is_expected_is_not_learned_as_if_somebody_had_asked_for_it() {
        let schedule = crate::foresight::parse_schedule("Mon 00:00-24:00 RESERVE=60Gi").unwrap();
        let mut history = History::default();
        let plan = planned(3, Foresight { schedule, ..Foresight::default() });
        assert_eq!(plan.pools[0].expectation.amounts().memory.0, 60 * GIBI, "it is a Monday");
        plan.teach(&mut history);
        assert_eq!(history.peak("", Resource::Memory, Slot::of(now())), Some(4 * GIBI));
    }
}
