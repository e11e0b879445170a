//! Finds credentials and gets a first token: the client itself would fail only at its first request, after a minute.
//!
//! ```text
//!   file --> Credentials      the kinds of Application Default Credentials
//!     token                   tokens, kept until shortly before their end
//!       impersonation         of a service account whose identity is taken
//!       federation            in exchange for a token of another identity provider
//!         ask, contents       answers and files, up to a bound
//!         address             encrypted, or of this machine
//! ```

mod address;
mod ask;
mod contents;
mod federation;
mod file;
mod granted;
mod impersonation;
mod token;

use std::time::Duration;

use google_cloud_auth::credentials::Credentials;
use http::Extensions;
use kube_rebalancer_core::secret::without_quotes;
use kube_rebalancer_ports::Environment;
use kube_rebalancer_ports::words::{clean, root_cause};
use tokio::time::sleep;

use super::http as bounded;
use crate::error::{ComputeError, ErrorKind};
use address::Clients;
use token::{From, Tokens};

/// The requested scope of tokens.
const SCOPE: &str = "https://www.googleapis.com/auth/compute";
/// The metadata server, unless a variable names another.
const METADATA: &str = "http://metadata.google.internal";
/// Maximum number of requests for a token: the metadata server of Google Kubernetes Engine may not be ready when a pod
/// starts.
const TRIES: u32 = 3;
/// The pause before the second try; the third one's is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Finds credentials that work.
pub(super) async fn find(
    metadata_server: Option<&str>,
    environment: &Environment,
) -> Result<Credentials, ComputeError> {
    let credentials = make(metadata_server, environment).await?;
    let mut pause = FIRST_PAUSE;
    let mut tried = 0;
    loop {
        tried += 1;
        match credentials.headers(Extensions::new()).await {
            Ok(_) => return Ok(credentials),
            Err(error) if error.is_transient() && tried < TRIES => {
                let cause = without_quotes(&root_cause(&error));
                log::info!("trying again in {} ms for credentials: {cause}", pause.as_millis());
                sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                // An unreadable answer may contain a token anyway.
                let cause = without_quotes(&root_cause(&error));
                return Err(none(&format!("asking for a token failed: {cause}")));
            }
        }
    }
}

/// Makes credentials: from the named metadata server, else from the file of credentials, else from the usual metadata
/// server.
async fn make(metadata_server: Option<&str>, environment: &Environment) -> Result<Credentials, ComputeError> {
    let quota_project = environment.get("GOOGLE_CLOUD_QUOTA_PROJECT");
    let client = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| none(&root_cause(&error)));
    let clients =
        Clients { proxied: client(bounded::client())?, direct: client(bounded::client().no_proxy())? };
    let file = if metadata_server.is_some() { None } else { file(environment.clone()).await? };
    let Some(file) = file else {
        let named = environment.get("GCE_METADATA_HOST").map(|host| format!("http://{host}"));
        let address = metadata_server.map(str::to_owned).or(named).unwrap_or_else(|| METADATA.to_owned());
        let from = From::Metadata { address, scope: SCOPE };
        return Ok(Tokens::new(clients, from, quota_project, None).into());
    };
    file::credentials(file, &clients, SCOPE, quota_project).map_err(|why| of_no_use(&why))
}

/// Reads the file of credentials on a thread that can be abandoned.
async fn file(environment: Environment) -> Result<Option<serde_json::Value>, ComputeError> {
    let read = tokio::task::spawn_blocking(move || file::read(&environment)).await;
    read.unwrap_or_else(|_| Err("it was not read to its end".to_owned())).map_err(|why| of_no_use(&why))
}

fn of_no_use(why: &str) -> ComputeError {
    let file = "the file that GOOGLE_APPLICATION_CREDENTIALS names, or else gcloud's own";
    none(&format!("{file}, is of no use: {}", clean(&without_quotes(why))))
}

/// The error for missing credentials.
pub(super) fn none(why: &str) -> ComputeError {
    let why = why.trim_end_matches('.');
    let message = format!(
        "no credentials for Google Cloud: {why}; on a laptop run `gcloud auth application-default login`, in a cluster \
         give the service account an identity (Workload Identity)"
    );
    ComputeError { kind: ErrorKind::Credentials, unchanged: true, message }
}
