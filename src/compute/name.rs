//! Names of things on Compute Engine, checked before they become part of a URL: the client escapes nothing, so a group
//! named `..` would address its zone.

use std::fmt;

/// A project id, such as `my-project` or `example.com:my-project`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectId(String);

/// A zone or a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Such as `us-central1-a`.
    Zone(String),
    /// Such as `us-central1`.
    Region(String),
}

/// A managed instance group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    /// Its project.
    pub project: ProjectId,
    /// Its zone or region.
    pub location: Location,
    /// Its name.
    pub name: String,
}

/// An instance. Two are the same only if all of it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId {
    /// Its project.
    pub project: ProjectId,
    /// Its zone.
    pub zone: String,
    /// Its name.
    pub name: String,
}

/// A name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {what}; expected {expected}")]
pub struct NameError {
    /// What it was meant to be.
    pub what: &'static str,
    /// What it is.
    pub value: String,
    /// What would be one.
    pub expected: &'static str,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Zone(name) | Self::Region(name)) = self;
        formatter.write_str(name)
    }
}
