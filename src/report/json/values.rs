//! Values that need care on their way to JSON: decimals without float arithmetic, settings in order, closed word lists.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kube_rebalancer_core::plan::{
    CordonReason, DeleteReason, GrowReason, KeepReason, MarkReason, UncordonReason, UnmarkReason,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use crate::report::Setting;

/// A ratio in parts per million, written as a number: 412,000 as `0.412`.
///
/// It is put together as decimal text and only then read as a float: the shortest text of the nearest float to a
/// decimal of so few digits is that decimal again, so programs see exactly the digits that were decided on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal(pub(crate) u128);

impl Decimal {
    const ONE: u128 = 1_000_000;
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:06}", self.0 / Self::ONE, self.0 % Self::ONE);
        let number: f64 = text.parse().map_err(S::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Decimal")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// An object with a field for each setting, in the order in which they are given.
pub(crate) fn settings<S: Serializer>(settings: &[Setting<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|setting| (setting.name, &setting.json)))
}

/// The schema of [`settings`].
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

words!(UncordonReason, GrowReason, CordonReason, DeleteReason, MarkReason, UnmarkReason, KeepReason);

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
