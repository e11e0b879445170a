//! Squeezes a series into the columns of a picture, so that the shortest event still shows.
//!
//! A semester has a thousand points for each column. Taking one of them would lose a node that boots for three minutes;
//! taking the largest of each kind would show nodes twice, a booting node and the serving one that it becomes. So the
//! height of a column is the cluster's maximum within it, and it shows the maximum of each kind, short-lived kinds
//! first: everything drawn existed at some time in the column.

use crate::series::Point;

/// The values of one column of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Nodes of each kind, stacked.
    pub(super) serving: u32,
    /// The serving nodes that fill last.
    pub(super) fill_last: u32,
    pub(super) cordoned: u32,
    pub(super) booting: u32,
    /// Nodes whose machine is parked; they are in no other count.
    pub(super) parked: u32,
    /// Maximum number of users that waited at one time.
    pub(super) waiting: u32,
    /// Minimum and maximum of the workload, in thousandths of a node.
    pub(super) workload: (u64, u64),
    /// Maximum of the workload with the expected amount, in thousandths of a node; `None` if no more was expected.
    pub(super) expected: Option<u64>,
}

impl Column {
    /// All nodes.
    pub(super) fn nodes(&self) -> u64 {
        u64::from(self.serving) + u64::from(self.cordoned) + u64::from(self.booting)
    }
}

/// The columns of a series from 0 to `end`; `None` before its first point.
pub(super) fn columns(points: &[Point], end: u64, count: u32) -> Vec<Option<Column>> {
    let mut columns = Vec::new();
    let mut rest = points;
    let mut current: Option<&Point> = None;
    for column in 0..count {
        // The column has the times from its begin until just before the begin of the next one.
        let begin = u128::from(end) * u128::from(column) / u128::from(count.max(1));
        let next = u128::from(end) * u128::from(column + 1) / u128::from(count.max(1));
        while let Some((first, behind)) = rest.split_first()
            && u128::from(first.at) <= begin
        {
            (current, rest) = (Some(first), behind);
        }
        let within = rest.iter().take_while(|point| u128::from(point.at) < next).count();
        let (inside, behind) = rest.split_at_checked(within).unwrap_or((rest, &[]));
        columns.push(squeeze(current.into_iter().chain(inside)));
        current = inside.last().or(current);
        rest = behind;
    }
    columns
}

fn squeeze<'a>(points: impl Iterator<Item = &'a Point>) -> Option<Column> {
    let mut points = points.peekable();
    points.peek()?;
    let mut most = Column {
        serving: 0,
        fill_last: 0,
        cordoned: 0,
        booting: 0,
        parked: 0,
        waiting: 0,
        workload: (u64::MAX, 0),
        expected: None,
    };
    let (mut height, mut least_serving, mut with_parked) = (0, u32::MAX, 0);
    for point in points {
        let nodes = point.serving.saturating_add(point.cordoned).saturating_add(point.booting);
        height = height.max(nodes);
        with_parked = with_parked.max(nodes.saturating_add(point.parked));
        least_serving = least_serving.min(point.serving);
        most.cordoned = most.cordoned.max(point.cordoned);
        most.booting = most.booting.max(point.booting);
        most.waiting = most.waiting.max(point.waiting);
        most.fill_last = most.fill_last.max(point.fill_last);
        if point.expected > point.workload {
            most.expected = most.expected.max(Some(in_nodes(point.expected, point)));
        }
        let workload = in_nodes(point.workload, point);
        most.workload = (most.workload.0.min(workload), most.workload.1.max(workload));
    }
    let booting = most.booting.min(height);
    let cordoned = most.cordoned.min((height - booting).saturating_sub(least_serving));
    let serving = height - booting - cordoned;
    let parked = with_parked.saturating_sub(height);
    Some(Column { serving, fill_last: most.fill_last.min(serving), cordoned, booting, parked, ..most })
}

