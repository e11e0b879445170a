//! Makes a connection: credentials first, so that whoever has none learns it within seconds and not after a minute.

use std::pin::Pin;
use std::time::Duration;

use google_cloud_auth::credentials::Credentials;
use google_cloud_compute::client::{
    InstanceGroupManagers, InstanceTemplates, Instances, MachineTypes, RegionInstanceGroupManagers,
    RegionInstanceTemplates,
};
use google_cloud_gax::client_builder::{ClientBuilder, Error as BuildError};
use google_cloud_gax::retry_policy::NeverRetry;
use tokio::time::timeout;

use super::call::Pace;
use super::templates::Templates;
use super::{Client, credentials, words};
use crate::engine::ComputeEngine;
use crate::error::{ComputeError, ErrorKind};

/// Where Compute Engine is, and how patient to be with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The address of the API, such as `http://127.0.0.1:8080`; `None` for Google's.
    pub endpoint: Option<String>,
    /// The metadata server to take access tokens from, such as `http://127.0.0.1:8080`; `None` for the credentials that
    /// are found the usual way (Application Default Credentials).
    pub metadata_server: Option<String>,
    /// How long it may take to find credentials and get a first token.
    pub connect_timeout: Duration,
    /// How long one try of a request may take.
    pub attempt_timeout: Duration,
    /// The pause before the second try of a request; each further one is twice as long.
    pub first_pause: Duration,
    /// How long an operation is waited for.
    pub operation_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            metadata_server: None,
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(15),
            first_pause: Duration::from_millis(250),
            operation_timeout: Duration::from_mins(5),
        }
    }
}

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn ComputeEngine>, ComputeError>> + Send>>;

/// Connects to Compute Engine, or says within [`ConnectOptions::connect_timeout`] why not.
///
/// The process must have named a provider of cryptography to rustls. The future is boxed so that what awaits it is not
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
    let credentials = credentials::find(options.metadata_server.as_deref()).await?;
    let endpoint = options.endpoint.as_deref();
    Ok(Client {
        zonal: set_up(InstanceGroupManagers::builder(), endpoint, &credentials)
            .build()
            .await
            .map_err(|error| unusable(&error))?,
        regional: set_up(RegionInstanceGroupManagers::builder(), endpoint, &credentials)
            .build()
            .await
            .map_err(|error| unusable(&error))?,
        instances: set_up(Instances::builder(), endpoint, &credentials)
            .build()
            .await
            .map_err(|error| unusable(&error))?,
        templates: Templates {
            global: set_up(InstanceTemplates::builder(), endpoint, &credentials)
                .build()
                .await
                .map_err(|error| unusable(&error))?,
            regional: set_up(RegionInstanceTemplates::builder(), endpoint, &credentials)
                .build()
                .await
                .map_err(|error| unusable(&error))?,
            machine_types: set_up(MachineTypes::builder(), endpoint, &credentials)
                .build()
                .await
                .map_err(|error| unusable(&error))?,
        },
        pace: Pace { attempt_timeout: options.attempt_timeout, first_pause: options.first_pause },
        operation_timeout: options.operation_timeout,
    })
}

fn set_up<F, C: From<Credentials>>(
    builder: ClientBuilder<F, C>,
    endpoint: Option<&str>,
    credentials: &Credentials,
) -> ClientBuilder<F, C> {
    let builder = builder.with_credentials(credentials.clone()).with_retry_policy(NeverRetry);
    match endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    }
}

fn unusable(error: &BuildError) -> ComputeError {
    let message = format!("no connection to Compute Engine can be made: {}", words::root_cause(error));
    ComputeError { kind: ErrorKind::Other, unchanged: true, message }
}
