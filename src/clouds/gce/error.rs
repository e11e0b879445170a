//! The errors of Compute Engine.

/// A failure of a request to Compute Engine, with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ComputeError {
    /// Its kind.
    pub kind: ErrorKind,
    /// Whether it is certain that the request changed nothing. After a lost answer the result of the change is
    /// unknown.
    pub unchanged: bool,
    /// One sentence: the request and the answer, with Compute Engine's message if there is one.
    pub message: String,
}

/// The kind of a failure, which decides the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There are no credentials, or they are not accepted.
    Credentials,
    /// They do not permit this.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// There are no more machines of that kind in that zone.
    Exhausted,
    /// A quota is used up.
    Quota,
    /// The service did not answer, or asked to come back later.
    Unavailable,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// The kind of an answer, by its HTTP status and its reasons or codes.
    ///
    /// The reason takes precedence: Compute Engine also answers 403 for a used-up quota, and for too many requests a
    /// minute.
    pub(crate) fn of_answer<'a>(status: Option<u16>, reasons: impl IntoIterator<Item = &'a str>) -> Self {
        let mut by_status = match status {
            Some(401) => Self::Credentials,
            Some(403) => Self::Forbidden,
            Some(404) => Self::NotFound,
            Some(408 | 429 | 500..) => Self::Unavailable,
            _ => Self::Other,
        };
        for reason in reasons {
            match reason {
                "quotaExceeded" | "QUOTA_EXCEEDED" => return Self::Quota,
                // Also with `ZONE_` or `REGION_` before it, and `_WITH_DETAILS` behind.
                code if code.contains("RESOURCE_POOL_EXHAUSTED") => return Self::Exhausted,
                "rateLimitExceeded" | "userRateLimitExceeded" | "RATE_LIMIT_EXCEEDED" => {
                    by_status = Self::Unavailable;
                }
                _ => {}
            }
        }
        by_status
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind::{self, Credentials, Exhausted, Forbidden, NotFound, Other, Quota, Unavailable};

    #[test]
    fn an_answer_is_sorted_by_its_reason_and_then_by_its_status() {
        let cases: [(Option<u16>, &[&str], ErrorKind); 22] = [
            (Some(400), &["invalid"], Other),
            (Some(401), &["authError"], Credentials),
            (Some(403), &["forbidden"], Forbidden),
            (Some(403), &["accessNotConfigured"], Forbidden),
            (Some(403), &["SERVICE_DISABLED"], Forbidden),
            (Some(403), &[], Forbidden),
            (Some(403), &["quotaExceeded"], Quota),
            (Some(403), &["QUOTA_EXCEEDED"], Quota),
            (Some(403), &["rateLimitExceeded"], Unavailable),
            (Some(403), &["forbidden", "userRateLimitExceeded"], Unavailable),
            (Some(403), &["rateLimitExceeded", "quotaExceeded"], Quota),
            (Some(404), &["notFound"], NotFound),
            (Some(408), &[], Unavailable),
            (Some(409), &["alreadyExists"], Other),
            (Some(412), &["conditionNotMet"], Other),
            (Some(429), &["RATE_LIMIT_EXCEEDED"], Unavailable),
            (Some(500), &["backendError"], Unavailable),
            (Some(502), &[], Unavailable),
            (Some(503), &["ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"], Exhausted),
            (None, &["ZONE_RESOURCE_POOL_EXHAUSTED"], Exhausted),
            (None, &["RESOURCE_NOT_FOUND"], Other),
            (None, &[], Other),
        ];
        for (status, reasons, expected) in cases {
            assert_eq!(
                ErrorKind::of_answer(status, reasons.iter().copied()),
                expected,
                "{status:?} {reasons:?}"
            );
        }
    }
}
