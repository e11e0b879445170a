//! The reasons not to grow a group, not to delete from it, not to park or to wake its instances.
//!
//! Auto Scaling acts by itself: it evens out zones, replaces instances, follows policies. If that could affect an instance
//! with users, nothing is deleted, and the message names the setting to change.
//!
//! An instance is parked in standby, with the decrement. AWS documents that standby is there to stop and start instances
//! without a termination by health checks or by scaling in, that it takes the desired capacity no lower than `MinSize`, that
//! it can unbalance zones (`AZRebalance` then terminates others), that returning raises the desired capacity, and that an
//! instance refresh waits an hour for instances in standby, then fails. It also documents that a Spot Instance can be stopped
//! only by a persistent request, which no group makes, and one with an instance store as its root not at all. Inferred, and
//! treated as forbidden: that `MaxInstanceLifetime` replaces instances in standby too, and that a group with a warm pool
//! would put an instance from there in the place of the parked one. Nothing is documented about returning a machine that does
//! not run: a health check would replace it, so only one that runs is returned.

use crate::machine::Machine;
use crate::types::{Group, Stage};

/// The process that evens out the zones of a group.
const AZ_REBALANCE: &str = "AZRebalance";

/// The instance refresh of a group: the status of the one in progress, or the reason why it is not known.
pub(crate) type Refresh = Result<Option<String>, String>;

/// The reason why a group must not be grown.
pub(crate) fn not_growable(group: &Group, refresh: &Refresh) -> Option<String> {
    hands_off(group, refresh).or_else(|| {
        let Group { name, desired, max, .. } = group;
        (desired >= max).then(|| {
            format!(
                "it was asked for {desired} instances, and its MaxSize is {max}; to let it grow: aws autoscaling \
                 update-auto-scaling-group --auto-scaling-group-name {name} --max-size NUMBER"
            )
        })
    })
}

/// The reason why nothing must be deleted from a group.
pub(crate) fn not_shrinkable(group: &Group, refresh: &Refresh) -> Option<String> {
    hands_off(group, refresh).or_else(|| evens_out(group)).or_else(|| at_minimum(group))
}

/// The reason why nothing must be parked in a group, its `MinSize` aside.
pub(crate) fn not_parkable(group: &Group, refresh: &Refresh) -> Option<String> {
    hands_off(group, refresh).or_else(|| evens_out(group)).or_else(|| not_sleeping(group))
}

/// The reason why no instance of a group would be left to sleep.
fn not_sleeping(group: &Group) -> Option<String> {
    let name = &group.name;
    if let Some(seconds) = group.max_lifetime {
        let days = seconds / 86_400;
        return Some(format!(
            "it is not parked: the group replaces every instance after {days} days (MaxInstanceLifetime), one in standby \
             too; to stop that: aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} \
             --max-instance-lifetime 0"
        ));
    }
    if group.has_warm_pool {
        return Some(format!(
            "it is not parked: the group has a warm pool, which parks without this program; to use GIVE_BACK=park in its \
             place: aws autoscaling delete-warm-pool --auto-scaling-group-name {name}"
        ));
    }
    (group.has_spot || group.capacity_rebalance)
        .then(|| "it is not parked: its instances may be Spot Instances, which cannot be stopped".to_owned())
}

/// The reason why a machine cannot be stopped and started.
pub(crate) fn not_stoppable(machine: &Machine) -> Option<String> {
    let id = &machine.id;
    if machine.is_spot {
        return Some(format!(
            "instance {id} is a Spot Instance or one of a reserved block, which cannot be stopped"
        ));
    }
    (!machine.has_ebs_root)
        .then(|| format!("instance {id} cannot be stopped: its root device is no volume of EBS"))
}

/// The reason why no instance of a group must be returned from standby: `MaxSize` bounds the group, and a group that evens
/// out its zones could terminate a running instance because of it.
pub(crate) fn not_wakeable(group: &Group, refresh: &Refresh) -> Option<String> {
    not_growable(group, refresh).or_else(|| evens_out(group))
}

