//! Finds credentials, and tries whether they give a token: the client itself would only notice at its first request,
//! and take a minute to say so.

use std::time::Duration;

use google_cloud_auth::credentials::{Builder, Credentials, mds};
use http::Extensions;
use kube_rebalancer_core::secret::without_quotes;
use tokio::time::sleep;

use super::words;
use crate::error::{ComputeError, ErrorKind};

/// What tokens are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/compute";
/// How often a token is asked for: the metadata server of Google Kubernetes Engine may not be ready when a pod starts.
const TRIES: u32 = 3;
/// The pause before the second try; the third one's is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Finds credentials that work.
pub(super) async fn find(metadata_server: Option<&str>) -> Result<Credentials, ComputeError> {
    let mut pause = FIRST_PAUSE;
    let mut tried = 0;
    loop {
        tried += 1;
        // Made anew for each try: once they have failed they say the same for ten seconds without asking.
        let credentials = match metadata_server {
            Some(address) => mds::Builder::default().with_endpoint(address).with_scopes([SCOPE]).build(),
            None => Builder::default().with_scopes([SCOPE]).build(),
        };
        let credentials = credentials.map_err(|error| {
            // It does not always name the file.
            let file = "the file that GOOGLE_APPLICATION_CREDENTIALS names, or else gcloud's own";
            none(&format!("{file}, is of no use: {}", words::clean(&without_quotes(&error.to_string()))))
        })?;
        match credentials.headers(Extensions::new()).await {
            Ok(_) => return Ok(credentials),
            Err(error) if error.is_transient() && tried < TRIES => {
                let cause = without_quotes(&words::root_cause(&error));
                log::info!("trying again in {} ms for credentials: {cause}", pause.as_millis());
                sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                // An answer that cannot be read may hold a token all the same.
                let cause = without_quotes(&words::root_cause(&error));
                return Err(none(&format!("asking for a token failed: {cause}")));
            }
        }
    }
}

/// The error of who has no credentials.
pub(super) fn none(why: &str) -> ComputeError {
    let why = why.trim_end_matches('.');
    let message = format!(
        "no credentials for Google Cloud: {why}; on a laptop run `gcloud auth application-default login`, in a cluster \
         give the service account an identity (Workload Identity)"
    );
    ComputeError { kind: ErrorKind::Credentials, unchanged: true, message }
}
