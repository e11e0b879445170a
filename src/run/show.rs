//! Decides, checks, and shows: the steps that an offline and a live run share.

use std::error::Error;
use std::io::Write;

use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::{self, NoticeKind, Plan, PodNotice, Refusal};

use super::World;
use crate::cli::{OutputFormat, RunArgs};
use crate::error::{Ending, Failure, written};
use crate::logs::{self, LogFormat};
use crate::report::{self, Facts};
use crate::settings::Settings;
use kube_rebalancer_page::Layout;
use kube_rebalancer_ports::Outcome;
use kube_rebalancer_ports::chain;

/// The form of a report, and the facts of its source.
#[derive(Clone, Debug)]
pub(super) struct Show<'a> {
    pub(super) settings: &'a Settings,
    pub(super) source: String,
    /// The format to print, if any.
    pub(super) output: Option<OutputFormat>,
    pub(super) layout: Layout,
    pub(super) dry_run: bool,
    /// Warnings from before the plan.
    pub(super) observed: Vec<String>,
}

/// A plan, with the checker's violations.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) plan: Plan,
    pub(super) violations: Vec<String>,
}

impl Decided {
    /// Decides and checks.
    pub(super) fn new(snapshot: &Snapshot, settings: &Settings) -> Result<Self, Refusal> {
        Ok(Self::of(plan::plan(snapshot, settings.policy())?, snapshot, settings))
    }

    /// Checks a plan.
    pub(super) fn of(plan: Plan, snapshot: &Snapshot, settings: &Settings) -> Self {
        let policy = settings.policy();
        // A plan that is not final is better than none: the next run continues from it.
        // One that changes nothing is final, and most runs of a day make one: a second cluster in memory would prove nothing.
        if !plan.changes_nothing()
            && let Some(unsettled) = check_settled(snapshot, policy, &plan, plan::plan)
        {
            log::warn!("{unsettled}");
        }
        let violations = check(snapshot, policy, &plan).iter().map(ToString::to_string).collect();
        Self { plan, violations }
    }

    /// The ending of a run that did all that it planned: with `--exit-code-waiting`, a separate code if pods wait
    /// and no permitted action of the run helps them.
    pub(super) fn ending_of(&self, arguments: &RunArgs) -> Result<Ending, Failure> {
        let is_helpless = |notice: &&PodNotice| notice.kind == NoticeKind::NotTriggerScaleUp;
        let mut helpless = self.plan.notices.iter().filter(is_helpless);
        match helpless.next().filter(|_| arguments.exit_code_waiting) {
            None => Ok(Ending::Done),
            Some(PodNotice { namespace, name, message, .. }) => {
                let (pod, message, more) = (format!("{namespace}/{name}"), message.clone(), helpless.count());
                Err(Failure::new(Ending::Waiting, PodsWait { pod, message, more }))
            }
        }
    }

    /// Whether the observation and the plan can be trusted completely.
    pub(super) fn is_trusted(&self) -> bool {
        self.violations.is_empty() && self.plan.guard.is_none()
    }

    /// Whether there are records for later runs, or messages to waiting users.
    pub(super) fn leaves_word(&self) -> bool {
        self.plan.ledger.is_some() || !self.plan.notices.is_empty()
    }
}

/// Pods wait, and nothing that the run may do helps them.
#[derive(Debug, thiserror::Error)]
#[error("pod {pod}{} waits, and nothing that this run may do helps: {message}", and_more(*.more))]
struct PodsWait {
    pod: String,
    message: String,
    more: usize,
}

fn and_more(pods: usize) -> String {
    if pods == 0 { String::new() } else { format!(" (and {pods} more)") }
}

/// The format of the report: as requested, else text, unless the log has the plan.
pub(super) fn output(arguments: &RunArgs, settings: &Settings) -> Option<OutputFormat> {
    arguments.output.or(match settings.log_format() {
        LogFormat::Text => Some(OutputFormat::Text),
        LogFormat::Json => None,
    })
}

impl<'a> Show<'a> {
    pub(super) fn new(settings: &'a Settings, arguments: &RunArgs, world: &World, source: String) -> Self {
        let layout = Layout {
            width: world.terminal.width(),
            color: world.terminal.use_color(arguments.color, &world.environment),
            all_nodes: arguments.all_nodes,
        };
        let output = output(arguments, settings);
        Self { settings, source, output, layout, dry_run: true, observed: Vec::new() }
    }

    /// Writes the whole report.
    pub(super) fn plan(
        &self,
        decided: &Decided,
        outcomes: Option<&[Outcome]>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.with_facts(&decided.violations, outcomes, |facts| match self.output {
            Some(OutputFormat::Text) => report::text::write(out, &decided.plan, facts, self.layout),
            Some(OutputFormat::Json) => report::json::write(out, &decided.plan, facts),
            None => Ok(()),
        })
    }

    /// Logs the whole report as one record, if the log is for programs.
    pub(super) fn log(&self, decided: &Decided, outcomes: Option<&[Outcome]>) -> Result<(), Failure> {
        if self.settings.log_format() == LogFormat::Text {
            return Ok(());
        }
        self.with_facts(&decided.violations, outcomes, |facts| {
            let (report, left_out) = report::json::line(&decided.plan, facts, logs::LONGEST_PLAN)?;
            let sentence = report::outcome(&decided.plan);
            let nodes = match left_out.nodes {
                0 => String::new(),
                1 => " The node is too long for one record.".to_owned(),
                nodes => format!(" The list of {nodes} nodes is too long for one record."),
            };
            let are_others_cut =
                left_out != report::json::LeftOut { nodes: left_out.nodes, ..Default::default() };
            let others =
                if are_others_cut { " The record has only the first entries of other lists." } else { "" };
            logs::plan(&format!("{sentence}{nodes}{others}"), &report);
            Ok(())
        })
    }

    /// Writes the outcomes of the actions of a plan that was shown before.
    pub(super) fn outcomes(
        &self,
        decided: &Decided,
        outcomes: &[Outcome],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.with_facts(&decided.violations, Some(outcomes), |facts| {
            report::text::write_outcomes(out, &decided.plan, facts, self.layout)
        })
    }

    /// Writes the reason for a missing plan.
    pub(super) fn refusal(&self, refusal: &Refusal, out: &mut dyn Write) -> Result<(), Failure> {
        self.with_facts(&[], None, |facts| match self.output {
            Some(OutputFormat::Text) => report::text::write_refusal(out, refusal, facts, self.layout),
            Some(OutputFormat::Json) => {
                report::json::write_refusal(out, refusal.word(), refusal.to_string(), facts)
            }
            None => Ok(()),
        })
    }

    /// Writes for programs that the cluster could not be observed; for a person this is on standard error.
    pub(super) fn not_observed(
        &self,
        error: &(dyn Error + 'static),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.with_facts(&[], None, |facts| match self.output {
            Some(OutputFormat::Json) => report::json::write_refusal(out, "NotObserved", chain(error), facts),
            Some(OutputFormat::Text) | None => Ok(()),
        })
    }

    fn with_facts(
        &self,
        violations: &[String],
        outcomes: Option<&[Outcome]>,
        write: impl FnOnce(&Facts<'_>) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let settings = self.settings.for_report();
        written(write(&Facts {
            version: env!("CARGO_PKG_VERSION"),
            source: &self.source,
            dry_run: self.dry_run,
            policy: self.settings.policy(),
            settings: &settings,
            observed: &self.observed,
            violations,
            outcomes,
        }))
    }
}
