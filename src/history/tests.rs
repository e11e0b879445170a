use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

use kube_rebalancer_core::model::{History, LARGEST_PEAK, Resource, SLOTS_KEPT, Slot};

use super::*;

const MEBI: u64 = 1 << 20;

/// A history of some pools, with four weeks of days and nights, and gaps.
fn weeks(pools: u32) -> History {
    let mut history = History::default();
    let mut random = fastrand::Rng::with_seed(1);
    for pool in 0..pools {
        for resource in [Resource::Memory, Resource::Cpu] {
            let peak = |slot: u32| {
                let hour = u64::from(slot / 12 % 24);
                let noise = random.u64(0..2000);
                (!slot.is_multiple_of(100)).then_some((hour * 4000 + noise) * MEBI)
            };
            let name = if pool == 0 { String::new() } else { format!("pool-{pool}") };
            let peaks: Vec<_> = (0..SLOTS_KEPT).map(peak).collect();
            history.extend(&name, resource, Slot::numbered(5_800_000), peaks);
        }
    }
    history
}

/// The text of these bytes.
fn text_of(bytes: &[u8]) -> String {
    let mut compressed = ZlibEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(bytes).unwrap();
    format!("{HEAD}\n{}\n", STANDARD.encode(compressed.finish().unwrap()))
}

#[test]
fn a_history_survives_encoding() {
    for history in [History::default(), weeks(1), weeks(2)] {
        let text = encode(&history).unwrap();
        assert_eq!(decode(&text).unwrap(), history);
        assert_eq!(encode(&decode(&text).unwrap()).unwrap(), text);
    }
    let mut extremes = History::default();
    extremes.extend("a", Resource::Memory, Slot::numbered(0), [Some(0), Some(LARGEST_PEAK), None, Some(0)]);
    extremes.extend("a", Resource::Cpu, Slot::numbered(u32::MAX), [Some(LARGEST_PEAK)]);
    assert_eq!(decode(&encode(&extremes).unwrap()).unwrap(), extremes);
}

#[test]
fn a_text_is_at_most_256_kib_and_the_oldest_week_goes_first() {
    let history = weeks(8);
    let text = encode(&history).unwrap();
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    let (first, last) = decode(&text).unwrap().span().unwrap();
    let (_, newest) = history.span().unwrap();
    assert_eq!(last, newest);
    let kept = last.number() - first.number();
    assert!(
        [1, 2, 3].map(|weeks| weeks * Slot::PER_WEEK).iter().any(|weeks| kept.abs_diff(*weeks) <= 1),
        "{kept} slots are kept"
    );
}

/// The kubelet of one node gives it another pool in every slot: three thousand pools with names that cannot be compressed.
#[test]
fn pools_that_come_and_go_cost_the_others_no_week() {
    let mut history = weeks(2);
    let known = history.clone();
    let (first, last) = known.span().unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for at in 0..3000 {
        let name: String = (0..63).map(|_| random.alphanumeric()).collect();
        for resource in [Resource::Memory, Resource::Cpu] {
            history.extend(&name, resource, first.later(at), [Some(MEBI)]);
        }
    }
    // A pool that the cluster has for a quarter of an hour is more than that.
    let new: [Option<u64>; 3] = [Some(MEBI); 3];
    history.extend("new", Resource::Memory, last.earlier(2), new);
    let read = decode(&encode(&history).unwrap()).unwrap();
    for (pool, resource, series) in known.series() {
        let kept = read.series().find(|(name, of, _)| (*name, *of) == (pool, resource));
        assert_eq!(kept.map(|(_, _, series)| series), Some(series), "{pool:?}");
    }
    assert_eq!(read.peak("new", Resource::Memory, last), Some(MEBI));
    let pools: std::collections::BTreeSet<&str> = read.series().map(|(pool, _, _)| pool).collect();
    assert!(pools.len() <= 100, "{}", pools.len());
}

