//! The requests that change something.

use aws_sdk_autoscaling::types::RetryStrategy;

use super::Client;
use super::call::Effect;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::types::Launched;

impl Client {
    /// Launches instances into a group, in one of its zones, and waits until they exist: `LaunchInstances`. It cannot lower
    /// a size. The token makes a repeated request the same launch.
    pub(crate) async fn launch(
        &self,
        group: &str,
        zone: &str,
        number: u32,
        token: &str,
    ) -> Result<Launched, CloudError> {
        let what = format!("launch {number} instances of {group} in {zone}");
        let number = capacity(number)?;
        let answer = self.caller.call(&what, Effect::WithToken, || {
            self.asg
                .launch_instances()
                .auto_scaling_group_name(group)
                .requested_capacity(number)
                .availability_zones(zone)
                // A shortage remains: the group must not retry by itself, without the plan.
                .retry_strategy(RetryStrategy::None)
                .client_token(token)
                .send()
        });
        let answer = answer.await?;
        let ids = answer.instances.unwrap_or_default().into_iter();
        let ids = ids.flat_map(|some| some.instance_ids.unwrap_or_default());
        let failures = answer.errors.unwrap_or_default().into_iter();
        Ok(Launched {
            instances: ids.filter_map(|id| InstanceId::parse(&id)).collect(),
            failures: failures
                .map(|one| (one.error_code.unwrap_or_default(), one.error_message.unwrap_or_default()))
                .collect(),
        })
    }

    /// Sets the desired number of instances of a group: `SetDesiredCapacity`. It has no precondition, and with a lower
    /// number the group terminates arbitrary instances. So it is sent a single time: another client may raise the number meanwhile.
    pub(crate) async fn set_desired(&self, group: &str, size: u32) -> Result<(), CloudError> {
        let what = format!("ask {group} for {size} instances");
        let size = capacity(size)?;
        let answer = self.caller.call(&what, Effect::Single, || {
            let request = self.asg.set_desired_capacity().auto_scaling_group_name(group);
            request.desired_capacity(size).honor_cooldown(false).send()
        });
        answer.await.map(drop)
    }

    /// Terminates one instance of a group, and with `lowers` lowers the group's size by one:
    /// `TerminateInstanceInAutoScalingGroup`. The answer means that it is accepted, not done.
    pub(crate) async fn terminate(&self, id: &InstanceId, lowers: bool) -> Result<(), CloudError> {
        let what = format!("terminate instance {id}");
        let answer = self.caller.call(&what, Effect::Once, || {
            let request = self.asg.terminate_instance_in_auto_scaling_group().instance_id(id.as_str());
            request.should_decrement_desired_capacity(lowers).send()
        });
        answer.await.map(drop)
    }

    /// Sets one instance aside and lowers the group's size by one: `EnterStandby`. An instance in standby is not checked,
    /// not replaced, and counts as no capacity.
    pub(crate) async fn enter_standby(&self, group: &str, id: &InstanceId) -> Result<(), CloudError> {
        let what = format!("put instance {id} of {group} into standby");
        let answer = self.caller.call(&what, Effect::Once, || {
            let request = self.asg.enter_standby().auto_scaling_group_name(group).instance_ids(id.as_str());
            request.should_decrement_desired_capacity(true).send()
        });
        answer.await.map(drop)
    }

    /// Puts one instance back into service, which raises the group's size by one: `ExitStandby`.
    pub(crate) async fn exit_standby(&self, group: &str, id: &InstanceId) -> Result<(), CloudError> {
        let what = format!("put instance {id} of {group} back into service");
        let answer = self.caller.call(&what, Effect::Once, || {
            self.asg.exit_standby().auto_scaling_group_name(group).instance_ids(id.as_str()).send()
        });
        answer.await.map(drop)
    }
}

fn capacity(number: u32) -> Result<i32, CloudError> {
    i32::try_from(number)
        .map_err(|_| CloudError::new(Kind::Other, format!("{number} instances are too many")))
}
