//! The actions that read.

use crate::answer::Refusal;
use crate::call::Call;
use crate::group::{Group, Instance};
use crate::steps::Engine;
use crate::xml::{leaf, list, maybe, nest};

/// One page of a list that begins where the token says, at most as long as asked for and as `largest`.
fn page<T>(call: &Call, all: Vec<T>, largest: usize) -> Result<(Vec<T>, Option<String>), Refusal> {
    let wrong = || Refusal(400, "InvalidNextToken", "The NextToken value is not valid.".to_owned());
    let start = match call.parameter("NextToken") {
        None => 0,
        Some(token) => token.strip_prefix("from-").and_then(|at| at.parse().ok()).ok_or_else(wrong)?,
    };
    let asked = call.parameter("MaxRecords").and_then(|text| text.parse().ok()).unwrap_or(50);
    let length = largest.min(asked);
    let next = (start + length < all.len()).then(|| format!("from-{}", start + length));
    Ok((all.into_iter().skip(start).take(length).collect(), next))
}

impl Engine {
    pub(crate) fn describe_groups(&self, call: &Call, largest: usize) -> Result<Vec<String>, Refusal> {
        let names = call.list("AutoScalingGroupNames");
        let is_named = |group: &&Group| names.is_empty() || names.contains(&group.name.as_str());
        let managed = call.parameter("IncludeManagedResources") == Some("true");
        let is_shown = |group: &&Group| managed || group.operator.is_none();
        let groups = self.groups.values().filter(is_named).filter(is_shown).collect();
        let (groups, next) = page(call, groups, largest)?;
        let shown = groups.into_iter().map(group);
        Ok(vec![list("AutoScalingGroups", shown), maybe("NextToken", next)])
    }

    pub(crate) fn describe_instances(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let ids = call.list("InstanceIds");
        if ids.len() > 50 {
            let words = "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must \
                         have length less than or equal to 50";
            return Err(Refusal::validation(words));
        }
        let all = self.groups.values().flat_map(|group| group.instances.iter().map(move |one| (group, one)));
        let named = all.filter(|(_, one)| ids.is_empty() || ids.contains(&one.id.as_str()));
        let shown = named
            .map(|(group, one)| [instance(group, one), leaf("AutoScalingGroupName", &group.name)].concat());
        Ok(vec![list("AutoScalingInstances", shown)])
    }

    pub(crate) fn describe_activities(&self, call: &Call, largest: usize) -> Result<Vec<String>, Refusal> {
        let group = self.named(call)?;
        let youngest_first: Vec<_> = group.activities.iter().rev().enumerate().collect();
        let (activities, next) = page(call, youngest_first, largest)?;
        let shown = activities.into_iter().map(|(number, one)| {
            [
                leaf("ActivityId", format!("activity-{number}")),
                leaf("AutoScalingGroupName", &group.name),
                leaf("Description", &one.description),
                leaf("Cause", &one.cause),
                leaf("StartTime", one.started),
                leaf("StatusCode", one.status),
                maybe("StatusMessage", one.message.as_ref()),
                leaf("Progress", if one.status == "InProgress" { 50 } else { 100 }),
            ]
            .concat()
        });
        Ok(vec![list("Activities", shown), maybe("NextToken", next)])
    }

    pub(crate) fn describe_policies(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let group = self.named(call)?;
        let shown = group.policies.iter().map(|name| {
            let kind = leaf("PolicyType", "TargetTrackingScaling");
            [leaf("AutoScalingGroupName", &group.name), leaf("PolicyName", name), kind, leaf("Enabled", true)]
                .concat()
        });
        Ok(vec![list("ScalingPolicies", shown)])
    }

    pub(crate) fn describe_scheduled(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let group = self.named(call)?;
        let shown = group.scheduled.iter().map(|name| {
            [leaf("AutoScalingGroupName", &group.name), leaf("ScheduledActionName", name)].concat()
        });
        Ok(vec![list("ScheduledUpdateGroupActions", shown)])
    }

    pub(crate) fn describe_hooks(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let group = self.named(call)?;
        let shown = group.termination_hook.map(|wait| {
            [
                leaf("AutoScalingGroupName", &group.name),
                leaf("LifecycleHookName", "before-it-goes"),
                leaf("LifecycleTransition", "autoscaling:EC2_INSTANCE_TERMINATING"),
                leaf("HeartbeatTimeout", wait.as_secs()),
                leaf("DefaultResult", "CONTINUE"),
            ]
            .concat()
        });
        Ok(vec![list("LifecycleHooks", shown)])
    }

    pub(crate) fn describe_refreshes(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let group = self.named(call)?;
        let shown = group.refresh.as_ref().map(|status| {
            let id = leaf("InstanceRefreshId", "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b");
            [id, leaf("AutoScalingGroupName", &group.name), leaf("Status", status)].concat()
        });
        Ok(vec![list("InstanceRefreshes", shown)])
    }

