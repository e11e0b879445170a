//! Carries out a request: reads or changes the engine, and answers.

use fake_http::Answer;
use serde_json::{Value, json};

use super::answer::{json, unauthorized};
use super::call::Call;
use super::metadata;
use super::route::{Resource, Route, Scope, Verb};
use crate::engine::{
    Engine, GroupPath, InstancePath, Location, MachineShape, OperationFailure, OperationPath, Refusal, Terms,
    ZONES, regions,
};
use crate::wire::{self, Page};

/// Carries out a request. If the request starts an operation, `failure` is the operation's result.
pub(super) fn respond(
    engine: &mut Engine,
    route: Option<&Route>,
    call: &Call,
    permitted: impl Fn(&str) -> bool,
    failure: Option<OperationFailure>,
) -> Answer {
    let (project, scope, resource, verb, name) = match route {
        None => {
            let message = format!("The requested URL {} was not found on this server.", call.path);
            return Refusal::new(404, "notFound", message).into();
        }
        Some(Route::Metadata(path)) => return metadata::answer(path, call, engine),
        Some(Route::Compute { project, scope, resource, verb, name }) => {
            (project, scope, *resource, *verb, name.as_deref())
        }
    };
    if !call.has_token() {
        return unauthorized();
    }
    let request = Request { engine, call, project, scope, name: name.unwrap_or_default(), failure };
    let answer = request.check(permitted).and_then(|()| match resource {
        Resource::InstanceGroupManagers => request.managers(verb),
        Resource::InstanceGroups => request.instance_groups(verb),
        Resource::Autoscalers => request.autoscalers(verb),
        Resource::Instances => request.instances(verb),
        Resource::Operations => request.operations(verb),
        Resource::InstanceTemplates => request.template(),
        Resource::MachineTypes => request.machine_type(),
        Resource::Projects | Resource::Regions | Resource::Zones => request.places(resource, verb),
    });
    match answer {
        Ok(body) => json(200, &body),
        Err(refusal) => refusal.into(),
    }
}

struct Request<'a> {
    engine: &'a mut Engine,
    call: &'a Call,
    project: &'a str,
    scope: &'a Scope,
    name: &'a str,
    failure: Option<OperationFailure>,
}

