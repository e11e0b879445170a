//! Lays out the weeks of a history over each other, and the expected amounts of the next one.
//!
//! ```text
//!          -- 12 Jan  -- 19 Jan  -- 26 Jan   [] expected more
//!          memory that users ask for, in Gi
//!   100    |      ,-~-.        ,--.           |
//!    50    |   __/     \__  __/    \__        |   a curve a week, the newest in front
//!     0    |_.#_______________.#______________|   what is expected, from 0 up
//!          |    Mon     |    Tue     |  ...
//! ```

use super::axis::{DAY, NodeAxis, Stretch, stretches};
use super::font::Fonts;
use super::outline::runs;
use super::scene::{Anchor, Color, Fill, Place, Scene, Shape, Stroke, Tenths, TextStyle};
use jiff::civil::Weekday;

/// The weeks of one pool and resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekPanel {
    /// Its title.
    pub title: String,
    /// The weeks, oldest first.
    pub weeks: Vec<WeekCurve>,
    /// The expected additional amounts, in thousandths of a unit; the same number of values a week as the
    /// curves.
    pub expected: Vec<Option<u64>>,
}

/// One week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekCurve {
    /// Its name in the legend.
    pub name: String,
    /// Its values from Monday's midnight on, in thousandths of a unit, equally far apart; `None` for a gap.
    pub values: Vec<Option<u64>>,
}

/// From the newest week to the oldest: blues of Okabe and Ito's palette, paler and paler.
const BLUES: [Color; 5] =
    [Color(0, 82, 130), Color(0, 114, 178), Color(86, 160, 212), Color(142, 195, 230), Color(190, 220, 241)];
const VERMILION: Color = Color(213, 94, 0);
const BLACK: Color = Color(0, 0, 0);
const GREY: Color = Color(90, 90, 90);
const PALE: Color = Color(214, 218, 222);

const TITLE: TextStyle = TextStyle { size: 15, bold: true, color: BLACK };
const LABEL: TextStyle = TextStyle { size: 13, bold: false, color: GREY };
const LEGEND: TextStyle = TextStyle { size: 13, bold: false, color: BLACK };

// In tenths of a pixel.
const WIDTH: Tenths = 12_000;
const LEFT: Tenths = 560;
const COLUMNS: usize = 1120;
const RIGHT: Tenths = LEFT + 11_200;
const LEGEND_BASE: Tenths = 240;
const FIRST_PANEL: Tenths = 440;
const PLOT_TOP: Tenths = 260;
const PLOT_HEIGHT: Tenths = 2400;
const PANEL: Tenths = PLOT_TOP + PLOT_HEIGHT + 300;
const DAY_NAMES: Tenths = 240;

/// Draws the panels below each other.
pub(super) fn draw(panels: &[WeekPanel], fonts: &Fonts) -> Scene {
    let count = Tenths::try_from(panels.len()).unwrap_or(Tenths::MAX);
    let bottom = FIRST_PANEL.saturating_add(PANEL.saturating_mul(count));
    let end = bottom.saturating_add(DAY_NAMES);
    let days = stretches(7 * DAY, Weekday::Monday);
    let mut shapes = vec![Shape::rectangle((0, 0), (WIDTH, end), Fill::Solid(Color(255, 255, 255)))];
    legend(&mut shapes, panels, fonts);
    let mut top = FIRST_PANEL;
    for panel in panels {
        draw_panel(&mut shapes, top, panel, &days);
        top = top.saturating_add(PANEL);
    }
    for day in &days {
        let middle = i32::midpoint(right_of(day.from), right_of(day.to));
        shapes.push(text((middle, bottom), day.name.clone(), LABEL, Anchor::Middle));
    }
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    Scene {
        width: u32::try_from(WIDTH / 10).unwrap_or_default(),
        height: u32::try_from(end / 10).unwrap_or_default(),
        description: format!("Past weeks over each other, and what is expected. {}", titles.join("; ")),
        shapes,
    }
}

/// The weeks of the panel with most weeks, and the area.
fn legend(shapes: &mut Vec<Shape>, panels: &[WeekPanel], fonts: &Fonts) {
    let mut left = LEFT;
    let mut entry = |left: Tenths, name: &str, swatch: Shape| -> Tenths {
        shapes.push(swatch);
        let at = (left + 290, LEGEND_BASE);
        shapes.push(text(at, name.to_owned(), LEGEND, Anchor::Start));
        at.0 + fonts.width(name, LEGEND) + 260
    };
    let longest = panels.iter().max_by_key(|panel| panel.weeks.len());
    for (week, color) in longest.map(colored).unwrap_or_default() {
        let places = vec![(left, LEGEND_BASE - 40), (left + 220, LEGEND_BASE - 40)];
        left = entry(left, &week.name, Shape::Line { places, stroke: Stroke { color, width: 20 } });
    }
    let swatch =
        Shape::rectangle((left, LEGEND_BASE - 110), (left + 220, LEGEND_BASE), Fill::Solid(VERMILION));
    entry(left, "expected on top of what is asked for", swatch);
}

