//! The font of the plot: the width of letters, and their outlines for PNG.
//!
//! The font is part of the program, so that a plot needs no font of the machine. It has the widths of Arial, which
//! every viewer of an SVG has, or a font of the same widths: text that fits here also fits there.

use ttf_parser::{Face, FaceParsingError, GlyphId, OutlineBuilder};

use super::scene::{Tenths, TextStyle};

const REGULAR: &[u8] = include_bytes!("font/Arimo-Regular.ttf");
const BOLD: &[u8] = include_bytes!("font/Arimo-Bold.ttf");

/// The font families in an SVG, in the order of preference.
pub(super) const FAMILIES: &str = "Arial, Arimo, Liberation Sans, Helvetica, sans-serif";

/// The fonts of a plot.
#[derive(Debug)]
pub(super) struct Fonts {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Fonts {
    /// Reads the fonts that are part of the program.
    pub(super) fn new() -> Result<Self, FaceParsingError> {
        Ok(Self { regular: Face::parse(REGULAR, 0)?, bold: Face::parse(BOLD, 0)? })
    }

    /// The width of a line of text.
    pub(super) fn width(&self, text: &str, style: TextStyle) -> Tenths {
        let (face, units) = (self.face(style), self.units(style));
        let advance: u64 = text.chars().map(|letter| u64::from(advance(face, glyph(face, letter)))).sum();
        Tenths::try_from(advance * u64::from(style.size) * 10 / u64::from(units)).unwrap_or(Tenths::MAX)
    }

    /// The text, or as much of its beginning as fits.
    pub(super) fn fit(&self, text: &str, style: TextStyle, width: Tenths) -> String {
        if self.width(text, style) <= width {
            return text.to_owned();
        }
        let mut letters: Vec<char> = text.chars().collect();
        loop {
            let shortened = letters.iter().collect::<String>().trim_end().to_owned() + "...";
            if letters.pop().is_none() || self.width(&shortened, style) <= width {
                return shortened;
            }
        }
    }

    /// The number of the font's units in an em.
    pub(super) fn units(&self, style: TextStyle) -> u16 {
        self.face(style).units_per_em()
    }

    /// Passes the outline of each letter to `builder`, with the distance from the beginning in the font's units.
    pub(super) fn outlines<Builder: OutlineBuilder>(
        &self,
        text: &str,
        style: TextStyle,
        mut builder: impl FnMut(u32) -> Builder,
        mut finish: impl FnMut(Builder),
    ) {
        let face = self.face(style);
        let mut distance: u32 = 0;
        for letter in text.chars() {
            let glyph = glyph(face, letter);
            let mut outline = builder(distance);
            face.outline_glyph(glyph, &mut outline);
            finish(outline);
            distance = distance.saturating_add(advance(face, glyph).into());
        }
    }

    fn face(&self, style: TextStyle) -> &Face<'static> {
        if style.bold { &self.bold } else { &self.regular }
    }
}

/// The letter's picture; a box for one that the font does not have.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or(GlyphId(0))
}

fn advance(face: &Face<'_>, glyph: GlyphId) -> u16 {
    face.glyph_hor_advance(glyph).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::scene::Color;
    use super::*;

    const STYLE: TextStyle = TextStyle { size: 10, bold: false, color: Color(0, 0, 0) };

    #[test]
    fn letters_are_as_wide_as_those_of_arial() {
        let fonts = Fonts::new().unwrap();
        // Arial: a digit is 1139 of 2048 units, a space 569, i 455; bold i 569.
        assert_eq!(fonts.width("0", STYLE), 55);
        assert_eq!(fonts.width("0123456789", STYLE), 556);
        assert_eq!(fonts.width(" i", STYLE), 50);
        assert_eq!(fonts.width("i", TextStyle { bold: true, ..STYLE }), 27);
        assert_eq!(fonts.width("", STYLE), 0);
    }

    #[test]
    fn every_letter_of_ascii_has_a_picture() {
        let fonts = Fonts::new().unwrap();
        for face in [&fonts.regular, &fonts.bold] {
            for letter in (b' '..=b'~').map(char::from).chain(['\u{b7}']) {
                assert!(face.glyph_index(letter).is_some(), "{letter:?}");
            }
        }
    }

    #[test]
    fn text_that_is_too_wide_ends_in_dots() {
        let fonts = Fonts::new().unwrap();
        // Ten digits are 556 wide, three dots 83: eight digits and the dots are 444 + 83.
        assert_eq!(fonts.fit("0123456789", STYLE, 556), "0123456789");
        assert_eq!(fonts.fit("0123456789", STYLE, 555), "01234567...");
        assert_eq!(fonts.fit("0 123456789", STYLE, 200), "0...");
        assert_eq!(fonts.fit("0123456789", STYLE, 0), "...");
    }
}
