//! Finds the credentials, and the cloud of Azure that they belong to.
//!
//! ```text
//!   AZURE_FEDERATED_TOKEN_FILE (workload identity) --+
//!   AZURE_CLIENT_SECRET ------------------------------+--> Login
//!   otherwise the machine's managed identity ---------+
//!
//!   AZURE_AUTHORITY_HOST --> where tokens are, and with that the address of Azure Resource Manager
//! ```
//!
//! The official crate `azure_identity` asks for the same tokens. It reads the environment and the clock by itself, tries for up
//! to a minute regardless of the run's time, and needs some ten crates. This program needs only three requests, so it makes
//! them itself.

use std::fmt;
use std::path::PathBuf;

use kube_rebalancer_ports::Environment;
use kube_rebalancer_rest::CloudError;

/// The default authority for tokens.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The metadata server of a machine.
const METADATA: &str = "http://169.254.169.254";

/// The authorities of the national clouds, each with its Azure Resource Manager.
const CLOUDS: [(&str, &str); 4] = [
    (AUTHORITY, "https://management.azure.com"),
    ("https://login.microsoftonline.us", "https://management.usgovcloudapi.net"),
    ("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
    ("https://login.partner.microsoftonline.cn", "https://management.chinacloudapi.cn"),
];

/// The credentials for Azure Resource Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Their source, for people.
    pub(crate) source: &'static str,
    /// The identity.
    pub(crate) login: Login,
    /// Azure Resource Manager, without a slash at its end.
    pub(crate) manager: String,
}

/// The identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// An application, by a token that the cluster writes into a file.
    Federated { application: Application, file: PathBuf },
    /// An application, by its secret.
    Secret { application: Application, secret: Secret },
    /// The managed identity of the machine, or one of several.
    Managed {
        /// The metadata server.
        metadata: String,
        /// The ID of one of several identities.
        client: Option<String>,
    },
}

/// An application that is registered with Microsoft Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Application {
    /// The authority for tokens.
    pub(crate) authority: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// Its ID.
    pub(crate) client: String,
}

/// A text that no message, log line or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Finds the credentials in the variables that Azure's own clients read.
pub(crate) fn find(environment: &Environment) -> Result<Credentials, CloudError> {
    let authority = address(environment, "AZURE_AUTHORITY_HOST")?.unwrap_or_else(|| AUTHORITY.to_owned());
    let manager = match address(environment, "AZURE_RESOURCE_MANAGER_ENDPOINT")? {
        Some(manager) => manager,
        None => manager_of(&authority)?,
    };
    let client = environment.get("AZURE_CLIENT_ID").map(str::to_owned);
    let application = |needed_by: &str| {
        let missing = |name: &str| CloudError::setting(format!("{needed_by} is set and {name} is not"));
        let tenant = environment.get("AZURE_TENANT_ID").ok_or_else(|| missing("AZURE_TENANT_ID"))?;
        if !crate::id::is_name(tenant) {
            return Err(CloudError::setting("AZURE_TENANT_ID is neither an ID nor a domain"));
        }
        let client = client.clone().ok_or_else(|| missing("AZURE_CLIENT_ID"))?;
        Ok(Application { authority: authority.clone(), tenant: tenant.to_owned(), client })
    };
    if let Some(file) = environment.get("AZURE_FEDERATED_TOKEN_FILE") {
        let application = application("AZURE_FEDERATED_TOKEN_FILE")?;
        let login = Login::Federated { application, file: PathBuf::from(file) };
        return Ok(Credentials { source: "workload identity", login, manager });
    }
    if let Some(secret) = environment.get("AZURE_CLIENT_SECRET") {
        let application = application("AZURE_CLIENT_SECRET")?;
        let login = Login::Secret { application, secret: Secret(secret.to_owned()) };
        return Ok(Credentials { source: "AZURE_CLIENT_SECRET", login, manager });
    }
    let metadata = match environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") {
        // The only unencrypted address, at which no other machine answers.
        Some(host) if is_local(host) => host.trim_end_matches('/').to_owned(),
        Some(_) => {
            let why =
                "AZURE_POD_IDENTITY_AUTHORITY_HOST is no address of this machine or of its metadata server";
            return Err(CloudError::setting(why));
        }
        None => METADATA.to_owned(),
    };
    Ok(Credentials { source: "the managed identity", login: Login::Managed { metadata, client }, manager })
}

