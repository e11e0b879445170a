//! The answer of a request, or its absence.

use http::{HeaderMap, StatusCode};
use kube_rebalancer_ports::words::clean;
use kube_rebalancer_ports::{count_objects, count_values};
use serde::de::DeserializeOwned;

use crate::words;

/// Maximum number of bytes of an answer, and of all pages of a list together.
pub const LONGEST: usize = 64 << 20;
/// Maximum number of objects in an answer: a page of a thousand servers has some thirty thousand.
const MOST_OBJECTS: usize = 200_000;
/// Maximum number of values in an answer: a page of a thousand servers has some hundred thousand.
const MOST_VALUES: usize = 500_000;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// No answer.
#[derive(Clone, Debug)]
pub struct Silence {
    /// Whether the request may have been carried out anyway.
    pub in_doubt: bool,
    /// The failure.
    pub words: String,
}

impl Reply {
    /// The status and the service's message, in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let theirs = words::of_failure(&self.body);
        let status = self.status.as_u16();
        if theirs.is_empty() { format!("status {status}") } else { format!("status {status}: \"{theirs}\"") }
    }

    /// Its JSON; otherwise the reason why it is not understood.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        if count_objects(&self.body) > MOST_OBJECTS {
            return Err(format!("the answer is not understood: it has more than {MOST_OBJECTS} objects"));
        }
        if count_values(&self.body) > MOST_VALUES {
            return Err(format!("the answer is not understood: it has more than {MOST_VALUES} values"));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("the answer is not understood: {}", clean(&error.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of numbers is short as text and large as values, even where its field is not used.
    #[test]
    fn a_short_answer_of_many_values_is_not_decoded() {
        let reply = |numbers: usize| Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: format!("[{}]", vec!["0"; numbers].join(",")).into_bytes(),
        };
        // The list is a value too.
        let most = reply(MOST_VALUES - 1).json::<Vec<u8>>().unwrap();
        assert_eq!(most.len(), MOST_VALUES - 1);
        let error = reply(MOST_VALUES).json::<Vec<u8>>().unwrap_err();
        assert_eq!(error, "the answer is not understood: it has more than 500000 values");
    }
}
