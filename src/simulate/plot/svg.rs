//! Writes a scene as SVG. Text stays text, so it can be searched and read aloud.

use std::fmt::{self, Write};

use super::font::FAMILIES;
use super::scene::{Anchor, Color, Fill, Place, Scene, Shape, Stroke, Tenths, TextStyle};

/// The scene as the text of an SVG file.
pub(super) fn write(scene: &Scene) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    write_scene(&mut svg, scene).ok();
    svg
}

fn write_scene(svg: &mut String, scene: &Scene) -> fmt::Result {
    let Scene { width, height, description, shapes } = scene;
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FAMILIES}">"#
    )?;
    writeln!(svg, "<desc>{}</desc>", Escaped(description))?;
    for pattern in patterns(shapes) {
        write_pattern(svg, pattern)?;
    }
    for shape in shapes {
        match shape {
            Shape::Area { outline, fill } => {
                writeln!(svg, r#"<path fill="{fill}" d="{}z"/>"#, Path(outline))?;
            }
            Shape::Line { places, stroke: Stroke { color, width } } => writeln!(
                svg,
                r#"<path fill="none" stroke="{color}" stroke-width="{}" stroke-linejoin="round" d="{}"/>"#,
                Number(*width),
                Path(places)
            )?,
            Shape::Text { at, text, style, anchor } => write_text(svg, *at, text, *style, *anchor)?,
        }
    }
    writeln!(svg, "</svg>")
}

fn write_text(svg: &mut String, at: Place, text: &str, style: TextStyle, anchor: Anchor) -> fmt::Result {
    let TextStyle { size, bold, color } = style;
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => r#" text-anchor="middle""#,
        Anchor::End => r#" text-anchor="end""#,
    };
    let weight = if bold { r#" font-weight="bold""# } else { "" };
    let (left, base) = (Number(at.0), Number(at.1));
    let text = Escaped(text);
    writeln!(
        svg,
        r#"<text x="{left}" y="{base}" font-size="{size}"{weight}{anchor} fill="{color}">{text}</text>"#
    )
}

/// The stripes and the ground of all hatched areas, each pair once.
fn patterns(shapes: &[Shape]) -> Vec<(Color, Color)> {
    let mut patterns = Vec::new();
    for shape in shapes {
        if let Shape::Area { fill: Fill::Hatched { stripes, ground }, .. } = shape
            && !patterns.contains(&(*stripes, *ground))
        {
            patterns.push((*stripes, *ground));
        }
    }
    patterns
}

/// Writes a tile of five pixels with a stripe from its lower left to its upper right, and the ends of its neighbours'.
fn write_pattern(svg: &mut String, (stripes, ground): (Color, Color)) -> fmt::Result {
    writeln!(
        svg,
        r#"<pattern id="{}" width="5" height="5" patternUnits="userSpaceOnUse"><path fill="{ground}" d="M0 0h5v5h-5z"/><path stroke="{stripes}" stroke-width="1.4" d="M-1 1L1 -1M0 5L5 0M4 6L6 4"/></pattern>"#,
        PatternName(stripes, ground)
    )
}

struct PatternName(Color, Color);

impl fmt::Display for PatternName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Color(red, green, blue), Color(red2, green2, blue2)) = self;
        write!(formatter, "hatched-{red:02x}{green:02x}{blue:02x}-{red2:02x}{green2:02x}{blue2:02x}")
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Solid(color) => write!(formatter, "{color}"),
            Self::Hatched { stripes, ground } => {
                write!(formatter, "url(#{})", PatternName(*stripes, *ground))
            }
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(red, green, blue) = self;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A number of pixels, with a decimal only where it has one.
struct Number(Tenths);

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, tenths) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        match (tenths / 10, tenths % 10) {
            (whole, 0) => write!(formatter, "{sign}{whole}"),
            (whole, tenth) => write!(formatter, "{sign}{whole}.{tenth}"),
        }
    }
}

/// The steps of a path, with relative coordinates if they are shorter: a horizontal or vertical step needs one number.
struct Path<'a>(&'a [Place]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<Place> = None;
        for &(x, y) in self.0 {
            match last {
                None => write!(formatter, "M{} {}", Number(x), Number(y))?,
                Some((left, top)) if (left, top) == (x, y) => {}
                Some((left, top)) => match (x.saturating_sub(left), y.saturating_sub(top)) {
                    (right, 0) => write!(formatter, "h{}", Number(right))?,
                    (0, down) => write!(formatter, "v{}", Number(down))?,
                    (right, down) => write!(formatter, "l{} {}", Number(right), Number(down))?,
                },
            }
            last = Some((x, y));
        }
        Ok(())
    }
}

/// Text in which characters are escaped that are markup in XML, and characters are removed that XML forbids.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => formatter.write_char('\u{fffd}')?,
                character if character.is_control() => formatter.write_char('\u{fffd}')?,
                character => formatter.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_with_as_few_numbers_as_they_need() {
        let cases: [(&[Place], &str); 4] = [
            (&[(0, 0), (100, 0), (100, 55), (0, 0)], "M0 0h10v5.5l-10 -5.5"),
            (&[(5, -5), (5, -5), (6, -5)], "M0.5 -0.5h0.1"),
            (&[(-15, 9)], "M-1.5 0.9"),
            (&[], ""),
        ];
        for (places, expected) in cases {
            assert_eq!(Path(places).to_string(), expected);
        }
    }

    #[test]
    fn text_is_never_markup() {
        let text = Escaped("a<b> & \"c\"\n\u{1b}\u{ffff}\u{e9}").to_string();
        assert_eq!(text, "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}\u{fffd}\u{fffd}\u{e9}");
    }

    #[test]
    fn each_shape_is_written() {
        let black = Color(0, 0, 0);
        let style = TextStyle { size: 12, bold: true, color: black };
        let fill = Fill::Hatched { stripes: Color(0, 114, 178), ground: Color(255, 255, 255) };
        let hatched = Shape::rectangle((0, 0), (10, 20), fill);
        let scene = Scene {
            width: 4,
            height: 3,
            description: "<none>".to_owned(),
            shapes: vec![
                Shape::rectangle((0, 0), (10, 20), Fill::Solid(Color(255, 0, 16))),
                hatched.clone(),
                hatched,
                Shape::Line { places: vec![(0, 0), (15, 5)], stroke: Stroke { color: black, width: 15 } },
                Shape::Text { at: (10, 25), text: "a&b".to_owned(), style, anchor: Anchor::Middle },
            ],
        };
        let expected = r##"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3" viewBox="0 0 4 3" role="img" font-family="Arial, Arimo, Liberation Sans, Helvetica, sans-serif">
<desc>&lt;none&gt;</desc>
<pattern id="hatched-0072b2-ffffff" width="5" height="5" patternUnits="userSpaceOnUse"><path fill="#ffffff" d="M0 0h5v5h-5z"/><path stroke="#0072b2" stroke-width="1.4" d="M-1 1L1 -1M0 5L5 0M4 6L6 4"/></pattern>
<path fill="#ff0010" d="M0 0h1v2h-1z"/>
<path fill="url(#hatched-0072b2-ffffff)" d="M0 0h1v2h-1z"/>
<path fill="url(#hatched-0072b2-ffffff)" d="M0 0h1v2h-1z"/>
<path fill="none" stroke="#000000" stroke-width="1.5" stroke-linejoin="round" d="M0 0l1.5 0.5"/>
<text x="1" y="2.5" font-size="12" font-weight="bold" text-anchor="middle" fill="#000000">a&amp;b</text>
</svg>
"##;
        assert_eq!(write(&scene), expected);
    }
}
