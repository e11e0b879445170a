//! The assignments of the schedule and the calendar that are in force.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::{Assignment, Snapshot};
use crate::policy::{Bounds, Policy, PoolName};

/// An assignment that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The assignment.
    pub assignment: Assignment,
    /// Its origin.
    pub origin: Origin,
    /// When it began, or will begin.
    pub begin: Timestamp,
}

/// The origin of an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A rule of `SCHEDULE`.
    Schedule,
    /// An event of `CALENDAR`.
    Calendar {
        /// The event's title.
        event: String,
    },
}

impl Notice {
    /// Whether it applies to a pool.
    pub(super) fn concerns(&self, pool: &str) -> bool {
        self.assignment.pool().is_none_or(|named| named == pool)
    }
}

/// All assignments that are in force now, the schedule first. The largest one decides, so of equal ones only the first is
/// included: thousands of occurrences may overlap.
pub(super) fn in_force(snapshot: &Snapshot, policy: &Policy) -> Vec<Notice> {
    let foresight = &policy.foresight;
    if foresight.schedule.is_empty() && snapshot.calendar().is_empty() {
        return Vec::new();
    }
    let now = snapshot.observed_at();
    let local = now.to_zoned(foresight.time_zone.clone());
    let mut notices = Vec::new();
    let mut known = BTreeSet::new();
    for rule in &foresight.schedule {
        if let Some(begin) = rule.in_force(&local, foresight.lead) {
            let new = rule.assignments.iter().filter(|one| known.insert(*one));
            notices.extend(new.map(|one| Notice {
                assignment: one.clone(),
                origin: Origin::Schedule,
                begin,
            }));
        }
    }
    for window in snapshot.calendar().iter().filter(|window| window.in_force(now, foresight.lead)) {
        let new = window.assignments.iter().filter(|one| known.insert(*one));
        notices.extend(new.map(|one| {
            let origin = Origin::Calendar { event: window.name.clone() };
            Notice { assignment: one.clone(), origin, begin: window.begin }
        }));
    }
    notices
}

impl Policy {
    /// The policy with the minimum numbers of nodes that the schedule and the calendar raise now, each up to `MAX_NODES`.
    #[must_use]
    pub fn in_force(&self, snapshot: &Snapshot) -> Cow<'_, Self> {
        let mut notices = in_force(snapshot, self);
        notices.retain(|notice| matches!(notice.assignment, Assignment::MinNodes { .. }));
        if notices.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut raised = self.clone();
        raised.bounds = raise(self.bounds, None, &notices);
        let named = notices.iter().filter_map(|notice| notice.assignment.pool());
        let pools: BTreeSet<&PoolName> = self.pool_bounds.keys().chain(named).collect();
        for pool in pools {
            raised.pool_bounds.insert(pool.clone(), raise(*self.bounds_of(pool), Some(pool), &notices));
        }
        Cow::Owned(raised)
    }
}

/// The bounds of a pool, raised by the assignments for it; `None` means the pools without overrides.
fn raise(bounds: Bounds, pool: Option<&PoolName>, notices: &[Notice]) -> Bounds {
    let nodes = notices.iter().filter_map(|notice| match &notice.assignment {
        Assignment::MinNodes { pool: named, nodes } if named.is_none() || named.as_ref() == pool => {
            Some(*nodes)
        }
        Assignment::MinNodes { .. } | Assignment::Reserve { .. } => None,
    });
    let scheduled = nodes.max().unwrap_or(0).min(bounds.max_nodes);
    Bounds { min_nodes: bounds.min_nodes.max(scheduled), ..bounds }
}
