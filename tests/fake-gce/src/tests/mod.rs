//! The semantics, by a clock that is set by hand, and the wire, by a client that knows nothing of the engine.

mod client;
mod config;
mod deleting;
mod faults;
mod growing;
mod operations;
mod regions;
mod shortage;
mod templates;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::engine::{Action, Cause, Engine, Group, GroupPath, InstancePath, MachineStatus, Terms, Timing};
use crate::fake::{FakeGce, Options};
use fake_http::Clock;

/// Durations that all differ, so that a test notices if one is used for another.
const TIMING: Timing = Timing {
    operation: Duration::from_secs(2),
    place: Duration::from_secs(5),
    boot: Duration::from_secs(20),
    verify: Duration::from_secs(3),
    delete: Duration::from_secs(7),
    retry: Duration::from_mins(1),
    redistribute: Duration::from_secs(30),
};

/// An engine with one zonal group, of running instances, and its clock.
struct World {
    engine: Engine,
    clock: Clock,
    group: GroupPath,
}

impl World {
    fn with(group: Group) -> Self {
        let clock = Clock::by_hand("2026-01-15T08:00:00Z".parse().unwrap());
        let mut engine = Engine::new(clock.now(), TIMING);
        let group = engine.add_group(group);
        Self { engine, clock, group }
    }

    fn zonal(size: usize) -> Self {
        Self::with(Group::zonal("p", "us-central1-a", "users").size(size))
    }

    fn wait(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.engine.advance_to(self.clock.now());
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn resize(&mut self, size: usize) {
        self.engine.resize(&self.group, size, Terms::default()).unwrap();
    }

    fn delete(&mut self, instances: &[InstancePath]) {
        let urls: Vec<String> = instances.iter().map(ToString::to_string).collect();
        self.engine.delete_instances(&self.group, &urls, false, Terms::default()).unwrap();
    }

    fn target_size(&self) -> usize {
        self.engine.group(&self.group).unwrap().target_size
    }

    fn is_stable(&self) -> bool {
        self.engine.group(&self.group).unwrap().is_stable()
    }

    /// The members, with what is done to them and the status of their machines.
    fn members(&self) -> BTreeMap<InstancePath, (Action, Option<MachineStatus>)> {
        let status = |path: &InstancePath| self.engine.machines.get(path).map(|machine| machine.status);
        let members = &self.engine.group(&self.group).unwrap().members;
        members.iter().map(|(path, member)| (path.clone(), (member.action, status(path)))).collect()
    }

    /// The actions on members and the status of their machines, without their names, in order.
    fn states(&self) -> Vec<(Action, Option<MachineStatus>)> {
        let mut states: Vec<_> = self.members().into_values().collect();
        states.sort_by_key(|(action, status)| (*action, status.map(MachineStatus::as_str)));
        states
    }

    /// The number of members to keep in each zone.
    fn spread(&self) -> Vec<usize> {
        let group = self.engine.group(&self.group).unwrap();
        let staying = |zone: &String| {
            let members = group.members.iter();
            members.filter(|(path, member)| path.zone == *zone && member.action != Action::Deleting).count()
        };
        group.zones.iter().map(staying).collect()
    }

    fn causes(&self) -> Vec<Cause> {
        self.engine.losses.iter().map(|loss| loss.cause).collect()
    }

    fn id(&self, instance: &InstancePath) -> u64 {
        self.engine.machines[instance].id
    }
}

/// An instance in the zone of [`World::zonal`].
fn instance(name: &str) -> InstancePath {
    InstancePath::new("p", "us-central1-a", name)
}

/// A fake whose clock is set by hand, with operations that wait for an hour.
fn fake() -> FakeGce {
    let clock = Clock::by_hand("2026-01-15T08:00:00Z".parse().unwrap());
    FakeGce::start(Options { timing: TIMING, clock, port: 0 }).unwrap()
}
