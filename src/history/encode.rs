//! Writes a history.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use kube_rebalancer_core::model::{History, Resource, Series, Slot, history_unit};

use crate::bytes::{put, zigzag};
use crate::{HEAD, LONGEST, LONGEST_NAME, MOST_BYTES};

/// The parts of the past that are tried if all of it is too long: the oldest week is dropped first.
const SHORTER: [u32; 5] =
    [3 * Slot::PER_WEEK, 2 * Slot::PER_WEEK, Slot::PER_WEEK, Slot::PER_DAY, Slot::PER_HOUR];

/// Writes a history as text of at most [`LONGEST`] bytes.
///
/// # Errors
///
/// Fails if a history of one hour is still too long, which takes more pools than any cluster has.
pub fn encode(history: &History) -> io::Result<String> {
    if let Some(text) = whole(history)? {
        return Ok(text);
    }
    let newest = history.span().map_or(Slot::numbered(0), |(_, last)| last);
    let mut shorter = history.clone();
    for slots in SHORTER {
        shorter.retain(newest.earlier(slots), newest);
        if let Some(text) = whole(&shorter)? {
            return Ok(text);
        }
    }
    Err(io::Error::other("a history of one hour is longer than 256 KiB"))
}

/// The text, if it is not too long.
fn whole(history: &History) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let known = |(pool, _, _): &(&str, Resource, &Series)| length(pool) <= LONGEST_NAME;
    put(&mut bytes, history.series().filter(known).count().try_into().unwrap_or(u64::MAX));
    for (pool, resource, series) in history.series().filter(known) {
        put(&mut bytes, length(pool));
        bytes.extend_from_slice(pool.as_bytes());
        write_series(&mut bytes, resource, series);
    }
    if bytes.len() > MOST_BYTES {
        return Ok(None);
    }
    let mut compressed = ZlibEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(&bytes)?;
    let text = format!("{HEAD}\n{}\n", STANDARD.encode(compressed.finish()?));
    Ok((text.len() <= LONGEST).then_some(text))
}

fn length(pool: &str) -> u64 {
    u64::try_from(pool.len()).unwrap_or(u64::MAX)
}

fn write_series(bytes: &mut Vec<u8>, resource: Resource, series: &Series) {
    bytes.push(match resource {
        Resource::Memory => 0,
        Resource::Cpu => 1,
    });
    let first = series.span().map_or(0, |(first, _)| first.number());
    put(bytes, u64::from(first));
    put(bytes, series.slots().count().try_into().unwrap_or(u64::MAX));
    let unit = history_unit(resource);
    let mut before = 0_i64;
    for peak in series.slots() {
        let Some(peak) = peak else {
            bytes.push(0);
            continue;
        };
        // A peak is at most 2^62, so no difference of two is beyond 63 bits.
        let peak = i64::try_from(peak / unit).unwrap_or(i64::MAX);
        put(bytes, zigzag(peak.saturating_sub(before)).saturating_add(1));
        before = peak;
    }
}
