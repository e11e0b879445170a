//! Places in a text, counted as `serde_json` counts them in its errors.

use memchr::{memchr_iter, memrchr};

/// How many lines, and how many bytes of the last one, are in front of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) lines: usize,
    pub(super) columns: usize,
}

impl Position {
    /// The place that an error names; its lines count from one, its column is how many bytes were read of the line.
    pub(super) fn of_error(error: &serde_json::Error) -> Self {
        Self { lines: error.line().saturating_sub(1), columns: error.column() }
    }

    /// The place behind a text that begins here.
    pub(super) fn after(self, text: &[u8]) -> Self {
        let lines = memchr_iter(b'\n', text).count();
        let columns = text.len() - memrchr(b'\n', text).map_or(0, |index| index + 1);
        self.plus(Self { lines, columns })
    }

    /// This place, moved by the distance between the start of a text and a place in it.
    pub(super) fn plus(self, distance: Self) -> Self {
        let columns = if distance.lines == 0 { self.columns + distance.columns } else { distance.columns };
        Self { lines: self.lines + distance.lines, columns }
    }

    /// The distance from an earlier place in the same text; `None` if that is not earlier.
    pub(super) fn since(self, earlier: Self) -> Option<Self> {
        if self <= earlier {
            return None;
        }
        let lines = self.lines - earlier.lines;
        let columns = if lines == 0 { self.columns - earlier.columns } else { self.columns };
        Some(Self { lines, columns })
    }
}
