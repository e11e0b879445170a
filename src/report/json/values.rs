//! The schemas of values that have no type of their own: settings in order, closed word lists.

use std::collections::BTreeSet;

use kube_rebalancer_core::plan::{
    CordonReason, DeleteReason, GrowReason, InstanceReason, KeepReason, Limit, MarkReason, UncordonReason,
    UnmarkReason, Warning,
};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The schema of [`settings`](kube_rebalancer_page::json::settings).
pub(super) fn settings_schema(_: &mut SchemaGenerator) -> Schema {
    let item = ["number", "boolean", "string", "array", "null"];
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": item, "items": { "type": "string" } },
    })
}

/// A reason type's closed list of words.
pub(super) trait Words {
    /// Every word.
    const WORDS: &'static [&'static str];
}

macro_rules! words {
    ($($reason:ty),* $(,)?) => {
        $(impl Words for $reason { const WORDS: &'static [&'static str] = <$reason>::WORDS; })*
    };
}

words!(
    UncordonReason,
    GrowReason,
    CordonReason,
    DeleteReason,
    InstanceReason,
    MarkReason,
    UnmarkReason,
    KeepReason
);

/// The schema of one reason type.
pub(super) fn reason_words<R: Words>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": R::WORDS })
}

/// The schema of a verdict's reason: a word of any reason type that a verdict can have.
pub(super) fn verdict_words(_: &mut SchemaGenerator) -> Schema {
    let words: BTreeSet<&str> =
        [KeepReason::WORDS, UncordonReason::WORDS, CordonReason::WORDS, DeleteReason::WORDS]
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
