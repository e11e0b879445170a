//! Draws panels of lines over a day, in SVG, as Grafana arranges them.
//!
//! The picture has a white ground of its own, so it is readable on a light page and on a dark one. All numbers are whole
//! tenths of a pixel: the same panels give the same bytes on every machine.

use std::fmt::Write as _;

use super::Escaped;
use super::query::ONE;

/// A panel. Its place and size are in units of Grafana's grid, whose rows have 24.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) unit: Unit,
    /// Whether the values are drawn on top of each other, as areas.
    pub(super) stacked: bool,
    pub(super) series: Vec<Series>,
}

/// The values of a line in millionths, one for each interval; `None` where there is none.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) values: Vec<Option<i64>>,
}

/// The unit of a panel's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    Percent,
    Bytes,
}

impl Unit {
    /// The unit in millionths, and what is written behind its number.
    const fn of_label(self) -> (i64, &'static str) {
        match self {
            Self::Number => (ONE, ""),
            Self::Percent => (ONE / 100, " %"),
            Self::Bytes => (ONE << 30, " GiB"),
        }
    }

    /// The distance of the lines of the grid: the first of 1, 2, 5, 10, 20, 50... of the unit with at most five lines.
    fn step(self, highest: i64) -> i64 {
        let (unit, _) = self.of_label();
        let mut step = unit;
        for factor in [2, 5, 2].into_iter().cycle() {
            if step * 5 >= highest {
                break;
            }
            // 1, 2, 5: twice the one, and five halves of the two.
            step = if factor == 5 { step / 2 * 5 } else { step * 2 };
        }
        step
    }

    fn label(self, value: i64) -> String {
        let (unit, behind) = self.of_label();
        format!("{}{behind}", value / unit)
    }
}

/// A length in tenths of a pixel.
type Tenths = i64;

/// The size of a unit of the grid.
const ACROSS: Tenths = 500;
const DOWN: Tenths = 330;
/// The space of a panel around its lines.
const LEFT: Tenths = 620;
const RIGHT: Tenths = 200;
const ABOVE: Tenths = 320;
const BELOW: Tenths = 740;

const DAY: u64 = 24 * 60 * 60;

/// The number of values that would make a line too short to see.
const SHORT: usize = 3;

/// Each of them has a contrast of three to one at least with white, and the first four are told apart by people who see
/// fewer colors.
const COLORS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#7b3294", "#a6611a", "#595959"];

/// The picture of the panels.
pub(super) fn svg(panels: &[Panel], interval: u64, description: &str) -> String {
    let width = Tenths::from(panels.iter().map(|panel| panel.left + panel.width).max().unwrap()) * ACROSS;
    let height = Tenths::from(panels.iter().map(|panel| panel.top + panel.height).max().unwrap()) * DOWN;
    let (width, height) = (pixels(width), pixels(height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"Arial, Arimo, Liberation Sans, Helvetica, sans-serif\" font-size=\"13\">\n\
         <desc>{}</desc>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        Escaped(description)
    );
    for panel in panels {
        Drawing::new(panel, interval).write(&mut svg);
    }
    svg + "</svg>\n"
}

/// A panel with its place in the picture and its scale.
struct Drawing<'p> {
    panel: &'p Panel,
    interval: u64,
    left: Tenths,
    top: Tenths,
    right: Tenths,
    bottom: Tenths,
    step: i64,
    highest: i64,
}

impl<'p> Drawing<'p> {
    fn new(panel: &'p Panel, interval: u64) -> Self {
        let left = Tenths::from(panel.left) * ACROSS + LEFT;
        let top = Tenths::from(panel.top) * DOWN + ABOVE;
        let right = Tenths::from(panel.left + panel.width) * ACROSS - RIGHT;
        let bottom = Tenths::from(panel.top + panel.height) * DOWN - BELOW;
        let tops = stacks(panel);
        let most = tops.iter().flatten().flatten().max().copied().unwrap_or(0).max(1);
        let step = panel.unit.step(most);
        let highest = (most + step - 1) / step * step;
        Self { panel, interval, left, top, right, bottom, step, highest }
    }

    /// The place of a time, in intervals since midnight.
    fn across(&self, number: usize) -> Tenths {
        let seconds = i64::try_from(u64::try_from(number).unwrap() * self.interval).unwrap();
        self.left + (self.right - self.left) * seconds / i64::try_from(DAY).unwrap()
    }

    fn down(&self, value: i64) -> Tenths {
        let height = i128::from(self.bottom - self.top) * i128::from(value) / i128::from(self.highest);
        self.bottom - i64::try_from(height).unwrap()
    }

