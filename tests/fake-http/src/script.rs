//! Scripted faults: a rule selects requests, and they fail in a certain way.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::lock;

/// When, with regard to the moment at which a request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It never takes effect.
    Before,
    /// It has taken effect, and the client gets no answer.
    After,
}

/// Which of the requests that a rule includes, counted from 1 and from when the rule was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    #[default]
    Every,
    /// Only the n-th.
    Nth(usize),
    /// The n-th and all after it.
    From(usize),
}

impl Which {
    fn includes(self, number: usize) -> bool {
        match self {
            Self::Every => true,
            Self::Nth(nth) => nth == number,
            Self::From(first) => first <= number,
        }
    }
}

/// The requests that something happens to.
pub trait Rule<Call> {
    /// Whether the request is one of them, their number apart.
    fn includes(&self, call: &Call) -> bool;
    /// Which of them.
    fn which(&self) -> Which;
}

/// An action of a test at the arrival of a request; it may block.
type Hook<Call> = Arc<Mutex<dyn FnMut(&Call) + Send>>;

enum Effect<Call, Fault> {
    Fault(Fault),
    Hook(Moment, Hook<Call>),
}

struct Entry<R, Call, Fault> {
    rule: R,
    seen: usize,
    effect: Effect<Call, Fault>,
}

/// The rules in the order in which they were made, each with its own count.
pub struct Script<R, Call, Fault>(Vec<Entry<R, Call, Fault>>);

impl<R, Call, Fault> Default for Script<R, Call, Fault> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R, Call, Fault> fmt::Debug for Script<R, Call, Fault> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a script of {} rules", self.0.len())
    }
}

impl<R: Rule<Call>, Call, Fault: Clone> Script<R, Call, Fault> {
    /// Lets requests fail. If several rules match, the oldest wins.
    pub fn fail(&mut self, rule: R, fault: Fault) {
        self.0.push(Entry { rule, seen: 0, effect: Effect::Fault(fault) });
    }

    /// Tells a test of requests, before or after they take effect.
    pub fn on(&mut self, rule: R, moment: Moment, hook: impl FnMut(&Call) + Send + 'static) {
        self.0.push(Entry { rule, seen: 0, effect: Effect::Hook(moment, Arc::new(Mutex::new(hook))) });
    }

    /// Forgets all rules.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts a request and says what is to happen with it.
    pub fn count(&mut self, call: &Call) -> Trouble<Call, Fault> {
        let mut trouble = Trouble { fault: None, hooks: Vec::new() };
        for entry in self.0.iter_mut().filter(|entry| entry.rule.includes(call)) {
            entry.seen += 1;
            if !entry.rule.which().includes(entry.seen) {
                continue;
            }
            match &entry.effect {
                Effect::Fault(fault) => trouble.fault = trouble.fault.take().or_else(|| Some(fault.clone())),
                Effect::Hook(moment, hook) => trouble.hooks.push((*moment, Arc::clone(hook))),
            }
        }
        trouble
    }
}

/// The faults and hooks of one request.
pub struct Trouble<Call, Fault> {
    /// The fault, if there is one.
    pub fault: Option<Fault>,
    hooks: Vec<(Moment, Hook<Call>)>,
}

impl<Call, Fault> fmt::Debug for Trouble<Call, Fault> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "trouble: a fault {}, {} hooks", self.fault.is_some(), self.hooks.len())
    }
}

impl<Call, Fault> Trouble<Call, Fault> {
    /// Tells the test. Without a lock on the script: the test may change it.
    pub fn run_hooks(&self, at: Moment, call: &Call) {
        for (_, hook) in self.hooks.iter().filter(|(moment, _)| *moment == at) {
            lock(hook)(call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls that begin so.
    struct Prefix(&'static str, Which);

    impl Rule<&'static str> for Prefix {
        fn includes(&self, call: &&'static str) -> bool {
            call.starts_with(self.0)
        }

        fn which(&self) -> Which {
            self.1
        }
    }

    #[test]
    fn each_rule_counts_for_itself_and_the_first_fault_wins() {
        let mut script = Script::default();
        script.fail(Prefix("a", Which::Nth(2)), 500);
        script.fail(Prefix("ab", Which::From(2)), 503);
        script.fail(Prefix("b", Which::Every), 404);
        let faults = ["a", "ab", "ab", "a", "b", "ab"].map(|call| script.count(&call).fault);
        assert_eq!(faults, [None, Some(500), Some(503), None, Some(404), Some(503)]);
        script.clear();
        assert_eq!(script.count(&"b").fault, None);
    }

    #[test]
    fn hooks_run_at_their_moment() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut script: Script<_, _, u16> = Script::default();
        for moment in [Moment::After, Moment::Before] {
            let told = Arc::clone(&told);
            script.on(Prefix("", Which::Every), moment, move |call| lock(&told).push((moment, *call)));
        }
        let trouble = script.count(&"x");
        trouble.run_hooks(Moment::Before, &"x");
        trouble.run_hooks(Moment::After, &"x");
        assert_eq!(*lock(&told), [(Moment::Before, "x"), (Moment::After, "x")]);
    }
}
