//! Finds the cluster: the kubeconfig's context from a laptop, the service account in a pod.

use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// An unreachable server is told within ten seconds.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that goes silent in the middle of an answer is not waited for longer than this.
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
    #[error("the kubeconfig has no context {name:?}, expected one of: {}", known.join(", "))]
    UnknownContext {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There is neither a kubeconfig nor a service account.
    #[error("no cluster to connect to: there is no usable kubeconfig ({kubeconfig}), and this is no pod")]
    NoCluster {
        /// What is wrong with the kubeconfig.
        kubeconfig: String,
        /// What is missing in the pod.
        #[source]
        pod: InClusterError,
    },
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[from] KubeconfigError),
    /// No client can be made of it.
    #[error("no connection can be made with these credentials")]
    Client(#[from] kube::Error),
}

/// Makes a client for a context, or for what there is. Nothing is sent yet.
pub(super) async fn connect(context: Option<&str>) -> Result<(Client, Target), ConnectError> {
    // Two providers can be linked in; the first to be named is used by everything.
    rustls::crypto::ring::default_provider().install_default().ok();
    let (mut config, context) = match context {
        Some(name) => from_kubeconfig(Kubeconfig::read()?, name.to_owned()).await?,
        None => by_default().await?,
    };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(READ);
    // Else the time that a pooled connection was idle counts as silence.
    config.reset_reader_on_write = true;
    // Our own retries know what is worth one, say so, and end.
    config.default_retry = false;
    let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    let server = config.cluster_url.to_string();
    Ok((Client::try_from(config)?, Target { context, server }))
}

async fn by_default() -> Result<(Config, Option<String>), ConnectError> {
    let kubeconfig = match Kubeconfig::read() {
        Ok(kubeconfig) => match kubeconfig.current_context.clone().filter(|name| !name.is_empty()) {
            Some(name) => return from_kubeconfig(kubeconfig, name).await,
            None => "it names no current context".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    match Config::incluster() {
        Ok(config) => Ok((config, None)),
        Err(pod) => Err(ConnectError::NoCluster { kubeconfig, pod }),
    }
}

async fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    name: String,
) -> Result<(Config, Option<String>), ConnectError> {
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    if !known.contains(&name) {
        return Err(ConnectError::UnknownContext { name, known });
    }
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    Ok((Config::from_custom_kubeconfig(kubeconfig, &options).await?, Some(name)))
}
