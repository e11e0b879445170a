//! Paths of the API references of Keystone and Nova.

use hyper::Method;
use serde_json::Value;

/// The operation of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The versions of the identity service.
    IdentityVersion,
    /// A new token.
    Token,
    /// The versions of the compute service.
    ComputeVersion,
    /// A list of servers, in full or not.
    List {
        /// Whether in full.
        detail: bool,
    },
    /// One server.
    Show(String),
    /// An action on one server.
    Act(String, String),
    /// One server is to go.
    Delete(String),
    /// Something of a cluster of Magnum.
    Infra(String, Infra),
}

/// The operations of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Infra {
    /// The cluster itself.
    Cluster,
    /// Its node groups.
    Groups,
    /// One of them.
    Group(String),
    /// One of them is to have another size.
    Resize,
}

impl Route {
    pub(crate) fn parse(method: &Method, path: &str, body: &Value) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let get = *method == Method::GET;
        match segments.as_slice() {
            [] | ["v3"] if get => Some(Self::IdentityVersion),
            ["v3", "auth", "tokens"] if *method == Method::POST => Some(Self::Token),
            ["v2.1"] if get => Some(Self::ComputeVersion),
            ["v2.1", "servers"] if get => Some(Self::List { detail: false }),
            ["v2.1", "servers", "detail"] if get => Some(Self::List { detail: true }),
            ["v2.1", "servers", id] if get => Some(Self::Show((*id).to_owned())),
            ["v2.1", "servers", id] if *method == Method::DELETE => Some(Self::Delete((*id).to_owned())),
            ["v2.1", "servers", id, "action"] if *method == Method::POST => {
                let action =
                    body.as_object().and_then(|body| body.keys().next()).cloned().unwrap_or_default();
                Some(Self::Act((*id).to_owned(), action))
            }
            ["v1", "clusters", cluster, rest @ ..] => {
                let infra = match rest {
                    [] if get => Infra::Cluster,
                    ["nodegroups"] if get => Infra::Groups,
                    ["nodegroups", group] if get => Infra::Group((*group).to_owned()),
                    ["actions", "resize"] if *method == Method::POST => Infra::Resize,
                    _ => return None,
                };
                Some(Self::Infra((*cluster).to_owned(), infra))
            }
            _ => None,
        }
    }

    /// The name of the request, by which tests speak of it.
    pub(crate) fn method(&self) -> String {
        match self {
            Self::IdentityVersion => "identity.version".to_owned(),
            Self::Token => "identity.token".to_owned(),
            Self::ComputeVersion => "compute.version".to_owned(),
            Self::List { .. } => "compute.list".to_owned(),
            Self::Show(_) => "compute.show".to_owned(),
            Self::Act(_, action) => format!("compute.{action}"),
            Self::Delete(_) => "compute.delete".to_owned(),
            Self::Infra(_, Infra::Cluster) => "infra.cluster".to_owned(),
            Self::Infra(_, Infra::Groups) => "infra.groups".to_owned(),
            Self::Infra(_, Infra::Group(_)) => "infra.group".to_owned(),
            Self::Infra(_, Infra::Resize) => "infra.resize".to_owned(),
        }
    }

    /// The ID of the server that it is about.
    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Self::Show(id) | Self::Act(id, _) | Self::Delete(id) => Some(id),
            Self::IdentityVersion
            | Self::Token
            | Self::ComputeVersion
            | Self::List { .. }
            | Self::Infra(..) => None,
        }
    }
}
