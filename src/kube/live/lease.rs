//! One run at a time: a Lease held from before the observation to the end.
//!
//! The Lease prevents two runs from working at the same time; the safety of users does not depend on it. Every patch
//! names the version it was made from, and a deletion is claimed first, even without the Lease.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::Live;
use super::call::Call;
use kube_rebalancer_ports::{Clock, PortError};

/// The time that a Lease lasts beyond `RUN_TIMEOUT`, so that a request in flight of a killed run has arrived.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// Longest time for which the Lease of another run is respected, unless this run may itself last longer: a run lasts
/// minutes, and a Lease that claims years would stop every later one.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// How far in the future a Lease may be renewed: the clocks of two API servers differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_mins(1);

/// Maximum number of writes if the stored Lease has changed in between.
const TRIES: usize = 3;

/// A Lease that this run holds.
#[derive(Clone, Debug)]
pub struct HeldLease {
    lease: Lease,
    path: String,
}

/// The reason why the Lease was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another run has it.
    #[error("another run is at work: {holder} holds the Lease {namespace}/{name} until {until}")]
    Busy {
        /// The other holder.
        holder: String,
        /// The Lease's namespace.
        namespace: String,
        /// The Lease's name.
        name: String,
        /// The time at which it expires, if the holder does not release it before.
        until: Timestamp,
    },
    /// It is no longer this run's.
    #[error("this run lost the Lease {namespace}/{name} while it was planning{}", now_of(.holder.as_ref()))]
    Lost {
        /// The Lease's namespace.
        namespace: String,
        /// The Lease's name.
        name: String,
        /// The present holder.
        holder: Option<String>,
    },
    /// The request failed.
    #[error("the Lease {namespace}/{name} could not be taken")]
    Failed {
        /// The Lease's namespace.
        namespace: String,
        /// The Lease's name.
        name: String,
        /// The error.
        #[source]
        error: PortError,
    },
}

