//! The pause after useless creations. Sections 3 and 5.

use jiff::SignedDuration;

use crate::policy::Policy;

/// The longest pause between two nodes that are created for one pod.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// `BOOT_GRACE`, doubled for each node but the first, at most a day.
pub(super) fn pause_after(nodes: u32, policy: &Policy) -> SignedDuration {
    let mut pause = policy.boot_grace;
    for _ in 1..nodes.min(64) {
        pause = twice(pause).min(LONGEST_PAUSE);
    }
    pause
}

pub(super) fn twice(duration: SignedDuration) -> SignedDuration {
    duration.saturating_add(duration)
}
