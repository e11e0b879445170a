//! Reads Magnum's clusters and node groups, and resizes node groups.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use kube_rebalancer_rest::{Reply, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::catalog::MAGNUM;
use super::nova::{Nova, Sent, Service};
use super::transport::{Request, read};
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind};

/// The microversion with node groups that may have no node.
const SERVICE: Service = Service { name: "Magnum", kind: MAGNUM, version: "container-infra 1.10" };

/// A connection to Magnum with the session of a [`Nova`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Magnum<'a> {
    pub(crate) nova: &'a Nova,
}

/// A cluster as Magnum lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) uuid: String,
    /// The name, which other clusters may have too.
    pub(crate) name: Option<String>,
    /// The status, such as `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// The reason why it failed, if it did.
    pub(crate) status_reason: Option<String>,
    /// The driver's name for it, with which the servers' names begin if the driver is one of Cluster API.
    pub(crate) stack_id: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, Text>,
}

/// A node group as Magnum lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ClusterGroup {
    pub(crate) name: String,
    /// `worker` or `master`.
    pub(crate) role: String,
    /// The requested number of nodes, which may not exist.
    pub(crate) node_count: u32,
    #[serde(default)]
    pub(crate) min_node_count: u32,
    pub(crate) max_node_count: Option<u32>,
    pub(crate) status: Option<String>,
    /// The addresses of its nodes, if the driver stores them.
    #[serde(default)]
    node_addresses: Option<BTreeSet<String>>,
}

/// The node groups of a cluster.
#[derive(Debug, Deserialize)]
struct Names {
    nodegroups: Vec<Name>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

impl Cluster {
    /// Whether a label of the cluster is switched on. Labels are text.
    pub(crate) fn is_on(&self, label: &str) -> bool {
        let text = self.labels.get(label).and_then(|Text(text)| text.as_deref());
        text.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }
}

impl ClusterGroup {
    /// Whether Magnum lists one of these addresses for the group.
    pub(crate) fn has_address(&self, addresses: &BTreeSet<String>) -> bool {
        self.node_addresses.as_ref().is_some_and(|own| !own.is_disjoint(addresses))
    }
}

impl Magnum<'_> {
    /// Reads a cluster by name or UUID.
    pub(crate) async fn cluster(&self, cluster: &str, is_last: bool) -> Result<Cluster, CloudError> {
        let what = format!("look at cluster {cluster}");
        let reply = self.look(&what, &format!("/clusters/{cluster}"), "/v1/clusters/*", is_last).await?;
        read(&reply, &what)
    }

    /// Lists the names of all node groups of a cluster.
    pub(crate) async fn groups(&self, cluster: &str) -> Result<BTreeSet<String>, CloudError> {
        let what = format!("list the node groups of cluster {cluster}");
        let path = format!("/clusters/{cluster}/nodegroups");
        let reply = self.look(&what, &path, "/v1/clusters/*/nodegroups", false).await?;
        let Names { nodegroups } = read(&reply, &what)?;
        Ok(nodegroups.into_iter().map(|group| group.name).collect())
    }

    /// Reads a node group of a cluster.
    pub(crate) async fn group(
        &self,
        cluster: &str,
        group: &str,
        is_last: bool,
    ) -> Result<ClusterGroup, CloudError> {
        let what = format!("look at node group {group} of cluster {cluster}");
        let path = format!("/clusters/{cluster}/nodegroups/{group}");
        let reply = self.look(&what, &path, "/v1/clusters/*/nodegroups/*", is_last).await?;
        read(&reply, &what)
    }

