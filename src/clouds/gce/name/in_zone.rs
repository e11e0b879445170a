//! Names of objects in a zone.

use std::fmt;
use std::marker::PhantomData;

use super::{NameError, ProjectId, Zone, grammar};

/// An object of a kind in a zone. Two are equal only if all parts are. Shown as `ZONE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InZone<Kind> {
    pub(super) project: ProjectId,
    pub(super) zone: Zone,
    pub(super) name: String,
    kind: PhantomData<Kind>,
}

/// An instance, such as `us-central1-a/hub-users-0x3f`.
pub type InstanceId = InZone<Instance>;

/// A machine type of a zone, such as `us-central1-a/e2-standard-4`.
pub type MachineTypeId = InZone<MachineType>;

/// The kind of an [`InstanceId`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instance {}

/// The kind of a [`MachineTypeId`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MachineType {}

/// The texts of errors about wrong names of a kind.
pub trait Kind {
    /// The noun for the name.
    const WHAT: &str;
    /// The expected form.
    const EXPECTED: &str;
}

impl Kind for Instance {
    const WHAT: &str = "name of an instance";
    const EXPECTED: &str =
        "a name such as `hub-users-0x3f`: lower case letters, digits and hyphens, at most 63";
}

impl Kind for MachineType {
    const WHAT: &str = "name of a machine type";
    const EXPECTED: &str =
        "a name such as `e2-standard-4`: lower case letters, digits and hyphens, at most 63";
}

impl<K: Kind> InZone<K> {
    /// Makes the name from its parts.
    pub fn new(project: ProjectId, zone: Zone, name: &str) -> Result<Self, NameError> {
        let name = NameError::check(grammar::is_label(name), K::WHAT, name, K::EXPECTED)?;
        Ok(Self { project, zone, name, kind: PhantomData })
    }

    /// Its project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Its zone.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<K> fmt::Display for InZone<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.zone, self.name)
    }
}
