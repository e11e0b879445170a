//! Parks and wakes instances, and verifies the result.
//!
//! ```text
//!   members of a group --> list: still the same instance? --> park or wake, each by itself
//!                                                               |
//!                              list again: asleep? present? <---+
//! ```

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::calls::{Asked, Became, Calls};
use crate::listing::{InstanceState, ListedInstance};
use crate::member::Member;

/// The requests of a cloud that can park.
pub trait SleepCalls: Calls {
    /// Requests the change of these instances of a group, at most [`Calls::batch`] of them, each separately; answers for
    /// each in the same order.
    fn turn(
        &self,
        group: &str,
        instances: &[Self::Instance],
        turn: Turn,
    ) -> impl Future<Output = Vec<Asked<Self::Refusal>>> + Send;
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Stop the instance so that it can be woken.
    Park,
    /// Start it again.
    Wake,
}

impl Turn {
    fn goal(self) -> InstanceState {
        match self {
            Self::Park => InstanceState::Asleep,
            Self::Wake => InstanceState::Present,
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Wake => "wake",
        }
    }
}

/// The instances that a group lists, by identity.
type Listed<I> = BTreeMap<I, ListedInstance<I>>;

/// Parks or wakes instances of one group, and answers for each by its position among the nodes of the request.
pub async fn turn<C: SleepCalls>(
    cloud: &C,
    group: &str,
    members: Vec<(usize, &Member<C::Instance>)>,
    turn: Turn,
) -> Vec<(usize, Became<C::Refusal>)> {
    let before = match cloud.instances(group, false).await {
        Ok(instances) => by_id(instances),
        Err(why) => return members.into_iter().map(|(at, _)| (at, Became::Failed(why.clone()))).collect(),
    };
    let mut answers = Vec::new();
    let mut going = Vec::new();
    for (at, member) in members {
        match judge(member, before.get(&member.instance), turn) {
            Ok(()) => going.push((at, member)),
            Err(answer) => answers.push((at, answer)),
        }
    }
    let mut asked = Vec::new();
    for batch in going.chunks(cloud.batch().max(1)) {
        let said = if let Some(why) = cloud.stopped() {
            batch.iter().map(|_| Asked::Refused(why.clone())).collect()
        } else {
            let instances: Vec<_> = batch.iter().map(|(_, member)| member.instance.clone()).collect();
            cloud.turn(group, &instances, turn).await
        };
        let mut said = said.into_iter();
        asked.extend(batch.iter().map(|member| (*member, said.next())));
    }
    let changed = asked.iter().any(|(_, answer)| !matches!(answer, Some(Asked::Refused(_))));
    let after = if changed { cloud.instances(group, true).await.map(by_id) } else { Ok(Listed::new()) };
    let became = |((at, member), answer): ((usize, &Member<C::Instance>), Option<_>)| {
        (at, outcome(answer, member, after.as_ref(), turn))
    };
    answers.extend(asked.into_iter().map(became));
    answers
}

fn by_id<I: Ord + Clone>(instances: Vec<ListedInstance<I>>) -> Listed<I> {
    instances.into_iter().map(|instance| (instance.id.clone(), instance)).collect()
}

/// Whether the listed instance is still the node's, and can still be changed.
fn judge<I: Display, R>(
    member: &Member<I>,
    now: Option<&ListedInstance<I>>,
    turn: Turn,
) -> Result<(), Became<R>> {
    let id = &member.instance;
    let Some(now) = now else { return Err(Became::Conflict(format!("instance {id} is gone"))) };
    if now.uid != member.uid {
        return Err(Became::Conflict(format!("instance {id} was recreated meanwhile")));
    }
    match now.state {
        state if state == turn.goal() => Err(Became::AlreadySo),
        InstanceState::Leaving => Err(Became::Conflict(format!("instance {id} is going away"))),
        InstanceState::Creating => Err(Became::Conflict(format!("instance {id} is being recreated"))),
        InstanceState::Present | InstanceState::Asleep => Ok(()),
    }
}

/// The result for an instance, by the request's answer and by the group's list afterwards.
fn outcome<I: Ord + Display, R: Display>(
    asked: Option<Asked<R>>,
    member: &Member<I>,
    after: Result<&Listed<I>, &R>,
    turn: Turn,
) -> Became<R> {
    let Some(asked) = asked else {
        return Became::InDoubt("the cloud gave no answer for it".to_owned());
    };
    let is_so = after.map(|listed| {
        listed.get(&member.instance).is_some_and(|now| now.uid == member.uid && now.state == turn.goal())
    });
    match (asked, is_so) {
        (Asked::Accepted | Asked::Unanswered(_), Ok(true)) => Became::Done,
        (Asked::Accepted, Ok(false)) => Became::NotTaken(format!(
            "the cloud accepted to {} instance {} and does not",
            turn.verb(),
            member.instance
        )),
        (Asked::Accepted, Err(why)) => {
            Became::InDoubt(format!("it was accepted, but whether it is so is not known: {why}"))
        }
        (Asked::Unanswered(why), Ok(false) | Err(_)) => Became::InDoubt(why.to_string()),
        (Asked::Refused(why), _) => Became::Failed(why),
    }
}
