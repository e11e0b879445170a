//! The table of the users who waited, by the hour of the day: a row an hour, a column a policy.

use std::io::Result;

use kube_rebalancer_page::{Page, Tone};

use super::line::time;
use crate::{Hour, Simulation};

/// The widths of the hour and of the users.
const FIRST: usize = 12;

/// Writes the table, if it was requested. Hours without users are left out.
pub(super) fn hours(page: &mut Page<'_>, simulation: &Simulation) -> Result<()> {
    let Some(hours) = &simulation.hours else { return Ok(()) };
    page.line(
        0,
        &[(Tone::Dim, "users who waited, by the hour in which they asked, with their longest wait")],
    )?;
    let width = |name: &str| name.len().max(9) + 2;
    let names = simulation.results.iter().map(|result| result.name.as_str());
    let mut title = format!("{:<FIRST$}", "hour  users");
    for name in names.clone() {
        title = format!("{title}{name:>width$}", width = width(name));
    }
    page.line(0, &[(Tone::Dim, &title)])?;
    for (hour, users) in hours.users.iter().enumerate().filter(|(_, users)| **users > 0) {
        let mut row = format!("{hour:02}  {users:>7} ");
        for (name, of_policy) in names.clone().zip(&hours.waited) {
            let cell = of_policy.get(hour).copied().map(cell).unwrap_or_default();
            row = format!("{row}{cell:>width$}", width = width(name));
        }
        page.line(0, &[(Tone::Plain, &row)])?;
    }
    page.blank()
}

/// `12 3m05s`, or `0`.
fn cell(Hour { waited, longest }: Hour) -> String {
    if waited == 0 { "0".to_owned() } else { format!("{waited} {}", time(longest)) }
}
