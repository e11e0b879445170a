//! Requests about scale sets, and their answers.

use fake_http::Answer;
use hyper::header::HeaderName;
use serde_json::{Value, json};

use crate::answer::{Refusal, json};
use crate::call::Call;
use crate::compute::{Machine, ScaleSet};
use crate::route::Compute as What;
use crate::server::Shared;

/// Carries out a request about scale sets of a resource group.
pub(crate) fn respond(
    shared: &mut Shared,
    (subscription, group): (&str, &str),
    what: &What,
    call: &Call,
) -> Result<Answer, Refusal> {
    match what {
        What::List => {
            let is_here = |set: &&ScaleSet| {
                set.subscription == subscription && set.resource_group.eq_ignore_ascii_case(group)
            };
            let sets: Vec<Value> = shared.compute.sets.iter().filter(is_here).map(shown).collect();
            Ok(json(200, &page(sets, shared, call)))
        }
        What::Get(name) => Ok(json(200, &shown(shared.compute.find(subscription, group, name)?))),
        What::Machines(name) => {
            let set = shared.compute.find(subscription, group, name)?.clone();
            let with_view = call.parameter("$expand").is_some_and(|expand| expand == "instanceView");
            let machines =
                set.machines.iter().map(|(id, machine)| shown_machine(&set, *id, machine, with_view));
            let machines = machines.collect();
            Ok(json(200, &page(machines, shared, call)))
        }
        What::Patch(name) => patch(shared, (subscription, group, name), call),
        What::Act(name, verb) => act(shared, (subscription, group, name), verb, call),
    }
}

/// Refuses a change if `If-Match` does not match. A header has the etag in quotation marks.
pub(crate) fn matches(call: &Call, etag: &str) -> Result<(), Refusal> {
    match call.header("if-match") {
        Some(wanted) if wanted.trim_matches('"') != etag.trim_matches('"') || !wanted.starts_with('"') => {
            let words = format!("The etag '{wanted}' in the If-Match header does not match the current one.");
            Err(Refusal(412, "PreconditionFailed", words))
        }
        _ => Ok(()),
    }
}

fn patch(
    shared: &mut Shared,
    (subscription, group, name): (&str, &str, &str),
    call: &Call,
) -> Result<Answer, Refusal> {
    let set = shared.compute.find(subscription, group, name)?;
    matches(call, &set.etag())?;
    let own = set.name.clone();
    if let Some(wanted) = call.body["sku"]["capacity"].as_u64() {
        let capacity = u32::try_from(wanted).unwrap_or(u32::MAX);
        if let Some(quota) = shared.room.quota.filter(|quota| capacity > *quota) {
            let words = format!(
                "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Current Limit: \
                 {quota}."
            );
            return Err(Refusal(409, "OperationNotAllowed", words));
        }
        shared.compute.resize(&own, capacity, shared.timing, &shared.room);
    }
    let set = shared.compute.find(subscription, group, name)?;
    Ok(accepted(json(200, &shown(set)), shared))
}

fn act(
    shared: &mut Shared,
    (subscription, group, name): (&str, &str, &str),
    verb: &str,
    call: &Call,
) -> Result<Answer, Refusal> {
    let set = shared.compute.find(subscription, group, name)?;
    let own = set.name.clone();
    let all: Vec<u64> = set.machines.keys().copied().collect();
    let named: Option<Vec<String>> = call.body["instanceIds"]
        .as_array()
        .map(|ids| ids.iter().map(|id| id.as_str().unwrap_or_default().to_owned()).collect());
    let instances = match named {
        // No name, or the star, means every instance.
        None if verb == "delete" => {
            let words = "Required parameter 'instanceIds' is missing (null).".to_owned();
            return Err(Refusal(400, "InvalidParameter", words));
        }
        None => all,
        Some(ids) if ids.is_empty() || ids.iter().any(|id| id == "*") => all,
        Some(ids) => {
            let mut instances = Vec::new();
            for id in ids {
                let known = id.parse().ok().filter(|number| all.contains(number) && number.to_string() == id);
                instances.push(known.ok_or_else(|| {
                    let words = format!(
                        "The provided instanceId {id} is not an active Virtual Machine Scale Set VM instanceId."
                    );
                    Refusal(400, "InvalidParameter", words)
                })?);
            }
            instances
        }
    };
    shared.compute.act(&own, verb, &instances, shared.timing, &shared.room);
    Ok(accepted(Answer::new(202, "application/json", ""), shared))
}

