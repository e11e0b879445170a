//! Deletes instances through their group, so that they are not recreated, and verifies that they are being
//! deleted.
//!
//! ```text
//!   members of a group --> list: still the same instance? --> remove, in batches
//!                                                               |
//!                              list again: is it leaving? <-----+
//! ```

use std::collections::BTreeMap;

use crate::calls::{Asked, Became, Calls};
use crate::listing::{InstanceState, ListedInstance};
use crate::member::Member;

/// An instance to delete: its position among the nodes of the request, and the proof of its identity.
pub type Removal<'a, I> = (usize, &'a Member<I>);

/// The instances that a group lists, by identity.
type Listed<I> = BTreeMap<I, ListedInstance<I>>;

/// Deletes instances of one group, and answers for each by its position.
pub async fn delete<C: Calls>(
    cloud: &C,
    group: &str,
    removals: Vec<Removal<'_, C::Instance>>,
) -> Vec<(usize, Became<C::Refusal>)> {
    let before = match cloud.instances(group, false).await {
        Ok(instances) => by_id(instances),
        Err(why) => {
            return removals.into_iter().map(|(at, _)| (at, Became::Failed(why.clone()))).collect();
        }
    };
    let mut answers = Vec::new();
    let mut going = Vec::new();
    for (at, member) in removals {
        match judge(member, before.get(&member.instance)) {
            Ok(()) => going.push((at, member)),
            Err(answer) => answers.push((at, answer)),
        }
    }
    let mut asked = Vec::new();
    for batch in going.chunks(cloud.batch().max(1)) {
        let answer = if let Some(why) = cloud.stopped() {
            Asked::Refused(why)
        } else {
            let instances: Vec<C::Instance> =
                batch.iter().map(|(_, member)| member.instance.clone()).collect();
            cloud.remove(group, &instances).await
        };
        asked.extend(batch.iter().map(|removal| (*removal, answer.clone())));
    }
    // Accepted only means scheduled, and some may have been skipped.
    let changed = asked.iter().any(|(_, answer)| !matches!(answer, Asked::Refused(_)));
    let after = if changed { cloud.instances(group, true).await.map(by_id) } else { Ok(Listed::new()) };
    let became = |((at, member), answer)| (at, outcome(answer, member, after.as_ref()));
    answers.extend(asked.into_iter().map(became));
    answers
}

fn by_id<I: Ord + Clone>(instances: Vec<ListedInstance<I>>) -> Listed<I> {
    instances.into_iter().map(|instance| (instance.id.clone(), instance)).collect()
}

/// Whether the listed instance is still the node's.
fn judge<I: std::fmt::Display, R>(
    member: &Member<I>,
    now: Option<&ListedInstance<I>>,
) -> Result<(), Became<R>> {
    let Some(now) = now else { return Err(Became::AlreadySo) };
    if now.uid != member.uid {
        return Err(Became::Conflict(format!("instance {} was recreated meanwhile", member.instance)));
    }
    match now.state {
        InstanceState::Leaving => Err(Became::AlreadySo),
        InstanceState::Creating => {
            Err(Became::Conflict(format!("instance {} is being recreated", member.instance)))
        }
        InstanceState::Present | InstanceState::Asleep => Ok(()),
    }
}

/// The result for an instance, by the request's answer and by the group's list afterwards.
fn outcome<I: Ord + std::fmt::Display, R: std::fmt::Display>(
    asked: Asked<R>,
    member: &Member<I>,
    after: Result<&Listed<I>, &R>,
) -> Became<R> {
    let goes = after.map(|listed| match listed.get(&member.instance) {
        Some(now) => now.state == InstanceState::Leaving || now.uid != member.uid,
        None => true,
    });
    match (asked, goes) {
        (Asked::Accepted | Asked::Unanswered(_), Ok(true)) => Became::Done,
        (Asked::Accepted, Ok(false)) => {
            Became::NotTaken(format!("its group did not take instance {} for deletion", member.instance))
        }
        (Asked::Accepted, Err(why)) => Became::InDoubt(format!(
            "it was accepted, but whether the instance is deleted is not known: {why}"
        )),
        (Asked::Unanswered(why), Ok(false) | Err(_)) => Became::InDoubt(why.to_string()),
        (Asked::Refused(why), _) => Became::Failed(why),
    }
}
