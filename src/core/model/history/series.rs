//! The peaks of one pool and resource.

use std::collections::VecDeque;

use super::{SLOTS_KEPT, Slot};

/// Peaks of consecutive slots, gaps included. The first and the last one are no gaps, and there are at most
/// [`SLOTS_KEPT`] and one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    begin: Option<Slot>,
    peaks: VecDeque<Option<u64>>,
}

impl Series {
    /// The peak of a slot.
    #[must_use]
    pub fn peak(&self, slot: Slot) -> Option<u64> {
        let offset = slot.number().checked_sub(self.begin?.number())?;
        self.peaks.get(usize::try_from(offset).ok()?).copied().flatten()
    }

    /// The first slot, and the last one.
    #[must_use]
    pub fn span(&self) -> Option<(Slot, Slot)> {
        let begin = self.begin?;
        Some((begin, begin.later(length(&self.peaks).saturating_sub(1))))
    }

    /// The peak of each slot from the first to the last, `None` for a gap.
    pub fn slots(&self) -> impl Iterator<Item = Option<u64>> {
        self.peaks.iter().copied()
    }

    /// The slots that have a peak, with it.
    pub fn peaks(&self) -> impl Iterator<Item = (Slot, u64)> {
        let begin = self.begin;
        self.peaks.iter().zip(0..).filter_map(move |(peak, offset)| Some((begin?.later(offset), (*peak)?)))
    }

    /// Whether there is no peak at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peaks.is_empty()
    }

    /// Sets the peak of a slot. A later slot than those known pushes out what is then too old; one that is too old itself is
    /// left out.
    pub(super) fn set(&mut self, slot: Slot, peak: u64) {
        if let Some((_, last)) = self.span()
            && slot > last
        {
            self.retain(slot.earlier(SLOTS_KEPT), slot);
        }
        let Some((first, last)) = self.span() else {
            self.begin = Some(slot);
            self.peaks.push_back(Some(peak));
            return;
        };
        if slot < last.earlier(SLOTS_KEPT) {
            return;
        }
        for _ in slot.number()..first.number() {
            self.peaks.push_front(None);
        }
        self.begin = Some(first.min(slot));
        for _ in last.number()..slot.number() {
            self.peaks.push_back(None);
        }
        let offset = slot.number().saturating_sub(first.min(slot).number());
        if let Some(place) = usize::try_from(offset).ok().and_then(|offset| self.peaks.get_mut(offset)) {
            *place = Some(peak);
        }
    }

    /// Drops the slots before `first` and after `last`.
    pub(super) fn retain(&mut self, first: Slot, last: Slot) {
        let Some((begin, end)) = self.span() else { return };
        if begin >= first && end <= last {
            return;
        }
        let before = first.number().saturating_sub(begin.number()).min(length(&self.peaks));
        let after = end.number().saturating_sub(last.number()).min(length(&self.peaks));
        let mut peaks = std::mem::take(&mut self.peaks);
        peaks.truncate(count(length(&peaks).saturating_sub(after)));
        peaks.drain(..count(before).min(peaks.len()));
        while peaks.back().is_some_and(Option::is_none) {
            peaks.pop_back();
        }
        let mut begin = begin.later(before);
        while peaks.front().is_some_and(Option::is_none) {
            peaks.pop_front();
            begin = begin.later(1);
        }
        self.begin = (!peaks.is_empty()).then_some(begin);
        self.peaks = peaks;
    }
}

fn length(peaks: &VecDeque<Option<u64>>) -> u32 {
    u32::try_from(peaks.len()).unwrap_or(u32::MAX)
}

fn count(slots: u32) -> usize {
    usize::try_from(slots).unwrap_or(usize::MAX)
}
