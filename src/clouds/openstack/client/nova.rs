//! Nova's servers: reads, changes and deletes them.

use std::fmt;

use http::{Method, StatusCode};
use kube_rebalancer_rest::{Reply, Silence};
use serde_json::json;
use tokio::sync::Mutex;

use super::login::login;
use super::server::{One, Server};
use super::transport::{Request, Transport, read};
use super::{Project, Session};
use crate::credentials::{Credentials, Login};
use crate::id::ServerId;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind};

/// The microversion that shows whether a server is locked; every Nova since 2016 has it.
const VERSION: &str = "compute 2.9";

/// A change of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Its disk becomes an image, and it frees its host.
    Shelve,
    /// It runs again.
    Unshelve,
    /// It is off, and keeps its host.
    Stop,
    /// It runs again.
    Start,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The verb for people.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Shelve => "shelve",
            Self::Unshelve => "unshelve",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Delete => "delete",
        }
    }

    fn request(self) -> Option<&'static str> {
        match self {
            Self::Shelve => Some("shelve"),
            Self::Unshelve => Some("unshelve"),
            Self::Stop => Some("os-stop"),
            Self::Start => Some("os-start"),
            Self::Delete => None,
        }
    }
}

/// A service, as messages about failures name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// Its name for people.
    pub(super) name: &'static str,
    /// Its type in the catalogue.
    pub(super) kind: &'static str,
    /// The requested microversion.
    pub(super) version: &'static str,
}

/// The result of a request for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was accepted.
    Accepted,
    /// The state of the server does not allow it, according to Nova: read it again.
    Conflict(CloudError),
    /// It was refused, and changed nothing.
    Refused(CloudError),
    /// Nova failed in the middle (500): a started task may remain.
    BrokeOff(CloudError),
    /// Its answer was lost: it may or may not have been carried out.
    Lost(CloudError),
}

/// A connection to Nova with one project.
pub(crate) struct Nova {
    transport: Transport,
    credentials: Credentials,
    session: Mutex<Session>,
    /// The project of the session.
    pub(crate) project: Project,
    /// The region of the session.
    pub(crate) region: String,
    /// Whether the catalogue has a Magnum.
    pub(crate) has_magnum: bool,
}

impl fmt::Debug for Nova {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, credentials, session: _, project, region, has_magnum } = self;
        formatter
            .debug_struct("Nova")
            .field("transport", transport)
            .field("credentials", credentials)
            .field("project", project)
            .field("region", region)
            .field("has_magnum", has_magnum)
            .finish_non_exhaustive()
    }
}

impl Nova {
    /// Logs in.
    pub(crate) async fn connect(transport: Transport, credentials: Credentials) -> Result<Self, CloudError> {
        let session = login(&transport, &credentials).await?;
        let (project, region) = (session.project.clone(), session.region.clone());
        let has_magnum = session.magnum.is_some();
        Ok(Self { transport, credentials, session: Mutex::new(session), project, region, has_magnum })
    }

    /// The connections.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Maximum time of waiting for the scheduler.
    pub(crate) fn patience(&self) -> std::time::Duration {
        self.transport.pace().watching
    }

    /// The first pause between two reads.
    pub(crate) fn first_pause(&self) -> std::time::Duration {
        self.transport.pace().first_pause
    }

    /// Reads one server; `None` if it is gone. A last read is made after the run's time too.
    pub(crate) async fn server(&self, id: &ServerId, is_last: bool) -> Result<Option<Server>, CloudError> {
        let what = format!("look at server {id}");
        let path = format!("/servers/{id}");
        let reply = self.look(&what, &path, is_last).await?;
        // Nova names the server that it does not find. A 404 of a proxy does not.
        if reply.status == StatusCode::NOT_FOUND && says_not_found(&reply.body, id) {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(self.failure(&what, "GET", "/servers/*", &reply));
        }
        let One { server } = read(&reply, &what)?;
        let wrong =
            |why: String| CloudError::new(Kind::Other, format!("cannot {what}: {}", words::clean(&why)));
        let server = Server::try_from(server).map_err(&wrong)?;
        if server.id != *id {
            return Err(wrong(format!("Nova answers with server {}", server.id)));
        }
        Ok(Some(server))
    }