    /// Asks a node group for a size, once. With `remove`, these servers must be deleted; without it, the driver must not
    /// delete any.
    pub(crate) async fn resize(&self, cluster: &str, group: &str, size: u32, remove: &[String]) -> Sent {
        let what = format!("resize node group {group} of cluster {cluster} to {size}");
        let mut body = json!({"node_count": size, "nodegroup": group});
        if let (Some(body), false) = (body.as_object_mut(), remove.is_empty()) {
            body.insert("nodes_to_remove".to_owned(), json!(remove));
        }
        let path = format!("/clusters/{cluster}/actions/resize");
        let asked = |session: &Session| request(session, Method::POST, &path, Some(body.clone()), false);
        let reply = match self.nova.with_token(asked).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(silence)) => {
                let kind = if silence.in_doubt { Kind::Doubt } else { Kind::Busy };
                let error = CloudError::new(kind, format!("cannot {what}: {}", silence.words));
                return if silence.in_doubt { Sent::Lost(error) } else { Sent::Refused(error) };
            }
            Err(error) => return Sent::Refused(error),
        };
        let rule = (Method::POST.as_str(), "/v1/clusters/*/actions/resize");
        let failure = || self.nova.failure_of(SERVICE, &what, rule, &reply);
        match reply.status.as_u16() {
            200..=299 => Sent::Accepted,
            409 => Sent::Conflict(failure()),
            408 | 500..=599 => Sent::Lost(failure()),
            _ => Sent::Refused(failure()),
        }
    }

    async fn look(&self, what: &str, path: &str, rule: &str, is_last: bool) -> Result<Reply, CloudError> {
        let asked = |session: &Session| request(session, Method::GET, path, None, is_last);
        let reply = self.nova.with_token(asked).await?;
        let reply = reply
            .map_err(|silence| CloudError::new(Kind::Busy, format!("cannot {what}: {}", silence.words)))?;
        if reply.status == StatusCode::CONFLICT {
            // Two clusters of one name: only the UUID distinguishes them.
            return Err(CloudError::setting(format!("NODE_GROUPS: cannot {what}: {}", reply.words())));
        }
        if !reply.status.is_success() {
            return Err(self.nova.failure_of(SERVICE, what, (Method::GET.as_str(), rule), &reply));
        }
        Ok(reply)
    }
}

fn request(session: &Session, method: Method, path: &str, body: Option<Value>, is_last: bool) -> Request {
    let is_read = method == Method::GET;
    Request {
        method,
        url: format!("{}{path}", session.magnum.as_deref().unwrap_or_default()),
        token: Some(session.token.clone()),
        version: Some(SERVICE.version),
        body,
        is_read,
        // Between two tries another client may change the count, and a count that is too low deletes nodes.
        is_once: !is_read,
        is_last,
    }
}

/// A part of `NODE_GROUPS` that names a node group of Magnum: `CLUSTER/GROUP`, each a name or a UUID.
pub(crate) fn parse(part: &str) -> Option<Result<(String, String), CloudError>> {
    let (cluster, group) = part.split_once('/')?;
    let is_name = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(is_plain)
    };
    if is_name(cluster) && is_name(group) {
        return Some(Ok((cluster.to_owned(), group.to_owned())));
    }
    let shown = words::clean(part);
    Some(Err(CloudError::setting(format!(
        "NODE_GROUPS: `{shown}` is no node group of Magnum; expected CLUSTER/GROUP"
    ))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_with_a_slash_names_a_cluster_and_its_node_group() {
        assert_eq!(parse("hub-k8s-node-"), None);
        assert_eq!(parse("hub/default-worker"), Some(Ok(("hub".into(), "default-worker".into()))));
        for part in ["hub/", "/a", "a/b/c", "../a", "a/..", "a/b?c", "a b/c", "/"] {
            assert!(parse(part).is_some_and(|read| read.is_err()), "{part}");
        }
    }

    #[test]
    fn a_label_is_on_by_its_text() {
        let cluster: Cluster = serde_json::from_value(json!({
            "uuid": "1", "status": "CREATE_COMPLETE", "labels": {"a": "True", "b": "false", "c": true, "d": 1},
        }))
        .unwrap();
        let on: Vec<&str> =
            ["a", "b", "c", "d", "e"].into_iter().filter(|label| cluster.is_on(label)).collect();
        assert_eq!(on, ["a", "c"]);
    }
}
