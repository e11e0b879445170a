//! Real users from a file, `--trace FILE.csv`: one row for each server of a user.
//!
//! ```text
//! start,end,memory,cpu
//! 2026-01-12T09:00:03Z,2026-01-12T10:31:40Z,2Gi,500m
//! 1768212005,1768219205,1Gi,0
//! ```
//!
//! Times are RFC 3339, or seconds since 1970; memory and cpu are Kubernetes quantities; cpu may be left out. The rows are
//! in order of `start`, so that only one row is in memory at a time. A file in another order must be sorted first.
//! Seconds are counted from the midnight (UTC) before the first start.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};

use csv::{ErrorKind, StringRecord, Trim};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use kube_rebalancer_core::model::{Bytes, Millicores, QuantityError, parse_bytes, parse_millicores};

use super::columns;
use crate::session::Session;
use kube_rebalancer_ports::Source;

const DAY: i64 = 24 * 60 * 60;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes read ahead.
const BUFFER: usize = 1 << 16;

/// The sessions of a trace, one after the other. Ends at the first error.
#[derive(Debug)]
pub struct Trace<Input> {
    name: String,
    rows: csv::Reader<Input>,
    columns: Columns,
    row: StringRecord,
    /// The first session, read ahead to know the first day.
    first: Option<Session>,
    midnight: Timestamp,
    /// The start of the last session, in seconds since 1970.
    latest: i64,
    ended: bool,
}

impl Trace<Box<dyn Read + Send>> {
    /// Opens a file or standard input, compressed with gzip or not.
    pub fn open(source: &Source) -> Result<Self, TraceError> {
        let plain: Box<dyn Read + Send> = match source {
            Source::StandardInput => Box::new(io::stdin()),
            Source::File(path) => Box::new(File::open(path).map_err(|error| TraceError {
                name: source.to_string(),
                problem: TraceProblem::Open(error),
            })?),
        };
        let input = unpacked(plain)
            .map_err(|error| TraceError { name: source.to_string(), problem: TraceProblem::Open(error) })?;
        Trace::new(&source.to_string(), input)
    }
}

/// The contents of a gzip file, or the input unchanged.
fn unpacked(plain: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut plain = BufReader::new(plain);
    // A gzip file has at least two bytes in its first block.
    if plain.fill_buf()?.starts_with(&GZIP) {
        Ok(Box::new(MultiGzDecoder::new(plain)))
    } else {
        Ok(Box::new(plain))
    }
}

impl<Input: Read> Trace<Input> {
    /// Reads the header and the first row; `name` is for messages.
    pub fn new(name: &str, input: Input) -> Result<Self, TraceError> {
        let failed = |problem| TraceError { name: name.to_owned(), problem };
        let mut rows = csv::ReaderBuilder::new().trim(Trim::All).buffer_capacity(BUFFER).from_reader(input);
        let header = rows.headers().map_err(|error| failed(problem(error)))?;
        let columns = Columns::of(header).map_err(failed)?;
        let mut trace = Self {
            name: name.to_owned(),
            rows,
            columns,
            row: StringRecord::new(),
            first: None,
            midnight: Timestamp::UNIX_EPOCH,
            latest: i64::MIN,
            ended: false,
        };
        let Some(row) = trace.next_row().map_err(failed)? else {
            return Err(failed(TraceProblem::NoRows));
        };
        let midnight = row.start.seconds - row.start.seconds.rem_euclid(DAY);
        trace.midnight = Timestamp::from_second(midnight).unwrap_or_default();
        trace.first = Some(trace.session(&row));
        Ok(trace)
    }

    /// The time from which the sessions are counted: the midnight before the first.
    #[must_use]
    pub fn midnight(&self) -> Timestamp {
        self.midnight
    }

    /// The weekday of the first start.
    #[must_use]
    pub fn first_day(&self) -> Weekday {
        self.midnight.to_zoned(TimeZone::UTC).weekday()
    }

    fn next_row(&mut self) -> Result<Option<Row>, TraceProblem> {
        if !self.rows.read_record(&mut self.row).map_err(problem)? {
            return Ok(None);
        }
        let line = self.row.position().map_or(0, csv::Position::line);
        let row = self.columns.read(&self.row, line)?;
        if row.start.seconds < self.latest {
            return Err(TraceProblem::Order { line, start: row.start.text });
        }
        self.latest = row.start.seconds;
        Ok(Some(row))
    }

    fn session(&self, row: &Row) -> Session {
        let since = |moment: &Moment| {
            u64::try_from(moment.seconds.saturating_sub(self.midnight.as_second())).unwrap_or_default()
        };
        let (start, end) = (since(&row.start), since(&row.end));
        Session { start, end, memory: row.memory, cpu: row.cpu, kind: 0 }
    }
}

impl<Input: Read> Iterator for Trace<Input> {
    type Item = Result<Session, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.ended {
            return None;
        }
        let next = self.next_row();
        self.ended = !matches!(next, Ok(Some(_)));
        match next {
            Ok(row) => row.map(|row| Ok(self.session(&row))),
            Err(problem) => Some(Err(TraceError { name: self.name.clone(), problem })),
        }
    }
}

/// The position of each column in a row.
#[derive(Clone, Copy, Debug)]
struct Columns {
    start: usize,
    end: usize,
    memory: usize,
    cpu: Option<usize>,
}

struct Row {
    start: Moment,
    end: Moment,
    memory: Bytes,
    cpu: Millicores,
}

