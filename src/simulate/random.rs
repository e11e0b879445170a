//! Random numbers: a generator for each purpose, so that what one part draws never moves what another one gets.

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// When users come.
    Arrivals,
    /// How long they stay.
    Lengths,
    /// How much they ask for.
    Sizes,
    /// When the users of the class arrive, and how long they stay.
    Class,
    /// Which of equally good nodes the scheduler takes.
    Scheduler,
    /// In which order `scale.py` looks at nodes.
    Shuffle,
    /// What kind of users come.
    Kinds,
    /// Whose disk a server uses.
    People,
}

impl Purpose {
    /// The purposes that share the low numbers; a seed leaves room for these. The later ones are far above them, so that
    /// every seed still means the users that it has always meant.
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
