//! The resolved settings for `kube-rebalancer settings`: a table for people, JSON for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::shown::Shown;
use super::{ResolvedSetting, SettingWarning, Settings};

/// The first column of each cell. The last has eleven characters and ends before column 80.
const COLUMNS: [usize; 5] = [0, 20, 38, 50, 64];

/// Writes the table: a line of cells for each setting, and its meaning below.
pub fn text(settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    row(out, ["SETTING", "VALUE", "UNIT", "DEFAULT", "FROM"])?;
    for ResolvedSetting { entry, text, origin } in settings.values() {
        let unit = entry.shape.unit;
        row(out, [entry.name, &shown(text), unit, &shown(entry.default), &origin.to_string()])?;
        writeln!(out, "    {}", entry.doc)?;
    }
    Ok(())
}

/// The whole value on one line; in quotes if it has blanks.
fn shown(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { Shown::new(text, usize::MAX).to_string() }
}

/// Writes one row. A cell that is too wide for its column moves the cells after it to a new line, in their columns.
fn row(out: &mut dyn Write, cells: [&str; 5]) -> io::Result<()> {
    let mut line = String::new();
    for (cell, column) in cells.into_iter().zip(COLUMNS) {
        if column > 0 && line.chars().count() >= column {
            writeln!(out, "{line}")?;
            line.clear();
        }
        line = format!("{line:<column$}{cell}");
    }
    writeln!(out, "{line}")
}

/// Writes the settings with all their properties, and the probable mistakes.
#[must_use]
pub fn json(settings: &Settings, warnings: &[SettingWarning]) -> Value {
    let described: Vec<_> = settings
        .values()
        .iter()
        .map(|setting| {
            json!({
                "name": setting.entry.name,
                "value": setting.json(),
                "unit": setting.entry.shape.unit,
                "default": setting.entry.shape.json.value(setting.entry.default),
                "origin": setting.origin.to_string(),
                "description": setting.entry.doc,
            })
        })
        .collect();
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    json!({ "schema": "kube-rebalancer/settings/v1", "settings": described, "warnings": warnings })
}

/// The values only, by name, for reports.
#[must_use]
pub fn values(settings: &Settings) -> Map<String, Value> {
    settings.values().iter().map(|setting| (setting.entry.name.to_owned(), setting.json())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(settings: &[(&str, &str)]) -> String {
        let (settings, _) = Settings::from_pairs(settings.iter().copied()).unwrap();
        let mut out = Vec::new();
        text(&settings, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_is_aligned_and_fits_80_columns() {
        let table = table(&[("MAX_NODES", "5"), ("OMIT_LABELS", "example.com/a-rather-long-label:b")]);
        let lines: Vec<_> = table.lines().collect();
        for line in &lines {
            assert!(line.chars().count() <= 80, "{line}");
            assert_eq!(line.trim_end(), *line);
        }
        assert_eq!(lines[0], "SETTING             VALUE             UNIT        DEFAULT       FROM");
        assert_eq!(lines[1], "MAX_UTILIZATION     0.85              ratio       0.85          default");
        assert_eq!(lines[9], "MAX_NODES           5                 nodes       72            environment");
        let long = lines.iter().position(|line| line.starts_with("OMIT_LABELS")).unwrap();
        assert_eq!(lines[long], "OMIT_LABELS         example.com/a-rather-long-label:b");
        assert_eq!(
            lines[long + 1],
            "                                      label keys  -             environment"
        );
    }

    #[test]
    fn values_have_the_types_that_a_program_expects() {
        let (settings, _) =
            Settings::from_pairs([("MAX_CORDONS", "5"), ("PREEMPTIBLE_LABELS", "a:b")]).unwrap();
        let values = values(&settings);
        let expected = [
            ("MAX_UTILIZATION", json!(0.85)),
            ("MIN_NODES", json!(3)),
            ("MAX_CORDONS", json!(5)),
            ("PREEMPTIBLE_LABELS", json!(["a", "b"])),
            ("OMIT_LABELS", json!([])),
            ("NODE_SELECTOR", json!(null)),
            ("ADOPT_CORDONS", json!("1h")),
            ("RESOURCES", json!(["memory", "cpu"])),
            ("EMPTY_GRACE", json!("0s")),
            ("PROJECT", json!(null)),
        ];
        for (name, value) in expected {
            assert_eq!(values[name], value, "{name}");
        }
    }
}
