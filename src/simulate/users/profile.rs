//! Invented users: their number in each hour of each day, their lengths of stay and their requests.
//!
//! ```text
//!   hours of the day, weekend --> a rate that changes with time --> arrivals
//!   log-normal, with a cap ---------------------------------------> lengths
//!   a mix of sizes -----------------------------------------------> requests
//! ```
//!
//! Floats are permitted here, because no decision depends on them. They are computed in portable software, so a seed yields
//! the same users on every machine.
#![expect(clippy::float_arithmetic, reason = "random variates are floats; no decision is made of them")]

use std::time::Duration;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Bytes, Millicores};
use rand::RngExt;
use rand_distr::{Distribution, Exp1, LogNormal};
use rand_pcg::Pcg64;

use crate::cluster::{Cluster, KindIndex};
use crate::machine::Machine;
use crate::random::{Purpose, generator};
use crate::session::Session;

/// When users come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// A campus: students from morning to midnight, and a class of 60 that starts at nine on weekdays
    #[default]
    Class,
    /// Office hours: most in the morning and after lunch, few at weekends
    Office,
    /// The same at any hour of any day
    Steady,
    /// Classes of 150 on every hour of a weekday: fifty minutes, then a break of ten
    Timetable,
    /// As on a campus, but every user requests a CPU and little memory
    Cpu,
    /// As on a campus, with some users who need much memory or a GPU, on separate nodes
    Pools,
}

/// The number and the profile of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Their profile.
    pub profile: Profile,
    /// Average number of users on a weekday, without the users of the class. A timetable has the same number on each of its
    /// hours.
    pub users_per_day: u32,
    /// Whole days, the first a Monday.
    pub days: u32,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// The start of profiles: 2026-01-05, a Monday.
pub const MONDAY: Timestamp = Timestamp::constant(1_767_571_200, 0);

/// Seconds of an hour and of a day.
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The number of users of the class, who arrive within ten minutes from nine on.
const CLASS_USERS: u32 = 60;
const CLASS_STARTS: u64 = 9 * HOUR;
const CLASS_COMES_WITHIN: u64 = 600;

/// The hours of a weekday at which the timetable has a class. Each of its users arrives within five minutes from the hour on,
/// and works for fifty minutes.
const LESSONS: std::ops::Range<u64> = 8..18;
const LESSON_COMES_WITHIN: u64 = 300;
const LESSON: u64 = 50 * 60;
const LESSON_ASKS: (Bytes, Millicores) = (Bytes(2 << 30), Millicores(200));

/// The requests of users of the profile `cpu`.
const CPU_ASKS: (Bytes, Millicores) = (Bytes::GIBI, Millicores(1000));

/// The requests of large users of the profile `pools`: their percentage, kind, memory and processor time.
const LARGE: [(u32, KindIndex, Bytes, Millicores); 2] =
    [(7, 1, Bytes(24 << 30), Millicores(2000)), (3, 2, Bytes(12 << 30), Millicores(2000))];

/// A rate that depends on the hour: the share of each hour, from midnight on.
struct Hours {
    shares: [u32; 24],
    /// The arrivals on a day of the weekend, in percent of a weekday.
    weekend: u32,
}

/// The length of a stay: log-normal, with these bounds.
struct Stay {
    /// Natural logarithm of the median in seconds.
    log_median: f64,
    /// Standard deviation of the logarithm.
    spread: f64,
    least: u64,
    most: u64,
}

/// Half of the users leave within 70 minutes, some stay all day; a hub ends idle servers at night.
const STAY: Stay = Stay { log_median: 8.342_839_804_271, spread: 0.9, least: 300, most: 10 * HOUR };

/// A class ends after 80 minutes, for some a little sooner or later.
const CLASS_STAY: Stay = Stay { log_median: 8.476_371_196_896, spread: 0.2, least: 300, most: 3 * HOUR };

/// The sizes of users' servers: percentage of users, memory in Gi, processor time.
const SIZES: [(u32, u64, u64); 4] = [(60, 1, 100), (25, 2, 150), (12, 4, 250), (3, 8, 500)];

