//! Parsers of the values of flags. An error is the expected form; clap puts the flag and the value before it.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser};
use jiff::Timestamp;

/// The reason why a value is no path of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the path of a file")]
pub(super) struct NoName;

/// The reason why a value is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as 2026-01-15T09:00:00Z")]
pub(super) struct NoTime;

/// The reason why a value is no number of a range.
#[cfg(feature = "simulate")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from {lowest} to {highest}")]
pub(super) struct NoCount {
    lowest: u64,
    highest: u64,
}

/// Parses the path of a file. The file itself is opened later.
pub(super) fn file() -> impl TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|name| if name.is_empty() { Err(NoName) } else { Ok(name) })
}

/// Parses a time.
pub(super) fn time(text: &str) -> Result<Timestamp, NoTime> {
    text.parse().map_err(|_| NoTime)
}

/// Makes a parser of whole numbers, `lowest` and `highest` included.
#[cfg(feature = "simulate")]
pub(super) fn count<Number: TryFrom<u64>>(
    lowest: u64,
    highest: u64,
) -> impl Fn(&str) -> Result<Number, NoCount> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| (lowest..=highest).contains(number));
        number.and_then(|number| Number::try_from(number).ok()).ok_or(NoCount { lowest, highest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset() {
        assert_eq!(time("2026-01-15T09:00:00Z"), time("2026-01-15T10:00:00+01:00"));
        assert!(time("2026-01-15T09:00:00Z").is_ok());
        for text in ["", "tomorrow", "2026-01-15", "2026-01-15T09:00:00", "1768467600"] {
            assert_eq!(time(text), Err(NoTime), "{text:?}");
        }
    }

    #[cfg(feature = "simulate")]
    #[test]
    fn a_count_is_a_whole_number_of_its_range() {
        let days = count::<u32>(1, 366);
        assert_eq!((days("1"), days("366")), (Ok(1), Ok(366)));
        for text in ["", "0", "367", "-1", "1.5", "two"] {
            assert_eq!(days(text), Err(NoCount { lowest: 1, highest: 366 }), "{text:?}");
        }
        assert_eq!(count::<u64>(0, u64::MAX)("18446744073709551615"), Ok(u64::MAX));
        // A number that its type cannot hold is out of range, whatever the range says.
        assert!(count::<u8>(0, 1000)("256").is_err());
    }
}
