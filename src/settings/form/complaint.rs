//! The problems of a setting's text, without the expected form.

use kube_rebalancer_core::foresight::ScheduleError;

use crate::settings::shown::Shown;

/// An element of a list is shown up to this length, so that a problem stays within two lines.
const ELEMENT_WIDTH: usize = 24;

/// A problem of a text. A [`Problem`](crate::settings::Problem) adds the setting's name, the text and
/// the expected form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    /// Close to something valid.
    #[error("did you mean {0}?")]
    DidYouMean(String),
    /// Digits with at most one point among them were expected.
    #[error("not a decimal number")]
    NotDecimal,
    /// More decimals than parts per million can hold.
    #[error("more than six decimals")]
    TooManyDecimals,
    /// Digits were expected.
    #[error("not a whole number")]
    NotWhole,
    /// The smallest value is larger than zero.
    #[error("not above 0")]
    NotAboveZero,
    /// Too large.
    #[error("above {0}")]
    Above(&'static str),
    /// Too small.
    #[error("below {0}")]
    Below(&'static str),
    /// A bare number where a unit is needed.
    #[error("no unit; did you mean {number}s or {number}m?")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// Days and longer have no fixed length in a calendar, so none is assumed here.
    #[error("days and longer are not units here; a day is 24h")]
    Days,
    /// A duration backwards in time.
    #[error("negative")]
    Negative,
    /// No duration at all.
    #[error("not a duration")]
    NotADuration,
    /// `a::b`, or a separator at an end.
    #[error("element {position} of the list is empty")]
    EmptyElement {
        /// Which element, from 1.
        position: usize,
    },
    /// An element, or the whole text, is not a valid name.
    #[error("{} is not a {what}", Shown::new(text, ELEMENT_WIDTH).quoted())]
    NotAName {
        /// The text.
        text: String,
        /// The expected form.
        what: &'static str,
    },
    /// It is no URL.
    #[error("not a URL such as https://host/path")]
    NotAUrl,
    /// A URL with user and password, which would reach every log.
    #[error("has a user or a password in it")]
    UserInUrl,
    /// Blanks or control characters are more likely a slip than a part of a key.
    #[error("has blanks or control characters in it")]
    NotAKey,
    /// A query of Prometheus is one line.
    #[error("not one line of printable characters")]
    NotAQuery,
    /// `DEMAND` counts usage, but `USAGE` has no source.
    #[error("counts what pods use, but USAGE is none")]
    NoUsage,
    /// `USAGE` is `prometheus`, but `PROMETHEUS_URL` is unset.
    #[error("asks a Prometheus, but PROMETHEUS_URL is unset")]
    NoPrometheus,
    /// `DRAIN` is `movable`, but `PREEMPTIBLE_LABELS` is unset, so users' pods could be evicted.
    #[error("PREEMPTIBLE_LABELS is unset, so users' pods are not known")]
    NoUsersLabel,
    /// None of the words that the setting knows.
    #[error("unknown word")]
    UnknownWord,
    /// Not a label selector.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// An element of a list is there twice.
    #[error("{} is there twice", Shown::new(.0, ELEMENT_WIDTH))]
    Twice(String),
    /// There are two values for one pool, or for the pools without an override.
    #[error("two values for {}", of_pool(.pool.as_deref()))]
    TwoValues {
        /// The pool; `None` for those without an override.
        pool: Option<String>,
    },
    /// The value of one pool is wrong.
    #[error("pool {}: {complaint}", Shown::new(pool, ELEMENT_WIDTH))]
    OfPool {
        /// The pool.
        pool: String,
        /// The problem of its value.
        complaint: Box<Complaint>,
    },
    /// A node group is named for two pools.
    #[error("{} is in two pools", Shown::new(.0, ELEMENT_WIDTH))]
    GroupInTwoPools(String),
    /// A text names a pool, but `POOL_LABEL` is unset.
    #[error("names pool {}, but POOL_LABEL is unset", Shown::new(.0, ELEMENT_WIDTH))]
    NoPools(String),
    /// Not a schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A reserve names no pool, but `POOL_LABEL` is set.
    #[error("{0} names no pool, but POOL_LABEL is set")]
    ReserveOfNoPool(String),
    /// The time zone database has no such zone.
    #[error("not a time zone of the IANA database")]
    NoTimeZone,
    /// Valid but for the quotes around it, which a shell removes and an env file keeps.
    #[error("in literal quotes; remove them")]
    Quotes,
    /// Valid but for the line break at its end.
    #[error("ends in a line break; remove it")]
    LineBreak,
    /// Valid but for the blanks around it.
    #[error("has blanks around it; remove them")]
    Blanks,
    /// The value is not text.
    #[error("not UTF-8 text")]
    NotUnicode,
}

fn of_pool(pool: Option<&str>) -> String {
    match pool {
        Some(pool) => format!("pool {}", Shown::new(pool, ELEMENT_WIDTH)),
        None => "all pools".to_owned(),
    }
}

/// The reason why a text is not a label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Another token was expected.
    #[error("{found} where {expected} should be")]
    Unexpected {
        /// The text found there, in quotes, or a note that the text ends.
        found: String,
        /// The expected token.
        expected: &'static str,
    },
    /// `>` and `<` compare whole numbers.
    #[error("'{0}' is not a whole number")]
    NotWhole(String),
}
