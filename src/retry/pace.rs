//! The number of tries of a request, and the length of the pauses.

use std::time::Duration;

/// The tries and pauses of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Number of tries, the first included.
    pub tries: u32,
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause of our own choice.
    pub longest_pause: Duration,
    /// The longest pause that a server may ask for. A longer requested pause is shortened to this.
    pub longest_asked: Duration,
}

impl Pace {
    /// The range of the jitter.
    pub(crate) const JITTER: u32 = 1000;

    /// The pause after a number of tries. Jitter, in thousandths: several clients that were rejected together must not
    /// retry together.
    pub(crate) fn pause(self, tries: u32, jitter: u32, asked_for: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        let pause = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        let jittered = pause / 2 + pause * jitter / (2 * Self::JITTER);
        jittered.max(asked_for.min(self.longest_asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_is_jittered_and_is_at_least_what_is_asked_for_within_reason() {
        let pace = Pace {
            tries: 9,
            first_pause: Duration::from_millis(400),
            longest_pause: Duration::from_secs(8),
            longest_asked: Duration::from_secs(10),
        };
        // The number of tries so far; the jitter; the pause that the server asks for and the resulting pause, in ms.
        let cases = [
            (1, 0, 0, 200),
            (1, 500, 0, 300),
            (1, 1000, 0, 400),
            (2, 0, 0, 400),
            (2, 1000, 0, 800),
            (5, 1000, 0, 6_400),
            (6, 0, 0, 4_000),
            (6, 1000, 0, 8_000),
            (40, 1000, 0, 8_000),
            (1, 1000, 7_000, 7_000),
            (6, 1000, 7_000, 8_000),
            (1, 0, 10_000, 10_000),
            (1, 0, 3_600_000, 10_000),
        ];
        for (tries, jitter, asked_for, expected) in cases {
            let found = pace.pause(tries, jitter, Duration::from_millis(asked_for));
            assert_eq!(found, Duration::from_millis(expected), "{tries} {jitter} {asked_for}");
        }
    }
}
