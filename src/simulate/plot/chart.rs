//! Lays out the plot: a legend, one panel a policy, and the names of the days.
//!
//! ```text
//!          [] serving  // cordoned  [] booting  -- workload  [] users wait
//!          title of the policy                      its result in a few words
//!   20     |            ,-~-.                 ,--.            |
//!   10     |     __,--~'#####`~-.__________,-'####`-.         |   a column a pixel
//!    0     |########################################          |
//!          |           ====                                   |   users wait
//!          ...
//!          |    Mon     |    Tue     |    Wed     |  ...
//! ```
//!
//! All panels have the same axes, so that they can be compared by eye. The colors come from Okabe and Ito's palette, which
//! color-blind people can distinguish. Brightness, hatching and place distinguish them in grey, too.

use jiff::civil::Weekday;

use super::axis::{DAY, NodeAxis, Stretch, stretches};
use super::columns::{Column, columns};
use super::font::Fonts;
use super::outline::{Step, runs, straightened};
use super::scene::{Anchor, Color, Fill, Place, Scene, Shape, Stroke, Tenths, TextStyle};
use crate::series::Panel;

const BLACK: Color = Color(0, 0, 0);
const GREY: Color = Color(90, 90, 90);
const PALE: Color = Color(214, 218, 222);
/// Sky blue, paler than in the palette: the line of the workload lies on it.
const SKY_BLUE: Color = Color(154, 210, 242);
const PALE_BLUE: Color = Color(226, 242, 252);
const BLUE: Color = Color(0, 114, 178);
const VERMILION: Color = Color(213, 94, 0);

const SERVING: Fill = Fill::Solid(SKY_BLUE);
/// Part of the serving ones.
const FILL_LAST: Fill = Fill::Hatched { stripes: Color(255, 255, 255), ground: SKY_BLUE };
const CORDONED: Fill = Fill::Hatched { stripes: BLUE, ground: PALE_BLUE };
const BOOTING: Fill = Fill::Solid(VERMILION);
/// Yellow, paler than in the palette: these machines cost next to nothing.
const PARKED: Fill = Fill::Solid(Color(247, 240, 170));
const WAITING: Fill = Fill::Solid(BLACK);
/// Bluish green.
const EXPECTED: Stroke = Stroke { color: Color(0, 158, 115), width: 12 };
const WORKLOAD: Stroke = Stroke { color: BLACK, width: 15 };
/// Around the line of the workload, so that it is seen on every ground.
const HALO: Stroke = Stroke { color: Color(255, 255, 255), width: 40 };
/// The line for narrow days, on which a line with a halo would hide the areas behind it.
const FINE_WORKLOAD: Stroke = Stroke { color: BLACK, width: 8 };
/// The minimum width of a day for the line with a halo, in pixels.
const WIDE_DAY: u64 = 50;

const TITLE: TextStyle = TextStyle { size: 15, bold: true, color: BLACK };
const NOTE: TextStyle = TextStyle { size: 14, bold: false, color: BLACK };
const LABEL: TextStyle = TextStyle { size: 13, bold: false, color: GREY };
const LEGEND: TextStyle = TextStyle { size: 13, bold: false, color: BLACK };

// In pixels.
const WIDTH: u16 = 1200;
const LEFT: u16 = 44;
const COLUMNS: u16 = WIDTH - LEFT - 16;
const LEGEND_BASE: u16 = 24;
const FIRST_PANEL: u16 = 44;
const PLOT_TOP: u16 = 26; // below the title
const PLOT_HEIGHT: u16 = 132;
const WAITING_TOP: u16 = 3; // below the plot
const WAITING_HEIGHT: u16 = 7;
const PANEL: u16 = PLOT_TOP + PLOT_HEIGHT + WAITING_TOP + WAITING_HEIGHT + 16;
const DAY_NAMES: u16 = 24;

/// A number of pixels of this layout as a length.
const fn px(pixels: u16) -> Tenths {
    // Lossless; `From` is not const.
    #[expect(clippy::as_conversions, reason = "every u16 is an i32, and From cannot be called in a const fn")]
    let pixels = pixels as Tenths;
    pixels * 10
}

