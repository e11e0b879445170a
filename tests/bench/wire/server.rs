//! A read-only API server of many nodes and pods, which are generated from templates while a page is written: that costs
//! little more than a copy, and no memory.

use std::io::{BufRead as _, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::super::dump::{NAME, NODE, node, user_pod};

/// Number of bytes that are written at once, at least.
const AT_ONCE: usize = 1 << 16;

/// The encoding of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => as_protobuf::MEDIA_TYPE,
        }
    }
}

/// The behavior of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) encoding: Encoding,
    /// Whether it has a version of which clients request whole lists.
    pub(crate) is_new: bool,
    /// Whether it compresses for clients that accept it.
    pub(crate) compresses: bool,
}

/// The server; its threads end with the process.
pub(crate) struct Server {
    url: String,
    world: Arc<World>,
}

struct World {
    nodes: List,
    pods: List,
    /// Whether it always answers in JSON.
    json_only: AtomicBool,
    /// Whether it has a version of which clients request whole lists.
    is_new: AtomicBool,
    /// Whether it compresses for clients that accept it.
    compresses: AtomicBool,
    sent: AtomicU64,
}

/// A list whose objects differ in a number.
struct List {
    kind: &'static str,
    count: usize,
    /// The number of nodes, over which pods are spread.
    nodes: usize,
    /// Maximum number of objects of a page, independent of the request.
    most: usize,
    json: Template,
    protobuf: Template,
}

/// An object, and the places of its numbers: six digits each, so that its length is constant.
struct Template {
    bytes: Vec<u8>,
    names: Vec<usize>,
    nodes: Vec<usize>,
}

impl Template {
    fn new(bytes: Vec<u8>) -> Self {
        let places = |word: &str| {
            let all = bytes.windows(word.len()).enumerate();
            all.filter(|(_, window)| *window == word.as_bytes()).map(|(at, _)| at).collect()
        };
        Self { names: places(NAME), nodes: places(NODE), bytes }
    }

    fn write(&self, name: usize, node: usize, page: &mut Vec<u8>) {
        let begin = page.len();
        page.extend_from_slice(&self.bytes);
        for (places, number) in [(&self.names, name), (&self.nodes, node)] {
            let digits = format!("{number:06}");
            for place in places {
                let place = begin + place;
                if let Some(target) = page.get_mut(place..place + digits.len()) {
                    target.copy_from_slice(digits.as_bytes());
                }
            }
        }
    }
}

impl List {
    fn new(kind: &'static str, object: &Value, (count, most): (usize, usize), nodes: usize) -> Self {
        let mut bare = object.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        let item = kind.strip_suffix("List").expect("a list");
        // An item of a list, preceded by its field number and its length.
        let protobuf = as_protobuf::item(&as_protobuf::bare(item, object));
        let json = bare.to_string().into_bytes();
        Self { kind, count, nodes, most, json: Template::new(json), protobuf: Template::new(protobuf) }
    }

    /// Writes a page, or the whole list, a few objects at a time; `begin` learns its length first.
    fn write<W: Write>(
        &self,
        query: &str,
        encoding: Encoding,
        target: &mut W,
        begin: impl FnOnce(&mut W, usize) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let number = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)).and_then(|value| value.parse().ok())
        };
        let from: usize = number("continue=").unwrap_or(0);
        let end = match number("limit=") {
            None | Some(0) => self.count,
            Some(limit) => self.count.min(from + self.most.min(limit)),
        };
        let mut metadata = json!({"resourceVersion": "5000"});
        if end < self.count {
            metadata["continue"] = json!(end.to_string());
        }
        let is_json = encoding == Encoding::Json;
        let template = if is_json { &self.json } else { &self.protobuf };
        let commas = if is_json { (end - from).saturating_sub(1) } else { 0 };
        let bytes = (end - from) * template.bytes.len() + commas;
        let (head, tail) = if is_json {
            let head =
                format!(r#"{{"kind":"{}","apiVersion":"v1","metadata":{metadata},"items":["#, self.kind);
            (head.into_bytes(), b"]}\n".to_vec())
        } else {
            as_protobuf::around_items(self.kind, &metadata, bytes)
        };
        begin(target, head.len() + bytes + tail.len())?;
        target.write_all(&head)?;
        let mut some = Vec::new();
        for number in from..end {
            if is_json && number > from {
                some.push(b',');
            }
            template.write(number, number % self.nodes, &mut some);
            if some.len() >= AT_ONCE {
                target.write_all(&some)?;
                some.clear();
            }
        }
        some.extend_from_slice(&tail);
        target.write_all(&some)
    }
}

