//! The Tuesday on Compute Engine.

use std::time::Duration;

use fake_gce::{Cause, MachineStatus};

use super::{Cloud, Tuesday};
use crate::live::hub::{Hub, program};

impl Cloud for &Hub {
    fn nodes(&self) -> usize {
        self.gce.group(&self.pool).unwrap().target_size
    }

    fn running(&self) -> Vec<String> {
        let machines = self.gce.machines().into_iter();
        let running = machines.filter(|machine| machine.status == MachineStatus::Running);
        running.map(|machine| machine.path.name).collect()
    }

    fn settle(&self) {
        self.world.settle();
    }
}

#[test]
fn through_a_tuesday_everybody_gets_a_node_nobody_loses_one_and_at_night_three_are_left() {
    let Some(hub) = Hub::start(Duration::from_millis(500)) else { return };
    let program = program(&hub.plane, &hub.gce).with("MAX_NODES", "20");
    Tuesday::new(&hub.plane, &hub, program).play();
    let others: Vec<_> =
        hub.gce.losses().into_iter().filter(|loss| loss.cause != Cause::DeleteInstances).collect();
    assert!(others.is_empty(), "{others:?}");
}
