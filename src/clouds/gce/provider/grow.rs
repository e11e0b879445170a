//! Asks a group for more instances, never for fewer than it has.

use super::{Cloud, NOT_ASKED, TIME_IS_UP, request_id, rules};
use kube_rebalancer_ports::{Clock, GroupAnswer};

impl<T: Clock> Cloud<T> {
    /// Reads the group's size again and asks for what is missing then.
    ///
    /// Compute Engine has no precondition on a resize: another client that enlarges the group in the milliseconds between
    /// this read and the request is overruled. The Lease keeps other runs of this program away.
    pub(super) async fn grow_group(&self, name: &str, from: u32, to: u32) -> GroupAnswer {
        let Some(id) = self.groups.get(name) else {
            return GroupAnswer::Failed(format!("node group {name} was not observed"));
        };
        let now = match self.in_time(self.engine.group(id)).await {
            Some(Ok(group)) => group,
            Some(Err(error)) => return GroupAnswer::Failed(error.to_string()),
            None => return GroupAnswer::Failed(TIME_IS_UP.to_owned()),
        };
        if let Some(why) = rules::not_growable(&now) {
            return GroupAnswer::Stale(why);
        }
        let Some(goal) = goal(now.target_size, from, to) else { return GroupAnswer::AlreadySo };
        if self.stopped() {
            return GroupAnswer::Failed(NOT_ASKED.to_owned());
        }
        let asked = self.in_time(self.engine.resize(id, goal, &request_id())).await;
        let error = match asked {
            Some(Ok(())) => return GroupAnswer::Done,
            Some(Err(error)) if error.unchanged => return GroupAnswer::Failed(error.to_string()),
            Some(Err(error)) => error.to_string(),
            None => TIME_IS_UP.to_owned(),
        };
        // The answer was lost, not necessarily the change.
        match self.still_in_time(self.engine.group(id)).await {
            Some(Ok(group)) if group.target_size >= goal => GroupAnswer::Done,
            _ => GroupAnswer::Unknown(error),
        }
    }
}

/// How many instances a group is asked for: what was planned, or fewer if it shrank meanwhile. `None` if it has them.
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