impl Server {
    /// A server with nodes and pods, in pages of at most `page`. Each pod holds `padding` KiB more that nothing reads.
    pub(crate) fn start(nodes: usize, pods: usize, page: usize, padding: usize) -> Self {
        let mut pod = user_pod(15);
        if padding > 0 {
            pod["spec"]["containers"][0]["command"] = json!(["sh", "-c", "x".repeat(padding << 10)]);
        }
        let world = Arc::new(World {
            nodes: List::new("NodeList", &with_managed_fields(node()), (nodes, page), nodes),
            pods: List::new("PodList", &with_managed_fields(pod), (pods, page), nodes),
            json_only: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
            compresses: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::clone(&world);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let world = Arc::clone(&shared);
                // A client that is done closes the connection.
                thread::spawn(move || world.serve(&stream).ok());
            }
        });
        Self { url, world }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the behavior from now on, for requests that permit it.
    pub(crate) fn speak(&self, way: Way) {
        let Way { encoding, is_new, compresses } = way;
        self.world.json_only.store(encoding == Encoding::Json, Ordering::Relaxed);
        self.world.is_new.store(is_new, Ordering::Relaxed);
        self.world.compresses.store(compresses, Ordering::Relaxed);
    }

    /// The number of bytes in bodies so far.
    pub(crate) fn sent(&self) -> u64 {
        self.world.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": self.url}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "users": [{"name": "bench", "user": {}}],
        })
        .to_string()
    }
}

impl World {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut lines = BufReader::new(stream).lines();
        while let Some(first) = lines.next().transpose()? {
            let (mut accepts_protobuf, mut accepts_gzip) = (false, false);
            while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
                let line = line.to_ascii_lowercase();
                accepts_protobuf |= line.starts_with("accept:") && line.contains(as_protobuf::MEDIA_TYPE);
                accepts_gzip |= line.starts_with("accept-encoding:") && line.contains("gzip");
            }
            let target = first.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let json_only = self.json_only.load(Ordering::Relaxed);
            let encoding = if accepts_protobuf && !json_only { Encoding::Protobuf } else { Encoding::Json };
            let list = match path {
                "/api/v1/nodes" => &self.nodes,
                "/api/v1/pods" => &self.pods,
                _ => {
                    self.small(path, stream)?;
                    continue;
                }
            };
            let media_type = encoding.media_type();
            let compressed = accepts_gzip && self.compresses.load(Ordering::Relaxed);
            // The end of a compressed answer is that of the connection.
            let coding = if compressed { "Content-Encoding: gzip\r\nConnection: close\r\n" } else { "" };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n{coding}");
            let mut target = Counted { stream, sent: &self.sent };
            target.stream.write_all(head.as_bytes())?;
            if compressed {
                target.stream.write_all(b"\r\n")?;
                let mut encoder = GzEncoder::new(target, Compression::fast());
                list.write(query, encoding, &mut encoder, |_, _| Ok(()))?;
                encoder.finish()?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            list.write(query, encoding, &mut target, |target, length| {
                write!(target.stream, "Content-Length: {length}\r\n\r\n")
            })?;
        }
        Ok(())
    }

    /// Answers requests that are no lists.
    fn small(&self, path: &str, mut stream: &TcpStream) -> std::io::Result<()> {
        let (status, body) = if path == "/version" && self.is_new.load(Ordering::Relaxed) {
            ("200 OK", json!({"major": "1", "minor": "37"}))
        } else {
            let body = json!({"kind": "Status", "apiVersion": "v1", "message": "not here", "code": 404});
            ("404 Not Found", body)
        };
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())
    }
}

/// Counts the bytes that are written.
struct Counted<'s> {
    stream: &'s TcpStream,
    sent: &'s AtomicU64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.sent.fetch_add(u64::try_from(written).unwrap_or_default(), Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Adds `managedFields`, which the API sends and `kubectl` leaves out.
fn with_managed_fields(mut object: Value) -> Value {
    let fields = |object: &Value| {
        let names = object.as_object().into_iter().flat_map(|fields| fields.keys());
        names.map(|name| (format!("f:{name}"), json!({".": {}}))).collect::<serde_json::Map<_, _>>()
    };
    let container = object.pointer("/spec/containers/0").cloned().unwrap_or_default();
    let variables = container["env"].as_array().cloned().unwrap_or_default();
    let variables = variables.iter().map(|one| {
        (format!("k:{{\"name\":{}}}", one["name"]), json!({".": {}, "f:name": {}, "f:value": {}}))
    });
    let spec = json!({
        "f:metadata": {"f:labels": fields(&object["metadata"]["labels"]), "f:annotations": fields(&object["metadata"]["annotations"])},
        "f:spec": {"f:containers": {"k:{\"name\":\"notebook\"}": fields(&container), "f:env": variables.collect::<serde_json::Map<_, _>>()}},
    });
    let status = json!({"f:status": fields(&object["status"])});
    let entry = |manager: &str, written: Value| {
        json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-15T08:00:00Z",
               "fieldsType": "FieldsV1", "fieldsV1": written})
    };
    object["metadata"]["managedFields"] = json!([entry("hub", spec), entry("kubelet", status)]);
    object
}
