//! Sections 5 and 8: the owner and the age of a node's cordon, and whether a run has claimed the node.

use jiff::{SignedDuration, Timestamp};

use crate::model::{Node, annotation, taint};
use crate::policy::{AdoptCordons, Policy};

/// Maximum time from our mark to the taint of the same cordon: clocks differ, and a patch takes time.
const TAINT_AFTER_MARK: SignedDuration = SignedDuration::from_mins(5);

/// A mark that is further ahead was made by a clock that was wrong.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A claim for longer was made by a clock that was wrong.
const LONGEST_CLAIM: SignedDuration = SignedDuration::from_hours(24);

/// The owner of a node's cordon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Cordon {
    /// It is schedulable.
    None,
    /// This program.
    Ours,
    /// Another actor.
    Others,
}

/// The facts of a node's cordon, by its marks and taints.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct CordonFacts {
    pub(in crate::check) cordon: Cordon,
    /// Whether a run has claimed it in order to delete it, and the claim has not expired; or it is Ready, and a run asked
    /// it to park less than `BOOT_GRACE` ago.
    pub(in crate::check) claimed: bool,
    /// When it was parked, or asked to park, under our own cordon.
    pub(in crate::check) parked_at: Option<Timestamp>,
    /// The time at which it was woken under our own cordon.
    pub(in crate::check) woken_at: Option<Timestamp>,
    pub(in crate::check) empty_since: Option<Timestamp>,
    marked_at: Option<Timestamp>,
    tainted_at: Option<Timestamp>,
}

/// The age of a moment; zero for a moment in the future.
pub(in crate::check) fn age(now: Timestamp, moment: Timestamp) -> SignedDuration {
    now.duration_since(moment).max(SignedDuration::ZERO)
}

fn noted(node: &Node, key: &str) -> Option<Timestamp> {
    node.annotations.get(key).and_then(|text| text.parse().ok())
}

/// A moment, if the clock that wrote it was not far ahead.
pub(in crate::check) fn not_ahead(now: Timestamp, moment: Timestamp) -> Option<Timestamp> {
    (moment.duration_since(now) <= AHEAD).then_some(moment)
}

impl CordonFacts {
    pub(super) fn of(node: &Node, now: Timestamp, policy: &Policy) -> Self {
        let marked_at = noted(node, annotation::CORDONED_AT);
        let cordon_taint = node.taints.iter().find(|one| one.key == taint::UNSCHEDULABLE);
        let tainted_at = cordon_taint.and_then(|one| one.added_at);
        let ours = marked_at.is_some_and(|marked| {
            tainted_at.is_none_or(|tainted| tainted.duration_since(marked) <= TAINT_AFTER_MARK)
        });
        let cordon = match (node.unschedulable, ours) {
            (false, _) => Cordon::None,
            (true, true) => Cordon::Ours,
            (true, false) => Cordon::Others,
        };
        let of_ours = |key: &str| if cordon == Cordon::Ours { noted(node, key) } else { None };
        let woken_at = of_ours(annotation::WOKEN_AT);
        let parked_at = if woken_at.is_some() { None } else { of_ours(annotation::PARKED_AT) };
        let is_ready = node.ready.is_some_and(|condition| condition.ready);
        let asked_at = parked_at.and_then(|at| not_ahead(now, at));
        let stops = is_ready && asked_at.is_some_and(|since| age(now, since) < policy.boot_grace);
        let claimed = noted(node, annotation::DELETING_UNTIL)
            .map(|until| until.duration_since(now))
            .is_some_and(|left| left > SignedDuration::ZERO && left <= LONGEST_CLAIM);
        Self {
            cordon,
            claimed: claimed || stops,
            parked_at,
            woken_at: woken_at.and_then(|at| not_ahead(now, at)),
            empty_since: noted(node, annotation::EMPTY_SINCE).and_then(|at| not_ahead(now, at)),
            marked_at: marked_at.and_then(|at| not_ahead(now, at)),
            tainted_at,
        }
    }

    /// When it was cordoned: by mark or taint, whichever is younger; for a cordon of others by the taint.
    pub(in crate::check) fn since(&self) -> Option<Timestamp> {
        match self.cordon {
            Cordon::None => None,
            Cordon::Ours => self.marked_at.max(self.tainted_at),
            Cordon::Others => self.tainted_at,
        }
    }

    /// The same for the rule on late binds: for a cordon of others without a time, `empty-since` counts.
    pub(in crate::check) fn since_for_late_binds(&self) -> Option<Timestamp> {
        match self.cordon {
            Cordon::None | Cordon::Ours => self.since(),
            Cordon::Others => self.since().or(self.empty_since),
        }
    }

    /// Whether the node's cordon lets this run delete it. Unknown age is young.
    pub(in crate::check) fn allows_deletion(&self, policy: &Policy, now: Timestamp) -> bool {
        match (self.cordon, policy.adopt_cordons) {
            (Cordon::None, _) | (Cordon::Others, AdoptCordons::Never) => false,
            (Cordon::Ours, _) | (Cordon::Others, AdoptCordons::Always) => true,
            (Cordon::Others, AdoptCordons::After(least)) => {
                self.since().is_some_and(|since| age(now, since) >= least)
            }
        }
    }

    /// Whether another actor cordoned it, and this run may not undo that.
    pub(in crate::check) fn is_not_ours_to_undo(&self, policy: &Policy) -> bool {
        self.cordon == Cordon::Others && policy.adopt_cordons != AdoptCordons::Always
    }
}
