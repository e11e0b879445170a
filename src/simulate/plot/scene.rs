//! A picture as a list of shapes, independent of the file format.
//!
//! Four kinds of shapes are enough for a chart. All numbers are whole [`Tenths`] of a pixel, so that the same picture is
//! the same bytes on every machine.

/// A length or a place in tenths of a pixel, from the left and from the top.
pub(super) type Tenths = i32;

/// A place.
pub(super) type Place = (Tenths, Tenths);

/// A picture; later shapes cover earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scene {
    /// The width in pixels.
    pub(super) width: u32,
    /// The height in pixels.
    pub(super) height: u32,
    /// The alternative text for people who cannot see the picture.
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
}

/// A part of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A filled outline.
    Area { outline: Vec<Place>, fill: Fill },
    /// A line from place to place.
    Line { places: Vec<Place>, stroke: Stroke },
    /// A line of text; `at` is where its baseline begins, ends or has its middle.
    Text { at: Place, text: String, style: TextStyle, anchor: Anchor },
}

impl Shape {
    /// A rectangle by two of its corners.
    pub(super) fn rectangle((left, top): Place, (right, bottom): Place, fill: Fill) -> Self {
        Self::Area { outline: vec![(left, top), (right, top), (right, bottom), (left, bottom)], fill }
    }
}

/// The fill of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Solid(Color),
    /// Stripes from the lower left to the upper right.
    Hatched {
        stripes: Color,
        ground: Color,
    },
}

/// The look of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) color: Color,
    pub(super) width: Tenths,
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color(pub(super) u8, pub(super) u8, pub(super) u8);

/// The look of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextStyle {
    /// The size in pixels.
    pub(super) size: u16,
    pub(super) bold: bool,
    pub(super) color: Color,
}

/// The part of a text that is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}
