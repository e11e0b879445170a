//! The scope in which a run looks for node groups.

use std::collections::BTreeSet;

use crate::{Environment, SharedNotes};

/// `PARK`: the way in which an instance is parked, if its cloud has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParkBy {
    /// Its disk becomes an image, and it frees its host.
    #[default]
    Shelve,
    /// It is off and keeps its host.
    Stop,
}

/// `MAGNUM_DELETE`: whether Magnum may be asked to delete nodes by name, and by which driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MagnumDelete {
    /// Never: a driver may ignore the names and delete others.
    #[default]
    Never,
    /// The driver of Heat, which deletes the named ones.
    Heat,
    /// The driver `magnum-cluster-api`, which deletes the named ones that it knows.
    ClusterApi,
}

/// The scope in which to look for node groups; unset values are found from the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudScope {
    /// `PROVIDER`: the name of a provider, for nodes whose provider ID names no known one.
    pub provider: Option<String>,
    /// `PROJECT`.
    pub project: Option<String>,
    /// `ZONE`.
    pub zone: Option<String>,
    /// `NODE_GROUPS`: names of groups, parts of names, or patterns of the names of a group's instances.
    pub node_groups: BTreeSet<String>,
    /// `COMPUTE_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `PARK`.
    pub park_by: ParkBy,
    /// `MAGNUM_DELETE`.
    pub magnum_delete: MagnumDelete,
    /// `CLOUD_CONFIG`: the file of OpenStack's cloud controller with the credentials.
    pub cloud_config: Option<String>,
    /// The operator's own commands.
    pub commands: Commands,
    /// The store of notes that outlive the run; `None` if nothing can be stored.
    pub notes: Option<SharedNotes>,
    /// The environment, for credentials and the variables of a cloud's own tools.
    pub environment: Environment,
}

/// The operator's own commands, each program and arguments; `None` where one is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// `EXEC_LIST`.
    pub list: Option<Vec<String>>,
    /// `EXEC_GROW`.
    pub grow: Option<Vec<String>>,
    /// `EXEC_DELETE`.
    pub delete: Option<Vec<String>>,
    /// `EXEC_PARK`.
    pub park: Option<Vec<String>>,
    /// `EXEC_WAKE`.
    pub wake: Option<Vec<String>>,
    /// `EXEC_GONE`.
    pub gone: Option<Vec<String>>,
    /// `EXEC_ENV`: the variables that they get in addition to the usual ones; `PREFIX_*` for all with
    /// this prefix.
    pub variables: BTreeSet<String>,
}
