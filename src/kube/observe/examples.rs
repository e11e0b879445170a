//! Counts pods of a kind and keeps the name of one.

/// How many there are, and the first by name: whatever order they are listed in, the same one is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Examples {
    first: Option<String>,
    count: usize,
}

impl Examples {
    /// Counts one.
    pub(super) fn add(&mut self, name: impl FnOnce() -> String) {
        self.absorb(Self { first: Some(name()), count: 1 });
    }

    /// Adds what another one counted.
    pub(super) fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.first = match (self.first.take(), other.first) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// The first by name, and how many there are.
    pub(super) fn into_parts(self) -> Option<(String, usize)> {
        self.first.map(|first| (first, self.count))
    }
}
