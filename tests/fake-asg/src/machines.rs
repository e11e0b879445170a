//! EC2: the machines of the instances.

use fake_http::{Answer, after};

use crate::answer::{Refusal, ec2_refusal, ec2_result};
use crate::call::Call;
use crate::group::{Before, Group, Instance};
use crate::steps::Engine;
use crate::templates::describe_types;
use crate::xml::{items, leaf, maybe, nest};

/// The version of EC2's interface, by which its requests differ from the ones of Auto Scaling.
pub(crate) const VERSION: &str = "2016-11-15";

impl Engine {
    /// Carries out a request to EC2.
    pub(crate) fn machines(&mut self, call: &Call, largest: usize) -> Answer {
        let answer = match call.method.as_str() {
            "DescribeInstances" => self.describe_machines(call, largest),
            "StopInstances" => self.turn_power(call, Power::Stop),
            "StartInstances" => self.turn_power(call, Power::Start),
            "DescribeLaunchTemplateVersions" => self.describe_template_versions(call),
            "DescribeInstanceTypes" => describe_types(call, largest),
            other => Err(Refusal(
                400,
                "InvalidAction",
                format!("The action {other} is not valid for this web service."),
            )),
        };
        answer.map_or_else(ec2_refusal, |inner| ec2_result(&call.method, &inner))
    }

    fn machine(&self, id: &str) -> Option<(&Group, &Instance)> {
        let all = self.groups.values().flat_map(|group| group.instances.iter().map(move |one| (group, one)));
        all.into_iter().find(|(_, one)| one.id == id)
    }

    fn describe_machines(&mut self, call: &Call, largest: usize) -> Result<Vec<String>, Refusal> {
        let by_filter = call.parameter("Filter.1.Name") == Some("instance-id");
        let prefix = if by_filter { "Filter.1.Value" } else { "InstanceId" };
        let ids: Vec<&str> = (1..).map_while(|at| call.parameter(&format!("{prefix}.{at}"))).collect();
        if let Some(unknown) = ids.iter().find(|id| !by_filter && self.machine(id).is_none()) {
            return Err(unknown_id(unknown));
        }
        let all: Vec<_> = ids.iter().filter_map(|id| self.machine(id)).collect();
        let start: usize =
            call.parameter("NextToken").and_then(|token| token.parse().ok()).unwrap_or_default();
        let next = (start + largest < all.len()).then(|| start + largest);
        let shown = all.into_iter().skip(start).take(largest).map(|(group, one)| {
            let id = leaf("reservationId", format!("r-{}", one.id.trim_start_matches("i-")));
            [id, items("instancesSet", [machine(group, one)])].concat()
        });
        let shown = vec![items("reservationSet", shown), maybe("nextToken", next)];
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        for one in self.groups.values_mut().flat_map(|group| &mut group.instances) {
            if let Some(before) = one.before.as_mut().filter(|_| ids.contains(&one.id)) {
                before.reads -= 1;
                one.before.take_if(|before| before.reads == 0);
            }
        }
        Ok(shown)
    }

