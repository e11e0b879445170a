//! Converts answers of the official client to the types of this crate. A missing or invalid field is an error
//! with its name.

use aws_sdk_autoscaling::primitives::DateTime;
use aws_sdk_autoscaling::types;
use jiff::Timestamp;

use crate::id::InstanceId;
use crate::shape::{Source, TemplateName, TemplateVersion};
use crate::types::{Activity, Deed, End, Group, Instance, Lifecycle, Placed};

/// The defect of an unusable answer: a phrase such as `a group without a name`.
pub(super) type Odd = String;

/// Maximum size of a group that counts instances; one in units, such as MiB, may be larger.
const MOST: i32 = 1_000_000;

fn size(number: Option<i32>, is_in_units: bool, what: &str) -> Result<u32, Odd> {
    let number = number.filter(|number| *number >= 0 && (is_in_units || *number <= MOST));
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| format!("a group without {what}"))
}

fn text(text: Option<String>, what: &str) -> Result<String, Odd> {
    text.filter(|text| !text.is_empty()).ok_or_else(|| what.to_owned())
}

fn id(text: Option<String>) -> Result<InstanceId, Odd> {
    let text = text.unwrap_or_default();
    InstanceId::parse(&text).ok_or_else(|| format!("an instance whose ID is `{text}`"))
}

/// A group.
pub(super) fn group(group: types::AutoScalingGroup) -> Result<Group, Odd> {
    let mixed = group.mixed_instances_policy;
    let distribution = mixed.as_ref().and_then(|mixed| mixed.instances_distribution.as_ref());
    let on_demand = distribution.and_then(|some| some.on_demand_percentage_above_base_capacity);
    let instances = group.instances.unwrap_or_default();
    // A group without instances shows its weights only here.
    let overrides = mixed.as_ref().and_then(|mixed| mixed.launch_template.as_ref()?.overrides.as_ref());
    let has_weights = instances.iter().any(|one| one.weighted_capacity.is_some())
        || overrides.is_some_and(|all| all.iter().any(|one| one.weighted_capacity.is_some()));
    let is_in_units = group.desired_capacity_type.is_some_and(|unit| !unit.is_empty() && unit != "units");
    let sources = sources(group.launch_template.as_ref(), mixed.as_ref());
    let name = text(group.auto_scaling_group_name, "a group without a name")?;
    Ok(Group {
        min: size(group.min_size, is_in_units, "MinSize")?,
        max: size(group.max_size, is_in_units, "MaxSize")?,
        desired: size(group.desired_capacity, is_in_units, "DesiredCapacity")?,
        zones: group.availability_zones.unwrap_or_default(),
        instances: instances.into_iter().map(instance).collect::<Result<_, _>>()?,
        suspended: group
            .suspended_processes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|process| process.process_name)
            .collect(),
        tags: group
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        protects_new: group.new_instances_protected_from_scale_in.unwrap_or_default(),
        max_lifetime: group
            .max_instance_lifetime
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0),
        capacity_rebalance: group.capacity_rebalance.unwrap_or_default(),
        has_spot: on_demand.is_some_and(|percent| percent < 100),
        is_mixed: mixed.is_some(),
        sources,
        is_weighted: has_weights || is_in_units,
        operator: group
            .operator
            .map(|operator| operator.principal.unwrap_or_else(|| "another service".to_owned())),
        has_warm_pool: group.warm_pool_configuration.is_some(),
        is_leaving: group.status.is_some_and(|status| !status.is_empty()),
        name,
    })
}

/// Where the types of a group's new instances come from; nothing for a launch configuration.
fn sources(
    own: Option<&types::LaunchTemplateSpecification>,
    mixed: Option<&types::MixedInstancesPolicy>,
) -> Vec<Source> {
    let Some(mixed) = mixed else { return own.and_then(version).into_iter().collect() };
    let template = mixed.launch_template.as_ref();
    let common = template.and_then(|template| version(template.launch_template_specification.as_ref()?));
    let overrides = template.and_then(|template| template.overrides.as_deref()).unwrap_or_default();
    if overrides.is_empty() {
        return common.into_iter().collect();
    }
    let source = |one: &types::LaunchTemplateOverrides| match (&one.instance_type, &one.instance_requirements)
    {
        (Some(kind), _) => Some(Source::Kind(kind.clone())),
        (None, Some(_)) => Some(Source::Requirements),
        (None, None) => {
            let own = one.launch_template_specification.as_ref().and_then(version);
            own.or_else(|| common.clone())
        }
    };
    overrides.iter().filter_map(source).collect()
}

