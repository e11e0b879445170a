//! The history for programs: `kube-rebalancer/history-report/v1`. Fields may be added to version 1; none is renamed, removed
//! or given another meaning.

use std::io::{Result, Write};

use jiff::Timestamp;
use kube_rebalancer_core::foresight::{Forecast, forecast};
use kube_rebalancer_core::model::{Resource, Series, Slot};
use kube_rebalancer_page::json::write_document;
use serde::Serialize;

use super::Facts;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'static str,
    version: &'a str,
    source: &'a str,
    time_zone: Option<&'a str>,
    slot_seconds: i64,
    lead_seconds: i64,
    series: Vec<OneSeries<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneSeries<'a> {
    /// The name of the pool; empty without pools.
    pool: &'a str,
    resource: &'static str,
    /// `bytes` or `millicores`.
    unit: &'static str,
    begins_at: Option<Timestamp>,
    /// The peak of each slot from the first on, `null` for a gap.
    peaks: Vec<Option<u64>>,
    /// The expectation for each slot of the week that begins at `expected[0].at`, if there is a history.
    expected: Vec<Expected>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    at: Timestamp,
    /// The rise that nine of ten rises do not exceed.
    rise: u64,
    rises: usize,
    highest: u64,
    /// `thisHour`: this hour in the last weeks; `anyDay`: this hour of any of the last seven days; `lastHours`: the
    /// last two hours.
    learned_from: &'static str,
}

/// Writes the document.
pub fn write(out: &mut dyn Write, facts: &Facts<'_>) -> Result<()> {
    let Facts { version, source, history, foresight, .. } = *facts;
    write_document(
        out,
        &Document {
            schema: "kube-rebalancer/history-report/v1",
            version,
            source,
            time_zone: foresight.time_zone.iana_name(),
            slot_seconds: Slot::LENGTH.as_secs(),
            lead_seconds: foresight.lead.as_secs(),
            series: history
                .series()
                .map(|(pool, resource, series)| one(facts, pool, resource, series))
                .collect(),
        },
    )
}

fn one<'a>(facts: &Facts<'a>, pool: &'a str, resource: Resource, series: &Series) -> OneSeries<'a> {
    let Facts { history, foresight, from, .. } = *facts;
    let slots = (0..Slot::PER_WEEK).filter(|_| foresight.forecast).map(|slots| Slot::of(from).later(slots));
    let expected = slots.filter_map(|slot| {
        let at = slot.begins();
        let Forecast { rise, rises, highest, learned_from } =
            forecast(history, foresight, pool, resource, at)?;
        Some(Expected { at, rise, rises, highest, learned_from: learned_from.word() })
    });
    OneSeries {
        pool,
        resource: resource.name(),
        unit: match resource {
            Resource::Memory => "bytes",
            Resource::Cpu => "millicores",
        },
        begins_at: series.span().map(|(first, _)| first.begins()),
        peaks: series.slots().collect(),
        expected: expected.collect(),
    }
}
