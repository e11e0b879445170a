//! The projects, groups and instances that exist before the first request.

use std::time::Duration;

use jiff::Timestamp;

use super::group::{Action, ManagedGroup, Member, Redistribution};
use super::machine::{Machine, MachineStatus};
use super::path::{GroupPath, InstancePath, ZONES};
use super::{Engine, Project};

/// A managed instance group to be set up. Its instances run, and have done so for a day.
#[derive(Debug, Clone)]
pub struct Group {
    path: GroupPath,
    zones: Vec<String>,
    base_instance_name: String,
    template: String,
    size: usize,
    names: Vec<String>,
    redistribution: Redistribution,
    autoscaler: Option<String>,
    paginated: bool,
    age: Duration,
}

impl Group {
    /// A group without instances. A regional one may use all zones of its region.
    #[must_use]
    pub fn new(path: GroupPath) -> Self {
        let zones =
            ZONES.into_iter().filter(|zone| path.location.contains(zone)).map(str::to_owned).collect();
        Self {
            zones,
            base_instance_name: format!("gke-{}", path.name),
            template: format!("global/instanceTemplates/{}-template", path.name),
            size: 0,
            names: Vec::new(),
            redistribution: Redistribution::Proactive,
            autoscaler: None,
            paginated: false,
            age: Duration::from_hours(24),
            path,
        }
    }

    /// A group in a zone, without instances.
    #[must_use]
    pub fn zonal(project: &str, zone: &str, name: &str) -> Self {
        Self::new(GroupPath::zonal(project, zone, name))
    }

    /// A group in all zones of a region, without instances.
    #[must_use]
    pub fn regional(project: &str, region: &str, name: &str) -> Self {
        Self::new(GroupPath::regional(project, region, name))
    }

    /// Sets the number of instances, which have arbitrary names.
    #[must_use]
    pub fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// With instances of these names besides.
    #[must_use]
    pub fn instances(mut self, names: &[&str]) -> Self {
        self.names.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Whose instances' names begin with this and a dash. Else it is `gke-` and the group's name.
    #[must_use]
    pub fn base_instance_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.base_instance_name);
        self
    }

    /// Made from this template. Else it is the group's name and `-template`.
    #[must_use]
    pub fn template(mut self, name: &str) -> Self {
        self.template = format!("global/instanceTemplates/{name}");
        self
    }

    /// Made from this template of a region.
    #[must_use]
    pub fn regional_template(mut self, region: &str, name: &str) -> Self {
        self.template = format!("regions/{region}/instanceTemplates/{name}");
        self
    }

    /// A regional group in these zones only.
    #[must_use]
    pub fn zones(mut self, zones: &[&str]) -> Self {
        self.zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self
    }

    /// A regional group that redistributes its instances so. Else it does so proactively.
    #[must_use]
    pub fn redistribution(mut self, redistribution: Redistribution) -> Self {
        self.redistribution = redistribution;
        self
    }

    /// With this autoscaler of Compute Engine attached.
    #[must_use]
    pub fn autoscaler(mut self, name: &str) -> Self {
        self.autoscaler = Some(name.to_owned());
        self
    }

    /// A group whose `listManagedInstances` has pages (`listManagedInstancesResults: PAGINATED`). Otherwise the
    /// list is whole, independent of the requested size.
    #[must_use]
    pub fn paginated(mut self) -> Self {
        self.paginated = true;
        self
    }

    /// Whose instances were created so long ago.
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }
}

impl Engine {
    /// Sets up a group, and its project if need be. One of the same path is replaced.
    pub(crate) fn add_group(&mut self, group: Group) -> GroupPath {
        self.add_project(&group.path.project);
        let path = group.path.clone();
        let created = self.now.checked_sub(group.age).unwrap_or(Timestamp::MIN);
        let made = ManagedGroup {
            path: group.path,
            id: self.ids.id(),
            created,
            base_instance_name: group.base_instance_name,
            template: group.template,
            target_size: 0,
            zones: group.zones,
            redistribution: group.redistribution,
            autoscaler: group.autoscaler,
            paginated: group.paginated,
            members: std::collections::BTreeMap::new(),
        };
        self.groups.insert(path.clone(), made);
        for name in group.names {
            self.add_running_member(&path, Some(name), created);
        }
        for _ in 0..group.size {
            self.add_running_member(&path, None, created);
        }
        path
    }

    fn add_running_member(&mut self, path: &GroupPath, name: Option<String>, created: Timestamp) {
        let Some(instance) = self.next_member(path, name) else { return };
        let id = self.ids.id();
        let machine = Machine {
            path: instance.clone(),
            id,
            created,
            status: MachineStatus::Running,
            created_by: Some(path.clone()),
        };
        self.machines.insert(instance.clone(), machine);
        let ticket = self.ticket();
        if let Some(group) = self.groups.get_mut(path) {
            let member = Member { action: Action::None, errors: Vec::new(), ticket, joined: ticket };
            group.members.insert(instance, member);
            group.target_size += 1;
        }
    }

    /// The zone of the next member of a group, and its default name.
    pub(super) fn next_member(&mut self, path: &GroupPath, name: Option<String>) -> Option<InstancePath> {
        let group = self.groups.get(path)?;
        let zone = group.emptiest_zone()?;
        let base = group.base_instance_name.clone();
        let mut instance = InstancePath::new(&path.project, &zone, "");
        instance.name = name.unwrap_or_else(|| format!("{base}-{}", self.ids.suffix()));
        while self.machines.contains_key(&instance) || self.member(path, &instance).is_some() {
            instance.name = format!("{base}-{}", self.ids.suffix());
        }
        Some(instance)
    }

    /// Sets up a project, if it is not there yet.
    pub(crate) fn add_project(&mut self, project: &str) {
        let number = self.ids.id() / 10_000_000;
        self.projects.entry(project.to_owned()).or_insert(Project { number, instance_quota: None });
    }

    /// Sets up an instance that no group made, and that runs.
    pub(crate) fn add_instance(&mut self, path: InstancePath) {
        self.add_project(&path.project);
        let id = self.ids.id();
        let machine = Machine {
            path: path.clone(),
            id,
            created: self.now,
            status: MachineStatus::Running,
            created_by: None,
        };
        self.machines.insert(path, machine);
    }
}