    fn turn_power(&mut self, call: &Call, power: Power) -> Result<Vec<String>, Refusal> {
        let ids: Vec<&str> = (1..).map_while(|at| call.parameter(&format!("InstanceId.{at}"))).collect();
        if let Some(unknown) = ids.iter().find(|id| self.machine(id).is_none()) {
            return Err(unknown_id(unknown));
        }
        // It shows permissions, and nothing about the machine.
        if call.parameter("DryRun") == Some("true") {
            let words = "Request would have succeeded, but DryRun flag is set.".to_owned();
            return Err(Refusal(412, "DryRunOperation", words));
        }
        for id in &ids {
            let (_, one) = self.machine(id).ok_or_else(|| unknown_id(id))?;
            power.objection(one)?;
        }
        if power == Power::Start && !self.refuses_late {
            for id in &ids {
                let (group, one) = self.machine(id).ok_or_else(|| unknown_id(id))?;
                if one.power == "stopped" && self.room.get(&one.zone) == Some(&0) {
                    let words = format!(
                        "We currently do not have sufficient {} capacity in the Availability Zone you requested ({}). Our \
                         system will be working on provisioning additional capacity.",
                        group.kind, one.zone
                    );
                    return Err(Refusal(500, "InsufficientInstanceCapacity", words));
                }
            }
        }
        let until = after(self.now(), self.timing.power);
        let (reads, room) = (self.stale_reads, self.room.clone());
        let mut changed = Vec::new();
        for one in self.groups.values_mut().flat_map(|group| &mut group.instances) {
            if !ids.contains(&one.id.as_str()) {
                continue;
            }
            let before = one.power;
            let shown = Before { reads, power: before, reason: one.reason.clone() };
            match (power, before) {
                (Power::Stop, "running" | "pending") => {
                    let words = "Client.UserInitiatedShutdown: User initiated shutdown".to_owned();
                    one.reason = Some(("Client.UserInitiatedShutdown", words));
                    (one.power, one.power_until) = ("stopping", Some(until));
                    one.before = Some(shown).filter(|before| before.reads > 0);
                    one.done.push("stop");
                }
                (Power::Start, "stopped") => {
                    one.reason = None;
                    one.no_room = room.get(&one.zone) == Some(&0);
                    one.before = Some(shown).filter(|before| before.reads > 0);
                    (one.power, one.power_until) = ("pending", Some(until));
                    one.done.push("start");
                }
                _ => {}
            }
            let state = |name: &str, of: &str| nest(name, &[leaf("code", code(of)), leaf("name", of)]);
            changed.push(
                [
                    leaf("instanceId", &one.id),
                    state("currentState", one.power),
                    state("previousState", before),
                ]
                .concat(),
            );
        }
        Ok(vec![items("instancesSet", changed)])
    }
}

/// A change of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Stop,
    Start,
}

impl Power {
    /// Why a machine in this state cannot do it.
    fn objection(self, one: &Instance) -> Result<(), Refusal> {
        let id = &one.id;
        let wrong = || {
            let from = one.power;
            let words = format!(
                "The instance '{id}' is not in a state from which it can be {}; it is {from}",
                self.past()
            );
            Refusal(400, "IncorrectInstanceState", words)
        };
        match self {
            Self::Stop if one.spot => {
                let words = format!(
                    "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot \
                                     Instance request. You can only stop Spot Instances associated with persistent Spot \
                                     Instance requests."
                );
                Err(Refusal(400, "UnsupportedOperation", words))
            }
            Self::Stop if one.instance_store => {
                let words = format!(
                    "The instance '{id}' does not have an 'ebs' root device type and cannot be stopped."
                );
                Err(Refusal(400, "UnsupportedOperation", words))
            }
            Self::Stop if one.stop_protected => {
                let words = format!(
                    "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute \
                                     and try again."
                );
                Err(Refusal(400, "OperationNotPermitted", words))
            }
            Self::Stop if one.power == "shutting-down" => Err(wrong()),
            Self::Start if matches!(one.power, "stopping" | "shutting-down") => Err(wrong()),
            Self::Stop | Self::Start => Ok(()),
        }
    }

    fn past(self) -> &'static str {
        match self {
            Self::Stop => "stopped",
            Self::Start => "started",
        }
    }
}

fn unknown_id(id: &str) -> Refusal {
    Refusal(400, "InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

fn code(power: &str) -> u32 {
    match power {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}

fn machine(group: &Group, one: &Instance) -> String {
    let (power, reason) = match &one.before {
        Some(before) => (before.power, &before.reason),
        None => (one.power, &one.reason),
    };
    let reason = reason
        .as_ref()
        .map(|(code, words)| nest("stateReason", &[leaf("code", code), leaf("message", words)]));
    let tag = [leaf("key", "aws:autoscaling:groupName"), leaf("value", &group.name)].concat();
    [
        leaf("instanceId", &one.id),
        leaf("imageId", "ami-0123456789abcdef0"),
        nest("instanceState", &[leaf("code", code(power)), leaf("name", power)]),
        leaf("instanceType", &group.kind),
        nest("placement", &[leaf("availabilityZone", &one.zone), leaf("tenancy", "default")]),
        leaf("rootDeviceType", if one.instance_store { "instance-store" } else { "ebs" }),
        maybe("instanceLifecycle", one.spot.then_some("spot")),
        items("tagSet", [tag]),
        reason.unwrap_or_default(),
    ]
    .concat()
}
