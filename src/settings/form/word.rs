//! Settings that are one of a few words.

use kube_rebalancer_core::policy::{AdoptCordons, CapacitySource, DemandSource, Drain, GiveBack};

use kube_rebalancer_ports::{MagnumDelete, ParkBy, UsageKind};

use super::duration::duration;
use super::{Complaint, Form, JsonKind, Shape};
use crate::logs::LogFormat;

/// Yes or no, in exactly two spellings, so that a manifest is read the same way by everybody.
pub(in crate::settings) const SWITCH: Form<bool> = Form {
    shape: Shape { unit: "true|false", expected: "true or false", json: JsonKind::Scalar },
    read: switch,
};

/// The quantity of a node that counts.
pub(in crate::settings) const CAPACITY: Form<CapacitySource> = Form {
    shape: Shape { unit: "word", expected: "allocatable or capacity", json: JsonKind::Text },
    read: |text| {
        one_of(text, [("allocatable", CapacitySource::Allocatable), ("capacity", CapacitySource::Capacity)])
    },
};

/// The source of pods' usage.
pub(in crate::settings) const USAGE: Form<UsageKind> = Form {
    shape: Shape { unit: "word", expected: "none, metrics-server or prometheus", json: JsonKind::Text },
    read: |text| {
        let words = [
            ("none", UsageKind::None),
            ("metrics-server", UsageKind::MetricsServer),
            ("prometheus", UsageKind::Prometheus),
        ];
        one_of(text, words)
    },
};

/// The quantity of a pod that counts.
pub(in crate::settings) const DEMAND: Form<DemandSource> = Form {
    shape: Shape { unit: "word", expected: "requests, usage or larger", json: JsonKind::Text },
    read: |text| {
        let words = [
            ("requests", DemandSource::Requests),
            ("usage", DemandSource::Usage),
            ("larger", DemandSource::Larger),
        ];
        one_of(text, words)
    },
};

/// The age from which on a cordon of others counts, or whether it counts at all.
pub(in crate::settings) const ADOPT: Form<AdoptCordons> = Form {
    shape: Shape {
        unit: "duration",
        expected: "a duration such as 1h, or true or false",
        json: JsonKind::Scalar,
    },
    read: adopt,
};

/// The way in which an instance is parked.
pub(in crate::settings) const PARK: Form<ParkBy> = Form {
    shape: Shape { unit: "word", expected: "shelve or stop", json: JsonKind::Text },
    read: |text| one_of(text, [("shelve", ParkBy::Shelve), ("stop", ParkBy::Stop)]),
};

/// Whether Magnum may be asked to delete nodes by name, and by which driver.
pub(in crate::settings) const MAGNUM_DELETE: Form<MagnumDelete> = Form {
    shape: Shape { unit: "word", expected: "never, heat or cluster-api", json: JsonKind::Text },
    read: |text| {
        let words = [
            ("never", MagnumDelete::Never),
            ("heat", MagnumDelete::Heat),
            ("cluster-api", MagnumDelete::ClusterApi),
        ];
        one_of(text, words)
    },
};

/// The way in which a node is given back.
pub(in crate::settings) const GIVE_BACK: Form<GiveBack> = Form {
    shape: Shape { unit: "word", expected: "delete or park", json: JsonKind::Text },
    read: |text| one_of(text, [("delete", GiveBack::Delete), ("park", GiveBack::Park)]),
};

/// The pods that a run evicts from nodes that it gives back.
pub(in crate::settings) const DRAIN: Form<Drain> = Form {
    shape: Shape { unit: "word", expected: "none, omitted or movable", json: JsonKind::Text },
    read: |text| {
        one_of(text, [("none", Drain::None), ("omitted", Drain::Omitted), ("movable", Drain::Movable)])
    },
};

/// The format of the log.
pub(in crate::settings) const LOG_FORMAT: Form<LogFormat> = Form {
    shape: Shape { unit: "word", expected: "text or json", json: JsonKind::Text },
    read: |text| one_of(text, [("text", LogFormat::Text), ("json", LogFormat::Json)]),
};

pub(super) fn switch(text: &str) -> Result<bool, Complaint> {
    match text {
        "true" => return Ok(true),
        "false" => return Ok(false),
        _ => {}
    }
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Err(Complaint::DidYouMean("true".into())),
        "false" | "f" | "no" | "n" | "off" | "0" => Err(Complaint::DidYouMean("false".into())),
        _ => Err(Complaint::UnknownWord),
    }
}

fn adopt(text: &str) -> Result<AdoptCordons, Complaint> {
    match switch(text) {
        Ok(true) => Ok(AdoptCordons::Always),
        Ok(false) => Ok(AdoptCordons::Never),
        // `0` and `1` could be meant as hours as well as switches.
        Err(Complaint::DidYouMean(word)) if !text.starts_with(|letter: char| letter.is_ascii_digit()) => {
            Err(Complaint::DidYouMean(word))
        }
        Err(_) => duration(text).map(AdoptCordons::After),
    }
}

/// The value of the word.
fn one_of<T, const N: usize>(text: &str, words: [(&str, T); N]) -> Result<T, Complaint> {
    let nearly = text.trim().to_ascii_lowercase();
    let mut complaint = Complaint::UnknownWord;
    for (word, value) in words {
        if word == text {
            return Ok(value);
        }
        if word == nearly {
            complaint = Complaint::DidYouMean(nearly.clone());
        }
    }
    Err(complaint)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn only_true_and_false_are_switches() {
        assert_eq!(switch("true"), Ok(true));
        assert_eq!(switch("false"), Ok(false));
        for (text, meant) in
            [("TRUE", "true"), ("yes", "true"), ("1", "true"), ("No", "false"), ("0", "false")]
        {
            assert_eq!(switch(text), Err(Complaint::DidYouMean(meant.into())), "{text}");
        }
        assert_eq!(switch("maybe"), Err(Complaint::UnknownWord));
    }

    #[test]
    fn cordons_are_adopted_at_an_age_always_or_never() {
        let hours = |hours| AdoptCordons::After(SignedDuration::from_hours(hours));
        for (text, expected) in [
            ("true", Ok(AdoptCordons::Always)),
            ("false", Ok(AdoptCordons::Never)),
            ("1h", Ok(hours(1))),
            ("0s", Ok(hours(0))),
            ("Yes", Err(Complaint::DidYouMean("true".into()))),
            ("1", Err(Complaint::NoUnit { number: "1".into() })),
            ("1d", Err(Complaint::Days)),
            ("sometimes", Err(Complaint::NotADuration)),
        ] {
            assert_eq!(adopt(text), expected, "{text}");
        }
    }

    #[test]
    fn capacity_has_two_words() {
        assert_eq!((CAPACITY.read)("allocatable"), Ok(CapacitySource::Allocatable));
        assert_eq!((CAPACITY.read)("capacity"), Ok(CapacitySource::Capacity));
        assert_eq!((CAPACITY.read)("Capacity"), Err(Complaint::DidYouMean("capacity".into())));
        assert_eq!((CAPACITY.read)("memory"), Err(Complaint::UnknownWord));
    }

    #[test]
    fn the_log_has_two_formats() {
        assert_eq!((LOG_FORMAT.read)("text"), Ok(LogFormat::Text));
        assert_eq!((LOG_FORMAT.read)("json"), Ok(LogFormat::Json));
        assert_eq!((LOG_FORMAT.read)(" JSON"), Err(Complaint::DidYouMean("json".into())));
        assert_eq!((LOG_FORMAT.read)("gcp"), Err(Complaint::UnknownWord));
    }
}
