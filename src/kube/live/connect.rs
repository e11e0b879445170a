//! Finds the cluster: by the kubeconfig's context on a laptop, by the service account in a pod.

use std::io::ErrorKind;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use kube_rebalancer_core::secret::without_user;
use kube_rebalancer_ports::{Clock as _, chain};
use tokio::runtime::Handle;

use super::credentials::Credentials;
use super::secrets;
use super::time::RunTime;

/// The time limit of a connection. A server that does not even refuse is tried twice within the ten seconds after which
/// the run reports the failure.
const CONNECT: Duration = Duration::from_secs(4);
/// Maximum time of silence in the middle of an answer.
const READ: Duration = Duration::from_secs(30);

/// The cluster that a run is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kubeconfig's context; `None` in a pod.
    pub context: Option<String>,
    /// The API server's address.
    pub server: String,
}

/// Writes `context NAME at URL`, or `this cluster at URL`.
impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.context {
            Some(context) => write!(formatter, "context {context} at {}", self.server),
            None => write!(formatter, "this cluster at {}", self.server),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such context.
    #[error("the kubeconfig has no context {name:?}, {}", expected(.known))]
    UnknownContext {
        /// The requested context.
        name: String,
        /// The contexts of the kubeconfig.
        known: Vec<String>,
    },
    /// No context was named.
    #[error("the kubeconfig names no current context{}", with_one_of(.known))]
    NoContext {
        /// The contexts of the kubeconfig.
        known: Vec<String>,
    },
    /// There is neither a kubeconfig nor a service account.
    #[error("no cluster to connect to: no kubeconfig ({kubeconfig}), and this is no pod of a cluster")]
    NoCluster {
        /// The path of the missing kubeconfig.
        kubeconfig: String,
    },
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {why}")]
    Kubeconfig {
        /// The reason.
        why: String,
    },
    /// No client can be made from the kubeconfig.
    #[error("no connection can be made with these credentials: {why}")]
    Client {
        /// The reason.
        why: String,
    },
    /// Reading a kubeconfig or a token file, or a credentials plugin, does not end.
    #[error("{what} did not give an answer within RUN_TIMEOUT, or before the run had to stop")]
    Silent {
        /// The step that does not end.
        what: &'static str,
    },
}

fn expected(known: &[String]) -> String {
    match known {
        [] => "and no other: it is empty".to_owned(),
        known => format!("expected one of: {}", known.join(", ")),
    }
}

fn with_one_of(known: &[String]) -> String {
    match known {
        [] => " and has none: it is empty".to_owned(),
        known => format!(", expected --context with one of: {}", known.join(", ")),
    }
}

/// A client, its cluster, and its source of tokens.
pub(super) type Connection = (Client, Target, Credentials);

/// Makes a client within the time of the run. Nothing is sent to the cluster yet. But a kubeconfig and a token file may
/// be pipes, and a plugin may wait for ever, so a thread that can be abandoned waits for them.
pub(super) async fn connect(context: Option<String>, time: &RunTime) -> Result<Connection, ConnectError> {
    tokio::select! {
        made = make(context, time) => made,
        () = time.used_up() => Err(ConnectError::Silent { what: "the kubeconfig, its token file or its credentials plugin" }),
    }
}

/// Makes a client for a context, or for the default cluster.
async fn make(context: Option<String>, time: &RunTime) -> Result<Connection, ConnectError> {
    // Two providers can be linked in; the first one that is installed is used everywhere.
    rustls::crypto::ring::default_provider().install_default().ok();
    let handle = Handle::current();
    let read = aside(move || handle.block_on(read(context)));
    let (mut config, context) = read.await?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(READ);
    // Otherwise the idle time of a pooled connection counts as silence.
    config.reset_reader_on_write = true;
    // Our own retries decide what to retry, log it, and are bounded.
    config.default_retry = false;
    let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    let credentials = Credentials::take(&mut config.auth_info, time.now()).await;
    let credentials = credentials.map_err(|error| ConnectError::Client { why: error.to_string() })?;
    let server = without_user(&config.cluster_url.to_string());
    let handle = Handle::current();
    let client = aside(move || {
        let _runtime = handle.enter();
        Client::try_from(config).map_err(|error| {
            let why = secrets::credentials(&error);
            ConnectError::Client { why: why.unwrap_or_else(|| without_user(&chain(&error))) }
        })
    });
    Ok((client.await?, Target { context, server }, credentials))
}

/// Runs a blocking step on a thread that can be abandoned.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(ConnectError::Silent { what: "the client of the Kubernetes API" }))
}

async fn read(context: Option<String>) -> Result<(Config, Option<String>), ConnectError> {
    match context {
        Some(name) => from_kubeconfig(Kubeconfig::read().map_err(unusable)?, name).await,
        None => by_default().await,
    }
}

async fn by_default() -> Result<(Config, Option<String>), ConnectError> {
    let error = match Kubeconfig::read() {
        Ok(mut kubeconfig) => match kubeconfig.current_context.take().filter(|name| !name.is_empty()) {
            Some(name) => return from_kubeconfig(kubeconfig, name).await,
            None => ConnectError::NoContext { known: contexts(&kubeconfig) },
        },
        Err(KubeconfigError::ReadConfig(error, path)) if error.kind() == ErrorKind::NotFound => {
            ConnectError::NoCluster { kubeconfig: format!("{} does not exist", path.display()) }
        }
        Err(KubeconfigError::FindPath) => {
            ConnectError::NoCluster { kubeconfig: "KUBECONFIG and HOME are not set".to_owned() }
        }
        Err(error) => unusable(error),
    };
    // In a pod the service account is enough.
    Config::incluster().map(|config| (config, None)).map_err(|_| error)
}

/// The problem of a kubeconfig on one line. The YAML parser would quote the place on several lines.
fn unusable(error: KubeconfigError) -> ConnectError {
    let why = if let KubeconfigError::ReadConfig(error, path) = error {
        format!("{}: {error}", path.display())
    } else {
        without_user(error.to_string().lines().next().unwrap_or_default())
    };
    ConnectError::Kubeconfig { why }
}

fn contexts(kubeconfig: &Kubeconfig) -> Vec<String> {
    kubeconfig.contexts.iter().map(|context| context.name.clone()).collect()
}

async fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    name: String,
) -> Result<(Config, Option<String>), ConnectError> {
    let known = contexts(&kubeconfig);
    if !known.contains(&name) {
        return Err(ConnectError::UnknownContext { name, known });
    }
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)?;
    Ok((config, Some(name)))
}
