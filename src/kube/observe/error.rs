//! The errors of an input or an object in it, and warnings about unusual ones.

use std::{fmt, io};

use kube_rebalancer_core::model::{QuantityError, SnapshotError};

use super::kinds::KindsFound;
use super::protobuf::BrokenProtobuf;

/// The reason why no snapshot could be made.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// One of the inputs could not be read. Its display is the name; the source has the reason.
    #[error("{name}")]
    Input {
        /// The path of the file, or `standard input`.
        name: String,
        /// The problem.
        #[source]
        problem: ReadProblem,
    },
    /// All inputs together hold no nodes.
    #[error(
        "the input has {pods} pods but no nodes, expected what `kubectl get nodes,pods,pv -A -o json` prints, or a second \
         --from with the nodes"
    )]
    NoNodes {
        /// The number of pods.
        pods: usize,
    },
    /// The inputs have an object twice.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// The problem of an input.
#[derive(Debug, thiserror::Error)]
pub enum ReadProblem {
    /// It cannot be opened.
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    /// Reading it failed halfway.
    #[error("reading it failed")]
    Read(#[source] io::Error),
    /// It is a directory.
    #[error("is a directory, expected a file")]
    Directory,
    /// A list of a live cluster has more objects than any cluster.
    #[error("the list has more than {most} objects, more than any cluster: nothing is read on")]
    TooMany {
        /// The bound.
        most: usize,
    },
    /// It is empty.
    #[error("is empty, expected what `kubectl get nodes,pods,pv -A -o json` prints")]
    Empty,
    /// It is text in UTF-16.
    #[error(
        "is in UTF-16, expected UTF-8; Windows PowerShell writes UTF-16 where a command's output is redirected with >, \
         use `kubectl ... | Set-Content -Encoding utf8 FILE` or cmd"
    )]
    Utf16,
    /// It is compressed.
    #[error("is compressed with gzip, unpack it first")]
    Gzip,
    /// It is no text.
    #[error("is binary, expected JSON or YAML")]
    Binary,
    /// JSON is expected, but it does not begin so.
    #[error("is not JSON, expected what `kubectl get pods -A -o json` prints")]
    NotJson,
    /// It begins like JSON but is not valid.
    #[error("is not a JSON document of Kubernetes objects")]
    Json(#[source] JsonError),
    /// It is JSON that was cut off.
    #[error("is cut off: the JSON document is incomplete at the end of the input, after {bytes} bytes")]
    Truncated {
        /// The length of the input.
        bytes: u64,
    },
    /// It is neither JSON nor YAML.
    #[error(
        "is neither JSON nor YAML of Kubernetes objects and begins with {first_line:?}, expected what \
         `kubectl get nodes,pods,pv -A -o json` prints"
    )]
    Yaml {
        /// Its first line, or the beginning of it.
        first_line: String,
        /// The error of the YAML parser.
        #[source]
        error: Box<serde_saphyr::Error>,
    },
    /// It is a page for a browser.
    #[error("is HTML, such as the login page of a proxy, expected Kubernetes objects")]
    Html,
    /// The API server answered with another kind than requested.
    #[error("is {}, expected {expected}", found.as_deref().unwrap_or("an object without a kind"))]
    OtherAnswer {
        /// The received kind.
        found: Option<String>,
        /// The requested kind.
        expected: &'static str,
    },
    /// The API server's answer is not valid JSON of the expected form.
    #[error("is not a valid answer of an API server")]
    Answer(#[source] serde_json::Error),
    /// The same of an answer in protobuf.
    #[error("is not a valid answer of an API server")]
    Protobuf(#[from] BrokenProtobuf),
    /// An object in it cannot be understood.
    #[error(transparent)]
    Object(Box<ObjectError>),
    /// It holds neither nodes nor pods.
    #[error(
        "has neither nodes nor pods in it but {found}, expected what `kubectl get nodes,pods,pv -A -o json` prints"
    )]
    NothingUseful {
        /// The kinds in it.
        found: KindsFound,
    },
}

/// The error of the JSON parser, with its place in the whole input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct JsonError {
    /// The error.
    pub message: String,
    /// The line, from one.
    pub line: usize,
    /// The column in bytes, from one.
    pub column: usize,
}

/// A field of an object that cannot be understood. Its display is the place of the problem; the source is the
/// problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {field}")]
pub struct ObjectError {
    /// The object.
    pub object: ObjectName,
    /// The path of the field, such as `spec.containers[1].resources.requests.memory`.
    pub field: String,
    /// The problem.
    #[source]
    pub problem: FieldProblem,
}

