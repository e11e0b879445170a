//! Application Default Credentials: the file that a variable names or that gcloud keeps, else none.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{Credentials, service_account};
use kube_rebalancer_ports::Environment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{Address, Clients};
use super::contents::{Unread, of_file};
use super::federation::Federation;
use super::impersonation::{Impersonation, LASTS, lifetime};
use super::token::{From, Tokens, is_domain};

/// The default address at which a login's token is refreshed.
const REFRESH: &str = "https://oauth2.googleapis.com/token";
/// The scope of a federation's token that is exchanged for a service account's token.
const IAM: &str = "https://www.googleapis.com/auth/iam";
/// The same scope of a login or a service account.
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The field with the address for a service account's token.
const IMPERSONATE: &str = "service_account_impersonation_url";

/// A person's login, as gcloud writes it.
#[derive(Deserialize)]
struct Login {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    token_uri: Option<String>,
}

/// The identity of a service account, as gcloud writes it.
#[derive(Deserialize)]
struct Identity {
    service_account_impersonation_url: String,
    source_credentials: Value,
    delegates: Option<Vec<String>>,
}

/// The content of the file of credentials; `None` if there is none. A file may be a pipe: this may block.
pub(super) fn read(environment: &Environment) -> Result<Option<Value>, String> {
    let (path, is_named) = match environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        Some(path) => (PathBuf::from(path), true),
        None => match well_known(environment) {
            Some(path) => (path, false),
            None => return Ok(None),
        },
    };
    let text = match of_file(&path) {
        Ok(text) => text,
        Err(Unread::Io(_, error)) if error.kind() == ErrorKind::NotFound && !is_named => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // The parser would quote the invalid text.
    serde_json::from_str(&text).map(Some).map_err(|error| {
        format!("cannot parse {}: line {}, column {}", path.display(), error.line(), error.column())
    })
}

fn well_known(environment: &Environment) -> Option<PathBuf> {
    let (root, rest) = if cfg!(windows) {
        (environment.get("APPDATA")?, "gcloud/application_default_credentials.json")
    } else {
        (environment.get("HOME")?, ".config/gcloud/application_default_credentials.json")
    };
    Some(Path::new(root).join(rest))
}

/// Makes credentials from the contents of a file. Credentials of a service account sign their tokens themselves.
pub(super) fn credentials(
    file: Value,
    clients: &Clients,
    scope: &'static str,
    quota_project: Option<&str>,
) -> Result<Credentials, String> {
    let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    let universe = text("universe_domain");
    // This is the domain of Compute Engine.
    if universe.as_deref().is_some_and(|domain| !is_domain(domain)) {
        return Err("its universe_domain is no domain".to_owned());
    }
    let of_file = text("quota_project_id");
    let own = quota_project.or(of_file.as_deref());
    let tokens = |from: From| Credentials::from(Tokens::new(clients.clone(), from, own, universe));
    match text("type").as_deref() {
        Some("authorized_user") => Ok(tokens(login(file, scope)?)),
        Some("service_account") => service_account(file, scope, quota_project),
        Some("external_account") => {
            let Some(address) = file.get(IMPERSONATE).filter(|address| !address.is_null()) else {
                return Ok(tokens(From::Federation(Box::new(Federation::read(file, scope)?))));
            };
            let address = Address::of_secrets(address.as_str().unwrap_or_default(), IMPERSONATE)?;
            let lifetime = lifetime(&file)?;
            let source = From::Federation(Box::new(Federation::read(file, IAM)?));
            let source = Tokens::new(clients.clone(), source, None, None).into();
            let delegates = Vec::new();
            Ok(tokens(From::Impersonation(Impersonation { source, address, delegates, scope, lifetime })))
        }
        Some("impersonated_service_account") => {
            let Identity { service_account_impersonation_url: address, source_credentials, delegates } =
                Identity::deserialize(file).map_err(|_| "its impersonation lacks a field".to_owned())?;
            let address = Address::of_secrets(&address, IMPERSONATE)?;
            let kind = source_credentials.get("type").and_then(Value::as_str);
            if kind == Some("impersonated_service_account") {
                return Err(
                    "its source_credentials impersonate a service account, too; name it in delegates"
                        .to_owned(),
                );
            }
            let source = credentials(source_credentials, clients, PLATFORM, None)?;
            let delegates = delegates.unwrap_or_default();
            Ok(tokens(From::Impersonation(Impersonation {
                source,
                address,
                delegates,
                scope,
                lifetime: LASTS,
            })))
        }
        _ => Err("its type is not one that this program knows".to_owned()),
    }
}

fn login(file: Value, scope: &'static str) -> Result<From, String> {
    let login = Login::deserialize(file).map_err(|_| "its login lacks a field".to_owned())?;
    let address = Address::of_secrets(login.token_uri.as_deref().unwrap_or(REFRESH), "token_uri")?;
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": login.client_id,
        "client_secret": login.client_secret,
        "refresh_token": login.refresh_token,
        "scopes": scope,
    });
    Ok(From::Login { address, body: body.to_string() })
}

fn service_account(
    file: Value,
    scope: &'static str,
    quota_project: Option<&str>,
) -> Result<Credentials, String> {
    let builder = service_account::Builder::new(file);
    let builder = builder.with_access_specifier(AccessSpecifier::from_scopes([scope]));
    let builder = match quota_project {
        Some(project) => builder.with_quota_project_id(project),
        None => builder,
    };
    builder.build().map_err(|error| error.to_string())
}
