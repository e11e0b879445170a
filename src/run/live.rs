//! A run on a live cluster.
//!
//! ```text
//!   yes given:    connect --> Lease --> look: observe, the cloud too, plan, check --> apply --> report --> give the Lease back
//!   yes asked:    connect --> look --> show, ask --> Lease --> look again: the same plan? --> apply --> report --> give it back
//! ```
//!
//! The Lease is not held while a person thinks. A dry run takes none and ends after the check. Everything happens within
//! the bounds of [`super::bounded`].

mod problems;
mod telling;
mod unfinished;

use std::cell::{Cell, OnceCell, RefCell};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use kube_rebalancer_apply::{Applied, Apply, awaits_return};
use kube_rebalancer_core::model::{History, Node, SESSION_LABELS, Snapshot};
use kube_rebalancer_core::plan::{self, Plan, Target};
use kube_rebalancer_kube::live::{ConnectOptions, HeldLease, Live, RunTime};
use kube_rebalancer_page::count;
use kube_rebalancer_ports::{CloudScope, NotTried, SharedClock};

use super::bounded::{self, GivenUp};
use super::calendar::{self, Known};
use super::clouds::{self, CloudHalf, Clouds};
use super::connections::Connections;
use super::show::{self, Decided, Show};
use super::{World, read_settings, usage};
use crate::cli::{DryRun, OutputFormat, RunArgs, SettingFlags};
use crate::error::{Ending, Failure};
use crate::providers::PROVIDERS;
use crate::settings::{Settings, UsageFrom};
pub(super) use problems::cannot_connect;
use problems::{ANSWER_BEFOREHAND, Changed, Declined, NoConsent, NoRuntime, UNCHANGED, no_lease};
use telling::Account;
use unfinished::Unfinished;

pub(super) fn run(
    arguments: &RunArgs,
    flags: SettingFlags,
    world: &World,
    out: &mut dyn Write,
) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(flags, world)?;
    // A separate thread handles signals and deadlines, so that the run ends even if this thread blocks.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Ending::NotObserved, NoRuntime(error)))?;
    let time = RunTime::new(world.now, settings.run_timeout());
    let known = calendar::around(&settings, world.now);
    let run = Run { arguments, settings: &settings, world, time, known, session: Session::default() };
    let result = runtime.block_on(async {
        let ended = Box::pin(bounded::run(&run.time, run.connect(out))).await;
        let (result, given_up) = match ended {
            Ok(result) => (result, None),
            Err(why) => (Err(run.given_up(why)), Some(why)),
        };
        if given_up != Some(GivenUp::StoppedTwice) {
            run.tell(&result, given_up.is_some()).await;
            run.give_back().await;
        }
        result
    });
    // An unanswered question, or a plugin, may still wait for input; the run does not wait for them.
    runtime.shutdown_background();
    result
}

struct Run<'a> {
    arguments: &'a RunArgs,
    settings: &'a Settings,
    world: &'a World,
    time: RunTime,
    /// The events of the calendar.
    known: Known,
    session: Session,
}

/// The state that outlives the run's work, whatever its result.
#[derive(Debug, Default)]
struct Session {
    live: OnceCell<Live>,
    /// The Lease, while this run holds it.
    held: RefCell<Option<HeldLease>>,
    /// Whether anything may have been changed.
    acting: Cell<bool>,
    /// The history, if this run adds to it.
    learned: RefCell<Option<Arc<History>>>,
    /// The report for receivers of messages and metrics, if there are any.
    account: RefCell<Option<Account>>,
}

/// An observed cluster, with the decisions.
#[derive(Debug)]
struct Seen<'a> {
    snapshot: Arc<Snapshot>,
    clouds: Result<Clouds, NotTried>,
    /// Whether all node groups were listed.
    complete: bool,
    decided: Decided,
    show: Show<'a>,
    /// The record of reported problems of earlier runs.
    told: Option<String>,
}

/// The consent to carry out a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// It was given beforehand, or the run is a dry run.
    Given,
    /// A person can be asked.
    Ask,
    /// No person can be asked.
    Missing,
}