/// Draws the panels; time begins at midnight of `first_day`.
pub(super) fn draw(panels: &[Panel], first_day: Weekday, fonts: &Fonts) -> Scene {
    let end = panels.iter().filter_map(|panel| panel.points.last()).map(|point| point.at).max().unwrap_or(0);
    let series: Vec<Vec<Option<Column>>> =
        panels.iter().map(|panel| columns(&panel.points, end, COLUMNS.into())).collect();
    let axis = NodeAxis::to(series.iter().flatten().flatten().map(height).max().unwrap_or(0));
    let days = stretches(end, first_day);
    let count = i32::try_from(panels.len()).unwrap_or(i32::MAX);
    let bottom = px(FIRST_PANEL).saturating_add(px(PANEL).saturating_mul(count));
    let mut chart = Chart { axis, end, days: &days, fonts, shapes: Vec::new() };

    let canvas_end = bottom.saturating_add(px(DAY_NAMES));
    chart.shapes.push(Shape::rectangle((0, 0), (px(WIDTH), canvas_end), Fill::Solid(Color(255, 255, 255))));
    let any = |has: fn(&Column) -> bool| series.iter().flatten().flatten().any(has);
    let has_parked = any(|column| column.parked > 0);
    chart.legend(any(|column| column.fill_last > 0), any(|column| column.expected.is_some()), has_parked);
    let mut top = px(FIRST_PANEL);
    for (panel, columns) in panels.iter().zip(&series) {
        chart.panel(top, panel, columns);
        top = top.saturating_add(px(PANEL));
    }
    chart.day_names(bottom);
    Scene {
        width: WIDTH.into(),
        height: u32::try_from(canvas_end / 10).unwrap_or_default(),
        description: description(panels),
        shapes: chart.shapes,
    }
}

/// The height of a column in whole nodes.
fn height(column: &Column) -> u64 {
    let nodes = column.nodes().saturating_add(column.parked.into());
    nodes.max(column.workload.1.max(column.expected.unwrap_or(0)).div_ceil(1000))
}

fn description(panels: &[Panel]) -> String {
    let results: Vec<String> =
        panels.iter().map(|panel| format!("{}: {}", panel.title, panel.note)).collect();
    format!("Nodes over time, one panel a policy. {}", results.join("; "))
}

/// The look of a kind in the legend.
#[derive(Clone, Copy)]
enum Swatch {
    Area(Fill),
    Workload,
    Expected,
}

/// A chart under construction.
struct Chart<'a> {
    axis: NodeAxis,
    end: u64,
    days: &'a [Stretch],
    fonts: &'a Fonts,
    shapes: Vec<Shape>,
}

