//! Workload identity federation: a token of another identity provider is exchanged for one of Google.
//!
//! Google's library does the same, but it reads answers without a bound, follows redirects, blocks on a file that is a pipe,
//! and panics at a token whose lifetime exceeds the range of time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use google_cloud_gax::error::CredentialsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::decode;
use super::address::{Address, Clients};
use super::ask::{body, json as ask_for_json, lasting};
use super::contents::{Unread, of_file};
use super::granted::Granted;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The part of a file of the kind `external_account` that this program uses.
#[derive(Deserialize)]
struct File {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Value,
    client_id: Option<String>,
    client_secret: Option<String>,
    workforce_pool_user_project: Option<String>,
}

/// An exchange of tokens.
pub(super) struct Federation {
    source: Source,
    audience: String,
    subject_token_type: String,
    exchange: Address,
    client: Option<(String, Option<String>)>,
    options: Option<String>,
    scope: &'static str,
}

/// The source of the other identity provider's token.
struct Source {
    place: Place,
    /// The field of JSON that holds it; `None` if it is the whole text.
    field: Option<String>,
}

enum Place {
    File(PathBuf),
    Address { address: Address, headers: BTreeMap<String, String> },
}

/// The subject token is missing.
#[derive(Debug, thiserror::Error)]
enum NoSubject {
    #[error("the source of the subject token gives none")]
    Empty,
    #[error("the source of the subject token has no text in the field that the file names")]
    NoField,
}

impl Federation {
    /// The exchange that a file describes.
    pub(super) fn read(file: Value, scope: &'static str) -> Result<Self, String> {
        let file = File::deserialize(file).map_err(|_| "its federation lacks a field".to_owned())?;
        let source = source(&file.credential_source)?;
        let exchange = Address::of_secrets(&file.token_url, "token_url")?;
        // A client with an identity of its own names its project by it.
        let project = file.workforce_pool_user_project.filter(|_| file.client_id.is_none());
        let options = project.map(|project| json!({"userProject": project}).to_string());
        let client = file.client_id.map(|client| (client, file.client_secret));
        let (audience, subject_token_type) = (file.audience, file.subject_token_type);
        Ok(Self { source, audience, subject_token_type, exchange, client, options, scope })
    }

    /// Exchanges the other provider's token, read anew, for one of Google.
    pub(super) async fn granted(&self, clients: &Clients) -> Result<Granted, CredentialsError> {
        let subject = self.source.token(clients).await?;
        let mut form = vec![
            ("grant_type", GRANT),
            ("requested_token_type", ACCESS_TOKEN),
            ("audience", &self.audience),
            ("scope", self.scope),
            ("subject_token", &subject),
            ("subject_token_type", &self.subject_token_type),
        ];
        form.extend(self.options.as_deref().map(|options| ("options", options)));
        let mut request = clients.post(&self.exchange).form(&form);
        if let Some((name, secret)) = &self.client {
            request = request.basic_auth(name, secret.as_ref());
        }
        ask_for_json(request).await
    }
}

/// Reads the source of the token from the file.
fn source(source: &Value) -> Result<Source, String> {
    if source.get("executable").is_some() {
        return Err(
            "its credential_source runs a program, which this program does not; name a file or a url"
                .to_owned(),
        );
    }
    if source.get("environment_id").is_some() {
        return Err(
            "its credential_source is of AWS, which this program does not know; name a file or a url"
                .to_owned(),
        );
    }
    let text = |name: &str| source.get(name).and_then(Value::as_str);
    let place = match (text("file"), text("url")) {
        (Some(path), None) => Place::File(PathBuf::from(path)),
        (None, Some(url)) => {
            let address = Address::of_source(url, "credential_source.url")?;
            let headers = source.get("headers").filter(|headers| !headers.is_null());
            let headers = headers.map(BTreeMap::deserialize).transpose();
            let headers = headers.map_err(|_| "its credential_source.headers are no texts".to_owned())?;
            Place::Address { address, headers: headers.unwrap_or_default() }
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err("its credential_source is neither a file nor an address".to_owned());
        }
    };
    let format = source.get("format").filter(|format| !format.is_null());
    let part = |name: &str| format.and_then(|format| format.get(name)).and_then(Value::as_str);
    let field = match part("type") {
        None if format.is_none() => None,
        Some("text") => None,
        Some("json") => {
            let field = part("subject_token_field_name");
            Some(field.ok_or("its credential_source names no field that holds the token")?.to_owned())
        }
        None | Some(_) => {
            return Err("its credential_source has a format other than text and json".to_owned());
        }
    };
    Ok(Source { place, field })
}

impl Source {
    async fn token(&self, clients: &Clients) -> Result<String, CredentialsError> {
        let text = match &self.place {
            Place::File(path) => {
                let (path, shown) = (path.clone(), path.display().to_string());
                // A file may be a pipe: a thread that can be abandoned reads it.
                let read = tokio::task::spawn_blocking(move || of_file(&path)).await;
                read.unwrap_or(Err(Unread::Left(shown))).map_err(lasting)?.into_bytes()
            }
            Place::Address { address, headers } => {
                let request = clients.get(address);
                let with = |request: reqwest::RequestBuilder, (name, value): (&String, &String)| {
                    request.header(name, value)
                };
                body(headers.iter().fold(request, with)).await?
            }
        };
        let token = match &self.field {
            None => String::from_utf8(text).map_err(|error| lasting(error.utf8_error()))?,
            Some(field) => {
                let json: Value = decode(&text).map_err(lasting)?;
                json.get(field).and_then(Value::as_str).ok_or_else(|| lasting(NoSubject::NoField))?.to_owned()
            }
        };
        let token = token.trim();
        if token.is_empty() { Err(lasting(NoSubject::Empty)) } else { Ok(token.to_owned()) }
    }
}
