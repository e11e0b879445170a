//! Parses one setting after the other and collects the problems.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Assignment, Rule};
use kube_rebalancer_core::policy::{DemandSource, Drain, PoolName};
use kube_rebalancer_ports::UsageKind;

use super::catalog::{DEMAND, DRAIN, Entry, HIDDEN, Setting, USAGE};
use super::form::Complaint;
use super::origin::Origin;
use super::problem::Problem;
use super::value::ResolvedSetting;

/// Parses one setting after the other and collects the problems.
pub(super) struct Reader {
    origins: BTreeMap<&'static str, Origin>,
    /// Settings whose value is no text.
    rejected: BTreeMap<&'static str, Problem>,
    pub(super) problems: Vec<Problem>,
    pub(super) values: Vec<ResolvedSetting>,
}

impl Reader {
    pub(super) fn new(
        origins: BTreeMap<&'static str, Origin>,
        rejected: BTreeMap<&'static str, Problem>,
    ) -> Self {
        Self { origins, rejected, problems: Vec::new(), values: Vec::new() }
    }

    /// Reads the text of a setting, or its default; `None` if that is a problem.
    pub(super) fn read<T>(&mut self, setting: &'static Setting<T>, text: Option<String>) -> Option<T> {
        let entry = &setting.entry;
        if let Some(problem) = self.rejected.remove(entry.name) {
            self.problems.push(problem);
            return None;
        }
        let origin = self.origin(entry);
        let text = text.unwrap_or_else(|| entry.default.to_owned());
        match (setting.form.read)(&text) {
            Ok(value) => {
                let text = if entry.is_secret() && !text.is_empty() { HIDDEN.to_owned() } else { text };
                self.values.push(ResolvedSetting { entry, text, origin });
                Some(value)
            }
            Err(complaint) => {
                let is_valid = |text: &str| (setting.form.read)(text).is_ok();
                let complaint = wrapping(&text, is_valid).unwrap_or(complaint);
                self.problems.push(Problem::Value { entry, value: text, origin, complaint });
                None
            }
        }
    }

    /// The origin of a setting's text.
    pub(super) fn origin(&self, entry: &Entry) -> Origin {
        self.origins.get(entry.name).copied().unwrap_or(Origin::Default)
    }

    /// Adds a problem.
    pub(super) fn complain(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Shows the defaults of one pool of several in place of the general ones.
    pub(super) fn show_defaults_of_pools(&mut self) {
        for value in self.values.iter_mut().filter(|value| value.origin == Origin::Default) {
            value.text = value.entry.default_of_a_pool().to_owned();
        }
    }

    /// Adds a problem if a setting names a pool without `POOL_LABEL`.
    pub(super) fn check_pools(&mut self, entry: &'static Entry, named: Option<&PoolName>, has_pools: bool) {
        if let Some(pool) = named.filter(|_| !has_pools) {
            self.complain_of(entry, Complaint::NoPools(pool.clone()));
        }
    }

    /// Adds a problem if a schedule names a pool without `POOL_LABEL`, or has a reserve without a pool with
    /// `POOL_LABEL`.
    pub(super) fn check_schedule(
        &mut self,
        entry: &'static Entry,
        rules: &[Rule],
        (has_pools, knows_pools): (bool, bool),
    ) {
        let assignments = || rules.iter().flat_map(|rule| &rule.assignments);
        self.check_pools(entry, assignments().find_map(Assignment::pool), has_pools);
        let of_no_pool =
            |one: &&Assignment| matches!(one, Assignment::Reserve { .. }) && one.pool().is_none();
        if let Some(reserve) = assignments().find(of_no_pool).filter(|_| has_pools && knows_pools) {
            self.complain_of(entry, Complaint::ReserveOfNoPool(reserve.to_string()));
        }
    }

    /// Adds a problem if usage is to count without a source, or if Prometheus is the source without a URL.
    pub(super) fn check_usage(
        &mut self,
        usage: Option<UsageKind>,
        demand: Option<DemandSource>,
        prometheus_url: Option<&Option<String>>,
    ) {
        if usage == Some(UsageKind::None) && demand.is_some_and(|demand| demand != DemandSource::Requests) {
            self.complain_of(&DEMAND.entry, Complaint::NoUsage);
        }
        if usage == Some(UsageKind::Prometheus) && prometheus_url.is_some_and(Option::is_none) {
            self.complain_of(&USAGE.entry, Complaint::NoPrometheus);
        }
    }

    /// Adds a problem if critical pods may be evicted although no label identifies users' pods.
    pub(super) fn check_drain(&mut self, drain: Option<Drain>, labels: Option<&BTreeSet<String>>) {
        if drain == Some(Drain::Movable) && labels.is_some_and(BTreeSet::is_empty) {
            self.complain_of(&DRAIN.entry, Complaint::NoUsersLabel);
        }
    }

    /// Adds a problem with a text that is valid by itself.
    fn complain_of(&mut self, entry: &'static Entry, complaint: Complaint) {
        let resolved = self.values.iter().find(|one| one.entry.name == entry.name);
        let value = resolved.map(|one| one.text.clone()).unwrap_or_default();
        self.problems.push(Problem::Value { entry, value, origin: self.origin(entry), complaint });
    }
}

/// The quotes, line break or blanks around a text that would be valid without them: env files keep quotes, and files
/// in a `ConfigMap` end in a line break.
fn wrapping(text: &str, is_valid: impl Fn(&str) -> bool) -> Option<Complaint> {
    let trimmed = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| trimmed.strip_prefix(quote)?.strip_suffix(quote));
    let complaint = match quoted {
        Some(inner) if is_valid(inner) => Complaint::Quotes,
        _ if trimmed == text || !is_valid(trimmed) => return None,
        _ if text.ends_with('\n') => Complaint::LineBreak,
        _ => Complaint::Blanks,
    };
    Some(complaint)
}
