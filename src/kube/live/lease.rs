//! One run at a time: a Lease held from before the observation to the end.
//!
//! The Lease keeps two runs from doing each other's work; it is not what keeps users safe. That every patch names the
//! version it was made from, and that a deletion is claimed first, holds without it too.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::Live;
use super::call::Call;
use kube_rebalancer_ports::{Clock, PortError};

/// The one name; the Role allows no other.
const NAME: &str = "kube-rebalancer";

/// Beyond `RUN_TIMEOUT`: a run that was killed is waited for this much longer, so that a request of its that is still on
/// its way has arrived.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// How often it is written where what is stored has changed meanwhile.
const TRIES: usize = 3;

/// A Lease that this run holds.
#[derive(Debug)]
pub struct HeldLease {
    lease: Lease,
    path: String,
}

/// Why the Lease was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another run has it.
    #[error("another run is at work: {holder} holds the Lease {namespace}/{NAME} until {until}")]
    Busy {
        /// The other holder.
        holder: String,
        /// In which namespace.
        namespace: String,
        /// Until when, if it does not give it back before.
        until: Timestamp,
    },
    /// It is no longer this run's.
    #[error("somebody took the Lease {namespace}/{NAME} away while this run made its plan{}", now_of(.holder.as_ref()))]
    Lost {
        /// In which namespace.
        namespace: String,
        /// The present holder.
        holder: Option<String>,
    },
    /// It could not be asked for.
    #[error("the Lease {namespace}/{NAME} could not be taken")]
    Failed {
        /// In which namespace.
        namespace: String,
        /// What happened.
        #[source]
        error: PortError,
    },
}

impl Live {
    /// Takes the Lease, or takes it over from a run that has not given it back in time.
    pub async fn acquire(&self, run_timeout: SignedDuration) -> Result<HeldLease, LeaseError> {
        let namespace = &self.namespace;
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let path = format!("{leases}/{NAME}");
        let failed = |error: PortError| LeaseError::Failed { namespace: namespace.clone(), error };
        let mut tried = 0;
        loop {
            let found = self.lease(Call::get(&path)).await.map_err(failed)?;
            let holder = found.as_ref().and_then(holder);
            if let (Some(lease), Some((holder, _))) = (&found, &holder)
                && tried > 0
                && *holder == self.identity
            {
                return Ok(HeldLease { lease: lease.clone(), path });
            }
            let now = self.time.now();
            if let Some((holder, until)) =
                holder.filter(|(holder, until)| *until > now && *holder != self.identity)
            {
                return Err(LeaseError::Busy { holder, namespace: namespace.clone(), until });
            }
            let exists = found.is_some();
            let lease = self.taken(found.unwrap_or_default(), now, run_timeout);
            let body = serde_json::to_value(&lease).map_err(|error| failed(PortError(error.to_string())))?;
            let call = if exists { Call::put(&path, body) } else { Call::post(&leases, body) };
            tried += 1;
            match self.server.call(&call).await {
                Ok(text) => return Ok(HeldLease { lease: parse(&text).map_err(failed)?, path }),
                // Somebody else was first, or it was us: an answer that got lost makes the second try collide with the
                // first. What is stored tells.
                Err(error) if tried < TRIES && (error.is_conflict() || error.is_in_doubt()) => {
                    log::info!("looking at the Lease again: {error}");
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
    }

    /// The Lease as this run holds it.
    fn taken(&self, mut lease: Lease, now: Timestamp, run_timeout: SignedDuration) -> Lease {
        let mut spec = lease.spec.take().unwrap_or_default();
        let seconds = run_timeout.saturating_add(MARGIN).as_secs();
        spec.holder_identity = Some(self.identity.clone());
        spec.acquire_time = Some(MicroTime(now));
        spec.renew_time = Some(MicroTime(now));
        spec.lease_duration_seconds = Some(i32::try_from(seconds).unwrap_or(i32::MAX));
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        lease.spec = Some(spec);
        lease.metadata.name = Some(NAME.to_owned());
        lease
    }

    /// Reads the Lease; `None` if there is none.
    async fn lease(&self, get: Call) -> Result<Option<Lease>, PortError> {
        match self.server.call(&get).await {
            Ok(text) => parse(&text).map(Some),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes sure, right before the first change, that the Lease is still this run's. If somebody deleted it, another
    /// run may have come and gone since the observation, and the cordons of both together may leave too few nodes: each
    /// patch is judged on its own node, and none sees the sum.
    pub async fn still_holds(&self, held: &HeldLease) -> Result<(), LeaseError> {
        let namespace = || self.namespace.clone();
        let lost = |holder| LeaseError::Lost { namespace: namespace(), holder };
        let failed = |error: PortError| LeaseError::Failed { namespace: namespace(), error };
        let lease = match self.server.call(&Call::get(&held.path)).await {
            Ok(text) => parse(&text).map_err(failed)?,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Err(lost(None)),
            Err(error) => return Err(failed(error.into())),
        };
        let holder = holder(&lease).map(|(holder, _)| holder);
        if holder.as_ref() == Some(&self.identity) && lease.metadata.uid == held.lease.metadata.uid {
            return Ok(());
        }
        Err(lost(holder))
    }

    /// Gives the Lease back. That it runs out by itself makes a failure harmless.
    pub async fn release(&self, held: HeldLease) {
        if let Err(error) = self.give_back(held).await {
            log::warn!("the Lease was not given back and runs out by itself: {error}");
        }
    }

    async fn give_back(&self, held: HeldLease) -> Result<(), PortError> {
        let HeldLease { mut lease, path } = held;
        let mut tried = 0;
        loop {
            lease.spec = Some(LeaseSpec { holder_identity: None, ..lease.spec.take().unwrap_or_default() });
            let body = serde_json::to_value(&lease).map_err(|error| PortError(error.to_string()))?;
            let Err(error) = self.server.call(&Call::put(&path, body).last_word()).await else {
                return Ok(());
            };
            tried += 1;
            if tried == TRIES || !error.is_conflict() {
                return Err(error.into());
            }
            // Given back already, by a try whose answer was lost; or in other hands; or somebody has labelled it, say.
            let found = self.lease(Call::get(&path).last_word()).await?;
            let ours = |lease: &Lease| holder(lease).is_some_and(|(holder, _)| holder == self.identity);
            let Some(found) = found.filter(ours) else { return Ok(()) };
            lease = found;
        }
    }
}

fn parse(text: &str) -> Result<Lease, PortError> {
    serde_json::from_str(text)
        .map_err(|error| PortError(format!("the API server's answer is no Lease: {error}")))
}

fn now_of(holder: Option<&String>) -> String {
    holder.map(|holder| format!("; {holder} has it now")).unwrap_or_default()
}

/// The holder of a Lease, and until when it holds.
fn holder(lease: &Lease) -> Option<(String, Timestamp)> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty())?;
    let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(0));
    let until = spec.renew_time.as_ref()?.0.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some((holder, until))
}
