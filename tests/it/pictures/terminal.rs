//! Draws the output of a program as a terminal shows it, in SVG.
//!
//! The picture has its own dark ground and a frame, so it is readable on a light page and on a dark one. Each piece of
//! text has its width, so the columns are in line whatever monospaced font a viewer has.

use std::fmt::Write as _;

use super::Escaped;

/// The columns of a report without a terminal.
const COLUMNS: usize = 80;
/// The width of a character and the height of a line, in tenths of a pixel.
const ADVANCE: usize = 78;
const LINE: usize = 170;
/// The space around the text, in tenths of a pixel.
const MARGIN: usize = 160;

/// The luminance of the ground is 0.0107 as WCAG 2 defines it, that of the darkest text, #9198a1, 0.3105. Their contrast is
/// 0.3605 / 0.0607 = 5.9; text needs 4.5.
const GROUND: &str = "#161b22";
const FRAME: &str = "#6e7681";

/// The look of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    bold: bool,
    color: &'static str,
}

const PLAIN: Look = Look { bold: false, color: "#e6edf3" };

/// The look after a sequence of the kind `ESC [ codes m`. A sequence that no report has is a defect of this picture.
fn look(now: Look, codes: &str) -> Look {
    match codes {
        "0" => PLAIN,
        "1" => Look { bold: true, ..now },
        "2" => Look { color: "#9198a1", ..now },
        "31" => Look { color: "#ff7b72", ..now },
        "32" => Look { color: "#56d364", ..now },
        "33" => Look { color: "#e3b341", ..now },
        _ => panic!("a report uses the sequence {codes:?}"),
    }
}

/// The pieces of a line: the column of each, its look and its text. `now` is the look at the end of the line before.
fn pieces(line: &str, now: &mut Look) -> Vec<(usize, Look, String)> {
    let mut found = Vec::new();
    let mut column = 0;
    for (index, part) in line.split('\u{1b}').enumerate() {
        let text = if index == 0 {
            part
        } else {
            let (codes, text) = part.strip_prefix('[').and_then(|part| part.split_once('m')).unwrap();
            *now = look(*now, codes);
            text
        };
        // Spaces are places, not text: a viewer may fold them.
        let mut at = column;
        for word in text.split_inclusive("  ") {
            let (blank, shown) = (word.len() - word.trim_start().len(), word.trim());
            if !shown.is_empty() {
                found.push((at + blank, *now, shown.to_owned()));
            }
            at += word.chars().count();
        }
        column = at;
    }
    found
}

/// A length in pixels.
fn pixels(tenths: usize) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// The picture of a colored text.
pub(super) fn svg(text: &str, description: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let width = pixels(2 * MARGIN + COLUMNS * ADVANCE);
    let height = pixels(2 * MARGIN + lines.len() * LINE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" \
         font-size=\"13\">\n<desc>{}</desc>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{GROUND}\" stroke=\"{FRAME}\"/>\n",
        Escaped(description),
        pixels(2 * MARGIN + COLUMNS * ADVANCE - 10),
        pixels(2 * MARGIN + lines.len() * LINE - 10),
    );
    let mut now = PLAIN;
    for (row, line) in lines.iter().enumerate() {
        // The baseline: the descent of a letter is a fourth of its line.
        let base = pixels(MARGIN + row * LINE + LINE * 3 / 4);
        for (column, look, text) in pieces(line, &mut now) {
            let length = text.chars().count();
            assert!(column + length <= COLUMNS, "{text}");
            let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{base}\" textLength=\"{}\" fill=\"{}\"{weight}>{}</text>",
                pixels(MARGIN + column * ADVANCE),
                pixels(length * ADVANCE),
                look.color,
                Escaped(&text),
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}

#[test]
fn a_piece_of_text_has_its_column_and_its_look() {
    let mut now = PLAIN;
    let red = Look { color: "#ff7b72", ..PLAIN };
    let found = pieces("  \u{1b}[31mdelete    \u{1b}[0mnode  a b", &mut now);
    let expected = [(2, red, "delete"), (12, PLAIN, "node"), (18, PLAIN, "a b")];
    assert_eq!(found, expected.map(|(column, look, text)| (column, look, text.to_owned())));
    // A look lasts over the end of a line.
    assert_eq!(pieces("\u{1b}[1mtwo", &mut now), [(0, Look { bold: true, ..PLAIN }, "two".to_owned())]);
    assert_eq!(pieces("lines\u{1b}[0m", &mut now), [(0, Look { bold: true, ..PLAIN }, "lines".to_owned())]);
    assert_eq!(now, PLAIN);
}
