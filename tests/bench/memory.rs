//! The peak memory of reading a dump: `cargo bench --bench memory`.
//!
//! The peak never falls, so the lines are in growing order. The last line reads the same objects as the one before,
//! with three times as much ignored text around them: its peak should be the same.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement for a person")]

mod dump;

use std::fs;

use jiff::Timestamp;
use kube_rebalancer_kube::observe::Reading;

use dump::Dump;

fn main() {
    println!("{:>7} {:>8} {:>10} {:>14}", "nodes", "pods", "dump, MiB", "peak RSS, MiB");
    println!("{:>7} {:>8} {:>10} {:>14}", 0, 0, 0, peak_kibibytes() >> 10);
    for (nodes, pods, bulk) in
        [(500, 15_000, 1), (1_000, 30_000, 1), (5_000, 150_000, 1), (5_000, 150_000, 6)]
    {
        let mut reading = Reading::default();
        reading.add_input("dump", Dump::new(nodes, pods, bulk)).expect("a good dump");
        let observation = reading.finish(Timestamp::UNIX_EPOCH).expect("a good dump");
        assert_eq!(observation.snapshot.pods().len(), pods);
        let mebibytes = Dump::new(nodes, pods, bulk).length() >> 20;
        println!("{nodes:>7} {pods:>8} {mebibytes:>10} {:>14}", peak_kibibytes() >> 10);
    }
}

/// The largest resident size so far, as Linux counts it; zero elsewhere.
fn peak_kibibytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