/// Pools of almost a day give way before a week of the others does, and only then.
#[test]
fn brief_pools_go_before_the_oldest_week_only_where_they_are_the_cause() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut with_brief = |pools: u32, brief: usize| {
        let mut history = weeks(pools);
        let (_, last) = history.span().unwrap();
        for at in 0..brief {
            let peaks: Vec<_> = (0..280).map(|_| Some(random.u64(0..1 << 40) * MEBI)).collect();
            history.extend(&format!("brief-{at:02}"), Resource::Memory, last.earlier(279), peaks);
        }
        history
    };
    let brief = |history: &History| history.series().filter(|(pool, _, _)| pool.starts_with("brief")).count();
    let history = with_brief(2, 98);
    let read = decode(&encode(&history).unwrap()).unwrap();
    assert_eq!(read.span(), history.span());
    assert!(brief(&read) < 98, "{}", brief(&read));
    // Eight pools are too long by themselves: a week goes, and the new pool stays.
    let history = with_brief(8, 1);
    let read = decode(&encode(&history).unwrap()).unwrap();
    assert_eq!((read.span() == history.span(), brief(&read)), (false, 1));
}

#[test]
fn four_weeks_of_two_resources_take_less_than_half_of_what_is_allowed() {
    let length = encode(&weeks(1)).unwrap().len();
    assert!(length < LONGEST / 2, "{length} bytes");
}

#[test]
fn what_this_program_did_not_write_is_an_error_that_says_what_is_wrong() {
    let good = encode(&weeks(1)).unwrap();
    let longest = "x".repeat(LONGEST + 1);
    let bomb = text_of(&vec![0; MOST_BYTES + 1]);
    let body = good.lines().nth(1).unwrap();
    for (text, part) in [
        (String::new(), "begins with \"\""),
        ("kube-rebalancer/history/v2\n".to_owned(), "history/v2"),
        (longest, "bytes, expected at most"),
        (bomb, "when decompressed"),
        (format!("{HEAD}\n*"), "not base64"),
        (format!("{HEAD}\n{}", STANDARD.encode("no zlib")), "cannot be decompressed"),
        (format!("{HEAD}\n{}", &body[..body.len() / 8 * 4]), "cannot be decompressed"),
        (text_of(&[]), "number of series"),
        (text_of(&[1]), "name of a pool"),
        (text_of(&[1, 64]), "name of a pool"),
        (text_of(&[1, 2, 0xff, 0xff]), "name of a pool"),
        (text_of(&[1, 0]), "resource"),
        (text_of(&[1, 0, 2]), "resource"),
        (text_of(&[1, 0, 0]), "first slot"),
        (text_of(&[1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]), "first slot"),
        (text_of(&[1, 0, 0, 1, 0xff, 0x7f]), "number of slots"),
        (text_of(&[1, 0, 0, 1, 1]), "peaks"),
        // The first peak is below zero.
        (text_of(&[1, 0, 1, 1, 1, 2]), "peaks"),
        // Above what a history holds: 2^63-1 mebibytes.
        (text_of(&[1, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), "peaks"),
        (text_of(&[0, 0]), "end"),
    ] {
        let error = decode(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}, expected {part}");
    }
}

#[test]
fn damaged_texts_are_errors_or_histories_but_never_end_the_program() {
    let good = encode(&weeks(1)).unwrap();
    let mut plain = Vec::new();
    let body = STANDARD.decode(good.lines().nth(1).unwrap()).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(body.as_slice()), &mut plain).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let mut bytes = plain[..random.usize(1..2000)].to_vec();
        for _ in 0..random.usize(1..8) {
            let place = random.usize(..bytes.len());
            bytes[place] = random.u8(..);
        }
        if let Ok(history) = decode(&text_of(&bytes)) {
            assert!(history.series().all(|(_, _, series)| series.slots().count() <= 8_078));
        }
        let mut text = good.clone().into_bytes();
        let place = random.usize(..text.len());
        text[place] = random.u8(32..127);
        drop(decode(str::from_utf8(&text).unwrap()));
    }
}
