//! Draws a scene and writes it as PNG, with two pixels for each pixel of the scene in both directions, so that it is
//! sharp on a high-resolution screen.
//!
//! This file needs floats, because the drawing library uses them.
#![expect(
    clippy::float_arithmetic,
    reason = "the drawing library's numbers are floats; nothing is decided by them"
)]

use tiny_skia::{
    FillRule, FilterQuality, LineJoin, Paint, Path, PathBuilder, Pattern, Pixmap, Shader, SpreadMode,
    Stroke as SkiaStroke, Transform,
};
use ttf_parser::OutlineBuilder;

use super::PlotError;
use super::font::Fonts;
use super::scene::{Anchor, Color, Fill, Place, Scene, Shape, Stroke, Tenths, TextStyle};

/// Pixels of the file for a pixel of the scene.
const SCALE: u16 = 2;

/// Maximum height of a scene, in pixels: about fifty panels, which need 200 MB of memory.
const HIGHEST: u32 = 10_000;

/// The tile of a hatched area, in pixels of the scene.
const TILE: u16 = 5;

/// The scene as the bytes of a PNG file.
pub(super) fn write(scene: &Scene, fonts: &Fonts) -> Result<Vec<u8>, PlotError> {
    let too_high = PlotError::TooHigh { height: scene.height, highest: HIGHEST };
    if scene.height > HIGHEST {
        return Err(too_high);
    }
    let scale = u32::from(SCALE);
    let mut canvas = Pixmap::new(scene.width * scale, scene.height * scale).ok_or(too_high)?;
    canvas.fill(tiny_skia::Color::WHITE);
    for shape in &scene.shapes {
        match shape {
            Shape::Area { outline, fill } => fill_area(&mut canvas, outline, *fill),
            Shape::Line { places, stroke } => draw_line(&mut canvas, places, *stroke),
            Shape::Text { at, text, style, anchor } => {
                draw_text(&mut canvas, fonts, start(fonts, *at, text, *style, *anchor), text, *style);
            }
        }
    }
    canvas.encode_png().map_err(|error| PlotError::Encode(Box::new(error)))
}

fn fill_area(canvas: &mut Pixmap, outline: &[Place], fill: Fill) {
    let Some(path) = path(outline, true) else { return };
    match fill {
        Fill::Solid(color) => fill_path(canvas, &path, &solid(color)),
        Fill::Hatched { stripes, ground } => {
            let Some(tile) = tile(stripes, ground) else { return };
            let shader = Pattern::new(
                tile.as_ref(),
                SpreadMode::Repeat,
                FilterQuality::Nearest,
                1.0,
                Transform::from_scale(1.0 / f32::from(SCALE), 1.0 / f32::from(SCALE)),
            );
            fill_path(canvas, &path, &Paint { shader, anti_alias: true, ..Paint::default() });
        }
    }
}

/// A tile with a stripe from its lower left to its upper right, and the ends of the stripes of its neighbours.
fn tile(stripes: Color, ground: Color) -> Option<Pixmap> {
    let mut tile = Pixmap::new((TILE * SCALE).into(), (TILE * SCALE).into())?;
    tile.fill(opaque(ground));
    let whole = Tenths::from(TILE) * 10;
    for (from, to) in [
        ((-10, 10), (10, -10)),
        ((0, whole), (whole, 0)),
        ((whole - 10, whole + 10), (whole + 10, whole - 10)),
    ] {
        draw_line(&mut tile, &[from, to], Stroke { color: stripes, width: 14 });
    }
    Some(tile)
}

fn draw_line(canvas: &mut Pixmap, places: &[Place], Stroke { color, width }: Stroke) {
    let Some(path) = path(places, false) else { return };
    let stroke = SkiaStroke { width: pixels(width), line_join: LineJoin::Round, ..SkiaStroke::default() };
    canvas.stroke_path(&path, &solid(color), &stroke, scale(), None);
}

/// The place at which a text begins.
fn start(fonts: &Fonts, (x, y): Place, text: &str, style: TextStyle, anchor: Anchor) -> Place {
    let width = fonts.width(text, style);
    match anchor {
        Anchor::Start => (x, y),
        Anchor::Middle => (x - width / 2, y),
        Anchor::End => (x - width, y),
    }
}

fn draw_text(canvas: &mut Pixmap, fonts: &Fonts, (x, y): Place, text: &str, style: TextStyle) {
    let unit = f32::from(style.size) / f32::from(fonts.units(style));
    let letter = |distance: u32| Letter {
        path: PathBuilder::new(),
        left: pixels(x) + float(i32::try_from(distance).unwrap_or_default()) * unit,
        base: pixels(y),
        unit,
    };
    fonts.outlines(text, style, letter, |letter| {
        if let Some(path) = letter.path.finish() {
            fill_path(canvas, &path, &solid(style.color));
        }
    });
}

/// Moves the outline of a letter from the font, whose vertical axis points upwards, to the canvas.
struct Letter {
    path: PathBuilder,
    left: f32,
    base: f32,
    unit: f32,
}

impl Letter {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.unit, self.base - y * self.unit)
    }
}

impl OutlineBuilder for Letter {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn path(places: &[Place], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (&(left, top), rest) = places.split_first()?;
    builder.move_to(pixels(left), pixels(top));
    for &(x, y) in rest {
        builder.line_to(pixels(x), pixels(y));
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn fill_path(canvas: &mut Pixmap, path: &Path, paint: &Paint<'_>) {
    canvas.fill_path(path, paint, FillRule::Winding, scale(), None);
}

fn solid(color: Color) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(opaque(color)), anti_alias: true, ..Paint::default() }
}

fn opaque(Color(red, green, blue): Color) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(red, green, blue, u8::MAX)
}

fn scale() -> Transform {
    Transform::from_scale(SCALE.into(), SCALE.into())
}

/// Tenths of a pixel as pixels.
fn pixels(tenths: Tenths) -> f32 {
    float(tenths) / 10.0
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no picture has 16 million pixels in a row"
)]
fn float(number: i32) -> f32 {
    number as f32
}
