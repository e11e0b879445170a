//! Reads a list of nodes or pods while it comes in, object by object: no more than one object is in memory.
//!
//! ```text
//!   k8s\0 --> kind --> content: metadata, object, object, ... --> the rest of the envelope
//! ```

use super::super::collector::{Collector, Kind};
use super::super::error::ReadProblem;
use super::envelope::{self, MAGIC, Types};
use super::fields::{BrokenProtobuf, Header, Length};
use super::read_item;

/// Maximum number of bytes of an object; by default etcd accepts a third of it.
pub(super) const LONGEST_OBJECT: usize = 4 << 20;
/// Maximum number of objects of a list, or half of it where each comes in two pieces.
const MOST_OBJECTS: usize = 10_000_000;
/// Maximum number of bytes of what surrounds the objects, each part by itself.
const LONGEST_PART: usize = 64 << 10;

/// A list that is coming in.
#[derive(Debug)]
pub(in super::super) struct ListStream {
    expected: &'static str,
    item: Kind,
    stage: Stage,
    types: Types,
    /// The beginning of an incomplete value.
    rest: Vec<u8>,
    /// The number of bytes that it takes, as far as known.
    wanted: usize,
    fields: usize,
    /// The token at which the list continues, if it is incomplete.
    next: Option<String>,
}

/// The part of the list that the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Magic,
    Head,
    /// Within the content, with the number of bytes left.
    List(u64),
    /// Within a field that nothing reads: the bytes left of it, and the bytes of the content behind it.
    Skip(u64, u64),
    Tail,
}

/// The result of one read at the front of the bytes.
enum Step {
    /// The number of bytes that were read.
    Read(usize),
    /// The number of bytes that are needed.
    Needs(usize),
}

impl ListStream {
    pub(in super::super) fn new(expected: &'static str, item: Kind) -> Self {
        let (types, rest) = (Types::default(), Vec::new());
        Self { expected, item, stage: Stage::Magic, types, rest, wanted: 0, fields: 0, next: None }
    }

