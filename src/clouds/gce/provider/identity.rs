//! How Compute Engine names its instances.

use kube_rebalancer_core::model::{Node, annotation};
use kube_rebalancer_join::Identity;

use crate::name::InstanceId;

impl Identity for InstanceId {
    const CLOUD: &'static str = "Compute Engine";
    const SCHEME: &'static str = "gce://";

    fn from_provider_id(text: &str) -> Result<Self, String> {
        Self::from_provider_id(text).map_err(|error| error.to_string())
    }

    fn registered_uid(node: &Node) -> Option<&str> {
        node.annotations.get(annotation::INSTANCE_ID).map(String::as_str)
    }
}
