//! The two reports of invented results.

use kube_rebalancer_core::model::Bytes;

use super::{Facts, json, text};
use crate::cluster::Cluster;
use crate::result::{KindResult, PolicyResult, Ratio, Waits};
use crate::scenario::{Scenario, Scheduler};
use crate::{Floor, Machine, Simulation};
use kube_rebalancer_page::Layout;
use kube_rebalancer_page::Setting;

fn result(name: &str) -> PolicyResult {
    PolicyResult {
        name: name.to_owned(),
        settings: None,
        node_seconds: 3600 * 200,
        utilization: Ratio { part: 2, whole: 3 },
        users: 1234,
        waited: 0,
        wait: None,
        late: Vec::new(),
        kinds: Vec::new(),
        cordons: 0,
        uncordons: 0,
        created: 0,
        deletions: 0,
        parks: 0,
        peak_nodes: 9,
        lost: 0,
        runs: 10,
        unsettled: 0,
        points: Vec::new(),
    }
}

fn simulation() -> Simulation {
    let busy = PolicyResult {
        settings: Some("MAX_UTILIZATION=0.9".to_owned()),
        node_seconds: 3600 * 59_136 + 1800,
        waited: 12_345,
        wait: Some(Waits { p50: 175, p99: 599, max: 36_000 }),
        cordons: 3187,
        uncordons: 19_650,
        deletions: 12_240,
        peak_nodes: 1234,
        ..result("compare 1")
    };
    let lossy = PolicyResult { lost: 1, ..result("scale.py's rule") };
    let floor = Floor { node_seconds: 3600 * 150, peak_memory: 3 << 30, peak_users: 2, peak_nodes: 7 };
    Simulation { floor, results: vec![result("kube-rebalancer"), busy, lossy], hours: None }
}

