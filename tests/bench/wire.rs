//! The cost of a dry run on a large cluster, compared with `curl` for the same pages: `cargo bench --bench wire`.
//!
//! ```text
//! cargo bench --bench wire                       1,000 nodes with 30,000 pods, 5,000 with 150,000, 15,000 with 450,000
//! cargo bench --bench wire -- 1000 30000         one size
//! ONLY=whole cargo bench --bench wire            of the table, the rows with this word
//! OTHER=target/0.1.0/kube-rebalancer RUNS=7 cargo bench --bench wire     another program beside this one, seven runs
//! POD_KIB=1400 cargo bench --bench wire -- 20 500      pods of that size, as a user may make them
//! CGROUP=/sys/fs/cgroup/memory/small cargo bench --bench wire            the program in that control group
//! PAGE=100 ONLY=pages cargo bench --bench wire         pages of at most that size; curl takes larger ones than 500 too
//! ```
//!
//! A server in this process answers from templates, in JSON and in protobuf; the program and `curl` are separate processes,
//! which run alternately. The table has medians, with minimum and maximum in brackets. Reads `/proc`, so it runs on Linux.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement for a person, which reads the clock and may stop"
)]

#[expect(dead_code, reason = "other benchmarks read whole dumps")]
mod dump;
mod wire {
    pub(crate) mod measure;
    pub(crate) mod server;
}

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use wire::measure::{Cost, measure, median, spread};
use wire::server::{Encoding, Server, Way};

const SIZES: [(usize, usize); 3] = [(1_000, 30_000), (5_000, 150_000), (15_000, 450_000)];
const PROGRAM: &str = env!("CARGO_BIN_EXE_kube-rebalancer");
/// Number of objects of a page in the program's requests.
const PAGE: usize = 500;
/// Runs a command in a control group.
const IN_CGROUP: &str = r#"echo $$ > "$0/cgroup.procs" && exec "$@""#;

fn main() {
    let numbers: Vec<usize> = env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = match numbers.as_slice() {
        [nodes, pods] => vec![(*nodes, *pods)],
        _ => SIZES.to_vec(),
    };
    let runs = number("RUNS").unwrap_or(5);
    let other = env::var("OTHER").ok();
    println!(
        "{:>6} {:>7}  {:<26} {:>20} {:>20} {:>14} {:>9}",
        "nodes", "pods", "", "wall, s", "CPU, s", "peak RSS, MiB", "MB"
    );
    for (nodes, pods) in sizes {
        compare(nodes, pods, runs, other.as_deref());
    }
}

/// A number in the environment.
fn number(name: &str) -> Option<usize> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// One size: every candidate once, then all of them again.
fn compare(nodes: usize, pods: usize, runs: usize, other: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(nodes, pods, number("PAGE").unwrap_or(PAGE), number("POD_KIB").unwrap_or(0));
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, server.kubeconfig()).expect("a file");
    let pages = folder.path().join("pages");
    fs::write(&pages, curl_config(&server, nodes, pods)).expect("a file");
    let whole = folder.path().join("whole");
    fs::write(&whole, curl_whole(&server)).expect("a file");

    let program = |path: &str| dry_run(path, &kubeconfig);
    let way = |encoding, is_new, compresses| Way { encoding, is_new, compresses };
    let gzip = |mut command: Command| {
        command.arg("--compressed");
        command
    };
    let (protobuf, json) = (Encoding::Protobuf, Encoding::Json);
    let mut candidates = vec![
        ("dry run, whole, gzip", way(protobuf, true, true), program(PROGRAM)),
        ("curl, whole, gzip", way(protobuf, true, true), gzip(curl(&whole, protobuf))),
        ("dry run, whole", way(protobuf, true, false), program(PROGRAM)),
        ("curl, whole", way(protobuf, true, false), curl(&whole, protobuf)),
        ("dry run, pages, gzip", way(protobuf, false, true), program(PROGRAM)),
        ("dry run, pages", way(protobuf, false, false), program(PROGRAM)),
        ("curl, pages", way(protobuf, false, false), curl(&pages, protobuf)),
        ("dry run, JSON pages", way(json, false, false), program(PROGRAM)),
        ("curl, JSON pages", way(json, false, false), curl(&pages, json)),
    ];
    if let Some(other) = other {
        candidates.push(("dry run of OTHER", way(protobuf, false, false), program(other)));
    }
    if let Ok(only) = env::var("ONLY") {
        candidates.retain(|(name, ..)| name.contains(&only));
    }
    let mut costs: Vec<Vec<Cost>> = candidates.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for ((_, way, command), costs) in candidates.iter_mut().zip(&mut costs) {
            server.speak(*way);
            let before = server.sent();
            let cost = measure(command);
            costs.push(Cost { bytes: server.sent() - before, ..cost });
        }
    }
    for ((name, ..), costs) in candidates.iter().zip(&costs) {
        let wall = spread(costs.iter().map(|cost| cost.wall_ms));
        let processor = spread(costs.iter().map(|cost| cost.processor_ms));
        let peak = median(costs.iter().map(|cost| cost.peak_kib)) >> 10;
        let megabytes = median(costs.iter().map(|cost| cost.bytes)) / 1_000_000;
        println!("{nodes:>6} {pods:>7}  {name:<26} {wall:>20} {processor:>20} {peak:>14} {megabytes:>9}");
    }
}

fn dry_run(program: &str, kubeconfig: &Path) -> Command {
    let mut command = match env::var_os("CGROUP") {
        None => Command::new(program),
        Some(group) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(IN_CGROUP).arg(group).arg(program);
            shell
        }
    };
    command.env_clear().env("KUBECONFIG", kubeconfig).env("HOME", "/").arg("--dry-run");
    command.env("PREEMPTIBLE_LABELS", "hub.jupyter.org/username").env("MAX_NODES", "20000");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// One `curl` for all pages, over one connection; it discards the answers.
fn curl(config: &Path, encoding: Encoding) -> Command {
    let mut command = Command::new("curl");
    command.arg("--silent").arg("--header").arg(format!("Accept: {}", encoding.media_type()));
    command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn curl_config(server: &Server, nodes: usize, pods: usize) -> String {
    let mut config = String::new();
    for (kind, count) in [("nodes", nodes), ("pods", pods)] {
        let page = number("PAGE").unwrap_or(PAGE);
        for from in (0..count).step_by(page) {
            let next = if from == 0 { String::new() } else { format!("&continue={from}") };
            let url = format!("{}/api/v1/{kind}?limit={page}{next}", server.url());
            writeln!(config, "url = \"{url}\"\noutput = \"/dev/null\"").expect("a text takes it");
        }
    }
    config
}

fn curl_whole(server: &Server) -> String {
    let lists = ["nodes", "pods"]
        .map(|kind| format!("url = \"{}/api/v1/{kind}\"\noutput = \"/dev/null\"\n", server.url()));
    lists.concat()
}
