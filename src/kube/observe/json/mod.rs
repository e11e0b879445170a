//! Reads JSON dumps of any size, one item of a list at a time.
//!
//! A reader that `serde_json` pulls byte by byte takes four times as long to skip a dump as it takes to skip a slice,
//! so each item is cut out of the input first and then read as a slice, which also lets its text be borrowed:
//!
//! ```text
//!   { "kind": "List", "items": [  {…}, {…}, …  ], "metadata": {…} }
//!   '------------ frame --------'   |   |      '------ frame -----'
//!                                 item item, each read and dropped
//! ```
//!
//! The rest without the items, the frame, is read at the end, because the kind of the list is known then. Cutting only counts
//! strings and brackets; `serde_json` checks the syntax.

mod position;
mod window;

use std::io::Read;

use serde::Deserialize;

use self::position::Position;
use self::window::Window;
use super::collector::Collector;
use super::document::{self, DocumentError, Guesses, ItemsOf};
use super::error::{JsonError, ReadProblem};
use super::raw::Text;

/// Reads JSON documents, one or many, with or without space between them.
///
/// `bytes_before` is how much of the input was read before: errors count from its beginning.
pub(super) fn read(
    input: impl Read,
    bytes_before: u64,
    collector: &mut Collector,
) -> Result<(), ReadProblem> {
    let mut window = Window::new(input, bytes_before);
    while window.skip_space()?.is_some() {
        read_document(&mut window, collector)?;
    }
    Ok(())
}

fn read_document(window: &mut Window<impl Read>, collector: &mut Collector) -> Result<(), ReadProblem> {
    let start = window.position();
    let mut frame = Vec::new();
    let mut items: Option<SlicedItems> = None;
    let mut behind_items_key = false;
    while let Some(byte) = window.move_space(&mut frame)? {
        let length = match byte {
            b'[' if behind_items_key && items.is_none() => {
                window.move_front(1, &mut frame);
                let guesses = read_items(window, &frame, start, collector)?;
                let gap = Gap { in_frame: Position::default().after(&frame), in_input: window.position() };
                items = Some(SlicedItems { guesses, gap });
                continue;
            }
            b'{' if frame.is_empty() => 1,
            b'"' | b'{' | b'[' => window.value_length()?,
            _ => 1,
        };
        behind_items_key = match window.front(length) {
            b"\"items\"" => true,
            b":" => behind_items_key,
            _ => false,
        };
        window.move_front(length, &mut frame);
        // Text that does not begin as an object is refused below, independent of the rest.
        if byte == b'}' || frame.first() != Some(&b'{') {
            break;
        }
    }
    let (guesses, gap) = items.map_or_else(Default::default, |items| (items.guesses, Some(items.gap)));
    let mut deserializer = serde_json::Deserializer::from_slice(&frame);
    document::read(&mut deserializer, guesses, collector).or_else(|error| {
        if let Some((group, kind)) = of_another_group(&error, &frame) {
            collector.document(Some(format!("{group} {kind}")));
            collector.skip(&kind);
            return Ok(());
        }
        Err(problem(error, window, |inner| gap.map_or(start.plus(inner), |gap| gap.locate(start, inner))))
    })
}

/// The group and kind of an object of another group whose fields did not fit: it says its group behind them. Other groups have
/// kinds called Node and Pod too, with fields of their own.
fn of_another_group(error: &DocumentError<serde_json::Error>, object: &[u8]) -> Option<(String, String)> {
    if !matches!(error, DocumentError::Format(error) if error.is_data()) {
        return None;
    }
    let head: Head<'_> = serde_json::from_slice(object).ok()?;
    let (version, kind) = (head.version?, head.kind?);
    (version.as_str() != "v1").then(|| (version.as_str().to_owned(), kind.as_str().to_owned()))
}

/// The kind and version of an object.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "apiVersion")]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
}

