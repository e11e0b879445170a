//! What AWS tells about an instance that does not exist yet: launch templates and types of instances.

use kube_rebalancer_join::{Hardware, NodeSize};

/// Where a group has the type of a new instance from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The group names the type.
    Kind(String),
    /// A version of a launch template.
    Template(TemplateVersion),
    /// AWS chooses a type that meets requirements.
    Requirements,
}

/// A version of a launch template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TemplateVersion {
    /// Its ID or, if that is not known, its name.
    pub(crate) template: TemplateName,
    /// A number, `$Default` or `$Latest`.
    pub(crate) version: String,
}

/// A launch template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TemplateName {
    /// By its ID.
    Id(String),
    /// By its name.
    Name(String),
}

impl TemplateVersion {
    /// Its ID or name.
    pub(crate) fn name(&self) -> &str {
        match &self.template {
            TemplateName::Id(name) | TemplateName::Name(name) => name,
        }
    }
}

/// A type of instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MachineKind {
    /// Its name, such as `m5.xlarge`.
    pub(crate) name: String,
    /// Its hardware.
    pub(crate) hardware: Hardware,
    /// Whether its processors are of ARM's kind; `None` if it takes several.
    pub(crate) is_arm: Option<bool>,
    /// The number of pods that get an address of its network interfaces.
    pub(crate) pods: u64,
}

/// What a group's launch template shows of its next node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeShape {
    /// Its size: of several possible types the smallest amounts.
    pub(crate) size: NodeSize,
    /// The type, if only one is possible.
    pub(crate) kind: Option<String>,
    /// The label of its architecture, if all possible types have the same.
    pub(crate) architecture: Option<&'static str>,
}
