//! The state of the machine of a node that was given back.

use super::Node;

/// A provider's answer about the machine of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineFate {
    /// Exactly this machine is gone, and the same source showed another machine of the cluster at the same time.
    Gone,
    /// It exists, or is being deleted. The text is for a person.
    Exists(String),
    /// The provider cannot know. The text is for a person.
    Unknown(String),
}

impl Node {
    /// The name of its machine, as marks carry it: the provider ID, or the system UUID where the node has none.
    #[must_use]
    pub fn machine(&self) -> Option<String> {
        match (&self.provider_id, &self.system_uuid) {
            (Some(id), _) if !id.is_empty() => Some(id.clone()),
            (None, Some(uuid)) if !uuid.is_empty() => Some(format!("uuid:{uuid}")),
            (Some(_) | None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_by_its_provider_id_or_else_by_its_uuid() {
        let name = |provider_id: Option<&str>, system_uuid: Option<&str>| {
            let [provider_id, system_uuid] = [provider_id, system_uuid].map(|text| text.map(str::to_owned));
            Node { provider_id, system_uuid, ..Node::default() }.machine()
        };
        assert_eq!(name(Some("openstack:///a"), Some("b")).as_deref(), Some("openstack:///a"));
        assert_eq!(name(None, Some("b")).as_deref(), Some("uuid:b"));
        for (provider_id, system_uuid) in [(None, None), (Some(""), Some("b")), (None, Some(""))] {
            assert_eq!(name(provider_id, system_uuid), None);
        }
    }
}
