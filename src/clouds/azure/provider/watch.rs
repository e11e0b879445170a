//! Watches what a change does, for as long as a run watches.

use std::time::Duration;

use kube_rebalancer_rest::CloudError;

use crate::client::{Arm, Machine};
use crate::id::ScaleSetId;

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What was seen last.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is settled.
    Settled(Vec<Machine>),
    /// The time for it is over before it is.
    Unsettled(Vec<Machine>),
    /// The instances could not be seen.
    Unseen(CloudError),
}

/// Looks at the instances of a scale set until something is settled.
pub(super) async fn watch(arm: &Arm, set: &ScaleSetId, is_settled: impl Fn(&[Machine]) -> bool) -> Seen {
    let pace = arm.transport().pace();
    let (mut waited, mut pause) = (Duration::ZERO, pace.first_pause);
    loop {
        let machines = match arm.machines(set, true).await {
            Ok(machines) if is_settled(&machines) => return Seen::Settled(machines),
            Ok(machines) => machines,
            Err(why) => return Seen::Unseen(why),
        };
        if waited >= pace.watching || !arm.transport().pause(pause).await {
            return Seen::Unsettled(machines);
        }
        waited = waited.saturating_add(pause);
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