/// A time as it was written, and in seconds since 1970, rounded down.
struct Moment {
    text: String,
    seconds: i64,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, TraceProblem> {
        if header.iter().all(str::is_empty) {
            return Err(TraceProblem::Empty);
        }
        let find = |name: &'static str| {
            let mut places =
                header.iter().enumerate().filter(|(_, one)| *one == name).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (_, Some(_)) => Err(TraceProblem::ColumnTwice { name }),
                (place, None) => Ok(place),
            }
        };
        let required = |name| {
            find(name)?.ok_or_else(|| TraceProblem::NoColumn {
                name,
                header: header.iter().collect::<Vec<_>>().join(","),
            })
        };
        let columns = Self {
            start: required(columns::START)?,
            end: required(columns::END)?,
            memory: required(columns::MEMORY)?,
            cpu: find(columns::CPU)?,
        };
        match header.iter().find(|name| !columns::ALL.contains(name)) {
            Some(unknown) => Err(TraceProblem::UnknownColumn { name: unknown.to_owned() }),
            None => Ok(columns),
        }
    }

    fn read(self, row: &StringRecord, line: u64) -> Result<Row, TraceProblem> {
        let text = |column: usize| row.get(column).unwrap_or_default();
        let bad = |column, source| TraceProblem::Quantity { line, column, source };
        let start = moment(text(self.start), line, columns::START)?;
        let end = moment(text(self.end), line, columns::END)?;
        if end.seconds < start.seconds {
            return Err(TraceProblem::EndsBeforeStart { line, start: start.text, end: end.text });
        }
        let memory = parse_bytes(text(self.memory)).map_err(|source| bad(columns::MEMORY, source))?;
        let cpu = match self.cpu {
            Some(column) => parse_millicores(text(column)).map_err(|source| bad(columns::CPU, source))?,
            None => Millicores::default(),
        };
        Ok(Row { start, end, memory, cpu })
    }
}

fn moment(text: &str, line: u64, column: &'static str) -> Result<Moment, TraceProblem> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = if is_number {
        text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
    } else {
        text.parse::<Timestamp>().ok()
    };
    let Some(time) = time else {
        return Err(TraceProblem::Time { line, column, text: text.to_owned() });
    };
    // `as_second` cuts towards 1970; times before it have to be rounded down too.
    let seconds = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
    Ok(Moment { text: text.to_owned(), seconds })
}

/// An error of the CSV reader, in the terms of this format.
#[expect(
    clippy::wildcard_enum_match_arm,
    clippy::match_same_arms,
    reason = "the kinds that are left are of writing, seeking and serde, and none of that is done here"
)]
fn problem(error: csv::Error) -> TraceProblem {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) => TraceProblem::Read(error),
        ErrorKind::Utf8 { .. } => TraceProblem::NotText { line },
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            TraceProblem::Fields { line, found: len, expected: expected_len }
        }
        _ => TraceProblem::NotText { line },
    }
}

/// An error that a trace cannot be read. Its message names the trace; its source is the cause.
#[derive(Debug, thiserror::Error)]
#[error("{name}")]
pub struct TraceError {
    /// The path of the file, or `standard input`.
    pub name: String,
    /// The problem.
    #[source]
    pub problem: TraceProblem,
}

/// The problem of a trace. Lines count from one, the header is the first.
#[derive(Debug, thiserror::Error)]
pub enum TraceProblem {
    /// It cannot be opened.
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    /// Reading it failed halfway.
    #[error("reading it failed")]
    Read(#[source] io::Error),
    /// It is empty.
    #[error("is empty, expected the header {} and a row for each server", columns::EXPECTED)]
    Empty,
    /// It has no rows.
    #[error("has a header but no rows, expected a row for each server")]
    NoRows,
    /// It is not text.
    #[error("line {line}: is not UTF-8 text")]
    NotText {
        /// The line.
        line: u64,
    },
    /// A row is shorter or longer than the header.
    #[error("line {line}: has {found} fields, expected {expected} as in the header")]
    Fields {
        /// The line.
        line: u64,
        /// Its fields.
        found: u64,
        /// The number of fields of the header.
        expected: u64,
    },
    /// A column is missing.
    #[error("line 1: the header {header:?} has no column {name}, expected {}", columns::EXPECTED)]
    NoColumn {
        /// The column.
        name: &'static str,
        /// The header.
        header: String,
    },
    /// Two columns have the same name.
    #[error("line 1: the column {name} is there twice")]
    ColumnTwice {
        /// The column.
        name: &'static str,
    },
    /// A column has another name.
    #[error("line 1: the column {name:?} is unknown, expected {}", columns::EXPECTED)]
    UnknownColumn {
        /// The column.
        name: String,
    },
    /// A time cannot be read.
    #[error(
        "line {line}: {column}: {text:?} is not a time, expected RFC 3339 such as 2026-01-15T09:00:00Z or seconds since 1970"
    )]
    Time {
        /// The line.
        line: u64,
        /// The column.
        column: &'static str,
        /// The text.
        text: String,
    },
    /// A quantity cannot be read.
    #[error("line {line}: {column}")]
    Quantity {
        /// The line.
        line: u64,
        /// The column.
        column: &'static str,
        /// The problem.
        #[source]
        source: QuantityError,
    },
    /// A server stops before it starts.
    #[error("line {line}: end {end} is before start {start}")]
    EndsBeforeStart {
        /// The line.
        line: u64,
        /// The start.
        start: String,
        /// The end.
        end: String,
    },
    /// A row starts before the one above it.
    #[error("line {line}: start {start} is before that of the row above, expected rows in order of start")]
    Order {
        /// The line.
        line: u64,
        /// Its start.
        start: String,
    },
}
