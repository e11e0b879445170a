//! The shapes and places of a small plot, with numbers computed by hand.

use super::scene::{Fill, Shape};
use super::*;
use crate::series::Point;

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

fn panel(points: Vec<Point>) -> Panel {
    Panel { title: "kube-rebalancer".to_owned(), note: "12 node-hours".to_owned(), points }
}

fn draw(panels: &[Panel]) -> Scene {
    chart::draw(panels, Weekday::Monday, &Fonts::new().unwrap())
}

/// The outlines of all areas of one color, the legend's first.
fn areas(scene: &Scene, color: (u8, u8, u8)) -> Vec<&[(i32, i32)]> {
    let of_color = |shape| {
        if let &Shape::Area { ref outline, fill: Fill::Solid(fill) | Fill::Hatched { stripes: fill, .. } } =
            shape
            && (fill.0, fill.1, fill.2) == color
        {
            Some(outline.as_slice())
        } else {
            None
        }
    };
    scene.shapes.iter().filter_map(of_color).collect()
}

const SERVING: (u8, u8, u8) = (154, 210, 242);
const CORDONED: (u8, u8, u8) = (0, 114, 178);
const BOOTING: (u8, u8, u8) = (213, 94, 0);
const WAITING: (u8, u8, u8) = (0, 0, 0);

#[test]
fn the_end_of_the_name_is_the_format() {
    for (name, format) in [("week.svg", Some(Format::Svg)), ("a.b/WEEK.PNG", Some(Format::Png))]
        .into_iter()
        .chain(["week.jpg", "week", ".svg", "svg", "week.svg.gz", ""].map(|name| (name, None)))
    {
        assert_eq!(PlotFile::try_from(OsString::from(name)).ok().map(|file| file.format), format, "{name}");
    }
}

/// The plot is 1140 columns wide, from 44 to 1184, and 132 pixels high, from 70 to 202. In a series of 1140 seconds each
/// column is a second. The axis goes to 4.
#[test]
fn areas_stand_on_each_other_and_end_where_their_nodes_do() {
    let scene = draw(&[panel(vec![
        Point { serving: 2, ..QUIET },
        Point { at: 100, serving: 2, booting: 2, waiting: 1, ..QUIET },
        Point { at: 200, serving: 4, ..QUIET },
        Point { at: 300, serving: 1, cordoned: 3, ..QUIET },
        Point { at: 400, ..QUIET },
        Point { at: 1140, ..QUIET },
    ])]);
    // A node is 33 pixels: one reaches up to 169, two to 136, three to 103, four to 70.
    assert_eq!(
        areas(&scene, SERVING)[1..],
        [[
            (440, 2020),
            (440, 1360),
            (2440, 1360),
            (2440, 700),
            (3440, 700),
            (3440, 1690),
            (4440, 1690),
            (4440, 2020)
        ]]
    );
    assert_eq!(areas(&scene, BOOTING)[1..], [[(1440, 700), (2440, 700), (2440, 1360), (1440, 1360)]]);
    assert_eq!(areas(&scene, CORDONED)[1..], [[(3440, 2020), (3440, 700), (4440, 700), (4440, 2020)]]);
    // The strip is 3 pixels below the plot and 7 high.
    assert_eq!(areas(&scene, WAITING)[1..], [[(1440, 2050), (2440, 2050), (2440, 2120), (1440, 2120)]]);
}

#[test]
fn the_workload_is_a_line_in_nodes() {
    let scene = draw(&[panel(vec![
        Point { workload: 2000, serving: 4, ..QUIET },
        Point { at: 570, workload: 3000, serving: 4, ..QUIET },
        Point { at: 1140, ..QUIET },
    ])]);
    let lines: Vec<_> = scene
        .shapes
        .iter()
        .filter_map(
            |shape| if let Shape::Line { places, .. } = shape { Some(places.as_slice()) } else { None },
        )
        .collect();
    // The legend's with its halo, then the panel's with its own; a place is in the middle of its column.
    let expected = [(445, 1360), (6135, 1360), (6145, 1030), (11835, 1030)];
    assert_eq!(lines[2..], [expected, expected]);
}

#[test]
fn the_axis_is_the_same_for_all_panels() {
    let small = panel(vec![Point { serving: 1, ..QUIET }, Point { at: 1140, ..QUIET }]);
    let large = panel(vec![Point { serving: 4, ..QUIET }, Point { at: 2280, ..QUIET }]);
    let scene = draw(&[small, large]);
    let serving = areas(&scene, SERVING);
    // The first is a quarter as high, and ends halfway; 184 pixels lie from panel to panel.
    assert_eq!(serving[1], [(440, 2020), (440, 1690), (6140, 1690), (6140, 2020)]);
    assert_eq!(serving[2], [(440, 3860), (440, 2540), (11840, 2540), (11840, 3860)]);
}

