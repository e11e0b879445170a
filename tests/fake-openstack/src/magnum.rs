//! The state of Magnum's clusters, which changes over time, with a driver that creates and deletes Nova's servers.
//!
//! ```text
//!   resize ──> refused (bounds) or UPDATE_IN_PROGRESS ──> UPDATE_COMPLETE, or UPDATE_FAILED with the count restored
//!                                   └─> driver: servers are made, or the named ones go, or others
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use fake_http::after;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::nova::{Nova, Refusal, Server, Status};

/// The driver's treatment of the servers that a resize names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Driver {
    /// They go.
    #[default]
    Named,
    /// Others go in their place, the first by name.
    Others,
    /// Nothing happens.
    Idle,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its ID.
    pub uuid: String,
    /// Its name, which others may have too.
    pub name: String,
    /// The project's ID.
    pub project: String,
    /// The prefix of its servers' names.
    pub stack: String,
    /// Its status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// The reason of its failure, if it failed.
    pub reason: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its node groups.
    pub groups: Vec<NodeGroup>,
    /// The end of the current change.
    over: Option<Timestamp>,
}

/// A node group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroup {
    /// Its name.
    pub name: String,
    /// `worker` or `master`.
    pub role: &'static str,
    /// The requested number of nodes.
    pub count: u32,
    /// Its bounds.
    pub bounds: (u32, Option<u32>),
    /// The addresses of its nodes, as far as the driver keeps them.
    pub addresses: Vec<String>,
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct Magnum {
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) driver: Driver,
    /// The words with which the driver fails, if it does.
    pub(crate) failure: Option<String>,
    /// The newest microversion, as a number after `1.`.
    pub(crate) newest: u32,
    /// The number of servers that it has ever created.
    made: usize,
}

impl Default for Magnum {
    fn default() -> Self {
        Self { clusters: Vec::new(), driver: Driver::Named, failure: None, newest: 14, made: 0 }
    }
}

impl Cluster {
    /// A cluster with one control plane node and no workers.
    #[must_use]
    pub fn new(name: &str, project: &str) -> Self {
        Self {
            uuid: "22222222-2222-4222-8222-222222222222".to_owned(),
            name: name.to_owned(),
            project: project.to_owned(),
            stack: format!("{name}-stack"),
            status: "CREATE_COMPLETE".to_owned(),
            reason: None,
            labels: BTreeMap::new(),
            groups: vec![NodeGroup {
                name: "default-master".to_owned(),
                role: "master",
                count: 1,
                bounds: (1, None),
                addresses: Vec::new(),
            }],
            over: None,
        }
    }

    /// With a node group of workers.
    #[must_use]
    pub fn workers(mut self, name: &str, count: u32, bounds: (u32, Option<u32>)) -> Self {
        self.groups.push(NodeGroup {
            name: name.to_owned(),
            role: "worker",
            count,
            bounds,
            addresses: Vec::new(),
        });
        self
    }

    fn shown(&self) -> Value {
        json!({
            "uuid": self.uuid, "name": self.name, "status": self.status, "status_reason": self.reason,
            "stack_id": self.stack, "labels": self.labels, "project_id": self.project,
        })
    }

    fn group(&self, name: &str) -> Result<&NodeGroup, Refusal> {
        let missing = || Refusal(404, "errors", format!("Nodegroup {name} could not be found."));
        self.groups.iter().find(|group| group.name == name).ok_or_else(missing)
    }
}

impl NodeGroup {
    fn shown(&self, status: &str) -> Value {
        json!({
            "name": self.name, "role": self.role, "node_count": self.count, "min_node_count": self.bounds.0,
            "max_node_count": self.bounds.1, "status": status, "node_addresses": self.addresses,
        })
    }
}

impl Magnum {
    /// Carries out all steps that are due until then.
    pub(crate) fn advance_to(&mut self, now: Timestamp) {
        for cluster in &mut self.clusters {
            if cluster.over.is_some_and(|over| over <= now) {
                cluster.over = None;
                "UPDATE_COMPLETE".clone_into(&mut cluster.status);
            }
        }
    }

