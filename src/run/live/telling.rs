//! The last part of a live run: messages to people and metrics, once the ending of the run is known.
//!
//! ```text
//!   Seen, Outcomes --> Account --+--> what is new --> noted in the cluster --> messages
//!   how the run ended -----------+--> metrics -----> a file, the Pushgateway
//! ```
//!
//! A dry run reports nothing, nor does a run that found the Lease taken: the run that holds it reports. A run that was
//! given up only writes its file of metrics.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::plan::Plan;
use kube_rebalancer_notify::metrics::{self, LastRun};
use kube_rebalancer_notify::{Digest, LIMIT, Told, Trouble, messages, pushed, send};
use kube_rebalancer_ports::{Clock as _, Outcome};

use super::{Run, Seen};
use crate::error::{Ending, Failure};
use crate::report;

/// The report of a run that made a plan.
#[derive(Debug)]
pub(super) struct Account {
    plan: Plan,
    outcomes: Option<Vec<Outcome>>,
    digest: Digest,
    told: Told,
}

/// If the cluster cannot store the record, problems are reported only in the first minutes of each hour.
const WITHOUT_NOTES: SignedDuration = SignedDuration::from_mins(5);

impl Run<'_> {
    /// Stores the report, if there are receivers.
    pub(super) fn account(&self, seen: &Seen<'_>, outcomes: Option<&[Outcome]>) {
        let receivers = self.settings.receivers();
        if receivers.no_channel() && receivers.no_metrics() {
            return;
        }
        let plan = &seen.decided.plan;
        let mut digest = Digest::of(plan, outcomes, &seen.show.source, &report::outcome(plan));
        let broken = seen.decided.violations.iter().map(|rule| Trouble::new("CheckerRule", rule, rule));
        // Warnings about a cloud that was listed completely are facts, not troubles.
        let observed = seen.show.observed.iter().filter(|_| !seen.complete);
        let observed = observed.map(|text| Trouble::new("Observed", text, text));
        digest.troubles.extend(broken.chain(observed));
        self.session.account.replace(Some(Account {
            plan: plan.clone(),
            outcomes: outcomes.map(<[Outcome]>::to_vec),
            digest,
            told: seen.told.as_deref().map(Told::decode).unwrap_or_default(),
        }));
    }

    /// Reports the run to all receivers. No failure here fails the run.
    pub(super) async fn tell(&self, result: &Result<Ending, Failure>, given_up: bool) {
        let receivers = self.settings.receivers();
        let ending = result.as_ref().map_or_else(Failure::ending, |ending| *ending);
        let is_silent = match ending {
            Ending::Busy | Ending::Usage | Ending::Settings => true,
            Ending::Done | Ending::Incomplete | Ending::NotObserved | Ending::Refused | Ending::Waiting => {
                self.arguments.dry_run.is_some()
            }
        };
        if is_silent || receivers.no_channel() && receivers.no_metrics() {
            return;
        }
        let account = self.session.account.take();
        let metrics = self.metrics(account.as_ref(), ending);
        if let Some(path) = &receivers.metrics_file
            && let Err(error) = metrics::write(path, &metrics)
        {
            log::warn!("METRICS_FILE: {} is not written: {error}", path.display());
        }
        if given_up {
            return;
        }
        let mut parcels = Vec::new();
        if !receivers.no_channel()
            && let Some(news) = self.news(account, result.as_ref().err()).await
        {
            parcels.extend(messages(&news, receivers));
        }
        parcels.extend(pushed(&metrics, self.settings.lease_name(), receivers));
        for missed in send(parcels).await {
            log::warn!("{missed}");
        }
    }

    fn metrics(&self, account: Option<&Account>, ending: Ending) -> String {
        metrics::text(&LastRun {
            ended: self.time.now(),
            milliseconds: u64::try_from(self.time.passed().as_millis()).unwrap_or(u64::MAX),
            success: matches!(ending, Ending::Done | Ending::Waiting),
            exit_code: ending.code(),
            plan: account.map(|account| (&account.plan, account.outcomes.as_deref())),
            policy: self.settings.policy(),
        })
    }

    /// The news that the channels have not received yet, if any.
    async fn news(&self, account: Option<Account>, failure: Option<&Failure>) -> Option<Digest> {
        let now = self.time.now();
        let (mut digest, told) = match account {
            Some(account) => (account.digest, account.told),
            None => (self.without_plan(now), Told::default()),
        };
        // An action that failed is in its own list.
        if let Some(failure) = failure.filter(|_| digest.failed.is_empty()) {
            digest.troubles.insert(0, Trouble::new("RunFailed", "", &failure.summary()));
        }
        let (mut news, told_now) = told.news(&digest, now);
        if told_now != told && !self.keep_told(&told_now).await && !is_early_in_the_hour(now) {
            news.troubles.clear();
        }
        (!news.is_empty()).then_some(news)
    }

    fn without_plan(&self, now: Timestamp) -> Digest {
        let cluster = self.session.live.get().map(|live| live.target().to_string());
        Digest {
            version: env!("CARGO_PKG_VERSION"),
            cluster: cluster.unwrap_or_else(|| "the cluster".to_owned()),
            observed_at: now,
            summary: "The run made no plan.".to_owned(),
            done: Vec::new(),
            failed: Vec::new(),
            troubles: Vec::new(),
            limits: Vec::new(),
            pools: Vec::new(),
        }
    }

    /// Stores the record of the reports in the cluster, and returns whether it is stored. It is stored before the
    /// messages are sent: a lost message is repeated an hour later, an unrecorded one would be repeated by every run.
    async fn keep_told(&self, told: &Told) -> bool {
        let is_held = self.session.held.borrow().is_some();
        let (Some(live), true, Ok(text)) = (self.session.live.get(), is_held, told.encode()) else {
            return false;
        };
        match tokio::time::timeout(LIMIT, live.write_told(text)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                log::info!("the reported changes are not noted for later runs: {error}");
                false
            }
            Err(_) => {
                log::info!(
                    "the reported changes are not noted for later runs: the API server takes too long"
                );
                false
            }
        }
    }
}

fn is_early_in_the_hour(now: Timestamp) -> bool {
    SignedDuration::from_secs(now.as_second().rem_euclid(3600)) < WITHOUT_NOTES
}
