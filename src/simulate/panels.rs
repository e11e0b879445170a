//! The results as panels of a plot.

use super::Simulation;
use super::result::PolicyResult;
use super::series::Panel;

/// Maximum number of points of a plot: many for each pixel, so that a booting node shows.
const POINTS: u64 = 20_160;

/// The distance between two points of a plot in whole minutes (as seconds), for a simulation of `length` seconds.
#[must_use]
pub fn points_every(length: u64) -> u64 {
    length.div_ceil(POINTS).next_multiple_of(60).max(60)
}

/// A panel for each policy.
#[must_use]
pub fn panels(simulation: &Simulation) -> Vec<Panel> {
    simulation.results.iter().map(panel).collect()
}

fn panel(result: &PolicyResult) -> Panel {
    let title = match &result.settings {
        Some(settings) => format!("{}: {settings}", result.name),
        None => result.name.clone(),
    };
    let hours = (result.node_seconds + 1800) / 3600;
    let note = format!("{hours} node-hours, {} of {} users waited", result.waited, result.users);
    Panel { title, note, points: result.points.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_whole_minutes_apart_and_not_too_many() {
        assert_eq!(points_every(10), 60);
        assert_eq!(points_every(7 * 86_400), 60);
        assert_eq!(points_every(112 * 86_400), 480);
    }
}