impl Chart<'_> {
    /// The legend. Rare kinds are named only if the plot shows them.
    fn legend(&mut self, has_fill_last: bool, has_expected: bool, has_parked: bool) {
        const SWATCH: (u16, u16) = (22, 11);
        let mut left = px(LEFT);
        let base = px(LEGEND_BASE);
        let entries = [
            ("serving nodes", Swatch::Area(SERVING), true),
            ("fill last", Swatch::Area(FILL_LAST), has_fill_last),
            ("cordoned", Swatch::Area(CORDONED), true),
            ("booting", Swatch::Area(BOOTING), true),
            ("parked", Swatch::Area(PARKED), has_parked),
            ("memory asked for, in nodes filled to the target", Swatch::Workload, true),
            ("expected", Swatch::Expected, has_expected),
            ("users wait for a node", Swatch::Area(WAITING), true),
        ];
        for (name, swatch, _) in entries.into_iter().filter(|(_, _, is_shown)| *is_shown) {
            let right = left + px(SWATCH.0);
            let line = || vec![(left, base - px(4)), (right, base - px(4))];
            match swatch {
                Swatch::Area(fill) => {
                    self.shapes.push(Shape::rectangle((left, base - px(SWATCH.1)), (right, base), fill));
                }
                Swatch::Workload => self.clear_line(line()),
                Swatch::Expected => self.shapes.push(Shape::Line { places: line(), stroke: EXPECTED }),
            }
            let at = (right + px(7), base);
            self.text(at, name.to_owned(), LEGEND, Anchor::Start);
            left = at.0 + self.fonts.width(name, LEGEND) + px(26);
        }
    }

    fn panel(&mut self, top: Tenths, panel: &Panel, columns: &[Option<Column>]) {
        let note_width = self.fonts.width(&panel.note, NOTE);
        let title = self.fonts.fit(&panel.title, TITLE, px(COLUMNS) - note_width - px(24));
        self.text((px(LEFT), top + px(17)), title, TITLE, Anchor::Start);
        self.text((px(LEFT + COLUMNS), top + px(17)), panel.note.clone(), NOTE, Anchor::End);

        let base = top + px(PLOT_TOP + PLOT_HEIGHT);
        self.area(base, columns, PARKED, |column| {
            (column.parked, column.nodes().saturating_add(column.parked.into()))
        });
        self.area(base, columns, CORDONED, |column| {
            (column.cordoned, u64::from(column.serving) + u64::from(column.cordoned))
        });
        self.area(base, columns, SERVING, |column| (column.serving, column.serving.into()));
        self.fill_last(base, columns);
        self.grid(base);
        self.workload(base, columns);
        self.expected(base, columns);
        self.booting(base, columns);
        self.waiting(base, columns);
    }

    /// One kind of nodes, if there are any: from the base up to the sum of this kind and the kinds below it. The kinds
    /// below are drawn over it later, so that no gap shows between two.
    fn area(
        &mut self,
        base: Tenths,
        columns: &[Option<Column>],
        fill: Fill,
        own_and_sum: impl Fn(&Column) -> (u32, u64),
    ) {
        let tops = columns.iter().map(|column| {
            let (own, sum) = column.as_ref().map(&own_and_sum)?;
            (own > 0).then(|| self.sharp(base, sum))
        });
        let mut areas = Vec::new();
        for run in runs(px(LEFT), tops) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let mut outline = vec![(first.left, base)];
            outline.extend(run.iter().flat_map(|step| [(step.left, step.value), (step.right, step.value)]));
            outline.push((last.right, base));
            areas.push(Shape::Area { outline, fill });
        }
        self.shapes.extend(areas);
    }

    /// The serving nodes that fill last, at the top of the serving nodes.
    fn fill_last(&mut self, base: Tenths, columns: &[Option<Column>]) {
        let spans = columns.iter().map(|column| {
            let column = column.filter(|column| column.fill_last > 0)?;
            let others = u64::from(column.serving) - u64::from(column.fill_last);
            Some((self.sharp(base, column.serving.into()), self.sharp(base, others)))
        });
        for Step { left, right, value: (top, bottom) } in runs(px(LEFT), spans).into_iter().flatten() {
            self.shapes.push(Shape::rectangle((left, top), (right, bottom), FILL_LAST));
        }
    }

    /// A line where more is expected than requested.
    fn expected(&mut self, base: Tenths, columns: &[Option<Column>]) {
        let heights = columns.iter().map(|column| Some(self.nodes_up(base, column.as_ref()?.expected?)));
        for run in runs(px(LEFT), heights) {
            let ends = run.iter().flat_map(|step| [(step.left, step.value), (step.right, step.value)]);
            self.shapes.push(Shape::Line { places: ends.collect(), stroke: EXPECTED });
        }
    }

    /// The booting nodes, above all others, and over the line of the workload: they boot when the workload rises, and its
    /// line would hide them.
    fn booting(&mut self, base: Tenths, columns: &[Option<Column>]) {
        let spans = columns.iter().map(|column| {
            let column = column.filter(|column| column.booting > 0)?;
            let others = column.nodes() - u64::from(column.booting);
            Some((self.sharp(base, column.nodes()), self.sharp(base, others)))
        });
        for Step { left, right, value: (top, bottom) } in runs(px(LEFT), spans).into_iter().flatten() {
            self.shapes.push(Shape::rectangle((left, top), (right, bottom), BOOTING));
        }
    }

    /// A line at each mark of the nodes and at each midnight.
    fn grid(&mut self, base: Tenths) {
        let (left, right) = (px(LEFT), px(LEFT + COLUMNS));
        let line = Fill::Solid(PALE);
        for mark in self.axis.marks() {
            let y = self.sharp(base, mark);
            let fill = if mark == 0 { Fill::Solid(GREY) } else { line };
            self.shapes.push(Shape::rectangle((left, y), (right, y + 5), fill));
            self.text((left - px(8), y + 45), mark.to_string(), LABEL, Anchor::End);
        }
        for day in self.days.iter().skip(1) {
            let x = self.time_right(day.from);
            self.shapes.push(Shape::rectangle((x, base - px(PLOT_HEIGHT)), (x + 5, base), line));
        }
    }

    /// The line of the workload. A column in which it changed gets two places, its minimum and its maximum; the one nearer
    /// to the last place is first.
    fn workload(&mut self, base: Tenths, columns: &[Option<Column>]) {
        let mut places: Vec<Place> = Vec::new();
        for (left, column) in (px(LEFT)..).step_by(10).zip(columns) {
            let Some(Column { workload: (least, most), .. }) = column else { continue };
            let (least, most) = (self.nodes_up(base, *least), self.nodes_up(base, *most));
            let before = places.last().map_or(least, |place| place.1);
            let (near, far) =
                if before.abs_diff(least) <= before.abs_diff(most) { (least, most) } else { (most, least) };
            places.push((left + 5, near));
            if far != near {
                places.push((left + 5, far));
            }
        }
        let places = straightened(places);
        if places.len() < 2 {
            return;
        }
        if u64::from(COLUMNS) * DAY / self.end.max(1) < WIDE_DAY {
            self.shapes.push(Shape::Line { places, stroke: FINE_WORKLOAD });
        } else {
            self.clear_line(places);
        }
    }

    fn clear_line(&mut self, places: Vec<Place>) {
        self.shapes.push(Shape::Line { places: places.clone(), stroke: HALO });
        self.shapes.push(Shape::Line { places, stroke: WORKLOAD });
    }

    /// A strip below the plot, filled where users wait.
    fn waiting(&mut self, base: Tenths, columns: &[Option<Column>]) {
        let top = base + px(WAITING_TOP);
        let tops = columns.iter().map(|column| column.filter(|column| column.waiting > 0).map(|_| top));
        for step in runs(px(LEFT), tops).into_iter().flatten() {
            let bottom = top + px(WAITING_HEIGHT);
            self.shapes.push(Shape::rectangle((step.left, top), (step.right, bottom), WAITING));
        }
    }

    fn day_names(&mut self, bottom: Tenths) {
        for day in self.days {
            let (left, right) = (self.time_right(day.from), self.time_right(day.to));
            if self.fonts.width(&day.name, LABEL) <= right - left {
                self.text(
                    (i32::midpoint(left, right), bottom + px(4)),
                    day.name.clone(),
                    LABEL,
                    Anchor::Middle,
                );
            }
        }
    }

    fn text(&mut self, at: Place, text: String, style: TextStyle, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text, style, anchor });
    }

    /// The height of this number of nodes, on a whole pixel of a picture of twice the size: edges there are sharp.
    fn sharp(&self, base: Tenths, nodes: u64) -> Tenths {
        self.nodes_up(base, nodes.saturating_mul(1000)) / 5 * 5
    }

    /// The height of this number of thousandths of a node.
    fn nodes_up(&self, base: Tenths, thousandths: u64) -> Tenths {
        let top = u128::from(self.axis.top.max(1)) * 1000;
        let up = u128::from(thousandths) * u128::from(px(PLOT_HEIGHT).unsigned_abs()) / top;
        base.saturating_sub(Tenths::try_from(up).unwrap_or(Tenths::MAX))
    }

    /// The horizontal position of a time, in whole pixels.
    fn time_right(&self, at: u64) -> Tenths {
        let column = u128::from(at) * u128::from(COLUMNS) / u128::from(self.end.max(1));
        px(LEFT) + px(u16::try_from(column).unwrap_or(COLUMNS))
    }
}
