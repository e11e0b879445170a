//! The usage of pods, as a source of metrics reports it: samples that a plan validates before it uses them.

use jiff::Timestamp;

use super::quantity::{LARGEST, QuantityError, parse_bytes, parse_millicores};

/// One amount of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measured {
    /// The source does not report it.
    #[default]
    Missing,
    /// It is below zero.
    Negative,
    /// It is no number, exceeds every amount, or occurs twice.
    Absurd,
    /// Bytes of memory, or thousandths of a processor.
    Amount(u64),
}

impl Measured {
    /// Reads an amount of memory in bytes, with a suffix or an exponent.
    #[must_use]
    pub fn memory(text: &str) -> Self {
        Self::read(&parse_bytes(text).map(|bytes| bytes.0))
    }

    /// Reads an amount of processor time in cores, with a suffix or an exponent.
    #[must_use]
    pub fn cpu(text: &str) -> Self {
        Self::read(&parse_millicores(text).map(|millicores| millicores.0))
    }

    fn read(amount: &Result<u64, QuantityError>) -> Self {
        match amount {
            Ok(amount) if *amount < LARGEST => Self::Amount(*amount),
            Err(QuantityError::Negative { .. }) => Self::Negative,
            Ok(_) | Err(_) => Self::Absurd,
        }
    }

    /// The sum of two containers: as invalid as the worse of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Amount(one), Self::Amount(two)) => Self::Amount(one.saturating_add(two)),
            (Self::Negative, _) | (_, Self::Negative) => Self::Negative,
            (Self::Absurd, _) | (_, Self::Absurd) => Self::Absurd,
            (Self::Missing, _) | (_, Self::Missing) => Self::Missing,
        }
    }
}

/// The usage of a pod at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The time at which it was measured.
    pub taken_at: Option<Timestamp>,
    /// Memory in use, in bytes.
    pub memory: Measured,
    /// Processor time, in thousandths of a processor.
    pub cpu: Measured,
    /// The number of its containers, if the source reports that.
    pub containers: Option<usize>,
}

/// A sample with its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSample {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Its usage.
    pub sample: Sample,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_quantities_and_what_is_none_is_kept_apart() {
        for (text, expected) in [
            ("12345678n", Measured::Amount(13)),
            ("0", Measured::Amount(0)),
            ("0.0123", Measured::Amount(13)),
            ("1.5e+00", Measured::Amount(1500)),
            ("-1", Measured::Negative),
            ("-0", Measured::Amount(0)),
            ("NaN", Measured::Absurd),
            ("+Inf", Measured::Absurd),
            ("-Inf", Measured::Absurd),
            ("1e300", Measured::Absurd),
            ("", Measured::Absurd),
            ("1 core", Measured::Absurd),
        ] {
            assert_eq!(Measured::cpu(text), expected, "{text}");
        }
        for (text, expected) in [
            ("220704Ki", Measured::Amount(220_704 << 10)),
            ("3.1234e+08", Measured::Amount(312_340_000)),
            ("9223372036854775807", Measured::Absurd),
            ("9223372036854775806", Measured::Amount(9_223_372_036_854_775_806)),
            ("-4Ki", Measured::Negative),
        ] {
            assert_eq!(Measured::memory(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sum_is_no_better_than_its_worst_part() {
        use Measured::{Absurd, Amount, Missing, Negative};
        for (one, two, expected) in [
            (Amount(1), Amount(2), Amount(3)),
            (Amount(u64::MAX), Amount(2), Amount(u64::MAX)),
            (Amount(1), Missing, Missing),
            (Missing, Absurd, Absurd),
            (Absurd, Negative, Negative),
        ] {
            assert_eq!(one.plus(two), expected);
            assert_eq!(two.plus(one), expected);
        }
    }
}
