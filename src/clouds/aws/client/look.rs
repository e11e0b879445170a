//! The requests that read.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::InstanceRefreshStatus;

use super::Client;
use super::call::Effect;
use super::convert;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::types::{Activity, Group, Placed};

/// Maximum number of instances of one request.
const INSTANCES: usize = 50;
/// Maximum number of groups of one request.
const GROUPS: usize = 50;
/// Maximum number of objects of a page.
const PAGE: i32 = 100;
/// Maximum number of pages of one list. A longer list counts as endless.
const PAGES: usize = 200;
/// Number of activities after which no further page is read: the latest come first.
pub(crate) const ACTIVITIES: usize = 300;

/// The groups of an answer.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) groups: Vec<Group>,
    /// The name of each group that cannot be read, with the reason.
    pub(crate) unread: Vec<(String, CloudError)>,
}

impl Listed {
    /// The groups, if each can be read.
    fn all(self) -> Result<Vec<Group>, CloudError> {
        self.unread.into_iter().next().map_or(Ok(self.groups), |(_, why)| Err(why))
    }
}

/// The effect of a read; the last one belongs to a change and is made after the run's time too.
fn effect(is_last: bool) -> Effect {
    if is_last { Effect::LastLook } else { Effect::Look }
}

fn not_understood(what: &str, odd: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: the answer is not understood: {odd}"))
}

fn endless(what: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: the list does not end after {PAGES} pages"))
}

/// The token of the next page; an empty one ends the list too.
fn next(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}

impl Client {
    /// The groups of these instances: `DescribeAutoScalingInstances`. An instance in no group is missing from the
    /// answer.
    pub(crate) async fn placed(&self, ids: &BTreeSet<InstanceId>) -> Result<Vec<Placed>, CloudError> {
        let what = "look up the groups of instances";
        let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
        let mut found = Vec::new();
        for some in ids.chunks(INSTANCES) {
            let some: Vec<String> = some.iter().map(|id| (*id).to_owned()).collect();
            let answer = self.caller.call(what, Effect::Look, || {
                self.asg.describe_auto_scaling_instances().set_instance_ids(Some(some.clone())).send()
            });
            for one in answer.await?.auto_scaling_instances.unwrap_or_default() {
                found.push(convert::placed(one).map_err(|odd| not_understood(what, &odd))?);
            }
        }
        Ok(found)
    }

    /// All groups of the region, all pages: `DescribeAutoScalingGroups`. Anybody's group of the account is among them, so one
    /// that cannot be read stops nothing here.
    pub(crate) async fn groups(&self) -> Result<Listed, CloudError> {
        self.describe_groups("list the Auto Scaling groups", None, Effect::Look).await
    }

    /// The groups of these names. A deleted group is missing from the answer.
    pub(crate) async fn groups_of(&self, names: &BTreeSet<&str>) -> Result<Vec<Group>, CloudError> {
        let names: Vec<&str> = names.iter().copied().collect();
        let mut found = Vec::new();
        for some in names.chunks(GROUPS) {
            let some = some.iter().map(|name| (*name).to_owned()).collect();
            let listed =
                self.describe_groups("look at Auto Scaling groups", Some(some), Effect::Look).await?;
            found.extend(listed.all()?);
        }
        Ok(found)
    }

    /// One group.
    pub(crate) async fn group(&self, name: &str, is_last: bool) -> Result<Group, CloudError> {
        let what = format!("look at Auto Scaling group {name}");
        let listed = self.describe_groups(&what, Some(vec![name.to_owned()]), effect(is_last)).await?;
        let gone = || CloudError::new(Kind::NotFound, format!("Auto Scaling group {name} is gone"));
        listed.all()?.into_iter().find(|group| group.name == name).ok_or_else(gone)
    }

    async fn describe_groups(
        &self,
        what: &str,
        names: Option<Vec<String>>,
        effect: Effect,
    ) -> Result<Listed, CloudError> {
        let (mut found, mut token) = (Listed::default(), None);
        for _ in 0..PAGES {
            let answer = self.caller.call(what, effect, || {
                self.asg
                    .describe_auto_scaling_groups()
                    .set_auto_scaling_group_names(names.clone())
                    // A group that another service of AWS manages is listed, but left alone.
                    .include_managed_resources(true)
                    .max_records(PAGE)
                    .set_next_token(token.clone())
                    .send()
            });
            let answer = answer.await?;
            for group in answer.auto_scaling_groups.unwrap_or_default() {
                let name = group.auto_scaling_group_name.clone().unwrap_or_default();
                match convert::group(group) {
                    Ok(group) => found.groups.push(group),
                    Err(odd) => found.unread.push((name, not_understood(what, &odd))),
                }
            }
            token = next(answer.next_token);
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(what))
    }

