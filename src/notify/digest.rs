//! The report of one run as values, from which messages are written.

use jiff::Timestamp;
use kube_rebalancer_core::plan::{NoticeKind, Plan, Reason as _, Target, Warning};
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::{Outcome, OutcomeKind};

/// The actions and observations of one run. Every text is harmless: printable, and of bounded length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The version of the program.
    pub version: &'static str,
    /// The cluster, by the name that the report gives it.
    pub cluster: String,
    /// When the cluster was observed, by the API server's clock.
    pub observed_at: Timestamp,
    /// The run in one sentence.
    pub summary: String,
    /// The changes made, in their order.
    pub done: Vec<String>,
    /// The changes that failed, with the reason.
    pub failed: Vec<String>,
    /// The present problems.
    pub troubles: Vec<Trouble>,
    /// The settings that changed a number.
    pub limits: Vec<String>,
    /// The pools, by name.
    pub pools: Vec<PoolNumbers>,
}

/// A present problem, which may have existed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Names the trouble: two runs that find the same one give it the same key.
    pub key: String,
    /// The sentence for people.
    pub message: String,
}

/// A pool in four numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Its name; empty where there are no pools.
    pub name: String,
    /// Nodes that took pods before the run.
    pub serving: usize,
    /// Nodes in service after it, booting and new ones included.
    pub serving_after: usize,
    /// The utilization before the run, as the report writes it: `0.412`.
    pub utilization: String,
    /// The utilization after it.
    pub utilization_after: String,
    /// Pods that wait for a node.
    pub waiting_pods: usize,
}

/// The longest key. A node's name has 253 characters at most.
const LONGEST_KEY: usize = 300;

impl Trouble {
    /// Makes a trouble; cleans the foreign text in it.
    #[must_use]
    pub fn new(word: &str, object: &str, message: &str) -> Self {
        let key = if object.is_empty() { word.to_owned() } else { format!("{word} {object}") };
        let key = clean(&key).chars().take(LONGEST_KEY).collect();
        Self { key, message: clean(message).into_owned() }
    }

    /// The kind of trouble: the first word of the key.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.key.split(' ').next().unwrap_or_default()
    }
}

impl Digest {
    /// The digest of a plan and its outcomes; `outcomes` is `None` if nothing was carried out.
    #[must_use]
    pub fn of(plan: &Plan, outcomes: Option<&[Outcome]>, cluster: &str, summary: &str) -> Self {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for (action, outcome) in plan.actions.iter().zip(outcomes.unwrap_or_default()) {
            let line = format!("{} {}", action.verb(), target(action.target()));
            match outcome.kind() {
                // A note on a node is no change that a person needs to know.
                OutcomeKind::Applied if !action.is_note() => done.push(clean(&line).into_owned()),
                OutcomeKind::Failed => {
                    failed.push(clean(&format!("{line}: {}", outcome.message())).into_owned());
                }
                OutcomeKind::Applied
                | OutcomeKind::AlreadySo
                | OutcomeKind::Stale
                | OutcomeKind::NotTried => {}
            }
        }
        let guard = plan.guard.map(|guard| Trouble::new("TooManyBrokenNodes", "", &guard.to_string()));
        let warnings = plan.warnings.iter().filter(|warning| is_trouble(warning)).map(of_warning);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            cluster: clean(cluster).into_owned(),
            observed_at: plan.observed_at,
            summary: clean(summary).into_owned(),
            done,
            failed,
            troubles: guard.into_iter().chain(unhelped(plan)).chain(warnings).collect(),
            limits: plan.all_limits().map(|limit| clean(&limit.to_string()).into_owned()).collect(),
            pools: plan.pools.iter().map(numbers).collect(),
        }
    }

    /// Whether there is anything to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.failed.is_empty() && self.troubles.is_empty()
    }
}

fn target(target: Target<'_>) -> String {
    match target {
        Target::Node { node, .. } => format!("node {node}"),
        Target::Pod { node, namespace, pod } => format!("pod {namespace}/{pod} of node {node}"),
        Target::Group { group, from, to, .. } => {
            format!("node group {} from {from} to {to}", group.unwrap_or("(not known)"))
        }
        Target::Instance { group, instance, .. } => format!("instance {instance} of {group}"),
    }
}

/// Whether a warning is a problem. Reserved nodes are not; the report names them.
fn is_trouble(warning: &Warning) -> bool {
    !matches!(warning, Warning::Reserved { .. } | Warning::ReservedWindows { .. })
}

/// The trouble that a warning reports.
///
/// A pod lives for a class, a node for weeks: troubles of pods are one for each kind, troubles of nodes and groups one for
/// each object.
fn of_warning(warning: &Warning) -> Trouble {
    let objects = warning.objects();
    let lasting = objects.iter().find(|object| !object.starts_with("pod/"));
    Trouble::new(warning.word(), lasting.map_or("", String::as_str), &warning.to_string())
}

/// One trouble for all waiting pods that no action helps.
fn unhelped(plan: &Plan) -> Option<Trouble> {
    let word = NoticeKind::NotTriggerScaleUp;
    let mut pods = plan.notices.iter().filter(|notice| notice.kind == word);
    let first = pods.next()?;
    let others = match pods.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message =
        format!("pod {}/{}{others} waits, and nothing helps: {}", first.namespace, first.name, first.message);
    Some(Trouble::new(word.word(), "", &message))
}

fn numbers(pool: &kube_rebalancer_core::plan::PoolPlan) -> PoolNumbers {
    PoolNumbers {
        name: clean(&pool.name).into_owned(),
        serving: pool.before.serving,
        serving_after: pool.after.serving,
        utilization: pool.before.utilization.ratio().to_string(),
        utilization_after: pool.after.utilization.ratio().to_string(),
        waiting_pods: pool.before.waiting_pods,
    }
}