impl Profile {
    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Office => "office",
            Self::Steady => "steady",
            Self::Timetable => "timetable",
            Self::Cpu => "cpu",
            Self::Pools => "pools",
        }
    }

    /// The default number of users on a weekday, without the class of 60.
    #[must_use]
    pub fn users_per_day(self) -> u32 {
        match self {
            Self::Class | Self::Office | Self::Steady => 2000,
            Self::Timetable => 1500,
            Self::Cpu => 750,
            Self::Pools => 1000,
        }
    }

    /// The default machine of most nodes.
    #[must_use]
    pub fn machine(self) -> Machine {
        match self {
            Self::Cpu => Machine::new(Bytes(35 << 30), 8),
            Self::Class | Self::Office | Self::Steady | Self::Timetable | Self::Pools => {
                Machine::new(Bytes(52 << 30), 8)
            }
        }
    }

    /// The cluster that its users need.
    #[must_use]
    pub fn cluster(self, machine: Machine) -> Cluster {
        match self {
            Self::Class | Self::Office | Self::Steady | Self::Timetable => Cluster::uniform(machine),
            Self::Cpu => Cluster::of_two_resources(machine),
            Self::Pools => Cluster::of_three_pools(machine),
        }
    }

    fn hours(self) -> Hours {
        match self {
            Self::Class | Self::Cpu | Self::Pools => Hours {
                shares: [3, 2, 1, 0, 0, 0, 1, 3, 6, 9, 10, 10, 8, 9, 10, 10, 9, 8, 7, 8, 8, 7, 6, 4],
                weekend: 40,
            },
            Self::Office => Hours {
                shares: [0, 0, 0, 0, 0, 0, 1, 4, 9, 12, 11, 8, 5, 9, 10, 8, 6, 3, 1, 1, 1, 0, 0, 0],
                weekend: 10,
            },
            Self::Steady => Hours { shares: [1; 24], weekend: 100 },
            // Its users arrive at the hours of classes only.
            Self::Timetable => Hours { shares: [0; 24], weekend: 0 },
        }
    }
}

impl Demand {
    /// All users, in the order in which they arrive.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        let mut lengths = generator(self.seed, Purpose::Lengths);
        let mut starts: Vec<(u64, u64)> =
            self.arrivals().into_iter().map(|start| (start, STAY.draw(&mut lengths))).collect();
        match self.profile {
            Profile::Class => {
                starts.extend(self.class());
                starts.sort_unstable();
            }
            Profile::Timetable => {
                starts.extend(self.lessons());
                starts.sort_unstable();
            }
            Profile::Office | Profile::Steady | Profile::Cpu | Profile::Pools => {}
        }
        let mut sizes = generator(self.seed, Purpose::Sizes);
        let mut kinds = generator(self.seed, Purpose::Kinds);
        starts
            .into_iter()
            .map(|(start, length)| {
                let (kind, (memory, cpu)) = match self.profile {
                    Profile::Class | Profile::Office | Profile::Steady => (0, size(&mut sizes)),
                    Profile::Timetable => (0, LESSON_ASKS),
                    Profile::Cpu => (0, CPU_ASKS),
                    Profile::Pools => large(&mut kinds).unwrap_or_else(|| (0, size(&mut sizes))),
                };
                Session { start, end: start + length, memory, cpu, kind }
            })
            .collect()
    }

    /// The number of users of each class of the profile `timetable`.
    #[must_use]
    pub fn users_per_lesson(&self) -> u32 {
        self.users_per_day.div_ceil(u32::try_from(LESSONS.end - LESSONS.start).unwrap_or(1))
    }

    /// The length of the days, in seconds.
    #[must_use]
    pub fn length(&self) -> u64 {
        u64::from(self.days) * DAY
    }

    /// A Poisson process whose rate changes with time, made by thinning (Lewis and Shedler, 1979): arrivals at the highest
    /// rate, each kept with the probability of the present rate divided by the highest one.
    fn arrivals(&self) -> Vec<u64> {
        let hours = self.profile.hours();
        let all: u32 = hours.shares.iter().sum();
        let most = hours.shares.iter().copied().max().unwrap_or(0) * hours.weekend.max(100);
        // Arrivals an hour in the busiest one; a day's shares together are `users_per_day`.
        let busiest = f64::from(self.users_per_day) * f64::from(most) / 100.0 / f64::from(all);
        let mut arrivals = Vec::new();
        if busiest <= 0.0 {
            return arrivals;
        }
        let mut random = generator(self.seed, Purpose::Arrivals);
        let mut at = 0.0;
        loop {
            let gap: f64 = random.sample(Exp1);
            at += gap / busiest * 3600.0;
            let second = Duration::try_from_secs_f64(at).map_or(u64::MAX, |time| time.as_secs());
            if second >= self.length() {
                return arrivals;
            }
            let kept: f64 = random.random();
            if kept * f64::from(most) < hours.rate(second) {
                arrivals.push(second);
            }
        }
    }

    fn class(&self) -> Vec<(u64, u64)> {
        let mut random = generator(self.seed, Purpose::Class);
        let days = (0..u64::from(self.days)).filter(|day| !is_weekend(*day));
        let users = days.flat_map(|day| (0..CLASS_USERS).map(move |_| day * DAY + CLASS_STARTS));
        users
            .map(|start| {
                let late = random.random_range(0..CLASS_COMES_WITHIN);
                (start + late, CLASS_STAY.draw(&mut random))
            })
            .collect()
    }
}