/// The reason why nothing is deleted from a group at its minimum size. It is no failure.
pub(crate) fn at_minimum(group: &Group) -> Option<String> {
    let Group { name, desired, min, .. } = group;
    (desired <= min).then(|| {
        format!(
            "kept by MinSize: the group was asked for {desired} instances, and its MinSize is {min}; to let it shrink: aws \
             autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --min-size NUMBER"
        )
    })
}

/// The reason why a group is left alone for every kind of change.
pub(crate) fn hands_off(group: &Group, refresh: &Refresh) -> Option<String> {
    let name = &group.name;
    if let Some(operator) = &group.operator {
        return Some(format!("only its operator {operator} may change it: leave its scaling to that"));
    }
    if group.is_leaving {
        return Some("it is being deleted".to_owned());
    }
    if let Some(process) = ["Launch", "Terminate"].iter().find(|process| group.suspended.contains(**process))
    {
        return Some(format!(
            "its process {process} is suspended, so it cannot follow; to change that: aws autoscaling resume-processes \
             --auto-scaling-group-name {name} --scaling-processes {process}"
        ));
    }
    if group.is_weighted {
        return Some(
            "its sizes count weights or units, not instances; to change that: take the weights out of its mixed instances \
             policy"
                .to_owned(),
        );
    }
    match refresh {
        Ok(None) => None,
        Ok(Some(status)) => Some(format!(
            "an instance refresh is under way ({status}) and replaces its instances; to stop that: aws autoscaling \
             cancel-instance-refresh --auto-scaling-group-name {name}"
        )),
        Err(why) => Some(format!("whether an instance refresh is under way is not known: {why}")),
    }
}

/// Whether a group evens out its zones by itself.
pub(crate) fn rebalances(group: &Group) -> bool {
    group.zones.len() > 1 && !group.suspended.contains(AZ_REBALANCE)
}

/// After a deletion, Auto Scaling would even out the zones of a group: launch an instance in one, and terminate a running one
/// in another.
fn evens_out(group: &Group) -> Option<String> {
    rebalances(group).then(|| {
        format!(
            "Auto Scaling would even out its zones by terminating others, users on them or not; to stop that: aws autoscaling \
             suspend-processes --auto-scaling-group-name {} --scaling-processes {AZ_REBALANCE}",
            group.name
        )
    })
}

