//! The table of clouds equals the abilities of their providers.

use std::collections::BTreeMap;

use kube_rebalancer::providers::PROVIDERS;

use super::words::{read, section};

#[test]
fn the_table_of_clouds_has_what_each_provider_can_do() {
    let page = read("README.md");
    let rows = section(&page, "What it supports").lines().filter_map(|line| line.strip_prefix("| "));
    let cells = |row: &str| row.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    // The first line is the head; its first cell is empty.
    let head: Vec<&str> = rows[0].iter().map(String::as_str).collect();
    assert_eq!(head, ["", "grow", "delete", "park and wake", "knows zones", "grow from zero"]);
    let table: BTreeMap<&str, &[String]> = rows[1..].iter().map(|row| (row[0].as_str(), &row[1..])).collect();
    for kind in PROVIDERS {
        assert!(!kind.abilities().is_empty(), "{} names nothing that it can do", kind.name());
        for ability in kind.abilities() {
            let can = [ability.grow, ability.delete, ability.park, ability.zones, ability.from_zero];
            let expected = can.map(kube_rebalancer_ports::Can::word);
            let found = table.get(ability.groups).unwrap_or_else(|| panic!("no row of {}", ability.groups));
            assert_eq!(*found, expected, "{}", ability.groups);
        }
    }
    let known = PROVIDERS.iter().map(|kind| kind.abilities().len()).sum::<usize>();
    assert!(table.len() >= known, "{table:?}");
}
