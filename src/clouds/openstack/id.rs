//! The IDs of OpenStack's servers.

use std::collections::BTreeSet;
use std::fmt;

use kube_rebalancer_core::model::Node;
use kube_rebalancer_join::Identity;

/// The beginning of provider IDs: `openstack:///UUID` or `openstack://REGION/UUID`.
const SCHEME: &str = "openstack://";

/// A server by its UUID, in lower case. It is checked before it becomes part of a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerId(String);

impl ServerId {
    /// Reads a UUID in its usual form, in either case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        let groups = text.split('-').map(str::len);
        (digits && groups.eq([8, 4, 4, 4, 12])).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The UUID.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Identity for ServerId {
    const CLOUD: &'static str = "OpenStack";
    const SCHEME: &'static str = SCHEME;

    fn from_provider_id(text: &str) -> Result<Self, String> {
        let server =
            text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).map(|(_, server)| server);
        let expected =
            || format!("`{text}` is none of OpenStack; expected {SCHEME}/UUID or {SCHEME}REGION/UUID");
        server.and_then(Self::parse).ok_or_else(expected)
    }

    /// A node without a provider ID is the server of its system UUID: the hypervisor gives the server's UUID to the firmware.
    fn of_node(node: &Node) -> Result<Self, String> {
        match (&node.provider_id, &node.system_uuid) {
            (Some(text), _) if text.starts_with(SCHEME) => {
                Self::from_provider_id(text).map_err(|why| format!("its providerID: {why}"))
            }
            (Some(text), _) => Err(format!("its providerID {text} is not one of {}", Self::CLOUD)),
            (None, Some(text)) => {
                Self::parse(text).ok_or_else(|| format!("its system UUID `{text}` is no UUID"))
            }
            (None, None) => Err("it has neither a providerID nor a system UUID".to_owned()),
        }
    }

    /// A server's name is not part of its UUID: the listing compares the names.
    fn is_node(&self, _name: &str) -> bool {
        true
    }
}

/// The region that a node's provider ID names, if it names one.
pub(crate) fn region_of(node: &Node) -> Option<&str> {
    let rest = node.provider_id.as_deref()?.strip_prefix(SCHEME)?;
    rest.split_once('/').map(|(region, _)| region).filter(|region| !region.is_empty())
}

/// Domains that Nova's own DNS appends to a server's name.
const DOMAINS: [&str; 2] = ["novalocal", "openstacklocal"];

/// Whether the cluster's node on a server of this name has that name: a kubelet registers with its host name in lower case.
pub(crate) fn is_name_of(server: &str, node: &str) -> bool {
    let own = server.to_ascii_lowercase();
    let domain = node.strip_prefix(own.as_str()).and_then(|rest| rest.strip_prefix('.'));
    node == own || (!own.is_empty() && domain.is_some_and(|domain| DOMAINS.contains(&domain)))
}

/// The same of any server of these names, which are in lower case.
pub(crate) fn is_name_of_any(servers: &BTreeSet<String>, node: &str) -> bool {
    let has = |name: &str| servers.contains(name) && is_name_of(name, node);
    has(node) || DOMAINS.iter().filter_map(|domain| node.strip_suffix(domain)?.strip_suffix('.')).any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a4a4113e-15ec-441f-9e60-29e60cb23525";

    #[test]
    fn a_provider_id_names_a_server_in_full_or_not_at_all() {
        let read = |text: &str| ServerId::from_provider_id(text).map(|id| id.to_string());
        assert_eq!(read(&format!("openstack:///{ID}")), Ok(ID.to_owned()));
        assert_eq!(read(&format!("openstack://RegionOne/{}", ID.to_uppercase())), Ok(ID.to_owned()));
        for text in [
            String::new(),
            ID.to_owned(),
            format!("openstack://{ID}"),
            format!("openstack:///{ID}/x"),
            "openstack:///../flavors".to_owned(),
            "openstack:///a4a4113e15ec441f9e6029e60cb23525".to_owned(),
            format!("gce://p/z/{ID}"),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_node_without_a_provider_id_is_the_server_of_its_system_uuid() {
        let node = |provider_id: Option<&str>, system_uuid: Option<&str>| Node {
            provider_id: provider_id.map(str::to_owned),
            system_uuid: system_uuid.map(str::to_owned),
            ..Node::default()
        };
        let upper = ID.to_uppercase();
        let of = |node: &Node| ServerId::of_node(node).map(|id| id.to_string());
        assert_eq!(of(&node(None, Some(&upper))), Ok(ID.to_owned()));
        let other = "openstack:///032075d2-5e5c-4a9a-9a42-42bce380173c";
        assert_eq!(of(&node(Some(other), Some(&upper))).unwrap(), "032075d2-5e5c-4a9a-9a42-42bce380173c");
        assert!(of(&node(Some("kind://a"), Some(&upper))).is_err());
        assert!(of(&node(None, Some("None"))).is_err());
        assert!(of(&node(None, None)).is_err());
        assert_eq!(region_of(&node(Some("openstack://R1/x"), None)), Some("R1"));
        assert_eq!(region_of(&node(Some("openstack:///x"), None)), None);
    }

    #[test]
    fn a_node_has_the_name_of_its_server() {
        for (server, node, same) in [
            ("hub-k8s-node-1", "hub-k8s-node-1", true),
            ("Hub-K8s-Node-1", "hub-k8s-node-1", true),
            ("hub-k8s-node-1", "hub-k8s-node-1.novalocal", true),
            ("hub-k8s-node-1", "hub-k8s-node-10", false),
            ("hub-k8s-node-1", "hub-k8s-node-1.evil", false),
            ("hub-k8s-node-1", "hub-k8s-node-1.", false),
            ("", "", true),
            ("", ".novalocal", false),
        ] {
            assert_eq!(is_name_of(server, node), same, "{server} {node}");
            let all = BTreeSet::from([server.to_ascii_lowercase(), "other".to_owned()]);
            assert_eq!(is_name_of_any(&all, node), same, "{server} {node}");
        }
    }
}