impl Run<'_> {
    async fn connect(&self, out: &mut dyn Write) -> Result<Ending, Failure> {
        let options = ConnectOptions {
            context: self.arguments.context.clone(),
            identity: self.identity(),
            namespace: self.settings.lease_namespace().to_owned(),
            lease_name: self.settings.lease_name().to_owned(),
            dry_run: self.arguments.dry_run == Some(DryRun::Server),
            drain: self.settings.policy().drain,
            each_pod: *self.settings.usage() != UsageFrom::Nothing,
            own_pod: self.settings.policy().own_pod.clone(),
            label_keys: {
                let policy = self.settings.policy();
                let keys = policy.preemptible_labels.union(&policy.omit_labels).cloned();
                keys.chain(SESSION_LABELS.map(str::to_owned)).collect()
            },
        };
        let live = Live::connect(options, self.time.clone()).await.map_err(cannot_connect)?;
        let live = self.session.live.get_or_init(|| live);
        if self.consent() == Consent::Given {
            self.take_lease(live).await?;
        }
        let ended = self.rebalance(live, out).await;
        let lost = matches!(&ended, Err(failure) if failure.ending() == Ending::Busy);
        if !lost {
            self.keep_history(live).await;
        }
        ended
    }

    /// Stores the history for later runs while this run holds the Lease. A failure does not fail the run.
    async fn keep_history(&self, live: &Live) {
        let learned = self.session.learned.take();
        let (Some(history), true) = (learned, self.session.held.borrow().is_some()) else { return };
        match tokio::time::timeout(HISTORY_PATIENCE, live.write_history(&history)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::info!("the observations of this run are not stored: {error}"),
            Err(_) => {
                log::info!("the observations of this run are not stored: the API server takes too long");
            }
        }
    }

    /// Adds the present demand to the history of earlier runs.
    fn learn(&self, seen: &Snapshot, plan: &Plan) {
        let foresight = &self.settings.policy().foresight;
        if !(foresight.forecast || foresight.stabilization.is_positive()) {
            return;
        }
        let Some(mut history) = seen.history().cloned() else { return };
        if plan.teach(Arc::make_mut(&mut history)) {
            self.session.learned.replace(Some(history));
        }
    }

    /// Takes the Lease, unless the run changes nothing.
    async fn take_lease(&self, live: &Live) -> Result<(), Failure> {
        if self.arguments.dry_run.is_none() {
            let held = live.acquire(self.settings.run_timeout()).await.map_err(no_lease)?;
            self.session.held.replace(Some(held));
        }
        Ok(())
    }

    /// Verifies that this run still holds the Lease, right before the first change.
    async fn still_holds(&self, live: &Live) -> Result<(), Failure> {
        let held = self.session.held.borrow().clone();
        if let Some(held) = held {
            live.still_holds(&held).await.map_err(no_lease)?;
        }
        Ok(())
    }

    /// Releases the Lease, if there is time for it; otherwise it expires by itself.
    async fn give_back(&self) {
        let held = self.session.held.take();
        let (Some(live), Some(held)) = (self.session.live.get(), held) else { return };
        tokio::select! {
            () = live.release(held) => {}
            () = self.time.long_over() => log::warn!("the Lease was not released in time and expires by itself"),
        }
    }

    /// Observes the cluster and its clouds, and decides.
    async fn look(&self, live: &Live, out: &mut dyn Write) -> Result<Seen<'_>, Failure> {
        let mut show = Show::new(self.settings, self.arguments, self.world, live.target().to_string());
        show.dry_run = self.arguments.dry_run.is_some();
        let clock: SharedClock = Arc::new(self.time.clone());
        let scope = self.cloud_scope();
        let policy = self.settings.policy();
        let mut begun = Connections::default();
        let connect = |nodes: &[Node]| begun = clouds::connect(PROVIDERS, nodes, policy, &scope, &clock);
        let observation = match live.observe(connect).await {
            Ok(observation) => observation,
            Err(error) => {
                show.not_observed(&error, out)?;
                return Err(Failure::new(Ending::NotObserved, error).with_hint(UNCHANGED));
            }
        };
        for warning in &observation.warnings {
            log::warn!("{warning}");
        }
        let (nodes, pods) = (observation.snapshot.nodes().len(), observation.snapshot.pods_seen());
        log::info!("{}: {nodes} nodes, {pods} pods", live.target());
        let asking = Box::pin(usage::ask(self.settings, live));
        let (half, told) = tokio::join!(self.clouds(observation.snapshot, begun), asking);
        let CloudHalf { snapshot, mut warnings, clouds, complete } = half?;
        let snapshot = snapshot.with_calendar(Arc::clone(&self.known.windows)).with_usage(told.samples);
        let mut snapshot = Arc::new(snapshot);
        warnings.extend(self.known.problems.iter().cloned());
        warnings.extend(told.problem);
        let plan_of = |seen: &Snapshot, settings: &Settings| plan::plan(seen, settings.policy());
        let mut plan = self.aside(&snapshot, plan_of).await?;
        // The list of volumes is long, and most runs give back no node.
        if plan.as_ref().is_ok_and(Plan::gives_back_or_drains) {
            let (stored, problem) = live.stored_volumes(snapshot.nodes()).await;
            warnings.extend(problem);
            let may_differ = stored.may_keep_a_node();
            // The planner has returned, so nothing is copied.
            snapshot = Arc::new(Arc::unwrap_or_clone(snapshot).with_stored_volumes(stored.into()));
            if may_differ {
                plan = self.aside(&snapshot, plan_of).await?;
            }
        }
        show.observed = warnings;
        let mut decided = match plan {
            Ok(plan) => self.aside(&snapshot, |seen, settings| Decided::of(plan, seen, settings)).await?,
            Err(refusal) => {
                show.refusal(&refusal, out)?;
                return Err(Failure::new(Ending::Refused, refusal));
            }
        };
        self.learn(&snapshot, &decided.plan);
        decided.plan.warnings.extend(observation.plan_warnings);
        Ok(Seen { snapshot, clouds, complete, decided, show, told: observation.told })
    }

    /// Decides or checks on a separate thread, so that a plan that takes too long can be aborted.
    async fn aside<T: Send + 'static>(
        &self,
        snapshot: &Arc<Snapshot>,
        work: impl FnOnce(&Snapshot, &Settings) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (seen, settings) = (Arc::clone(snapshot), self.settings.clone());
        let working = tokio::task::spawn_blocking(move || work(&seen, &settings));
        tokio::select! {
            done = working => done.map_err(|_| self.given_up(GivenUp::Panicked)),
            () = self.time.used_up() => Err(self.given_up(GivenUp::of(&self.time))),
        }
    }

    async fn rebalance(&self, live: &Live, out: &mut dyn Write) -> Result<Ending, Failure> {
        let mut seen = self.look(live, out).await?;
        let wanted = seen.decided.plan.actions.len();
        let consent = self.consent();
        let only_plan = self.arguments.dry_run == Some(DryRun::Client) || !seen.decided.violations.is_empty();
        if only_plan || wanted == 0 {
            seen.show.plan(&seen.decided, None, out)?;
            seen.show.log(&seen.decided, None)?;
            self.account(&seen, None);
            let acts = !only_plan && self.arguments.dry_run.is_none() && consent == Consent::Given;
            let finishes = seen.clouds.is_ok()
                && seen.decided.is_trusted()
                && awaits_return(&seen.snapshot, self.settings.policy());
            if acts && (seen.decided.leaves_word() || finishes) {
                // The plan has no action, but notes for later runs, events for waiting users, or a waking to be finished.
                self.still_holds(live).await?;
                self.apply(live, &seen).await;
            }
            return self.ending(&seen);
        }
        if consent != Consent::Given {
            seen.show.plan(&seen.decided, None, out)?;
            crate::error::written(out.flush())?;
            let refused = match consent {
                Consent::Ask if self.ask(wanted).await => None,
                Consent::Ask => Some(Failure::new(Ending::Refused, Declined)),
                Consent::Given | Consent::Missing => {
                    Some(Failure::new(Ending::Usage, NoConsent).with_hint(ANSWER_BEFOREHAND))
                }
            };
            if let Some(failure) = refused {
                seen.show.log(&seen.decided, None)?;
                return Err(failure);
            }
            self.take_lease(live).await?;
            let again = self.look(live, out).await?;
            if !same(&seen.decided.plan, &again.decided.plan) || !again.decided.violations.is_empty() {
                again.show.log(&again.decided, None)?;
                return Err(
                    Failure::new(Ending::Refused, Changed).with_hint("run it again to see the new plan")
                );
            }
            seen = again;
        }
        self.still_holds(live).await?;
        let applied = self.apply(live, &seen).await;
        for problem in &applied.problems {
            log::error!("{problem}");
        }
        let outcomes = applied.outcomes.as_slice();
        self.account(&seen, Some(outcomes));
        if consent == Consent::Given {
            seen.show.plan(&seen.decided, Some(outcomes), out)?;
        } else {
            seen.show.outcomes(&seen.decided, outcomes, out)?;
        }
        seen.show.log(&seen.decided, Some(outcomes))?;
        match Unfinished::of(&applied) {
            Some(unfinished) => Err(Failure::new(Ending::Incomplete, unfinished)),
            None => self.ending(&seen),
        }
    }

    /// The ending of a run by its observation and decisions.
    fn ending(&self, seen: &Seen<'_>) -> Result<Ending, Failure> {
        if !seen.decided.is_trusted() {
            return Ok(Ending::Refused);
        }
        // An incomplete view of a cloud may hide facts that the plan needs. A run that only plans reports the gap; a run that
        // acts fails.
        if seen.complete || self.arguments.dry_run.is_some() {
            return seen.decided.ending_of(self.arguments);
        }
        Err(Failure::new(Ending::Incomplete, Unfinished::unseen(&seen.show.observed)))
    }

    /// The failure of a run that was given up.
    fn given_up(&self, why: GivenUp) -> Failure {
        if self.session.acting.get() {
            let hint = "actions in progress may have been carried out; the next run reads the cluster again";
            return Failure::new(Ending::Incomplete, why).with_hint(hint);
        }
        Failure::new(Ending::NotObserved, why).with_hint(UNCHANGED)
    }

    /// The settings and notes of the clouds.
    fn cloud_scope(&self) -> CloudScope {
        let notes = self.session.live.get().map(Live::notes);
        CloudScope { notes, ..self.settings.cloud().clone() }
    }

    /// Lists the node groups.
    async fn clouds(&self, snapshot: Snapshot, begun: Connections) -> Result<CloudHalf, Failure> {
        let clock: SharedClock = Arc::new(self.time.clone());
        let (policy, scope) = (self.settings.policy(), self.cloud_scope());
        let half = clouds::observe(PROVIDERS, snapshot, policy, &scope, &clock, begun).await;
        let half = half.map_err(|error| Failure::new(Ending::Settings, error).with_hint(UNCHANGED))?;
        let rehearsed =
            |clouds| if self.arguments.dry_run.is_some() { Err(NotTried::Rehearsal) } else { Ok(clouds) };
        Ok(CloudHalf { clouds: half.clouds.and_then(rehearsed), ..half })
    }

    async fn apply(&self, live: &Live, seen: &Seen<'_>) -> Applied {
        // With dryRun=All the API server stores nothing.
        self.session.acting.set(self.arguments.dry_run.is_none());
        let apply = Apply {
            plan: &seen.decided.plan,
            snapshot: &seen.snapshot,
            policy: self.settings.policy(),
            cluster: live,
            groups: seen.clouds.as_ref().map_err(|why| *why),
            clock: &self.time,
        };
        apply.run().await
    }

    fn consent(&self) -> Consent {
        // A JSON report must stay one document, and its reader cannot answer. Without a report, a person cannot answer either.
        let output = show::output(self.arguments, self.settings);
        let can_ask = self.world.can_ask && output == Some(OutputFormat::Text);
        match (self.settings.yes() || self.arguments.dry_run == Some(DryRun::Server), can_ask) {
            (true, _) => Consent::Given,
            (false, true) => Consent::Ask,
            (false, false) => Consent::Missing,
        }
    }

    /// Asks, and waits for the answer until a signal to stop arrives. The clock of the run stops during that time.
    async fn ask(&self, actions: usize) -> bool {
        let question = format!("Apply {}? [y/N] ", count(actions, "action"));
        let ask = self.world.ask;
        self.time.asked();
        let answer = tokio::task::spawn_blocking(move || ask(&question));
        let stopped = async {
            while !self.time.is_stopped() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let yes = tokio::select! {
            answer = answer => answer.is_ok_and(|yes| yes),
            () = stopped => false,
        };
        self.time.answered();
        yes
    }

    /// The name of this run: its pod, or the person at this machine. Two runs of one person differ.
    fn identity(&self) -> String {
        if let Some((namespace, name)) = &self.settings.policy().own_pod {
            return format!("{namespace}/{name}");
        }
        let variable = |name: &str| {
            let found = self.world.environment.iter().find(|(one, _)| one == name);
            found.map(|(_, value)| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
        };
        let user = variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "somebody".to_owned());
        let host = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME"));
        let host = host.map(|host| format!("@{host}")).unwrap_or_default();
        format!("{user}{host}, process {} ({:08x})", std::process::id(), fastrand::u32(..))
    }
}

/// Whether two plans have the same actions, apart from reasons and notes: then consent to one is valid for the other.
fn same(left: &Plan, right: &Plan) -> bool {
    fn changes(plan: &Plan) -> impl Iterator<Item = (&'static str, Target<'_>)> {
        plan.actions.iter().filter(|action| !action.is_note()).map(|action| (action.verb(), action.target()))
    }
    changes(left).eq(changes(right))
}

/// Maximum time of storing the history. The next run can store it, too.
const HISTORY_PATIENCE: Duration = Duration::from_secs(5);
