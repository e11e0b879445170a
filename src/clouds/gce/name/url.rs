//! Reads names from other texts: a node's `spec.providerID`, and the URLs in Compute Engine's answers.

use super::{GroupId, InstanceId, Location, NameError, ProjectId};

impl InstanceId {
    /// Reads a node's `spec.providerID`.
    pub fn from_provider_id(text: &str) -> Result<Self, NameError> {
        let none = || NameError {
            what: "provider ID of an instance",
            value: text.to_owned(),
            expected: "`gce://PROJECT/ZONE/INSTANCE`",
        };
        let parts = text.strip_prefix("gce://").map(|path| path.split('/').collect::<Vec<_>>());
        let Some([project, zone, name]) = parts.as_deref() else { return Err(none()) };
        Self::from_parts(project, zone, name).map_err(|_| none())
    }

    /// Reads the URL of an instance, complete or from `projects/` on, with any host and version of the API.
    pub fn from_url(url: &str) -> Result<Self, NameError> {
        let none = || NameError {
            what: "URL of an instance",
            value: url.to_owned(),
            expected: "`projects/PROJECT/zones/ZONE/instances/INSTANCE`",
        };
        let path = path(url);
        let Some(["projects", project, "zones", zone, "instances", name]) = path.as_deref() else {
            return Err(none());
        };
        Self::from_parts(project, zone, name).map_err(|_| none())
    }

    /// Its name in a request of its project.
    pub(crate) fn partial_url(&self) -> String {
        format!("zones/{}/instances/{}", self.zone, self.name)
    }

    fn from_parts(project: &str, zone: &str, name: &str) -> Result<Self, NameError> {
        Self::new(project.parse()?, zone.parse()?, name)
    }
}

impl GroupId {
    /// Reads the URL of a managed instance group, complete or from `projects/` on, with any host and version of the
    /// API.
    pub fn from_url(url: &str) -> Result<Self, NameError> {
        let none = || NameError {
            what: "URL of a managed instance group",
            value: url.to_owned(),
            expected: "`projects/PROJECT/zones/ZONE/instanceGroupManagers/NAME`, or the same with `regions/REGION`",
        };
        let path = path(url);
        let Some(["projects", project, scope, location, "instanceGroupManagers", name]) = path.as_deref()
        else {
            return Err(none());
        };
        let read = || {
            let project: ProjectId = project.parse()?;
            let location = match *scope {
                "zones" => Location::Zone(location.parse()?),
                "regions" => Location::Region(location.parse()?),
                _ => return Err(none()),
            };
            Self::new(project, location, name)
        };
        read().map_err(|_| none())
    }
}

/// The steps of a resource's path from `projects` on.
pub(super) fn path(url: &str) -> Option<Vec<&str>> {
    let resource = match url.split_once("://") {
        Some(("https" | "http", rest)) => {
            let (_host, rest) = rest.split_once("/compute/")?;
            let (_version, rest) = rest.split_once('/')?;
            rest
        }
        Some(_) => return None,
        None => url,
    };
    Some(resource.split('/').collect())
}
