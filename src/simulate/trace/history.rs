//! Builds a history for foresight from stays, so that a new installation begins with known amounts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube_rebalancer_core::model::{History, Resource, SLOTS_KEPT, Slot};

use super::Stay;

/// The history of the last weeks of these stays, in the pool of that name: in each slot the most that was requested at one
/// time. Between the first and the last stay, a slot without requests is zero.
#[must_use]
pub fn history(stays: &[Stay], pool: &str) -> History {
    let mut history = History::default();
    for resource in [Resource::Memory, Resource::Cpu] {
        let changes = changes(stays, resource);
        let (Some(first), Some(last)) = (changes.keys().next(), changes.keys().next_back()) else { continue };
        let last = Slot::of(*last);
        let first = Slot::of(*first).max(last.earlier(SLOTS_KEPT));
        history.extend(pool, resource, first, peaks(&changes, first, last).into_iter().map(Some));
    }
    history
}

/// The increase and the decrease of the requests at each time.
fn changes(stays: &[Stay], resource: Resource) -> BTreeMap<Timestamp, (u64, u64)> {
    let amount = |stay: &Stay| match resource {
        Resource::Memory => stay.memory.0,
        Resource::Cpu => stay.cpu.0,
    };
    let mut changes: BTreeMap<Timestamp, (u64, u64)> = BTreeMap::new();
    for stay in stays {
        let more = &mut changes.entry(stay.start).or_default().0;
        *more = more.saturating_add(amount(stay));
        let less = &mut changes.entry(stay.end).or_default().1;
        *less = less.saturating_add(amount(stay));
    }
    changes
}

/// The highest sum in each slot. At one time, ends count before beginnings.
fn peaks(changes: &BTreeMap<Timestamp, (u64, u64)>, first: Slot, last: Slot) -> Vec<u64> {
    let mut changes = changes.iter().peekable();
    let mut asked = 0_u64;
    let mut apply = |(more, less): (u64, u64)| {
        asked = asked.saturating_add(more).saturating_sub(less);
        asked
    };
    let mut now = 0;
    while let Some((_, change)) = changes.next_if(|(time, _)| Slot::of(**time) < first) {
        now = apply(*change);
    }
    let mut peaks = Vec::new();
    for number in first.number()..=last.number() {
        let mut peak = now;
        while let Some((_, change)) = changes.next_if(|(time, _)| Slot::of(**time).number() == number) {
            now = apply(*change);
            peak = peak.max(now);
        }
        peaks.push(peak);
    }
    peaks
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{Bytes, Millicores};

    use super::*;

    fn stay(start: &str, end: &str, gibibytes: u64) -> Stay {
        let time = |text: &str| format!("2026-01-{text}Z").parse().unwrap();
        Stay { start: time(start), end: time(end), memory: Bytes(gibibytes << 30), cpu: Millicores(500) }
    }

    fn peaks_of(stays: &[Stay], resource: Resource) -> Vec<Option<u64>> {
        let history = history(stays, "user");
        let mut series = history.series().filter(|(pool, of, _)| *pool == "user" && *of == resource);
        series.next().map(|(_, _, series)| series.slots().collect()).unwrap_or_default()
    }

    #[test]
    fn the_peak_of_a_slot_is_the_most_at_one_time() {
        let stays = [
            stay("12T09:01:00", "12T09:03:00", 1),
            stay("12T09:02:00", "12T09:12:00", 2),
            // It takes the place of the first.
            stay("12T09:03:00", "12T09:04:00", 4),
            stay("12T09:20:00", "12T09:21:00", 8),
        ];
        let gibi = |peaks: &[u64]| peaks.iter().map(|peak| Some(peak << 30)).collect::<Vec<_>>();
        assert_eq!(peaks_of(&stays, Resource::Memory), gibi(&[6, 2, 2, 0, 8]));
        assert_eq!(peaks_of(&stays, Resource::Cpu), [1000, 500, 500, 0, 500].map(Some).to_vec());
    }

    #[test]
    fn only_the_last_weeks_are_kept_and_who_stayed_since_before_counts() {
        let stays = [stay("01T00:00:00", "31T00:00:00", 1), stay("31T00:00:00", "31T01:00:00", 2)];
        let peaks = peaks_of(&stays, Resource::Memory);
        assert_eq!(peaks.len(), usize::try_from(SLOTS_KEPT).unwrap() + 1);
        assert_eq!(peaks.first(), Some(&Some(1 << 30)));
        assert_eq!(history(&[], "").series().count(), 0);
    }
}
