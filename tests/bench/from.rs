//! The cost of a dry run on a dump, compared with `jq length` of the same file: `cargo bench --bench from`.
//!
//! ```text
//! cargo bench --bench from                       5,000 nodes with 150,000 pods, five runs
//! cargo bench --bench from -- 1000 30000         another size
//! OTHER=target/0.1.0/kube-rebalancer RUNS=3 cargo bench --bench from     another program beside this one, three runs
//! ```
//!
//! The dump of a large cluster takes a gigabyte in the folder of temporary files. The programs run alternately. The table has
//! medians, with minimum and maximum in brackets. Reads `/proc`, so it runs on Linux.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement for a person, which reads the clock and may stop"
)]

#[expect(dead_code, reason = "the other benchmarks need more of it")]
mod dump;
mod wire {
    #[expect(dead_code, reason = "no bytes are sent here")]
    pub(crate) mod measure;
}

use std::env;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use dump::Dump;
use wire::measure::{Cost, measure, median, spread};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kube-rebalancer");
const NODES: usize = 5_000;
const PODS: usize = 150_000;
const RUNS: usize = 5;

fn main() {
    let numbers: Vec<usize> = env::args().filter_map(|word| word.parse().ok()).collect();
    let (nodes, pods) = match numbers.as_slice() {
        [nodes, pods] => (*nodes, *pods),
        _ => (NODES, PODS),
    };
    let runs = env::var("RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.json");
    let mut file = File::create(&path).expect("a file");
    let bytes = io::copy(&mut Dump::new(nodes, pods, 1), &mut file).expect("space for the dump");

    let mut candidates = vec![("dry run", dry_run(PROGRAM, &path)), ("jq length", jq(&path))];
    let other = env::var("OTHER").ok();
    if let Some(other) = &other {
        candidates.push(("dry run of OTHER", dry_run(other, &path)));
    }
    let mut costs: Vec<Vec<Cost>> = candidates.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for ((_, command), costs) in candidates.iter_mut().zip(&mut costs) {
            costs.push(measure(command));
        }
    }
    println!("a dump of {nodes} nodes and {pods} pods, {} MB", bytes / 1_000_000);
    println!("{:<18} {:>20} {:>20} {:>14}", "", "wall, s", "CPU, s", "peak RSS, MiB");
    for ((name, _), costs) in candidates.iter().zip(&costs) {
        let wall = spread(costs.iter().map(|cost| cost.wall_ms));
        let processor = spread(costs.iter().map(|cost| cost.processor_ms));
        let peak = median(costs.iter().map(|cost| cost.peak_kib)) >> 10;
        println!("{name:<18} {wall:>20} {processor:>20} {peak:>14}");
    }
}

fn dry_run(program: &str, dump: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", "/").arg("--from").arg(dump);
    command.env("PREEMPTIBLE_LABELS", "hub.jupyter.org/username").env("MAX_NODES", "20000");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn jq(dump: &Path) -> Command {
    let mut command = Command::new("jq");
    command.arg("length").arg(dump).stdout(Stdio::null());
    command
}
