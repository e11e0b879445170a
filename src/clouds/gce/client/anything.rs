//! Parses any text as the answers of Compute Engine, as a run does: for tests with generated texts.

use google_cloud_compute::model;

use super::http::decode;
use super::{convert, templates};

/// Parses a text as an answer of each kind, and returns the results, for people.
#[must_use]
pub fn read_answer(json: &[u8]) -> Vec<String> {
    let mut understood = Vec::new();
    if let Ok(page) = decode::<model::InstanceGroupManagerAggregatedList>(json)
        && let Ok(groups) = convert::group_list(vec![page])
    {
        understood.push(format!("{groups:?}"));
    }
    if let Ok(group) = decode::<model::InstanceGroupManager>(json)
        && let Ok(group) = convert::group(group)
    {
        understood.push(format!("{group:?}"));
    }
    if let Ok(page) = decode::<model::InstanceGroupManagersListManagedInstancesResponse>(json) {
        let instances = page.managed_instances.into_iter().map(convert::managed_instance);
        if let Ok(instances) = instances.collect::<Result<Vec<_>, _>>() {
            understood.push(format!("{instances:?}"));
        }
    }
    if let Ok(instance) = decode::<model::Instance>(json)
        && let Ok(created_at) = convert::created_at(&instance)
    {
        understood.push(created_at.to_string());
    }
    if let Ok(template) = decode::<model::InstanceTemplate>(json)
        && let Ok(template) = templates::template(template)
    {
        understood.push(format!("{template:?}"));
    }
    if let Ok(machine_type) = decode::<model::MachineType>(json)
        && let Ok(machine_type) = templates::machine_type(&machine_type)
    {
        understood.push(format!("{machine_type:?}"));
    }
    understood.extend(decode::<model::Operation>(json).ok().map(|operation| format!("{operation:?}")));
    understood
}