    /// Reads the next piece.
    pub(in super::super) fn add(
        &mut self,
        mut piece: &[u8],
        collector: &mut Collector,
    ) -> Result<(), ReadProblem> {
        // A value that began in an earlier piece is completed first, without a copy of the following bytes.
        while !self.rest.is_empty() {
            let missing = self.wanted.saturating_sub(self.rest.len()).min(piece.len());
            let (taken, left) = piece.split_at(missing);
            self.rest.extend_from_slice(taken);
            piece = left;
            if self.rest.len() < self.wanted {
                return Ok(());
            }
            let mut rest = std::mem::take(&mut self.rest);
            match self.step(&rest, collector)? {
                Step::Read(read) => {
                    rest.drain(..read.min(rest.len()));
                    self.wanted = rest.len().saturating_add(1);
                }
                Step::Needs(wanted) => self.wanted = wanted,
            }
            self.rest = rest;
        }
        while !piece.is_empty() {
            match self.step(piece, collector)? {
                Step::Read(read) => piece = piece.get(read..).unwrap_or_default(),
                Step::Needs(wanted) => {
                    self.rest.extend_from_slice(piece);
                    self.wanted = wanted;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Ends the list, which must be complete.
    pub(in super::super) fn finish(self, collector: &mut Collector) -> Result<(), ReadProblem> {
        if !matches!(self.stage, Stage::Tail) || !self.rest.is_empty() {
            return Err(BrokenProtobuf::Cut.into());
        }
        if self.next.is_some() {
            return Err(BrokenProtobuf::Continued.into());
        }
        collector.list(self.expected, None).map_err(|error| ReadProblem::Object(Box::new(error)))
    }

    /// Looks at the front of the bytes, of which there is one at least.
    fn step(&mut self, bytes: &[u8], collector: &mut Collector) -> Result<Step, ReadProblem> {
        match self.stage {
            Stage::Magic => {
                let Some(magic) = bytes.get(..MAGIC.len()) else { return Ok(Step::Needs(MAGIC.len())) };
                if magic != MAGIC {
                    return Err(BrokenProtobuf::NoMagic.into());
                }
                self.stage = Stage::Head;
                Ok(Step::Read(MAGIC.len()))
            }
            Stage::Head | Stage::Tail => self.around(bytes),
            Stage::Skip(left, behind) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.skip(left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX)), behind);
                Ok(Step::Read(here))
            }
            Stage::List(left) => self.within(left, bytes, collector),
        }
    }

    /// A field of the envelope.
    fn around(&mut self, bytes: &[u8]) -> Result<Step, ReadProblem> {
        let Some(header) = Header::of(bytes)? else { return Ok(Step::Needs(bytes.len() + 1)) };
        self.count()?;
        let in_head = matches!(self.stage, Stage::Head);
        match (header.number, header.length) {
            (2, Length::Bytes(length)) if in_head => {
                self.types.expect(self.expected)?;
                self.enter(length);
                Ok(Step::Read(header.size))
            }
            (1, Length::Bytes(length)) if in_head => {
                let (step, types) = whole(bytes, header.size, length, LONGEST_PART)?;
                if let Some(types) = types {
                    self.types = Types::of(types)?;
                }
                Ok(step)
            }
            // The content may be empty; another content, or one that is compressed, may not.
            (3 | 4, Length::Bytes(0)) | (_, Length::Inside) => Ok(Step::Read(header.size)),
            _ => Err(BrokenProtobuf::Encoded.into()),
        }
    }

    /// A field of the content.
    fn within(&mut self, left: u64, bytes: &[u8], collector: &mut Collector) -> Result<Step, ReadProblem> {
        let Some(header) = Header::of(bytes)? else { return Ok(Step::Needs(bytes.len() + 1)) };
        let length = match header.length {
            Length::Inside => 0,
            Length::Bytes(length) => length,
        };
        let size = u64::try_from(header.size).unwrap_or(u64::MAX).saturating_add(length);
        let left = left.checked_sub(size).ok_or(BrokenProtobuf::Cut)?;
        let most = if header.number == 2 { LONGEST_OBJECT } else { LONGEST_PART };
        self.count()?;
        if !matches!((header.number, header.length), (1 | 2, Length::Bytes(_))) {
            self.skip(length, left);
            return Ok(Step::Read(header.size));
        }
        let (step, content) = whole(bytes, header.size, length, most)?;
        let Some(content) = content else { return Ok(step) };
        if header.number == 1 {
            self.next = envelope::next_page(content)?;
        } else {
            read_item(content, self.item, collector)?;
        }
        self.enter(left);
        Ok(step)
    }

    /// Counts a read of any field, so that a list must end. An object in two pieces is read twice.
    fn count(&mut self) -> Result<(), BrokenProtobuf> {
        self.fields += 1;
        if self.fields > MOST_OBJECTS { Err(BrokenProtobuf::Many(MOST_OBJECTS)) } else { Ok(()) }
    }

    /// Goes on with the content.
    fn enter(&mut self, left: u64) {
        self.stage = if left == 0 { Stage::Tail } else { Stage::List(left) };
    }

    /// Goes on with what is passed over, and with the content behind it.
    fn skip(&mut self, left: u64, behind: u64) {
        if left == 0 {
            self.enter(behind);
        } else {
            self.stage = Stage::Skip(left, behind);
        }
    }
}

/// The content of a field, if all of it is here.
fn whole(
    bytes: &[u8],
    header: usize,
    length: u64,
    most: usize,
) -> Result<(Step, Option<&[u8]>), BrokenProtobuf> {
    let length = usize::try_from(length).ok().filter(|length| *length <= most);
    let end = header.saturating_add(length.ok_or(BrokenProtobuf::Long(most))?);
    Ok(match bytes.get(header..end) {
        Some(content) => (Step::Read(end), Some(content)),
        None => (Step::Needs(end), None),
    })
}
