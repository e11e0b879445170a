//! A token for Azure Resource Manager: three kinds of login, one small request each.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kube_rebalancer_rest::{CloudError, Kind, Request, Transport};
use serde::Deserialize;
use tokio::time::timeout;

use crate::credentials::{Application, Credentials, Login, Secret};

/// Maximum time of reading the file of a federated token, which may be a pipe.
const READING: Duration = Duration::from_secs(5);
/// Maximum size of such a file.
const LARGEST: u64 = 64 << 10;
/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// The type of a federated token in a form.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The version of the metadata server's tokens.
const METADATA_VERSION: &str = "2018-02-01";

/// The answer with a token.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
}

/// Asks for a token. A repeated request changes nothing, so it is retried like a read.
pub(super) async fn ask(
    transport: &Transport,
    metadata: &Transport,
    credentials: &Credentials,
) -> Result<Secret, CloudError> {
    let Credentials { login, source, manager } = credentials;
    let (transport, request) = match login {
        Login::Federated { application, file } => {
            let token = read(file.clone()).await?;
            let proof = [("client_assertion_type", ASSERTION), ("client_assertion", &token)];
            (transport, form(application, manager, &proof))
        }
        Login::Secret { application, secret: Secret(secret) } => {
            (transport, form(application, manager, &[("client_secret", secret)]))
        }
        Login::Managed { metadata: host, client } => (metadata, of_machine(host, client.as_deref(), manager)),
    };
    let place = request.url.split('?').next().unwrap_or_default().to_owned();
    let failed = |kind, why: &str| CloudError::new(kind, format!("no token by {source} from {place}: {why}"));
    let reply = transport.make(&request).await.map_err(|silence| failed(Kind::Busy, &silence.words))?;
    if !reply.status.is_success() {
        let is_passing = reply.status.is_server_error() || reply.status.as_u16() == 429;
        let kind = if is_passing { Kind::Busy } else { Kind::Forbidden };
        return Err(failed(kind, &reply.words()));
    }
    // The body has the token, so no message quotes it.
    let answer: Result<Answer, String> = reply.json();
    let answer = answer.map_err(|_| failed(Kind::Other, "the answer has no token"))?;
    Ok(Secret(answer.access_token))
}

fn form(application: &Application, manager: &str, proof: &[(&str, &str)]) -> Request {
    let Application { authority, tenant, client } = application;
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("grant_type", "client_credentials");
    body.append_pair("client_id", client);
    body.append_pair("scope", &format!("{manager}/.default"));
    body.extend_pairs(proof);
    Request {
        method: Method::POST,
        url: format!("{authority}/{tenant}/oauth2/v2.0/token"),
        headers: HeaderMap::new(),
        body: Some((FORM, body.finish())),
        is_read: true,
        is_once: false,
        is_last: false,
    }
}

fn of_machine(host: &str, client: Option<&str>, manager: &str) -> Request {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("api-version", METADATA_VERSION);
    query.append_pair("resource", &format!("{manager}/"));
    if let Some(client) = client {
        query.append_pair("client_id", client);
    }
    let headers = [(HeaderName::from_static("metadata"), HeaderValue::from_static("true"))];
    Request {
        method: Method::GET,
        url: format!("{host}/metadata/identity/oauth2/token?{}", query.finish()),
        headers: headers.into_iter().collect(),
        body: None,
        is_read: true,
        is_once: false,
        is_last: false,
    }
}

/// The token of a file. It is read again each time, because the cluster replaces it every hour.
async fn read(file: std::path::PathBuf) -> Result<String, CloudError> {
    let shown = file.display().to_string();
    let failed = |why: &str| {
        CloudError::new(Kind::Forbidden, format!("AZURE_FEDERATED_TOKEN_FILE: cannot read {shown}: {why}"))
    };
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut text = String::new();
        std::fs::File::open(file)?.take(LARGEST).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    let read = timeout(READING, reading).await.map_err(|_| failed("it does not end"))?;
    let text = read.map_err(|_| failed("it cannot be read"))?.map_err(|error| failed(&error.to_string()))?;
    Ok(text.trim().to_owned())
}
