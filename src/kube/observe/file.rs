//! Opens a file or standard input, finds out whether it is JSON or YAML, and reads its documents one after the other.
//!
//! ```text
//!   open --> first 4 KiB: empty? UTF-16? gzip? binary? --> "{" or "[" --> JSON, streamed
//!                                                     \--> else ------> YAML, streamed
//! ```

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use kube_rebalancer_ports::Source;

use super::collector::Collector;
use super::document::Document;
use super::error::{ReadError, ReadProblem};
use super::json;

/// Enough to tell formats apart, and short enough to read ahead of a parser.
const PREFIX_BYTES: u64 = 4096;

/// Reads everything that a source holds.
pub(super) fn read_source(source: &Source, collector: &mut Collector) -> Result<(), ReadError> {
    let problem = |problem| ReadError::Input { name: source.to_string(), problem };
    match source {
        Source::StandardInput => read_documents(io::stdin().lock(), collector),
        Source::File(path) => open(path).and_then(|file| read_documents(file, collector)),
    }
    .map_err(problem)
}

fn open(path: &Path) -> Result<File, ReadProblem> {
    let file = File::open(path).map_err(ReadProblem::Open)?;
    // Opening a directory succeeds on some systems, reading it then fails with a message about system calls.
    if file.metadata().map_err(ReadProblem::Open)?.is_dir() {
        return Err(ReadProblem::Directory);
    }
    Ok(file)
}

/// Reads every document of an input and checks that there was anything of use in it.
pub(super) fn read_documents(mut input: impl Read, collector: &mut Collector) -> Result<(), ReadProblem> {
    let useful_before = collector.useful();
    let mut prefix = Vec::new();
    input.by_ref().take(PREFIX_BYTES).read_to_end(&mut prefix).map_err(ReadProblem::Read)?;
    let format = sniff(&prefix)?;
    let mark = if prefix.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { b"" };
    let mark = u64::try_from(mark.len()).unwrap_or_default();
    let first_line = first_line(&prefix);
    let mut whole = Cursor::new(prefix);
    whole.set_position(mark);
    match format {
        Format::Json => json::read(whole.chain(input), mark, collector)?,
        Format::Yaml if collector.keeps_lives() => return Err(ReadProblem::NotJson),
        Format::Yaml => read_yaml(whole.chain(input), &first_line, collector)?,
    }
    let others = collector.take_others();
    if collector.useful() == useful_before {
        return Err(ReadProblem::NothingUseful { found: others });
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Tells the format by the beginning of the input.
fn sniff(prefix: &[u8]) -> Result<Format, ReadProblem> {
    let text = prefix.strip_prefix(BYTE_ORDER_MARK).unwrap_or(prefix);
    if prefix.starts_with(b"\xFF\xFE") || prefix.starts_with(b"\xFE\xFF") || is_utf16_without_mark(prefix) {
        return Err(ReadProblem::Utf16);
    }
    if prefix.starts_with(b"\x1F\x8B") {
        return Err(ReadProblem::Gzip);
    }
    if text.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127)) {
        return Err(ReadProblem::Binary);
    }
    match text.trim_ascii_start().first() {
        None => Err(ReadProblem::Empty),
        Some(b'{' | b'[') => Ok(Format::Json),
        Some(b'<') => Err(ReadProblem::Html),
        Some(_) => Ok(Format::Yaml),
    }
}

/// Enough of a line to know what wrote it.
const LINE: usize = 60;

/// The first line of a text, or the beginning of it: what kubectl wrote to standard error, or the head of a table.
fn first_line(prefix: &[u8]) -> String {
    let text = String::from_utf8_lossy(prefix.strip_prefix(BYTE_ORDER_MARK).unwrap_or(prefix));
    let line = text.trim_start().lines().next().unwrap_or_default();
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// JSON and YAML begin with an ASCII character, which UTF-16 pads with a zero byte on one side.
fn is_utf16_without_mark(prefix: &[u8]) -> bool {
    matches!(prefix, [0, character, ..] | [character, 0, ..] if character.is_ascii_graphic())
}

/// Reads YAML documents.
///
/// The limits that guard against input which grows when it is read (aliases of aliases) stay; those on sheer size are
/// lifted, because an honest dump of a large cluster exceeds all of them and is never held in memory.
fn read_yaml(mut input: impl Read, first_line: &str, collector: &mut Collector) -> Result<(), ReadProblem> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
        },
        with_snippet: false,
    };
    let mut empty = true;
    for document in serde_saphyr::read_with_options::<_, Document>(&mut input, options) {
        empty = false;
        match document {
            Ok(Document(Ok(read))) => collector.absorb(read),
            Ok(Document(Err(error))) => return Err(ReadProblem::Object(Box::new(error))),
            Err(error) => {
                return Err(ReadProblem::Yaml { first_line: first_line.to_owned(), error: Box::new(error) });
            }
        }
    }
    if empty { Err(ReadProblem::Empty) } else { Ok(()) }
}
