//! Converts answers of the client to our own types. A missing required field is an error, never a zero.

use google_cloud_compute::model::{
    DistributionPolicy, Instance, InstanceGroupManager, InstanceGroupManagerAggregatedList,
    InstanceGroupManagerVersion, ManagedInstance as Managed,
};
use jiff::Timestamp;

use crate::engine::{CurrentAction, Group, GroupList, InstanceError, ManagedInstance};
use crate::name::{GroupId, InstanceId, TemplateId, Zone};
use kube_rebalancer_ports::words::clean;

/// The warning of a zone or region without groups, as most are.
const EMPTY: &str = "NO_RESULTS_ON_PAGE";

/// All groups of all pages, by name, and the zones and regions that are missing.
pub(super) fn group_list(pages: Vec<InstanceGroupManagerAggregatedList>) -> Result<GroupList, String> {
    let mut list = GroupList::default();
    for page in pages {
        let missing_before = list.unreachable.len();
        list.unreachable.extend(page.unreachables);
        for (scope, scoped) in page.items {
            // With any other warning, the answer for this scope is not complete.
            let missing = scoped
                .warning
                .is_some_and(|warning| warning.code.as_ref().and_then(|code| code.name()) != Some(EMPTY));
            if missing {
                list.unreachable.push(scope);
            }
            for found in scoped.instance_group_managers {
                list.groups.push(group(found)?);
            }
        }
        if let Some(warning) = page.warning
            && list.unreachable.len() == missing_before
        {
            let code = warning.code.as_ref().and_then(|code| code.name());
            if code != Some(EMPTY) {
                let told = warning.message.as_deref().or(code).unwrap_or("somewhere");
                list.unreachable.push(clean(told));
            }
        }
    }
    // The client keeps the scopes in a map without an order.
    list.groups.sort_by(|one, other| one.id.cmp(&other.id));
    list.unreachable.sort();
    list.unreachable.dedup();
    Ok(list)
}

/// A group.
pub(super) fn group(found: InstanceGroupManager) -> Result<Group, String> {
    let url = found.self_link.unwrap_or_default();
    let id = GroupId::from_url(&url).map_err(|error| error.to_string())?;
    // A missing size must never count as zero: the group would shrink to the added number.
    let size = found.target_size.ok_or_else(|| format!("group {id} has no targetSize"))?;
    let target_size = u32::try_from(size).map_err(|_| format!("group {id} has the targetSize {size}"))?;
    let status = found.status.unwrap_or_default();
    let redistribution = found.update_policy.and_then(|policy| policy.instance_redistribution_type);
    let flexible = found.instance_flexibility_policy.unwrap_or_default();
    Ok(Group {
        id,
        base_instance_name: found.base_instance_name.unwrap_or_default(),
        target_size,
        is_stable: status.is_stable.unwrap_or(false),
        autoscaler: status.autoscaler.filter(|url| !url.is_empty()),
        redistribution: redistribution.and_then(|kind| kind.name().map(str::to_owned)),
        zones: zones(found.distribution_policy),
        template: template(&found.versions, found.instance_template),
        mixed_machine_types: !flexible.instance_selections.is_empty(),
    })
}

/// The zones that a regional group may use; empty if one of them is not understood, and for a zonal group.
fn zones(policy: Option<DistributionPolicy>) -> Vec<Zone> {
    let zones = policy.unwrap_or_default().zones.into_iter();
    let name = |url: String| url.rsplit('/').next().and_then(|name| name.parse().ok());
    let zones: Option<Vec<Zone>> = zones.map(|zone| zone.zone.and_then(name)).collect();
    zones.unwrap_or_default()
}

/// The template of the next instance: of the version without a target size, else the group's own. An unknown form of
/// name counts as no template, because only a prediction depends on it.
fn template(versions: &[InstanceGroupManagerVersion], own: Option<String>) -> Option<TemplateId> {
    let takes_the_rest = |version: &&InstanceGroupManagerVersion| {
        let size = version.target_size.as_ref();
        size.is_none_or(|size| size.fixed.is_none() && size.percent.is_none())
    };
    let rest = versions.iter().find(takes_the_rest).and_then(|version| version.instance_template.clone());
    let url = rest.or(own).filter(|url| !url.is_empty())?;
    let id = TemplateId::from_url(&url);
    id.inspect_err(|error| log::warn!("{}", clean(&error.to_string()))).ok()
}

/// A group, if it is the requested one. Its project may have been requested by number.
pub(super) fn expected(found: Group, asked: &GroupId) -> Result<Group, String> {
    let same = found.id.location() == asked.location() && found.id.name() == asked.name();
    if same { Ok(found) } else { Err(format!("it is about group {}", found.id)) }
}

/// An instance of a group.
pub(super) fn managed_instance(found: Managed) -> Result<ManagedInstance, String> {
    let url = found.instance.unwrap_or_default();
    let instance = InstanceId::from_url(&url).map_err(|error| error.to_string())?;
    let errors = found.last_attempt.and_then(|attempt| attempt.errors).unwrap_or_default().errors;
    let status = found.instance_status.and_then(|status| status.name().map(str::to_owned));
    Ok(ManagedInstance {
        instance,
        number: found.id.filter(|number| *number != 0),
        status: status.filter(|status| !status.is_empty()),
        action: action(found.current_action.as_ref().and_then(|action| action.name()).unwrap_or_default()),
        errors: errors
            .into_iter()
            .map(|error| InstanceError {
                code: clean(&error.code.unwrap_or_default()),
                message: clean(&error.message.unwrap_or_default()),
            })
            .collect(),
    })
}

/// The time at which an instance was created.
pub(super) fn created_at(found: &Instance) -> Result<Timestamp, String> {
    let text = found.creation_timestamp.as_deref().unwrap_or_default();
    text.parse().map_err(|_| format!("creationTimestamp is {text:?}, expected a time as RFC 3339 has it"))
}

/// The state of an instance, if it is the requested one.
pub(super) fn state(found: Instance, asked: &InstanceId) -> Result<String, String> {
    let name = found.name.unwrap_or_default();
    if name != asked.name() {
        return Err(format!("it is about instance {:?}", clean(&name)));
    }
    let state = found.status.and_then(|status| status.name().map(str::to_owned)).unwrap_or_default();
    if state.is_empty() { Err("it has no status".to_owned()) } else { Ok(clean(&state)) }
}

/// The action of a group on an instance, by the API's words; further words may be added.
fn action(word: &str) -> CurrentAction {
    match word {
        "NONE" => CurrentAction::None,
        "CREATING" | "CREATING_WITHOUT_RETRIES" | "RECREATING" | "VERIFYING" => CurrentAction::Creating,
        "DELETING" | "ABANDONING" => CurrentAction::Leaving,
        other => CurrentAction::Other(clean(other)),
    }
}