/// A version of a launch template. Without a version it is the default one.
fn version(named: &types::LaunchTemplateSpecification) -> Option<Source> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let by_name = || some(&named.launch_template_name).map(TemplateName::Name);
    let template = some(&named.launch_template_id).map(TemplateName::Id).or_else(by_name)?;
    let version = some(&named.version).unwrap_or_else(|| "$Default".to_owned());
    Some(Source::Template(TemplateVersion { template, version }))
}

fn instance(one: types::Instance) -> Result<Instance, Odd> {
    let lifecycle = one.lifecycle_state.as_ref().map(types::LifecycleState::as_str).unwrap_or_default();
    Ok(Instance {
        id: id(one.instance_id)?,
        zone: one.availability_zone.unwrap_or_default(),
        kind: one.instance_type.filter(|kind| !kind.is_empty()),
        lifecycle: Lifecycle(lifecycle.to_owned()),
        is_protected: one.protected_from_scale_in.unwrap_or_default(),
    })
}

/// An instance, and its group.
pub(super) fn placed(one: types::AutoScalingInstanceDetails) -> Result<Placed, Odd> {
    let instance = Instance {
        id: id(one.instance_id)?,
        zone: one.availability_zone.unwrap_or_default(),
        kind: one.instance_type.filter(|kind| !kind.is_empty()),
        lifecycle: Lifecycle(one.lifecycle_state.unwrap_or_default()),
        is_protected: one.protected_from_scale_in.unwrap_or_default(),
    };
    Ok(Placed { group: text(one.auto_scaling_group_name, "an instance without a group")?, instance })
}

/// A scaling activity.
pub(super) fn activity(one: types::Activity) -> Result<Activity, Odd> {
    let description = one.description.unwrap_or_default();
    let deed = if description.starts_with("Launching") {
        Deed::Launch
    } else if description.starts_with("Terminating") {
        Deed::Terminate
    } else {
        Deed::Other
    };
    let mut words = description.split(|letter: char| letter.is_whitespace() || matches!(letter, '.' | ','));
    Ok(Activity {
        deed,
        instance: words.find_map(InstanceId::parse),
        started: time(one.start_time).ok_or("a scaling activity without a time")?,
        end: match one.status_code {
            Some(types::ScalingActivityStatusCode::Successful) => End::Successful,
            Some(types::ScalingActivityStatusCode::Failed | types::ScalingActivityStatusCode::Cancelled) => {
                End::Failed
            }
            _ => End::UnderWay,
        },
        words: one.status_message.unwrap_or_default(),
    })
}

fn time(time: Option<DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_a_size_or_with_an_absurd_one_is_not_understood() {
        let builder =
            || types::AutoScalingGroup::builder().auto_scaling_group_name("a").min_size(0).max_size(9);
        assert_eq!(group(builder().desired_capacity(3).build()).unwrap().desired, 3);
        for odd in [
            builder().build(),
            builder().desired_capacity(-1).build(),
            builder().desired_capacity(i32::MAX).build(),
        ] {
            assert_eq!(group(odd).unwrap_err(), "a group without DesiredCapacity");
        }
        // A terabyte in MiB is no absurd size.
        let large = builder().desired_capacity_type("memory-mib").desired_capacity(1_048_576);
        let large = group(large.build()).unwrap();
        assert!(large.is_weighted && large.desired == 1_048_576, "{large:?}");
        let nameless = types::AutoScalingGroup::builder().min_size(0).max_size(9).desired_capacity(3).build();
        assert_eq!(group(nameless).unwrap_err(), "a group without a name");
    }

    #[test]
    fn an_activity_names_its_instance_and_its_deed() {
        let of = |description: &str| {
            let one = types::Activity::builder().description(description);
            activity(one.start_time(DateTime::from_secs(60)).build()).unwrap()
        };
        let launch = of("Launching a new EC2 instance: i-0a1b2c3d4e5f67890");
        assert_eq!((launch.deed, launch.instance.unwrap().as_str()), (Deed::Launch, "i-0a1b2c3d4e5f67890"));
        let failed =
            of("Launching a new EC2 instance.  Status Reason: We currently do not have sufficient capacity");
        assert_eq!((failed.deed, failed.instance), (Deed::Launch, None));
        let terminate =
            of("Terminating EC2 instance: i-0a1b2c3d4e5f67890 - Waiting For ELB connection draining.");
        assert_eq!(terminate.deed, Deed::Terminate);
        assert!(terminate.instance.is_some());
        assert_eq!(of("Updating load balancers/target groups: Successful.").deed, Deed::Other);
    }
}
