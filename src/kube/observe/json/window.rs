//! A window that moves over an input: as much of it as the value at its front needs, and a chunk to read ahead.

use std::io::Read;

use memchr::{memchr, memchr2};

use super::Position;
use crate::observe::error::ReadProblem;

/// How much is read at a time.
const CHUNK_BYTES: u64 = 128 << 10;

/// The window.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the front is in the buffer.
    front: usize,
    /// Where the front is in the input.
    position: Position,
    bytes_read: u64,
    at_end: bool,
}

impl<R: Read> Window<R> {
    /// A window at the beginning of an input, of which so much was read before.
    pub(super) fn new(input: R, bytes_read: u64) -> Self {
        let position = Position::default();
        Self { input, buffer: Vec::new(), front: 0, position, bytes_read, at_end: false }
    }

    /// Where the front is in the input.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// How many bytes have been read from the input.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether all of the input has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// The first `length` bytes at the front, or all if there are fewer.
    pub(super) fn front(&self, length: usize) -> &[u8] {
        let rest = self.rest();
        rest.get(..length).unwrap_or(rest)
    }

    /// Moves on by `length` bytes.
    pub(super) fn skip_front(&mut self, length: usize) {
        self.position = self.position.after(self.front(length));
        self.front = self.buffer.len().min(self.front + length);
    }

    /// Moves on by `length` bytes and appends them to the frame.
    pub(super) fn move_front(&mut self, length: usize, frame: &mut Vec<u8>) {
        frame.extend_from_slice(self.front(length));
        self.skip_front(length);
    }

    /// Moves on to the next byte that is not white space and returns it; `None` at the end of the input.
    pub(super) fn skip_space(&mut self) -> Result<Option<u8>, ReadProblem> {
        loop {
            let space = space_length(self.rest());
            self.skip_front(space);
            if let Some(byte) = self.rest().first() {
                return Ok(Some(*byte));
            }
            if !self.read_on()? {
                return Ok(None);
            }
        }
    }

    /// As [`Self::skip_space`], but keeps the space in the frame.
    pub(super) fn move_space(&mut self, frame: &mut Vec<u8>) -> Result<Option<u8>, ReadProblem> {
        loop {
            let space = space_length(self.rest());
            self.move_front(space, frame);
            if let Some(byte) = self.rest().first() {
                return Ok(Some(*byte));
            }
            if !self.read_on()? {
                return Ok(None);
            }
        }
    }

    /// The length of the value at the front, which is then all in the window; of a value that is cut off, what is left.
    pub(super) fn value_length(&mut self) -> Result<usize, ReadProblem> {
        let mut scanner = Scanner::default();
        let mut length = 0;
        loop {
            let ahead = self.rest().get(length..).unwrap_or_default();
            if let Some(end) = scanner.end_of_value(ahead) {
                return Ok(length + end);
            }
            length = self.rest().len();
            if !self.read_on()? {
                return Ok(length);
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.front..).unwrap_or_default()
    }

    /// Drops what is behind the front and reads a chunk more; whether there was any.
    fn read_on(&mut self) -> Result<bool, ReadProblem> {
        self.buffer.drain(..self.front);
        self.front = 0;
        let chunk = &mut self.input.by_ref().take(CHUNK_BYTES);
        let count = chunk.read_to_end(&mut self.buffer).map_err(ReadProblem::Read)?;
        self.bytes_read += u64::try_from(count).unwrap_or_default();
        self.at_end = count == 0;
        Ok(count > 0)
    }
}

fn space_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count()
}

/// Finds the end of a value by its strings and brackets, across any number of chunks.
#[derive(Clone, Copy, Debug, Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_scalar: bool,
}

impl Scanner {
    /// The number of these bytes that belong to the value; `None` if it continues after them.
    fn end_of_value(&mut self, text: &[u8]) -> Option<usize> {
        // A copy that the compiler can keep in registers; written back when the text is used up.
        let mut state = *self;
        let mut rest = text;
        while !rest.is_empty() {
            let (length, ended) = if state.in_string { state.string(rest) } else { state.structure(rest) };
            rest = rest.get(length..).unwrap_or_default();
            if ended {
                return Some(text.len() - rest.len());
            }
        }
        *self = state;
        None
    }

    /// Goes on in a string; how far, and whether the value ended there.
    #[inline]
    fn string(&mut self, text: &[u8]) -> (usize, bool) {
        if self.escaped {
            self.escaped = false;
            return (1, false);
        }
        match memchr2(b'"', b'\\', text) {
            None => (text.len(), false),
            Some(index) => {
                self.in_string = text.get(index) != Some(&b'"');
                self.escaped = self.in_string;
                (index + 1, !self.in_string && self.depth == 0)
            }
        }
    }

    /// Goes on up to the next string; how far, and whether the value ended there.
    #[inline]
    fn structure(&mut self, text: &[u8]) -> (usize, bool) {
        let quote = memchr(b'"', text);
        let between = text.get(..quote.unwrap_or(text.len())).unwrap_or_default();
        let (opened, closed) = count_brackets(between);
        // With fewer brackets closed than are open the value cannot end here, in whatever order they come.
        if closed < self.depth {
            self.depth = self.depth - closed + opened;
            self.in_string = quote.is_some();
            return (between.len() + usize::from(self.in_string), false);
        }
        self.end_of_structure(text)
    }

    /// As [`Self::structure`], byte by byte.
    fn end_of_structure(&mut self, text: &[u8]) -> (usize, bool) {
        for (index, byte) in text.iter().enumerate() {
            match byte {
                b'"' => {
                    self.in_string = true;
                    return (index + 1, false);
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (if self.in_scalar { index } else { index + 1 }, true);
                    }
                }
                // A number or a word ends in front of what follows it.
                b',' | b' ' | b'\n' | b'\t' | b'\r' if self.in_scalar => return (index, true),
                _ if self.depth == 0 => self.in_scalar = true,
                _ => {}
            }
        }
        (text.len(), false)
    }
}

/// How many brackets open and close in a text. Written so that it compiles to code without jumps.
fn count_brackets(text: &[u8]) -> (usize, usize) {
    let as_brace = |byte: u8| byte | 0x20; // makes `[` a `{` and `]` a `}`
    text.iter().fold((0_usize, 0_usize), |(opened, closed), byte| {
        (
            opened.wrapping_add(usize::from(as_brace(*byte) == b'{')),
            closed.wrapping_add(usize::from(as_brace(*byte) == b'}')),
        )
    })
}
