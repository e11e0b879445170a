//! All users and waiting users by the hour of the day: an average over the day hides nine o'clock.

use jiff::tz::TimeZone;

use crate::result::PolicyResult;
use crate::scenario::Scenario;

/// Hours of a day.
const HOURS: usize = 24;

/// The waits in each hour of the day, for all days together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The users who requested a server, by the hour.
    pub users: Vec<usize>,
    /// The users of each policy who had to wait, by the hour.
    pub waited: Vec<Vec<Hour>>,
}

/// One hour of the day under one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// The number of users who made a request within this hour and had to wait for a node.
    pub waited: usize,
    /// The longest of these waits, in seconds.
    pub longest: u64,
}

impl Hours {
    /// Counts by the hours of a clock.
    pub(crate) fn new(scenario: &Scenario, results: &[PolicyResult], zone: &TimeZone) -> Self {
        let hour = |second: u64| {
            let local = scenario.time(second).to_zoned(zone.clone());
            usize::try_from(local.hour()).unwrap_or(0)
        };
        let mut users = vec![0; HOURS];
        for session in &scenario.sessions {
            if let Some(users) = users.get_mut(hour(session.start)) {
                *users += 1;
            }
        }
        let of = |result: &PolicyResult| {
            let mut hours = vec![Hour::default(); HOURS];
            for late in &result.late {
                if let Some(hour) = hours.get_mut(hour(late.asked)) {
                    hour.waited += 1;
                    hour.longest = hour.longest.max(late.seconds);
                }
            }
            hours
        };
        Self { users, waited: results.iter().map(of).collect() }
    }

    /// Adds the counts of another simulation of the same policies.
    pub(crate) fn add(&mut self, other: &Self) {
        for (users, more) in self.users.iter_mut().zip(&other.users) {
            *users += more;
        }
        for (hour, more) in self.waited.iter_mut().flatten().zip(other.waited.iter().flatten()) {
            hour.waited += more.waited;
            hour.longest = hour.longest.max(more.longest);
        }
    }
}
