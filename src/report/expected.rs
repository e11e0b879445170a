//! The expectation of foresight with its sources, on one line.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube_rebalancer_core::foresight::{Expectation, Expected, Forecast, LearnedFrom, Notice, Origin};
use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::policy::Foresight;
use kube_rebalancer_page::count;

use super::amount::amount;

/// `+12.0Gi by 09:15 (nine of ten of 21 rises at this hour were no higher; SCHEDULE: 6 nodes from 08:45)`; `None` if
/// foresight has no history and nothing is scheduled.
pub(super) fn expected(expectation: &Expectation, foresight: &Foresight) -> Option<String> {
    if expectation.resources.is_empty() && expectation.min_nodes.is_none() {
        return None;
    }
    let zone = &foresight.time_zone;
    let rises: Vec<&Expected> = expectation.resources.iter().filter(|one| one.amount > 0).collect();
    let amounts: Vec<String> = rises.iter().map(|one| format!("+{}", of(one.resource, one.amount))).collect();
    let what = if amounts.is_empty() { "nothing more".to_owned() } else { amounts.join(", ") };
    // Even if nothing is expected, the sources show that there is a history.
    let explained = if rises.is_empty() { expectation.resources.iter().take(1).collect() } else { rises };
    let mut sources: Vec<String> =
        explained.iter().flat_map(|one| sources(one, foresight, explained.len() > 1)).collect();
    if let Some((nodes, notice)) = &expectation.min_nodes {
        sources.push(scheduled(notice, &count(*nodes, "node"), zone));
    }
    Some(format!("{what} by {} ({})", clock(expectation.by, zone), sources.join("; ")))
}

fn sources(expected: &Expected, foresight: &Foresight, several: bool) -> Vec<String> {
    let resource = expected.resource;
    let mut found = Vec::new();
    let prefix = if several { format!("{resource}: ") } else { String::new() };
    if let Some(forecast) = &expected.forecast {
        found.push(format!("{prefix}{}", learned(forecast, resource)));
    }
    if expected.stabilization.is_some_and(|above| above > 0) {
        found.push(format!("{prefix}peak of the last {:#}", foresight.stabilization));
    } else if expected.stabilization.is_some() && expected.reserve.is_none() {
        found.push(format!("{prefix}no past week to learn from"));
    }
    if let Some((reserve, notice)) = &expected.reserve {
        found.push(scheduled(notice, &of(resource, *reserve), &foresight.time_zone));
    }
    found
}

fn learned(forecast: &Forecast, resource: Resource) -> String {
    let hour = match forecast.learned_from {
        LearnedFrom::ThisHour => "at this hour",
        LearnedFrom::AnyDay => "at this hour of the last days",
        LearnedFrom::LastHours => "in the last two hours",
    };
    match forecast.rises {
        1 => format!("the one rise {hour}"),
        rises => format!(
            "nine of ten of {rises} rises {hour} were no higher, the highest {}",
            of(resource, forecast.highest)
        ),
    }
}

fn scheduled(notice: &Notice, what: &str, zone: &TimeZone) -> String {
    let from = clock(notice.begin, zone);
    match &notice.origin {
        Origin::Schedule => format!("SCHEDULE: {what} from {from}"),
        Origin::Calendar { event } => format!("CALENDAR {event}: {what} from {from}"),
    }
}

fn of(resource: Resource, number: u64) -> String {
    match resource {
        Resource::Memory => amount(resource, number),
        Resource::Cpu => format!("{} cores", amount(resource, number)),
    }
}

/// The time of the day in the time zone of the settings.
fn clock(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_rebalancer_core::model::Assignment;

    const GIBI: u64 = 1 << 30;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn notice(assignment: Assignment) -> Notice {
        Notice { assignment, origin: Origin::Schedule, begin: at("2026-01-15T08:45:00Z") }
    }

    fn memory(amount: u64) -> Expected {
        Expected { resource: Resource::Memory, amount, forecast: None, stabilization: None, reserve: None }
    }

    fn line(resources: Vec<Expected>, min_nodes: Option<usize>) -> Option<String> {
        let min_nodes = min_nodes.map(|nodes| (nodes, notice(Assignment::MinNodes { pool: None, nodes })));
        let expectation = Expectation { by: at("2026-01-15T09:15:00Z"), resources, min_nodes };
        expected(&expectation, &Foresight::default())
    }

    #[test]
    fn an_expectation_is_one_line_with_its_sources() {
        let forecast = Forecast {
            rise: 12 * GIBI,
            rises: 21,
            highest: 14 * GIBI + GIBI / 10,
            learned_from: LearnedFrom::ThisHour,
        };
        let learned = Expected { forecast: Some(forecast), ..memory(12 * GIBI) };
        assert_eq!(
            line(vec![learned.clone()], Some(6)).unwrap(),
            "+12.0Gi by 09:15 (nine of ten of 21 rises at this hour were no higher, the highest 14.1Gi; SCHEDULE: 6 \
             nodes from 08:45)"
        );
        let none = Expected { forecast: Some(Forecast { rise: 0, ..forecast }), ..memory(0) };
        assert_eq!(
            line(vec![none], None).unwrap(),
            "nothing more by 09:15 (nine of ten of 21 rises at this hour were no higher, the highest 14.1Gi)"
        );
        let peak = Expected { stabilization: Some(GIBI), ..memory(GIBI) };
        assert_eq!(line(vec![peak], None).unwrap(), "+1.0Gi by 09:15 (peak of the last 15m)");
        let flat = Expected { stabilization: Some(0), ..memory(0) };
        assert_eq!(line(vec![flat], None).unwrap(), "nothing more by 09:15 (no past week to learn from)");
        let reserve = Assignment::Reserve { pool: None, resource: Resource::Memory, amount: 60 * GIBI };
        let reserved = Expected { reserve: Some((60 * GIBI, notice(reserve))), ..memory(60 * GIBI) };
        assert_eq!(line(vec![reserved], None).unwrap(), "+60.0Gi by 09:15 (SCHEDULE: 60.0Gi from 08:45)");
        let cores = Expected { resource: Resource::Cpu, amount: 2500, ..learned };
        assert!(
            line(vec![memory(GIBI), cores], None)
                .unwrap()
                .starts_with("+1.0Gi, +2.5 cores by 09:15 (cpu: nine")
        );
        assert_eq!(line(Vec::new(), None), None);
    }
}
