//! Amounts for people: memory in Gi and CPU in cores, in aligned columns, and a bar of ten cells.

use kube_rebalancer_core::model::{Bytes, Resource};

/// From this amount on, memory is written with a larger suffix, because the column of Gi is too narrow.
const TOO_MANY_GI: u128 = 10_000;
/// The same for cores, in thousandths.
const TOO_MANY_CORES: u64 = 10_000_000;
/// The suffixes of thousands, millions and so on of cores: no amount has more.
const SUFFIXES: [&str; 5] = ["k", "M", "G", "T", "P"];

const GI: u128 = 1 << 30;

/// Cells of a bar.
pub(super) const CELLS: u8 = 10;

/// `312.4Gi` or `12.5`: always in Gi or in cores with one decimal, rounded half up, so that a column is aligned.
pub(super) fn amount(resource: Resource, number: u64) -> String {
    let (unit, suffix) = match resource {
        Resource::Memory if u128::from(number) >= TOO_MANY_GI * GI => return Bytes(number).to_string(),
        Resource::Memory => (GI, "Gi"),
        Resource::Cpu if number >= TOO_MANY_CORES => return thousands(number),
        Resource::Cpu => (1000, ""),
    };
    let tenths = (u128::from(number) * 10 + unit / 2) / unit;
    format!("{}.{}{suffix}", tenths / 10, tenths % 10)
}

/// `12.5k` of a number of thousandths: with the suffix that leaves at least one whole unit.
fn thousands(thousandths: u64) -> String {
    let mut unit = 1000_u128;
    let mut suffix = "";
    for larger in SUFFIXES {
        if u128::from(thousandths) < unit * 1000 {
            break;
        }
        (unit, suffix) = (unit * 1000, larger);
    }
    let tenths = (u128::from(thousandths) * 10 + unit / 2) / unit;
    format!("{}.{}{suffix}", tenths / 10, tenths % 10)
}

/// `9.8 of 12.7Gi`.
pub(super) fn share(resource: Resource, requested: u64, capacity: u64) -> String {
    let requested = amount(resource, requested);
    let capacity = amount(resource, capacity);
    let unit_is_shared = requested.ends_with("Gi") && capacity.ends_with("Gi");
    let requested = if unit_is_shared { requested.trim_end_matches("Gi") } else { requested.as_str() };
    format!("{requested} of {capacity}")
}

/// `#######...`: a cell for each whole tenth. Two things must be seen at a glance, so they are exact: no `#` means
/// that nothing is requested, and ten `#` that nothing is free. `+` at the end means that more is requested than
/// the capacity.
///
/// ASCII, because it must look the same in a log viewer, in a mail and on a serial console.
pub(super) fn bar(requested: u64, capacity: u64) -> String {
    if requested > capacity {
        return format!("{}+", "#".repeat(usize::from(CELLS) - 1));
    }
    let whole_tenths =
        (u128::from(requested) * u128::from(CELLS)).checked_div(u128::from(capacity)).unwrap_or(0);
    let started = u128::from(requested > 0);
    let filled = usize::try_from(whole_tenths.max(started)).unwrap_or(0);
    format!("{}{}", "#".repeat(filled), ".".repeat(usize::from(CELLS).saturating_sub(filled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBI: u64 = 1 << 30;

    #[test]
    fn an_amount_has_one_decimal_rounded_half_up() {
        for (bytes, text) in [
            (0, "0.0Gi"),
            (GIBI / 20, "0.0Gi"), // a twentieth is no whole number of bytes: this is just below
            (GIBI / 20 + 1, "0.1Gi"),
            (13_317_664 << 10, "12.7Gi"),
            (9_999 * GIBI, "9999.0Gi"),
            (10_240 * GIBI, "10Ti"),
        ] {
            assert_eq!(amount(Resource::Memory, bytes), text);
        }
        for (millicores, text) in [
            (0, "0.0"),
            (1930, "1.9"),
            (1950, "2.0"),
            (9_999_000, "9999.0"),
            (10_000_000, "10.0k"),
            (12_450_000_000, "12.5M"),
            (u64::MAX, "18.4P"), // 2^64 thousandths are 1.8e16 cores
        ] {
            assert_eq!(amount(Resource::Cpu, millicores), text);
        }
    }

    #[test]
    fn a_share_names_the_unit_once() {
        assert_eq!(share(Resource::Memory, GIBI / 2, 13 * GIBI), "0.5 of 13.0Gi");
        assert_eq!(share(Resource::Memory, GIBI / 2, 1 << 63), "0.5Gi of 8Ei");
        assert_eq!(share(Resource::Cpu, 500, 8000), "0.5 of 8.0");
    }

    #[test]
    fn a_bar_is_empty_only_at_nothing_and_full_only_at_everything() {
        for (requested, capacity, text) in [
            (0, 100, ".........."),
            (1, 100, "#........."),
            (19, 100, "#........."),
            (20, 100, "##........"),
            (99, 100, "#########."),
            (100, 100, "##########"),
            (101, 100, "#########+"),
            (0, 0, ".........."),
            (1, 0, "#########+"),
            (u64::MAX, u64::MAX, "##########"),
        ] {
            assert_eq!(bar(requested, capacity), text, "{requested} of {capacity}");
        }
    }
}
