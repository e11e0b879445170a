//! Common parts of the tests of all providers: every request fails in every way, once and permanently, and a run ends before
//! and after each. No action may be done twice, no answer may be false, and the next run repairs the state.
//!
//! ```text
//! Deed ─> an undisturbed run ─> Points: its requests ─> x Troubles ─> disturbed run ─> clean run ─> Tried
//! ```

use std::fmt::Debug;
use std::sync::Arc;

use fake_http::{Desk, Fault, Moment, Named, Requests};
use futures_util::{StreamExt, stream};
use kube_rebalancer_ports::GroupAnswer;

/// Number of cases that are tried side by side: most of their time is spent waiting.
const SIDE_BY_SIDE: usize = 24;

/// The task of a run at one provider.
pub trait Deed: Copy + Debug + Send + Sync + 'static {
    /// The fake cloud, and its connection.
    type World: Send + Sync + 'static;
    /// A request to the fake.
    type Call: Named + Clone + Send + 'static;
    /// The faults that only this cloud has.
    type Own: Clone + Debug + Send + Sync + 'static;

    /// Where requests to the fake come in.
    fn desk(world: &Self::World) -> &Desk<Self::Call, Self::Own>;

    /// A world in which the deed is not done yet.
    fn start(self) -> impl Future<Output = Self::World> + Send;

    /// The answer to the deed in a run that lists the groups first: `None` where these could not be listed.
    fn run(self, world: &Self::World) -> impl Future<Output = Option<GroupAnswer>> + Send;

    /// The same in a run that gives up soon what hangs.
    fn disturbed(self, world: &Self::World) -> impl Future<Output = Option<GroupAnswer>> + Send {
        self.run(world)
    }

    /// Whether it is done or under way.
    fn is_done(self, world: &Self::World) -> bool;

    /// Whether a run that begins now rightly does not ask for it again, because it is done.
    fn is_past_asking(self, _world: &Self::World) -> bool {
        false
    }

    /// What was done and should not have been.
    fn harm(self, world: &Self::World) -> Option<String>;
}

/// What was tried, and what is wrong.
#[derive(Debug)]
pub struct Tried {
    /// Number of requests of undisturbed runs.
    pub requests: usize,
    /// Number of disturbed runs.
    pub cases: usize,
    /// Number of runs that ended at a request.
    pub crash_points: usize,
    /// What was wrong with any.
    pub complaints: Vec<String>,
}

/// One request of an undisturbed run.
#[derive(Clone, Debug)]
struct Point<D> {
    deed: D,
    method: String,
    /// Its position among the requests of this method, from 1.
    nth: usize,
}

#[derive(Clone, Debug)]
enum Trouble<Own> {
    Once(Fault<Own>),
    Lasting(Fault<Own>),
    /// The run ends at the request.
    Crash(Moment),
}

/// Tries all deeds with every fault of any service, and with `own`.
pub async fn try_all<D: Deed>(deeds: &[D], own: &[Fault<D::Own>]) -> Tried {
    let mut points = Vec::new();
    for deed in deeds {
        points.extend(requests_of(*deed).await);
    }
    let faults = Fault::of_any_service(0).into_iter().chain(own.iter().cloned());
    let failing = faults.flat_map(|fault| [Trouble::Once(fault.clone()), Trouble::Lasting(fault)]);
    let crashes = [Moment::Before, Moment::After];
    let troubles: Vec<_> = failing.chain(crashes.map(Trouble::Crash)).collect();
    let cases: Vec<_> =
        points.iter().flat_map(|point| troubles.iter().map(move |trouble| (point, trouble))).collect();
    let trying = stream::iter(cases.iter().map(|(point, trouble)| attempt(point, trouble)));
    let complaints = trying.buffer_unordered(SIDE_BY_SIDE).collect::<Vec<_>>().await.concat();
    let crash_points = points.len() * crashes.len();
    Tried { requests: points.len(), cases: cases.len(), crash_points, complaints }
}

impl Tried {
    /// Fails if anything is wrong, or if other numbers of requests and cases were tried.
    ///
    /// # Panics
    ///
    /// Then.
    #[expect(clippy::print_stdout, reason = "the numbers are part of what a test shows")]
    pub fn is_all_well(&self, requests: usize, cases: usize) {
        let counted =
            format!("{} requests, {} cases, {} crash points", self.requests, self.cases, self.crash_points);
        println!("{counted}");
        let found = &self.complaints;
        assert!(found.is_empty(), "{counted}, {} complaints:\n{}", found.len(), found.join("\n"));
        assert_eq!((self.requests, self.cases), (requests, cases));
    }
}

