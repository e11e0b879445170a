//! The requests that make changes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Engine;
use super::group::Action;
use super::machine::Cause;
use super::operation::{Operation, OperationFailure, OperationStatus, Skipped};
use super::path::{GroupPath, InstancePath, Location, OperationPath};
use super::refusal::Refusal;
use super::steps::Event;

/// For how long a request id is known.
const REPLAY: Duration = Duration::from_hours(1);

/// Maximum number of instances that one request may delete.
const MAX_INSTANCES: usize = 1000;

/// The terms of carrying out a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// The same change as any other request with this id.
    pub(crate) request_id: Option<String>,
    /// Its operation fails.
    pub(crate) failure: Option<OperationFailure>,
}

impl Engine {
    /// `resize`: sets the number of instances that a group is to have.
    pub(crate) fn resize(
        &mut self,
        path: &GroupPath,
        size: usize,
        terms: Terms,
    ) -> Result<OperationPath, Refusal> {
        if let Some(operation) = self.replay(&path.project, &terms)? {
            return Ok(operation);
        }
        let id = self.group(path)?.id;
        let fails = terms.failure.is_some();
        let kind = match path.location {
            Location::Zone(_) => "compute.instanceGroupManagers.resize",
            Location::Region(_) => "compute.regionInstanceGroupManagers.resize",
        };
        let operation = self.begin(terms, kind, (&path.project, &path.location), (path.to_string(), id));
        if !fails {
            self.set_size(path, size);
        }
        Ok(operation)
    }

    /// Makes as many new instances, or picks as many to delete, as it takes.
    pub(crate) fn set_size(&mut self, path: &GroupPath, size: usize) {
        let Some(group) = self.groups.get_mut(path) else { return };
        let staying = group.staying().count();
        group.target_size = size;
        for _ in staying..size {
            self.create_member(path);
        }
        for _ in size..staying {
            if let Some(victim) = self.victim(path) {
                self.take_away(path, &victim, Action::Deleting, Cause::Resize);
            }
        }
        self.redistribute_later(path);
    }

    /// `deleteInstances`: deletes these instances of a group and lowers its target size by their number.
    pub(crate) fn delete_instances(
        &mut self,
        path: &GroupPath,
        urls: &[String],
        skip: bool,
        terms: Terms,
    ) -> Result<OperationPath, Refusal> {
        if let Some(operation) = self.replay(&path.project, &terms)? {
            return Ok(operation);
        }
        let id = self.group(path)?.id;
        let (accepted, skipped) = self.accepted(path, urls, skip)?;
        let fails = terms.failure.is_some();
        let kind = match path.location {
            Location::Zone(_) => "compute.instanceGroupManagers.deleteInstances",
            Location::Region(_) => "compute.regionInstanceGroupManagers.deleteInstances",
        };
        let operation = self.begin(terms, kind, (&path.project, &path.location), (path.to_string(), id));
        if fails {
            return Ok(operation);
        }
        if let Some(operation) = self.operations.get_mut(&operation) {
            operation.skipped = skipped;
        }
        for instance in &accepted {
            self.take_away(path, instance, Action::Deleting, Cause::DeleteInstances);
        }
        if let Some(group) = self.groups.get_mut(path) {
            group.target_size = group.target_size.saturating_sub(accepted.len());
        }
        self.redistribute_later(path);
        Ok(operation)
    }

