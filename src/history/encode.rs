//! Writes a history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
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

/// Maximum number of pools. No cluster has as many; a kubelet that changes the label of its node makes one each time.
const MOST_POOLS: usize = 100;

/// A pool with fewer peaks than slots of a day is dropped before a week of the others.
const BRIEF: usize = 24 * 12;

/// Writes a history as text of at most [`LONGEST`] bytes. Of too many pools the ones with the fewest peaks are left out, and then
/// the ones that were seen last long ago.
///
/// # Errors
///
/// Fails if a history of one hour is still too long, which takes more pools than any cluster has.
pub fn encode(history: &History) -> io::Result<String> {
    let pools = by_weight(history);
    let pools = pools.get(..MOST_POOLS).unwrap_or(&pools);
    let lasting = pools.partition_point(|(_, peaks)| *peaks >= BRIEF);
    let mut numbers = vec![pools.len(), lasting.midpoint(pools.len()), lasting];
    numbers.dedup();
    // Where the pools of a day or more are too long by themselves, the brief ones are not the cause.
    for number in numbers {
        if let Some(text) = whole(history, pools.get(..number).unwrap_or(pools))? {
            return Ok(text);
        }
    }
    let newest = history.span().map_or(Slot::numbered(0), |(_, last)| last);
    let mut shorter = history.clone();
    for slots in SHORTER {
        shorter.retain(newest.earlier(slots), newest);
        if let Some(text) = whole(&shorter, pools)? {
            return Ok(text);
        }
    }
    Err(io::Error::other("a history of one hour is longer than 256 KiB"))
}

/// The pools with the number of their peaks, the most important first.
fn by_weight(history: &History) -> Vec<(&str, usize)> {
    let mut weights: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
    for (pool, _, series) in history.series().filter(|(pool, _, _)| length(pool) <= LONGEST_NAME) {
        let weight = (series.peaks().count(), series.span().map_or(0, |(_, last)| last.number()));
        let known = weights.entry(pool).or_default();
        *known = weight.max(*known);
    }
    let mut pools: Vec<(&str, (usize, u32))> = weights.into_iter().collect();
    pools.sort_by_key(|(_, weight)| Reverse(*weight));
    pools.into_iter().map(|(pool, (peaks, _))| (pool, peaks)).collect()
}

/// The text of these pools, if it is not too long.
fn whole(history: &History, pools: &[(&str, usize)]) -> io::Result<Option<String>> {
    let pools: BTreeSet<&str> = pools.iter().map(|(pool, _)| *pool).collect();
    let mut bytes = Vec::new();
    let kept = |(pool, _, _): &(&str, Resource, &Series)| pools.contains(pool);
    put(&mut bytes, history.series().filter(kept).count().try_into().unwrap_or(u64::MAX));
    for (pool, resource, series) in history.series().filter(kept) {
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
