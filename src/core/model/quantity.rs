//! Kubernetes quantities (`1.5Gi`, `250m`, `129e6`), read exactly and rounded up to whole units as Kubernetes does.
//!
//! Own code, because the existing crates are wrong: one takes the `E` of `1Ei` for an exponent, reads `Ki` as zero and goes
//! through a float, the other knows integers only. The grammar is that of `resource.Quantity`:
//!
//! ```text
//!   quantity ::= [ "+" | "-" ] number suffix
//!   number   ::= digits | digits "." | digits "." digits | "." digits
//!   suffix   ::= "" | n u m k M G T P E | Ki Mi Gi Ti Pi Ei | ( "e" | "E" ) [ "+" | "-" ] digits
//! ```
//!
//! An amount above 2^63-1 counts as 2^63-1, as in Kubernetes: the API server accepts such an amount from any user, so it
//! must not fail a run. One thing is stricter: a number without a digit (`Ki`, `.`) is an error and not zero, so that
//! nothing turns into a wrong amount unnoticed.

use super::{Bytes, Millicores};

/// The largest amount that Kubernetes can hold.
pub(super) const LARGEST: u64 = i64::MAX.unsigned_abs();

/// No amount of this many decimal digits before the point is within [`LARGEST`], which has 19.
const TOO_MANY_DIGITS: i64 = 20;

/// The reason why a text is not a usable quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text is empty.
    #[error("the quantity is empty, expected a number such as 2, 500m or 1.5Gi")]
    Empty,
    /// The text does not follow the grammar.
    #[error(
        "{text:?} is not a quantity, expected a decimal number without spaces, then nothing, an exponent (e3) or one \
         of n u m k M G T P E Ki Mi Gi Ti Pi Ei"
    )]
    Malformed {
        /// The text.
        text: String,
    },
    /// The amount is below zero.
    #[error("{text:?} is negative, expected zero or more")]
    Negative {
        /// The text.
        text: String,
    },
}

/// Reads an amount of memory and rounds it up to whole bytes.
///
/// # Errors
///
/// Returns an error for every text that Kubernetes refuses; its message names the text and the expected form.
///
/// # Examples
///
/// ```
/// use kube_rebalancer_core::model::{Bytes, parse_bytes};
///
/// assert_eq!(parse_bytes("1.5Gi")?, Bytes(3 << 29));
/// assert_eq!(parse_bytes("512m")?, Bytes(1)); // half a byte; 512Mi was meant
/// let error = parse_bytes("-1Gi").unwrap_err();
/// assert_eq!(error.to_string(), "\"-1Gi\" is negative, expected zero or more");
/// # Ok::<(), kube_rebalancer_core::model::QuantityError>(())
/// ```
pub fn parse_bytes(text: &str) -> Result<Bytes, QuantityError> {
    parse(text, 0).map(Bytes)
}

/// Reads an amount of processor time, which is written in cores, and rounds it up to whole millicores.
pub fn parse_millicores(text: &str) -> Result<Millicores, QuantityError> {
    parse(text, 3).map(Millicores)
}

/// Reads an amount of another resource (pods, devices, bytes of a disk) and rounds it up to a whole number.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    parse(text, 0)
}

/// Reads an amount in units of `10^-places`; at most [`LARGEST`].
fn parse(text: &str, places: i64) -> Result<u64, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Empty);
    }
    let malformed = || QuantityError::Malformed { text: text.to_owned() };
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, rest) = split_digits(unsigned);
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(malformed());
    }
    let scale = Scale::of_suffix(suffix).ok_or_else(malformed)?;
    let number = Decimal::new(whole, fraction, i64::from(scale.decimal) + places);
    if negative && !number.is_zero() {
        return Err(QuantityError::Negative { text: text.to_owned() });
    }
    Ok(number.times_rounded_up(scale.binary).map_or(LARGEST, |amount| amount.min(LARGEST)))
}

/// Splits a text behind its leading decimal digits.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The factor of a suffix: `10^decimal * 1024^binary`.
struct Scale {
    decimal: i32,
    binary: u32,
}

impl Scale {
    fn of_suffix(suffix: &str) -> Option<Self> {
        let (decimal, binary) = match suffix {
            "n" => (-9, 0),
            "u" => (-6, 0),
            "m" => (-3, 0),
            "" => (0, 0),
            "k" => (3, 0),
            "M" => (6, 0),
            "G" => (9, 0),
            "T" => (12, 0),
            "P" => (15, 0),
            "E" => (18, 0),
            "Ki" => (0, 1),
            "Mi" => (0, 2),
            "Gi" => (0, 3),
            "Ti" => (0, 4),
            "Pi" => (0, 5),
            "Ei" => (0, 6),
            // Kubernetes too refuses an exponent that is not within 32 bits.
            exponent => (exponent.strip_prefix(['e', 'E'])?.parse().ok()?, 0),
        };
        Some(Self { decimal, binary })
    }
}

/// A decimal number of any length: `0.d1 d2 d3 … * 10^point`, where `d1` is not zero; without digits it is zero.
struct Decimal<'a> {
    /// Digits before and behind the point of the text; all of them count, the point itself is in `point`.
    digits: [&'a str; 2],
    point: i64,
}

impl<'a> Decimal<'a> {
    /// The number `whole.fraction * 10^exponent`.
    fn new(whole: &'a str, fraction: &'a str, exponent: i64) -> Self {
        let whole = whole.trim_start_matches('0');
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let (digits, point) = if whole.is_empty() {
            let significant = fraction.trim_start_matches('0');
            (["", significant], length(significant) - length(fraction))
        } else {
            ([whole, fraction], length(whole))
        };
        Self { digits, point: point.saturating_add(exponent) }
    }

    fn is_zero(&self) -> bool {
        self.digits().next().is_none()
    }

    /// The significant digits, without trailing zeros.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let [whole, fraction] = self.digits;
        let fraction = fraction.trim_end_matches('0');
        let whole = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
        whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0')
    }

    /// The number times `1024^steps`, rounded up; `None` if it is far too large. Exact for any number of digits.
    fn times_rounded_up(&self, steps: u32) -> Option<u64> {
        if self.is_zero() {
            return Some(0);
        }
        if self.point >= TOO_MANY_DIGITS {
            return None;
        }
        if self.point <= -TOO_MANY_DIGITS {
            return Some(1); // less than 10^-20 times at most 1024^6, which has 19 digits
        }
        let places = usize::try_from(self.point).unwrap_or(0);
        let whole = self.digits().chain(std::iter::repeat(0)).take(places);
        let mut whole = whole.fold(0_u128, |number, digit| number * 10 + u128::from(digit));
        let zeros = usize::try_from(-self.point).unwrap_or(0);
        let mut fraction: Vec<u32> =
            std::iter::repeat_n(0, zeros).chain(self.digits().skip(places).map(u32::from)).collect();
        for _ in 0..steps {
            // As on paper, from the last digit to the first; the last carry belongs before the point.
            let mut carry = 0;
            for digit in fraction.iter_mut().rev() {
                let product = *digit * 1024 + carry;
                *digit = product % 10;
                carry = product / 10;
            }
            whole = whole * 1024 + u128::from(carry);
        }
        let partial = fraction.iter().any(|digit| *digit != 0);
        u64::try_from(whole + u128::from(partial)).ok()
    }
}

#[cfg(test)]
mod tests;