/// A workload in thousandths of a node.
fn in_nodes(workload: u64, point: &Point) -> u64 {
    let thousandths = u128::from(workload) * 1000 / u128::from(point.node_at_optimum.max(1));
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Point = Point {
        at: 0,
        workload: 0,
        node_at_optimum: 1000,
        expected: 0,
        serving: 0,
        fill_last: 0,
        cordoned: 0,
        booting: 0,
        parked: 0,
        waiting: 0,
    };

    const NOTHING: Column = Column {
        serving: 0,
        fill_last: 0,
        cordoned: 0,
        booting: 0,
        parked: 0,
        waiting: 0,
        workload: (0, 0),
        expected: None,
    };

    fn column(serving: u32, cordoned: u32, booting: u32) -> Column {
        Column { serving, cordoned, booting, ..NOTHING }
    }

    #[test]
    fn a_point_holds_until_the_next_one() {
        let points =
            [Point { serving: 3, ..QUIET }, Point { at: 25, serving: 5, ..QUIET }, Point { at: 40, ..QUIET }];
        let columns: Vec<u32> =
            columns(&points, 40, 4).into_iter().map(|column| column.unwrap().serving).collect();
        // 0 to 10 and 10 to 20: three; 20 to 30: three, then five; 30 to 40: five
        assert_eq!(columns, [3, 3, 5, 5]);
    }

    #[test]
    fn before_the_first_point_there_is_nothing() {
        let points = [Point { at: 20, serving: 1, ..QUIET }];
        assert_eq!(columns(&points, 40, 4), [None, None, Some(column(1, 0, 0)), Some(column(1, 0, 0))]);
        assert_eq!(columns(&[], 40, 2), [None, None]);
        assert_eq!(columns(&points, 0, 2), [None, None]);
    }

    #[test]
    fn a_value_that_lasts_less_than_a_column_is_drawn() {
        let cases = [
            ("a node boots and serves", vec![(10, 0, 0), (10, 0, 1), (11, 0, 0)], column(10, 0, 1)),
            ("a node is cordoned", vec![(11, 0, 0), (10, 1, 0)], column(10, 1, 0)),
            ("a cordoned node is deleted", vec![(10, 2, 0), (10, 1, 0)], column(10, 2, 0)),
            (
                "a serving node is deleted: nothing is cordoned",
                vec![(11, 0, 0), (10, 0, 0)],
                column(11, 0, 0),
            ),
            ("one is deleted before another boots", vec![(8, 2, 0), (8, 0, 0), (8, 0, 1)], column(8, 1, 1)),
            ("all at once", vec![(0, 0, 4), (4, 0, 0), (0, 4, 0)], column(0, 0, 4)),
        ];
        for (what, states, expected) in cases {
            let points: Vec<Point> = (0..)
                .zip(states)
                .map(|(at, (serving, cordoned, booting))| Point { at, serving, cordoned, booting, ..QUIET })
                .collect();
            assert_eq!(columns(&points, 60, 1), [Some(expected)], "{what}");
        }
    }

    #[test]
    fn the_workload_keeps_its_least_and_most_and_those_who_wait_their_most() {
        let points = [
            Point { workload: 1500, ..QUIET },
            Point { at: 1, workload: 500, waiting: 3, ..QUIET },
            Point { at: 2, workload: 2500, node_at_optimum: 2000, ..QUIET },
        ];
        let column = columns(&points, 3, 1)[0].unwrap();
        assert_eq!((column.workload, column.waiting), ((500, 1500), 3));
    }

    #[test]
    fn what_is_expected_and_what_fills_last_keep_their_most_where_there_is_any() {
        let points = [
            Point { serving: 3, fill_last: 1, workload: 1000, expected: 1000, ..QUIET },
            Point { at: 1, serving: 3, fill_last: 2, workload: 1000, expected: 2500, ..QUIET },
            Point { at: 2, serving: 1, fill_last: 0, workload: 3000, expected: 3000, ..QUIET },
        ];
        let column = |points: &[Point]| columns(points, 3, 1)[0].unwrap();
        assert_eq!((column(&points).fill_last, column(&points).expected), (2, Some(2500)));
        assert_eq!((column(&points[..1]).fill_last, column(&points[..1]).expected), (1, None));
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let absurd = Point {
            at: 0,
            workload: u64::MAX,
            node_at_optimum: 0,
            expected: u64::MAX,
            serving: u32::MAX,
            fill_last: u32::MAX,
            cordoned: u32::MAX,
            booting: u32::MAX,
            parked: u32::MAX,
            waiting: u32::MAX,
        };
        let column = columns(&[absurd, Point { at: u64::MAX, ..absurd }], u64::MAX, 1)[0].unwrap();
        assert_eq!(column.workload, (u64::MAX, u64::MAX));
        assert_eq!(column.nodes(), u64::from(u32::MAX));
    }
}
