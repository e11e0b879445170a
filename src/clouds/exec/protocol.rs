//! What a command reads and writes: one JSON document each. The schema is published in `docs/exec.v1.schema.json`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube_rebalancer_ports::count_objects;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of both documents.
pub(crate) const SCHEMA: &str = "kube-rebalancer/exec/v1";

/// The document that a command reads from its standard input.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `kube-rebalancer/exec/v1`.
    pub(crate) schema: &'static str,
    /// The request.
    pub(crate) verb: Verb,
    /// The node group; absent for `list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// `grow`: the number of instances that the group has been asked for so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<u32>,
    /// `grow`: the new number of instances; always larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<u32>,
    /// `list`: every node of the cluster. `delete`, `park`, `wake`: the nodes to change, and no other. `gone`: the nodes whose
    /// machines may be gone, and some whose machines exist. Empty for `grow`.
    pub(crate) nodes: Vec<RequestedNode>,
}

/// The kind of a request.
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
    /// To report whether the machines of these nodes are gone. It changes nothing.
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

/// A node with all of its identifiers.
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

/// The document that a command writes to its standard output. No output is an empty document; `list` must answer with groups.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// `kube-rebalancer/exec/v1`, if present.
    pub(crate) schema: Option<String>,
    /// `list`: the node groups.
    pub(crate) groups: Option<Vec<AnsweredGroup>>,
    /// `delete`, `park`, `wake`: the results for some of the nodes. The exit code is the result for the others.
    pub(crate) nodes: Vec<AnsweredNode>,
    /// `gone`: the state of each machine. Without an answer for a node, its machine counts as unknown.
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
    /// The requested number of instances; if absent, the number of listed instances.
    pub(crate) size: Option<u32>,
    /// Its instances, including parked instances and instances being created.
    pub(crate) instances: Vec<AnsweredInstance>,
    /// Why it must not grow.
    pub(crate) not_growable: Option<String>,
    /// Why none of its instances must be deleted.
    pub(crate) not_shrinkable: Option<String>,
    /// Why none of its instances can be parked.
    pub(crate) not_parkable: Option<String>,
    /// Why none of its instances can be woken.
    pub(crate) not_wakeable: Option<String>,
    /// The expected new node of the group.
    pub(crate) template: Option<AnsweredTemplate>,
}

/// The expected new node of a group.
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
    /// The `status.nodeInfo.systemUUID` that its node has or will have, in any letter case.
    #[serde(rename = "systemUUID")]
    pub(crate) system_uuid: Option<String>,
    /// Its state.
    pub(crate) state: AnsweredState,
    /// When it was created. Without it, an instance that is no node is as old as its first sighting by a run.
    #[schemars(with = "Option<String>")]
    pub(crate) created_at: Option<Timestamp>,
    /// Why its creation failed, if it did.
    pub(crate) error: Option<String>,
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum AnsweredState {
    /// It is being created.
    Creating,
    /// It runs, or starts.
    #[default]
    Present,
    /// It is parked, or being parked.
    Parked,
    /// It is being deleted.
    Leaving,
}

/// The result for a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredNode {
    /// The node.
    pub(crate) name: String,
    /// The result.
    pub(crate) result: AnsweredResult,
    /// A sentence for a person.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// The result for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum AnsweredResult {
    /// It is done, or accepted.
    Done,
    /// The state was already as requested.
    AlreadySo,
    /// Not now; a later run may try again.
    Busy,
    /// It cannot be done.
    Cannot,
    /// It failed, and nothing was changed.
    Failed,
}

/// The state of a node's machine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct AnsweredMachine {
    /// The node.
    pub(crate) name: String,
    /// The state of its machine.
    pub(crate) state: MachineState,
    /// A sentence for a person.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// The state of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) enum MachineState {
    /// Exactly this machine is gone, and will not come back.
    Gone,
    /// It exists, running or not, or is still being deleted.
    Present,
    /// It is not known.
    Unknown,
}

/// The parts of an answer by the names of their nodes: each once, and none about a node that was not asked about.
pub(crate) fn sorted<'a, T>(
    parts: impl Iterator<Item = (&'a str, &'a T)>,
    asked: &BTreeSet<&str>,
) -> Result<BTreeMap<&'a str, &'a T>, String> {
    let mut by_name = BTreeMap::new();
    for (name, part) in parts {
        if !asked.contains(name) {
            return Err(format!("the command answers for node {name}, which it was not asked about"));
        }
        if by_name.insert(name, part).is_some() {
            return Err(format!("the command answers for node {name} twice"));
        }
    }
    Ok(by_name)
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
