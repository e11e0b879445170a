//! The names of Azure's scale sets and their instances.

use std::fmt;

use kube_rebalancer_core::model::Node;
use kube_rebalancer_join::Identity;

/// The beginning of provider IDs.
const SCHEME: &str = "azure://";
/// The words of a provider ID, before each of its names.
const WORDS: [&str; 5] =
    ["subscriptions", "resourceGroups", "providers", "virtualMachineScaleSets", "virtualMachines"];
/// The number of characters at the end of a computer name that hold the instance ID.
const SUFFIX: usize = 6;
/// The base in which they are written.
const BASE: u32 = 36;

/// A scale set. Azure compares names without their case, so all parts are in lower case here; each is checked before it
/// becomes part of a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScaleSetId {
    subscription: String,
    resource_group: String,
    name: String,
}

/// An instance of a scale set. Its ID is a text: `007` and `7` are different.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId {
    scale_set: ScaleSetId,
    instance: String,
}

impl ScaleSetId {
    /// A scale set by its names.
    pub(crate) fn new(subscription: &str, resource_group: &str, name: &str) -> Option<Self> {
        let parts = [subscription, resource_group, name];
        parts.iter().all(|part| is_name(part)).then(|| Self {
            subscription: subscription.to_ascii_lowercase(),
            resource_group: resource_group.to_ascii_lowercase(),
            name: name.to_ascii_lowercase(),
        })
    }

    /// The subscription.
    pub(crate) fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The resource group.
    pub(crate) fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its path below the root of Azure Resource Manager.
    pub(crate) fn path(&self) -> String {
        let Self { subscription, resource_group, name } = self;
        format!("{}/{name}", scale_sets_of(subscription, resource_group))
    }

    /// An instance of it.
    pub(crate) fn instance(&self, instance: &str) -> Option<InstanceId> {
        is_instance(instance).then(|| InstanceId { scale_set: self.clone(), instance: instance.to_owned() })
    }
}

/// The path of all scale sets of a resource group.
pub(crate) fn scale_sets_of(subscription: &str, resource_group: &str) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Compute/\
         virtualMachineScaleSets"
    )
}

impl InstanceId {
    /// Reads a node's `spec.providerID`; the error names the problem.
    pub fn from_provider_id(text: &str) -> Result<Self, String> {
        <Self as Identity>::from_provider_id(text)
    }

    /// Its scale set.
    #[must_use]
    pub fn scale_set(&self) -> &ScaleSetId {
        &self.scale_set
    }

    /// Its own ID.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }
}

/// Whether a text is a valid name, which cannot change the path that it is part of.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'(' | b')');
    (1..=128).contains(&text.len()) && text.bytes().all(is_plain) && !text.bytes().all(|byte| byte == b'.')
}

/// Whether a text is a valid instance ID. `*`, which means every instance, is none.
fn is_instance(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for ScaleSetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.resource_group, self.name)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.scale_set, self.instance)
    }
}

impl Identity for InstanceId {
    const CLOUD: &'static str = "Azure";
    const SCHEME: &'static str = SCHEME;

    fn from_provider_id(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "`{text}` is none of a scale set; expected {SCHEME}/subscriptions/S/resourceGroups/R/providers/\
                 Microsoft.Compute/virtualMachineScaleSets/V/virtualMachines/0"
            )
        };
        let path = text.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix('/')).ok_or_else(expected)?;
        let parts: Vec<&str> = path.split('/').collect();
        let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
        // Every other part is a word of Azure's.
        let mut words = parts.iter().step_by(2).zip(WORDS);
        match parts.as_slice() {
            [_, subscription, _, group, _, provider, _, set, _, instance]
                if words.all(|(part, word)| is(part, word)) && is(provider, "Microsoft.Compute") =>
            {
                let set = ScaleSetId::new(subscription, group, set);
                set.and_then(|set| set.instance(instance)).ok_or_else(expected)
            }
            [.., provider, kind, name]
                if is(provider, "Microsoft.Compute") && is(kind, "virtualMachines") =>
            {
                Err(format!(
                    "{} is a virtual machine by itself or of a flexible scale set, which are left alone",
                    kube_rebalancer_ports::words::clean(name)
                ))
            }
            _ => Err(expected()),
        }
    }

    /// The computer name of an instance ends with its ID, as six characters in base 36: Azure names them so, and the cloud
    /// controller finds a node's instance by it.
    fn is_node(&self, name: &str) -> bool {
        let start = name.len().checked_sub(SUFFIX);
        let Some(suffix) = start.filter(|start| *start > 0).and_then(|start| name.get(start..)) else {
            return false;
        };
        let number = u64::from_str_radix(suffix, BASE).ok();
        number.is_some_and(|number| number.to_string() == self.instance)
    }
}

