//! A server on this machine that answers each request as a test defines, and ends the connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use flate2::Compression;
use flate2::write::GzEncoder;

/// An answer.
pub(super) struct Answer {
    status: &'static str,
    media_type: &'static str,
    /// The announced length of the answer; `None` if it ends with the connection.
    length: Option<u64>,
    chunks: Box<dyn Iterator<Item = Vec<u8>> + Send>,
    /// Whether it is compressed if the client accepts that, like a large answer.
    is_large: bool,
}

impl Answer {
    pub(super) fn ok(chunks: impl Iterator<Item = String> + Send + 'static) -> Self {
        let chunks = Box::new(chunks.map(String::into_bytes));
        Self { status: "200 OK", media_type: "application/json", length: None, chunks, is_large: false }
    }

    /// An answer in protobuf.
    pub(super) fn protobuf(object: &serde_json::Value) -> Self {
        Self::of_bytes(std::iter::once(as_protobuf::message(object)))
    }

    /// An answer that is declared as protobuf.
    pub(super) fn of_bytes(chunks: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        let chunks = Box::new(chunks);
        Self { status: "200 OK", media_type: as_protobuf::MEDIA_TYPE, length: None, chunks, is_large: false }
    }

    /// The same answer, compressed.
    pub(super) fn large(self) -> Self {
        Self { is_large: true, ..self }
    }

    pub(super) fn of_status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }

    pub(super) fn of_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }
}

/// The requested page of a list.
pub(super) struct Page {
    pub(super) limit: usize,
    /// The number of objects before it, which is this server's token.
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

/// The same with a server that reads the encodings that the client accepts.
pub(super) fn start_with(answer: impl Fn(&str, &str) -> Answer + Send + 'static) -> String {
    let unknown = || Answer::ok(std::iter::empty()).of_status("404 Not Found");
    start_new(move |target, accept| if target == "/version" { unknown() } else { answer(target, accept) })
}

/// The same with a server that reports its version too.
pub(super) fn start_new(answer: impl Fn(&str, &str) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // A client that needs no more closes the connection.
            serve(stream, &answer).ok();
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str, &str) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = reader.by_ref().lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut accept = String::new();
    let mut takes_gzip = false;
    let mut sent = 0;
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        takes_gzip |= line == "accept-encoding: gzip";
        sent = line.strip_prefix("content-length: ").map_or(sent, |length| length.parse().unwrap());
        accept = line.strip_prefix("accept: ").map_or(accept, str::to_owned);
    }
    // Unread bytes would make the end of a connection a failure.
    reader.read_exact(&mut vec![0; sent])?;
    let target = first.split(' ').nth(1).unwrap_or_default();
    let Answer { status, media_type, length, chunks, is_large } = answer(target, &accept);
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    let compressed = is_large && takes_gzip;
    let coding = if compressed { "Content-Encoding: gzip\r\n" } else { "" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{length}{coding}Connection: close\r\n\r\n"
    )?;
    if compressed {
        let mut encoder = GzEncoder::new(stream, Compression::fast());
        for chunk in chunks {
            encoder.write_all(&chunk)?;
        }
        encoder.finish()?;
        return Ok(());
    }
    for chunk in chunks {
        stream.write_all(&chunk)?;
    }
    Ok(())
}
