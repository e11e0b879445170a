//! A run on a live cluster.
//!
//! ```text
//! connect --> Lease --> observe, the cloud too --> plan, check --> consent --> apply --> report --> give the Lease back
//! ```
//!
//! A dry run takes no Lease and ends after the check.

use std::future::pending;
use std::io::Write;
use std::sync::Arc;

use kube_rebalancer_apply::{Applied, Apply};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_kube::live::{ConnectError, ConnectOptions, HeldLease, LeaseError, Live, RunTime};
use kube_rebalancer_page::count;
use kube_rebalancer_ports::{Clock, NotTried, OutcomeKind, SharedClock};

use super::clouds::{self, CloudHalf, Clouds};
use super::show::{self, Decided, Show};
use super::{World, read_settings};
use crate::cli::{DryRun, OutputFormat, RunArgs, SettingFlags};
use crate::error::{Ending, Failure};
use crate::providers::PROVIDERS;
use crate::settings::Settings;

pub(super) fn run(
    arguments: &RunArgs,
    flags: SettingFlags,
    world: &World,
    out: &mut dyn Write,
) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(flags, world)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Ending::NotObserved, NoRuntime(error)))?;
    let result = runtime.block_on(async {
        let time = RunTime::new(world.now, settings.run_timeout());
        tokio::spawn(stop_on_signal(time.clone()));
        Run { arguments, settings: &settings, world, time }.connect(out).await
    });
    // A question that nobody has answered still waits for a line; it is not waited for.
    runtime.shutdown_background();
    result
}

/// Tells the run to start nothing new once the process is told to end.
async fn stop_on_signal(time: RunTime) {
    let terminated = async {
        #[cfg(unix)]
        if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            signal.recv().await;
            return;
        }
        pending::<()>().await;
    };
    tokio::select! {
        () = terminated => {}
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
    log::warn!("told to stop: what is under way is finished, nothing new is started");
    time.stop();
}

struct Run<'a> {
    arguments: &'a RunArgs,
    settings: &'a Settings,
    world: &'a World,
    time: RunTime,
}

