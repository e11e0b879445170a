//! The catalogue of services of a token, with the endpoints of Nova and Magnum.

use serde::Deserialize;

use super::Project;
use crate::credentials::Credentials;
use kube_rebalancer_rest::{CloudError, Kind};

/// The type of Magnum in the catalogue.
pub(super) const MAGNUM: &str = "container-infra";

/// The URL of Magnum's first version. Some catalogues name the service without one.
fn first_version(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with("/v1") { url.to_owned() } else { format!("{url}/v1") }
}

/// The content of a token.
#[derive(Debug, Deserialize)]
pub(super) struct TokenBody {
    token: Token,
}

#[derive(Debug, Deserialize)]
struct Token {
    project: Option<ProjectBody>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Debug, Deserialize)]
struct ProjectBody {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Service {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    #[serde(default)]
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    url: String,
}

impl Endpoint {
    fn region(&self) -> &str {
        self.region.as_deref().or(self.region_id.as_deref()).unwrap_or_default()
    }
}

/// The endpoints, their region, and the project.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) endpoint: String,
    /// The endpoint of Magnum in the same region, if the catalogue has one.
    pub(super) magnum: Option<String>,
    pub(super) region: String,
    pub(super) project: Project,
}

impl TokenBody {
    /// The endpoints that the credentials select.
    pub(super) fn place(self, credentials: &Credentials) -> Result<Place, CloudError> {
        let Credentials { source, interface, .. } = credentials;
        let wrong = |why: String| CloudError::new(Kind::Setting, format!("{source}: {why}"));
        let Some(ProjectBody { id, name }) = self.token.project else {
            return Err(wrong("Keystone gave a token without a project; name one".to_owned()));
        };
        let project = Project { id, name };
        let compute = self.token.catalog.iter().filter(|service| service.kind == "compute");
        let all: Vec<&Endpoint> = compute
            .flat_map(|service| &service.endpoints)
            .filter(|one| one.interface == *interface)
            .collect();
        let mut regions: Vec<&str> = all.iter().map(|endpoint| endpoint.region()).collect();
        regions.sort_unstable();
        regions.dedup();
        if all.is_empty() {
            let why = format!(
                "the catalogue of project {} has no {interface} endpoint of a compute service",
                project.name
            );
            return Err(wrong(why));
        }
        let there = regions.join(", ");
        let region = match (&credentials.region, regions.as_slice()) {
            (Some(named), regions) if regions.contains(&named.as_str()) => named.as_str(),
            (Some(named), _) => {
                return Err(wrong(format!("no compute service is in region `{named}`; there are: {there}")));
            }
            (None, [only]) => only,
            (None, _) => {
                return Err(wrong(format!("the compute service is in several regions: {there}; name one")));
            }
        };
        let endpoint = all.iter().find(|endpoint| endpoint.region() == region);
        let url = endpoint.map(|endpoint| endpoint.url.trim_end_matches('/').to_owned()).unwrap_or_default();
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(wrong(format!(
                "the catalogue names `{url}` as the compute service, which is no URL"
            )));
        }
        let region = region.to_owned();
        let infra = self.token.catalog.iter().filter(|service| service.kind == MAGNUM);
        let mut infra = infra.flat_map(|service| &service.endpoints);
        let magnum = infra.find(|one| one.interface == *interface && one.region() == region);
        let magnum = magnum.map(|endpoint| first_version(&endpoint.url));
        Ok(Place { endpoint: url, magnum, region, project })
    }
}
