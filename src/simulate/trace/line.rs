//! Reads one line of JupyterHub's log for the start or the stop of a server.
//!
//! It reads these lines of the Hub, which are the same from version 0.9 to 5.4:
//!
//! ```text
//! [I 2026-01-12 09:00:08.402 JupyterHub base:1127] User ada took 5.206 seconds to start
//! [I 2026-01-12 10:31:40.120 JupyterHub proxy:356] Removing user ada from proxy (/user/ada/)
//! [W 2026-01-12 11:00:00.003 JupyterHub app:3073] ada appears to have stopped while the Hub was down
//! ```
//!
//! A named server is `ada:lab` in the first and the third and `/user/ada/lab/` in the second. Any text before the bracket is
//! skipped, so `kubectl logs --timestamps`, a container runtime's own file and a journal can be read. A line may be wrapped in
//! JSON: as `log` (Docker), `textPayload` (Google Cloud Logging), `message` or `line` (other collectors), one object a line, or
//! indented with a key a line. The Hub writes local time without saying which; it is read as UTC, which it is in a container.
//!
//! The Hub's event log (`EventLog` up to version 4, `EventLogger` since 5) is also read, one JSON object a line:
//!
//! ```text
//! {"__timestamp__": "2026-01-12T09:00:08.402000+00:00Z", "__schema__": "https://schema.jupyter.org/jupyterhub/events/server-action",
//!  "__schema_version__": "1", "__metadata_version__": 1, "action": "start", "username": "ada", "servername": ""}
//! ```
//!
//! It records a start when the server is up, not when it was requested, and it does not record a server that stops by itself.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Something that happened to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The time; for a start, the time of the request.
    pub(super) at: Timestamp,
    /// `user` or `user:server`.
    pub(super) server: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    Stop,
}

/// A line that was written by the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The time at which it was written.
    pub(super) at: Timestamp,
    /// The event of a server, if the line has one.
    pub(super) event: Option<Event>,
}

/// Reads a line; `None` for one that is not the Hub's.
pub(super) fn read(line: &str) -> Option<Line> {
    let line = line.trim();
    if line.starts_with('"') {
        return read_object(&format!("{{{}}}", line.trim_end_matches(',')));
    }
    if line.starts_with('{') { read_object(line) } else { read_text(line) }
}

fn read_object(object: &str) -> Option<Line> {
    let Json { log, text_payload, message, line, timestamp, schema, action, username, servername } =
        serde_json::from_str(object).ok()?;
    if let Some(text) = log.or(text_payload).or(message).or(line) {
        return read_text(text.trim());
    }
    read_event(&timestamp?, &schema?, &action?, &username?, servername.as_deref().unwrap_or_default())
}

/// A line of JSON: an event, or a wrapped line.
#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    log: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "textPayload")]
    text_payload: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    line: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "__timestamp__")]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "__schema__")]
    schema: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    username: Option<Cow<'a, str>>,
    #[serde(borrow)]
    servername: Option<Cow<'a, str>>,
}

fn read_event(timestamp: &str, schema: &str, action: &str, user: &str, server: &str) -> Option<Line> {
    // From version 5 on, a Z follows the offset of the time; up to 4 there was no offset.
    let time = timestamp.strip_suffix('Z').unwrap_or(timestamp);
    let at = time.parse().or_else(|_| timestamp.parse()).ok()?;
    let kind = match action {
        "start" => Kind::Start,
        "stop" => Kind::Stop,
        _ => return Some(Line { at, event: None }),
    };
    let event =
        schema.ends_with("/server-action").then(|| Event { at, server: full_name(user, server), kind });
    Some(Line { at, event })
}

fn read_text(line: &str) -> Option<Line> {
    let (before, rest) = line.split_once(" JupyterHub ")?;
    let (_, time) = before.rsplit_once('[')?;
    let (_level, time) = time.split_once(' ')?;
    let at = time.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let (_module, message) = rest.split_once(']')?;
    // On a terminal, the color of the bracket is switched off here.
    let message =
        message.trim_start_matches("\u{1b}(B").trim_start_matches("\u{1b}[m").trim_start_matches("\u{1b}[0m");
    Some(Line { at, event: read_message(message.trim(), at) })
}

fn read_message(message: &str, at: Timestamp) -> Option<Event> {
    if let Some((server, seconds)) = started(message) {
        let at = at.checked_sub(seconds).unwrap_or(at);
        return Some(Event { at, server: server.to_owned(), kind: Kind::Start });
    }
    let server = removed(message).or_else(|| {
        message.strip_suffix(" appears to have stopped while the Hub was down").map(str::to_owned)
    })?;
    Some(Event { at, server, kind: Kind::Stop })
}

/// `User ada:lab took 5.206 seconds to start`.
fn started(message: &str) -> Option<(&str, SignedDuration)> {
    let (server, seconds) =
        message.strip_prefix("User ")?.strip_suffix(" seconds to start")?.rsplit_once(" took ")?;
    let (whole, thousandths) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let whole = whole.parse::<u32>().ok()?;
    let thousandths = thousandths.parse::<u16>().ok().filter(|number| *number < 1000)?;
    let time = SignedDuration::from_secs(whole.into()) + SignedDuration::from_millis(thousandths.into());
    Some((server, time))
}

