//! Converts a value for each column into the places of an outline.

use super::scene::{Place, Tenths};

/// Neighbouring columns with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step<Value> {
    pub(super) left: Tenths,
    pub(super) right: Tenths,
    pub(super) value: Value,
}

/// The columns with a value, as steps; a column without a value ends a run of steps. A column is a pixel wide.
pub(super) fn runs<Value: Copy + PartialEq>(
    left: Tenths,
    columns: impl Iterator<Item = Option<Value>>,
) -> Vec<Vec<Step<Value>>> {
    let mut runs: Vec<Vec<Step<Value>>> = Vec::new();
    let mut goes_on = false;
    for (left, value) in (left..).step_by(10).zip(columns) {
        let Some(value) = value else {
            goes_on = false;
            continue;
        };
        let step = Step { left, right: left + 10, value };
        match runs.last_mut() {
            Some(run) if goes_on => match run.last_mut() {
                Some(last) if last.value == value => last.right = step.right,
                Some(_) | None => run.push(step),
            },
            Some(_) | None => runs.push(vec![step]),
        }
        goes_on = true;
    }
    runs
}

/// The same line without the places within a horizontal stretch.
pub(super) fn straightened(places: Vec<Place>) -> Vec<Place> {
    let mut straight: Vec<Place> = Vec::new();
    for place in places {
        match straight.as_mut_slice() {
            [.., before, last] if before.1 == last.1 && last.1 == place.1 => *last = place,
            _ => straight.push(place),
        }
    }
    straight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_step_and_gaps_end_a_run() {
        let columns = [Some(1), Some(1), Some(2), None, None, Some(2)];
        let step = |left, right, value| Step { left, right, value };
        let expected = [vec![step(100, 120, 1), step(120, 130, 2)], vec![step(150, 160, 2)]];
        assert_eq!(runs(100, columns.into_iter()), expected);
        assert_eq!(runs(0, [None::<u8>, None].into_iter()), Vec::<Vec<Step<u8>>>::new());
    }

    #[test]
    fn only_the_ends_of_level_stretches_are_kept() {
        let line = vec![(0, 5), (1, 5), (2, 5), (3, 6), (4, 6), (5, 5), (6, 5), (7, 5)];
        assert_eq!(straightened(line), [(0, 5), (2, 5), (3, 6), (4, 6), (5, 5), (7, 5)]);
        assert_eq!(straightened(vec![(0, 1)]), [(0, 1)]);
    }
}