/// The Azure Resource Manager of an authority's cloud.
fn manager_of(authority: &str) -> Result<String, CloudError> {
    let known = CLOUDS.iter().find(|(host, _)| authority.eq_ignore_ascii_case(host));
    known.map(|(_, manager)| (*manager).to_owned()).ok_or_else(|| {
        CloudError::setting(format!(
            "AZURE_AUTHORITY_HOST {authority} is of no Azure that is known: set AZURE_RESOURCE_MANAGER_ENDPOINT"
        ))
    })
}

/// Reads an address for secrets: `https`, or this machine.
fn address(environment: &Environment, name: &str) -> Result<Option<String>, CloudError> {
    let Some(text) = environment.get(name) else { return Ok(None) };
    let text = text.trim_end_matches('/');
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b'?' | b'#' | b'\\'));
    if is_plain && (text.starts_with("https://") || is_local(text)) {
        return Ok(Some(text.to_owned()));
    }
    Err(CloudError::setting(format!("{name} is no address that begins with https://")))
}

/// Whether an address is this machine's, or its metadata server's.
fn is_local(text: &str) -> bool {
    let Some(rest) = text.trim_end_matches('/').strip_prefix("http://") else { return false };
    let host = rest.split_once(':').map_or(rest, |(host, _)| host);
    let port = rest.split_once(':').map(|(_, port)| port);
    ["127.0.0.1", "localhost", "169.254.169.254"].contains(&host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Result<Credentials, String> {
        find(&pairs.iter().copied().collect()).map_err(|error| error.message)
    }

    #[test]
    fn workload_identity_goes_before_a_secret_and_that_before_the_managed_identity() {
        let application = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
        let federated = [application.as_slice(), &[("AZURE_FEDERATED_TOKEN_FILE", "/f")]].concat();
        assert_eq!(found(&federated).unwrap().source, "workload identity");
        let secret = found(&application).unwrap();
        assert_eq!(
            (secret.source, &*secret.manager),
            ("AZURE_CLIENT_SECRET", "https://management.azure.com")
        );
        assert!(!format!("{secret:?}").contains("\"s\""), "{secret:?}");
        let managed = found(&[("AZURE_CLIENT_ID", "c")]).unwrap();
        let login = Login::Managed { metadata: METADATA.to_owned(), client: Some("c".to_owned()) };
        assert_eq!((managed.source, managed.login), ("the managed identity", login));
    }

    #[test]
    fn the_authority_tells_which_azure_it_is() {
        for (authority, manager) in [
            ("https://login.microsoftonline.com/", "https://management.azure.com"),
            ("https://login.microsoftonline.us", "https://management.usgovcloudapi.net"),
            ("https://login.partner.microsoftonline.cn/", "https://management.chinacloudapi.cn"),
        ] {
            let found = found(&[("AZURE_AUTHORITY_HOST", authority)]).unwrap();
            assert_eq!(found.manager, manager, "{authority}");
        }
        let own = [
            ("AZURE_AUTHORITY_HOST", "https://login.example.org"),
            ("AZURE_RESOURCE_MANAGER_ENDPOINT", "https://arm.example.org/"),
        ];
        assert_eq!(found(&own).unwrap().manager, "https://arm.example.org");
        assert!(found(&own[..1]).unwrap_err().contains("set AZURE_RESOURCE_MANAGER_ENDPOINT"));
    }

    #[test]
    fn what_is_wrong_is_named_without_the_secret() {
        for (pairs, told) in [
            (
                &[("AZURE_CLIENT_SECRET", "s3cret")][..],
                "AZURE_CLIENT_SECRET is set and AZURE_TENANT_ID is not",
            ),
            (
                &[("AZURE_FEDERATED_TOKEN_FILE", "/f"), ("AZURE_TENANT_ID", "t")],
                "AZURE_FEDERATED_TOKEN_FILE is set and AZURE_CLIENT_ID is not",
            ),
            (
                &[("AZURE_CLIENT_SECRET", "s"), ("AZURE_TENANT_ID", "../x"), ("AZURE_CLIENT_ID", "c")],
                "AZURE_TENANT_ID is neither an ID nor a domain",
            ),
            (
                &[("AZURE_AUTHORITY_HOST", "http://evil.example.org")],
                "AZURE_AUTHORITY_HOST is no address that begins with https://",
            ),
            (
                &[("AZURE_RESOURCE_MANAGER_ENDPOINT", "https://a@b")],
                "AZURE_RESOURCE_MANAGER_ENDPOINT is no address that begins with https://",
            ),
            (
                &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://10.0.0.1")],
                "AZURE_POD_IDENTITY_AUTHORITY_HOST is no address of this machine or of its metadata server",
            ),
        ] {
            assert_eq!(found(pairs), Err(told.to_owned()));
        }
    }
}
