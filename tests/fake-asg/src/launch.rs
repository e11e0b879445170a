//! The actions that change groups.

use std::collections::BTreeMap;

use crate::answer::Refusal;
use crate::call::Call;
use crate::steps::Engine;
use crate::xml::{leaf, list, maybe};

/// The launches so far, by their tokens: requests and answers.
pub(crate) type Tokens = BTreeMap<String, (BTreeMap<String, String>, Vec<String>)>;

pub(crate) fn no_group(name: &str) -> Refusal {
    Refusal::validation(format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"))
}

fn number(call: &Call, name: &str) -> Result<u32, Refusal> {
    let wrong = || Refusal::validation(format!("1 validation error detected: Value null at '{name}'"));
    call.parameter(name).and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

impl Engine {
    /// `SetDesiredCapacity`.
    pub(crate) fn set_desired(&mut self, call: &Call) -> Result<(), Refusal> {
        let name = call.parameter("AutoScalingGroupName").unwrap_or_default();
        let size = number(call, "DesiredCapacity")?;
        let group = self.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        operated(group.operator.as_deref())?;
        if size > group.max {
            return Err(Refusal::validation(format!(
                "New SetDesiredCapacity value {size} is above max value {} for the AutoScalingGroup.",
                group.max
            )));
        }
        if size < group.min {
            return Err(Refusal::validation(format!(
                "New SetDesiredCapacity value {size} is below min value {} for the AutoScalingGroup.",
                group.min
            )));
        }
        group.desired = size;
        group.tries_again = None;
        self.follow(name);
        Ok(())
    }

    /// `TerminateInstanceInAutoScalingGroup`.
    pub(crate) fn terminate_one(&mut self, call: &Call) -> Result<Vec<String>, Refusal> {
        let id = call.parameter("InstanceId").unwrap_or_default();
        let decrements = call.parameter("ShouldDecrementDesiredCapacity") == Some("true");
        let found = self.groups.values_mut().find(|group| group.instances.iter().any(|one| one.id == id));
        let group = found.ok_or_else(|| {
            let words = format!("Instance Id not found - No managed instance found for instance ID: {id}");
            Refusal::validation(words)
        })?;
        operated(group.operator.as_deref())?;
        if decrements {
            if group.desired <= group.min {
                return Err(Refusal::validation(format!(
                    "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate \
                     group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower \
                     group's min size.",
                    group.min
                )));
            }
            // This is also so for an instance that is already terminating.
            group.desired -= 1;
        }
        let name = group.name.clone();
        self.terminate(&name, id, "a request");
        self.follow(&name);
        let activity = [
            leaf("ActivityId", "activity"),
            leaf("AutoScalingGroupName", &name),
            leaf("Description", format!("Terminating EC2 instance: {id}")),
            leaf("Cause", "At the request of a user"),
            leaf("StartTime", self.now()),
            leaf("StatusCode", "InProgress"),
            leaf("Progress", 0),
        ];
        Ok(vec![crate::xml::nest("Activity", &activity)])
    }

    /// `LaunchInstances`.
    pub(crate) fn launch_some(&mut self, call: &Call, tokens: &mut Tokens) -> Result<Vec<String>, Refusal> {
        let token = call.parameter("ClientToken").unwrap_or_default().to_owned();
        if let Some((asked, answer)) = tokens.get(&token) {
            if *asked == call.parameters {
                return Ok(answer.clone());
            }
            let words = "The parameters do not match the request with the same token".to_owned();
            return Err(Refusal(400, "IdempotentParameterMismatch", words));
        }
        let name = call.parameter("AutoScalingGroupName").unwrap_or_default().to_owned();
        let wanted = number(call, "RequestedCapacity")?;
        let group = self.groups.get(&name).ok_or_else(|| no_group(&name))?;
        operated(group.operator.as_deref())?;
        let zone = match (call.list("AvailabilityZones").as_slice(), group.zones.as_slice()) {
            ([zone], zones) if zones.iter().any(|one| one == zone) => (*zone).to_owned(),
            ([], [zone]) => zone.clone(),
            _ => {
                let words = "Exactly one Availability Zone or subnet of the group must be specified";
                return Err(Refusal::validation(words));
            }
        };
        if wanted > 100 || group.desired + wanted > group.max {
            let words =
                format!("The requested capacity would exceed the max size {} of the group", group.max);
            return Err(Refusal::validation(words));
        }
        let (mut ids, mut errors) = (Vec::new(), Vec::new());
        if self.launch_forbidden {
            let words = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:role/hub is not \
                         authorized to perform: ec2:CreateFleet";
            errors.push(("UnauthorizedOperation", words.to_owned()));
        }
        let attempted = if self.launch_forbidden { 0 } else { wanted };
        for _ in 0..attempted {
            match self.launch(&name, &zone, "At the request of a user") {
                Ok(id) => ids.push(id),
                Err(shortage) => errors.push(shortage),
            }
        }
        if let Some(group) = self.groups.get_mut(&name) {
            group.desired += u32::try_from(ids.len()).unwrap_or_default();
        }
        // One for each reason, not for each instance.
        errors.dedup();
        let launched = (!ids.is_empty()).then(|| {
            let ids = list("InstanceIds", ids.iter().map(ToString::to_string));
            [leaf("AvailabilityZone", &zone), leaf("MarketType", "on-demand"), ids].concat()
        });
        let failed = errors.iter().map(|(code, words)| {
            let zone = leaf("AvailabilityZone", &zone);
            [zone, leaf("ErrorCode", code), leaf("ErrorMessage", words)].concat()
        });
        let answer = vec![
            leaf("AutoScalingGroupName", &name),
            maybe("ClientToken", (!token.is_empty()).then_some(&token)),
            list("Instances", launched),
            list("Errors", failed),
        ];
        if !token.is_empty() {
            tokens.insert(token, (call.parameters.clone(), answer.clone()));
        }
        Ok(answer)
    }
}

pub(crate) fn operated(operator: Option<&str>) -> Result<(), Refusal> {
    let Some(operator) = operator else { return Ok(()) };
    let words = format!("Only the operator {operator} can make changes to this Auto Scaling group");
    Err(Refusal(403, "AccessDenied", words))
}
