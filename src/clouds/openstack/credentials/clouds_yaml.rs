//! Reads `clouds.yaml`, with the secrets in `secure.yaml` beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube_rebalancer_ports::Environment;
use serde::Deserialize;

use super::{Credentials, Fields, read_file};
use kube_rebalancer_rest::{CloudError, Kind};

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    clouds: BTreeMap<String, Cloud>,
}

/// A cloud; its other fields are for other clients.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Cloud {
    auth: Auth,
    auth_type: Option<String>,
    profile: Option<String>,
    region_name: Option<String>,
    interface: Option<String>,
    endpoint_type: Option<String>,
    cacert: Option<String>,
    cert: Option<String>,
    key: Option<String>,
    verify: Option<bool>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth_url")]
    url: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    password: Option<String>,
    user_domain_name: Option<String>,
    user_domain_id: Option<String>,
    project_name: Option<String>,
    project_id: Option<String>,
    tenant_name: Option<String>,
    tenant_id: Option<String>,
    project_domain_name: Option<String>,
    project_domain_id: Option<String>,
    trust_id: Option<String>,
    application_credential_id: Option<String>,
    application_credential_name: Option<String>,
    application_credential_secret: Option<String>,
}

/// The credentials of the cloud of this name, or of the only one, in the first of the usual places that has a file.
pub(super) fn read(name: Option<&str>, environment: &Environment) -> Result<Credentials, CloudError> {
    let (source, fields) = cloud(None, name, environment)?;
    fields.credentials(&source)
}

/// The source and the fields of the cloud of this name, or of the only one, in this file or in the first of the usual places.
pub(super) fn cloud(
    file: Option<&Path>,
    name: Option<&str>,
    environment: &Environment,
) -> Result<(String, Fields), CloudError> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => first_there(environment, name)?,
    };
    let mut clouds = parse(&path)?.clouds;
    let name = match name {
        Some(name) => name.to_owned(),
        None => the_only_one(&clouds, &path)?,
    };
    let Some(cloud) = clouds.remove(&name) else {
        return Err(CloudError::setting(format!(
            "{} has no cloud `{name}`; it has: {}",
            path.display(),
            listed(&clouds)
        )));
    };
    let source = format!("cloud `{name}` of {}", path.display());
    if let Some(profile) = &cloud.profile
        && cloud.auth.url.is_none()
    {
        let why = format!("{source}: the profile `{profile}` is not read; write its auth_url into the file");
        return Err(CloudError::setting(why));
    }
    let secret = secure(&path, environment)?.and_then(|mut file| file.clouds.remove(&name));
    Ok((source, fields(cloud, secret.unwrap_or_default())))
}

fn first_there(environment: &Environment, name: Option<&str>) -> Result<PathBuf, CloudError> {
    let places = places(environment);
    if let Some(path) = places.iter().find(|path| path.is_file()) {
        return Ok(path.clone());
    }
    let looked: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    let looked = looked.join(", ");
    Err(match name {
        Some(name) => {
            let why = format!("OS_CLOUD is `{name}`, and there is no clouds.yaml; looked for {looked}");
            CloudError::setting(why)
        }
        // No setting is wrong: a run continues without the cloud.
        None => CloudError::new(
            Kind::Forbidden,
            format!(
                "no credentials for OpenStack: neither CLOUD_CONFIG, OS_CLOUD nor OS_AUTH_URL is set, and there is no \
                 clouds.yaml; looked for {looked}"
            ),
        ),
    })
}

/// The possible places of a file, in the order of OpenStack's own clients.
fn places(environment: &Environment) -> Vec<PathBuf> {
    if let Some(path) = environment.get("OS_CLIENT_CONFIG_FILE") {
        return vec![PathBuf::from(path)];
    }
    let home = environment.get("HOME").map(|home| Path::new(home).join(".config"));
    let user = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let folders =
        [Some(PathBuf::from(".")), user.map(|path| path.join("openstack")), Some("/etc/openstack".into())];
    let both = |folder: PathBuf| [folder.join("clouds.yaml"), folder.join("clouds.yml")];
    folders.into_iter().flatten().flat_map(both).collect()
}

