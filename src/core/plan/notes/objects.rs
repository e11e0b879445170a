//! The objects that warnings are about.

use super::Warning;

impl Warning {
    /// The objects that the warning is about, as `kind/name`: `pod/hub/jupyter-ada`, `node/n1`, `group/z/users`.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        let pod = |name: &str| vec![format!("pod/{name}")];
        let node = |name: &str| vec![format!("node/{name}")];
        let of_group = |name: &str| if name.is_empty() { Vec::new() } else { vec![format!("group/{name}")] };
        match self {
            Self::FitsNowhere { pod: name, .. }
            | Self::Unanswered { pod: name, .. }
            | Self::SchedulerFails { pod: name, .. }
            | Self::Gated { pod: name }
            | Self::TooManyKinds { pod: name, .. }
            | Self::NoRoom { pod: name, .. }
            | Self::NeedsReserved { pod: name, .. }
            | Self::NoMemoryRequest { pod: name, .. }
            | Self::MillibyteRequest { pod: name, .. }
            | Self::BeyondNode { pod: name, .. } => pod(name),
            Self::RefusedByScheduler { pod: name, node: on, .. } => [pod(name), node(on)].concat(),
            Self::NewNodeDidNotHelp { pod: name, group, .. } => [pod(name), of_group(group)].concat(),
            Self::Reserved { node: name, .. }
            | Self::ReservedWindows { node: name, .. }
            | Self::OtherAutoscaler { node: name, .. }
            | Self::NoCapacity { node: name, .. }
            | Self::BeyondMedian { node: name, .. }
            | Self::BadMark { node: name, .. }
            | Self::SeveralKinds { node: name, .. }
            | Self::NotInUse { node: name, .. } => node(name),
            Self::DaemonsFillNewNode { group, .. }
            | Self::NobodyReachesNewNode { group }
            | Self::GroupNotGrown { group, .. }
            | Self::GroupNotShrunk { group, .. }
            | Self::GroupWithoutPool { group } => of_group(group),
            Self::OneNamespace { namespace } => vec![format!("namespace/{namespace}")],
            Self::UnknownNewNode { .. } | Self::NoUserPods { .. } | Self::UnknownPool { .. } => Vec::new(),
        }
    }
}
