//! What is wrong with a setting's text, apart from what was expected of it.

use super::SelectorError;
use crate::settings::shown::Shown;

/// An element of a list is shown up to this length, so that a problem stays within two lines.
const ELEMENT_WIDTH: usize = 24;

/// What is wrong with a text. The setting's name, the text and what was expected stand beside it in a
/// [`Problem`](crate::settings::Problem).
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
        /// What it should be.
        what: &'static str,
    },
    /// None of the words that the setting knows.
    #[error("unknown word")]
    UnknownWord,
    /// Not a label selector.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The value is not text.
    #[error("not UTF-8 text")]
    NotUnicode,
}
