//! Application Default Credentials: the file that a variable names or that gcloud keeps, else none.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{Credentials, external_account, impersonated, service_account};
use kube_rebalancer_ports::Environment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::{From, Tokens};

/// Maximum number of bytes of the file.
const LONGEST: u64 = 1 << 20;
/// Where a login's token is refreshed unless its file says otherwise.
const REFRESH: &str = "https://oauth2.googleapis.com/token";

/// A person's login, as gcloud writes it.
#[derive(Deserialize)]
struct Login {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    token_uri: Option<String>,
    quota_project_id: Option<String>,
}

/// What the file of credentials holds; `None` if there is none. A file may be a pipe: this may block.
pub(super) fn read(environment: &Environment) -> Result<Option<Value>, String> {
    let (path, is_named) = match environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        Some(path) => (PathBuf::from(path), true),
        None => match well_known(environment) {
            Some(path) => (path, false),
            None => return Ok(None),
        },
    };
    let shown = path.display();
    let mut text = String::new();
    match text_of(&path, &mut text) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => return Ok(None),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
    }
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
        return Err(format!("{shown} is longer than {LONGEST} bytes"));
    }
    // The parser would quote what it cannot read.
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| format!("cannot parse {shown}: line {}, column {}", error.line(), error.column()))
}

fn text_of(path: &Path, text: &mut String) -> std::io::Result<()> {
    File::open(path)?.take(LONGEST.saturating_add(1)).read_to_string(text)?;
    Ok(())
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
    client: reqwest::Client,
    scope: &'static str,
    quota_project: Option<&str>,
) -> Result<Credentials, String> {
    let kind = file.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed = |error: BuildError| error.to_string();
    match kind.as_str() {
        "authorized_user" => {
            let login = Login::deserialize(file).map_err(|_| "its login lacks a field".to_owned())?;
            let body = json!({
                "grant_type": "refresh_token",
                "client_id": login.client_id,
                "client_secret": login.client_secret,
                "refresh_token": login.refresh_token,
                "scopes": scope,
            });
            let url = login.token_uri.unwrap_or_else(|| REFRESH.to_owned());
            let from = From::Login { url, body: body.to_string() };
            let quota_project = quota_project.or(login.quota_project_id.as_deref());
            Ok(Credentials::from(Tokens::new(client, from, scope, quota_project)))
        }
        "service_account" => {
            let builder = service_account::Builder::new(file);
            let builder = builder.with_access_specifier(AccessSpecifier::from_scopes([scope]));
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build().map_err(failed),
                None => builder.build().map_err(failed),
            }
        }
        "impersonated_service_account" => {
            let builder = impersonated::Builder::new(file).with_scopes([scope]);
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build().map_err(failed),
                None => builder.build().map_err(failed),
            }
        }
        "external_account" => {
            let builder = external_account::Builder::new(file).with_scopes([scope]);
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build().map_err(failed),
                None => builder.build().map_err(failed),
            }
        }
        _ => Err("its type is not one that this program knows".to_owned()),
    }
}
