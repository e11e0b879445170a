//! Foreign messages, shortened to one line.

use std::error::Error;

/// Maximum length: one or two lines.
const LONGEST: usize = 300;

/// Text on one line, without control characters, cut if it is too long.
#[must_use]
pub fn clean(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None => line,
    }
}

/// The last cause of an error, which has the reason.
pub fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean(&cause.to_string())
}

/// The message of an answer that reports a failure: the service's message, the text itself, or nothing for a page for browsers.
#[must_use]
pub fn of_failure(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        return if text.starts_with('<') { String::new() } else { clean(text) };
    };
    // Azure's and Keystone's `error`, and Nova's `conflictingRequest`, `itemNotFound`, `computeFault`.
    let mut members = value.as_object().into_iter().flat_map(serde_json::Map::values);
    // Magnum's `errors` is a list.
    let first = |member: &serde_json::Value| {
        let error = member.get(0)?;
        error.get("detail").or_else(|| error.get("title"))?.as_str().map(clean)
    };
    let message = members.find_map(|member| {
        member.get("message").and_then(|text| text.as_str().map(clean)).or_else(|| first(member))
    });
    // Some services put it at the top, as the container service of Azure.
    let top = || value.get("message")?.as_str().map(clean);
    let of_login = || value.get("error_description")?.as_str().map(clean);
    message.or_else(top).or_else(of_login).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_failure_is_found_and_made_one_line() {
        let cases = [
            (
                r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#,
                "The request you have made requires authentication.",
            ),
            (
                r#"{"conflictingRequest":{"code":409,"message":"Instance a is\nlocked"}}"#,
                "Instance a is locked",
            ),
            (
                r#"{"errors":[{"status":404,"code":"client","title":"t","detail":"Cluster a could not be found.","links":[]}]}"#,
                "Cluster a could not be found.",
            ),
            (
                r#"{"errors":[{"max_version":"1.14","code":"magnum.microversion-unsupported","title":"Requested microversion is unsupported"}]}"#,
                "Requested microversion is unsupported",
            ),
            (
                r#"{"error":{"code":"OperationNotAllowed","message":"Operation could not be completed as it results in exceeding approved quota."}}"#,
                "Operation could not be completed as it results in exceeding approved quota.",
            ),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}"#,
                "AADSTS7000215: Invalid client secret provided.",
            ),
            (
                r#"{"code":"OperationNotAllowed","details":null,"message":"Another operation is in progress.","subcode":""}"#,
                "Another operation is in progress.",
            ),
            ("<html><body>502</body></html>", ""),
            ("upstream connect error", "upstream connect error"),
            ("{}", ""),
            ("[1]", ""),
            ("", ""),
        ];
        for (body, expected) in cases {
            assert_eq!(of_failure(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(clean(&"x ".repeat(400)).len(), 303);
    }
}
