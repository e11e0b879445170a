//! Requests about managed clusters and agent pools, and their answers.

use fake_http::Answer;
use serde_json::{Value, json};

use crate::aks::{Cluster, Pool};
use crate::answer::{Refusal, json};
use crate::call::Call;
use crate::compute::Machine;
use crate::compute_requests::{accepted, matches};
use crate::route::Aks;
use crate::server::Shared;

/// All clusters of a subscription.
pub(crate) fn clusters(shared: &Shared, subscription: &str) -> Answer {
    let own = shared.clusters.iter().filter(|cluster| cluster.subscription == subscription);
    json(200, &json!({"value": own.map(shown).collect::<Vec<_>>()}))
}

/// Carries out a request about a cluster.
pub(crate) fn respond(
    shared: &mut Shared,
    (subscription, group, name): (&str, &str, &str),
    what: &Aks,
    call: &Call,
) -> Result<Answer, Refusal> {
    let is = |cluster: &Cluster| {
        cluster.subscription == subscription
            && cluster.resource_group.eq_ignore_ascii_case(group)
            && cluster.name.eq_ignore_ascii_case(name)
    };
    let missing = |kind: &str| Refusal(404, "ResourceNotFound", format!("The {kind} was not found."));
    let at = shared.clusters.iter().position(is).ok_or_else(|| missing("managed cluster"))?;
    let cluster = shared.clusters[at].clone();
    let pool_at = |pool: &str| {
        let found = cluster.pools.iter().position(|one| one.name.eq_ignore_ascii_case(pool));
        found.ok_or_else(|| missing("agent pool"))
    };
    match what {
        Aks::Get => Ok(json(200, &shown(&cluster))),
        Aks::Pools => {
            let pools: Vec<Value> =
                cluster.pools.iter().map(|pool| shown_pool(shared, &cluster, pool)).collect();
            Ok(json(200, &json!({"value": pools})))
        }
        Aks::Pool(pool) => Ok(json(200, &shown_pool(shared, &cluster, &cluster.pools[pool_at(pool)?]))),
        Aks::Put(pool) => put(shared, (at, pool_at(pool)?), &cluster, call),
        Aks::DeleteMachines(pool) => delete_machines(shared, (at, pool_at(pool)?), &cluster, call),
    }
}

/// Refuses changes while an operation is in progress, as AKS does.
fn idle(shared: &Shared, cluster: &Cluster, pool: &Pool) -> Result<(), Refusal> {
    let state = state(shared, cluster, pool);
    if cluster.state == "Succeeded" && state == "Succeeded" {
        return Ok(());
    }
    let words = format!(
        "Operation is not allowed: Another operation is in progress (cluster {}, pool {state}).",
        cluster.state
    );
    Err(Refusal(409, "OperationNotAllowed", words))
}

fn put(
    shared: &mut Shared,
    (at, number): (usize, usize),
    cluster: &Cluster,
    call: &Call,
) -> Result<Answer, Refusal> {
    let pool = &cluster.pools[number];
    matches(call, &pool.etag())?;
    idle(shared, cluster, pool)?;
    let properties = &call.body["properties"];
    // A member that is not sent is reset: a client that leaves a member out changes the pool.
    if properties["vmSize"].as_str() != Some("Standard_D4s_v5")
        || properties["mode"].as_str() != Some(mode(pool))
        || properties["osDiskSizeGB"].as_u64() != Some(128)
    {
        let words = "Changing property 'properties.vmSize' is not allowed.".to_owned();
        return Err(Refusal(400, "PropertyChangeNotAllowed", words));
    }
    let count = properties["count"].as_u64().and_then(|count| u32::try_from(count).ok());
    let count = count.ok_or_else(|| Refusal(400, "InvalidParameter", "count".to_owned()))?;
    if pool.is_autoscaled && count != pool.count {
        let words = "The count of an autoscaled agent pool cannot be changed.".to_owned();
        return Err(Refusal(400, "InvalidParameter", words));
    }
    if let Some(quota) = shared.room.quota.filter(|quota| count > *quota) {
        let words =
            format!("Insufficient vcpu quota requested, remaining {quota} for family standardDSv5Family.");
        return Err(Refusal(400, "ErrCode_InsufficientVCPUQuota", words));
    }
    shared.compute.resize(&Cluster::set_name(&pool.name), count, shared.timing, &shared.room);
    let own = &mut shared.clusters[at].pools[number];
    own.count = count;
    own.touch();
    let own = own.clone();
    Ok(accepted(json(200, &shown_pool(shared, cluster, &own)), shared))
}

