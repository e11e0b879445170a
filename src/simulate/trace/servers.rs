//! Converts lines of JupyterHub's log into stays.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use jiff::Timestamp;
use kube_rebalancer_core::model::Amounts;

use super::Stay;
use super::line::{self, Event, Kind};
use kube_rebalancer_ports::Source;

/// Counts of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Lines that the Hub wrote.
    pub lines: u64,
    /// Servers.
    pub servers: usize,
    /// Servers whose start is not in the log.
    pub without_start: usize,
    /// Servers whose stop is not in the log, and which were not started again.
    pub without_stop: usize,
    /// Servers that were started again without a stop.
    pub started_anew: usize,
}

impl fmt::Display for LogSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, servers, without_start, without_stop, started_anew } = self;
        write!(
            formatter,
            "servers: {servers}, in {lines} lines of JupyterHub; without a start, taken to run from the log's beginning: \
             {without_start}; without a stop, taken to run to the log's end: {without_stop}, to their next start: \
             {started_anew}"
        )
    }
}

/// Reads the logs, in any order, and passes on the stays of all servers, each with these requests.
pub fn from_log(sources: &[Source], requests: &Amounts) -> Result<(Vec<Stay>, LogSummary), LogError> {
    let mut log = Log::default();
    for source in sources {
        let failed = |problem| LogError::Read { name: source.to_string(), problem };
        match source {
            Source::StandardInput => log.read(io::stdin().lock()),
            Source::File(path) => File::open(path).and_then(|file| log.read(BufReader::new(file))),
        }
        .map_err(failed)?;
    }
    log.finish(requests)
}

/// The events of the log so far.
#[derive(Debug, Default)]
struct Log {
    lines: u64,
    /// The times of its first and of its last line.
    span: Option<(Timestamp, Timestamp)>,
    events: Vec<Event>,
}

impl Log {
    fn read(&mut self, mut input: impl BufRead) -> io::Result<()> {
        let mut bytes = Vec::new();
        while input.read_until(b'\n', &mut bytes)? > 0 {
            // Only lines of other programs have bytes that are not text.
            if let Some(line) = line::read(&String::from_utf8_lossy(&bytes)) {
                self.lines += 1;
                let (first, last) = self.span.unwrap_or((line.at, line.at));
                self.span = Some((first.min(line.at), last.max(line.at)));
                self.events.extend(line.event);
            }
            bytes.clear();
        }
        Ok(())
    }

    fn finish(mut self, requests: &Amounts) -> Result<(Vec<Stay>, LogSummary), LogError> {
        let Some((first, last)) = self.span else { return Err(LogError::NotALog) };
        if self.events.is_empty() {
            return Err(LogError::NoServers { lines: self.lines });
        }
        // The sort is stable: events of one time stay in the Hub's order.
        self.events.sort_by_key(|event| event.at);
        let mut summary = LogSummary { lines: self.lines, ..LogSummary::default() };
        let mut running: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut stays = Vec::new();
        for Event { at, server, kind } in self.events {
            let start = match kind {
                Kind::Start => {
                    let Some(start) = running.insert(server, at) else { continue };
                    summary.started_anew += 1;
                    start
                }
                Kind::Stop => running.remove(&server).unwrap_or_else(|| {
                    summary.without_start += 1;
                    first
                }),
            };
            stays.push(Stay::new(start, at, requests));
        }
        summary.without_stop = running.len();
        stays.extend(running.into_values().map(|start| Stay::new(start, last, requests)));
        summary.servers = stays.len();
        Ok((stays, summary))
    }
}