/// The file with the secrets: named, or beside the other.
fn secure(path: &Path, environment: &Environment) -> Result<Option<File>, CloudError> {
    if let Some(named) = environment.get("OS_CLIENT_SECURE_FILE") {
        return parse(Path::new(named)).map(Some);
    }
    let beside = ["secure.yaml", "secure.yml"].map(|name| path.with_file_name(name));
    beside.iter().find(|path| path.is_file()).map(|path| parse(path)).transpose()
}

fn parse(path: &Path) -> Result<File, CloudError> {
    parse_text(path, &read_file(path)?)
}

fn parse_text(path: &Path, text: &str) -> Result<File, CloudError> {
    // The parser's message may quote a line with the password.
    let place = |error: serde_saphyr::Error| match error.location() {
        Some(location) => format!(" (line {})", location.line()),
        None => String::new(),
    };
    serde_saphyr::from_str(text).map_err(|error| {
        let place = place(error);
        let expected = "expected `clouds:` with a cloud by its name, its `auth:` below it; a password of digits \
                        needs quotes";
        CloudError::setting(format!("{} is not understood{place}; {expected}", path.display()))
    })
}

/// The credentials of every cloud in a text.
pub(super) fn all(text: &str) -> Vec<Result<Credentials, CloudError>> {
    match parse_text(Path::new("clouds.yaml"), text) {
        Ok(file) => {
            let clouds = file.clouds.into_iter();
            clouds.map(|(name, cloud)| fields(cloud, Cloud::default()).credentials(&name)).collect()
        }
        Err(error) => vec![Err(error)],
    }
}

fn the_only_one(clouds: &BTreeMap<String, Cloud>, path: &Path) -> Result<String, CloudError> {
    let mut names = clouds.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(CloudError::setting(format!("{} has no cloud", path.display()))),
        (Some(_), Some(_)) => Err(CloudError::setting(format!(
            "{} has {} clouds: {}; set OS_CLOUD to the one you mean",
            path.display(),
            clouds.len(),
            listed(clouds)
        ))),
    }
}

fn listed(clouds: &BTreeMap<String, Cloud>) -> String {
    if clouds.is_empty() {
        return "none".to_owned();
    }
    clouds.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn fields(open: Cloud, secret: Cloud) -> Fields {
    let (auth, hidden) = (open.auth, secret.auth);
    Fields {
        auth_type: open.auth_type.or(secret.auth_type),
        auth_url: auth.url.or(hidden.url),
        username: auth.username.or(hidden.username),
        user_id: auth.user_id.or(hidden.user_id),
        password: hidden.password.or(auth.password),
        user_domain_name: auth.user_domain_name.or(hidden.user_domain_name),
        user_domain_id: auth.user_domain_id.or(hidden.user_domain_id),
        project_name: auth.project_name.or(hidden.project_name).or(auth.tenant_name),
        project_id: auth.project_id.or(hidden.project_id).or(auth.tenant_id),
        project_domain_name: auth.project_domain_name.or(hidden.project_domain_name),
        project_domain_id: auth.project_domain_id.or(hidden.project_domain_id),
        trust_id: auth.trust_id.or(hidden.trust_id),
        application_id: auth.application_credential_id.or(hidden.application_credential_id),
        application_name: auth.application_credential_name.or(hidden.application_credential_name),
        application_secret: hidden.application_credential_secret.or(auth.application_credential_secret),
        region: open.region_name.or(secret.region_name),
        interface: open.interface.or(open.endpoint_type),
        authorities: open.cacert,
        certificate: open.cert,
        key: open.key,
        insecure: open.verify == Some(false),
    }
}
