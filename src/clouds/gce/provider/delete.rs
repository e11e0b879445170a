//! Deletes instances through their groups, so that they are not made anew, and looks whether they really go.
//!
//! ```text
//!   doomed nodes, by group --> list: still the same instance? --> deleteInstances, up to 1000 at once
//!                                                                      |
//!                              list again: is it leaving? <------------+
//! ```

use std::collections::BTreeMap;

use crate::{ComputeError, CurrentAction, GroupId, InstanceId, MAX_DELETED_AT_ONCE, ManagedInstance};
use futures_util::{StreamExt, stream};

use super::{Cloud, Member, NOT_ASKED, PARALLEL, TIME_IS_UP, request_id};
use kube_rebalancer_ports::{Clock, Doomed, GroupAnswer};

/// A node of the plan: its position there, and the instance that it was proven to run on.
type Marked<'a> = (usize, &'a Member);

/// A list of instances, by what they are.
type Listed = BTreeMap<InstanceId, ManagedInstance>;

impl<T: Clock> Cloud<T> {
    /// Deletes the instances of nodes, and answers for each in the same order.
    pub(super) async fn delete_nodes(&self, nodes: &[Doomed]) -> Vec<GroupAnswer> {
        let mut answers: BTreeMap<usize, GroupAnswer> = BTreeMap::new();
        let mut by_group: BTreeMap<&GroupId, Vec<Marked<'_>>> = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            if let Some(member) = node.provider_id.as_ref().and_then(|id| self.members.get(id)) {
                by_group.entry(&member.group).or_default().push((position, member));
            } else {
                let why = "its instance was not seen in any node group".to_owned();
                answers.insert(position, GroupAnswer::Stale(why));
            }
        }
        // Collected, because the compiler cannot follow the lifetimes through a closure of the stream's.
        let groups: Vec<_> =
            by_group.into_iter().map(|(group, marked)| self.delete_from(group, marked)).collect();
        let mut deleting = stream::iter(groups).buffer_unordered(PARALLEL);
        while let Some(some) = deleting.next().await {
            answers.extend(some);
        }
        let missing = || GroupAnswer::Unknown("there is no answer for it".to_owned());
        (0..nodes.len()).map(|position| answers.remove(&position).unwrap_or_else(missing)).collect()
    }

    async fn delete_from(&self, group: &GroupId, marked: Vec<Marked<'_>>) -> Vec<(usize, GroupAnswer)> {
        let before = match self.list(group).await {
            Ok(listed) => listed,
            Err(why) => {
                let answer = |(position, _)| (position, GroupAnswer::Failed(why.clone()));
                return marked.into_iter().map(answer).collect();
            }
        };
        let mut answers = Vec::new();
        let mut going = Vec::new();
        for (position, member) in marked {
            match judge(member, before.get(&member.instance)) {
                Ok(()) => going.push((position, member)),
                Err(answer) => answers.push((position, answer)),
            }
        }
        let mut asked = Vec::new();
        for batch in going.chunks(MAX_DELETED_AT_ONCE) {
            let instances: Vec<InstanceId> =
                batch.iter().map(|(_, member)| member.instance.clone()).collect();
            if self.stopped() {
                asked.extend(batch.iter().map(|marked| (*marked, Asked::Refused(NOT_ASKED.to_owned()))));
                continue;
            }
            let request_id = request_id();
            let result = self.in_time(self.engine.delete_instances(group, &instances, &request_id)).await;
            asked.extend(batch.iter().map(|marked| (*marked, Asked::of(result.as_ref()))));
        }
        // Done means no more than scheduled, and some may have been skipped.
        let changed = asked.iter().any(|(_, asked)| !matches!(asked, Asked::Refused(_)));
        let after = if changed { self.look(group).await } else { Ok(Listed::new()) };
        answers.extend(asked.into_iter().map(|((position, member), asked)| {
            (position, outcome(asked, member, after.as_ref().map_err(String::as_str)))
        }));
        answers
    }

    async fn list(&self, group: &GroupId) -> Result<Listed, String> {
        listed(self.in_time(self.engine.instances(group)).await)
    }

    async fn look(&self, group: &GroupId) -> Result<Listed, String> {
        listed(self.still_in_time(self.engine.instances(group)).await)
    }
}

fn listed(answer: Option<Result<Vec<ManagedInstance>, ComputeError>>) -> Result<Listed, String> {
    match answer {
        Some(Ok(instances)) => {
            Ok(instances.into_iter().map(|instance| (instance.instance.clone(), instance)).collect())
        }
        Some(Err(error)) => Err(error.to_string()),
        None => Err(TIME_IS_UP.to_owned()),
    }
}

/// Whether what the group lists now is still the instance that the node runs on.
fn judge(member: &Member, now: Option<&ManagedInstance>) -> Result<(), GroupAnswer> {
    match now {
        None => Err(GroupAnswer::AlreadySo),
        Some(now) if now.number != member.number => {
            Err(GroupAnswer::Stale(format!("instance {} was made anew meanwhile", member.instance)))
        }
        Some(now) if now.action == CurrentAction::Leaving => Err(GroupAnswer::AlreadySo),
        Some(now) if now.action == CurrentAction::Creating => {
            Err(GroupAnswer::Stale(format!("instance {} is being made anew", member.instance)))
        }
        Some(_) => Ok(()),
    }
}

/// What came of a request to delete.
#[derive(Clone, Debug)]
enum Asked {
    /// It was accepted.
    Accepted,
    /// It was refused, and changed nothing.
    Refused(String),
    /// Its answer was lost.
    Unanswered(String),
}

impl Asked {
    fn of(result: Option<&Result<(), ComputeError>>) -> Self {
        match result {
            Some(Ok(())) => Self::Accepted,
            Some(Err(error)) if error.unchanged => Self::Refused(error.to_string()),
            Some(Err(error)) => Self::Unanswered(error.to_string()),
            None => Self::Unanswered(TIME_IS_UP.to_owned()),
        }
    }
}

/// What became of an instance, by the request's answer and by what its group lists afterwards.
fn outcome(asked: Asked, member: &Member, after: Result<&Listed, &str>) -> GroupAnswer {
    let goes = after.map(|listed| match listed.get(&member.instance) {
        Some(now) => now.action == CurrentAction::Leaving || now.number != member.number,
        None => true,
    });
    match (asked, goes) {
        (Asked::Accepted | Asked::Unanswered(_), Ok(true)) => GroupAnswer::Done,
        (Asked::Accepted, Ok(false)) => {
            GroupAnswer::Failed(format!("its group did not take instance {} for deletion", member.instance))
        }
        (Asked::Accepted, Err(why)) => GroupAnswer::Unknown(format!(
            "it was accepted, but whether the instance goes is not known: {why}"
        )),
        (Asked::Unanswered(why), Ok(false) | Err(_)) => GroupAnswer::Unknown(why),
        (Asked::Refused(why), _) => GroupAnswer::Failed(why),
    }
}
