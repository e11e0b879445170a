//! The log on standard error: lines for people, or one JSON object a line with the fields that Google Cloud Logging
//! reads.
//!
//! ```text
//!   log::info!, warn!, error! ---+
//!   plan(): a record with data --+--> env_logger, RUST_LOG --> text | json --> standard error
//!   failure(): a run's last word --------------------------> text | json ----^
//! ```
//!
//! Libraries log the details of their requests and answers, including credentials. So their records are written only
//! from warnings on, whatever `RUST_LOG` asks for.

use std::io::{self, Write};

use env_logger::Builder;
use env_logger::fmt::ConfigurableFormat;
use jiff::Timestamp;
use kube_rebalancer_core::secret::without_user;
use kube_rebalancer_core::text::clean_lines;
use kube_rebalancer_ports::words::without_tokens;
use log::kv::Key;
use log::{Level, Log, Metadata, Record};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Failure;

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people, in the format of `env_logger`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The field that holds a plan.
const PLAN: &str = "plan";

/// The longest plan in bytes: Cloud Logging accepts no entry above 256 KiB, and the other fields need some of it.
pub const LONGEST_PLAN: usize = 224 << 10;

/// One line. Cloud Logging reads severity, time and place from it; a person can query the other fields.
#[derive(Debug, Serialize)]
struct Line<'a> {
    severity: &'static str,
    time: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(rename = "logging.googleapis.com/sourceLocation", skip_serializing_if = "Option::is_none")]
    place: Option<Place<'a>>,
    #[serde(rename = "exitCode", skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a RawValue>,
}

/// The source location of a record. Its line is a 64-bit integer for Cloud Logging, and these are texts in JSON.
#[derive(Debug, Serialize)]
struct Place<'a> {
    file: &'a str,
    line: String,
}

/// The logger of the program: its own records by the filter, and at most warnings of libraries.
struct OwnAndWarnings(env_logger::Logger);

impl Log for OwnAndWarnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (is_own(metadata.target()) || metadata.level() <= Level::Warn) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// Whether a record is one of this program. Its crates share the beginning of their names.
fn is_own(target: &str) -> bool {
    target.starts_with("kube_rebalancer")
}

/// Sends every record from now on to this logger.
///
/// # Errors
///
/// There is a logger already.
pub fn start(logger: Builder) -> Result<(), log::SetLoggerError> {
    let mut logger = logger;
    let logger = logger.build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(OwnAndWarnings(logger)))
}

/// The message of a record, harmless to a terminal, and without credentials if a library wrote it.
fn words(record: &Record<'_>) -> String {
    let words = record.args().to_string();
    let words = if is_own(record.target()) { words } else { without_tokens(&without_user(&words)) };
    clean_lines(&words)
}

/// The logger, which writes in this format. Texts from the cluster are harmless to a terminal, and further lines are
/// indented.
#[must_use]
pub fn in_format(format: LogFormat, mut logger: Builder) -> Builder {
    match format {
        LogFormat::Json => logger.format(|out, record| {
            let time = out.timestamp_millis().to_string();
            write_line(out, &line_of(record, time))
        }),
        LogFormat::Text => logger.format(|out, record| {
            ConfigurableFormat::default().format(
                out,
                &Record::builder()
                    .level(record.level())
                    .target(record.target())
                    .args(format_args!("{}", words(record)))
                    .build(),
            )
        }),
    };
    logger
}

/// Logs a plan as one record: a sentence, and the JSON report as a separate field.
pub fn plan(sentence: &str, report: &str) {
    log::info!(plan = report; "{sentence}");
}

/// Writes why a run failed. No filter of the log hides it.
pub fn failure(out: &mut dyn Write, format: LogFormat, time: Timestamp, failure: &Failure) -> io::Result<()> {
    match format {
        LogFormat::Text => writeln!(out, "{failure}"),
        LogFormat::Json => write_line(
            out,
            &Line {
                severity: severity(Level::Error),
                time: time.to_string(),
                message: failure.to_string(),
                target: None,
                place: None,
                exit_code: Some(failure.ending().code()),
                plan: None,
            },
        ),
    }
}

fn line_of<'a>(record: &'a Record<'_>, time: String) -> Line<'a> {
    let place = |file| Some(Place { file, line: record.line()?.to_string() });
    // The fields of a record are texts; this one is JSON, and stays JSON.
    let plan = record.key_values().get(Key::from_str(PLAN));
    let plan = plan.and_then(|text| serde_json::from_str(text.to_borrowed_str()?).ok());
    Line {
        severity: severity(record.level()),
        time,
        message: words(record),
        target: Some(record.target()),
        place: record.file().and_then(place),
        exit_code: None,
        plan,
    }
}

/// Cloud Logging's word for a level. It has none below DEBUG.
fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}

/// Writes a line with one call, so that no other line gets in between.
fn write_line(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())
}
