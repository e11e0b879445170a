//! Asks a group for more instances, never for fewer than it has.

use crate::calls::{Asked, Became, Calls};

/// Reads the group's size again and requests the missing instances.
pub async fn grow<C: Calls>(cloud: &C, group: &str, from: u32, to: u32) -> Became<C::Refusal> {
    let now = match cloud.size(group, false).await {
        Ok(now) => now,
        Err(why) => return Became::Failed(why),
    };
    if let Some(why) = now.not_growable {
        return Became::Refused(why);
    }
    let Some(goal) = goal(now.target_size, from, to) else { return Became::AlreadySo };
    if let Some(why) = cloud.stopped() {
        return Became::Failed(why);
    }
    let lost = match cloud.resize(group, goal).await {
        Asked::Accepted => return Became::Done,
        Asked::Refused(why) => return Became::Failed(why),
        Asked::Unanswered(why) => why,
    };
    // The answer was lost, but the change may have succeeded.
    match cloud.size(group, true).await {
        Ok(now) if now.target_size >= goal => Became::Done,
        Ok(_) => Became::NotSeen(lost),
        Err(_) => Became::InDoubt(lost.to_string()),
    }
}

/// The number of instances to request: the planned one, or fewer if the group shrank in the meantime. `None` if it
/// has them.
fn goal(now: u32, from: u32, to: u32) -> Option<u32> {
    let goal = to.min(now.saturating_add(to.saturating_sub(from)));
    (goal > now).then_some(goal)
}

#[cfg(test)]
mod tests {
    use super::goal;

    #[test]
    fn a_group_is_never_asked_for_fewer_than_it_has_nor_for_more_than_was_planned() {
        for (now, from, to, expected) in [
            (5, 5, 8, Some(8)),
            (6, 5, 8, Some(8)), // somebody added one
            (8, 5, 8, None),    // somebody added them all
            (20, 5, 8, None),   // and more
            (3, 5, 8, Some(6)), // somebody took two: three more all the same
            (0, 0, 2, Some(2)),
            (u32::MAX, 5, 8, None),
            (0, 5, u32::MAX, Some(u32::MAX - 5)),
        ] {
            assert_eq!(goal(now, from, to), expected, "{now} now, planned from {from} to {to}");
        }
    }
}
