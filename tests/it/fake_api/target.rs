//! What a request is about: `/api/v1/nodes/n1` is the node n1.

/// The kinds of objects that the program deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Nodes,
    Pods,
    Leases,
    Events,
    ConfigMaps,
    VolumeClaims,
    Volumes,
    Budgets,
    /// The subresource for evictions of a pod; it cannot be read.
    Evictions,
}

impl Resource {
    const ALL: [Self; 8] = [
        Self::Nodes,
        Self::Pods,
        Self::Leases,
        Self::Events,
        Self::ConfigMaps,
        Self::VolumeClaims,
        Self::Volumes,
        Self::Budgets,
    ];

    /// The last part of the path.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Leases => "leases",
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::VolumeClaims => "persistentvolumeclaims",
            Self::Volumes => "persistentvolumes",
            Self::Budgets => "poddisruptionbudgets",
            Self::Evictions => "pods/eviction",
        }
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Nodes => "Node",
            Self::Pods => "Pod",
            Self::Leases => "Lease",
            Self::Events => "Event",
            Self::ConfigMaps => "ConfigMap",
            Self::VolumeClaims => "PersistentVolumeClaim",
            Self::Volumes => "PersistentVolume",
            Self::Budgets => "PodDisruptionBudget",
            Self::Evictions => "Eviction",
        }
    }

    /// The API group; empty is the core.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Nodes
            | Self::Pods
            | Self::ConfigMaps
            | Self::VolumeClaims
            | Self::Volumes
            | Self::Evictions => "",
            Self::Budgets => "policy",
            Self::Leases => "coordination.k8s.io",
            Self::Events => "events.k8s.io",
        }
    }

    pub(super) fn api_version(self) -> String {
        if self.group().is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group()) }
    }

    /// The name in messages: `nodes`, `leases.coordination.k8s.io`.
    pub(super) fn qualified(self) -> String {
        if self.group().is_empty() {
            self.plural().to_owned()
        } else {
            format!("{}.{}", self.plural(), self.group())
        }
    }
}

/// One object, or all of a namespace, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Target {
    /// None for an unknown path.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, "v1", rest @ ..] => (*group, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
            _ => (None, rest),
        };
        if let (["pods", name, "eviction"], "", Some(_)) = (rest, group, &namespace) {
            return Some(Self { resource: Resource::Evictions, namespace, name: Some((*name).to_owned()) });
        }
        let (plural, name) = match rest {
            [plural] => (*plural, None),
            [plural, name] => (*plural, Some((*name).to_owned())),
            _ => return None,
        };
        let resource = Resource::ALL
            .into_iter()
            .find(|resource| resource.plural() == plural && resource.group() == group)?;
        // A node and a volume have no namespace; what has one cannot be named without.
        let namespaced = !matches!(resource, Resource::Nodes | Resource::Volumes);
        let sound = if namespaced { namespace.is_some() || name.is_none() } else { namespace.is_none() };
        sound.then_some(Self { resource, namespace, name })
    }
}
