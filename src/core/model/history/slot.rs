//! A slot of five minutes.

use jiff::{SignedDuration, Timestamp};

/// A slot of five minutes, counted from 1970; times before that are in the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    /// The length of a slot.
    pub const LENGTH: SignedDuration = SignedDuration::from_mins(5);
    /// Slots in an hour.
    pub const PER_HOUR: u32 = 12;
    /// Slots in a day.
    pub const PER_DAY: u32 = 24 * Self::PER_HOUR;
    /// Slots in a week.
    pub const PER_WEEK: u32 = 7 * Self::PER_DAY;

    /// The slot that contains a time.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let slots = time.as_second().div_euclid(Self::LENGTH.as_secs());
        Self(u32::try_from(slots.max(0)).unwrap_or(u32::MAX))
    }

    /// The slot with a number, counted from 1970.
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// Its number, counted from 1970.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The time at which the slot begins; [`Timestamp::MAX`] if it begins later than that.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        let seconds = i64::from(self.0).saturating_mul(Self::LENGTH.as_secs());
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    }

    /// The slot this many later.
    #[must_use]
    pub const fn later(self, slots: u32) -> Self {
        Self(self.0.saturating_add(slots))
    }

    /// The slot this many earlier, or the first one.
    #[must_use]
    pub const fn earlier(self, slots: u32) -> Self {
        Self(self.0.saturating_sub(slots))
    }

    /// Number of slots that a duration spans, including one that has begun; 0 for a negative
    /// duration.
    #[must_use]
    pub fn spanned(duration: SignedDuration) -> u32 {
        let seconds = u64::try_from(duration.as_secs()).unwrap_or(0);
        let length = Self::LENGTH.as_secs().unsigned_abs();
        u32::try_from(seconds.div_ceil(length)).unwrap_or(u32::MAX)
    }
}
