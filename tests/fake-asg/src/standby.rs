//! The actions that put instances into standby, and back into service.

use fake_http::after;

use crate::answer::Refusal;
use crate::call::Call;
use crate::group::{Group, Instance};
use crate::launch::{no_group, operated};
use crate::steps::Engine;
use crate::xml::{leaf, list};

/// The refusal of a change that would take a group past one of its bounds.
fn out_of_bounds(group: &Group, deed: &str) -> Refusal {
    let Group { name, min, max, desired, .. } = group;
    Refusal::validation(format!(
        "AutoScalingGroup {name} has min-size={min}, max-size={max}, and desired-size={desired}. {deed} 1 instance, please \
         update the AutoScalingGroup sizes appropriately."
    ))
}

fn one<'g>(group: &'g mut Group, id: &str, state: &str) -> Result<&'g mut Instance, Refusal> {
    let found = group.instances.iter_mut().find(|one| one.id == id).ok_or_else(|| {
        Refusal::validation(format!(
            "Instance Id not found - No managed instance found for instance ID: {id}"
        ))
    })?;
    if found.lifecycle != state {
        return Err(Refusal::validation(format!("The instance {id} is not in {state}.")));
    }
    Ok(found)
}

impl Engine {
    /// `EnterStandby`: without the decrement, the group launches another instance.
    pub(crate) fn enter_standby(&mut self, call: &Call) -> Result<Vec<String>, Refusal> {
        let decrements = call.parameter("ShouldDecrementDesiredCapacity") == Some("true");
        self.turn(call, |when, group, id| {
            one(group, id, "InService")?;
            if decrements {
                if group.desired <= group.min {
                    return Err(out_of_bounds(group, "To place into standby"));
                }
                group.desired -= 1;
            }
            let until = after(when.0, when.1);
            let one = one(group, id, "InService")?;
            "EnteringStandby".clone_into(&mut one.lifecycle);
            one.until = Some(until);
            one.done.push("standby");
            Ok(format!("Moving EC2 instance to Standby: {id}"))
        })
    }

    /// `ExitStandby`: it raises the desired capacity, and does not ask whether the machine runs.
    pub(crate) fn exit_standby(&mut self, call: &Call) -> Result<Vec<String>, Refusal> {
        self.turn(call, |when, group, id| {
            one(group, id, "Standby")?;
            if group.desired >= group.max {
                return Err(out_of_bounds(group, "To move out of standby"));
            }
            group.desired += 1;
            let until = after(when.0, when.1);
            let one = one(group, id, "Standby")?;
            "Pending".clone_into(&mut one.lifecycle);
            one.until = Some(until);
            one.done.push("in service");
            Ok(format!("Moving EC2 instance out of Standby: {id}"))
        })
    }

    fn turn(
        &mut self,
        call: &Call,
        change: impl Fn((jiff::Timestamp, std::time::Duration), &mut Group, &str) -> Result<String, Refusal>,
    ) -> Result<Vec<String>, Refusal> {
        let name = call.parameter("AutoScalingGroupName").unwrap_or_default();
        let when = (self.now(), self.timing.standby);
        let group = self.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        operated(group.operator.as_deref())?;
        let mut activities = Vec::new();
        for id in call.list("InstanceIds") {
            let description = change(when, group, id)?;
            group.note(description.clone(), "at the request of a user", when.0, "InProgress");
            activities.push(
                [
                    leaf("ActivityId", "activity"),
                    leaf("AutoScalingGroupName", name),
                    leaf("Description", description),
                    leaf("Cause", "at the request of a user"),
                    leaf("StartTime", when.0),
                    leaf("StatusCode", "InProgress"),
                    leaf("Progress", 50),
                ]
                .concat(),
            );
        }
        self.follow(name);
        Ok(vec![list("Activities", activities)])
    }
}
