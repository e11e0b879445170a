//! Section 12: the expected additional amounts, from the slots at this time of the day in four weeks.

use jiff::civil::Weekday;
use kube_rebalancer_core::model::{Amounts, Assignment, Bytes, Millicores, Resource, Rule, Slot};

use super::used::Count;
use super::world::World;

/// Seconds of a slot, and slots of a day.
const SLOT: i64 = 300;
const DAY: i64 = 288;

/// Monday is 0; 1970 began on a Thursday.
fn weekday(slot: i64) -> i64 {
    (slot.div_euclid(DAY) + 3) % 7
}

fn is_midweek(slot: i64) -> bool {
    weekday(slot) < 4
}

impl World<'_> {
    /// `W` of a pool with the expected amounts, without the daemons of the serving nodes.
    pub(crate) fn asked(&self, by: Count, pool: &str) -> Amounts {
        let requested = self.requested(Count::Requests, pool);
        let reserved = |resource: Resource| {
            let rules = self.policy.foresight.schedule.iter().filter(|rule| self.is_in_force(rule));
            let assignments = rules.flat_map(|rule| &rule.assignments);
            let amounts = assignments.filter_map(|one| match one {
                Assignment::Reserve { pool: of, resource: what, amount } => {
                    (*what == resource && of.as_deref().unwrap_or(pool) == pool).then_some(*amount)
                }
                Assignment::MinNodes { .. } => None,
            });
            amounts.max().unwrap_or(0)
        };
        let mut expected = Amounts::pod(Bytes(0), Millicores(0));
        expected.pods = 0;
        for resource in &self.policy.resources {
            let amount = self.expected(pool, *resource, requested.of(*resource)).max(reserved(*resource));
            match resource {
                Resource::Memory => expected.memory.0 = amount,
                Resource::Cpu => expected.cpu.0 = amount,
            }
        }
        self.requested(by, pool).plus(&expected)
    }

    /// Whether a rule holds now, or will within the lead; by minutes since Monday.
    fn is_in_force(&self, rule: &Rule) -> bool {
        let slot = self.snapshot.observed_at().as_second().div_euclid(SLOT);
        let now = weekday(slot) * 1440 + slot.rem_euclid(DAY) * 5;
        let lead = self.policy.foresight.lead.as_mins();
        (0..7).filter(|day| rule.days.contains(Weekday::from_monday_zero_offset(*day).unwrap())).any(|day| {
            let begin = i64::from(day) * 1440 + rule.begin;
            let length =
                if rule.end > rule.begin { rule.end - rule.begin } else { rule.end + 1440 - rule.begin };
            // The week is a circle.
            (now - (begin - lead)).rem_euclid(7 * 1440) < length + lead
        })
    }

    /// Section 12: the minimum that is in force.
    pub(crate) fn scheduled_min_nodes(&self, pool: &str) -> usize {
        let rules = self.policy.foresight.schedule.iter().filter(|rule| self.is_in_force(rule));
        let assignments = rules.flat_map(|rule| &rule.assignments);
        let nodes = assignments.filter_map(|one| match one {
            Assignment::MinNodes { pool: of, nodes } => {
                (of.as_deref().unwrap_or(pool) == pool).then_some(*nodes)
            }
            Assignment::Reserve { .. } => None,
        });
        nodes.max().unwrap_or(0)
    }

    fn expected(&self, pool: &str, resource: Resource, requested: u64) -> u64 {
        let Some(history) = self.snapshot.history() else { return 0 };
        let foresight = &self.policy.foresight;
        let now = self.snapshot.observed_at().as_second().div_euclid(SLOT);
        let peak = |slot: i64| history.peak(pool, resource, Slot::numbered(u32::try_from(slot).unwrap()));
        let rise = |slot: i64| {
            let ahead = foresight.lead.as_secs() / SLOT;
            let next = (1..=ahead)
                .filter(|slots| slot + slots <= now)
                .filter_map(|slots| peak(slot + slots))
                .max()?;
            Some(next.saturating_sub(peak(slot)?))
        };
        // The slots at this time of the day, each with its neighbours.
        let chosen = |wanted: &dyn Fn(i64, i64) -> bool| {
            let days = (1..=28).filter(|days| wanted(*days, now - days * DAY));
            let slots = days.flat_map(|days| (-1..=1).map(move |beside| now - days * DAY + beside));
            let mut rises: Vec<u64> = slots.filter_map(rise).collect();
            rises.sort_unstable();
            let last = rises.len().checked_sub(1)?;
            Some(rises[(90 * last + 50) / 100])
        };
        let alike = |days: i64, then: i64| days % 7 == 0 || (days < 7 && is_midweek(now) && is_midweek(then));
        if foresight.forecast
            && let Some(rise) = chosen(&alike).or_else(|| chosen(&|days, _| days <= 7))
        {
            return rise;
        }
        let mut recent: Vec<u64> = (now - 24..now).filter_map(rise).collect();
        recent.sort_unstable();
        let an_hour = recent.len() >= 12;
        let recent = recent.get((90 * recent.len().saturating_sub(1) + 50) / 100).copied();
        let recent = recent.filter(|_| foresight.forecast && an_hour).unwrap_or(0);
        let back = foresight.stabilization.as_secs() / SLOT;
        if back == 0 {
            return recent;
        }
        let whole = |amount: u64| match resource {
            Resource::Memory => amount.div_ceil(1 << 20) << 20,
            Resource::Cpu => amount,
        };
        let peak = (now - back..=now).filter_map(peak).max();
        recent.max(peak.map_or(0, |peak| peak.saturating_sub(whole(requested))))
    }
}
