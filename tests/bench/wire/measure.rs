//! The cost of a process: time, processor time, and peak memory.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// The cost of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) wall_ms: u64,
    pub(crate) processor_ms: u64,
    pub(crate) peak_kib: u64,
    pub(crate) bytes: u64,
}

/// The interval at which the peak is read. The peak never falls; a rise after the last read is missed.
const LOOK: Duration = Duration::from_millis(2);
/// A clock tick of `/proc`, on all Linux systems.
const TICK_MS: u64 = 10;

/// Runs a command to its end; it must succeed.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let processor = processor_of_children();
    let begin = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let ended = loop {
        peak_kib = peak_kib.max(peak(&status));
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        fake_http::waiting::take(LOOK);
    };
    let wall_ms = u64::try_from(begin.elapsed().as_millis()).expect("a short run");
    assert!(ended.success(), "{command:?} ended with {ended}");
    Cost { wall_ms, processor_ms: processor_of_children() - processor, peak_kib, bytes: 0 }
}

fn peak(status: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// User and system time of all children that have ended.
fn processor_of_children() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name, in brackets, may have any characters; the times are the 14th and 15th fields after it.
    let fields = text.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let times = fields.split(' ').skip(13).take(2);
    times.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

pub(crate) fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median of milliseconds in seconds, with minimum and maximum.
pub(crate) fn spread(values: impl Iterator<Item = u64> + Clone) -> String {
    let seconds = |milliseconds: u64| format!("{}.{:02}", milliseconds / 1000, milliseconds % 1000 / 10);
    let least = values.clone().min().unwrap_or_default();
    let greatest = values.clone().max().unwrap_or_default();
    format!("{} ({}-{})", seconds(median(values)), seconds(least), seconds(greatest))
}
