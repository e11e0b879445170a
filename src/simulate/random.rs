//! Random numbers: a generator for each purpose, so that the draws of one part never change the numbers of another one.

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// The purpose of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The times at which users arrive.
    Arrivals,
    /// The lengths of their sessions.
    Lengths,
    /// The sizes of their requests.
    Sizes,
    /// The arrivals of the users of the class, and the lengths of their sessions.
    Class,
    /// The scheduler's choice among equally good nodes.
    Scheduler,
    /// The order of nodes for `scale.py`.
    Shuffle,
    /// The kinds of users.
    Kinds,
    /// The owner of the disk that a server uses.
    People,
}

impl Purpose {
    /// The number of purposes with low stream numbers; each seed has this number of streams. Purposes that were added
    /// later have much higher numbers, so that every seed still yields the same users.
    const COUNT: u64 = 6;
    const LATER: u64 = 1 << 63;

    fn number(self) -> u64 {
        match self {
            Self::Arrivals => 0,
            Self::Lengths => 1,
            Self::Sizes => 2,
            Self::Class => 3,
            Self::Scheduler => 4,
            Self::Shuffle => 5,
            Self::Kinds => Self::LATER,
            Self::People => Self::LATER + 1,
        }
    }
}

/// The generator for a purpose.
pub(super) fn generator(seed: u64, purpose: Purpose) -> Pcg64 {
    Pcg64::seed_from_u64(seed.wrapping_mul(Purpose::COUNT).wrapping_add(purpose.number()))
}