/// How a plan comes to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// It was given beforehand, or each change is only tried.
    Given,
    /// Somebody is there to be asked.
    Ask,
    /// Nobody is.
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
        };
        let live = Live::connect(options, self.time.clone()).await.map_err(cannot_connect)?;
        if self.arguments.dry_run.is_some() {
            return self.rebalance(&live, None, out).await;
        }
        let held = live.acquire(self.settings.run_timeout()).await.map_err(no_lease)?;
        let result = self.rebalance(&live, Some(&held), out).await;
        live.release(held).await;
        result
    }

    async fn rebalance(
        &self,
        live: &Live,
        held: Option<&HeldLease>,
        out: &mut dyn Write,
    ) -> Result<Ending, Failure> {
        let mut show = Show::new(self.settings, self.arguments, self.world, live.target().to_string());
        show.dry_run = self.arguments.dry_run.is_some();
        let observation = match live.observe().await {
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
        let CloudHalf { snapshot, warnings, clouds, complete } = self.clouds(observation.snapshot).await?;
        let snapshot = &snapshot;

        show.observed = warnings;
        let mut decided = match Decided::new(snapshot, self.settings) {
            Ok(decided) => decided,
            Err(refusal) => {
                show.refusal(&refusal, out)?;
                return Err(Failure::new(Ending::Refused, refusal));
            }
        };
        decided.plan.warnings.extend(observation.plan_warnings);
        let wanted = decided.plan.actions.len();
        let only_plan = self.arguments.dry_run == Some(DryRun::Client) || !decided.violations.is_empty();
        // A cloud that was not seen whole may hold what a plan would have: a run that only plans says so, one that is to
        // act has not done its work.
        let seen = complete || self.arguments.dry_run.is_some();
        let ending = || {
            if !decided.is_trusted() {
                Ok(Ending::Refused)
            } else if seen {
                decided.ending_of(self.arguments)
            } else {
                Err(Failure::new(Ending::Incomplete, Unfinished::unseen(&show.observed)))
            }
        };
        if only_plan || wanted == 0 {
            show.plan(&decided, None, out)?;
            show.log(&decided, None)?;
            if let (false, Some(held), Consent::Given) = (only_plan, held, self.consent())
                && decided.leaves_word()
            {
                // No action, and all the same something to note for later runs, or to tell users who wait.
                live.still_holds(held).await.map_err(no_lease)?;
                self.apply(live, clouds.as_ref().map_err(|why| *why), snapshot, &decided).await;
            }
            return ending();
        }
        let consent = self.consent();
        if consent != Consent::Given {
            show.plan(&decided, None, out)?;
            crate::error::written(out.flush())?;
            let refused = match consent {
                Consent::Ask if self.ask(wanted).await => None,
                Consent::Ask => Some(Failure::new(Ending::Refused, Declined)),
                Consent::Given | Consent::Missing => {
                    Some(Failure::new(Ending::Usage, NoConsent).with_hint(ANSWER_BEFOREHAND))
                }
            };
            if let Some(failure) = refused {
                show.log(&decided, None)?;
                return Err(failure);
            }
        }
        if let Some(held) = held {
            live.still_holds(held).await.map_err(no_lease)?;
        }
        let applied = self.apply(live, clouds.as_ref().map_err(|why| *why), snapshot, &decided).await;
        for problem in &applied.problems {
            log::error!("{problem}");
        }
        let outcomes = applied.outcomes.as_slice();
        if consent == Consent::Given {
            show.plan(&decided, Some(outcomes), out)?;
        } else {
            show.outcomes(&decided, outcomes, out)?;
        }
        show.log(&decided, Some(outcomes))?;
        match Unfinished::of(&applied) {
            Some(unfinished) => Err(Failure::new(Ending::Incomplete, unfinished)),
            None => ending(),
        }
    }

    /// Looks at the node groups too.
    async fn clouds(&self, snapshot: Snapshot) -> Result<CloudHalf, Failure> {
        let clock: SharedClock = Arc::new(self.time.clone());
        let (policy, scope) = (self.settings.policy(), self.settings.cloud());
        let half = clouds::observe(PROVIDERS, snapshot, policy, scope, &clock).await;
        let half = half.map_err(|error| Failure::new(Ending::Settings, error).with_hint(UNCHANGED))?;
        let rehearsed =
            |clouds| if self.arguments.dry_run.is_some() { Err(NotTried::Rehearsal) } else { Ok(clouds) };
        Ok(CloudHalf { clouds: half.clouds.and_then(rehearsed), ..half })
    }

    async fn apply(
        &self,
        live: &Live,
        groups: Result<&Clouds, NotTried>,
        snapshot: &Snapshot,
        decided: &Decided,
    ) -> Applied {
        let apply = Apply {
            plan: &decided.plan,
            snapshot,
            policy: self.settings.policy(),
            cluster: live,
            groups,
            clock: &self.time,
        };
        apply.run().await
    }

    fn consent(&self) -> Consent {
        // A JSON report must stay one document, and whoever reads it cannot answer. Nor who sees no report.
        let output = show::output(self.arguments, self.settings);
        let can_ask = self.world.can_ask && output == Some(OutputFormat::Text);
        match (self.settings.yes() || self.arguments.dry_run == Some(DryRun::Server), can_ask) {
            (true, _) => Consent::Given,
            (false, true) => Consent::Ask,
            (false, false) => Consent::Missing,
        }
    }

    /// Asks, and waits for the answer as long as the run may last.
    async fn ask(&self, actions: usize) -> bool {
        let question = format!("Apply {}? [y/N] ", count(actions, "action"));
        let ask = self.world.ask;
        let answer = tokio::task::spawn_blocking(move || ask(&question));
        let stopped = async {
            while self.time.left().is_positive() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            answer = answer => answer.is_ok_and(|yes| yes),
            () = stopped => false,
        }
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

fn cannot_connect(error: ConnectError) -> Failure {
    let hint = match &error {
        ConnectError::NoCluster { .. } => {
            "without a connection: kubectl get nodes,pods -A -o json | kube-rebalancer --from -"
        }
        ConnectError::UnknownContext { .. }
        | ConnectError::NoContext { .. }
        | ConnectError::Kubeconfig { .. }
        | ConnectError::Client(_) => UNCHANGED,
    };
    Failure::new(Ending::NotObserved, error).with_hint(hint)
}

fn no_lease(error: LeaseError) -> Failure {
    let ending = match &error {
        LeaseError::Busy { .. } | LeaseError::Lost { .. } => Ending::Busy,
        LeaseError::Failed { .. } => Ending::NotObserved,
    };
    Failure::new(ending, error).with_hint(UNCHANGED)
}

/// What a run that ends with code 1 has not done. No run ends with it silently.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("{failed} of {} failed, the first: {first}", count(*.actions, "action"))]
    Failed { failed: usize, actions: usize, first: String },
    #[error("{not_tried} of {} {} not tried, the first: {first}", count(*.actions, "action"), was(*.not_tried))]
    NotTried { not_tried: usize, actions: usize, first: String },
    #[error("the actions are done, but something else failed: {first}")]
    Beside { first: String },
    #[error("the node groups could not be seen as a whole{first}")]
    Unseen { first: String },
}

impl Unfinished {
    fn of(applied: &Applied) -> Option<Self> {
        let actions = applied.outcomes.len();
        let of_kind = |wanted| {
            let unfinished = applied.outcomes.iter().filter(|outcome| !outcome.is_fine());
            let mut found = unfinished.filter(move |outcome| outcome.kind() == wanted);
            let first = found.next()?.message();
            Some((1 + found.count(), first))
        };
        if let Some((failed, first)) = of_kind(OutcomeKind::Failed) {
            return Some(Self::Failed { failed, actions, first });
        }
        if let Some((not_tried, first)) = of_kind(OutcomeKind::NotTried) {
            return Some(Self::NotTried { not_tried, actions, first });
        }
        let first = applied.problems.first()?.to_string();
        Some(Self::Beside { first })
    }

    fn unseen(warnings: &[String]) -> Self {
        let first = warnings.first().map(|warning| format!(": {warning}")).unwrap_or_default();
        Self::Unseen { first }
    }
}

fn was(actions: usize) -> &'static str {
    if actions == 1 { "was" } else { "were" }
}

const UNCHANGED: &str = "nothing was changed";

/// What to do where nobody can be asked.
const ANSWER_BEFOREHAND: &str = "--yes (or YES=true) carries the plan out, --dry-run only shows it";

#[derive(Debug, thiserror::Error)]
#[error("nothing was changed: the plan needs a yes, and there is no terminal to ask on")]
struct NoConsent;

#[derive(Debug, thiserror::Error)]
#[error("nothing was changed: the answer was not yes")]
struct Declined;

#[derive(Debug, thiserror::Error)]
#[error("the asynchronous runtime cannot be started")]
struct NoRuntime(#[source] std::io::Error);
