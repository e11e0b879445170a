//! Where requests to a fake cloud come in: each is recorded, may run into a fault, and is then carried out.
//!
//! ```text
//! Call ─> recorded, counted by the script ─> hooks before ─> the fake's own state ─> hooks after ─> answer
//!                            └─ fault: refused, reset or silent ┘  └─ fault: cut, twisted, reset or silent
//! ```

use std::ops::ControlFlow;
use std::sync::Mutex;

use crate::fault::{Fault, Refuse, before, deliver};
use crate::{Answer, Moment, Named, Outcome, Requests, Script, lock};

/// The requests so far, and the script for later ones.
#[derive(Debug)]
pub struct Desk<Call, Own> {
    script: Mutex<Script<Requests, Call, Fault<Own>>>,
    calls: Mutex<Vec<Call>>,
}

impl<Call, Own> Default for Desk<Call, Own> {
    fn default() -> Self {
        Self { script: Mutex::default(), calls: Mutex::default() }
    }
}

impl<Call: Named + Clone, Own: Clone> Desk<Call, Own> {
    /// Lets these requests fail from now on. If several rules match, the oldest wins.
    pub fn fail(&self, requests: Requests, fault: Fault<Own>) {
        lock(&self.script).fail(requests, fault);
    }

    /// From now on the test learns of these requests before or after they take effect; the answer waits for it. It
    /// may use the fake, and it may block.
    pub fn on(&self, requests: Requests, moment: Moment, hook: impl FnMut(&Call) + Send + 'static) {
        lock(&self.script).on(requests, moment, hook);
    }

    /// At these requests the client is to crash, which `kill` sees to: before, so that the request never takes effect,
    /// or after it has, but before the client knows.
    pub fn crash(&self, requests: &Requests, moment: Moment, kill: impl FnMut(&Call) + Send + 'static) {
        self.on(requests.clone(), moment, kill);
        self.fail(requests.clone(), Fault::Reset(moment));
    }

    /// Forgets all rules.
    pub fn behave(&self) {
        lock(&self.script).clear();
    }

    /// All requests since the start or the last [`Self::forget_calls`], in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// The requests so far, each by its method and its position among the requests of this method, from 1.
    #[must_use]
    pub fn numbered(&self) -> Vec<(String, usize)> {
        let mut numbered: Vec<(String, usize)> = Vec::new();
        for call in self.calls() {
            let nth = 1 + numbered.iter().filter(|(method, _)| method == call.method()).count();
            numbered.push((call.method().to_owned(), nth));
        }
        numbered
    }

    /// Forgets the requests so far.
    pub fn forget_calls(&self) {
        lock(&self.calls).clear();
    }

    /// Records a request to which the script does not apply.
    pub fn record(&self, call: &Call) {
        lock(&self.calls).push(call.clone());
    }

    /// Carries a request out, by `act`, unless the script has it fail before.
    pub fn carry_out(
        &self,
        call: &Call,
        service: &impl Refuse<Own>,
        act: impl FnOnce(Option<&Fault<Own>>) -> Answer,
    ) -> Outcome {
        self.record(call);
        let trouble = lock(&self.script).count(call);
        trouble.run_hooks(Moment::Before, call);
        let fault = trouble.fault.as_ref();
        let refusal = match before(fault, service) {
            ControlFlow::Break(outcome) => return outcome,
            ControlFlow::Continue(refusal) => refusal,
        };
        let answer = refusal.unwrap_or_else(|| act(fault));
        trouble.run_hooks(Moment::After, call);
        deliver(answer, fault, service)
    }
}
