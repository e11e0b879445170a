//! The speed of reading a dump: `cargo bench --bench read`.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on should stop there")]

mod dump;

use std::fs::File;
use std::io;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use jiff::Timestamp;
use kube_rebalancer_kube::observe::{self, Observation, Reading};
use kube_rebalancer_ports::Source;

use dump::Dump;

const LARGE: (usize, usize) = (5_000, 150_000);
const SMALL: (usize, usize) = (500, 15_000);

fn main() {
    divan::main();
}

/// 5,000 nodes and 150,000 pods; the generation of the dump is included; the next benchmark
/// measures it alone.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn large_dump(bencher: Bencher) {
    let (nodes, pods) = LARGE;
    counted(bencher, LARGE).bench_local(|| -> Observation {
        let mut reading = Reading::default();
        reading.add_input("dump", Dump::new(nodes, pods, 1)).expect("a good dump");
        reading.finish(Timestamp::UNIX_EPOCH).expect("a good dump")
    });
}

/// The generation of the dump alone.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn large_dump_made_and_not_read(bencher: Bencher) {
    let (nodes, pods) = LARGE;
    counted(bencher, LARGE).bench_local(|| {
        let mut buffer = vec![0; 128 << 10];
        let mut dump = Dump::new(nodes, pods, 1);
        while io::Read::read(&mut dump, &mut buffer).expect("a good dump") > 0 {}
    });
}

/// A tenth of it from a file.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn small_dump_from_a_file(bencher: Bencher) {
    let (nodes, pods) = SMALL;
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("dump.json");
    let mut file = File::create(&path).expect("a file");
    io::copy(&mut Dump::new(nodes, pods, 1), &mut file).expect("space for the file");
    let sources = [Source::File(path)];
    counted(bencher, SMALL)
        .bench_local(|| observe::read(&sources, Timestamp::UNIX_EPOCH).expect("a good dump"));
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, (nodes, pods): (usize, usize)) -> Bencher<'a, 'b> {
    let bytes = Dump::new(nodes, pods, 1).length();
    bencher.counter(BytesCount::new(bytes)).counter(ItemsCount::new(nodes + pods))
}
