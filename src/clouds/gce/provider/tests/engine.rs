//! A Compute Engine in memory that answers what the test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use kube_rebalancer_ports::Clock;

use crate::{
    ComputeEngine, ComputeError, CurrentAction, ErrorKind, Group, GroupId, GroupList, InstanceError,
    InstanceId, InstanceTemplate, Location, MachineType, MachineTypeId, ManagedInstance, ProjectId,
    TemplateId,
};

/// The groups, the failures, and the recorded requests.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) groups: Vec<Group>,
    pub(super) instances: BTreeMap<GroupId, Vec<ManagedInstance>>,
    pub(super) ages: BTreeMap<InstanceId, Timestamp>,
    pub(super) unreachable: Vec<String>,
    /// Instance templates by name; there are no others.
    pub(super) templates: BTreeMap<&'static str, InstanceTemplate>,
    /// Machine types by zone and name; there are no others.
    pub(super) machine_types: BTreeMap<&'static str, MachineType>,
    /// Projects whose groups cannot be listed.
    pub(super) closed: BTreeMap<&'static str, ComputeError>,
    /// The errors of failing requests, by method. A request still takes effect unless its error is `unchanged`.
    pub(super) failing: BTreeMap<&'static str, ComputeError>,
    /// Instances that a deletion skips.
    pub(super) skipped: BTreeSet<InstanceId>,
    pub(super) log: Vec<String>,
    /// The request with which the run receives a signal to stop.
    pub(super) stop_at: Option<&'static str>,
    pub(super) stopped: bool,
}

/// A handle on it that the test keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Engine(pub(super) Arc<Mutex<World>>);

/// The run's time: five minutes are left, until the request that brings the signal to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Time(pub(super) Engine);

pub(super) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn left(&self) -> SignedDuration {
        let stopped = self.0.0.lock().unwrap().stopped;
        if stopped { SignedDuration::ZERO } else { SignedDuration::from_mins(5) }
    }
}

impl World {
    /// Adds a group with instances that run.
    pub(super) fn with(mut self, id: &GroupId, names: &[&str]) -> Self {
        self.groups.push(group(id, u32::try_from(names.len()).unwrap()));
        let zone = zone_of(id).to_owned();
        let zone = zone.as_str();
        let running = names.iter().enumerate().map(|(at, name)| ManagedInstance {
            instance: instance(zone, name),
            number: Some(100 + u64::try_from(at).unwrap()),
            status: Some("RUNNING".to_owned()),
            action: CurrentAction::None,
            errors: Vec::new(),
        });
        let running = running.collect();
        self.instances.insert(id.clone(), running);
        let old = NOW - SignedDuration::from_hours(24);
        self.ages.extend(names.iter().map(|name| (instance(zone, name), old)));
        self
    }

    pub(super) fn engine(self) -> Engine {
        Engine(Arc::new(Mutex::new(self)))
    }

