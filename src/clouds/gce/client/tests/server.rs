//! A server with scripted answers, one connection for each request. It plays Compute Engine and the metadata server; it
//! always grants tokens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::client::{ConnectOptions, connect};
use crate::engine::ComputeEngine;

/// The answer to a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// The connection is closed without a word.
    Close,
    /// Another address.
    Redirect(String),
    /// A status, and a body without end that repeats a text.
    Endless(u16, &'static str),
    /// Nothing, while the test lasts.
    Silence,
}

/// JSON, with success.
pub(super) fn ok(json: &str) -> Reply {
    Reply::Answer(200, json.to_owned())
}

/// The zonal group of the tests with this number of instances.
pub(super) fn of_size(size: u32) -> String {
    let link =
        "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instanceGroupManagers/hub";
    format!(r#"{{"name": "hub", "selfLink": "{link}", "baseInstanceName": "hub", "targetSize": {size}}}"#)
}

/// Whether a request only reads.
pub(super) fn is_read(request: &str) -> bool {
    request.starts_with("GET ")
}

/// An error as Compute Engine's older answers have it.
pub(super) fn refusal(status: u16, reason: &str, message: &str) -> Reply {
    let errors = format!(r#"[{{"message": "{message}", "domain": "global", "reason": "{reason}"}}]"#);
    let error = format!(r#"{{"error": {{"code": {status}, "message": "{message}", "errors": {errors}}}}}"#);
    Reply::Answer(status, error)
}

/// A running server.
pub(super) struct Server {
    pub(super) address: String,
    seen: Arc<Mutex<Vec<String>>>,
    authorizations: Arc<Mutex<Vec<String>>>,
    tokens: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers the `n`-th request (from 0, tokens not counted), given as `METHOD path?query body`.
    pub(super) fn start(answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_metadata(|_| ok(TOKEN), answer)
    }

    /// Answers also the requests for tokens, the `n`-th in the way given.
    pub(super) fn with_metadata(
        token: impl Fn(usize) -> Reply + Send + Sync + 'static,
        answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let requests = Arc::clone(&seen);
        let authorizations: Arc<Mutex<Vec<String>>> = Arc::default();
        let shown = Arc::clone(&authorizations);
        let tokens: Arc<Mutex<usize>> = Arc::default();
        let given = Arc::clone(&tokens);
        let handle = Arc::new(move |stream: &mut TcpStream| {
            let (request, authorization) = read(stream);
            let reply = if request.contains("/computeMetadata/v1/instance/service-accounts/default/token") {
                let mut given = given.lock().unwrap();
                *given += 1;
                let before = *given - 1;
                drop(given);
                token(before)
            } else if request.contains("/computeMetadata/") {
                Reply::Answer(200, "googleapis.com".to_owned())
            } else {
                let mut requests = requests.lock().unwrap();
                requests.push(request.clone());
                shown.lock().unwrap().push(authorization);
                let before = requests.len() - 1;
                drop(requests);
                answer(before, &request)
            };
            write(stream, &reply);
        });
        thread::spawn(move || {
            for mut stream in listener.incoming().map(Result::unwrap) {
                let handle = Arc::clone(&handle);
                thread::spawn(move || handle(&mut stream));
            }
        });
        Self { address, seen, authorizations, tokens }
    }

    /// The requests so far, tokens not counted.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The header `Authorization` of each of them.
    pub(super) fn authorizations(&self) -> Vec<String> {
        self.authorizations.lock().unwrap().clone()
    }

    /// The number of requested tokens.
    pub(super) fn tokens(&self) -> usize {
        *self.tokens.lock().unwrap()
    }

    /// A client of it.
    pub(super) async fn connect(&self) -> Box<dyn ComputeEngine> {
        connect(self.options()).await.unwrap()
    }

    /// A client in a hurry.
    pub(super) fn options(&self) -> ConnectOptions {
        super::ring();
        ConnectOptions {
            endpoint: Some(self.address.clone()),
            metadata_server: Some(self.address.clone()),
            first_pause: Duration::from_millis(1),
            ..ConnectOptions::default()
        }
    }
}

/// A token that lasts.
pub(super) const TOKEN: &str = r#"{"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}"#;

fn read(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    let mut authorization = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        if name.eq_ignore_ascii_case("authorization") {
            value.trim().clone_into(&mut authorization);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = first.trim_end().trim_end_matches(" HTTP/1.1");
    let request = format!("{request} {}", String::from_utf8(body).unwrap()).trim_end().to_owned();
    (request, authorization)
}

fn write(stream: &mut TcpStream, reply: &Reply) {
    match reply {
        Reply::Answer(status, body) => {
            let length = body.len();
            // A client that has closed the connection needs no answer.
            write!(
                stream,
                "HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .ok();
        }
        Reply::Endless(status, text) => {
            write!(stream, "HTTP/1.1 {status} Told\r\nconnection: close\r\n\r\n").ok();
            let part = text.repeat(10_000);
            while stream.write_all(part.as_bytes()).is_ok() {}
        }
        Reply::Redirect(address) => {
            let head = "HTTP/1.1 302 Told\r\nconnection: close\r\ncontent-length: 0";
            write!(stream, "{head}\r\nlocation: {address}\r\n\r\n").ok();
        }
        Reply::Close => {}
        // Until the client has had enough, and closes the connection.
        Reply::Silence => {
            stream.read_to_end(&mut Vec::new()).ok();
        }
    }
}
