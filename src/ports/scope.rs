//! Where a run looks for node groups.

use std::collections::BTreeSet;

use crate::{Environment, SharedNotes};

/// `PARK`: in which way an instance is parked, where its cloud knows several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParkBy {
    /// Its disk becomes an image and its host is free.
    #[default]
    Shelve,
    /// It is off and keeps its host.
    Stop,
}

/// `MAGNUM_DELETE`: whether Magnum may be asked to delete nodes by name, and by which driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MagnumDelete {
    /// It is never asked: a driver may ignore the names and delete others.
    #[default]
    Never,
    /// The driver of Heat, which deletes the named ones.
    Heat,
    /// The driver `magnum-cluster-api`, which deletes the named ones that it knows.
    ClusterApi,
}

/// Where to look for node groups; what is unset is found from the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudScope {
    /// `PROVIDER`: the name of a provider, for the nodes whose provider ID does not tell.
    pub provider: Option<String>,
    /// `PROJECT`.
    pub project: Option<String>,
    /// `ZONE`.
    pub zone: Option<String>,
    /// `NODE_GROUPS`: names of groups, parts of names, or what the names of a group's instances are like.
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
    /// Where a provider may keep what outlives the run; `None` where nothing can be kept.
    pub notes: Option<SharedNotes>,
    /// The environment, for credentials and what a cloud's own tools read.
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
    /// `EXEC_ENV`: the variables that they get, beside the usual ones; `PREFIX_*` for all that begin so.
    pub variables: BTreeSet<String>,
}
