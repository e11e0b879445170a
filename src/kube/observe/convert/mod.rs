//! Converts the API's objects to the model: pure, one object at a time.

mod constraints;
mod eviction;
mod node;
mod pod;
mod size;
mod volume;

use jiff::Timestamp;

pub(super) use node::node;
pub(super) use pod::{Identity, Reading, life, pod};
pub(super) use volume::{affinity_of_volume, claim, stored};

use super::raw::{Text, Time};

/// The text of a field that may be absent; an empty one counts as absent.
fn text<'a>(field: Option<&'a Text<'_>>) -> Option<&'a str> {
    field.and_then(Text::non_empty)
}

/// A time, if there is one. An unreadable one counts as absent: the API server accepts years beyond the range of the
/// calendar here, and that must not fail a run.
fn timestamp(field: Option<&Time<'_>>) -> Option<Timestamp> {
    field.and_then(Time::timestamp)
}

/// The group of an API version: `apps` of `apps/v1`, none of `v1`.
fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
