//! The marks of an axis and their labels.

use jiff::civil::Weekday;

const HOUR: u64 = 3600;
/// A day in seconds.
pub(super) const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// Maximum number of stretches with room for their name.
const MOST_STRETCHES: u64 = 21;

/// Maximum number of steps of the axis of nodes.
const MOST_STEPS: u64 = 5;

/// The axis of nodes: it goes from 0 to `top` in equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeAxis {
    pub(super) top: u64,
    pub(super) step: u64,
}

impl NodeAxis {
    /// An axis that reaches at least to `most`.
    pub(super) fn to(most: u64) -> Self {
        let mut power: u64 = 1;
        loop {
            for step in [1, 2, 5].map(|digit| power.saturating_mul(digit)) {
                if most.div_ceil(step) <= MOST_STEPS {
                    return Self { top: most.div_ceil(step).max(1).saturating_mul(step), step };
                }
            }
            power = power.saturating_mul(10);
        }
    }

    /// The places of its marks.
    pub(super) fn marks(self) -> impl Iterator<Item = u64> {
        (0..=self.top / self.step.max(1)).map(move |index| index * self.step)
    }
}

/// A stretch of the time axis with a name: a day, some hours, or a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) name: String,
}

/// The stretches of time from 0, which is midnight of the first day, to `end`; the last one may be cut short.
pub(super) fn stretches(end: u64, first_day: Weekday) -> Vec<Stretch> {
    let (length, name): (u64, &dyn Fn(u64) -> String) = if end <= 2 * DAY {
        (3 * HOUR, &|from| time_of_day(from, first_day))
    } else if end <= MOST_STRETCHES * DAY {
        (DAY, &|from| weekday(from, first_day).to_owned())
    } else {
        let mut weeks = 1;
        while end / WEEK / weeks > MOST_STRETCHES {
            weeks *= 2;
        }
        (weeks * WEEK, &|from| format!("week {}", from / WEEK + 1))
    };
    let count = end.div_ceil(length);
    (0..count)
        .map(|index| {
            let from = index * length;
            Stretch { from, to: from.saturating_add(length).min(end), name: name(from) }
        })
        .collect()
}

/// `Mon` at midnight, else `15:00`.
fn time_of_day(at: u64, first_day: Weekday) -> String {
    match at % DAY / HOUR {
        0 => weekday(at, first_day).to_owned(),
        hour => format!("{hour:02}:00"),
    }
}

fn weekday(at: u64, first_day: Weekday) -> &'static str {
    let days = i64::try_from(at / DAY % 7).unwrap_or_default();
    match first_day.wrapping_add(days) {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_counted_in_steps_of_one_two_or_five() {
        let cases = [
            (0, 1, 1),
            (1, 1, 1),
            (4, 4, 1),
            (5, 5, 1),
            (8, 8, 2),
            (9, 10, 2),
            (21, 25, 5),
            (72, 80, 20),
            (1999, 2000, 500),
        ];
        for (most, top, step) in cases {
            assert_eq!(NodeAxis::to(most), NodeAxis { top, step }, "{most}");
        }
        assert_eq!(NodeAxis::to(9).marks().collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10]);
        assert!(NodeAxis::to(u64::MAX).marks().count() <= 6);
    }

    #[test]
    fn time_is_named_by_hours_days_or_weeks() {
        let names = |end, first_day| {
            stretches(end, first_day).into_iter().map(|stretch| stretch.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(DAY, Weekday::Sunday),
            ["Sun", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]
        );
        assert_eq!(names(WEEK, Weekday::Monday), ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
        assert_eq!(names(3 * DAY, Weekday::Saturday), ["Sat", "Sun", "Mon"]);
        let semester = names(16 * WEEK, Weekday::Monday);
        assert_eq!((semester.len(), semester[0].as_str(), semester[15].as_str()), (16, "week 1", "week 16"));
        let year = names(52 * WEEK, Weekday::Monday);
        assert_eq!((year.len(), year[1].as_str()), (13, "week 5")); // every fourth of 52
        assert!(names(u64::MAX, Weekday::Monday).len() <= 22);
        assert!(names(0, Weekday::Monday).is_empty());
    }

    #[test]
    fn the_last_stretch_ends_where_time_does() {
        let stretches = stretches(2 * DAY + HOUR, Weekday::Friday);
        let last = Stretch { from: 2 * DAY, to: 2 * DAY + HOUR, name: "Sun".to_owned() };
        assert_eq!(stretches.last(), Some(&last));
    }
}