    /// A cluster by name or ID.
    pub(crate) fn cluster(&self, project: &str, named: &str) -> Result<&Cluster, Refusal> {
        let own = |one: &&Cluster| one.project == project && (one.name == named || one.uuid == named);
        let mut found = self.clusters.iter().filter(own);
        let missing = || Refusal(404, "errors", format!("Cluster {named} could not be found."));
        let first = found.next().ok_or_else(missing)?;
        if found.next().is_some() {
            let words = "Multiple clusters exist with same name. Please use the cluster uuid instead.";
            return Err(Refusal(409, "errors", words.to_owned()));
        }
        Ok(first)
    }

    pub(crate) fn show(&self, project: &str, named: &str) -> Result<Value, Refusal> {
        Ok(self.cluster(project, named)?.shown())
    }

    pub(crate) fn groups(&self, project: &str, named: &str) -> Result<Value, Refusal> {
        let cluster = self.cluster(project, named)?;
        let shown: Vec<Value> = cluster.groups.iter().map(|group| group.shown(&cluster.status)).collect();
        Ok(json!({"nodegroups": shown}))
    }

    pub(crate) fn group(&self, project: &str, named: &str, group: &str) -> Result<Value, Refusal> {
        let cluster = self.cluster(project, named)?;
        Ok(cluster.group(group)?.shown(&cluster.status))
    }

    /// Carries out a resize. Nothing stops one while another is under way.
    pub(crate) fn resize(
        &mut self,
        nova: &mut Nova,
        (project, named): (&str, &str),
        body: &Value,
        (now, takes): (Timestamp, Duration),
    ) -> Result<Value, Refusal> {
        let uuid = self.cluster(project, named)?.uuid.clone();
        let Self { clusters, driver, failure, made, .. } = self;
        let missing = || Refusal(404, "errors", String::new());
        let cluster = clusters.iter_mut().find(|one| one.uuid == uuid).ok_or_else(missing)?;
        let name = body["nodegroup"].as_str().unwrap_or("default-worker").to_owned();
        let (least, most) = cluster.group(&name)?.bounds;
        let invalid = || Refusal(400, "errors", "Invalid input for field/attribute node_count.".to_owned());
        let count =
            body["node_count"].as_u64().and_then(|count| u32::try_from(count).ok()).ok_or_else(invalid)?;
        if count < least || most.is_some_and(|most| count > most) {
            let most = most.map_or("None".to_owned(), |most| most.to_string());
            let words = format!(
                "Resizing {name} outside the allowed range: min_node_count = {least}, max_node_count = {most}"
            );
            return Err(Refusal(400, "errors", words));
        }
        let answer = json!({"uuid": cluster.uuid});
        if let Some(words) = failure.clone() {
            "UPDATE_FAILED".clone_into(&mut cluster.status);
            cluster.reason = Some(words);
            return Ok(answer);
        }
        "UPDATE_IN_PROGRESS".clone_into(&mut cluster.status);
        cluster.reason = None;
        cluster.over = Some(after(now, takes));
        if let Some(group) = cluster.groups.iter_mut().find(|group| group.name == name) {
            group.count = count;
        }
        let prefix = format!("{}-{name}-", cluster.stack);
        let mut own: Vec<Server> =
            nova.servers.values().filter(|server| server.name.starts_with(&prefix)).cloned().collect();
        own.retain(|server| server.task != Some("deleting"));
        own.sort_by(|one, other| one.name.cmp(&other.name));
        let named: Vec<&str> =
            body["nodes_to_remove"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let fewer = own.len().saturating_sub(count);
        let going: Vec<String> = match driver {
            Driver::Idle => Vec::new(),
            Driver::Named => named.iter().map(|id| (*id).to_owned()).collect(),
            Driver::Others => {
                let others = own.iter().filter(|server| !named.contains(&server.id.as_str()));
                others.take(fewer).map(|server| server.id.clone()).collect()
            }
        };
        for id in going {
            nova.delete(&id).ok();
        }
        if *driver != Driver::Idle {
            for _ in own.len()..count {
                *made += 1;
                let id = format!("00000000-0000-4000-8fff-{made:012}");
                let server =
                    Server::new(&id, &format!("{prefix}new-{made}"), project).status(Status::Building);
                nova.build(server, takes);
            }
        }
        Ok(answer)
    }
}
