//! Grows node groups, and stores for whom.
//!
//! ```text
//!   group of the plan --> refused? --> the next group that creates the same nodes --> ... --> the records of later runs
//! ```
//!
//! A request without an answer may have succeeded, so it is not repeated elsewhere.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{CreatedFor, Ledger, is_size_key};
use kube_rebalancer_core::plan::{Action, GroupSize};
use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, NodeGroups, NotTried, Outcome, Substitute};

use super::{Apply, Progress, answer, in_place};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Grows the groups one after the other: they are few, and each waits for its operation. If a group refuses, the run asks
    /// the next one that can create the same nodes.
    pub(super) async fn grow(&self, progress: &mut Progress) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::Grow { group, from, to, instead, .. } = action else { continue };
            let outcome = match (self.groups, group) {
                _ if self.stopped() => Outcome::NotTried(NotTried::Stopped),
                (Ok(groups), Some(group)) => {
                    self.grow_one_of(groups, (group, *from, *to), instead, &mut progress.grown).await
                }
                (Ok(_), None) => Outcome::NotTried(NotTried::NoNodeGroup),
                (Err(why), _) => Outcome::NotTried(why),
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    async fn grow_one_of(
        &self,
        groups: &G,
        (group, from, to): (&str, u32, u32),
        instead: &[GroupSize],
        grown: &mut BTreeMap<String, u32>,
    ) -> Outcome {
        let said = groups.grow(group, from, to).await;
        let tries_another = said.tries_another_group();
        let first = answer(said);
        if !tries_another {
            return first;
        }
        let nodes = to.saturating_sub(from);
        for other in instead {
            if self.stopped() {
                break;
            }
            let size = other.size.saturating_add(grown.get(&other.group).copied().unwrap_or(0));
            let said = groups.grow(&other.group, size, size.saturating_add(nodes)).await;
            if said == GroupAnswer::Done {
                *grown.entry(other.group.clone()).or_default() += nodes;
            }
            if !said.tries_another_group() {
                return in_place(&first, Substitute::Group(other.group.clone()), &answer(said));
            }
        }
        first
    }

    /// Stores the records for later runs. A node that another group created is recorded for that group, and one that was not
    /// created for none.
    pub(super) async fn remember(&self, progress: &Progress) {
        let before = self.snapshot.ledger();
        let Some(mut ledger) = self.plan.ledger.as_ref().or(before).cloned() else { return };
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::Grow { group, .. } = action else { continue };
            let group = group.as_deref().unwrap_or_default();
            match progress.outcomes.get(&index) {
                Some(Outcome::Instead { by: Substitute::Group(other), .. }) => {
                    self.created_by(other, take_back(group, before, &mut ledger), &mut ledger);
                }
                Some(outcome) if outcome.is_done() => {}
                Some(_) | None => drop(take_back(group, before, &mut ledger)),
            }
        }
        self.note_created(progress, &mut ledger);
        if before == Some(&ledger) || (self.stopped() && !records_nodes(before, &ledger)) {
            return;
        }
        if let Err(error) = self.cluster.remember(&ledger).await {
            log::warn!("the notes for later runs were not stored: {error}");
        }
    }

    /// Records the nodes that a group creates, by the pods for which it creates them.
    pub(super) fn created_by(
        &self,
        group: &str,
        created: impl IntoIterator<Item = (String, u32)>,
        ledger: &mut Ledger,
    ) {
        let at = self.snapshot.observed_at();
        for (uid, nodes) in created {
            let known =
                ledger.created_for.entry((uid, group.to_owned())).or_insert(CreatedFor { nodes: 0, at });
            known.nodes = known.nodes.saturating_add(nodes);
            known.at = at;
        }
    }
}

/// Whether a ledger has other records of nodes than the one before. A run that must stop stores these too: what it created is
/// created, and the next run would create it once more.
fn records_nodes(before: Option<&Ledger>, ledger: &Ledger) -> bool {
    let none = Ledger::default();
    let before = before.unwrap_or(&none);
    before.created_for != ledger.created_for || before.useless != ledger.useless
}

/// Takes the plan's own records of a group's new nodes back. Returns the number of them by the UID of the pod.
fn take_back(group: &str, before: Option<&Ledger>, ledger: &mut Ledger) -> Vec<(String, u32)> {
    let of_pod = |(uid, name): &&(String, String)| name == group && !is_size_key(uid);
    let keys: Vec<_> = ledger.created_for.keys().filter(of_pod).cloned().collect();
    let mut taken = Vec::new();
    for key in keys {
        let planned = ledger.created_for.remove(&key).map_or(0, |noted| noted.nodes);
        let noted = before.and_then(|ledger| ledger.created_for.get(&key)).copied();
        let more = planned.saturating_sub(noted.map_or(0, |noted| noted.nodes));
        if more > 0 {
            taken.push((key.0.clone(), more));
        }
        if let Some(noted) = noted {
            ledger.created_for.insert(key, noted);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_plan_added_is_taken_back() {
        let at = "2027-01-15T08:00:00Z".parse().unwrap();
        let of = |noted: &[(&str, &str, u32)]| Ledger {
            created_for: noted
                .iter()
                .map(|(uid, group, nodes)| {
                    (((*uid).to_owned(), (*group).to_owned()), CreatedFor { nodes: *nodes, at })
                })
                .collect(),
            ..Ledger::default()
        };
        let before = of(&[("ada", "z/a", 1), ("bob", "z/a", 4)]);
        let of_size = ("requests memory=1,cpu=1", "z/a", 2);
        let mut ledger =
            of(&[("ada", "z/a", 3), ("bob", "z/a", 4), ("cyd", "z/a", 1), ("ada", "z/b", 2), of_size]);
        let taken = take_back("z/a", Some(&before), &mut ledger);
        assert_eq!(taken, [("ada".to_owned(), 2), ("cyd".to_owned(), 1)]);
        assert_eq!(ledger, of(&[("ada", "z/a", 1), ("bob", "z/a", 4), ("ada", "z/b", 2), of_size]));
    }
}
