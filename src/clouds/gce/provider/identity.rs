//! The names of Compute Engine's instances.

use kube_rebalancer_core::model::{Node, annotation};
use kube_rebalancer_join::Identity;

use crate::name::InstanceId;

impl Identity for InstanceId {
    const CLOUD: &'static str = "Compute Engine";
    const SCHEME: &'static str = "gce://";

    fn from_provider_id(text: &str) -> Result<Self, String> {
        Self::from_provider_id(text).map_err(|error| error.to_string())
    }

    /// A node has the name of its instance, or the instance's internal DNS name: `NAME.c.PROJECT.internal` or
    /// `NAME.ZONE.c.PROJECT.internal`; the project `example.com:p` is `p.example.com` there.
    fn is_node(&self, name: &str) -> bool {
        if name == self.name() {
            return true;
        }
        let project = self.project().as_str();
        let project = match project.split_once(':') {
            Some((domain, id)) => format!("{id}.{domain}"),
            None => project.to_owned(),
        };
        let domain = format!("c.{project}.internal");
        let within = name.strip_prefix(self.name()).and_then(|rest| rest.strip_prefix('.'));
        within.is_some_and(|rest| rest == domain || rest == format!("{}.{domain}", self.zone()))
    }

    fn registered_uid(node: &Node) -> Option<&str> {
        node.annotations.get(annotation::INSTANCE_ID).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_the_name_of_its_instance_in_full_or_not_at_all() {
        let id = |text: &str| <InstanceId as Identity>::from_provider_id(text).unwrap();
        let one = id("gce://my-project/us-central1-a/node-1");
        for name in ["node-1", "node-1.c.my-project.internal", "node-1.us-central1-a.c.my-project.internal"] {
            assert!(one.is_node(name), "{name}");
        }
        for name in [
            "",
            "node-10",
            "node",
            "NODE-1",
            "node-1.",
            "node-1.evil",
            "node-1.c.other-project.internal",
            "node-1.us-central1-b.c.my-project.internal",
            "node-1.c.my-project.internal.evil",
            "node-1c.my-project.internal",
        ] {
            assert!(!one.is_node(name), "{name}");
        }
        let of_domain = id("gce://example.com:p/us-central1-a/node-1");
        assert!(of_domain.is_node("node-1.c.p.example.com.internal"));
        assert!(!of_domain.is_node("node-1.c.example.com:p.internal"));
    }
}