/// The agent pool of a node that AKS made; `None` for other nodes.
pub(crate) fn agent_pool_of(node: &Node) -> Option<&str> {
    node.labels.get("kubernetes.azure.com/agentpool").filter(|pool| !pool.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "12345678-aaaa-bbbb-cccc-123456789abc";

    fn id(subscription: &str, group: &str, set: &str, instance: &str) -> String {
        format!(
            "azure:///subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/\
             virtualMachineScaleSets/{set}/virtualMachines/{instance}"
        )
    }

    #[test]
    fn identity_is_compared_without_case_and_the_instance_id_stays_text() {
        let read = |text: &str| InstanceId::from_provider_id(text);
        let one = read(&id(&GUID.to_uppercase(), "Hub-RG", "Users", "7")).unwrap();
        let lower = id(GUID, "hub-rg", "users", "7").replace("resourceGroups", "resourcegroups");
        assert_eq!(read(&lower), Ok(one.clone()));
        assert_ne!(read(&id(GUID, "hub-rg", "users", "007")).unwrap(), one);
        assert_eq!((one.to_string().as_str(), one.instance()), ("hub-rg/users/7", "7"));
        let path = format!(
            "/subscriptions/{GUID}/resourceGroups/hub-rg/providers/Microsoft.Compute/virtualMachineScaleSets/users"
        );
        assert_eq!(one.scale_set().path(), path);
    }

    #[test]
    fn a_provider_id_names_an_instance_in_full_or_not_at_all() {
        for text in [
            String::new(),
            "azure:///".to_owned(),
            id(GUID, "rg", "users", ""),
            id(GUID, "rg", "users", "*"),
            id(GUID, "rg", "users", "0/../1"),
            id(GUID, "..", "users", "0"),
            id(GUID, "rg", "a?b", "0"),
            id(GUID, "rg", "users", "users_abc"),
            id(GUID, "rg", "users", "0").replace("azure://", "gce://"),
            id(GUID, "rg", "users", "0").replace("Microsoft.Compute", "Microsoft.Network"),
            format!("{}/x", id(GUID, "rg", "users", "0")),
        ] {
            assert!(InstanceId::from_provider_id(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn flexible_sets_and_single_machines_are_left_alone() {
        let text = format!(
            "azure:///subscriptions/{GUID}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/users_1a"
        );
        let why = "users_1a is a virtual machine by itself or of a flexible scale set, which are left alone";
        assert_eq!(InstanceId::from_provider_id(&text), Err(why.to_owned()));
    }

    #[test]
    fn a_computer_name_ends_with_the_instance_id_in_base_36() {
        let set = ScaleSetId::new(GUID, "rg", "users").unwrap();
        for (instance, name, same) in [
            ("0", "users000000", true),
            ("10", "users00000a", true),
            ("36", "users000010", true),
            ("36", "aks-users-31442278-vmss000010", true),
            ("10", "users000010", false),
            ("0", "000000", false),
            ("0", "users", false),
            ("00", "users000000", false),
            ("0", "usersé00000", false),
        ] {
            assert_eq!(set.instance(instance).unwrap().is_node(name), same, "{instance} {name}");
        }
        assert!(set.instance("*").is_none() && set.instance("").is_none());
    }
}