/// Adds the address of the operation, as Azure does.
pub(crate) fn accepted(answer: Answer, shared: &Shared) -> Answer {
    let operation = format!(
        "{}/subscriptions/s/providers/Microsoft.Compute/locations/westeurope/operations/1?api-version=2024-11-01",
        shared.url
    );
    answer.with_header(HeaderName::from_static("azure-asyncoperation"), &operation)
}

/// A page of a list, with the address of the next one.
pub(crate) fn page(all: Vec<Value>, shared: &Shared, call: &Call) -> Value {
    let from = call.parameter("$skiptoken").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    let total = all.len();
    let value: Vec<Value> = all.into_iter().skip(from).take(shared.page).collect();
    let to = from + value.len();
    if to >= total {
        return json!({"value": value});
    }
    let kept = call.query.split('&').filter(|pair| !pair.starts_with("$skiptoken="));
    let query = kept.collect::<Vec<_>>().join("&");
    json!({"value": value, "nextLink": format!("{}{}?{query}&$skiptoken={to}", shared.url, call.path)})
}

fn shown(set: &ScaleSet) -> Value {
    let mode = if set.is_flexible { "Flexible" } else { "Uniform" };
    json!({
        // Azure shows the resource group in capitals here.
        "id": set.path(&set.resource_group.to_uppercase()),
        "name": set.name, "type": "Microsoft.Compute/virtualMachineScaleSets", "location": set.location,
        "etag": set.etag(), "zones": set.zones, "tags": set.tags,
        "sku": (!set.size.is_empty())
            .then(|| json!({"name": set.size, "tier": "Standard", "capacity": set.capacity})),
        "properties": {
            "provisioningState": set.provisioning(), "orchestrationMode": mode, "overprovision": set.overprovisions,
            "singlePlacementGroup": false, "upgradePolicy": {"mode": "Manual"},
            "automaticRepairsPolicy": {"enabled": set.repairs, "gracePeriod": "PT30M"},
            "resiliencyPolicy": {"automaticZoneRebalancingPolicy": {"enabled": set.rebalances}},
            "virtualMachineProfile": {"osProfile": {"computerNamePrefix": set.prefix}},
        },
    })
}

fn shown_machine(set: &ScaleSet, id: u64, machine: &Machine, with_view: bool) -> Value {
    let mut properties = json!({
        "vmId": machine.unique, "provisioningState": machine.provisioning, "latestModelApplied": true,
        "timeCreated": machine.created.to_string(),
        "osProfile": {"computerName": set.computer_name(id)},
        "protectionPolicy": {"protectFromScaleIn": machine.is_protected},
    });
    if with_view {
        let mut statuses = vec![match machine.failure {
            Some((code, at)) => json!({
                "code": format!("ProvisioningState/failed/{code}"), "level": "Error", "displayStatus": "Provisioning failed",
                "message": "Allocation failed. We do not have sufficient capacity for the requested VM size in this region.",
                "time": at.to_string(),
            }),
            None => json!({
                "code": format!("ProvisioningState/{}", machine.provisioning.to_lowercase()), "level": "Info",
            }),
        }];
        statuses.extend(
            machine.power.map(|power| json!({"code": format!("PowerState/{power}"), "level": "Info"})),
        );
        properties["instanceView"] = json!({"statuses": statuses});
    }
    json!({
        "id": format!("{}/virtualMachines/{id}", set.path(&set.resource_group.to_uppercase())),
        "name": format!("{}_{id}", set.name), "instanceId": id.to_string(), "location": set.location,
        "zones": set.zones.first().map(|zone| vec![zone]), "sku": {"name": set.size, "tier": "Standard"},
        "properties": properties,
    })
}