    fn write(&self, svg: &mut String) {
        let Self { panel, left, top, right, bottom, .. } = *self;
        let title = Escaped(&panel.title);
        let base = pixels(top - 120);
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{base}\" font-size=\"15\" font-weight=\"bold\">{title}</text>",
            pixels(left)
        )
        .unwrap();
        for number in 0..=self.highest / self.step {
            let value = number * self.step;
            let (height, base) = (pixels(self.down(value)), pixels(self.down(value) + 45));
            writeln!(svg, "<path stroke=\"#d9d9d9\" d=\"M{} {height}H{}\"/>", pixels(left), pixels(right))
                .unwrap();
            let label = panel.unit.label(value);
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{label}</text>",
                pixels(left - 60)
            )
            .unwrap();
        }
        for hour in (0..=24_u64).step_by(4) {
            let place = pixels(left + (right - left) * i64::try_from(hour).unwrap() / 24);
            let base = pixels(bottom + 170);
            writeln!(svg, "<text x=\"{place}\" y=\"{base}\" text-anchor=\"middle\">{hour:02}:00</text>")
                .unwrap();
        }
        let tops = stacks(panel);
        // The highest area first: the lower ones cover it.
        let order: Vec<usize> =
            if panel.stacked { (0..tops.len()).rev().collect() } else { (0..tops.len()).collect() };
        for index in order {
            self.line(svg, index, &tops[index]);
        }
        self.legend(svg);
    }

    /// Draws the values of a line where there are any, a few of them as dots.
    fn line(&self, svg: &mut String, index: usize, values: &[Option<i64>]) {
        let color = COLORS[index % COLORS.len()];
        let mut start = 0;
        for piece in values.split(Option::is_none) {
            let places: Vec<(Tenths, Tenths)> = piece
                .iter()
                .enumerate()
                .map(|(offset, value)| (self.across(start + offset), self.down(value.unwrap())))
                .collect();
            start += piece.len() + 1;
            let (Some((first, _)), Some((last, _))) = (places.first(), places.last()) else { continue };
            if places.len() <= SHORT {
                for (across, down) in &places {
                    let (across, down) = (pixels(*across), pixels(*down));
                    writeln!(svg, "<circle cx=\"{across}\" cy=\"{down}\" r=\"2.2\" fill=\"{color}\"/>")
                        .unwrap();
                }
                continue;
            }
            let path = path(&places);
            if self.panel.stacked {
                let (first, last, bottom) = (pixels(*first), pixels(*last), pixels(self.bottom));
                let area = format!("{path}H{last}V{bottom}H{first}z");
                writeln!(svg, "<path fill=\"#ffffff\" d=\"{area}\"/>").unwrap();
                writeln!(svg, "<path fill=\"{color}\" fill-opacity=\"0.3\" d=\"{area}\"/>").unwrap();
            }
            writeln!(svg, "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" d=\"{path}\"/>")
                .unwrap();
        }
    }

    /// The names of the lines, in two rows at most.
    fn legend(&self, svg: &mut String) {
        if self.panel.series.is_empty() {
            let (left, base) = (pixels(self.left), pixels(self.bottom + 400));
            writeln!(svg, "<text x=\"{left}\" y=\"{base}\">no data</text>").unwrap();
        }
        let (mut left, mut base) = (self.left, self.bottom + 400);
        for (index, Series { name, .. }) in self.panel.series.iter().enumerate() {
            // A letter of Arial at 13 pixels is 6.5 pixels wide on average, of a fallback up to 8.
            let width = 160 + 80 * Tenths::try_from(name.chars().count()).unwrap();
            if left + width > self.right {
                (left, base) = (self.left, base + 190);
            }
            let color = COLORS[index % COLORS.len()];
            let (place, top, text) = (pixels(left), pixels(base - 90), pixels(left + 160));
            writeln!(svg, "<rect x=\"{place}\" y=\"{top}\" width=\"12\" height=\"9\" fill=\"{color}\"/>")
                .unwrap();
            writeln!(svg, "<text x=\"{text}\" y=\"{}\">{}</text>", pixels(base), Escaped(name)).unwrap();
            left += width + 120;
        }
        assert!(base <= self.bottom + 590, "the legend of {} is too long", self.panel.title);
    }
}

/// The heights of the lines of a panel: the values, or the sums of the values up to each.
fn stacks(panel: &Panel) -> Vec<Vec<Option<i64>>> {
    let mut below: Vec<i64> = Vec::new();
    let mut stacked = |values: &[Option<i64>]| {
        below.resize(values.len(), 0);
        let sum = |(value, below): (&Option<i64>, &mut i64)| {
            value.map(|value| {
                *below += value;
                *below
            })
        };
        values.iter().zip(&mut below).map(sum).collect()
    };
    let lines = panel
        .series
        .iter()
        .map(|line| if panel.stacked { stacked(&line.values) } else { line.values.clone() });
    lines.collect()
}

/// A path through the places; a place on a level stretch is left out.
fn path(places: &[(Tenths, Tenths)]) -> String {
    let mut path = String::new();
    for (index, (across, down)) in places.iter().enumerate() {
        let same = |other: Option<&(Tenths, Tenths)>| other.is_some_and(|(_, other)| other == down);
        let before = index.checked_sub(1).and_then(|index| places.get(index));
        if same(before) && same(places.get(index + 1)) {
            continue;
        }
        let letter = if index == 0 { "M" } else { "L" };
        write!(path, "{letter}{} {}", pixels(*across), pixels(*down)).unwrap();
    }
    path
}

/// A length in pixels.
fn pixels(tenths: Tenths) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

#[test]
fn the_grid_has_at_most_five_lines_at_round_values() {
    let steps =
        [(1, 1), (5, 1), (6, 2), (10, 2), (11, 5), (25, 5), (26, 10), (51, 20), (101, 50), (251, 100)];
    for (highest, step) in steps {
        assert_eq!(Unit::Number.step(highest * ONE), step * ONE, "{highest}");
    }
    assert_eq!(Unit::Percent.step(ONE), 20 * ONE / 100);
    assert_eq!(Unit::Bytes.step((300 * ONE) << 30), (100 * ONE) << 30);
    assert_eq!(
        (Unit::Percent.label(ONE / 5), Unit::Bytes.label((100 * ONE) << 30)),
        ("20 %".to_owned(), "100 GiB".to_owned())
    );
}

#[test]
fn a_level_stretch_has_two_places() {
    assert_eq!(path(&[(0, 10), (10, 10), (20, 10), (30, 5)]), "M0 1L2 1L3 0.5");
    assert_eq!(path(&[(0, 10), (15, 20)]), "M0 1L1.5 2");
}
