//! A server as Nova lists it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube_rebalancer_rest::Text;
use serde::Deserialize;

use crate::id::ServerId;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) id: ServerId,
    /// Its name. Others may have the same.
    pub(crate) name: String,
    /// `ACTIVE`, `SHUTOFF`, `SHELVED_OFFLOADED`, ….
    pub(crate) status: String,
    /// The task in progress, such as `shelving`; `None` if there is none.
    pub(crate) task: Option<String>,
    /// Whether it is locked.
    pub(crate) locked: bool,
    /// Its availability zone; `None` while it is on no host.
    pub(crate) zone: Option<String>,
    /// The time at which it was created.
    pub(crate) created_at: Option<Timestamp>,
    /// Its metadata with text values.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Its addresses in all networks.
    pub(crate) addresses: BTreeSet<String>,
}

/// The same in the form of the API. A missing required field is an error, never an empty text.
#[derive(Debug, Deserialize)]
pub(super) struct Raw {
    id: String,
    name: String,
    status: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
    #[serde(default)]
    locked: bool,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<String>,
    created: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, Text>,
    #[serde(default)]
    addresses: BTreeMap<String, Vec<Address>>,
}

#[derive(Debug, Deserialize)]
struct Address {
    addr: String,
}

/// The answer with one server.
#[derive(Debug, Deserialize)]
pub(super) struct One {
    pub(super) server: Raw,
}

/// A page of servers.
#[derive(Debug, Deserialize)]
pub(super) struct PageBody {
    pub(super) servers: Vec<Raw>,
    #[serde(default)]
    servers_links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    #[serde(default)]
    rel: String,
}

impl PageBody {
    /// Whether another page follows. The link's address is not used: behind a proxy it is often a wrong one.
    pub(super) fn has_next(&self) -> bool {
        self.servers_links.iter().any(|link| link.rel == "next")
    }
}

impl TryFrom<Raw> for Server {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let id = ServerId::parse(&raw.id).ok_or_else(|| format!("`{}` is no ID of a server", raw.id))?;
        let text = |(key, Text(text)): (String, Text)| Some((key, text?));
        Ok(Self {
            id,
            name: raw.name,
            status: raw.status,
            task: raw.task.filter(|task| !task.is_empty()),
            locked: raw.locked,
            zone: raw.zone.filter(|zone| !zone.is_empty()),
            created_at: raw.created.and_then(|text| text.parse().ok()),
            metadata: raw.metadata.into_iter().filter_map(text).collect(),
            addresses: raw.addresses.into_values().flatten().map(|address| address.addr).collect(),
        })
    }
}
