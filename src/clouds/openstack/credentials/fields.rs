//! The fields of each source of credentials, and the credentials that they make.

use std::path::PathBuf;

use super::{Application, Credentials, Domain, Login, Named, Secret, Tls};
use kube_rebalancer_rest::CloudError;

/// The default domain of keystoneauth.
const DEFAULT_DOMAIN: &str = "default";

/// The texts of one source that are present.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    pub(crate) auth_type: Option<String>,
    pub(crate) auth_url: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) user_domain_name: Option<String>,
    pub(crate) user_domain_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) project_domain_name: Option<String>,
    pub(crate) project_domain_id: Option<String>,
    pub(crate) trust_id: Option<String>,
    pub(crate) application_id: Option<String>,
    pub(crate) application_name: Option<String>,
    pub(crate) application_secret: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) authorities: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) insecure: bool,
}

impl Fields {
    /// These fields, and the others where they are absent.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            auth_type: self.auth_type.or(other.auth_type),
            auth_url: self.auth_url.or(other.auth_url),
            username: self.username.or(other.username),
            user_id: self.user_id.or(other.user_id),
            password: self.password.or(other.password),
            user_domain_name: self.user_domain_name.or(other.user_domain_name),
            user_domain_id: self.user_domain_id.or(other.user_domain_id),
            project_name: self.project_name.or(other.project_name),
            project_id: self.project_id.or(other.project_id),
            project_domain_name: self.project_domain_name.or(other.project_domain_name),
            project_domain_id: self.project_domain_id.or(other.project_domain_id),
            trust_id: self.trust_id.or(other.trust_id),
            application_id: self.application_id.or(other.application_id),
            application_name: self.application_name.or(other.application_name),
            application_secret: self.application_secret.or(other.application_secret),
            region: self.region.or(other.region),
            interface: self.interface.or(other.interface),
            authorities: self.authorities.or(other.authorities),
            certificate: self.certificate.or(other.certificate),
            key: self.key.or(other.key),
            insecure: self.insecure || other.insecure,
        }
    }

    /// Makes credentials of them; the error names the missing part.
    pub(crate) fn credentials(self, source: &str) -> Result<Credentials, CloudError> {
        let wrong = |what: &str| CloudError::setting(format!("{source}: {what}"));
        let url = self.auth_url.as_deref().ok_or_else(|| wrong("the auth URL is missing"))?;
        let auth_url = auth_url(url).map_err(|why| wrong(&why))?;
        let interface = self.interface.as_deref().unwrap_or("public").to_ascii_lowercase();
        let interface = interface.strip_suffix("url").unwrap_or(&interface).to_owned();
        if !["public", "internal", "admin"].contains(&interface.as_str()) {
            return Err(wrong(&format!("`{interface}` is no interface; expected public, internal or admin")));
        }
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("it names a certificate and no key")),
            (None, Some(_)) => return Err(wrong("it names a key and no certificate")),
        };
        let tls =
            Tls { authorities: self.authorities.as_deref().map(PathBuf::from), own, insecure: self.insecure };
        let region = self.region.clone();
        let login = self.login().map_err(|what| wrong(&what))?;
        Ok(Credentials { source: source.to_owned(), auth_url, login, region, interface, tls })
    }

    fn login(self) -> Result<Login, String> {
        let named_type = self.auth_type.as_deref().unwrap_or_default();
        let is_application = self.application_id.is_some() || self.application_name.is_some();
        match named_type {
            "" | "v3applicationcredential" if is_application => self.application(),
            "v3applicationcredential" => Err("the application credential has neither ID nor name".to_owned()),
            "" | "password" | "v3password" => self.password(),
            other => Err(format!(
                "auth type `{other}` is not supported; expected password or v3applicationcredential"
            )),
        }
    }

    fn application(self) -> Result<Login, String> {
        let secret = self.application_secret.clone().ok_or("the application credential has no secret")?;
        let credential = match (self.application_id.clone(), self.application_name.clone()) {
            (Some(id), _) => Application::Id(id),
            (None, name) => Application::Name(name.unwrap_or_default(), self.user()?),
        };
        Ok(Login::Application { credential, secret: Secret(secret) })
    }

    fn password(self) -> Result<Login, String> {
        let user = self.user()?;
        let password = Secret(self.password.ok_or("the password is missing")?);
        if let Some(trust) = self.trust_id {
            return Ok(Login::Trust { user, password, trust });
        }
        let domain = domain(self.project_domain_name, self.project_domain_id);
        let project = match (self.project_id, self.project_name) {
            (Some(id), _) => Named::Id(id),
            (None, Some(name)) => Named::Name(name, domain),
            (None, None) => return Err("the project is missing".to_owned()),
        };
        Ok(Login::Password { user, password, project })
    }

    fn user(&self) -> Result<Named, String> {
        let domain = domain(self.user_domain_name.clone(), self.user_domain_id.clone());
        match (&self.user_id, &self.username) {
            (Some(id), _) => Ok(Named::Id(id.clone())),
            (None, Some(name)) => Ok(Named::Name(name.clone(), domain)),
            (None, None) => Err("the user is missing".to_owned()),
        }
    }
}

fn domain(name: Option<String>, id: Option<String>) -> Domain {
    match (id, name) {
        (Some(id), _) => Domain::Id(id),
        (None, Some(name)) => Domain::Name(name),
        (None, None) => Domain::Id(DEFAULT_DOMAIN.to_owned()),
    }
}

/// The URL of version 3 of the identity service: files often name the service alone, or version 2.
fn auth_url(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    // A user in the URL would be sent, and shown in messages.
    let sound = host.is_some_and(|host| {
        !host.is_empty() && !host.starts_with('/') && !host.contains(['@', '?', '#', ' ']) && host.is_ascii()
    });
    if !sound {
        return Err(
            "the auth URL is no URL; expected one such as https://cloud.example.org:5000/v3".to_owned()
        );
    }
    let text = text.strip_suffix("/v2.0").unwrap_or(text);
    Ok(if text.ends_with("/v3") { text.to_owned() } else { format!("{text}/v3") })
}
