//! The records for later runs: the common taints, and the nodes created for waiting pods. Sections 3 and 5.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::decided::Run;
use super::newcomer;
use super::once::too_small;
use super::order::Candidate;
use crate::model::{CreatedFor, Ledger, is_size_key, size_key};

/// The time after which the record of a group that is not listed is dropped: longer than the longest pause.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Maximum number of different requests of waiting pods for which the new nodes of a group are judged.
const MOST_SIZES: usize = 100;

/// The new records, if they differ from the earlier ones. `None` if runs cannot store any.
pub(super) fn ledger(run: &Run<'_, '_>) -> Option<Ledger> {
    let before = run.survey.snapshot.ledger()?;
    let mut after = before.clone();
    for (pool, judged) in run.survey.pools.iter().zip(&run.survey.judged_common) {
        if !judged.is_empty() {
            after.common.entry(pool.clone()).or_default().extend(judged.clone());
        }
    }
    let waits: BTreeSet<&str> = run
        .survey
        .unbound
        .iter()
        .filter_map(|one| one.pod.unbound.as_ref())
        .map(|unbound| &*unbound.uid)
        .collect();
    let now = run.survey.snapshot.observed_at();
    let is_recent = |noted: &CreatedFor| now.duration_since(noted.at) < FORGOTTEN_AFTER;
    after
        .created_for
        .retain(|(key, _), noted| waits.contains(key.as_str()) || (is_size_key(key) && is_recent(noted)));
    note_sizes(run, &mut after);
    note_creations(run, &mut after);
    note_newcomers(run, &mut after);
    (after != *before).then_some(after)
}

fn note_creations(run: &Run<'_, '_>, ledger: &mut Ledger) {
    if run.guard.is_some() {
        return;
    }
    let at = run.survey.snapshot.observed_at();
    for (pool, decision) in run.changes.decisions.iter().enumerate() {
        let pods = run.waiting.placeable.get(pool).map(Vec::as_slice).unwrap_or_default();
        let placement = &decision.placement;
        for ((group, created_for), entry) in
            placement.needs.new.iter().zip(&placement.new_for).zip(&decision.new)
        {
            if entry.candidate != Candidate::New(*group) {
                continue;
            }
            let name = run.growth.groups.get(*group).map(|group| group.name().to_owned()).unwrap_or_default();
            for unbound in created_for.iter().filter_map(|index| pods.get(*index)).map(|one| one.unbound) {
                if unbound.uid.is_empty() {
                    continue;
                }
                let key = (unbound.uid.to_string(), name.clone());
                let noted = ledger.created_for.entry(key).or_insert(CreatedFor { nodes: 0, at });
                noted.nodes = noted.nodes.saturating_add(1);
                noted.at = at;
            }
        }
    }
}

/// Records the groups whose new nodes were too small for waiting pods.
fn note_sizes(run: &Run<'_, '_>, ledger: &mut Ledger) {
    for (pool, pods) in run.waiting.placeable.iter().enumerate() {
        for (index, group) in run.growth.growable(pool).filter(|(_, group)| group.group.is_some()) {
            let mut asked = BTreeSet::new();
            for one in pods {
                if asked.len() >= MOST_SIZES
                    || !asked.insert(&one.pod.requests)
                    || !group.would_take(one.shape())
                {
                    continue;
                }
                let key = (size_key(&one.pod.requests), group.name().to_owned());
                match too_small(run.survey, run.growth, index, one) {
                    Some(noted) => drop(ledger.created_for.insert(key, noted)),
                    None => drop(ledger.created_for.remove(&key)),
                }
            }
        }
    }
}

/// Records the groups whose newcomers turned out to be useless.
fn note_newcomers(run: &Run<'_, '_>, ledger: &mut Ledger) {
    let (known, now) = (run.survey.snapshot.groups(), run.survey.snapshot.observed_at());
    // A group whose zone or cloud did not answer is missing for a while: without its record it would be tried at once.
    ledger.useless.retain(|name, noted| {
        now.duration_since(noted.at) < FORGOTTEN_AFTER || known.iter().any(|group| group.name == *name)
    });
    for group in &run.growth.groups {
        // A group that this program may not change has nodes for purposes that it does not know.
        let ours = run.survey.policy.node_groups_named || !group.nodes.is_empty();
        if let Some(known) = group.group.filter(|_| ours && group.pool.is_some()) {
            match newcomer::noted(run.survey, known, &group.members) {
                Some(noted) => drop(ledger.useless.insert(known.name.clone(), noted)),
                None => drop(ledger.useless.remove(&known.name)),
            }
        }
    }
}
