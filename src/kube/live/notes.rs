//! Annotations of the Lease: the notes of a provider for later runs (the port `Notes`).

use async_trait::async_trait;
use http::StatusCode;
use k8s_openapi::api::coordination::v1::Lease;
use kube_rebalancer_ports::{Notes, PortError, SharedNotes};

use super::Live;
use super::call::{Call, Server};

/// Maximum number of writes of a note if the Lease has changed in between.
const TRIES: usize = 3;

/// Maximum length of a note. A longer one was not written by this program.
const LONGEST: usize = 64 << 10;

/// The annotations of one Lease.
struct LeaseNotes {
    server: Server,
    path: String,
    namespace: String,
    name: String,
    identity: String,
    dry_run: bool,
}

impl std::fmt::Debug for LeaseNotes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LeaseNotes").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Live {
    /// The annotations of the Lease of this run.
    #[must_use]
    pub fn notes(&self) -> SharedNotes {
        let (namespace, name) = (&self.namespace, &self.lease_name);
        SharedNotes::new(std::sync::Arc::new(LeaseNotes {
            server: self.server.clone(),
            path: format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"),
            namespace: namespace.clone(),
            name: name.clone(),
            identity: self.identity.clone(),
            dry_run: self.dry_run,
        }))
    }
}

impl LeaseNotes {
    async fn lease(&self) -> Result<Option<Lease>, PortError> {
        match self.server.call(&Call::get(&self.path)).await {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| PortError(format!("the API server's answer is no Lease: {error}"))),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl Notes for LeaseNotes {
    async fn read(&self, key: &str) -> Result<Option<String>, PortError> {
        let annotations = self.lease().await?.and_then(|lease| lease.metadata.annotations);
        let Some(text) = annotations.and_then(|mut all| all.remove(key)) else { return Ok(None) };
        if text.len() > LONGEST {
            let Self { namespace, name, .. } = self;
            return Err(PortError(format!(
                "annotation {key} of the Lease {namespace}/{name} has {} bytes, more than any run writes; {}",
                text.len(),
                self.removal(key)
            )));
        }
        Ok(Some(text))
    }

    fn removal(&self, key: &str) -> String {
        let Self { namespace, name, .. } = self;
        format!("remove it with: kubectl annotate lease --namespace {namespace} {name} {key}-")
    }

    async fn write(&self, key: &str, text: Option<&str>) -> Result<(), PortError> {
        if self.dry_run {
            return Ok(());
        }
        if let Some(length) = text.map(str::len).filter(|length| *length > LONGEST) {
            return Err(PortError(format!(
                "annotation {key} would have {length} bytes, and a note has at most {LONGEST}"
            )));
        }
        let mut tried = 0;
        loop {
            let held = |lease: &Lease| {
                let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref());
                holder == Some(&self.identity)
            };
            let Some(mut lease) = self.lease().await?.filter(held) else {
                return Err(PortError("the Lease is not this run's any more".to_owned()));
            };
            let annotations = lease.metadata.annotations.get_or_insert_default();
            match text {
                Some(text) => drop(annotations.insert(key.to_owned(), text.to_owned())),
                None => drop(annotations.remove(key)),
            }
            let body = serde_json::to_value(&lease).map_err(|error| PortError(error.to_string()))?;
            tried += 1;
            match self.server.call(&Call::put(&self.path, body)).await {
                Ok(_) => return Ok(()),
                Err(error) if tried < TRIES && (error.is_conflict() || error.is_in_doubt()) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
