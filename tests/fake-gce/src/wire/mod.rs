//! What things look like on the wire: the JSON of Compute Engine's REST API.

mod error;
mod group;
mod instance;
mod operation;
mod page;
mod place;
mod template;

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

pub(crate) use self::error::error;
pub(crate) use self::group::{autoscaler, instance_group, manager};
pub(crate) use self::instance::{machine, managed_instance};
pub(crate) use self::operation::operation;
pub(crate) use self::page::{Page, page, scoped};
pub(crate) use self::place::{project, region, zone};
pub(crate) use self::template::{machine_type, template};

/// The prefix of URLs of resources, independent of the fake's address.
pub(crate) const ROOT: &str = "https://www.googleapis.com/compute/v1";

/// The URL of a thing.
fn link(path: impl Display) -> String {
    format!("{ROOT}/{path}")
}

/// A time as Compute Engine writes it: in California, to the millisecond.
fn time(timestamp: Timestamp) -> String {
    let zoned = timestamp.to_zoned(TimeZone::fixed(Offset::constant(-8)));
    zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// The object without the members that are null: Compute Engine leaves out what is not there.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// A list of resources, with the token of the next page if there is one.
pub(crate) fn list(kind: &str, items: Vec<Value>, next: Option<&str>) -> Value {
    without_nulls(json!({
        "kind": format!("compute#{kind}List"),
        "id": format!("{kind}-list"),
        "items": if items.is_empty() { Value::Null } else { Value::from(items) },
        "nextPageToken": next,
    }))
}