    fn named(&self, call: &Call) -> Result<&Group, Refusal> {
        let name = call.parameter("AutoScalingGroupName").unwrap_or_default();
        let gone = || Refusal::validation(format!("AutoScalingGroup name not found - {name}"));
        self.groups.get(name).ok_or_else(gone)
    }
}

fn instance(group: &Group, one: &Instance) -> String {
    [
        leaf("InstanceId", &one.id),
        leaf("InstanceType", &group.kind),
        leaf("AvailabilityZone", &one.zone),
        leaf("LifecycleState", &one.lifecycle),
        leaf("HealthStatus", "Healthy"),
        leaf("ProtectedFromScaleIn", one.protected),
        maybe("WeightedCapacity", group.weight),
    ]
    .concat()
}

fn group(group: &Group) -> String {
    let arn = format!(
        "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:08b91cf7:autoScalingGroupName/{}",
        group.name
    );
    let members = group.instances.iter().filter(|one| !one.is_warm());
    let suspended = group.suspended.iter().map(|process| {
        [leaf("ProcessName", process), leaf("SuspensionReason", "User suspended at 2026-11-01T00:00:00Z")]
            .concat()
    });
    let tags = group.tags.iter().map(|(key, value)| {
        let of = [leaf("ResourceId", &group.name), leaf("ResourceType", "auto-scaling-group")].concat();
        [of, leaf("Key", key), leaf("Value", value), leaf("PropagateAtLaunch", true)].concat()
    });
    let template = group.launch_template.as_ref().map(|(id, version)| {
        [
            leaf("LaunchTemplateId", id),
            leaf("LaunchTemplateName", format!("of-{id}")),
            leaf("Version", version),
        ]
    });
    let overridden = (!group.overrides.is_empty()).then(|| {
        let kinds = group.overrides.iter().map(|kind| match kind.as_str() {
            "" => {
                let least = [nest("VCpuCount", &[leaf("Min", 2)]), nest("MemoryMiB", &[leaf("Min", 4096)])];
                nest("InstanceRequirements", &least)
            }
            kind => leaf("InstanceType", kind),
        });
        let specification = template.as_ref().map(|template| nest("LaunchTemplateSpecification", template));
        let of_groups = [specification.unwrap_or_default(), list("Overrides", kinds)];
        nest("MixedInstancesPolicy", &[nest("LaunchTemplate", &of_groups)])
    });
    let template =
        template.filter(|_| overridden.is_none()).map(|template| nest("LaunchTemplate", &template));
    let mixed = group.spot.then(|| {
        let distribution = [
            leaf("OnDemandAllocationStrategy", "prioritized"),
            leaf("OnDemandBaseCapacity", 0),
            leaf("OnDemandPercentageAboveBaseCapacity", 0),
            leaf("SpotAllocationStrategy", "price-capacity-optimized"),
        ];
        nest("MixedInstancesPolicy", &[nest("InstancesDistribution", &distribution)])
    });
    let weighted = group.weight.map(|weight| {
        let kind = [leaf("InstanceType", &group.kind), leaf("WeightedCapacity", weight)].concat();
        let template = nest("LaunchTemplate", &[list("Overrides", [kind])]);
        nest("MixedInstancesPolicy", &[template])
    });
    let warm_pool = group
        .warm_pool
        .then(|| nest("WarmPoolConfiguration", &[leaf("MinSize", 0), leaf("PoolState", "Stopped")]));
    [
        leaf("AutoScalingGroupName", &group.name),
        leaf("AutoScalingGroupARN", arn),
        leaf("MinSize", group.min),
        leaf("MaxSize", group.max),
        leaf("DesiredCapacity", group.desired),
        leaf("DefaultCooldown", 300),
        list("AvailabilityZones", group.zones.iter().map(ToString::to_string)),
        list("LoadBalancerNames", None),
        list("TargetGroupARNs", None),
        leaf("HealthCheckType", "EC2"),
        leaf("HealthCheckGracePeriod", 15),
        list("Instances", members.map(|one| instance(group, one))),
        leaf("CreatedTime", "2026-01-01T00:00:00.000Z"),
        list("SuspendedProcesses", suspended),
        leaf("VPCZoneIdentifier", "subnet-1,subnet-2"),
        list("EnabledMetrics", None),
        list("Tags", tags),
        list("TerminationPolicies", ["Default".to_owned()]),
        leaf("NewInstancesProtectedFromScaleIn", group.protects_new),
        maybe("MaxInstanceLifetime", group.max_lifetime),
        maybe("CapacityRebalance", group.capacity_rebalance.then_some(true)),
        template.unwrap_or_default(),
        overridden.or(mixed).or(weighted).unwrap_or_default(),
        warm_pool.unwrap_or_default(),
        maybe("Status", group.status.as_ref()),
        group.operator.as_ref().map(|name| nest("Operator", &[leaf("Principal", name)])).unwrap_or_default(),
    ]
    .concat()
}
