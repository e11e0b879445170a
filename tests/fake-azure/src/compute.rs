//! The state of scale sets, which changes over time.
//!
//! ```text
//!   change ──> what is under way is cancelled ──> steps of each machine, each at its time
//! ```
//!
//! Nothing runs in the background: each read passes the time, and all steps that are due until then happen.

use std::collections::{BTreeMap, VecDeque};

use fake_http::after;
use jiff::Timestamp;

use crate::answer::Refusal;
use crate::timing::Timing;

/// The number of instances for which Azure creates one more, if it overprovisions.
const OVERPROVISION: u32 = 5;

/// Azure's free capacity and the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) is_there: bool,
    pub(crate) quota: Option<u32>,
}

impl Default for Room {
    fn default() -> Self {
        Self { is_there: true, quota: None }
    }
}

/// A scale set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Azure's that a test turns by itself")]
pub struct ScaleSet {
    /// The subscription, in lower case.
    pub subscription: String,
    /// The resource group, in the case of the configuration.
    pub resource_group: String,
    /// Its name.
    pub name: String,
    /// The prefix of the host names of its instances.
    pub prefix: String,
    /// The region.
    pub location: String,
    /// Its zones.
    pub zones: Vec<String>,
    /// The size of its instances.
    pub size: String,
    /// The requested number of instances.
    pub capacity: u32,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether its orchestration mode is `Flexible`.
    pub is_flexible: bool,
    /// Whether Azure creates more instances than requested, and deletes the surplus.
    pub overprovisions: bool,
    /// Whether automatic repair is on.
    pub repairs: bool,
    /// Whether automatic zone rebalancing is on.
    pub rebalances: bool,
    /// Its state, if a test sets one.
    pub state: Option<String>,
    /// Its instances, by their IDs.
    pub machines: BTreeMap<u64, Machine>,
    /// The number of deletions that a later change cancelled.
    pub preempted: usize,
    version: u64,
    next: u64,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its unique ID.
    pub unique: String,
    /// Its provisioning state.
    pub provisioning: &'static str,
    /// Its power state; `None` while it is created.
    pub power: Option<&'static str>,
    /// Azure's code of its failure, and the time.
    pub failure: Option<(&'static str, Timestamp)>,
    /// Whether a person protects it.
    pub is_protected: bool,
    /// The time of its creation.
    pub created: Timestamp,
    /// The actions on it since the start.
    pub done: Vec<&'static str>,
    steps: VecDeque<(Timestamp, Step)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Runs,
    Sleeps,
    NoRoom,
    Goes,
    IsGone,
}

impl Machine {
    /// A machine that runs.
    fn running(unique: String, created: Timestamp) -> Self {
        Self {
            unique,
            provisioning: "Succeeded",
            power: Some("running"),
            failure: None,
            is_protected: false,
            created,
            done: Vec::new(),
            steps: VecDeque::new(),
        }
    }

    /// Whether an operation is in progress.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        !self.steps.is_empty()
    }

    fn take(&mut self, at: Timestamp, step: Step) -> bool {
        match step {
            Step::Runs => {
                (self.provisioning, self.power, self.failure) = ("Succeeded", Some("running"), None);
            }
            Step::Sleeps => (self.provisioning, self.power) = ("Succeeded", Some("deallocated")),
            Step::NoRoom => {
                (self.provisioning, self.failure) = ("Failed", Some(("AllocationFailed", at)));
            }
            Step::Goes => self.provisioning = "Deleting",
            Step::IsGone => return false,
        }
        true
    }
}

impl ScaleSet {
    /// A scale set in a resource group.
    #[must_use]
    pub fn new(subscription: &str, resource_group: &str, name: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
            prefix: name.to_owned(),
            location: "westeurope".to_owned(),
            zones: vec!["1".to_owned()],
            size: "Standard_D4s_v5".to_owned(),
            capacity: 0,
            tags: BTreeMap::new(),
            is_flexible: false,
            overprovisions: false,
            repairs: false,
            rebalances: false,
            state: None,
            machines: BTreeMap::new(),
            preempted: 0,
            version: 1,
            next: 0,
        }
    }

    /// Its version.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    /// The host name of an instance: the prefix, and the ID in base 36.
    #[must_use]
    pub fn computer_name(&self, instance: u64) -> String {
        let mut digits = Vec::new();
        let mut rest = instance;
        for _ in 0..6 {
            digits.push(char::from_digit(u32::try_from(rest % 36).unwrap_or_default(), 36).unwrap_or('0'));
            rest /= 36;
        }
        format!("{}{}", self.prefix, digits.iter().rev().collect::<String>())
    }

    /// The provider ID of the node on an instance, as the cloud controller writes it.
    #[must_use]
    pub fn provider_id(&self, instance: u64) -> String {
        format!("azure://{}/virtualMachines/{instance}", self.path(&self.resource_group.to_lowercase()))
    }

    pub(crate) fn path(&self, group: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{}",
            self.subscription, self.name
        )
    }

    /// Its provisioning state.
    #[must_use]
    pub fn provisioning(&self) -> String {
        let own = self.state.clone();
        let is_changing = self.machines.values().any(Machine::is_changing);
        own.unwrap_or_else(|| if is_changing { "Updating" } else { "Succeeded" }.to_owned())
    }

    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }

    fn make(&mut self, now: Timestamp, timing: Timing, has_room: bool) -> u64 {
        let instance = self.next;
        self.next += 1;
        let unique = format!("00000000-0000-4000-8000-{:06}{instance:06}", self.name.len());
        let mut machine = Machine::running(unique, now);
        (machine.provisioning, machine.power) = ("Creating", None);
        let step = if has_room { Step::Runs } else { Step::NoRoom };
        machine.steps.push_back((after(now, timing.creating), step));
        self.machines.insert(instance, machine);
        instance
    }

    fn remove(&mut self, instance: u64, now: Timestamp, timing: Timing) {
        if let Some(machine) = self.machines.get_mut(&instance) {
            machine.done.push("delete");
            machine.provisioning = "Deleting";
            machine.steps = [(after(now, timing.deleting), Step::IsGone)].into();
        }
    }

    /// A later change of a set cancels deletions that are under way.
    fn preempt(&mut self) {
        for machine in self.machines.values_mut().filter(|machine| machine.provisioning == "Deleting") {
            machine.steps.clear();
            machine.provisioning = "Succeeded";
            self.preempted += 1;
            self.capacity += 1;
        }
    }
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct Compute {
    pub(crate) sets: Vec<ScaleSet>,
    now: Timestamp,
}

