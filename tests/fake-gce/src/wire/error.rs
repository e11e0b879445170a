//! Errors in the classic form of Google's APIs.

use serde_json::{Value, json};

/// The body of an answer that is an error. Only some of them have a `status`; those of Compute Engine mostly do not.
pub(crate) fn error(code: u16, reason: &str, message: &str, status: Option<&str>) -> Value {
    let mut error = json!({
        "code": code,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
    });
    if let (Some(status), Some(members)) = (status, error.as_object_mut()) {
        members.insert("status".to_owned(), json!(status));
    }
    json!({"error": error})
}
