//! A client of few words: one request, one connection, no retries.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer. If the connection broke, what came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body of a good answer.
    #[track_caller]
    pub(super) fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// The status, and the reason that the error gives.
    pub(super) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["errors"][0]["reason"].as_str().unwrap().to_owned())
    }
}

/// Sends a request with a token, to a path that begins after `/compute/v1/projects/`. None if there is no answer
/// within a second.
pub(super) fn send(to: SocketAddr, verb: &str, path: &str, body: &str) -> Option<Answer> {
    let path = format!("/compute/v1/projects/{path}");
    exchange(to, verb, &path, "Authorization: Bearer a-token\r\n", body)
}

pub(super) fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, "GET", path, "").unwrap()
}

pub(super) fn post(to: SocketAddr, path: &str, body: &str) -> Answer {
    send(to, "POST", path, body).unwrap()
}

pub(super) fn exchange(to: SocketAddr, verb: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{verb} {path} HTTP/1.1\r\nHost: fake\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut bytes = Vec::new();
    // However it ends, what came counts.
    stream.read_to_end(&mut bytes).ok();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}
