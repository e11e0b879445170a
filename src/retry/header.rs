//! The pause that a server requests when it rejects a request.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The seconds of a `Retry-After` header; zero if there is none. A date counts as none: this program has no clock to
/// compare it with.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = || headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok();
    seconds().map(Duration::from_secs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn seconds_are_read_and_anything_else_asks_for_nothing() {
        let cases = [
            ("7", 7),
            ("0", 0),
            ("-1", 0),
            ("1.5", 0),
            ("soon", 0),
            ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
            ("", 0),
        ];
        for (text, seconds) in cases {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after(&headers), Duration::from_secs(seconds), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), Duration::ZERO);
    }
}