    fn called(&mut self, method: &'static str, what: &str) -> Result<(), ComputeError> {
        self.log.push(format!("{method} {what}"));
        self.stopped |= self.stop_at == Some(method);
        match self.failing.get(method) {
            Some(error) if error.unchanged => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The answer to a change that was carried out.
    fn answer(&self, method: &'static str) -> Result<(), ComputeError> {
        self.failing.get(method).map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// The zone of a zonal group, or one of a region.
fn zone_of(id: &GroupId) -> &str {
    match id.location() {
        Location::Zone(zone) => zone.as_str(),
        Location::Region(_) => "us-central1-a",
    }
}

pub(super) fn error(kind: ErrorKind, unchanged: bool, message: &str) -> ComputeError {
    ComputeError { kind, unchanged, message: message.to_owned() }
}

pub(super) fn zonal(zone: &str, name: &str) -> GroupId {
    GroupId::new("my-project".parse().unwrap(), Location::Zone(zone.parse().unwrap()), name).unwrap()
}

pub(super) fn regional(region: &str, name: &str) -> GroupId {
    GroupId::new("my-project".parse().unwrap(), Location::Region(region.parse().unwrap()), name).unwrap()
}

pub(super) fn instance(zone: &str, name: &str) -> InstanceId {
    InstanceId::new("my-project".parse().unwrap(), zone.parse().unwrap(), name).unwrap()
}

pub(super) fn group(id: &GroupId, size: u32) -> Group {
    Group {
        id: id.clone(),
        base_instance_name: id.name().trim_end_matches("-grp").to_owned(),
        target_size: size,
        is_stable: true,
        autoscaler: None,
        redistribution: None,
        zones: Vec::new(),
        template: None,
        mixed_machine_types: false,
    }
}

/// An instance that is being made.
pub(super) fn creating(zone: &str, name: &str) -> ManagedInstance {
    ManagedInstance {
        instance: instance(zone, name),
        number: None,
        status: None,
        action: CurrentAction::Creating,
        errors: Vec::new(),
    }
}

pub(super) fn stockout() -> InstanceError {
    InstanceError {
        code: "ZONE_RESOURCE_POOL_EXHAUSTED".to_owned(),
        message: "The zone does not have enough resources.".to_owned(),
    }
}

#[async_trait]
impl ComputeEngine for Engine {
    async fn groups(&self, project: &ProjectId) -> Result<GroupList, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("groups", project.as_str())?;
        if let Some(error) = world.closed.get(project.as_str()) {
            return Err(error.clone());
        }
        let groups = world.groups.iter().filter(|group| group.id.project() == project).cloned().collect();
        Ok(GroupList { groups, unreachable: world.unreachable.clone() })
    }

    async fn group(&self, id: &GroupId) -> Result<Group, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("group", &id.to_string())?;
        let group = world.groups.iter().find(|group| group.id == *id).cloned();
        group.ok_or_else(|| error(ErrorKind::NotFound, true, "no such group"))
    }

    async fn instances(&self, id: &GroupId) -> Result<Vec<ManagedInstance>, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("instances", &id.to_string())?;
        Ok(world.instances.get(id).cloned().unwrap_or_default())
    }

    async fn created_at(&self, id: &InstanceId) -> Result<Option<Timestamp>, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("created_at", &id.to_string())?;
        Ok(world.ages.get(id).copied())
    }

    async fn state(&self, id: &InstanceId) -> Result<Option<String>, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("state", &id.to_string())?;
        let found = world.instances.values().flatten().find(|found| found.instance == *id);
        Ok(found.and_then(|found| found.status.clone()))
    }

    async fn template(&self, id: &TemplateId) -> Result<InstanceTemplate, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("template", &id.to_string())?;
        let template = world.templates.get(&*id.to_string()).cloned();
        template.ok_or_else(|| error(ErrorKind::NotFound, true, "no such template"))
    }

    async fn machine_type(&self, id: &MachineTypeId) -> Result<MachineType, ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("machine_type", &id.to_string())?;
        let machine_type = world.machine_types.get(&*id.to_string()).copied();
        machine_type.ok_or_else(|| error(ErrorKind::NotFound, true, "no such machine type"))
    }

    async fn resize(&self, id: &GroupId, size: u32, _: &str) -> Result<(), ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("resize", &format!("{id} to {size}"))?;
        for group in world.groups.iter_mut().filter(|group| group.id == *id) {
            group.target_size = size;
        }
        world.answer("resize")
    }

    async fn delete_instances(
        &self,
        id: &GroupId,
        deleted: &[InstanceId],
        _: &str,
    ) -> Result<(), ComputeError> {
        let mut world = self.0.lock().unwrap();
        world.called("delete", &format!("{} of {id}", deleted.len()))?;
        let skipped = world.skipped.clone();
        for managed in world.instances.entry(id.clone()).or_default() {
            if deleted.contains(&managed.instance) && !skipped.contains(&managed.instance) {
                managed.action = CurrentAction::Leaving;
            }
        }
        world.answer("delete")
    }
}