impl Demand {
    fn lessons(&self) -> Vec<(u64, u64)> {
        let mut random = generator(self.seed, Purpose::Class);
        let days = (0..u64::from(self.days)).filter(|day| !is_weekend(*day));
        let lessons = days.flat_map(|day| LESSONS.map(move |hour| day * DAY + hour * HOUR));
        let users = lessons.flat_map(|start| (0..self.users_per_lesson()).map(move |_| start));
        users.map(|start| (start + random.random_range(0..LESSON_COMES_WITHIN), LESSON)).collect()
    }
}

impl Hours {
    /// The rate at a second, in hundredths of a share: linear between the middles of two hours.
    fn rate(&self, second: u64) -> f64 {
        let share = |hour: u64| {
            let index = usize::try_from(hour % 24).unwrap_or(0);
            f64::from(self.shares.get(index).copied().unwrap_or(0))
        };
        let weight = if is_weekend(second / DAY) { self.weekend } else { 100 };
        // Half an hour earlier, because the line starts in the middle of an hour; a day more, so that it is never negative.
        let from = second % DAY + DAY - HOUR / 2;
        let part = f64::from(u32::try_from(from % HOUR).unwrap_or(0)) / 3600.0;
        (share(from / HOUR) * (1.0 - part) + share(from / HOUR + 1) * part) * f64::from(weight)
    }
}

impl Stay {
    fn draw(&self, random: &mut Pcg64) -> u64 {
        // The spread is finite, so the distribution exists.
        let seconds = LogNormal::new(self.log_median, self.spread).map_or(0.0, |stay| stay.sample(random));
        let seconds = Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |time| time.as_secs());
        seconds.clamp(self.least, self.most)
    }
}

/// The first day is a Monday.
fn is_weekend(day: u64) -> bool {
    day % 7 >= 5
}

/// The kind and the requests of a large user, if the draw selects one.
fn large(random: &mut Pcg64) -> Option<(KindIndex, (Bytes, Millicores))> {
    let mut drawn = random.random_range(0..100);
    for (share, kind, memory, cpu) in LARGE {
        if drawn < share {
            return Some((kind, (memory, cpu)));
        }
        drawn -= share;
    }
    None
}

