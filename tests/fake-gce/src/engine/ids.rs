//! Ids and names that look arbitrary and are the same in every run.

/// The source of ids and names.
#[derive(Debug, Default)]
pub(super) struct Ids(u64);

impl Ids {
    /// A new id, of nineteen digits, as all of them are.
    pub(super) fn id(&mut self) -> u64 {
        1_000_000_000_000_000_000 + self.next() % 8_000_000_000_000_000_000
    }

    /// Four letters and digits.
    pub(super) fn suffix(&mut self) -> String {
        let mut rest = self.next();
        let mut letters = String::new();
        for _ in 0..4 {
            letters.extend(u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36)));
            rest /= 36;
        }
        letters
    }

    /// The next of a sequence that is thoroughly mixed (the finaliser of the generator called `SplitMix64`).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
