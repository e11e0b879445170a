//! Names of objects on Compute Engine, validated before they become part of a URL: the client escapes nothing, so a
//! group named `..` would address its zone.
//!
//! ```text
//!   settings -------> ProjectId, Zone          gce://project/zone/instance --> InstanceId
//!   selfLink -------> GroupId                  instance URL -----------------> InstanceId
//! ```

mod grammar;
mod in_zone;
mod template;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::str::FromStr;

pub use in_zone::{InstanceId, MachineTypeId};
pub use template::TemplateId;

/// A project id, such as `my-project` or `example.com:my-project`, or a project number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectId(String);

/// A zone, such as `us-central1-a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone(String);

/// A region, such as `us-central1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region(String);

/// A zone or a region: the location of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The instances of a zonal group are in its zone.
    Zone(Zone),
    /// The instances of a regional group are in any of its region's zones.
    Region(Region),
}

/// A managed instance group. Shown as `us-central1-a/hub-users`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    project: ProjectId,
    location: Location,
    name: String,
}

/// A text that is no valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {what}; expected {expected}")]
pub struct NameError {
    /// The expected kind of name.
    pub what: &'static str,
    /// The text.
    pub value: String,
    /// The expected form.
    pub expected: &'static str,
}

impl NameError {
    fn check(valid: bool, what: &'static str, value: &str, expected: &'static str) -> Result<String, Self> {
        let value = value.to_owned();
        if valid { Ok(value) } else { Err(Self { what, value, expected }) }
    }
}

impl ProjectId {
    /// The project id as Compute Engine writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let expected = "a project id such as `my-project` or `example.com:my-project`";
        NameError::check(grammar::is_project(text), "project id", text, expected).map(Self)
    }
}

impl Zone {
    /// The zone as Compute Engine writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone's region.
    #[must_use]
    pub fn region(&self) -> Region {
        let region = self.0.rsplit_once('-').map_or(self.0.as_str(), |(region, _)| region);
        Region(region.to_owned())
    }
}

impl FromStr for Zone {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let expected = "a zone such as `us-central1-a`";
        NameError::check(grammar::is_zone(text), "zone", text, expected).map(Self)
    }
}

impl Region {
    /// The region as Compute Engine writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let expected = "a region such as `us-central1`";
        NameError::check(grammar::is_region(text), "region", text, expected).map(Self)
    }
}

impl Location {
    /// Whether an instance in `zone` can belong to a group at this location.
    #[must_use]
    pub fn contains(&self, zone: &Zone) -> bool {
        match self {
            Self::Zone(own) => own == zone,
            Self::Region(own) => *own == zone.region(),
        }
    }
}

impl GroupId {
    /// A group by its parts.
    pub fn new(project: ProjectId, location: Location, name: &str) -> Result<Self, NameError> {
        let expected = "a name such as `hub-users`: lower case letters, digits and hyphens, at most 63";
        let name = NameError::check(grammar::is_label(name), "name of an instance group", name, expected)?;
        Ok(Self { project, location, name })
    }

    /// Its project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Its zone or region.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(zone) => zone.fmt(formatter),
            Self::Region(region) => region.fmt(formatter),
        }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.location, self.name)
    }
}
