//! A read-only API server of many nodes and pods, which are made from templates while a page is written: that costs little
//! more than copying them, and no memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::super::dump::{NAME, NODE, node, user_pod};

/// How a list is written.
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

/// The server; its threads end with the process.
pub(crate) struct Server {
    url: String,
    world: Arc<World>,
}

struct World {
    nodes: List,
    pods: List,
    /// Whether it answers in JSON whatever it is asked for.
    json_only: AtomicBool,
    sent: AtomicU64,
}

/// A list whose objects differ in a number.
struct List {
    kind: &'static str,
    count: usize,
    /// The number of nodes, over which pods are spread.
    nodes: usize,
    json: Template,
    protobuf: Template,
}

/// An object, and where its numbers go in: six digits each, so that nothing changes its length.
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
    fn new(kind: &'static str, object: &Value, count: usize, nodes: usize) -> Self {
        let mut bare = object.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        let item = kind.strip_suffix("List").expect("a list");
        // An item of a list, with its field number and its length in front.
        let protobuf = as_protobuf::item(&as_protobuf::bare(item, object));
        let json = bare.to_string().into_bytes();
        Self { kind, count, nodes, json: Template::new(json), protobuf: Template::new(protobuf) }
    }

    fn page(&self, query: &str, encoding: Encoding) -> Vec<u8> {
        let number = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)).and_then(|value| value.parse().ok())
        };
        let from: usize = number("continue=").unwrap_or(0);
        let end = match number("limit=") {
            None | Some(0) => self.count,
            Some(limit) => self.count.min(from + limit),
        };
        let mut metadata = json!({"resourceVersion": "5000"});
        if end < self.count {
            metadata["continue"] = json!(end.to_string());
        }
        let template = if encoding == Encoding::Json { &self.json } else { &self.protobuf };
        let mut items = Vec::with_capacity((end - from) * (template.bytes.len() + 1));
        for number in from..end {
            if encoding == Encoding::Json && number > from {
                items.push(b',');
            }
            template.write(number, number % self.nodes, &mut items);
        }
        match encoding {
            Encoding::Json => {
                let head =
                    format!(r#"{{"kind":"{}","apiVersion":"v1","metadata":{metadata},"items":["#, self.kind);
                [head.as_bytes(), &items, b"]}\n"].concat()
            }
            Encoding::Protobuf => as_protobuf::list_of_items(self.kind, &metadata, &items),
        }
    }
}

impl Server {
    pub(crate) fn start(nodes: usize, pods: usize) -> Self {
        let world = Arc::new(World {
            nodes: List::new("NodeList", &with_managed_fields(node()), nodes, nodes),
            pods: List::new("PodList", &with_managed_fields(user_pod(15)), pods, nodes),
            json_only: AtomicBool::new(false),
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

    /// Answers in this encoding from now on, if it is asked for it.
    pub(crate) fn speak(&self, encoding: Encoding) {
        self.world.json_only.store(encoding == Encoding::Json, Ordering::Relaxed);
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
            let mut accepts_protobuf = false;
            while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
                let line = line.to_ascii_lowercase();
                accepts_protobuf |= line.starts_with("accept:") && line.contains(as_protobuf::MEDIA_TYPE);
            }
            let target = first.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let json_only = self.json_only.load(Ordering::Relaxed);
            let encoding = if accepts_protobuf && !json_only { Encoding::Protobuf } else { Encoding::Json };
            let (status, media_type, body) = match path {
                "/api/v1/nodes" => ("200 OK", encoding.media_type(), self.nodes.page(query, encoding)),
                "/api/v1/pods" => ("200 OK", encoding.media_type(), self.pods.page(query, encoding)),
                _ => {
                    let status =
                        json!({"kind": "Status", "apiVersion": "v1", "message": "not here", "code": 404});
                    ("404 Not Found", "application/json", status.to_string().into_bytes())
                }
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
            );
            let mut target = stream;
            target.write_all(head.as_bytes())?;
            target.write_all(&body)?;
            self.sent.fetch_add(u64::try_from(length).unwrap_or_default(), Ordering::Relaxed);
        }
        Ok(())
    }
}

/// What `kubectl` leaves out and the API does not: which program wrote which field.
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