/// The problem of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It is not a usable quantity.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// It is not a time.
    #[error("{text:?} is not a time, expected RFC 3339 such as 2026-01-15T09:00:00Z")]
    Timestamp {
        /// The text.
        text: String,
    },
    /// It is absent.
    #[error("missing, every object has one")]
    Missing,
    /// The kind of the object is not known before its end.
    #[error(
        "missing or of another kind, and the list it is in does not say what it is a list of before its items"
    )]
    UnknownKind,
    /// An item of a list of one kind has another kind.
    #[error("{found}, in a list of {expected}")]
    OtherKind {
        /// The kind of the item.
        found: String,
        /// The kind of the list's items.
        expected: &'static str,
    },
    /// The API server reports a failure where objects were expected.
    #[error("a Status and no list of objects; the API server says: {message}")]
    Status {
        /// The server's message.
        message: String,
    },
    /// It is the API server's table for people.
    #[error("a Table and no list of objects; the server sends it for people, expected JSON of the objects")]
    Table,
    /// The list is one page of several.
    #[error(
        "set: this is one page of a list, the rest is elsewhere; `kubectl get nodes,pods,pv -A -o json` prints the whole"
    )]
    OnePage,
    /// The list has no kind.
    #[error("missing, expected List, NodeList or PodList (a YAML file that was cut off looks like this)")]
    ListWithoutKind,
}

/// A problem and its field, before the object is known.
#[derive(Debug)]
pub(super) struct BadField {
    pub(super) field: String,
    pub(super) problem: FieldProblem,
}

impl BadField {
    pub(super) fn new(field: impl Into<String>, problem: impl Into<FieldProblem>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    pub(super) fn of(self, object: ObjectName) -> ObjectError {
        ObjectError { object, field: self.field, problem: self.problem }
    }
}

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectName {
    /// A node.
    Node(String),
    /// A pod, by namespace and name.
    Pod(String, String),
    /// An object without a name, by its kind.
    Unnamed(&'static str),
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(formatter, "node {name}"),
            Self::Pod(namespace, name) => write!(formatter, "pod {namespace}/{name}"),
            Self::Unnamed(what) => write!(formatter, "{what}"),
        }
    }
}

/// An unusual fact that was ignored. Each message has the consequence for the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadWarning {
    /// A taint with an effect that Kubernetes 1.35 does not have.
    UnknownTaintEffect {
        /// The node.
        node: String,
        /// The taint's key.
        taint: String,
        /// The effect.
        effect: String,
    },
    /// A toleration with an operator or effect that this program does not know.
    UnknownToleration {
        /// The pod.
        pod: ObjectName,
        /// The toleration's key.
        key: String,
        /// Its operator and effect.
        text: String,
    },
    /// A node of a live cluster with an unreadable field.
    UnreadableNode {
        /// The node.
        node: String,
        /// The field with its problem.
        what: String,
    },
    /// A pod of a live cluster with an unreadable request.
    UnreadablePod {
        /// The pod.
        pod: ObjectName,
        /// The field with its problem.
        what: String,
    },
    /// A pod of a live cluster that is larger than anything legitimate.
    LargePod {
        /// The pod.
        pod: ObjectName,
        /// The part that is too large.
        what: String,
    },
    /// Further warnings of one kind.
    More {
        /// The kind.
        kind: WarningKind,
        /// The number.
        count: usize,
    },
}

/// The kinds of warnings that an object of a user may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// [`ReadWarning::UnknownTaintEffect`].
    UnknownTaintEffect,
    /// [`ReadWarning::UnknownToleration`].
    UnknownToleration,
    /// [`ReadWarning::UnreadableNode`].
    UnreadableNode,
    /// [`ReadWarning::UnreadablePod`].
    UnreadablePod,
    /// [`ReadWarning::LargePod`].
    LargePod,
}

impl ReadWarning {
    /// Its kind; `None` if it counts others.
    pub(super) fn kind(&self) -> Option<WarningKind> {
        match self {
            Self::UnknownTaintEffect { .. } => Some(WarningKind::UnknownTaintEffect),
            Self::UnknownToleration { .. } => Some(WarningKind::UnknownToleration),
            Self::UnreadableNode { .. } => Some(WarningKind::UnreadableNode),
            Self::UnreadablePod { .. } => Some(WarningKind::UnreadablePod),
            Self::LargePod { .. } => Some(WarningKind::LargePod),
            Self::More { .. } => None,
        }
    }
}

impl WarningKind {
    /// What several objects have in common.
    fn words(self) -> &'static str {
        match self {
            Self::UnknownTaintEffect => "taints of nodes are ignored, because their effects are unknown",
            Self::UnknownToleration => {
                "tolerations of pods are ignored, because their operators or effects are unknown"
            }
            Self::UnreadableNode => "nodes are left alone, their pods count",
            Self::UnreadablePod => "pods keep their nodes and count as requests of nothing",
            Self::LargePod => "pods count as pods that fit no node",
        }
    }
}

impl fmt::Display for ReadWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTaintEffect { node, taint, effect } => {
                write!(formatter, "node {node}: taint {taint} is ignored, its effect {effect:?} is unknown")
            }
            Self::UnknownToleration { pod, key, text } => {
                write!(formatter, "{pod}: the toleration of {key:?} is ignored, {text} is unknown")
            }
            Self::UnreadableNode { node, what } => {
                write!(formatter, "node {node} is left alone, its pods count: {what}")
            }
            Self::UnreadablePod { pod, what } => {
                write!(formatter, "{pod} keeps its node and counts as a request of nothing: {what}")
            }
            Self::LargePod { pod, what } => {
                write!(formatter, "{pod} counts as a pod that fits no node: {what}")
            }
            Self::More { kind, count } => write!(formatter, "{count} more {}", kind.words()),
        }
    }
}
