//! A server on this machine that answers each request as a test says, and ends the connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

/// What is answered.
pub(super) struct Answer {
    status: &'static str,
    media_type: &'static str,
    /// What the answer says of its length; nothing if it ends with the connection.
    length: Option<u64>,
    chunks: Box<dyn Iterator<Item = Vec<u8>> + Send>,
}

impl Answer {
    pub(super) fn ok(chunks: impl Iterator<Item = String> + Send + 'static) -> Self {
        let chunks = Box::new(chunks.map(String::into_bytes));
        Self { status: "200 OK", media_type: "application/json", length: None, chunks }
    }

    /// One in protobuf.
    pub(super) fn protobuf(object: &serde_json::Value) -> Self {
        let chunks = Box::new(std::iter::once(as_protobuf::message(object)));
        Self { status: "200 OK", media_type: as_protobuf::MEDIA_TYPE, length: None, chunks }
    }

    pub(super) fn of_status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }

    pub(super) fn of_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }
}

/// The page that a list is asked for.
pub(super) struct Page {
    pub(super) limit: usize,
    /// The number of objects before it, which is what this server's token says.
    pub(super) from: usize,
}

impl Page {
    pub(super) fn of(target: &str) -> Self {
        let number = |name: &str| {
            let pairs = target.split(['?', '&']);
            pairs.filter_map(|pair| pair.strip_prefix(name)).find_map(|value| value.parse().ok())
        };
        Self { limit: number("limit=").unwrap(), from: number("continue=").unwrap_or(0) }
    }
}

/// Starts a server, whose threads end with the process. Returns its address.
pub(super) fn start(answer: impl Fn(&str) -> Answer + Send + 'static) -> String {
    start_with(move |target, _| answer(target))
}

/// The same with a server that looks at what the client accepts.
pub(super) fn start_with(answer: impl Fn(&str, &str) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // A client that has seen enough closes the connection.
            serve(stream, &answer).ok();
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str, &str) -> Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut accept = String::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        accept = line.strip_prefix("accept: ").map_or(accept, str::to_owned);
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let Answer { status, media_type, length, chunks } = answer(target, &accept);
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{length}Connection: close\r\n\r\n")?;
    for chunk in chunks {
        stream.write_all(&chunk)?;
    }
    Ok(())
}