/// `Removing user ada from proxy (/user/ada/lab/)`; the route may begin with a host or a base URL.
fn removed(message: &str) -> Option<String> {
    let (user, route) =
        message.strip_prefix("Removing user ")?.strip_suffix(')')?.rsplit_once(" from proxy (")?;
    let (_, path) = route.split_once("/user/")?;
    let server = path.split('/').nth(1).unwrap_or_default();
    Some(full_name(user, server))
}

/// The Hub's name of a server in the line of its start.
fn full_name(user: &str, server: &str) -> String {
    if server.is_empty() { user.to_owned() } else { format!("{user}:{server}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
    fn event(at: &str, server: &str, kind: Kind) -> Option<Event> {
        Some(Event { at: at.parse().unwrap(), server: server.to_owned(), kind })
    }

    #[test]
    fn starts_and_stops_are_read_in_every_wrapping() {
        let start = event("2026-01-12T09:00:03.196Z", "ada", Kind::Start); // 08.402 less 5.206
        let line = "[I 2026-01-12 09:00:08.402 JupyterHub base:1127] User ada took 5.206 seconds to start";
        for wrapped in [
            line.to_owned(),
            format!("{line}\r\n"),
            format!("2026-01-12T09:00:08.402123456Z {line}"),
            format!("2026-01-12T09:00:08.402123456Z stderr F {line}"),
            format!("Jan 12 09:00:08 hub jupyterhub[901]: {line}"),
            line.replacen("2026-01-12 09", "2026-01-12T09", 1),
            format!("\u{1b}[32m{}", line.replacen(']', "]\u{1b}(B\u{1b}[m", 1)),
            format!("\u{1b}[32m{}", line.replacen(']', "]\u{1b}[0m", 1)),
            format!(r#"{{"log":"{line}\n","stream":"stderr","time":"2026-01-12T09:00:08.402Z"}}"#),
            format!(r#"{{"insertId":"x","textPayload":"{line}","severity":"ERROR"}}"#),
        ] {
            assert_eq!(read(&wrapped).unwrap().event, start, "{wrapped}");
        }
    }

    #[test]
    fn each_message_of_the_log_is_parsed() {
        let at = "2026-01-12T10:00:00.5Z";
        let cases = [
            (
                "User ada:lab took 30.500 seconds to start",
                event("2026-01-12T09:59:30Z", "ada:lab", Kind::Start),
            ),
            ("Removing user ada from proxy (/user/ada/)", event(at, "ada", Kind::Stop)),
            ("Removing user ada from proxy (/user/ada/lab/)", event(at, "ada:lab", Kind::Stop)),
            ("Removing user a@b.org from proxy (/hub1/user/a%40b.org/)", event(at, "a@b.org", Kind::Stop)),
            ("Removing user ada from proxy (ada.hub.org/user/ada/)", event(at, "ada", Kind::Stop)),
            ("ada:lab appears to have stopped while the Hub was down", event(at, "ada:lab", Kind::Stop)),
            ("User ada took long seconds to start", None),
            ("User ada took 1.5000 seconds to start", None),
            ("User ada server took 1.006 seconds to stop", None), // says not which server; its removal did
            ("User ada is slow to start (timeout=10)", None),
            ("Removing user ada from group(s): staff", None),
            ("Adding user ada to proxy /user/ada/ => http://10.1.2.3:8888", None),
            ("200 GET /hub/api (@10.0.0.1) 0.62ms", None),
            ("", None),
        ];
        for (message, expected) in cases {
            let line = format!("[I 2026-01-12 10:00:00.500 JupyterHub base:1] {message}");
            let expected = Line { at: at.parse().unwrap(), event: expected };
            assert_eq!(read(&line), Some(expected), "{message}");
        }
    }

    #[test]
    fn events_of_both_schemas_are_read() {
        let both = [
            r#"{"__timestamp__": "2026-01-12T09:00:08.402000+00:00Z", "__schema__": "https://schema.jupyter.org/jupyterhub/events/server-action", "__schema_version__": "1", "__metadata_version__": 1, "action": "start", "username": "ada", "servername": ""}"#,
            r#"{"__timestamp__": "2026-01-12T09:00:08.402000Z", "__schema__": "hub.jupyter.org/server-action", "__schema_version__": 1, "__metadata_version__": 1, "action": "start", "username": "ada", "servername": ""}"#,
        ];
        for line in both {
            let expected = event("2026-01-12T09:00:08.402Z", "ada", Kind::Start);
            assert_eq!(read(line).unwrap().event, expected);
            let line = line.replace("start", "stop").replace(r#""servername": """#, r#""servername": "lab""#);
            assert_eq!(read(&line).unwrap().event, event("2026-01-12T09:00:08.402Z", "ada:lab", Kind::Stop));
            assert_eq!(read(&line.replace("server-action", "other-action")).unwrap().event, None);
            assert_eq!(read(&line.replace("stop", "pause")).unwrap().event, None);
        }
    }

    #[test]
    fn lines_of_others_are_passed_over() {
        for line in [
            "",
            "{",
            "{}",
            r#"{"log": 1}"#,
            "    return await future",
            "[I 2026-01-12 09:00:08.402 ada notebookapp:1222] User ada took 5.206 seconds to start",
            "[I 2026-13-12 09:00:08.402 JupyterHub base:1] User ada took 5.206 seconds to start",
            "10:45:31.525 [ConfigProxy] info: 200 GET /api/routes",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