/// Why `SetDesiredCapacity` is not used for a group. Between the read and the request another writer may have raised the
/// number; with a lower one the group terminates any unprotected instance.
pub(crate) fn not_settable(group: &Group, policies: &[String]) -> Option<String> {
    let all_protected =
        group.instances.iter().all(|one| one.is_protected || one.lifecycle.stage() == Stage::Going);
    let policy = policies.first()?;
    (!group.protects_new || !all_protected).then(|| {
        format!(
            "SetDesiredCapacity is not used, because its scaling policy {policy} may change the number in the same moment, and \
             the group would then terminate any instance; to allow it: aws autoscaling update-auto-scaling-group \
             --auto-scaling-group-name {0} --new-instances-protected-from-scale-in, and set-instance-protection for the \
             instances that it has; or delete the policy",
            group.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstanceId;
    use crate::types::{Instance, Lifecycle};

    fn group() -> Group {
        Group {
            name: "users".to_owned(),
            max: 9,
            desired: 3,
            zones: vec!["us-east-1a".to_owned()],
            ..Group::default()
        }
    }

    fn with(change: impl FnOnce(&mut Group)) -> Group {
        let mut group = group();
        change(&mut group);
        group
    }

    /// The results of both rules, by their first words.
    fn both(group: &Group, refresh: &Refresh) -> (Option<String>, Option<String>) {
        (not_growable(group, refresh), not_shrinkable(group, refresh))
    }

    #[test]
    fn a_plain_group_grows_and_shrinks() {
        assert_eq!(both(&group(), &Ok(None)), (None, None));
    }

    #[test]
    fn a_group_with_an_operator_is_not_changed() {
        let (grow, shrink) =
            both(&with(|group| group.operator = Some("eks.amazonaws.com".to_owned())), &Ok(None));
        assert_eq!(grow, shrink);
        assert!(grow.unwrap().contains("only its operator eks.amazonaws.com may change it"));
    }

    #[test]
    fn suspended_launch_or_terminate_means_hands_off_with_the_command_to_resume() {
        for process in ["Launch", "Terminate"] {
            let (grow, shrink) =
                both(&with(|group| _ = group.suspended.insert(process.to_owned())), &Ok(None));
            assert_eq!(grow, shrink);
            assert!(grow.unwrap().ends_with(&format!(
                "aws autoscaling resume-processes --auto-scaling-group-name users --scaling-processes {process}"
            )));
        }
    }

    #[test]
    fn az_rebalance_in_several_zones_forbids_deletions_and_names_the_switch() {
        let two = |group: &mut Group| group.zones = vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()];
        let (grow, shrink) = both(&with(two), &Ok(None));
        assert_eq!(grow, None);
        assert!(shrink.unwrap().ends_with(
            "aws autoscaling suspend-processes --auto-scaling-group-name users --scaling-processes AZRebalance"
        ));
        let suspended = with(|group| {
            two(group);
            group.suspended.insert("AZRebalance".to_owned());
        });
        assert_eq!(both(&suspended, &Ok(None)), (None, None));
    }

    #[test]
    fn an_instance_refresh_means_hands_off_and_so_does_an_unknown_one() {
        let (grow, shrink) = both(&group(), &Ok(Some("InProgress".to_owned())));
        assert_eq!(grow, shrink);
        assert!(grow.unwrap().contains("cancel-instance-refresh --auto-scaling-group-name users"));
        let (grow, shrink) = both(&group(), &Err("status 403".to_owned()));
        assert_eq!(grow, shrink);
        assert_eq!(grow.unwrap(), "whether an instance refresh is under way is not known: status 403");
    }

    #[test]
    fn min_size_and_max_size_are_reasons_before_any_request() {
        let (grow, shrink) = both(&with(|group| group.desired = 9), &Ok(None));
        assert!(grow.unwrap().contains("its MaxSize is 9") && shrink.is_none());
        let (grow, shrink) = both(&with(|group| group.min = 3), &Ok(None));
        assert!(shrink.unwrap().starts_with("kept by MinSize") && grow.is_none());
    }

    #[test]
    fn a_group_that_counts_weights_or_is_deleted_is_left_alone() {
        assert!(both(&with(|group| group.is_weighted = true), &Ok(None)).1.unwrap().contains("weights"));
        assert_eq!(both(&with(|group| group.is_leaving = true), &Ok(None)).0.unwrap(), "it is being deleted");
    }

    #[test]
    fn a_size_is_not_set_beside_scaling_policies_unless_every_instance_is_protected() {
        let policies = ["cpu".to_owned()];
        assert_eq!(not_settable(&group(), &[]), None);
        assert!(not_settable(&group(), &policies).unwrap().contains("its scaling policy cpu"));
        let instance = |is_protected| Instance {
            id: InstanceId::parse("i-0a1b2c3d4e5f67890").unwrap(),
            zone: "us-east-1a".to_owned(),
            kind: None,
            lifecycle: Lifecycle("InService".to_owned()),
            is_protected,
        };
        let one = |protects_new, is_protected| {
            with(|group| (group.protects_new, group.instances) = (protects_new, vec![instance(is_protected)]))
        };
        assert!(not_settable(&one(true, false), &policies).is_some());
        assert!(not_settable(&one(false, true), &policies).is_some());
        assert_eq!(not_settable(&one(true, true), &policies), None);
    }
}
