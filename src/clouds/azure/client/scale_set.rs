//! Scale sets: reads and lists them, grows them against an etag, and changes instances by name.

use std::collections::BTreeMap;

use http::Method;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind};
use serde::Deserialize;
use serde_json::json;

use super::arm::{Arm, Ask, Sent};
use super::chosen::Chosen;
use super::machine::{Machine, Raw as RawMachine};
use crate::id::{ScaleSetId, scale_sets_of};

/// The version of the compute API. It is the oldest that has etags of scale sets and the policy of zone rebalancing.
const VERSION: &str = "2024-11-01";

/// The kind of a change of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// They are deleted, and the capacity decreases by their number.
    Delete,
    /// They stop and free their hosts.
    Deallocate,
    /// They run again.
    Start,
}

impl Change {
    fn verb(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Deallocate => "deallocate",
            Self::Start => "start",
        }
    }
}

/// A scale set as Azure lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Azure's, independent of the others")]
pub(crate) struct ScaleSet {
    pub(crate) id: ScaleSetId,
    /// Its version, which changes with every write.
    pub(crate) etag: Option<String>,
    /// The requested number of instances.
    pub(crate) capacity: u32,
    /// The region.
    pub(crate) location: String,
    /// The numbers of its zones in the region.
    pub(crate) zones: Vec<String>,
    /// The size of its instances.
    pub(crate) size: String,
    /// `Succeeded`, `Updating`, ….
    pub(crate) provisioning: String,
    pub(crate) is_flexible: bool,
    pub(crate) overprovisions: bool,
    /// Whether Azure replaces instances that it considers unhealthy.
    pub(crate) repairs: bool,
    /// Whether Azure recreates instances in another zone, to even out zones.
    pub(crate) rebalances: bool,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    name: String,
    etag: Option<String>,
    location: String,
    #[serde(default)]
    zones: Option<Vec<String>>,
    /// The size and number of its instances; a flexible set without a profile of machines has none.
    sku: Option<Sku>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    properties: Properties,
}

#[derive(Debug, Deserialize)]
struct Sku {
    name: Option<String>,
    capacity: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    provisioning_state: String,
    orchestration_mode: Option<String>,
    /// The setting of overprovisioning, which is on by default.
    overprovision: Option<bool>,
    automatic_repairs_policy: Option<Policy>,
    resiliency_policy: Option<Resiliency>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resiliency {
    automatic_zone_rebalancing_policy: Option<Policy>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    enabled: Option<bool>,
}

impl Policy {
    /// Whether a policy is on: it exists and is not explicitly off.
    fn is_on(policy: Option<&Self>) -> bool {
        policy.is_some_and(|policy| policy.enabled != Some(false))
    }
}

impl Raw {
    fn of(self, subscription: &str, resource_group: &str) -> Result<ScaleSet, String> {
        let Self { name, etag, location, zones, sku, tags, properties } = self;
        let id = ScaleSetId::new(subscription, resource_group, &name);
        let resiliency = properties.resiliency_policy.as_ref();
        let rebalancing = resiliency.and_then(|policy| policy.automatic_zone_rebalancing_policy.as_ref());
        let mode = properties.orchestration_mode;
        let is_flexible = mode.is_some_and(|mode| !mode.eq_ignore_ascii_case("Uniform"));
        let Sku { name: size, capacity } = sku.unwrap_or(Sku { name: None, capacity: None });
        let capacity = capacity.or(is_flexible.then_some(0));
        Ok(ScaleSet {
            id: id.ok_or_else(|| format!("`{name}` is no name of a scale set"))?,
            etag: etag.filter(|etag| !etag.is_empty()),
            capacity: capacity.ok_or_else(|| format!("scale set {name} has no capacity"))?,
            location: location.to_ascii_lowercase(),
            zones: zones.unwrap_or_default(),
            size: size.unwrap_or_default(),
            provisioning: properties.provisioning_state,
            is_flexible,
            overprovisions: properties.overprovision.unwrap_or(true),
            repairs: Policy::is_on(properties.automatic_repairs_policy.as_ref()),
            rebalances: Policy::is_on(rebalancing),
            tags: tags.unwrap_or_default(),
        })
    }
}

impl Arm {
    /// Reads a scale set.
    pub(crate) async fn scale_set(&self, id: &ScaleSetId, is_last: bool) -> Result<ScaleSet, CloudError> {
        let what = format!("look at scale set {id}");
        let raw: Raw = self.look(&what, &id.path(), VERSION, is_last).await?;
        let set = raw.of(id.subscription(), id.resource_group());
        let set = set.map_err(|why| other(&what, &why))?;
        if set.id == *id { Ok(set) } else { Err(other(&what, &format!("the answer is about {}", set.id))) }
    }

    /// Lists the scale sets of a resource group.
    pub(crate) async fn scale_sets(
        &self,
        subscription: &str,
        group: &str,
    ) -> Result<Vec<ScaleSet>, CloudError> {
        let what = format!("list the scale sets of resource group {group}");
        let raw: Vec<Raw> = self.list(&what, &scale_sets_of(subscription, group), VERSION, false).await?;
        let sets = raw.into_iter().map(|raw| raw.of(subscription, group));
        sets.collect::<Result<_, _>>().map_err(|why| other(&what, &why))
    }

    /// Lists the instances of a scale set with their instance views.
    pub(crate) async fn machines(&self, id: &ScaleSetId, is_last: bool) -> Result<Vec<Machine>, CloudError> {
        let what = format!("list the instances of scale set {id}");
        let path = format!("{}/virtualMachines?$expand=instanceView", id.path());
        let raw: Vec<RawMachine> = self.list(&what, &path, VERSION, is_last).await?;
        let machines = raw.into_iter().map(|raw| raw.of(id));
        machines.collect::<Result<_, _>>().map_err(|why| other(&what, &why))
    }

    /// Asks a scale set for a capacity, if it is still in the version that was read. With a lower one Azure would choose the
    /// instances to delete.
    pub(crate) async fn grow_scale_set(&self, seen: &ScaleSet, capacity: u32) -> Sent {
        let what = format!("grow scale set {} from {} to {capacity}", seen.id, seen.capacity);
        let refused =
            |why: &str| Sent::Refused(CloudError::new(Kind::Refused, format!("cannot {what}: {why}")));
        let Some(etag) = &seen.etag else { return refused("Azure gave no etag of it") };
        if capacity <= seen.capacity {
            return refused("that is not more");
        }
        self.change(Ask {
            what: &what,
            method: Method::PATCH,
            path: seen.id.path(),
            version: VERSION,
            etag: Some(etag),
            body: json!({"sku": {"capacity": capacity}}),
        })
        .await
    }

    /// Asks for a change of these instances, and of no other.
    pub(crate) async fn change_instances(&self, set: &ScaleSetId, chosen: &Chosen, change: Change) -> Sent {
        let verb = change.verb();
        let what = format!("{verb} {} instances of scale set {set}", chosen.count());
        self.change(Ask {
            what: &what,
            method: Method::POST,
            path: format!("{}/{verb}", set.path()),
            version: VERSION,
            etag: None,
            body: chosen.body("instanceIds"),
        })
        .await
    }
}

fn other(what: &str, why: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: {}", words::clean(why)))
}