/// The requests of a run that nothing disturbs.
async fn requests_of<D: Deed>(deed: D) -> Vec<Point<D>> {
    let world = deed.start().await;
    assert_eq!(deed.run(&world).await, Some(GroupAnswer::Done), "{deed:?}");
    let numbered = D::desk(&world).numbered().into_iter();
    numbered.map(|(method, nth)| Point { deed, method, nth }).collect()
}

async fn attempt<D: Deed>(point: &Point<D>, trouble: &Trouble<D::Own>) -> Vec<String> {
    let deed = point.deed;
    let world = Arc::new(deed.start().await);
    let desk = D::desk(&world);
    let requests = Requests::method(&point.method);
    let answer = match trouble {
        Trouble::Once(fault) => {
            desk.fail(requests.nth(point.nth), fault.clone());
            deed.disturbed(&world).await
        }
        Trouble::Lasting(fault) => {
            desk.fail(requests.since_nth(point.nth), fault.clone());
            deed.disturbed(&world).await
        }
        Trouble::Crash(moment) => {
            end_at(point, &world, &requests.nth(point.nth), *moment).await;
            None
        }
    };
    let mut found: Vec<String> = deed.harm(&world).into_iter().collect();
    found.extend(answer.as_ref().and_then(|answer| lie(deed.is_done(&world), answer)));
    desk.behave();
    let again = deed.run(&world).await;
    if !again.as_ref().is_some_and(is_fine) && !deed.is_past_asking(&world) {
        found.push(format!("the clean run: {again:?}"));
    }
    if !deed.is_done(&world) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(deed.harm(&world));
    found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text} (first {answer:?})")).collect()
}

/// A run that ends at a request.
async fn end_at<D: Deed>(point: &Point<D>, world: &Arc<D::World>, requests: &Requests, moment: Moment) {
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let (deed, in_run) = (point.deed, Arc::clone(world));
    let run = tokio::spawn(async move {
        let _begun = wait.await;
        deed.disturbed(&in_run).await
    });
    let victim = run.abort_handle();
    D::desk(world).crash(requests, moment, move |_| victim.abort());
    assert!(go.send(()).is_ok());
    assert!(run.await.is_err_and(|error| error.is_cancelled()), "{point:?}: the request is made");
}

fn is_fine(answer: &GroupAnswer) -> bool {
    matches!(answer, GroupAnswer::Done | GroupAnswer::AlreadySo)
}

/// What is wrong with an answer.
fn lie(is_done: bool, answer: &GroupAnswer) -> Option<String> {
    if is_fine(answer) {
        return (!is_done).then(|| "it is not so".to_owned());
    }
    if is_done && !matches!(answer, GroupAnswer::InDoubt(_)) {
        return Some("it is done".to_owned());
    }
    answer.words().unwrap_or_default().is_empty().then(|| "it gives no reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_so_or_gives_no_reason_is_a_lie() {
        let words = || "why".to_owned();
        for (is_done, answer, expected) in [
            (true, GroupAnswer::Done, None),
            (true, GroupAnswer::AlreadySo, None),
            (false, GroupAnswer::Done, Some("it is not so")),
            (false, GroupAnswer::AlreadySo, Some("it is not so")),
            (true, GroupAnswer::Failed(words()), Some("it is done")),
            (true, GroupAnswer::InDoubt(words()), None),
            (false, GroupAnswer::InDoubt(words()), None),
            (false, GroupAnswer::Failed(words()), None),
            (false, GroupAnswer::Failed(String::new()), Some("it gives no reason")),
        ] {
            assert_eq!(lie(is_done, &answer).as_deref(), expected, "{is_done} {answer:?}");
        }
    }

    #[test]
    #[should_panic(expected = "1 requests, 2 cases, 2 crash points, 1 complaints:\nit is done")]
    fn a_complaint_fails_the_test() {
        let complaints = vec!["it is done".to_owned()];
        Tried { requests: 1, cases: 2, crash_points: 2, complaints }.is_all_well(1, 2);
    }
}