fn delete_machines(
    shared: &mut Shared,
    (at, number): (usize, usize),
    cluster: &Cluster,
    call: &Call,
) -> Result<Answer, Refusal> {
    let pool = &cluster.pools[number];
    idle(shared, cluster, pool)?;
    let invalid = |words: &str| Refusal(400, "InvalidParameter", words.to_owned());
    let names = call.body["machineNames"].as_array().filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| invalid("The machineNames must not be empty."))?;
    let set_name = Cluster::set_name(&pool.name);
    let set = shared.compute.sets.iter().find(|set| set.name == set_name);
    let set = set.ok_or_else(|| invalid("There is no scale set."))?;
    let mut instances = Vec::new();
    for name in names {
        let wanted = name.as_str().unwrap_or_default();
        let found = set.machines.keys().find(|instance| set.computer_name(**instance) == wanted);
        instances.push(*found.ok_or_else(|| invalid("The machine was not found in the agent pool."))?);
    }
    let fewer = u32::try_from(instances.len()).unwrap_or(u32::MAX);
    if pool.is_system && pool.count <= fewer {
        return Err(invalid("A system agent pool must have at least one node."));
    }
    shared.compute.act(&set_name, "delete", &instances, shared.timing, &shared.room);
    let own = &mut shared.clusters[at].pools[number];
    own.count = own.count.saturating_sub(fewer);
    own.touch();
    Ok(accepted(Answer::new(202, "application/json", ""), shared))
}

fn state(shared: &Shared, cluster: &Cluster, pool: &Pool) -> String {
    let name = Cluster::set_name(&pool.name);
    let of_cluster = |set: &&crate::compute::ScaleSet| {
        set.name == name && set.resource_group == cluster.node_resource_group()
    };
    let set = shared.compute.sets.iter().find(of_cluster);
    let is_changing = set.is_some_and(|set| set.machines.values().any(Machine::is_changing));
    pool.state.clone().unwrap_or_else(|| if is_changing { "Scaling" } else { "Succeeded" }.to_owned())
}

fn mode(pool: &Pool) -> &'static str {
    if pool.is_system { "System" } else { "User" }
}

fn shown(cluster: &Cluster) -> Value {
    json!({
        "id": cluster.path(), "name": cluster.name, "location": "westeurope",
        "type": "Microsoft.ContainerService/ManagedClusters",
        "properties": {
            "provisioningState": cluster.state, "powerState": {"code": "Running"}, "kubernetesVersion": "1.33",
            "nodeResourceGroup": cluster.node_resource_group(),
        },
    })
}

fn shown_pool(shared: &Shared, cluster: &Cluster, pool: &Pool) -> Value {
    let (kind, size) = if pool.is_of_machines {
        ("VirtualMachines", "")
    } else {
        ("VirtualMachineScaleSets", "Standard_D4s_v5")
    };
    json!({
        "id": format!("{}/agentPools/{}", cluster.path(), pool.name), "name": pool.name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": {
            "eTag": pool.etag(), "count": (!pool.is_of_machines).then_some(pool.count), "vmSize": size, "osDiskSizeGB": 128,
            "osDiskType": "Ephemeral", "maxPods": 110, "type": kind, "mode": mode(pool),
            "enableAutoScaling": pool.is_autoscaled, "scaleDownMode": pool.scale_down_mode,
            "provisioningState": state(shared, cluster, pool), "powerState": {"code": "Running"},
            "orchestratorVersion": "1.33", "currentOrchestratorVersion": "1.33.2", "osType": "Linux",
            "nodeLabels": pool.labels, "nodeTaints": pool.taints, "nodeImageVersion": "AKSUbuntu-2204gen2",
        },
    })
}