impl Live {
    /// Takes the Lease, or takes it over from a run that has not released it in time.
    pub async fn acquire(&self, run_timeout: SignedDuration) -> Result<HeldLease, LeaseError> {
        let namespace = &self.namespace;
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let path = format!("{leases}/{}", self.lease_name);
        let failed = |error: PortError| LeaseError::Failed {
            namespace: namespace.clone(),
            name: self.lease_name.clone(),
            error,
        };
        let mut tried = 0;
        loop {
            let found = self.lease(Call::get(&path)).await.map_err(failed)?;
            let now = self.time.now();
            if let Some(lease) = &found
                && let Some(holder) = holder(lease)
            {
                if holder == self.identity && tried > 0 {
                    return Ok(HeldLease { lease: lease.clone(), path });
                }
                match term(lease, now, longest(run_timeout)) {
                    Term::Runs(until) if holder != self.identity => {
                        let (namespace, name) = (namespace.clone(), self.lease_name.clone());
                        return Err(LeaseError::Busy { holder, namespace, name, until });
                    }
                    Term::Untrue => {
                        log::warn!("the Lease of {holder} is ignored: no run lasts as long as it says");
                    }
                    Term::Runs(_) | Term::Over => {}
                }
            }
            let exists = found.is_some();
            let lease = self.taken(found.unwrap_or_default(), now, run_timeout);
            let body = serde_json::to_value(&lease).map_err(|error| failed(PortError(error.to_string())))?;
            let call = if exists { Call::put(&path, body) } else { Call::post(&leases, body) };
            tried += 1;
            match self.server.call(&call).await {
                Ok(text) => return Ok(HeldLease { lease: parse(&text).map_err(failed)?, path }),
                // Another client was first, or this run was: after a lost answer the second try conflicts with the
                // first. The stored Lease shows it.
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
        lease.metadata.name = Some(self.lease_name.clone());
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

    /// Verifies, right before the first change, that this run still holds the Lease. If it was deleted, another run
    /// may have acted since the observation, and the cordons of both together may leave too few nodes: each patch is
    /// judged only on its own node.
    pub async fn still_holds(&self, held: &HeldLease) -> Result<(), LeaseError> {
        let namespace = || self.namespace.clone();
        let lost =
            |holder| LeaseError::Lost { namespace: namespace(), name: self.lease_name.clone(), holder };
        let failed = |error: PortError| LeaseError::Failed {
            namespace: namespace(),
            name: self.lease_name.clone(),
            error,
        };
        let lease = match self.server.call(&Call::get(&held.path)).await {
            Ok(text) => parse(&text).map_err(failed)?,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Err(lost(None)),
            Err(error) => return Err(failed(error.into())),
        };
        let holder = holder(&lease);
        if holder.as_ref() == Some(&self.identity) && lease.metadata.uid == held.lease.metadata.uid {
            return Ok(());
        }
        Err(lost(holder))
    }

    /// Releases the Lease. A failure is harmless, because the Lease expires by itself.
    pub async fn release(&self, held: HeldLease) {
        if let Err(error) = self.give_back(held).await {
            log::warn!("the Lease was not released and expires by itself: {error}");
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
            // Released already by a try whose answer was lost; or held by another run; or changed by another client,
            // for example a label.
            let found = self.lease(Call::get(&path).last_word()).await?;
            let ours = |lease: &Lease| holder(lease).is_some_and(|holder| holder == self.identity);
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

/// The holder of a Lease.
fn holder(lease: &Lease) -> Option<String> {
    lease.spec.as_ref()?.holder_identity.clone().filter(|holder| !holder.is_empty())
}

/// The longest time that a run can hold a Lease, as far as this run knows.
fn longest(run_timeout: SignedDuration) -> SignedDuration {
    run_timeout.saturating_add(MARGIN).max(LONGEST)
}

/// The validity of a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    /// It is valid until then.
    Runs(Timestamp),
    /// It has expired.
    Over,
    /// It is renewed in the future, or lasts longer than a run can: no run wrote it.
    Untrue,
}

fn term(lease: &Lease, now: Timestamp, longest: SignedDuration) -> Term {
    let Some(spec) = &lease.spec else { return Term::Over };
    let Some(renewed) = spec.renew_time.as_ref().map(|time| time.0) else { return Term::Over };
    let lasts = SignedDuration::from_secs(i64::from(spec.lease_duration_seconds.unwrap_or(0)));
    if renewed.duration_since(now) > CLOCKS || lasts > longest {
        return Term::Untrue;
    }
    match renewed.checked_add(lasts) {
        Ok(until) if until > now => Term::Runs(until),
        Ok(_) | Err(_) => Term::Over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(renewed: &str, seconds: i32) -> Lease {
        let spec = LeaseSpec {
            renew_time: Some(MicroTime(renewed.parse().unwrap())),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    #[test]
    fn a_lease_keeps_others_out_for_as_long_as_a_run_can_last_and_no_longer() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-15T09:00:00Z");
        let longest = longest(SignedDuration::from_mins(5));
        let day = 24 * 60 * 60;
        for (renewed, seconds, expected) in [
            ("2026-01-15T08:59:00Z", 330, Term::Runs(at("2026-01-15T09:04:30Z"))),
            ("2026-01-15T08:54:30Z", 330, Term::Over),
            // The clock of another API server.
            ("2026-01-15T09:01:00Z", 330, Term::Runs(at("2026-01-15T09:06:30Z"))),
            ("2026-01-15T09:01:01Z", 330, Term::Untrue),
            ("9999-12-30T00:00:00Z", 330, Term::Untrue),
            ("2026-01-15T08:59:00Z", day, Term::Runs(at("2026-01-16T08:59:00Z"))),
            ("2026-01-15T08:59:00Z", day + 1, Term::Untrue),
            ("2026-01-15T08:59:00Z", i32::MAX, Term::Untrue),
        ] {
            assert_eq!(term(&lease(renewed, seconds), now, longest), expected, "{renewed} {seconds}");
        }
        assert_eq!(term(&Lease::default(), now, longest), Term::Over);
    }

    #[test]
    fn a_run_that_may_last_longer_than_a_day_believes_that_another_one_may_too() {
        let now = "2026-01-15T09:00:00Z".parse().unwrap();
        let two_days = 2 * 24 * 60 * 60;
        let longest = longest(SignedDuration::from_secs(two_days));
        let held = lease("2026-01-15T08:59:00Z", i32::try_from(two_days).unwrap() + 30);
        assert_eq!(term(&held, now, longest), Term::Runs("2026-01-17T08:59:30Z".parse().unwrap()));
    }
}
