//! Durations such as `30m` and `1h30m`, always with a unit.

use jiff::SignedDuration;
use jiff::fmt::friendly::SpanParser;

use super::{Complaint, Form, JsonKind, Shape};

/// One year: a longer grace is a mistake, and all times stay far from the end of the calendar.
const LONGEST: SignedDuration = SignedDuration::from_hours(8760);

/// A duration that may be zero.
pub(in crate::settings) const DURATION: Form<SignedDuration> = Form {
    shape: Shape {
        unit: "duration",
        expected: "a duration such as 0s, 30m or 1h30m, at most 8760h",
        json: JsonKind::Text,
    },
    read: duration,
};

/// The time that a new node may take. With none, nothing would count as coming, and each run would create further nodes.
pub(in crate::settings) const BOOT: Form<SignedDuration> = Form {
    shape: Shape {
        unit: "duration",
        expected: "a duration from 1s to 8760h such as 15m or 1h",
        json: JsonKind::Text,
    },
    read: boot,
};

/// A duration above zero: without any time, a run could do nothing.
pub(in crate::settings) const TIMEOUT: Form<SignedDuration> = Form {
    shape: Shape {
        unit: "duration",
        expected: "a duration above 0s such as 30s or 5m, at most 8760h",
        json: JsonKind::Text,
    },
    read: timeout,
};

/// A duration for which foresight looks back or ahead. No node takes longer to boot, and a rise predicts nothing
/// for a day ahead.
pub(in crate::settings) const HOURS: Form<SignedDuration> = Form {
    shape: Shape {
        unit: "duration",
        expected: "a duration such as 0s, 15m or 1h, at most 6h",
        json: JsonKind::Text,
    },
    read: hours,
};

fn hours(text: &str) -> Result<SignedDuration, Complaint> {
    match duration(text) {
        Ok(duration) if duration <= SignedDuration::from_hours(6) => Ok(duration),
        Ok(_) | Err(Complaint::Above(_)) => Err(Complaint::Above("6h")),
        Err(complaint) => Err(complaint),
    }
}

pub(super) fn duration(text: &str) -> Result<SignedDuration, Complaint> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Complaint::NoUnit { number: text.to_owned() });
    }
    let parser = SpanParser::new();
    // jiff refuses days in a duration, as their length depends on the calendar, and takes them in a span.
    let duration = parser.parse_duration(text).map_err(|_| match parser.parse_span(text) {
        Ok(_) => Complaint::Days,
        Err(_) => Complaint::NotADuration,
    })?;
    if duration.is_negative() {
        return Err(Complaint::Negative);
    }
    if duration > LONGEST { Err(Complaint::Above("8760h")) } else { Ok(duration) }
}

fn boot(text: &str) -> Result<SignedDuration, Complaint> {
    let duration = duration(text)?;
    if duration < SignedDuration::from_secs(1) { Err(Complaint::Below("1s")) } else { Ok(duration) }
}

fn timeout(text: &str) -> Result<SignedDuration, Complaint> {
    match duration(text)? {
        SignedDuration::ZERO => Err(Complaint::NotAboveZero),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let seconds = |seconds| Ok(SignedDuration::from_secs(seconds));
        let no_unit = |number: &str| Err(Complaint::NoUnit { number: number.into() });
        let cases = [
            ("0s", seconds(0)),
            ("90s", seconds(90)),
            ("30m", seconds(1800)),
            ("1h30m", seconds(5400)),
            ("1h 30m", seconds(5400)),
            ("8760h", seconds(8760 * 3600)),
            ("8760h1s", Err(Complaint::Above("8760h"))),
            ("0", no_unit("0")),
            ("600", no_unit("600")),
            ("1d", Err(Complaint::Days)),
            ("2 weeks", Err(Complaint::Days)),
            ("-5m", Err(Complaint::Negative)),
            ("5m ago", Err(Complaint::Negative)),
            ("5x", Err(Complaint::NotADuration)),
            ("m", Err(Complaint::NotADuration)),
            ("soon", Err(Complaint::NotADuration)),
            ("99999999999999999999h", Err(Complaint::NotADuration)),
            ("", Err(Complaint::NotADuration)),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text), expected, "{text:?}");
        }
    }

    /// With less, growth that was asked for a moment ago would not count, and each run would ask again.
    #[test]
    fn a_new_node_gets_a_second_at_least() {
        assert_eq!(boot("1s"), Ok(SignedDuration::from_secs(1)));
        assert_eq!(boot("0s"), Err(Complaint::Below("1s")));
        assert_eq!(boot("8760h1s"), Err(Complaint::Above("8760h")));
        assert_eq!(boot("15"), Err(Complaint::NoUnit { number: "15".into() }));
    }

    #[test]
    fn foresight_looks_six_hours_ahead_at_most() {
        assert_eq!(hours("6h"), Ok(SignedDuration::from_hours(6)));
        assert_eq!(hours("6h1s"), Err(Complaint::Above("6h")));
        assert_eq!(hours("1000000h"), Err(Complaint::Above("6h")));
        assert_eq!(hours("-5m"), Err(Complaint::Negative));
    }

    #[test]
    fn a_timeout_is_above_zero() {
        assert_eq!(timeout("5m"), Ok(SignedDuration::from_mins(5)));
        assert_eq!(timeout("0s"), Err(Complaint::NotAboveZero));
        assert_eq!(timeout("0h0m"), Err(Complaint::NotAboveZero));
    }
}
