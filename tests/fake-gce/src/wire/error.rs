//! Errors in the classic form of Google's APIs.

use serde_json::{Value, json};

/// The body of an error answer. Only some have a `status`; errors of Compute Engine mostly have none.
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