fn written(
    cluster: Cluster,
    simulation: &Simulation,
    write: impl FnOnce(&mut Vec<u8>, &Simulation, &Facts<'_>),
) -> String {
    let scenario = Scenario {
        sessions: Vec::new(),
        start: crate::users::MONDAY,
        length: 86_400,
        cluster,
        people: Vec::new(),
        scheduler: Scheduler::Pack,
        boot_time: 120,
        wake_time: 240,
        image_pull: 90,
        interval: 60,
        seed: 3,
    };
    let setting = |name, text, is_default| Setting { name, text, json: serde_json::json!(text), is_default };
    let settings = [setting("MIN_NODES", "3", true), setting("CAPACITY", "capacity", false)];
    let facts = Facts { version: "1.2.3", users: "as made up", scenario: &scenario, settings: &settings };
    let mut out = Vec::new();
    write(&mut out, simulation, &facts);
    String::from_utf8(out).unwrap()
}

/// Both reports.
fn of(cluster: Cluster, simulation: &Simulation) -> (String, serde_json::Value) {
    let report = written(cluster.clone(), simulation, |out, simulation, facts| {
        text::write(out, simulation, facts, Layout::default()).unwrap();
    });
    let document =
        written(cluster, simulation, |out, simulation, facts| json::write(out, simulation, facts).unwrap());
    (report, serde_json::from_str(&document).unwrap())
}

#[test]
fn the_table_lines_up_and_fits_80_columns() {
    let (report, _) = of(Cluster::uniform(Machine::new(Bytes(52 << 30), 8)), &simulation());
    let expected = "
                  node  over mean  users              wait cor- uncor dele-
policy           hours floor util waited   p50   p99   max dons  dons tions peak
kube-rebalancer    200  1.33 0.67      0     -     -     -    0     0     0    9
compare 1        59137 394.24 0.67  12345 2m55s 9m59s   10h 3187 19650 12240 1234
scale.py's rule    200  1.33 0.67      0     -     -     -    0     0     0    9
floor              150  1.00    -      -     -     -     -    -     -     -    7
";
    assert!(report.contains(expected), "{report}");
    assert!(report.starts_with(
        "kube-rebalancer 1.2.3, simulated: no cluster was touched\n\nusers        as made up\n"
    ));
    assert!(report.contains("\nsettings     CAPACITY=capacity\n"), "{report}");
    assert!(report.contains("\ncompare 1: MAX_UTILIZATION=0.9\n"), "{report}");
    assert!(
        report.contains("\nscale.py's rule: deleted nodes under 1 user, who had to start again\n"),
        "{report}"
    );
    for line in report.lines().filter(|line| !line.contains("394.24")) {
        assert!(line.len() <= 80, "{line}");
    }
}

#[test]
fn programs_get_every_number() {
    let (_, document) = of(Cluster::uniform(Machine::new(Bytes(52 << 30), 8)), &simulation());
    assert_eq!(document["schema"], "kube-rebalancer/simulate/v1");
    assert_eq!(document["settings"]["CAPACITY"], "capacity");
    assert_eq!(document["scenario"]["scheduler"], "pack");
    assert_eq!(document["scenario"]["startsAt"], "2026-01-05T00:00:00Z");
    assert_eq!(document["floor"]["nodeHours"], 150.0);
    let busy = &document["policies"][1];
    assert_eq!(busy["compare"], "MAX_UTILIZATION=0.9");
    assert_eq!(busy["nodeHours"], 59_136.5);
    assert_eq!(busy["nodeSeconds"], 59_136 * 3600 + 1800);
    assert_eq!(busy["ratioToFloor"], 394.243);
    assert_eq!(busy["meanUtilization"], 0.667);
    assert_eq!(busy["wait"]["p99Seconds"], 599);
    assert_eq!((&busy["usersWaited"], &busy["peakNodes"]), (&12_345.into(), &1234.into()));
    assert_eq!(document["policies"][0]["wait"], serde_json::Value::Null);
    assert_eq!(document["policies"][2]["usersLost"], 1);
}

#[test]
fn pools_zones_and_kinds_are_told_where_there_are_several() {
    let kind = |name, users, waited| KindResult {
        name,
        users,
        waited,
        wait: (waited > 0).then_some(Waits { p50: 60, p99: 150, max: 240 }),
    };
    let kinds = vec![kind("small", 900, 3), kind("big-memory", 70, 0), kind("gpu", 30, 30)];
    let results = vec![PolicyResult { kinds, ..result("kube-rebalancer") }];
    let simulation = Simulation { results, ..simulation() };
    let small = Machine::new(Bytes(52 << 30), 8);
    let cluster = Cluster { zones: 3, ..Cluster::of_three_pools(small) };
    let (text, document) = of(cluster, &simulation);
    for expected in [
        "\nnodes        small: 52Gi and 8 cores each, of which 46.8Gi and 7.7 are for users\n",
        "\n             gpu: 52Gi and 8 cores each, of which 46.8Gi and 7.7 are for users,\n             with 2 GPUs\n",
        "\n             core: 8Gi and 2 cores each, of which 5.8Gi and 1.7 are for the hub;\n             one node\n",
        "\nzones        3; a returning user needs a node in the zone of their disk",
        "\nusers waited, by kind\nkube-rebalancer small 3 of 900, at most 4m; big-memory 0 of 70; gpu 30 of 30, at\n",
        "\nutil: requests divided by what the nodes that take users offer",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(document["scenario"]["zones"], 3);
    let names: Vec<_> =
        document["scenario"]["pools"].as_array().unwrap().iter().map(|pool| &pool["name"]).collect();
    assert_eq!(names, ["small", "big-memory", "gpu", "core"]);
    assert_eq!(document["scenario"]["pools"][2]["taint"], "nvidia.com/gpu=present:NoSchedule");
    assert_eq!(document["policies"][0]["kinds"][2]["usersWaited"], 30);
    assert_eq!(document["policies"][0]["kinds"][1]["wait"], serde_json::Value::Null);
}

#[test]
fn a_cluster_of_one_pool_has_no_word_of_pools() {
    let (text, document) = of(Cluster::uniform(Machine::new(Bytes(52 << 30), 8)), &simulation());
    assert!(!text.contains("by kind") && !text.contains("zones"), "{text}");
    let scenario = document["scenario"].as_object().unwrap();
    assert!(!scenario.contains_key("pools") && !scenario.contains_key("zones"));
    assert!(!document["policies"][0].as_object().unwrap().contains_key("kinds"));
}
