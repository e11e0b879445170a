//! The configuration of a fake that runs as a program, read from a JSON file.
//!
//! ```json
//! {"groups": [{"project": "demo", "zone": "us-central1-a", "name": "users", "size": 3}], "stockouts": ["us-east1-b"]}
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::engine::{Group, Redistribution};
use crate::fake::FakeGce;

/// A world to be set up.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    groups: Vec<GroupConfig>,
    /// Zones in which there are no machines to be had.
    #[serde(default)]
    stockouts: Vec<String>,
    /// The instance quota of projects.
    #[serde(default)]
    instance_quotas: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupConfig {
    project: String,
    zone: Option<String>,
    region: Option<String>,
    name: String,
    #[serde(default)]
    size: usize,
    #[serde(default)]
    instances: Vec<String>,
    base_instance_name: Option<String>,
    redistribution: Option<RedistributionConfig>,
    autoscaler: Option<String>,
    #[serde(default)]
    paginated: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum RedistributionConfig {
    Proactive,
    None,
}

/// The problem of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no such JSON.
    #[error("the configuration is not JSON of the form that is expected")]
    Json(#[from] serde_json::Error),
    /// A group has no place, or two.
    #[error("group `{name}` has {has}; expected either a zone or a region")]
    Place {
        /// The group's name.
        name: String,
        /// What it has.
        has: &'static str,
    },
}

impl Config {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Two zonal groups and a regional one in a project called `demo`.
    #[must_use]
    pub fn demo() -> Self {
        let group = |zone: Option<&str>, region: Option<&str>, name: &str, size| GroupConfig {
            project: "demo".to_owned(),
            zone: zone.map(str::to_owned),
            region: region.map(str::to_owned),
            name: name.to_owned(),
            size,
            instances: Vec::new(),
            base_instance_name: None,
            redistribution: None,
            autoscaler: None,
            paginated: false,
        };
        let groups = vec![
            group(Some("us-central1-a"), None, "hub-users", 3),
            group(Some("us-central1-b"), None, "hub-core", 1),
            group(None, Some("us-east1"), "batch", 4),
        ];
        Self { groups, stockouts: Vec::new(), instance_quotas: BTreeMap::new() }
    }

    /// Sets it all up.
    pub fn apply(self, fake: &FakeGce) -> Result<(), ConfigError> {
        for group in self.groups {
            fake.add_group(group.into_group()?);
        }
        for zone in self.stockouts {
            fake.set_stockout(&zone, true);
        }
        for (project, quota) in self.instance_quotas {
            fake.add_project(&project);
            fake.set_instance_quota(&project, Some(quota));
        }
        Ok(())
    }
}

impl GroupConfig {
    fn into_group(self) -> Result<Group, ConfigError> {
        let mut group = match (self.zone, self.region) {
            (Some(zone), None) => Group::zonal(&self.project, &zone, &self.name),
            (None, Some(region)) => Group::regional(&self.project, &region, &self.name),
            (None, None) => return Err(ConfigError::Place { name: self.name, has: "neither" }),
            (Some(_), Some(_)) => return Err(ConfigError::Place { name: self.name, has: "both" }),
        };
        let names: Vec<&str> = self.instances.iter().map(String::as_str).collect();
        group = group.size(self.size).instances(&names);
        if let Some(name) = self.base_instance_name {
            group = group.base_instance_name(&name);
        }
        if let Some(name) = self.autoscaler {
            group = group.autoscaler(&name);
        }
        if self.paginated {
            group = group.paginated();
        }
        Ok(match self.redistribution {
            Some(RedistributionConfig::None) => group.redistribution(Redistribution::None),
            Some(RedistributionConfig::Proactive) => group.redistribution(Redistribution::Proactive),
            None => group,
        })
    }
}