    /// Asks for a change of one server, once.
    pub(crate) async fn change(&self, id: &ServerId, action: Action) -> Sent {
        let what = format!("{} server {id}", action.verb());
        let (method, path, body, rule) = match action.request() {
            Some(name) => {
                let mut body = serde_json::Map::new();
                body.insert(name.to_owned(), json!(null));
                (Method::POST, format!("/servers/{id}/action"), Some(body.into()), "/servers/*/action")
            }
            None => (Method::DELETE, format!("/servers/{id}"), None, "/servers/*"),
        };
        let verb = method.to_string();
        let request = move |session: &Session| Request {
            method: method.clone(),
            url: format!("{}{path}", session.endpoint),
            token: Some(session.token.clone()),
            version: Some(VERSION),
            body: body.clone(),
            is_read: false,
            is_once: false,
            is_last: false,
        };
        let reply = match self.with_token(request).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(silence)) => {
                let kind = if silence.in_doubt { Kind::Doubt } else { Kind::Busy };
                let error = CloudError::new(kind, format!("cannot {what}: {}", silence.words));
                return if silence.in_doubt { Sent::Lost(error) } else { Sent::Refused(error) };
            }
            Err(error) => return Sent::Refused(error),
        };
        let failure = || self.failure(&what, &verb, rule, &reply);
        match reply.status.as_u16() {
            200..=299 => Sent::Accepted,
            409 => Sent::Conflict(failure()),
            500 => Sent::BrokeOff(failure()),
            408 | 501..=599 => Sent::Lost(failure()),
            _ => Sent::Refused(failure()),
        }
    }

    /// A request that only reads.
    pub(super) async fn look(&self, what: &str, path: &str, is_last: bool) -> Result<Reply, CloudError> {
        let request = |session: &Session| Request {
            method: Method::GET,
            url: format!("{}{path}", session.endpoint),
            token: Some(session.token.clone()),
            version: Some(VERSION),
            body: None,
            is_read: true,
            is_once: false,
            is_last,
        };
        let reply = self.with_token(request).await?;
        reply.map_err(|silence| CloudError::new(Kind::Busy, format!("cannot {what}: {}", silence.words)))
    }

    /// Makes a request with the present token, and once more with a new one if that is no longer
    /// valid.
    pub(super) async fn with_token(
        &self,
        request: impl Fn(&Session) -> Request,
    ) -> Result<Result<Reply, Silence>, CloudError> {
        let session = self.session.lock().await.clone();
        let first = self.transport.make(&request(&session)).await;
        if !first.as_ref().is_ok_and(|reply| reply.status == StatusCode::UNAUTHORIZED) {
            return Ok(first);
        }
        let renewed = {
            let mut current = self.session.lock().await;
            // Another request may have renewed it in the meantime.
            if current.token == session.token {
                *current = login(&self.transport, &self.credentials).await?;
            }
            current.clone()
        };
        Ok(self.transport.make(&request(&renewed)).await)
    }

    /// An answer of Nova that is no success, as an error. `rule` is the path in the form of an access
    /// rule.
    pub(super) fn failure(&self, what: &str, verb: &str, rule: &str, reply: &Reply) -> CloudError {
        self.failure_of(
            Service { name: "Nova", kind: "compute", version: VERSION },
            what,
            (verb, rule),
            reply,
        )
    }

    /// The same for any service.
    pub(super) fn failure_of(
        &self,
        service: Service,
        what: &str,
        (verb, rule): (&str, &str),
        reply: &Reply,
    ) -> CloudError {
        let Service { name, kind: service, version } = service;
        let words = reply.words();
        let kind = match reply.status.as_u16() {
            401 => {
                let why = match self.credentials.login {
                    Login::Application { .. } => format!(
                        "cannot {what}: {name} does not accept a token that Keystone has just given: the application \
                         credential has no access rule for {verb} {rule} of the service {service}, or {name} lacks its \
                         setting service_type ({words})"
                    ),
                    Login::Password { .. } | Login::Trust { .. } => format!(
                        "cannot {what}: {name} does not accept a token that Keystone has just given ({words})"
                    ),
                };
                return CloudError::new(Kind::Forbidden, why);
            }
            403 if words.contains("uota") => Kind::Quota,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            409 | 413 | 429 | 503 => Kind::Busy,
            406 => {
                let why = format!("cannot {what}: {name} does not know the microversion {version} ({words})");
                return CloudError::new(Kind::Other, why);
            }
            _ => Kind::Other,
        };
        CloudError::new(kind, format!("cannot {what}: {words}"))
    }
}
/// Whether a body is Nova's own message that it has no such server.
fn says_not_found(body: &[u8], id: &ServerId) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = body.as_ref().and_then(|body| body.get("itemNotFound")?.get("message")?.as_str());
    message.is_some_and(|words| words.contains(id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nova_s_own_word_about_this_server_says_that_it_is_gone() {
        let id = ServerId::parse("a4a4113e-15ec-441f-9e60-29e60cb23525").unwrap();
        let nova = r#"{"itemNotFound":{"code":404,"message":"Instance a4a4113e-15ec-441f-9e60-29e60cb23525 could not be found."}}"#;
        for (body, expected) in [
            (nova.to_owned(), true),
            (nova.replace("a4a4", "b4b4"), false),
            (nova.replace("itemNotFound", "error"), false),
            (format!(r#"{{"message":"no route /servers/{}"}}"#, id.as_str()), false),
            (format!("no route /servers/{}", id.as_str()), false),
            (String::new(), false),
        ] {
            assert_eq!(says_not_found(body.as_bytes(), &id), expected, "{body}");
        }
    }
}
