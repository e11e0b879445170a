//! Gets a token from Keystone, or reports the part of the credentials that it does not accept.

use http::{Method, StatusCode};
use kube_rebalancer_rest::Reply;
use serde_json::{Value, json};

use super::Session;
use super::catalog::{Place, TokenBody};
use super::transport::{Request, Transport, read};
use crate::credentials::{Application, Credentials, Domain, Login, Named, Secret};
use kube_rebalancer_rest::{CloudError, Kind};

/// The header with the token.
const TOKEN: &str = "x-subject-token";

/// Asks for a token, and finds the endpoints of Nova and Magnum.
pub(super) async fn login(transport: &Transport, credentials: &Credentials) -> Result<Session, CloudError> {
    if credentials.auth_url.starts_with("http://") {
        log::warn!("{}: the auth URL is not https, so the secret travels as it is", credentials.source);
    }
    let reply = ask(transport, credentials, body(&credentials.login, true)).await?;
    if !reply.status.is_success() {
        return Err(refused(transport, credentials, &reply).await);
    }
    let token = reply.headers.get(TOKEN).and_then(|token| token.to_str().ok()).map(str::to_owned);
    let Some(token) = token else {
        let why = format!("the auth URL {} is no Keystone: its answer has no token", credentials.auth_url);
        return Err(setting(credentials, &why));
    };
    let body: TokenBody = read(&reply, "log in to OpenStack")?;
    let Place { endpoint, magnum, region, project } = body.place(credentials)?;
    Ok(Session { token: Secret(token), endpoint, magnum, region, project })
}

async fn ask(transport: &Transport, credentials: &Credentials, body: Value) -> Result<Reply, CloudError> {
    let url = &credentials.auth_url;
    let request = Request {
        method: Method::POST,
        url: format!("{url}/auth/tokens"),
        token: None,
        version: None,
        body: Some(body),
        // A second token changes nothing.
        is_read: true,
        is_once: false,
        is_last: false,
    };
    transport.make(&request).await.map_err(|silence| {
        let why = format!("{}: the auth URL {url} does not answer: {}", credentials.source, silence.words);
        CloudError::new(Kind::Busy, why)
    })
}

/// The error that names the wrong part of the credentials, as far as Keystone shows it.
async fn refused(transport: &Transport, credentials: &Credentials, reply: &Reply) -> CloudError {
    let url = &credentials.auth_url;
    let why = match (&credentials.login, reply.status) {
        (Login::Application { credential, .. }, StatusCode::NOT_FOUND) if is_keystone(reply) => {
            format!("Keystone at {url} has no application credential {credential}")
        }
        (Login::Application { credential, .. }, StatusCode::UNAUTHORIZED) => format!(
            "Keystone at {url} does not accept the application credential {credential}: its secret is wrong, or it has \
             expired, or its user is gone"
        ),
        (Login::Password { user, project, .. }, StatusCode::UNAUTHORIZED) => {
            // Keystone gives the same answer for every wrong part; a login without the project distinguishes them.
            match ask(transport, credentials, body(&credentials.login, false)).await {
                Ok(reply) if reply.status.is_success() => format!(
                    "Keystone at {url} accepts user {user}, but not for project {project}: there is no such project or \
                     domain, or the user has no role in it"
                ),
                _ => wrong_password(url, user),
            }
        }
        (Login::Trust { user, trust, .. }, StatusCode::FORBIDDEN) => {
            format!("Keystone at {url} accepts user {user}, but not as the trustee of the trust `{trust}`")
        }
        (Login::Trust { user, trust, .. }, StatusCode::UNAUTHORIZED) => {
            match ask(transport, credentials, body(&credentials.login, false)).await {
                Ok(reply) if reply.status.is_success() => format!(
                    "Keystone at {url} accepts user {user}, but not with the trust `{trust}`: there is no such trust, or it \
                     has expired, or its uses are exhausted, or its trustor has lost a role"
                ),
                _ => wrong_password(url, user),
            }
        }
        (_, status) if status.is_server_error() || status.as_u16() == 429 => {
            let why = format!("{}: Keystone at {url} cannot log in: {}", credentials.source, reply.words());
            return CloudError::new(Kind::Busy, why);
        }
        _ => format!("the auth URL {url} is no Keystone of version 3, or refuses: {}", reply.words()),
    };
    setting(credentials, &why)
}

fn wrong_password(url: &str, user: &Named) -> String {
    format!(
        "Keystone at {url} does not accept user {user} with this password: user, domain or password is wrong"
    )
}

fn is_keystone(reply: &Reply) -> bool {
    reply.words().contains("Application Credential")
}

/// Wrong credentials are no wrong setting: a run continues without the cloud.
fn setting(credentials: &Credentials, why: &str) -> CloudError {
    CloudError::new(Kind::Forbidden, format!("{}: {why}", credentials.source))
}

fn body(login: &Login, scoped: bool) -> Value {
    match login {
        Login::Password { user, password, project } => {
            of_user(user, password, scoped.then(|| json!({"project": named(project)})))
        }
        Login::Trust { user, password, trust } => {
            of_user(user, password, scoped.then(|| json!({"OS-TRUST:trust": {"id": trust}})))
        }
        Login::Application { credential, secret: Secret(secret) } => {
            let credential = match credential {
                Application::Id(id) => json!({"id": id, "secret": secret}),
                Application::Name(name, user) => json!({"name": name, "secret": secret, "user": named(user)}),
            };
            json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": credential}}})
        }
    }
}

fn of_user(user: &Named, Secret(password): &Secret, scope: Option<Value>) -> Value {
    let mut user = named(user);
    insert(&mut user, "password", json!(password));
    let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    if let Some(scope) = scope {
        insert(&mut auth, "scope", scope);
    }
    json!({"auth": auth})
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({"id": id}),
        Named::Name(name, Domain::Id(id)) => json!({"name": name, "domain": {"id": id}}),
        Named::Name(name, Domain::Name(domain)) => json!({"name": name, "domain": {"name": domain}}),
    }
}
