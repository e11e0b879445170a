//! What a command reads and writes: one JSON document each. The schema is published in `docs/exec.v1.schema.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube_rebalancer_ports::count_objects;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of both documents.
pub(crate) const SCHEMA: &str = "kube-rebalancer/exec/v1";

/// What a command reads from its standard input.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `kube-rebalancer/exec/v1`.
    pub(crate) schema: &'static str,
    /// What is asked for.
    pub(crate) verb: Verb,
    /// The node group; absent for `list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// `grow`: how many instances the group was asked to have so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<u32>,
    /// `grow`: how many it is to have; always more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<u32>,
    /// `list`: every node of the cluster. `delete`, `park`, `wake`: the nodes to change, and no other. `gone`: the nodes whose
    /// machines may be gone, and some whose machines are there. Empty for `grow`.
    pub(crate) nodes: Vec<RequestedNode>,
}

/// What is asked of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum Verb {
    /// To list the node groups with their instances.
    List,
    /// To give a group more instances.
    Grow,
    /// To delete the machines of these nodes.
    Delete,
    /// To stop the machines of these nodes so that they can be woken.
    Park,
    /// To start the parked machines of these nodes.
    Wake,
    /// To look whether the machines of these nodes are gone. It changes nothing.
    Gone,
}

impl Verb {
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::List => "EXEC_LIST",
            Self::Grow => "EXEC_GROW",
            Self::Delete => "EXEC_DELETE",
            Self::Park => "EXEC_PARK",
            Self::Wake => "EXEC_WAKE",
            Self::Gone => "EXEC_GONE",
        }
    }
}

/// A node by everything that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct RequestedNode {
    /// `metadata.name`.
    pub(crate) name: String,
    /// `spec.providerID`.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub(crate) provider_id: Option<String>,
    /// `metadata.uid`.
    pub(crate) uid: String,
    /// `status.nodeInfo.systemUUID`.
    #[serde(rename = "systemUUID", skip_serializing_if = "Option::is_none")]
    pub(crate) system_uuid: Option<String>,
}

/// What a command writes to its standard output. Nothing at all is an empty document; `list` must answer with groups.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// `kube-rebalancer/exec/v1`, if it is there at all.
    pub(crate) schema: Option<String>,
    /// `list`: the node groups.
    pub(crate) groups: Option<Vec<AnsweredGroup>>,
    /// `delete`, `park`, `wake`: what became of some of the nodes. The exit code speaks for the others.
    pub(crate) nodes: Vec<AnsweredNode>,
    /// `gone`: what became of each machine. Without an answer for a node, its machine counts as not known.
    pub(crate) machines: Vec<AnsweredMachine>,
    /// A sentence for a person.
    pub(crate) message: Option<String>,
}

/// Maximum number of objects in an answer: a text of a few megabytes is large in memory if it is many objects.
const MOST_OBJECTS: usize = 200_000;

impl Answer {
    /// Reads what a command wrote.
    pub(crate) fn read(output: &[u8]) -> Result<Self, String> {
        if output.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        if count_objects(output) > MOST_OBJECTS {
            return Err(format!("it has more than {MOST_OBJECTS} objects"));
        }
        let answer: Self = serde_json::from_slice(output).map_err(|error| error.to_string())?;
        match &answer.schema {
            Some(schema) if schema != SCHEMA => Err(format!("its schema is `{schema}`, expected `{SCHEMA}`")),
            Some(_) | None => Ok(answer),
        }
    }
}

/// A node group.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredGroup {
    /// Its name; no other group has it.
    pub(crate) name: String,
    /// The zone of its machines, if they share one.
    pub(crate) zone: Option<String>,
    /// The number of instances that it was asked to have; if absent, the number of listed instances.
    pub(crate) size: Option<u32>,
    /// Its instances, including parked instances and instances being created.
    pub(crate) instances: Vec<AnsweredInstance>,
    /// Why it must not grow.
    pub(crate) not_growable: Option<String>,
    /// Why nothing of it must be deleted.
    pub(crate) not_shrinkable: Option<String>,
    /// Why nothing of it can be parked.
    pub(crate) not_parkable: Option<String>,
    /// Why nothing of it can be woken.
    pub(crate) not_wakeable: Option<String>,
    /// What a new node of it would be like.
    pub(crate) template: Option<AnsweredTemplate>,
}

/// What a new node of a group would be like.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredTemplate {
    /// `status.allocatable.memory`, such as `15Gi`.
    pub(crate) memory: Option<String>,
    /// `status.allocatable.cpu`, such as `7900m`.
    pub(crate) cpu: Option<String>,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// An instance of a group.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredInstance {
    /// Its name. The node on it has the same.
    pub(crate) name: String,
    /// The `spec.providerID` that its node has or will have.
    #[serde(rename = "providerID")]
    pub(crate) provider_id: Option<String>,
    /// The `status.nodeInfo.systemUUID` that its node has or will have, in any case.
    #[serde(rename = "systemUUID")]
    pub(crate) system_uuid: Option<String>,
    /// What it is doing.
    pub(crate) state: AnsweredState,
    /// When it was created.
    #[schemars(with = "Option<String>")]
    pub(crate) created_at: Option<Timestamp>,
    /// Why creating it failed, if it did.
    pub(crate) error: Option<String>,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum AnsweredState {
    /// It is being made.
    Creating,
    /// It runs, or starts.
    #[default]
    Present,
    /// It is parked, or on its way there.
    Parked,
    /// It is being deleted.
    Leaving,
}

/// What became of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredNode {
    /// The node.
    pub(crate) name: String,
    /// What became of it.
    pub(crate) result: AnsweredResult,
    /// A sentence for a person.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum AnsweredResult {
    /// It is done, or accepted.
    Done,
    /// It was so already.
    AlreadySo,
    /// Not now; a later run may try again.
    Busy,
    /// It cannot be done.
    Cannot,
    /// It failed, and nothing was changed.
    Failed,
}

/// What became of the machine of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredMachine {
    /// The node.
    pub(crate) name: String,
    /// What became of its machine.
    pub(crate) state: MachineState,
    /// A sentence for a person.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// What became of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum MachineState {
    /// Exactly this machine is gone, and will not come back.
    Gone,
    /// It is there, running or not, or still being deleted.
    Present,
    /// It cannot be told.
    Unknown,
}

/// The JSON Schema of both documents.
#[must_use]
pub fn schema() -> serde_json::Value {
    let (request, answer) = (schemars::schema_for!(Request), schemars::schema_for!(Answer));
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "What a command of PROVIDER=exec reads from its standard input, and writes to its standard output.",
        "properties": { "request": request, "answer": answer },
    })
}
