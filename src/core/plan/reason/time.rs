//! Moments and spans of time, as the sentences write them.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// A moment that may be unknown; written as ` since …`, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since(pub Option<Timestamp>);

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(moment) => write!(formatter, " since {moment:.0}"),
            None => Ok(()),
        }
    }
}

/// A span of time, written as `45s`, `12m` or `1h 5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(pub SignedDuration);

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().max(0);
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => write!(formatter, "{seconds}s"),
            (0, minutes, 0) => write!(formatter, "{minutes}m"),
            (0, minutes, seconds) => write!(formatter, "{minutes}m {seconds}s"),
            (hours, 0, _) => write!(formatter, "{hours}h"),
            (hours, minutes, _) => write!(formatter, "{hours}h {minutes}m"),
        }
    }
}

/// The age of a cordon, which may be unknown; written as `3h old`, or `of unknown age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CordonAge(pub Option<Elapsed>);

impl CordonAge {
    /// The age of a cordon at a moment.
    #[must_use]
    pub fn at(now: Timestamp, cordoned: Option<Timestamp>) -> Self {
        Self(cordoned.map(|cordoned| Elapsed(now.duration_since(cordoned))))
    }
}

impl fmt::Display for CordonAge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(age) => write!(formatter, "{age} old"),
            None => formatter.write_str("of unknown age"),
        }
    }
}
