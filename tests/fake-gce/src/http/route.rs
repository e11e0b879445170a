//! What a request is about, read from its verb and path.

use hyper::Method;

use crate::engine::Location;
use fake_http::decode;

/// A request that the fake knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// One to Compute Engine.
    Compute { project: String, scope: Scope, resource: Resource, verb: Verb, name: Option<String> },
    /// One to the metadata server, with the path after `/computeMetadata/v1/`.
    Metadata(String),
}

/// The place within a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the project itself, or in all places.
    Global,
    /// In a zone or region.
    In(Location),
}

/// A collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Autoscalers,
    InstanceGroupManagers,
    InstanceGroups,
    InstanceTemplates,
    Instances,
    MachineTypes,
    Operations,
    Projects,
    Regions,
    Zones,
}

/// The action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    AggregatedList,
    Delete,
    DeleteInstances,
    Get,
    List,
    ListManagedInstances,
    Resize,
    Wait,
}

impl Resource {
    const ALL: [Self; 10] = [
        Self::Autoscalers,
        Self::InstanceGroupManagers,
        Self::InstanceGroups,
        Self::InstanceTemplates,
        Self::Instances,
        Self::MachineTypes,
        Self::Operations,
        Self::Projects,
        Self::Regions,
        Self::Zones,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Autoscalers => "autoscalers",
            Self::InstanceGroupManagers => "instanceGroupManagers",
            Self::InstanceGroups => "instanceGroups",
            Self::InstanceTemplates => "instanceTemplates",
            Self::Instances => "instances",
            Self::MachineTypes => "machineTypes",
            Self::Operations => "operations",
            Self::Projects => "projects",
            Self::Regions => "regions",
            Self::Zones => "zones",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == name)
    }
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::AggregatedList => "aggregatedList",
            Self::Delete => "delete",
            Self::DeleteInstances => "deleteInstances",
            Self::Get => "get",
            Self::List => "list",
            Self::ListManagedInstances => "listManagedInstances",
            Self::Resize => "resize",
            Self::Wait => "wait",
        }
    }
}

impl Route {
    /// None if there is no such method.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/computeMetadata/v1/") {
            return Some(Self::Metadata(rest.to_owned()));
        }
        if path == "/" {
            return Some(Self::Metadata(String::new()));
        }
        let parts: Vec<String> = path.strip_prefix("/compute/v1/projects/")?.split('/').map(decode).collect();
        if parts.iter().any(String::is_empty) {
            return None;
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (project, rest) = parts.split_first()?;
        let (scope, resource, verb, name) = compute(method, rest)?;
        let route = Self::Compute {
            project: (*project).to_owned(),
            scope,
            resource,
            verb,
            name: name.map(str::to_owned),
        };
        is_known(resource, verb).then_some(route)
    }

    /// The name in the REST reference.
    pub(super) fn method(&self) -> String {
        match self {
            Self::Metadata(path) => {
                let last = path.split('/').rfind(|part| !part.is_empty()).unwrap_or("root");
                format!("metadata.{last}")
            }
            Self::Compute { scope, resource, verb, .. } => {
                format!("compute.{}.{}", collection(scope, *resource), verb.as_str())
            }
        }
    }

    /// The permission that it takes. Those for regional groups are the same as for zonal ones.
    pub(super) fn permission(&self) -> Option<String> {
        let Self::Compute { scope, resource, verb, .. } = self else { return None };
        let collection = if *resource == Resource::Operations {
            collection(scope, *resource)
        } else {
            resource.as_str().to_owned()
        };
        let verb = match verb {
            Verb::AggregatedList | Verb::List | Verb::ListManagedInstances => "list",
            Verb::Get | Verb::Wait => "get",
            Verb::DeleteInstances | Verb::Resize => "update",
            Verb::Delete => "delete",
        };
        Some(format!("compute.{collection}.{verb}"))
    }

    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Compute { project, .. } => Some(project),
            Self::Metadata(_) => None,
        }
    }

    pub(super) fn location(&self) -> Option<&Location> {
        match self {
            Self::Compute { scope: Scope::In(location), .. } => Some(location),
            Self::Compute { .. } | Self::Metadata(_) => None,
        }
    }

    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::Compute { name, .. } => name.as_deref(),
            Self::Metadata(_) => None,
        }
    }
}