    /// The scaling activities of a group, the latest first: `DescribeScalingActivities`. Of a long list only the
    /// beginning.
    pub(crate) async fn activities(&self, group: &str) -> Result<Vec<Activity>, CloudError> {
        let what = format!("look at the scaling activities of {group}");
        let (mut found, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let answer = self.caller.call(&what, Effect::Look, || {
                let request = self.asg.describe_scaling_activities().auto_scaling_group_name(group);
                request.max_records(PAGE).set_next_token(token.clone()).send()
            });
            let answer = answer.await?;
            for one in answer.activities.unwrap_or_default() {
                found.push(convert::activity(one).map_err(|odd| not_understood(&what, &odd))?);
            }
            token = next(answer.next_token);
            if token.is_none() || found.len() >= ACTIVITIES {
                break;
            }
        }
        found.sort_by_key(|one: &Activity| std::cmp::Reverse(one.started));
        Ok(found)
    }

    /// The names of a group's scaling policies that are in force: `DescribePolicies`.
    pub(crate) async fn policies(&self, group: &str) -> Result<Vec<String>, CloudError> {
        let what = format!("look at the scaling policies of {group}");
        let (mut found, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let answer = self.caller.call(&what, Effect::Look, || {
                let request = self.asg.describe_policies().auto_scaling_group_name(group);
                request.set_next_token(token.clone()).send()
            });
            let answer = answer.await?;
            let policies = answer.scaling_policies.unwrap_or_default().into_iter();
            let in_force = policies.filter(|policy| policy.enabled.unwrap_or(true));
            found.extend(in_force.map(|policy| policy.policy_name.unwrap_or_default()));
            token = next(answer.next_token);
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(&what))
    }

    /// The names of a group's scheduled actions: `DescribeScheduledActions`.
    pub(crate) async fn scheduled(&self, group: &str) -> Result<Vec<String>, CloudError> {
        let what = format!("look at the scheduled actions of {group}");
        let (mut found, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let answer = self.caller.call(&what, Effect::Look, || {
                let request = self.asg.describe_scheduled_actions().auto_scaling_group_name(group);
                request.set_next_token(token.clone()).send()
            });
            let answer = answer.await?;
            let actions = answer.scheduled_update_group_actions.unwrap_or_default().into_iter();
            found.extend(actions.map(|action| action.scheduled_action_name.unwrap_or_default()));
            token = next(answer.next_token);
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(&what))
    }

    /// The names of a group's hooks at a termination: `DescribeLifecycleHooks`.
    pub(crate) async fn termination_hooks(&self, group: &str) -> Result<Vec<String>, CloudError> {
        let what = format!("look at the lifecycle hooks of {group}");
        let answer = self.caller.call(&what, Effect::Look, || {
            self.asg.describe_lifecycle_hooks().auto_scaling_group_name(group).send()
        });
        let hooks = answer.await?.lifecycle_hooks.unwrap_or_default().into_iter();
        let ending = hooks.filter(|hook| {
            hook.lifecycle_transition.as_deref().is_some_and(|words| words.ends_with("TERMINATING"))
        });
        Ok(ending.map(|hook| hook.lifecycle_hook_name.unwrap_or_default()).collect())
    }

    /// The status of the instance refresh in progress, if there is one: `DescribeInstanceRefreshes`, the latest first.
    pub(crate) async fn refresh(&self, group: &str, is_last: bool) -> Result<Option<String>, CloudError> {
        let what = format!("look at the instance refreshes of {group}");
        let answer = self.caller.call(&what, effect(is_last), || {
            self.asg.describe_instance_refreshes().auto_scaling_group_name(group).send()
        });
        let refreshes = answer.await?.instance_refreshes.unwrap_or_default().into_iter();
        let mut under_way = refreshes.filter_map(|refresh| refresh.status).filter(|status| {
            !matches!(
                status,
                InstanceRefreshStatus::Successful
                    | InstanceRefreshStatus::Failed
                    | InstanceRefreshStatus::Cancelled
                    | InstanceRefreshStatus::RollbackFailed
                    | InstanceRefreshStatus::RollbackSuccessful
            )
        });
        Ok(under_way.next().map(|status| status.as_str().to_owned()))
    }
}
