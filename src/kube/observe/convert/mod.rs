//! From the API's objects to the model: pure, one object at a time.

mod constraints;
mod node;
mod pod;

use jiff::Timestamp;

pub(super) use node::node;
pub(super) use pod::{Identity, life, pod};

use super::error::{BadField, FieldProblem};
use super::raw::Text;

/// The text of a field that may be absent; an empty one counts as absent.
fn text<'a>(field: Option<&'a Text<'_>>) -> Option<&'a str> {
    field.and_then(Text::non_empty)
}

/// A time, where there is one.
fn timestamp(field: Option<&Text<'_>>, path: impl FnOnce() -> String) -> Result<Option<Timestamp>, BadField> {
    field
        .map(|text| {
            text.as_str().parse().map_err(|_: jiff::Error| {
                BadField::new(path(), FieldProblem::Timestamp { text: text.as_str().to_owned() })
            })
        })
        .transpose()
}