/// The items of a list that were read ahead of its frame.
struct SlicedItems {
    guesses: Guesses,
    gap: Gap,
}

/// The position at which the frame continues after the items.
#[derive(Clone, Copy)]
struct Gap {
    in_frame: Position,
    in_input: Position,
}

impl Gap {
    /// Where a place in the frame is in the input.
    fn locate(self, start: Position, in_frame: Position) -> Position {
        match in_frame.since(self.in_frame) {
            Some(distance) => self.in_input.plus(distance),
            None => start.plus(in_frame),
        }
    }
}

/// The next expected token between the items of a list.
#[derive(Clone, Copy)]
enum Expected {
    ItemOrEnd,
    CommaOrEnd,
    Item,
}

/// Reads the items of a list up to its closing bracket, given the frame so far.
fn read_items(
    window: &mut Window<impl Read>,
    frame: &[u8],
    start: Position,
    collector: &mut Collector,
) -> Result<Guesses, ReadProblem> {
    let items_of = items_of(frame).map_err(|error| syntax(&error, |inner| start.plus(inner)))?;
    let mut guesses = Guesses::default();
    let mut expected = Expected::ItemOrEnd;
    loop {
        let Some(byte) = window.skip_space()? else {
            return Err(ReadProblem::Truncated { bytes: window.bytes_read() });
        };
        expected = match (expected, byte) {
            (Expected::ItemOrEnd | Expected::CommaOrEnd, b']') => return Ok(guesses),
            (Expected::CommaOrEnd, b',') => {
                window.skip_front(1);
                Expected::Item
            }
            (Expected::CommaOrEnd, _) => return Err(unexpected("expected `,` or `]`", window)),
            (Expected::Item, b']') => return Err(unexpected("trailing comma", window)),
            (Expected::ItemOrEnd | Expected::Item, _) => {
                let start = window.position();
                let length = window.value_length()?;
                let mut deserializer = serde_json::Deserializer::from_slice(window.front(length));
                match document::read_item(&mut deserializer, items_of, collector) {
                    Ok(guess) => guesses.add(guess),
                    Err(error) => match of_another_group(&error, window.front(length)) {
                        Some((_, kind)) => collector.skip(&kind),
                        None => return Err(problem(error, window, |inner| start.plus(inner))),
                    },
                }
                window.skip_front(length);
                Expected::CommaOrEnd
            }
        };
    }
}

/// The kind of the list's items, if the list names it before its items.
fn items_of(frame: &[u8]) -> Result<ItemsOf, serde_json::Error> {
    let closed = [frame, b"]}"].concat();
    let head: Head<'_> = serde_json::from_slice(&closed)?;
    Ok(ItemsOf::list(head.version.as_ref(), head.kind.as_ref().and_then(Text::non_empty)))
}

fn problem(
    error: DocumentError<serde_json::Error>,
    window: &Window<impl Read>,
    locate: impl FnOnce(Position) -> Position,
) -> ReadProblem {
    match error {
        DocumentError::Object(error) => ReadProblem::Object(Box::new(error)),
        DocumentError::Format(error) if error.is_eof() && window.is_at_end() => {
            ReadProblem::Truncated { bytes: window.bytes_read() }
        }
        DocumentError::Format(error) => syntax(&error, locate),
    }
}

/// An error of the parser, with the place in the slice that it was given turned into the place in the input.
fn syntax(error: &serde_json::Error, locate: impl FnOnce(Position) -> Position) -> ReadProblem {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    let Position { lines, columns } = locate(Position::of_error(error));
    ReadProblem::Json(JsonError { message, line: lines + 1, column: columns.max(1) })
}

fn unexpected(message: &str, window: &Window<impl Read>) -> ReadProblem {
    let Position { lines, columns } = window.position();
    ReadProblem::Json(JsonError { message: message.to_owned(), line: lines + 1, column: columns + 1 })
}

#[cfg(test)]
mod tests;
