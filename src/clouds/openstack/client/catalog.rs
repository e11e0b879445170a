//! The catalogue of services of a token, with the endpoints of Nova and Magnum.

use std::net::IpAddr;

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

/// Whether the token may go to an endpoint: where the secret was encrypted, the token is too, unless it does not leave this
/// machine.
fn may_have_token(endpoint: &str, auth_url: &str) -> bool {
    if endpoint.starts_with("https://") || auth_url.starts_with("http://") {
        return true;
    }
    let Ok(url) = reqwest::Url::parse(endpoint) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    url.scheme() == "http"
        && (host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
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
        let may_have_token = |url: &str| may_have_token(url, &credentials.auth_url);
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(wrong(format!(
                "the catalogue names `{url}` as the compute service, which is no URL"
            )));
        }
        if !may_have_token(&url) {
            return Err(wrong(format!(
                "the catalogue names `{url}` as the compute service: the token would travel as it is, although the auth URL is \
                 https; the {interface} endpoint must be https too, or another interface"
            )));
        }
        let region = region.to_owned();
        let infra = self.token.catalog.iter().filter(|service| service.kind == MAGNUM);
        let mut infra = infra.flat_map(|service| &service.endpoints);
        let magnum = infra.find(|one| one.interface == *interface && one.region() == region);
        let magnum = magnum.map(|endpoint| first_version(&endpoint.url)).filter(|url| {
            let may = may_have_token(url);
            if !may {
                log::warn!("{source}: Magnum is left out: the catalogue names `{url}`, which is not https");
            }
            may
        });
        Ok(Place { endpoint: url, magnum, region, project })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::credentials::{Application, Login, Secret, Tls};

    /// The endpoints of Nova and Magnum for an auth URL.
    fn place(auth_url: &str, nova: &str, magnum: &str) -> Result<(String, Option<String>), String> {
        let login = Login::Application {
            credential: Application::Id("a".to_owned()),
            secret: Secret("s3cret".to_owned()),
        };
        let credentials = Credentials {
            source: "clouds.yaml".to_owned(),
            auth_url: auth_url.to_owned(),
            login,
            region: None,
            interface: "public".to_owned(),
            tls: Tls::default(),
        };
        let service = |kind: &str, url: &str| json!({"type": kind, "endpoints": [{"interface": "public", "region": "One", "url": url}]});
        let body = json!({"token": {
            "project": {"id": "p", "name": "hub"},
            "catalog": [service("compute", nova), service(MAGNUM, magnum)],
        }});
        let body: TokenBody = serde_json::from_value(body).unwrap();
        let place = body.place(&credentials).map_err(|error| error.message)?;
        Ok((place.endpoint, place.magnum))
    }

    #[test]
    fn a_token_from_an_encrypted_keystone_goes_to_no_endpoint_that_is_not() {
        let (auth, nova) = ("https://keystone.example.org/v3", "https://nova.example.org/v2.1");
        let magnum = "https://magnum.example.org/v1";
        let all = |nova: &str, magnum: &str| Ok((nova.to_owned(), Some(magnum.to_owned())));
        assert_eq!(place(auth, nova, magnum), all(nova, magnum));
        let why = "clouds.yaml: the catalogue names `http://nova.example.org` as the compute service: the token would travel \
                   as it is, although the auth URL is https; the public endpoint must be https too, or another interface";
        assert_eq!(place(auth, "http://nova.example.org/", magnum), Err(why.to_owned()));
        for elsewhere in
            ["http://127.0.0.1@nova.example.org", "http://127.0.0.1.example.org", "http://10.0.0.1"]
        {
            assert!(
                place(auth, elsewhere, magnum).is_err_and(|why| why.contains("travel as it is")),
                "{elsewhere}"
            );
        }
        // Without Magnum the sets of servers still work.
        for url in ["http://magnum.example.org/v1", "ftp://magnum.example.org/v1"] {
            assert_eq!(place(auth, nova, url), Ok((nova.to_owned(), None)), "{url}");
        }
        // It does not leave this machine, or the secret travels in the same way, with a warning.
        for here in ["http://127.0.0.1:8774/v2.1", "http://localhost/v2.1", "http://[::1]:8774/v2.1"] {
            assert_eq!(place(auth, here, magnum), all(here, magnum));
        }
        let open = "http://10.0.0.1:8774/v2.1";
        assert_eq!(place("http://10.0.0.1:5000/v3", open, magnum), all(open, magnum));
    }
}