#[test]
fn an_empty_simulation_can_be_drawn() {
    for panels in [vec![], vec![panel(vec![])], vec![panel(vec![QUIET])], vec![panel(vec![QUIET, QUIET])]] {
        assert!(svg(&panels, Weekday::Monday).unwrap().ends_with("</svg>\n"));
        assert!(png(&panels, Weekday::Monday).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn absurd_series_are_drawn_and_too_many_panels_refused() {
    let absurd = Point {
        at: 0,
        workload: u64::MAX,
        node_at_optimum: 0,
        expected: u64::MAX,
        fill_last: u32::MAX,
        serving: u32::MAX,
        cordoned: u32::MAX,
        booting: 1,
        parked: 1,
        waiting: 7,
    };
    let odd = Panel {
        title: "a title that goes on and on ".repeat(20),
        note: "<&\u{1f600}\0>".to_owned(),
        points: vec![absurd, Point { at: u64::MAX, ..absurd }],
    };
    let shortened = svg(std::slice::from_ref(&odd), Weekday::Sunday).unwrap();
    assert!(
        shortened.lines().any(|line| line.contains(">a title that goes on") && line.ends_with("...</text>"))
    );
    png(&[odd], Weekday::Sunday).unwrap();
    // 44 pixels above the panels, 184 for each, 24 below.
    let tower = vec![panel(vec![QUIET]); 55];
    let error = png(&tower, Weekday::Monday).unwrap_err();
    let expected =
        "the plot would be 10188 pixels high, expected at most 10000 for a PNG; an SVG may be higher";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_png_is_twice_as_fine_and_shows_the_colors_of_the_svg() {
    let panels = [panel(vec![Point { serving: 4, ..QUIET }, Point { at: 1140, ..QUIET }])];
    let scene = draw(&panels);
    let picture = tiny_skia::Pixmap::decode_png(&png(&panels, Weekday::Monday).unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (scene.width * 2, scene.height * 2));
    let color = |x: u32, y: u32| {
        let pixel = picture.pixel(x * 2, y * 2).unwrap();
        (pixel.red(), pixel.green(), pixel.blue())
    };
    assert_eq!(color(2, 2), (255, 255, 255));
    assert_eq!(color(600, 100), SERVING);
    assert_eq!(color(50, 18), SERVING); // in the legend
}

/// Three nodes are parked at night, above the serving one.
#[test]
fn parked_nodes_have_a_color_of_their_own_where_there_are_any() {
    let yellow = |scene: &Scene| areas(scene, (247, 240, 170)).len();
    let night = Point { at: 570, serving: 1, parked: 3, ..QUIET };
    let scene = draw(&[panel(vec![Point { serving: 4, ..QUIET }, night, Point { at: 1140, ..QUIET }])]);
    assert_eq!(yellow(&scene), 2, "the legend's, and that of the plot");
    assert!(scene.shapes.iter().any(|shape| matches!(shape, Shape::Text { text, .. } if text == "parked")));
    let without = draw(&[panel(vec![Point { serving: 4, ..QUIET }, Point { at: 1140, ..QUIET }])]);
    assert_eq!(yellow(&without), 0);
    assert!(
        !without.shapes.iter().any(|shape| matches!(shape, Shape::Text { text, .. } if text == "parked"))
    );
}

/// Four nodes serve, one of them fills last; one node more is expected than is requested.
#[test]
fn what_fills_last_and_what_is_expected_show_where_there_is_any() {
    let point = Point { serving: 4, fill_last: 1, workload: 2000, expected: 3000, ..QUIET };
    let scene = draw(&[panel(vec![point, Point { at: 570, ..QUIET }, Point { at: 1140, ..QUIET }])]);
    let is_hatched = |shape: &&Shape| matches!(shape, Shape::Area { outline, fill: Fill::Hatched { .. } } if outline.as_slice() == [(440, 700), (6140, 700), (6140, 1030), (440, 1030)]);
    assert_eq!(scene.shapes.iter().filter(is_hatched).count(), 1);
    let green = |shape: &Shape| {
        if let Shape::Line { places, stroke } = shape
            && stroke.color == super::scene::Color(0, 158, 115)
        {
            Some(places.clone())
        } else {
            None
        }
    };
    let lines: Vec<_> = scene.shapes.iter().filter_map(green).collect();
    assert_eq!(lines.last().unwrap().as_slice(), [(440, 1030), (6140, 1030)]);
    assert_eq!(lines.len(), 2, "the legend's, and that of the plot");
    let without = draw(&[panel(vec![Point { serving: 4, ..QUIET }, Point { at: 1140, ..QUIET }])]);
    assert_eq!(without.shapes.iter().filter_map(green).count(), 0);
}
