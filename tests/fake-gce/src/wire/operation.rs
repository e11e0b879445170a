//! Operations.

use serde_json::{Value, json};

use super::{link, time, without_nulls};
use crate::engine::{Operation, OperationStatus, Skipped};

/// An `Operation`. A failure shows once it is done.
pub(crate) fn operation(operation: &Operation) -> Value {
    let (status, progress) = match operation.status {
        OperationStatus::Pending => ("PENDING", 0),
        OperationStatus::Running => ("RUNNING", 50),
        OperationStatus::Done => ("DONE", 100),
    };
    let failure = operation.failure.as_ref().filter(|_| operation.status == OperationStatus::Done);
    let warnings: Vec<Value> = operation.skipped.iter().map(warning).collect();
    let mut json = json!({
        "kind": "compute#operation",
        "id": operation.id.to_string(),
        "name": operation.path.name,
        "operationType": operation.kind,
        "targetLink": link(&operation.target),
        "targetId": operation.target_id.to_string(),
        "status": status,
        "progress": progress,
        "user": "tester@example.com",
        "insertTime": time(operation.inserted),
        "startTime": operation.started.map(time),
        "endTime": operation.ended.map(time),
        "clientOperationId": operation.request_id,
        "httpErrorStatusCode": failure.map(|failure| failure.status),
        "httpErrorMessage": failure.map(|failure| phrase(failure.status)),
        "error": failure.map(|failure| {
            json!({"errors": [{"code": failure.code, "message": failure.message}]})
        }),
        "warnings": if warnings.is_empty() { Value::Null } else { Value::from(warnings) },
        "selfLink": link(&operation.path),
    });
    super::group::put_place(&mut json, &operation.path.project, &operation.path.location);
    without_nulls(json)
}

/// The warning that an instance was skipped.
fn warning(skipped: &Skipped) -> Value {
    json!({
        "code": "NOT_CRITICAL_ERROR",
        "message": skipped.why,
        "data": [
            {"key": "instance", "value": skipped.instance.to_string()},
            {"key": "validation_error", "value": skipped.why},
        ],
    })
}

/// The words of a status, as operations have them.
fn phrase(status: u16) -> String {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or("Unknown").to_uppercase()
}
