//! Makes a connection: credentials first, so that missing credentials are reported within seconds and not after a minute.

use std::pin::Pin;
use std::time::Duration;

use google_cloud_compute::client::{
    InstanceGroupManagers, InstanceTemplates, Instances, MachineTypes, RegionInstanceGroupManagers,
    RegionInstanceTemplates,
};
use kube_rebalancer_ports::Environment;
use kube_rebalancer_ports::words::root_cause;
use reqwest::Url;
use tokio::time::timeout;

use super::call::Pace;
use super::templates::Templates;
use super::transport::Transport;
use super::{Client, credentials, http, words};
use crate::engine::ComputeEngine;
use crate::error::{ComputeError, ErrorKind};

/// The address of Compute Engine, and the timeouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The address of the API, such as `http://127.0.0.1:8080`; `None` for Google's.
    pub endpoint: Option<String>,
    /// The metadata server to take access tokens from, such as `http://127.0.0.1:8080`; `None` for Application Default
    /// Credentials.
    pub metadata_server: Option<String>,
    /// The environment, in which credentials are found.
    pub environment: Environment,
    /// Maximum time of finding credentials and getting a first token.
    pub connect_timeout: Duration,
    /// Maximum time of one try of a request.
    pub attempt_timeout: Duration,
    /// The pause before the second try of a request; each further one is twice as long.
    pub first_pause: Duration,
    /// Maximum time of waiting for an operation.
    pub operation_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            metadata_server: None,
            environment: Environment::default(),
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(15),
            first_pause: Duration::from_millis(250),
            operation_timeout: Duration::from_mins(5),
        }
    }
}

/// The universe of Google's own cloud.
const COMMON: &str = "googleapis.com";

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn ComputeEngine>, ComputeError>> + Send>>;

/// Connects to Compute Engine, or returns an error within [`ConnectOptions::connect_timeout`].
///
/// The process must have installed a provider of cryptography for rustls. The future is boxed so that its callers are not
/// compiled together with the client.
#[must_use]
pub fn connect(options: ConnectOptions) -> Connecting {
    Box::pin(async move {
        let limit = options.connect_timeout;
        let client = timeout(limit, client(options)).await;
        let client = client.unwrap_or_else(|_| Err(credentials::none(&words::silence(limit))))?;
        let client: Box<dyn ComputeEngine> = Box::new(client);
        Ok(client)
    })
}

async fn client(options: ConnectOptions) -> Result<Client, ComputeError> {
    let credentials = credentials::find(options.metadata_server.as_deref(), &options.environment).await?;
    let address = match options.endpoint {
        Some(endpoint) => endpoint,
        None => {
            format!("https://compute.{}", credentials.universe_domain().await.as_deref().unwrap_or(COMMON))
        }
    };
    let base = Url::parse(&address).map_err(|error| unusable(&error))?;
    let client = http::client().build().map_err(|error| unusable(&error))?;
    let transport = Transport::new(client, base, credentials);
    Ok(Client {
        zonal: InstanceGroupManagers::from_stub(transport.clone()),
        regional: RegionInstanceGroupManagers::from_stub(transport.clone()),
        instances: Instances::from_stub(transport.clone()),
        templates: Templates {
            global: InstanceTemplates::from_stub(transport.clone()),
            regional: RegionInstanceTemplates::from_stub(transport.clone()),
            machine_types: MachineTypes::from_stub(transport),
        },
        pace: Pace { attempt_timeout: options.attempt_timeout, first_pause: options.first_pause },
        operation_timeout: options.operation_timeout,
    })
}

fn unusable(error: &dyn std::error::Error) -> ComputeError {
    let message = format!("no connection to Compute Engine can be made: {}", root_cause(error));
    ComputeError { kind: ErrorKind::Other, unchanged: true, message }
}
