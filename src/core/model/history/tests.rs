use super::*;
use jiff::SignedDuration;

const GIBI: u64 = 1 << 30;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_slot_is_five_minutes() {
    let nine = Slot::of(at("2026-01-15T09:00:00Z"));
    assert_eq!(Slot::of(at("2026-01-15T09:04:59.9Z")), nine);
    assert_eq!(Slot::of(at("2026-01-15T09:05:00Z")), nine.later(1));
    assert_eq!(nine.begins(), at("2026-01-15T09:00:00Z"));
    assert_eq!(Slot::of(at("1969-12-31T23:00:00Z")).number(), 0);
    assert_eq!(Slot::numbered(u32::MAX).begins(), Timestamp::MAX);
    for (duration, slots) in [("15m", 3), ("1s", 1), ("0s", 0), ("16m", 4), ("-5m", 0)] {
        let duration: SignedDuration = duration.parse().unwrap();
        assert_eq!(Slot::spanned(duration), slots, "{duration}");
    }
}

#[test]
fn the_peak_of_a_slot_is_the_most_that_was_seen_in_it() {
    let mut history = History::default();
    let mut see = |time: &str, amount| history.observe(at(time), "", Resource::Memory, amount);
    assert!(see("2026-01-15T09:00:00Z", 3 * GIBI));
    assert!(!see("2026-01-15T09:01:00Z", 2 * GIBI), "it fell");
    assert!(!see("2026-01-15T09:02:00Z", 3 * GIBI), "it is the same");
    assert!(see("2026-01-15T09:04:00Z", 4 * GIBI), "it rose");
    assert!(see("2026-01-15T09:15:00Z", GIBI), "another slot");
    let peak = |time: &str| history.peak("", Resource::Memory, Slot::of(at(time)));
    assert_eq!(peak("2026-01-15T09:03:00Z"), Some(4 * GIBI));
    assert_eq!(peak("2026-01-15T09:07:00Z"), None, "a gap is a gap");
    assert_eq!(peak("2026-01-15T09:19:00Z"), Some(GIBI));
    assert_eq!(peak("2026-01-15T09:20:00Z"), None);
    assert_eq!(history.peak("gpu", Resource::Memory, Slot::of(at("2026-01-15T09:00:00Z"))), None);
}

#[test]
fn memory_is_kept_in_whole_mebibytes_and_nothing_overflows() {
    let mut history = History::default();
    let now = at("2026-01-15T09:00:00Z");
    assert!(history.observe(now, "", Resource::Memory, 1));
    assert!(!history.observe(now, "", Resource::Memory, 1 << 20));
    assert!(history.observe(now, "", Resource::Memory, u64::MAX));
    assert!(history.observe(now, "", Resource::Cpu, 1));
    assert_eq!(history.peak("", Resource::Memory, Slot::of(now)), Some(LARGEST_PEAK));
    assert_eq!(history.peak("", Resource::Cpu, Slot::of(now)), Some(1));
}

#[test]
fn slots_older_than_four_weeks_are_dropped() {
    let mut history = History::default();
    let first = at("2026-01-01T00:00:00Z");
    history.observe(first, "", Resource::Memory, GIBI);
    history.observe(first, "gone", Resource::Cpu, 1);
    let later = |slots: u32| Slot::of(first).later(slots).begins();
    history.observe(later(SLOTS_KEPT), "", Resource::Memory, GIBI);
    assert_eq!(history.span(), Some((Slot::of(first), Slot::of(later(SLOTS_KEPT)))));
    assert_eq!(history.series().count(), 2);
    history.observe(later(SLOTS_KEPT + 1), "", Resource::Memory, GIBI);
    assert_eq!(history.span().unwrap().0, Slot::of(later(SLOTS_KEPT)), "the gap before it went too");
    assert_eq!(history.series().count(), 1, "a pool without slots is forgotten");
    history.observe(Timestamp::MAX, "", Resource::Memory, GIBI);
    assert_eq!(history.series().map(|(_, _, series)| series.slots().count()).sum::<usize>(), 1);
}

#[test]
fn slots_of_the_future_are_dropped() {
    let mut history = History::default();
    let now = at("2026-01-15T09:00:00Z");
    history.extend("", Resource::Memory, Slot::of(now).later(1), [Some(GIBI), Some(GIBI)]);
    history.extend("", Resource::Memory, Slot::of(now).earlier(1), [Some(GIBI)]);
    history.observe(now, "", Resource::Memory, 2 * GIBI);
    assert_eq!(history.span(), Some((Slot::of(now).earlier(1), Slot::of(now))));
}

#[test]
fn of_two_peaks_of_one_slot_the_higher_one_stays() {
    let mut history = History::default();
    let slot = Slot::numbered(100);
    history.extend("", Resource::Cpu, slot, [Some(5), None, Some(7)]);
    history.extend("", Resource::Cpu, slot, [Some(4), Some(6), Some(8), None]);
    let (_, _, series) = history.series().next().unwrap();
    assert_eq!(series.slots().collect::<Vec<_>>(), [Some(5), Some(6), Some(8)]);
    history.extend("", Resource::Cpu, slot.earlier(2), [Some(1)]);
    let (_, _, series) = history.series().next().unwrap();
    assert_eq!(series.slots().collect::<Vec<_>>(), [Some(1), None, Some(5), Some(6), Some(8)]);
    assert_eq!(series.peaks().count(), 4);
}

#[test]
fn slots_at_either_end_of_time_make_no_series_longer_than_it_may_be() {
    let mut history = History::default();
    history.extend("", Resource::Cpu, Slot::numbered(u32::MAX), [Some(1), Some(2), Some(3)]);
    history.extend("", Resource::Cpu, Slot::numbered(0), [Some(1)]);
    let (_, _, series) = history.series().next().unwrap();
    assert_eq!(series.slots().collect::<Vec<_>>(), [Some(3)], "the first is too old beside the last");
    let mut history = History::default();
    history.extend("", Resource::Cpu, Slot::numbered(0), (0..40_000).map(Some));
    let (_, _, series) = history.series().next().unwrap();
    assert_eq!(series.slots().count(), usize::try_from(SLOTS_KEPT).unwrap() + 1);
    history.extend("x", Resource::Cpu, Slot::numbered(0), [None, None]);
    assert_eq!(history.series().count(), 1);
}
