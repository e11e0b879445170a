//! The records for later runs: the common taints, and the nodes created for waiting pods. Sections 3 and 5.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::decided::Run;
use super::newcomer;
use super::once::too_small;
use super::order::Candidate;
use crate::model::{CreatedFor, History, Ledger, is_size_key, size_key};
use crate::policy::PoolName;

/// The time after which the record of a group that is not listed is dropped: longer than the longest pause.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Maximum number of different requests of waiting pods for which the new nodes of a group are judged.
const MOST_SIZES: usize = 100;
/// Maximum number of pools whose common taints are recorded. No cluster has as many; a kubelet that changes the label of its node
/// makes one each time.
const MOST_POOLS: usize = 100;

/// The new records, if they differ from the earlier ones. `None` if runs cannot store any.
pub(super) fn ledger(run: &Run<'_, '_>) -> Option<Ledger> {
    let before = run.survey.snapshot.ledger()?;
    let mut after = before.clone();
    for (pool, judged) in run.survey.pools.iter().zip(&run.survey.judged_common) {
        if !judged.is_empty() {
            after.common.entry(pool.clone()).or_default().extend(judged.clone());
        }
    }
    forget_brief(&mut after, &run.survey.pools, run.survey.snapshot.history().map(AsRef::as_ref));
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

/// Drops the pools beyond [`MOST_POOLS`]: of those without a node or group now, the ones with the least history first.
fn forget_brief(ledger: &mut Ledger, present: &[PoolName], history: Option<&History>) {
    let excess = ledger.common.len().saturating_sub(MOST_POOLS);
    if excess == 0 {
        return;
    }
    let mut peaks: BTreeMap<&str, usize> = BTreeMap::new();
    for (pool, _, series) in history.into_iter().flat_map(History::series) {
        let most = peaks.entry(pool).or_default();
        *most = (*most).max(series.peaks().count());
    }
    let known = |pool: &str| peaks.get(pool).copied().unwrap_or_default();
    let mut absent: Vec<PoolName> =
        ledger.common.keys().filter(|pool| !present.contains(pool)).cloned().collect();
    absent.sort_by_key(|pool| known(pool));
    for pool in absent.into_iter().take(excess) {
        ledger.common.remove(&pool);
    }
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
                let is_known = asked.len() >= MOST_SIZES || asked.contains(&one.pod.requests);
                if is_known || !group.would_take(one.shape()) {
                    continue;
                }
                asked.insert(&one.pod.requests);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Resource, Slot, TaintSet};

    #[test]
    fn pools_that_came_and_went_are_forgotten_before_those_with_a_history() {
        let mut history = History::default();
        let slot = Slot::numbered(5_800_000);
        history.extend("zz-at-night", Resource::Memory, slot, vec![Some(1 << 30); 300]);
        let brief = |at: usize| format!("brief-{at:04}");
        for at in 0..500 {
            history.extend(&brief(at), Resource::Memory, slot.later(300), [Some(1 << 30)]);
        }
        let mut ledger = Ledger::default();
        let sets = || BTreeMap::from([(TaintSet::new(), true)]);
        let names = ["users".to_owned(), "zz-at-night".to_owned()];
        for pool in names.into_iter().chain((0..500).map(brief)) {
            ledger.common.insert(pool, sets());
        }
        let present = ["users".to_owned(), brief(499)];
        forget_brief(&mut ledger, &present, Some(&history));
        assert_eq!(ledger.common.len(), MOST_POOLS);
        for pool in ["users", "zz-at-night", "brief-0499"] {
            assert!(ledger.common.contains_key(pool), "{pool}");
        }
        let mut few = Ledger { common: [("old".to_owned(), sets())].into(), ..Ledger::default() };
        forget_brief(&mut few, &present, None);
        assert_eq!(few.common.len(), 1, "a pool without nodes at night");
    }
}