/// The newest weeks with their colors, oldest first.
fn colored(panel: &WeekPanel) -> Vec<(&WeekCurve, Color)> {
    let mut weeks: Vec<(&WeekCurve, Color)> = panel.weeks.iter().rev().zip(BLUES).collect();
    weeks.reverse();
    weeks
}

fn draw_panel(shapes: &mut Vec<Shape>, top: Tenths, panel: &WeekPanel, days: &[Stretch]) {
    shapes.push(text((LEFT, top + 170), panel.title.clone(), TITLE, Anchor::Start));
    let base = top + PLOT_TOP + PLOT_HEIGHT;
    let values = panel.weeks.iter().flat_map(|week| &week.values).chain(&panel.expected);
    let axis = NodeAxis::to(values.flatten().max().copied().unwrap_or(0).div_ceil(1000));
    let up = |thousandths: u64| -> Tenths {
        let top = u128::from(axis.top.max(1)) * 1000;
        let up = u128::from(thousandths) * u128::from(PLOT_HEIGHT.unsigned_abs()) / top;
        base.saturating_sub(Tenths::try_from(up).unwrap_or(PLOT_HEIGHT))
    };
    for mark in axis.marks() {
        let y = up(mark.saturating_mul(1000));
        let color = if mark == 0 { GREY } else { PALE };
        shapes.push(Shape::rectangle((LEFT, y), (RIGHT, y + 5), Fill::Solid(color)));
        shapes.push(text((LEFT - 80, y + 45), mark.to_string(), LABEL, Anchor::End));
    }
    for day in days.iter().skip(1) {
        let x = right_of(day.from);
        shapes.push(Shape::rectangle((x, base - PLOT_HEIGHT), (x + 5, base), Fill::Solid(PALE)));
    }
    let rises = columns(&panel.expected).into_iter().map(|rise| rise.filter(|rise| *rise > 0));
    for step in runs(LEFT, rises).into_iter().flatten() {
        let area = Shape::rectangle((step.left, up(step.value)), (step.right, base), Fill::Solid(VERMILION));
        shapes.push(area);
    }
    for (week, color) in colored(panel) {
        for run in runs(LEFT, columns(&week.values).into_iter()) {
            let ends =
                run.iter().flat_map(|step| [(step.left, up(step.value)), (step.right, up(step.value))]);
            shapes.push(Shape::Line { places: ends.collect(), stroke: Stroke { color, width: 15 } });
        }
    }
}

/// The highest value of each column, a pixel wide.
fn columns(values: &[Option<u64>]) -> Vec<Option<u64>> {
    let of = |column: usize| {
        let first = column * values.len() / COLUMNS;
        let last = ((column + 1) * values.len() / COLUMNS).max(first + 1);
        values.get(first..last.min(values.len()))?.iter().flatten().max().copied()
    };
    (0..COLUMNS).map(of).collect()
}

/// The horizontal position of a second of the week.
fn right_of(second: u64) -> Tenths {
    let right = second.saturating_mul(11_200) / (7 * DAY);
    LEFT.saturating_add(Tenths::try_from(right).unwrap_or(0))
}

fn text(at: Place, text: String, style: TextStyle, anchor: Anchor) -> Shape {
    Shape::Text { at, text, style, anchor }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value of 2 units at Tuesday's noon in the newest of two weeks, and 1 expected there.
    fn panel() -> WeekPanel {
        let noon = |value| {
            let mut values = vec![None; 2016];
            values[288 + 144] = Some(value);
            values
        };
        WeekPanel {
            title: "memory".to_owned(),
            weeks: vec![
                WeekCurve { name: "old".to_owned(), values: vec![Some(0); 2016] },
                WeekCurve { name: "new".to_owned(), values: noon(2000) },
            ],
            expected: noon(1000),
        }
    }

    #[test]
    fn a_week_is_a_curve_and_what_is_expected_an_area_below_it() {
        let scene = draw(&[panel()], &Fonts::new().unwrap());
        let base = FIRST_PANEL + PLOT_TOP + PLOT_HEIGHT;
        // Slot 432 of 2016 is column 240 of 1120.
        let (left, right) = (LEFT + 2400, LEFT + 2410);
        let area = Shape::rectangle((left, base - PLOT_HEIGHT / 2), (right, base), Fill::Solid(VERMILION));
        assert!(scene.shapes.contains(&area));
        let curve = |color, places: Vec<Place>| Shape::Line { places, stroke: Stroke { color, width: 15 } };
        assert!(
            scene
                .shapes
                .contains(&curve(BLUES[0], vec![(left, base - PLOT_HEIGHT), (right, base - PLOT_HEIGHT)]))
        );
        assert!(scene.shapes.contains(&curve(BLUES[1], vec![(LEFT, base), (RIGHT, base)])));
    }

    #[test]
    fn nothing_and_absurd_numbers_are_drawn_too() {
        let fonts = Fonts::new().unwrap();
        draw(&[], &fonts);
        let absurd = WeekCurve { name: String::new(), values: vec![Some(u64::MAX); 3] };
        let panel = WeekPanel { title: String::new(), weeks: vec![absurd], expected: Vec::new() };
        draw(&[panel], &fonts);
    }
}