    /// The instances that a request to delete them names and may name, and those it may not, where that is no reason to
    /// refuse all of it.
    fn accepted(
        &self,
        path: &GroupPath,
        urls: &[String],
        skip: bool,
    ) -> Result<(BTreeSet<InstancePath>, Vec<Skipped>), Refusal> {
        const FIELD: &str = "instances";
        if urls.is_empty() {
            return Err(Refusal::required(FIELD));
        }
        if urls.len() > MAX_INSTANCES {
            let why = format!("The number of instances must be at most {MAX_INSTANCES}.");
            return Err(Refusal::invalid(FIELD, &urls.len().to_string(), &why));
        }
        let (mut accepted, mut skipped) = (BTreeSet::new(), Vec::new());
        for (index, url) in urls.iter().enumerate() {
            let refuse = |why: &str| Refusal::invalid(&format!("{FIELD}[{index}]"), url, why);
            let instance =
                InstancePath::parse(url, &path.project).ok_or_else(|| refuse("The URL is malformed."))?;
            if instance.project != path.project || !path.location.contains(&instance.zone) {
                let place = format!("projects/{}/{}", path.project, path.location);
                return Err(refuse(&format!("The instance must be in {place}.")));
            }
            let why = match self.member(path, &instance).map(|member| member.action) {
                None => format!("The instance is not a member of {path}."),
                Some(Action::Deleting) => "The instance is already being deleted.".to_owned(),
                Some(Action::None | Action::Creating | Action::Verifying | Action::Recreating) => {
                    accepted.insert(instance);
                    continue;
                }
            };
            if !skip {
                return Err(refuse(&why));
            }
            skipped.push(Skipped { instance, why });
        }
        Ok((accepted, skipped))
    }

    /// `recreateInstances` of one instance: creates it again under the same name.
    pub(crate) fn recreate(&mut self, instance: &InstancePath) {
        if let Some(group) = self.group_of(instance) {
            self.take_away(&group, instance, Action::Recreating, Cause::Recreate);
        }
    }

    /// `instances.delete`: deletes an instance. If it has a group, the group creates it again.
    pub(crate) fn delete_instance(
        &mut self,
        path: &InstancePath,
        terms: Terms,
    ) -> Result<OperationPath, Refusal> {
        if let Some(operation) = self.replay(&path.project, &terms)? {
            return Ok(operation);
        }
        let id = self.machine(path)?.id;
        let fails = terms.failure.is_some();
        let location = Location::Zone(path.zone.clone());
        let operation =
            self.begin(terms, "compute.instances.delete", (&path.project, &location), (path.to_string(), id));
        if !fails {
            self.delete_outside(path);
        }
        Ok(operation)
    }

    /// The operation of an earlier request with the same id.
    fn replay(&self, project: &str, terms: &Terms) -> Result<Option<OperationPath>, Refusal> {
        let Some(id) = &terms.request_id else { return Ok(None) };
        if !is_uuid(id) {
            return Err(Refusal::invalid(
                "requestId",
                id,
                "The request ID must be a valid UUID, and not zero.",
            ));
        }
        let known = self.requests.get(&(project.to_owned(), id.clone()));
        Ok(known
            .filter(|(seen, _)| self.now < fake_http::after(*seen, REPLAY))
            .map(|(_, operation)| operation.clone()))
    }

    fn begin(
        &mut self,
        terms: Terms,
        kind: &'static str,
        (project, location): (&str, &Location),
        (target, target_id): (String, u64),
    ) -> OperationPath {
        let id = self.ids.id();
        let path = OperationPath {
            project: project.to_owned(),
            location: location.clone(),
            name: format!("operation-{}-{id:016x}", self.now.as_millisecond()),
        };
        if let Some(request) = &terms.request_id {
            self.requests.insert((project.to_owned(), request.clone()), (self.now, path.clone()));
        }
        let operation = Operation {
            path: path.clone(),
            id,
            kind,
            target,
            target_id,
            request_id: terms.request_id,
            status: OperationStatus::Pending,
            inserted: self.now,
            started: None,
            ended: None,
            skipped: Vec::new(),
            failure: terms.failure,
        };
        self.operations.insert(path.clone(), operation);
        self.schedule(self.timing.operation / 2, Event::Starts(path.clone()));
        self.schedule(self.timing.operation, Event::Ends(path.clone()));
        path
    }
}

/// A UUID in its usual form, and not all zeros.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = text.chars().filter(|char| *char != '-');
    lengths == [8, 4, 4, 4, 12]
        && digits.clone().all(|digit| digit.is_ascii_hexdigit())
        && digits.clone().any(|digit| digit != '0')
}
