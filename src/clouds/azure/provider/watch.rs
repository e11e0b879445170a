//! Watches the instances after a change, for a bounded time.

use std::time::Duration;

use kube_rebalancer_rest::CloudError;

use crate::client::{Arm, Machine};
use crate::id::ScaleSetId;

/// Maximum pause between two reads.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The last observation.
#[derive(Debug)]
pub(super) enum Seen {
    /// The change is complete.
    Settled(Vec<Machine>),
    /// The time expired before the change was complete.
    Unsettled(Vec<Machine>),
    /// The instances could not be listed.
    Unseen(CloudError),
}

/// Reads the instances of a scale set until a change is complete.
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