fn size(random: &mut Pcg64) -> (Bytes, Millicores) {
    let mut drawn = random.random_range(0..100);
    for (share, gibi, cpu) in SIZES {
        if drawn < share {
            return (Bytes(gibi << 30), Millicores(cpu));
        }
        drawn -= share;
    }
    (Bytes::GIBI, Millicores(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(profile: Profile) -> Demand {
        Demand { profile, users_per_day: 2000, days: 7, seed: 7 }
    }

    /// The number of users who arrive in this hour of this day.
    fn in_hour(sessions: &[Session], day: u64, hour: u64) -> usize {
        let from = day * DAY + hour * HOUR;
        sessions.iter().filter(|session| (from..from + HOUR).contains(&session.start)).count()
    }

    fn on_day(sessions: &[Session], day: u64) -> usize {
        sessions.iter().filter(|session| session.start / DAY == day).count()
    }

    #[test]
    fn a_seed_makes_the_same_users_and_another_one_others() {
        let one = demand(Profile::Class);
        assert_eq!(one.sessions(), one.sessions());
        assert_ne!(one.sessions(), Demand { seed: 8, ..one }.sessions());
    }

    #[test]
    fn users_come_in_order_and_stay_within_bounds() {
        for profile in [Profile::Class, Profile::Office, Profile::Steady] {
            let sessions = demand(profile).sessions();
            assert!(sessions.is_sorted_by_key(|session| session.start), "{profile:?}");
            for session in &sessions {
                assert!((300..=10 * HOUR).contains(&session.length()), "{session:?}");
                assert!(session.start < 7 * DAY, "{session:?}");
                assert!([1, 2, 4, 8].map(|gibi| gibi << 30).contains(&session.memory.0), "{session:?}");
            }
        }
    }

    /// The number of arrivals is Poisson: its deviation is the root of its mean. Five of them are never reached.
    #[test]
    fn a_weekday_has_as_many_users_as_asked_for_and_a_weekend_its_share() {
        for (profile, class, weekend) in
            [(Profile::Class, 60, 800), (Profile::Office, 0, 200), (Profile::Steady, 0, 2000)]
        {
            let sessions = demand(profile).sessions();
            for day in 0..7 {
                let expected = if day < 5 { 2000 + class } else { weekend };
                let off = on_day(&sessions, day).abs_diff(expected);
                assert!(off * off < 25 * expected, "{profile:?}: {off} off {expected} on day {day}");
            }
        }
    }

    #[test]
    fn the_class_comes_within_ten_minutes_from_nine_on_weekdays() {
        let demand = Demand { users_per_day: 0, ..demand(Profile::Class) };
        let sessions = demand.sessions();
        assert_eq!(sessions.len(), 5 * 60);
        for session in &sessions {
            let (day, second) = (session.start / DAY, session.start % DAY);
            assert!(day < 5 && (9 * HOUR..9 * HOUR + 600).contains(&second), "{session:?}");
        }
    }

    #[test]
    fn office_users_come_by_day_and_steady_ones_at_any_hour() {
        let office = demand(Profile::Office).sessions();
        // 12 of 89 shares against 1 of 89: 270 and 22 expected.
        assert!(in_hour(&office, 0, 9) > 5 * in_hour(&office, 0, 6));
        assert_eq!(in_hour(&office, 0, 2), 0);
        // 2000 / 24 = 83 expected, with a deviation of 9.
        let steady = demand(Profile::Steady).sessions();
        for hour in 0..24 {
            assert!((38..=128).contains(&in_hour(&steady, 6, hour)), "{hour}");
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "halves and hundreds are exact")]
    fn the_rate_runs_on_lines_between_the_middles_of_the_hours() {
        let office = Profile::Office.hours();
        // Shares of the hours from 8 on: 9, 12, 11.
        assert_eq!(office.rate(8 * HOUR + 1800), 900.0);
        assert_eq!(office.rate(9 * HOUR), 1050.0);
        assert_eq!(office.rate(9 * HOUR + 1800), 1200.0);
        // The first half hour of a day starts from the last one of the day before.
        let class = Profile::Class.hours();
        assert_eq!(class.rate(0), 350.0);
        assert_eq!(class.rate(5 * DAY), 140.0);
    }

    #[test]
    fn a_timetable_fills_every_hour_of_a_weekday_with_150_who_stay_fifty_minutes() {
        let demand =
            Demand { users_per_day: Profile::Timetable.users_per_day(), ..demand(Profile::Timetable) };
        let sessions = demand.sessions();
        assert_eq!(sessions.len(), 5 * 10 * 150);
        assert!(sessions.is_sorted_by_key(|session| session.start));
        for (day, hour) in (0..5).flat_map(|day| (8..18).map(move |hour| (day, hour))) {
            assert_eq!(in_hour(&sessions, day, hour), 150, "day {day}, hour {hour}");
        }
        for session in &sessions {
            assert!(session.start % HOUR < 300 && session.length() == 3000, "{session:?}");
            assert_eq!((session.memory, session.cpu), (Bytes(2 << 30), Millicores(200)));
        }
    }

    #[test]
    fn users_of_cpus_ask_for_one_and_for_a_gibibyte_on_nodes_of_eight_and_35() {
        let sessions = demand(Profile::Cpu).sessions();
        assert!(!sessions.is_empty());
        assert!(sessions.iter().all(|one| one.memory == Bytes::GIBI && one.cpu == Millicores(1000)));
        assert_eq!(Profile::Cpu.machine(), Machine::new(Bytes(35 << 30), 8));
    }

    #[test]
    fn one_user_of_ten_is_not_small_and_everybody_fits_their_own_pool() {
        let cluster = Profile::Pools.cluster(Profile::Pools.machine());
        let sessions = demand(Profile::Pools).sessions();
        let of_kind = |kind| sessions.iter().filter(|session| session.kind == kind).count() * 100;
        // Some 11,600 users: the share of a kind deviates by less than a quarter of a percent.
        assert!((80..=100).contains(&(of_kind(0) / sessions.len())));
        assert!((5..=9).contains(&(of_kind(1) / sessions.len())));
        assert!((1..=5).contains(&(of_kind(2) / sessions.len())));
        for session in &sessions {
            let gpus = cluster.kinds[session.kind].gpus;
            let asked = crate::resources::Resources { memory: session.memory, cpu: session.cpu, gpus };
            assert_eq!(cluster.home(session.kind, asked), Some(session.kind), "{session:?}");
            assert_eq!(gpus, u64::from(session.kind == 2));
        }
    }

    #[test]
    fn a_profile_of_zero_users_has_no_sessions() {
        assert_eq!(Demand { users_per_day: 0, ..demand(Profile::Steady) }.sessions(), []);
    }
}
