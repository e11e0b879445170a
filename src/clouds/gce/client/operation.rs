//! Waits for an operation. The client's own poller ends only when the operation is done, panics at one without a name,
//! and reports a failed one as a success.

use std::time::Duration;

use google_cloud_compute::model::Operation;
use google_cloud_compute::model::operation::Status;
use tokio::time::{sleep, timeout};

use super::call::Call;
use super::managers::Managers;
use super::words;
use crate::error::{ComputeError, ErrorKind};
use kube_rebalancer_ports::words::clean;

/// The pause before an operation is first read; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Waits until an operation is done; returns an error if it failed.
pub(super) async fn finish(
    call: &Call,
    managers: &Managers<'_>,
    started: Operation,
    limit: Duration,
) -> Result<(), ComputeError> {
    let name = started.name.clone().unwrap_or_default();
    let done = timeout(limit, until_done(call, managers, started)).await;
    let done = done.unwrap_or_else(|_| {
        let words = format!("operation {name} was not done within {:.1} s", limit.as_secs_f32());
        Err(call.unfinished(ErrorKind::Unavailable, &words))
    })?;
    outcome(call, &done)
}

async fn until_done(
    call: &Call,
    managers: &Managers<'_>,
    started: Operation,
) -> Result<Operation, ComputeError> {
    let mut operation = started;
    let mut pause = FIRST_PAUSE;
    while operation.status != Some(Status::Done) {
        let Some(name) = operation.name.filter(|name| !name.is_empty()) else {
            return Err(call.not_understood("an operation that is not done has no name"));
        };
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let asked = call.follow_up(&name);
        operation = asked.make(|| managers.operation(&name)).await?;
    }
    Ok(operation)
}

/// The result of an operation that is done.
fn outcome(call: &Call, done: &Operation) -> Result<(), ComputeError> {
    let errors = done.error.as_ref().map(|error| error.errors.as_slice()).unwrap_or_default();
    let status = done.http_error_status_code;
    if done.error.is_none() && status.is_none() && done.http_error_message.is_none() {
        return Ok(());
    }
    let codes = errors.iter().filter_map(|error| error.code.as_deref());
    let kind = ErrorKind::of_answer(status.and_then(|status| u16::try_from(status).ok()), codes);
    let mut told = "the operation failed".to_owned();
    if let Some(status) = status {
        told = format!("{told} with {status}");
    }
    if errors.is_empty() {
        told = words::quoted(told, done.http_error_message.as_deref().unwrap_or_default());
    }
    for (index, error) in errors.iter().enumerate() {
        let code = clean(error.code.as_deref().unwrap_or("no code"));
        let between = if index == 0 { ":" } else { ";" };
        told = words::quoted(format!("{told}{between} {code}"), error.message.as_deref().unwrap_or_default());
    }
    Err(call.unfinished(kind, &told))
}
