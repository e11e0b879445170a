//! The settings of foresight.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::model::Rule;

/// The settings of foresight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foresight {
    /// Whether foresight learns from past rises.
    pub forecast: bool,
    /// The time that foresight looks ahead, and by which a schedule begins early: the time that a node needs
    /// until it serves.
    pub lead: SignedDuration,
    /// The period whose peak counts while no past day has this hour; zero switches this off.
    pub stabilization: SignedDuration,
    /// The weekly schedule.
    pub schedule: Vec<Rule>,
    /// The time zone of the schedule, and of the hours of the day that are compared.
    pub time_zone: TimeZone,
}

impl Foresight {
    /// Foresight that expects nothing.
    #[must_use]
    pub fn off() -> Self {
        Self {
            forecast: false,
            lead: SignedDuration::from_mins(15),
            stabilization: SignedDuration::ZERO,
            schedule: Vec::new(),
            time_zone: TimeZone::UTC,
        }
    }
}

/// The defaults of the settings.
impl Default for Foresight {
    fn default() -> Self {
        Self { forecast: true, stabilization: SignedDuration::from_mins(15), ..Self::off() }
    }
}
