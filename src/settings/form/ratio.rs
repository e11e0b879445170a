//! Ratios: exact decimal fractions, read without a float.

use kube_rebalancer_core::policy::PartsPerMillion;

use super::Complaint;

/// Reads a share of the whole, above 0 and up to 1.
pub(super) fn ratio(text: &str) -> Result<PartsPerMillion, Complaint> {
    if let Some(suggestion) = meant_as_percentage(text) {
        return Err(Complaint::DidYouMean(suggestion.to_string()));
    }
    match decimal(text, 6)? {
        0 => Err(Complaint::NotAboveZero),
        parts if parts <= PartsPerMillion::ONE.0 => Ok(PartsPerMillion(parts)),
        _ => Err(Complaint::Above("1")),
    }
}

/// `85%` and `85` are nearly always 0.85.
fn meant_as_percentage(text: &str) -> Option<PartsPerMillion> {
    let percent = text.strip_suffix('%').unwrap_or(text);
    // One percent is ten thousand parts per million: four decimals of a percentage are six of a ratio.
    let parts = decimal(percent, 4).ok()?;
    let is_percentage = percent != text || !text.contains('.') && parts > 10_000;
    (is_percentage && (1..=PartsPerMillion::ONE.0).contains(&parts)).then_some(PartsPerMillion(parts))
}

/// Reads a decimal number with at most `decimals` decimal places, as a whole number of units of the last place.
///
/// Leading zeros (`00.5`), signs, exponents and a point at either end are refused: their author may mean something else.
fn decimal(text: &str, decimals: usize) -> Result<u32, Complaint> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(Complaint::NotDecimal),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let padded_with_zeros = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || padded_with_zeros || !digits(whole) || !digits(fraction) {
        return Err(Complaint::NotDecimal);
    }
    if fraction.len() > decimals {
        return Err(Complaint::TooManyDecimals);
    }
    // Digits can only fail to parse if there are too many for a number up to one.
    format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| Complaint::Above("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        let cases = [
            ("0.85", 850_000),
            ("0.850000", 850_000),
            ("0.000001", 1),
            ("0.999999", 999_999),
            ("1", 1_000_000),
            ("1.0", 1_000_000),
        ];
        for (text, parts) in cases {
            assert_eq!(ratio(text), Ok(PartsPerMillion(parts)), "{text}");
        }
    }

    #[test]
    fn percentages_are_refused_with_the_ratio_that_was_meant() {
        let cases = [
            ("85", "0.85"),
            ("85%", "0.85"),
            ("1%", "0.01"),
            ("62.5%", "0.625"),
            ("100", "1"),
            ("100%", "1"),
        ];
        for (text, meant) in cases {
            assert_eq!(ratio(text), Err(Complaint::DidYouMean(meant.into())), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_ratio_is_refused() {
        let cases = [
            ("0", Complaint::NotAboveZero),
            ("0.0", Complaint::NotAboveZero),
            ("0.8500001", Complaint::TooManyDecimals),
            ("1.000001", Complaint::Above("1")),
            ("101", Complaint::Above("1")),
            ("99999999999999999999", Complaint::Above("1")),
            ("101%", Complaint::NotDecimal),
            ("0%", Complaint::NotDecimal),
            ("NaN", Complaint::NotDecimal),
            ("inf", Complaint::NotDecimal),
            ("8.5e-1", Complaint::NotDecimal),
            ("+0.85", Complaint::NotDecimal),
            ("-0.85", Complaint::NotDecimal),
            (".85", Complaint::NotDecimal),
            ("1.", Complaint::NotDecimal),
            ("00.85", Complaint::NotDecimal),
            ("0.8.5", Complaint::NotDecimal),
            ("0,85", Complaint::NotDecimal),
            (" 0.85", Complaint::NotDecimal),
            ("", Complaint::NotDecimal),
            ("\u{0660}.\u{0668}", Complaint::NotDecimal), // digits, but not ours
        ];
        for (text, complaint) in cases {
            assert_eq!(ratio(text), Err(complaint), "{text:?}");
        }
    }
}
