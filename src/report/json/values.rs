//! The schemas of values that have no type of their own: settings in order, closed word lists.

use std::collections::BTreeSet;

use kube_rebalancer_core::plan::{
    ActionKind, CordonReason, DeleteReason, KeepReason, Limit, ParkReason, UncordonReason, WakeReason,
    Warning,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// The schema of [`settings`](kube_rebalancer_page::json::settings).
pub(super) fn settings_schema(_: &mut SchemaGenerator) -> Schema {
    let item = ["number", "boolean", "string", "array", "null"];
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": item, "items": { "type": "string" } },
    })
}

/// The word of an action.
pub(super) fn action_word(kind: ActionKind) -> &'static str {
    if kind == ActionKind::DeleteInstance { "deleteInstance" } else { kind.facts().verb }
}

/// Adds the rules of each kind to the schema of actions: its word, its fields, and the words of its reasons.
pub(super) fn each_kind(schema: &mut Schema) {
    let kinds = ActionKind::ALL.map(|kind| {
        let of_its_own: [(ActionKind, &[&str]); 6] = [
            (ActionKind::Wake, &["node", "instead", "insteadGrow"]),
            (ActionKind::Grow, &["group", "from", "to", "instead"]),
            (ActionKind::DeleteInstance, &["group", "instance"]),
            (ActionKind::Delete, &["node", "restarts"]),
            (ActionKind::Park, &["node", "restarts"]),
            (ActionKind::Evict, &["node", "namespace", "pod"]),
        ];
        let fields =
            of_its_own.iter().find(|(of, _)| *of == kind).map_or(&["node"][..], |(_, fields)| fields);
        json!({
            "properties": {
                "action": { "const": action_word(kind) },
                "reason": { "enum": kind.facts().reasons },
            },
            "required": fields,
        })
    });
    schema.insert("oneOf".to_owned(), json!(kinds));
}

/// The schema of a verdict's reason: a word of any reason type that a verdict can have.
pub(super) fn verdict_words(_: &mut SchemaGenerator) -> Schema {
    let words: BTreeSet<&str> = [
        KeepReason::WORDS,
        UncordonReason::WORDS,
        CordonReason::WORDS,
        DeleteReason::WORDS,
        ParkReason::WORDS,
        WakeReason::WORDS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect();
    json_schema!({ "type": "string", "enum": words })
}

/// The schema of a limit's reason.
pub(super) fn limit_words(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Limit::WORDS })
}

/// The schema of a warning's reason.
pub(super) fn warning_words(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = Warning::WORDS.iter().copied().chain(["Observed"]).collect();
    json_schema!({ "type": "string", "enum": words })
}

/// Whether a field that is absent at 0 is absent.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in so")]
pub(super) fn is_zero(number: &usize) -> bool {
    *number == 0
}
