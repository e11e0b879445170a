//! The troubles that were reported within the last hour, kept between runs as a short text.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Trouble};

/// The time after a report within which the same trouble is not reported again.
const QUIET: SignedDuration = SignedDuration::from_hours(1);

/// The maximum number of troubles kept by their own names. Beyond it, each kind is reported once.
const MOST: usize = 200;

/// The maximum number of bytes of the text; a longer one was not written by this program.
pub const MOST_BYTES: usize = 128 * 1024;

/// When each trouble was last reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<String, Timestamp>);

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: u32,
    told: BTreeMap<String, Timestamp>,
}

/// The version of the text; a text of another version counts as empty.
const VERSION: u32 = 1;

impl Told {
    /// Reads the text of an earlier run. A text that cannot be read counts as empty: a repeated message does no harm.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        if text.len() > MOST_BYTES {
            return Self::default();
        }
        match serde_json::from_str(text) {
            Ok(Document { version: VERSION, told }) => Self(told),
            Ok(_) | Err(_) => Self::default(),
        }
    }

    /// The text for later runs.
    pub fn encode(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Document { version: VERSION, told: self.0.clone() })
    }

    /// Returns the digest with only the troubles that are new or were last reported an hour ago, and the record to keep
    /// once they are reported.
    #[must_use]
    pub fn news(&self, digest: &Digest, now: Timestamp) -> (Digest, Self) {
        let fresh = |at: &Timestamp| *at <= now && now.duration_since(*at) < QUIET;
        let mut told: BTreeMap<String, Timestamp> =
            self.0.iter().filter(|(_, at)| fresh(at)).map(|(key, at)| (key.clone(), *at)).collect();
        let mut new: Vec<Trouble> = Vec::new();
        for trouble in &digest.troubles {
            let key = if told.len() < MOST { trouble.key.as_str() } else { trouble.kind() };
            if !told.contains_key(&trouble.key) && !told.contains_key(key) {
                told.insert(key.to_owned(), now);
                new.push(trouble.clone());
            }
        }
        (Digest { troubles: new, ..digest.clone() }, Self(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::tests::digest;

    fn at(time: &str) -> Timestamp {
        format!("2026-01-15T{time}Z").parse().unwrap()
    }

    fn keys(digest: &Digest) -> Vec<&str> {
        digest.troubles.iter().map(|trouble| trouble.key.as_str()).collect()
    }

    #[test]
    fn a_lasting_trouble_is_reported_once_an_hour_and_a_new_one_at_once() {
        let mut digest = digest();
        digest.troubles = vec![Trouble::new("NoCapacity", "node/a", "a")];
        let (news, told) = Told::default().news(&digest, at("09:00:00"));
        assert_eq!(keys(&news), ["NoCapacity node/a"]);
        digest.troubles.push(Trouble::new("NoCapacity", "node/b", "b"));
        let (news, told) = told.news(&digest, at("09:03:00"));
        assert_eq!(keys(&news), ["NoCapacity node/b"]);
        let (news, _) = told.news(&digest, at("09:59:59"));
        assert!(keys(&news).is_empty());
        let (news, told) = told.news(&digest, at("10:00:00"));
        assert_eq!(keys(&news), ["NoCapacity node/a"]);
        assert_eq!(Told::decode(&told.encode().unwrap()), told);
    }

    #[test]
    fn a_problem_that_comes_and_goes_is_not_repeated_within_the_hour() {
        let digest = digest();
        let (_, told) = Told::default().news(&digest, at("09:00:00"));
        let without = Digest { troubles: Vec::new(), ..digest.clone() };
        let (_, told) = told.news(&without, at("09:03:00"));
        assert!(keys(&told.news(&digest, at("09:06:00")).0).is_empty());
    }

    #[test]
    fn a_text_of_somebody_else_or_a_time_in_the_future_silences_nothing() {
        let digest = digest();
        for text in [
            "",
            "[]",
            r#"{"version":2,"told":{"NotTriggerScaleUp":"2026-01-15T09:00:00Z"}}"#,
            r#"{"version":1,"told":{"NotTriggerScaleUp":"9999-01-15T09:00:00Z"}}"#,
            r#"{"version":1,"told":{"NotTriggerScaleUp":7}}"#,
            &"x".repeat(MOST_BYTES + 1),
        ] {
            let (news, _) = Told::decode(text).news(&digest, at("09:01:00"));
            assert_eq!(keys(&news), ["NotTriggerScaleUp"], "{}", &text[..text.len().min(80)]);
        }
    }

    #[test]
    fn the_state_stays_small_whatever_a_cluster_finds_wrong() {
        let mut digest = digest();
        digest.troubles =
            (0..5_000).map(|n| Trouble::new("NoCapacity", &format!("node/{n:0>253}"), "x")).collect();
        let (news, told) = Told::default().news(&digest, at("09:00:00"));
        // The last one is in the record by its kind.
        assert_eq!(news.troubles.len(), MOST + 1);
        assert!(told.encode().unwrap().len() < MOST_BYTES);
    }

    #[test]
    fn a_full_record_hides_no_trouble_of_another_kind() {
        let mut digest = digest();
        digest.troubles = (0..5_000).map(|n| Trouble::new("NoCapacity", &format!("node/{n}"), "x")).collect();
        let (_, told) = Told::default().news(&digest, at("09:00:00"));
        digest.troubles.push(Trouble::new("NotTriggerScaleUp", "pod/hub/b", "b waits"));
        digest.troubles.push(Trouble::new("TooManyBrokenNodes", "", "no node is cordoned"));
        let (news, told) = told.news(&digest, at("09:03:00"));
        assert_eq!(keys(&news), ["NotTriggerScaleUp pod/hub/b", "TooManyBrokenNodes"]);
        let (news, _) = told.news(&digest, at("09:06:00"));
        assert!(keys(&news).is_empty());
    }
}
