//! Settings that are one of a few words.

use kube_rebalancer_core::policy::CapacitySource;

use super::{Complaint, Form, JsonKind, Shape};

/// Yes or no, in exactly two spellings, so that a manifest is read the same way by everybody.
pub(in crate::settings) const SWITCH: Form<bool> = Form {
    shape: Shape { unit: "true|false", expected: "true or false", json: JsonKind::Scalar },
    read: switch,
};

/// Which quantity of a node counts.
pub(in crate::settings) const CAPACITY: Form<CapacitySource> = Form {
    shape: Shape { unit: "word", expected: "allocatable or capacity", json: JsonKind::Text },
    read: capacity,
};

fn switch(text: &str) -> Result<bool, Complaint> {
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

fn capacity(text: &str) -> Result<CapacitySource, Complaint> {
    match text {
        "allocatable" => return Ok(CapacitySource::Allocatable),
        "capacity" => return Ok(CapacitySource::Capacity),
        _ => {}
    }
    match text.trim().to_ascii_lowercase() {
        word if word == "allocatable" || word == "capacity" => Err(Complaint::DidYouMean(word)),
        _ => Err(Complaint::UnknownWord),
    }
}

#[cfg(test)]
mod tests {
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
    fn capacity_has_two_words() {
        assert_eq!(capacity("allocatable"), Ok(CapacitySource::Allocatable));
        assert_eq!(capacity("capacity"), Ok(CapacitySource::Capacity));
        assert_eq!(capacity("Capacity"), Err(Complaint::DidYouMean("capacity".into())));
        assert_eq!(capacity("memory"), Err(Complaint::UnknownWord));
    }
}