impl Request<'_> {
    /// Whether there is such a project and place, and whether the client may do that.
    fn check(&self, permitted: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        if !self.engine.projects.contains_key(self.project) {
            return Err(Refusal::not_found(&format!("projects/{}", self.project)));
        }
        if let Scope::In(location) = self.scope
            && !location.exists()
        {
            let why = format!("Unknown {}.", location.kind());
            return Err(Refusal::invalid(location.kind(), location.name(), &why));
        }
        if let Some(permission) = self.call.permission.as_deref().filter(|permission| !permitted(permission))
        {
            let resource = self.call.path.strip_prefix("/compute/v1/").unwrap_or(&self.call.path);
            return Err(Refusal::forbidden(permission, resource));
        }
        if let Some(filter) = self.call.parameter("filter") {
            return Err(Refusal::invalid("filter", &filter, "The fake knows no filters."));
        }
        Ok(())
    }

    fn managers(self, verb: Verb) -> Result<Value, Refusal> {
        match verb {
            Verb::AggregatedList | Verb::List => {
                let groups = self.engine.groups_in(self.project, self.location());
                let items = groups.map(|group| (group.path.location.clone(), wire::manager(group)));
                self.list("instanceGroupManager", "instanceGroupManagers", items.collect())
            }
            Verb::Get => Ok(wire::manager(self.engine.group(&self.group()?)?)),
            Verb::ListManagedInstances => self.managed_instances(),
            Verb::Resize => {
                let group = self.group()?;
                let size = self.call.parameter("size").ok_or_else(|| Refusal::required("size"))?;
                let most = match group.location {
                    Location::Zone(_) => 1000,
                    Location::Region(_) => 2000,
                };
                let size = size.parse().ok().filter(|size| *size <= most).ok_or_else(|| {
                    Refusal::invalid("size", &size, &format!("Must be a number from 0 to {most}."))
                })?;
                let terms = self.terms();
                let operation = self.engine.resize(&group, size, terms)?;
                Ok(wire::operation(self.engine.operation(&operation)?))
            }
            Verb::DeleteInstances => {
                let (group, terms) = (self.group()?, self.terms());
                let (urls, skip) = instances_to_delete(&self.call.body)?;
                let operation = self.engine.delete_instances(&group, &urls, skip, terms)?;
                Ok(wire::operation(self.engine.operation(&operation)?))
            }
            Verb::Delete | Verb::Wait => Err(self.unknown()),
        }
    }

    fn managed_instances(&self) -> Result<Value, Refusal> {
        let group = self.engine.group(&self.group()?)?;
        let instances = group
            .members
            .iter()
            .map(|(path, member)| wire::managed_instance(self.engine, group, path, member));
        let (instances, next) = if group.paginated {
            wire::page(instances.collect(), &self.page())?
        } else {
            (instances.collect(), None)
        };
        let mut list = json!({"managedInstances": instances});
        if instances.is_empty() {
            list = json!({});
        }
        if let (Some(next), Some(members)) = (next, list.as_object_mut()) {
            members.insert("nextPageToken".to_owned(), json!(next));
        }
        Ok(list)
    }

    fn instance_groups(&self, verb: Verb) -> Result<Value, Refusal> {
        if verb == Verb::Get {
            return Ok(wire::instance_group(self.engine.group(&self.group()?)?));
        }
        let groups = self.engine.groups_in(self.project, self.location());
        let items = groups.map(|group| (group.path.location.clone(), wire::instance_group(group)));
        self.list("instanceGroup", "instanceGroups", items.collect())
    }

    fn autoscalers(&self, verb: Verb) -> Result<Value, Refusal> {
        let groups = self.engine.groups_in(self.project, self.location());
        if verb == Verb::Get {
            let mut groups = groups.filter(|group| group.autoscaler.as_deref() == Some(self.name));
            return groups.find_map(wire::autoscaler).ok_or_else(|| self.unknown());
        }
        let items = groups.filter_map(|group| Some((group.path.location.clone(), wire::autoscaler(group)?)));
        self.list("autoscaler", "autoscalers", items.collect())
    }

    fn instances(self, verb: Verb) -> Result<Value, Refusal> {
        let zone = match (self.scope, verb) {
            (Scope::Global, Verb::AggregatedList) => None,
            (Scope::In(Location::Zone(zone)), _) => Some(zone.as_str()),
            (Scope::Global | Scope::In(Location::Region(_)), _) => return Err(self.unknown()),
        };
        let path = InstancePath::new(self.project, zone.unwrap_or_default(), self.name);
        match verb {
            Verb::Get => Ok(wire::machine(self.engine, self.engine.machine(&path)?)),
            Verb::Delete => {
                let terms = self.terms();
                let operation = self.engine.delete_instance(&path, terms)?;
                Ok(wire::operation(self.engine.operation(&operation)?))
            }
            Verb::AggregatedList | Verb::List => {
                let machines = self.engine.machines.values().filter(|machine| {
                    machine.path.project == self.project && zone.is_none_or(|zone| machine.path.zone == zone)
                });
                let items = machines.map(|machine| {
                    (Location::Zone(machine.path.zone.clone()), wire::machine(self.engine, machine))
                });
                self.list("instance", "instances", items.collect())
            }
            Verb::DeleteInstances | Verb::ListManagedInstances | Verb::Resize | Verb::Wait => {
                Err(self.unknown())
            }
        }
    }

    fn template(&self) -> Result<Value, Refusal> {
        let place = match self.scope {
            Scope::Global => "global".to_owned(),
            Scope::In(location) => location.to_string(),
        };
        let path = format!("projects/{}/{place}/instanceTemplates/{}", self.project, self.name);
        Ok(wire::template(&self.engine.template(&path)?))
    }

    fn machine_type(&self) -> Result<Value, Refusal> {
        let Scope::In(Location::Zone(zone)) = self.scope else { return Err(self.unknown()) };
        let shape = MachineShape::of(self.name).ok_or_else(|| self.unknown())?;
        Ok(wire::machine_type(self.project, zone, self.name, shape))
    }

    fn operations(&self, verb: Verb) -> Result<Value, Refusal> {
        // There are no global ones.
        let Scope::In(location) = self.scope else { return Err(self.unknown()) };
        if verb == Verb::List {
            let operations = self.engine.operations.values();
            let here =
                operations.filter(|it| it.path.project == self.project && it.path.location == *location);
            let items = here.map(|operation| (location.clone(), wire::operation(operation)));
            return self.list("operation", "operations", items.collect());
        }
        let path = OperationPath {
            project: self.project.to_owned(),
            location: location.clone(),
            name: self.name.to_owned(),
        };
        Ok(wire::operation(self.engine.operation(&path)?))
    }

    fn places(&self, resource: Resource, verb: Verb) -> Result<Value, Refusal> {
        let zone = |zone: &str| wire::zone(self.project, zone);
        let region = |region: &str| wire::region(self.project, region);
        Ok(match (resource, verb) {
            (Resource::Zones, Verb::List) => wire::list("zone", ZONES.map(zone).into(), None),
            (Resource::Zones, Verb::Get) => {
                zone(ZONES.into_iter().find(|zone| *zone == self.name).ok_or_else(|| self.unknown())?)
            }
            (Resource::Regions, Verb::List) => {
                wire::list("region", regions().into_iter().map(region).collect(), None)
            }
            (Resource::Regions, _) => region(
                regions().into_iter().find(|region| *region == self.name).ok_or_else(|| self.unknown())?,
            ),
            (Resource::Projects, Verb::Get) => {
                let project = self.engine.projects.get(self.project).ok_or_else(|| self.unknown())?;
                wire::project(self.project, project)
            }
            _ => return Err(self.unknown()),
        })
    }

    /// A page of a list, by place if it is an aggregated one.
    fn list(&self, kind: &str, field: &str, items: Vec<(Location, Value)>) -> Result<Value, Refusal> {
        let (items, next) = wire::page(items, &self.page())?;
        Ok(match self.scope {
            Scope::Global => wire::scoped(kind, field, items, next.as_deref()),
            Scope::In(_) => {
                wire::list(kind, items.into_iter().map(|(_, item)| item).collect(), next.as_deref())
            }
        })
    }

    fn page(&self) -> Page {
        Page { size: self.call.parameter("maxResults"), token: self.call.parameter("pageToken") }
    }

    fn terms(&self) -> Terms {
        Terms { request_id: self.call.request_id(), failure: self.failure.clone() }
    }

    fn location(&self) -> Option<&Location> {
        match self.scope {
            Scope::In(location) => Some(location),
            Scope::Global => None,
        }
    }

    fn group(&self) -> Result<GroupPath, Refusal> {
        let location = self.location().ok_or_else(|| self.unknown())?.clone();
        Ok(GroupPath { project: self.project.to_owned(), location, name: self.name.to_owned() })
    }

    fn unknown(&self) -> Refusal {
        Refusal::not_found(self.call.path.strip_prefix("/compute/v1/").unwrap_or(&self.call.path))
    }
}

/// The body of `deleteInstances`.
fn instances_to_delete(body: &Value) -> Result<(Vec<String>, bool), Refusal> {
    let wrong = |field: &str| Refusal::invalid(field, &body.to_string(), "The value has another type.");
    let urls = match body.get("instances") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(urls)) => urls
            .iter()
            .map(|url| url.as_str().map(str::to_owned).ok_or_else(|| wrong("instances")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(wrong("instances")),
    };
    let skip = match body.get("skipInstancesOnValidationError") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(skip)) => *skip,
        Some(_) => return Err(wrong("skipInstancesOnValidationError")),
    };
    Ok((urls, skip))
}