impl Compute {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { sets: Vec::new(), now }
    }

    /// Carries out all steps that are due until then.
    pub(crate) fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        for set in &mut self.sets {
            set.machines.retain(|_, machine| {
                while let Some((at, step)) = machine.steps.front().copied().filter(|(at, _)| *at <= now) {
                    machine.steps.pop_front();
                    if !machine.take(at, step) {
                        return false;
                    }
                }
                true
            });
        }
    }

    pub(crate) fn add(&mut self, mut set: ScaleSet, instances: u32, timing: Timing) {
        for _ in 0..instances {
            let instance = set.make(self.now, timing, true);
            if let Some(machine) = set.machines.get_mut(&instance) {
                *machine = Machine::running(machine.unique.clone(), self.now);
            }
        }
        set.capacity = instances;
        self.sets.push(set);
    }

    pub(crate) fn find(
        &mut self,
        subscription: &str,
        group: &str,
        name: &str,
    ) -> Result<&mut ScaleSet, Refusal> {
        let is = |set: &&mut ScaleSet| {
            set.subscription == subscription
                && set.resource_group.eq_ignore_ascii_case(group)
                && set.name.eq_ignore_ascii_case(name)
        };
        self.sets.iter_mut().find(is).ok_or_else(|| {
            let words = format!(
                "The Resource 'Microsoft.Compute/virtualMachineScaleSets/{name}' under resource group '{group}' was not found."
            );
            Refusal(404, "ResourceNotFound", words)
        })
    }

    fn named(&mut self, name: &str) -> Option<(&mut ScaleSet, Timestamp)> {
        let now = self.now;
        self.sets.iter_mut().find(|set| set.name == name).map(|set| (set, now))
    }

    /// Sets the capacity of a scale set. With a lower one Azure chooses the instances to delete.
    pub(crate) fn resize(&mut self, name: &str, capacity: u32, timing: Timing, room: &Room) {
        let Some((set, now)) = self.named(name) else { return };
        set.preempt();
        let more = capacity.saturating_sub(set.capacity);
        for _ in 0..more {
            set.make(now, timing, room.is_there);
        }
        if set.overprovisions {
            for _ in 0..more.div_ceil(OVERPROVISION) {
                let extra = set.make(now, timing, room.is_there);
                if let Some(machine) = set.machines.get_mut(&extra) {
                    let ready = after(now, timing.creating);
                    machine.steps.push_back((ready, Step::Goes));
                    machine.steps.push_back((after(ready, timing.deleting), Step::IsGone));
                }
            }
        }
        let fewer = usize::try_from(set.capacity.saturating_sub(capacity)).unwrap_or_default();
        let newest: Vec<u64> = set.machines.keys().rev().take(fewer).copied().collect();
        for instance in newest {
            set.remove(instance, now, timing);
        }
        set.capacity = capacity;
        set.touch();
    }

    /// Changes instances of a scale set: `delete`, `deallocate`, `start`.
    pub(crate) fn act(&mut self, name: &str, verb: &str, instances: &[u64], timing: Timing, room: &Room) {
        let Some((set, now)) = self.named(name) else { return };
        set.preempt();
        for instance in instances {
            match verb {
                "delete" => {
                    set.remove(*instance, now, timing);
                    set.capacity = set.capacity.saturating_sub(1);
                }
                "deallocate" => {
                    let Some(machine) = set.machines.get_mut(instance) else { continue };
                    machine.done.push("deallocate");
                    (machine.provisioning, machine.power) = ("Updating", Some("deallocating"));
                    machine.steps = [(after(now, timing.power), Step::Sleeps)].into();
                }
                _ => {
                    let Some(machine) = set.machines.get_mut(instance) else { continue };
                    machine.done.push("start");
                    machine.provisioning = "Updating";
                    let step = if room.is_there {
                        machine.power = Some("starting");
                        Step::Runs
                    } else {
                        Step::NoRoom
                    };
                    machine.steps = [(after(now, timing.power), step)].into();
                }
            }
        }
        set.touch();
    }
}
