//! Common parts of the tables: columns, and numbers that fit them.

use std::io::Result;

use kube_rebalancer_page::{Page, Tone};

/// The column in which the facts start, after their labels.
const COLUMN: usize = 13;

/// The widths of the columns, each with the gap before it; the policy's name is on the left.
pub(super) const WIDTHS: [usize; 12] = [15, 7, 6, 5, 7, 6, 6, 6, 5, 6, 6, 5];

/// One fact a line, behind its label.
pub(super) fn fact(page: &mut Page<'_>, label: &str, text: &str) -> Result<()> {
    let label = format!("{label:<COLUMN$}");
    page.paragraph(0, COLUMN, (Tone::Dim, &label), (Tone::Plain, text))
}

/// `7.9`, or `8`.
pub(super) fn cores(millicores: u64) -> String {
    match ((millicores + 50) / 1000, (millicores + 50) / 100 % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// Five columns for up to a hundred hours: `45s`, `2m55s`, `17m`, `1h05m`, `27h`.
pub(super) fn time(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => format!("{rest}s"),
        (0, _, 0) => format!("{minutes}m"),
        (0, 1..10, _) => format!("{minutes}m{rest:02}s"),
        (0, _, _) => format!("{minutes}m"),
        (_, 0, _) => format!("{hours}h"),
        (1..10, _, _) => format!("{hours}h{minutes:02}m"),
        (_, _, _) => format!("{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_fill_a_line() {
        assert_eq!(WIDTHS.iter().sum::<usize>(), 80);
    }

    #[test]
    fn times_fit_five_columns() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (175, "2m55s"),
            (599, "9m59s"),
            (659, "10m"),
            (3600, "1h"),
            (3661, "1h01m"),
            (36_000 + 1799, "10h"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}
