//! Quantities with their unit in the type.

use std::fmt;

/// An amount of memory in bytes.
///
/// One object never holds more than `i64::MAX` bytes (Kubernetes' own bound for a quantity); sums over a cluster are
/// made in `u128`, so no sum can wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// One mebibyte.
    pub const MEBI: Self = Self(1 << 20);
    /// One gibibyte.
    pub const GIBI: Self = Self(1 << 30);
}

/// Writes the amount with a binary suffix and at most one decimal: `13Gi`, `1.5Gi`, `100Mi`, `0`.
impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&TotalBytes(u128::from(self.0)), formatter)
    }
}

/// A sum of [`Bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotalBytes(pub u128);

/// Writes the sum as [`Bytes`] is written; the decimal is rounded half up.
impl fmt::Display for TotalBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let mut unit: u128 = 1;
        let mut suffix = 0;
        while suffix + 1 < SUFFIXES.len() && self.0 >= unit * 1024 {
            unit *= 1024;
            suffix += 1;
        }
        let tenths = (self.0.saturating_mul(10) + unit / 2) / unit;
        let name = SUFFIXES.get(suffix).copied().unwrap_or_default();
        let text = match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole}{name}"),
            (whole, tenth) => format!("{whole}.{tenth}{name}"),
        };
        formatter.pad(&text)
    }
}

/// An amount of processor time in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millicores(pub u64);

impl fmt::Display for Millicores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}m", self.0))
    }
}

/// What a pod asks the scheduler for, by the scheduler's own rule (init steps, sidecars and overhead included).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requests {
    /// Memory.
    pub memory: Bytes,
    /// Processor time.
    pub cpu: Millicores,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_with_the_largest_suffix_that_leaves_a_whole_unit() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1Ki"),
            (1536 << 20, "1.5Gi"),
            (13_317_664 << 10, "12.7Gi"),
            (i64::MAX.unsigned_abs(), "8Ei"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>6}", Bytes::GIBI), "   1Gi");
    }
}
