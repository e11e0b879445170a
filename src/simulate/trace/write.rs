//! Writes a trace: the format that `simulate --trace` reads.

use std::io::{self, Write};

use jiff::{Timestamp, Unit};
use kube_rebalancer_core::model::Bytes;

use super::{Stay, columns};

/// Writes the header and a row for each stay, in order of their starts.
pub fn write(mut stays: Vec<Stay>, out: &mut dyn Write) -> io::Result<()> {
    stays.sort_unstable();
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(columns::ALL)?;
    for Stay { start, end, memory, cpu } in stays {
        rows.write_record([second(start), second(end), quantity(memory), cpu.to_string()])?;
    }
    rows.flush()
}

/// The time to the second, as the reader takes it.
fn second(time: Timestamp) -> String {
    // Fails only at the end of all time.
    time.round(Unit::Second).unwrap_or(time).to_string()
}

/// The amount exactly, with the largest suffix that leaves a whole number.
fn quantity(Bytes(bytes): Bytes) -> String {
    let suffixes = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
    match suffixes.into_iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift) {
        Some((shift, suffix)) => format!("{}{suffix}", bytes >> shift),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{Millicores, parse_bytes};

    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1 << 10, "1Ki"),
            (1536 << 20, "1536Mi"),
            (2 << 30, "2Gi"),
            ((2 << 30) + 1, "2147483649"),
            (3 << 40, "3072Gi"),
        ] {
            assert_eq!(quantity(Bytes(bytes)), text);
            assert_eq!(parse_bytes(text), Ok(Bytes(bytes)));
        }
    }

    #[test]
    fn rows_are_in_order_of_start() {
        let stay = |start: &str, memory| Stay {
            start: start.parse().unwrap(),
            end: "2026-01-12T10:00:00Z".parse().unwrap(),
            memory: Bytes(memory),
            cpu: Millicores(500),
        };
        let stays = vec![stay("2026-01-12T09:00:00.6Z", 1 << 30), stay("2026-01-12T08:00:00Z", 1 << 20)];
        let mut out = Vec::new();
        write(stays, &mut out).unwrap();
        let expected = "\
start,end,memory,cpu
2026-01-12T08:00:00Z,2026-01-12T10:00:00Z,1Mi,500m
2026-01-12T09:00:01Z,2026-01-12T10:00:00Z,1Gi,500m
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