/// An error that prevents a trace from a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be read.
    #[error("{name}: cannot be read")]
    Read {
        /// The path of the file, or `standard input`.
        name: String,
        /// The error.
        #[source]
        problem: io::Error,
    },
    /// No line is the Hub's.
    #[error(
        "no line is JupyterHub's, expected its log, with lines such as \"[I 2026-01-12 09:00:08.402 JupyterHub base:1127] \
         User ada took 5.206 seconds to start\", or its event log"
    )]
    NotALog,
    /// No server starts or stops.
    #[error(
        "none of the {lines} lines of JupyterHub says that a server started or stopped, expected a log at level INFO of a \
         time when users came and went"
    )]
    NoServers {
        /// Lines of the Hub.
        lines: u64,
    },
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{Bytes, Millicores};

    use super::*;

    fn requests() -> Amounts {
        Amounts::pod(Bytes::GIBI, Millicores(100))
    }

    fn finish(lines: &[&str]) -> Result<(Vec<(String, String)>, LogSummary), LogError> {
        let mut log = Log::default();
        log.read(lines.join("\n").as_bytes()).unwrap();
        let (stays, summary) = log.finish(&requests())?;
        assert!(stays.iter().all(|stay| (stay.memory, stay.cpu) == (requests().memory, requests().cpu)));
        Ok((stays.iter().map(|stay| (stay.start.to_string(), stay.end.to_string())).collect(), summary))
    }

    fn line(time: &str, message: &str) -> String {
        format!("[I 2026-01-12 {time}.000 JupyterHub base:1] {message}")
    }

    fn stay(start: &str, end: &str) -> (String, String) {
        (format!("2026-01-12T{start}Z"), format!("2026-01-12T{end}Z"))
    }

    #[test]
    fn a_stay_is_from_the_wish_to_the_end() {
        let lines = [
            line("08:00:00", "JupyterHub is now running"),
            line("09:00:08", "User ada took 8.000 seconds to start"),
            line("09:30:00", "User bob:lab took 0.500 seconds to start"),
            "  a traceback\n".to_owned(),
            line("10:00:00", "Removing user bob from proxy (/user/bob/lab/)"),
            line("11:00:00", "Removing user ada from proxy (/user/ada/)"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (stays, summary) = finish(&lines).unwrap();
        let expected = [
            ("2026-01-12T09:29:59.5Z".to_owned(), "2026-01-12T10:00:00Z".to_owned()),
            stay("09:00:00", "11:00:00"),
        ];
        assert_eq!(stays, expected);
        assert_eq!(summary, LogSummary { lines: 5, servers: 2, ..LogSummary::default() });

        // The order of the lines does not matter, and so the order of rotated files does not.
        let reversed: Vec<&str> = lines.iter().rev().copied().collect();
        assert_eq!(finish(&reversed).unwrap().0, expected);
    }

    #[test]
    fn what_the_log_does_not_tell_is_assumed_and_counted() {
        let lines = [
            line("08:00:00", "JupyterHub is now running"),
            line("09:00:00", "Removing user early from proxy (/user/early/)"),
            line("10:00:00", "User late took 0.000 seconds to start"),
            line("10:30:00", "User twice took 0.000 seconds to start"),
            line("10:45:00", "User twice took 0.000 seconds to start"),
            line("11:00:00", "Removing user twice from proxy (/user/twice/)"),
            line("12:00:00", "200 GET /hub/health (@10.0.0.1) 0.6ms"),
        ];
        let (stays, summary) = finish(&lines.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let expected = [
            stay("08:00:00", "09:00:00"),
            stay("10:30:00", "10:45:00"),
            stay("10:45:00", "11:00:00"),
            stay("10:00:00", "12:00:00"),
        ];
        assert_eq!(stays, expected);
        let expected =
            LogSummary { lines: 7, servers: 4, without_start: 1, without_stop: 1, started_anew: 1 };
        assert_eq!(summary, expected);
        assert_eq!(
            summary.to_string(),
            "servers: 4, in 7 lines of JupyterHub; without a start, taken to run from the log's beginning: 1; without a \
             stop, taken to run to the log's end: 1, to their next start: 1"
        );
    }

    #[test]
    fn a_log_without_servers_is_an_error_that_says_what_is_missing() {
        assert!(matches!(finish(&["hello", "{}"]), Err(LogError::NotALog)));
        assert!(matches!(finish(&[]), Err(LogError::NotALog)));
        let idle = line("08:00:00", "JupyterHub is now running");
        assert!(matches!(finish(&[&idle]), Err(LogError::NoServers { lines: 1 })));
    }
}
