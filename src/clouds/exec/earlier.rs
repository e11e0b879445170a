//! The earlier commands of this run: whether one used up its time, and which nodes and groups one left in doubt.
//!
//! The effect of such a command is unknown, and the look at the list does not prove that it ended. So it is not started
//! again in the same run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use kube_rebalancer_ports::{Clock, GroupAnswer};

use crate::command::{Broken, LEAD};
use crate::protocol::Verb;

/// Whose change is in doubt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    Group(String),
    Node(String),
}

/// What this run knows of its earlier commands.
#[derive(Debug)]
pub(crate) struct Earlier {
    used_up: AtomicBool,
    doubts: Mutex<BTreeMap<Whose, String>>,
    /// The least time for a command that changes something: with less it could hardly finish.
    least: SignedDuration,
}

impl Earlier {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        let lead = SignedDuration::try_from(LEAD).unwrap_or(SignedDuration::MAX);
        let least = clock.left().checked_div(10).unwrap_or_default().min(lead);
        Self { used_up: AtomicBool::new(false), doubts: Mutex::default(), least }
    }

    /// Whether a command may start; the error is for a person.
    pub(crate) fn may_start(&self, verb: Verb, clock: &dyn Clock) -> Result<(), String> {
        let (setting, left) = (verb.setting(), clock.left());
        if !left.is_positive() {
            return Err(format!("{setting}: the run has no time left"));
        }
        if matches!(verb, Verb::List | Verb::Gone) {
            return Ok(());
        }
        if self.used_up.load(Ordering::Relaxed) {
            return Err(format!("{setting}: not started: an earlier command used up the time of the run"));
        }
        if left < self.least {
            let (least, left) = (self.least.as_secs(), left.as_secs());
            return Err(format!(
                "{setting}: not started: a command needs at least {least} s, and the run has {left} s left"
            ));
        }
        Ok(())
    }

    /// Notes that time ended a command.
    pub(crate) fn note(&self, broken: &Broken) {
        if matches!(broken, Broken::OutOfTime(_)) {
            self.used_up.store(true, Ordering::Relaxed);
        }
    }

    /// Notes an answer that leaves the change in doubt.
    pub(crate) fn doubt(&self, whose: Whose, answer: &GroupAnswer) {
        if let GroupAnswer::InDoubt(words) = answer {
            self.doubts().insert(whose, words.clone());
        }
    }

    /// The answer to a change that an earlier command left in doubt.
    pub(crate) fn in_doubt(&self, whose: &Whose) -> Option<GroupAnswer> {
        self.doubts().get(whose).cloned().map(GroupAnswer::InDoubt)
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeMap<Whose, String>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
