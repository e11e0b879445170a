//! The plot as a file: it is written, it is always the same, and it has a text description.

use std::ffi::OsString;
use std::fs;

use jiff::civil::Weekday;
use kube_rebalancer_simulate::plot::{self, PlotFile};
use kube_rebalancer_simulate::series::{Panel, Point};

const DAY: u64 = 24 * 60 * 60;

/// A week in which nodes follow the users of five days, as seen every five minutes.
fn week(title: &str) -> Panel {
    let points = (0..7 * DAY / 300).map(|step| {
        let at = step * 300;
        let at_work = at / DAY < 5 && (9..17).contains(&(at % DAY / 3600));
        let just_begun = at_work && at % DAY < 9 * 3600 + 600;
        Point {
            at,
            expected: 0,
            fill_last: 0,
            workload: if at_work { 90 << 30 } else { 5 << 30 },
            node_at_optimum: 10 << 30,
            serving: if at_work && !just_begun { 9 } else { 3 },
            cordoned: if at_work { 0 } else { 2 },
            booting: if just_begun { 6 } else { 0 },
            parked: 0,
            waiting: if just_begun { 20 } else { 0 },
        }
    });
    Panel {
        title: title.to_owned(),
        note: "804 node-hours, 100 of 700 users waited".to_owned(),
        points: points.collect(),
    }
}

#[test]
fn a_plot_is_written_in_both_formats_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let panels = [week("kube-rebalancer"), week("fixed size")];
    for (name, first_bytes) in [("week.svg", b"<svg ".as_slice()), ("WEEK.PNG", b"\x89PNG\r\n\x1a\n")] {
        let path = folder.path().join(name);
        let file = PlotFile::try_from(path.clone().into_os_string()).unwrap();
        file.write(&panels, Weekday::Monday).unwrap();
        let written = fs::read(&path).unwrap();
        assert!(written.starts_with(first_bytes), "{name}");
        file.write(&panels, Weekday::Monday).unwrap();
        assert!(fs::read(&path).unwrap() == written, "{name}");
    }
}

#[test]
fn the_words_of_a_plot_can_be_searched() {
    let svg = plot::svg(&[week("MAX_UTILIZATION=0.9 & more")], Weekday::Thursday).unwrap();
    let words: Vec<&str> = svg
        .lines()
        .filter_map(|line| line.strip_prefix("<text ")?.strip_suffix("</text>")?.split_once('>'))
        .map(|(_, text)| text)
        .collect();
    let expected = [
        "serving nodes",
        "cordoned",
        "booting",
        "memory asked for, in nodes filled to the target",
        "users wait for a node",
        "MAX_UTILIZATION=0.9 &amp; more",
        "804 node-hours, 100 of 700 users waited",
        "0",
        "2",
        "4",
        "6",
        "8",
        "10",
        "Thu",
        "Fri",
        "Sat",
        "Sun",
        "Mon",
        "Tue",
        "Wed",
    ];
    assert_eq!(words, expected);
    assert!(svg.contains(
        "<desc>Nodes over time, one panel a policy. MAX_UTILIZATION=0.9 &amp; more: 804 node-hours,"
    ));
}

#[test]
fn however_many_points_there_are_the_picture_stays_small() {
    let points = (0..1_000_000).map(|at| Point {
        at,
        workload: (at % 7) << 30,
        expected: (at % 8) << 30,
        fill_last: u32::from(at % 4 == 1),
        node_at_optimum: 1 << 30,
        serving: u32::try_from(at % 5).unwrap(),
        cordoned: u32::try_from(at % 3).unwrap(),
        booting: u32::from(at % 2 == 0),
        parked: 0,
        waiting: u32::from(at % 11 == 0),
    });
    let busy = Panel { title: "busy".to_owned(), note: String::new(), points: points.collect() };
    let svg = plot::svg(&[busy], Weekday::Monday).unwrap();
    // Two places a column for the line and its halo, two a column for each area: at most 40 bytes each.
    assert!(svg.len() < 1140 * 40 * 7, "{} bytes", svg.len());
}

#[test]
fn a_plot_that_cannot_be_written_names_the_file() {
    let file = PlotFile::try_from(OsString::from("/no/such/folder/week.svg")).unwrap();
    let error = file.write(&[week("kube-rebalancer")], Weekday::Monday).unwrap_err();
    assert_eq!(error.to_string(), "cannot write the plot to /no/such/folder/week.svg");
    let error = PlotFile::try_from(OsString::from("week.jpg")).unwrap_err();
    assert_eq!(error.to_string(), "expected a file name that ends in .svg or .png");
}