/// The parts of a path after the project.
fn compute<'a>(method: &Method, parts: &[&'a str]) -> Option<(Scope, Resource, Verb, Option<&'a str>)> {
    let get = *method == Method::GET;
    let post = *method == Method::POST;
    let delete = *method == Method::DELETE;
    Some(match *parts {
        [] if get => (Scope::Global, Resource::Projects, Verb::Get, None),
        ["aggregated", resource] if get => {
            (Scope::Global, Resource::parse(resource)?, Verb::AggregatedList, None)
        }
        ["zones"] if get => (Scope::Global, Resource::Zones, Verb::List, None),
        ["zones", zone] if get => (Scope::Global, Resource::Zones, Verb::Get, Some(zone)),
        ["regions"] if get => (Scope::Global, Resource::Regions, Verb::List, None),
        ["regions", region] if get => (Scope::Global, Resource::Regions, Verb::Get, Some(region)),
        ["global", ref rest @ ..] => inside(get, post, delete, Scope::Global, rest)?,
        ["zones", zone, ref rest @ ..] => {
            inside(get, post, delete, Scope::In(Location::Zone(zone.to_owned())), rest)?
        }
        ["regions", region, ref rest @ ..] => {
            inside(get, post, delete, Scope::In(Location::Region(region.to_owned())), rest)?
        }
        _ => return None,
    })
}

/// The parts of a path after the place.
fn inside<'a>(
    get: bool,
    post: bool,
    delete: bool,
    scope: Scope,
    parts: &[&'a str],
) -> Option<(Scope, Resource, Verb, Option<&'a str>)> {
    let resource = Resource::parse(parts.first()?)?;
    let (verb, name) = match *parts {
        [_] if get => (Verb::List, None),
        [_, name] if get => (Verb::Get, Some(name)),
        [_, name] if delete => (Verb::Delete, Some(name)),
        [_, name, "listManagedInstances"] if post => (Verb::ListManagedInstances, Some(name)),
        [_, name, "deleteInstances"] if post => (Verb::DeleteInstances, Some(name)),
        [_, name, "resize"] if post => (Verb::Resize, Some(name)),
        [_, name, "wait"] if post => (Verb::Wait, Some(name)),
        _ => return None,
    };
    Some((scope, resource, verb, name))
}

/// Whether the fake has that method. (It does not check the kind of place of a resource: in a wrong one it finds none.)
fn is_known(resource: Resource, verb: Verb) -> bool {
    match resource {
        Resource::Autoscalers | Resource::InstanceGroups => {
            matches!(verb, Verb::AggregatedList | Verb::List | Verb::Get)
        }
        Resource::InstanceGroupManagers => !matches!(verb, Verb::Delete | Verb::Wait),
        Resource::Instances => matches!(verb, Verb::AggregatedList | Verb::List | Verb::Get | Verb::Delete),
        Resource::Operations => matches!(verb, Verb::List | Verb::Get | Verb::Wait),
        Resource::InstanceTemplates | Resource::MachineTypes | Resource::Projects => verb == Verb::Get,
        Resource::Regions | Resource::Zones => matches!(verb, Verb::List | Verb::Get),
    }
}

/// The name of a collection with its place, in the form of method names.
fn collection(scope: &Scope, resource: Resource) -> String {
    let name = resource.as_str();
    let (first, rest) = name.split_at(1);
    let capitalised = format!("{}{rest}", first.to_uppercase());
    match (resource, scope) {
        (Resource::Operations, Scope::Global) => format!("global{capitalised}"),
        (Resource::Operations, Scope::In(Location::Zone(_))) => format!("zone{capitalised}"),
        (_, Scope::In(Location::Region(_))) => format!("region{capitalised}"),
        (_, Scope::Global | Scope::In(Location::Zone(_))) => name.to_owned(),
    }
}
