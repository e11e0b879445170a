//! The meaning of an answer that reports a failure.

use kube_rebalancer_rest::{Kind, Reply};
use serde_json::Value;

/// Codes of a location without room.
const NO_ROOM: [&str; 8] = [
    "allocationfailed",
    "zonalallocationfailed",
    "overconstrainedallocationrequest",
    "overconstrainedzonalallocationrequest",
    "skunotavailable",
    "vmsizenotavailable",
    "zonenotavailable",
    "capacitynotavailable",
];

/// The kind of a failure, by its status and the code in its body.
pub(super) fn kind(reply: &Reply) -> Kind {
    let code = code(&reply.body).unwrap_or_default().to_ascii_lowercase();
    let status = reply.status.as_u16();
    if (400..500).contains(&status) {
        if is_no_room(&code) {
            return Kind::Exhausted;
        }
        // A used-up quota has the code `OperationNotAllowed`, like other failures: only the message
        // shows it.
        if code.contains("quota") || reply.words().to_ascii_lowercase().contains("quota") {
            return Kind::Quota;
        }
    }
    match status {
        401 | 403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 | 412 | 429 | 503 => Kind::Busy,
        _ => Kind::Other,
    }
}

/// Whether a code says that the cloud has no room.
pub(crate) fn is_no_room(code: &str) -> bool {
    NO_ROOM.contains(&code.to_ascii_lowercase().as_str())
}

/// The code of a failure: under `error`, or at the top level for the container service.
fn code(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error").unwrap_or(&value);
    error.get("code")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_told_by_its_code_before_its_status() {
        for (status, body, expected) in [
            (409, json!({"error": {"code": "AllocationFailed", "message": "m"}}), Kind::Exhausted),
            (409, json!({"error": {"code": "SkuNotAvailable", "message": "m"}}), Kind::Exhausted),
            (
                409,
                json!({"error": {"code": "OperationNotAllowed", "message": "exceeding approved Total Cores quota"}}),
                Kind::Quota,
            ),
            (400, json!({"code": "ErrCode_InsufficientVCPUQuota", "message": "m"}), Kind::Quota),
            (409, json!({"error": {"code": "OperationNotAllowed", "message": "in progress"}}), Kind::Busy),
            (409, json!({"error": {"code": "OperationPreempted", "message": "m"}}), Kind::Busy),
            (412, json!({"error": {"code": "PreconditionFailed", "message": "m"}}), Kind::Busy),
            (403, json!({"error": {"code": "AuthorizationFailed", "message": "m"}}), Kind::Forbidden),
            (404, json!({"error": {"code": "ResourceNotFound", "message": "m"}}), Kind::NotFound),
            (400, json!({"error": {"code": "InvalidParameter", "message": "m"}}), Kind::Other),
            (500, json!({"error": {"code": "AllocationFailed", "message": "m"}}), Kind::Other),
            (429, json!("x"), Kind::Busy),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let body = body.to_string().into_bytes();
            let reply = Reply { status, headers: HeaderMap::new(), body };
            assert_eq!(kind(&reply), expected, "{reply:?}");
        }
    }
}
