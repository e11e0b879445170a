//! The message of a failure, in the forms of the services.

use kube_rebalancer_ports::words::clean;

/// The message of an answer that reports a failure: the service's message, the text itself, or nothing for a page for browsers.
pub(crate) fn of_failure(body: &[u8]) -> String {
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
    }

    /// In the forms of Azure, Keystone, Nova, Magnum and a gateway.
    #[test]
    fn a_token_that_a_failure_repeats_is_hidden() {
        let echoed = "refused: X-Auth-Token: gAAAAABnSECRET, Authorization: Bearer eyJhbGciOi.SECRET-_x";
        for body in [
            format!(r#"{{"error":{{"code":"InvalidAuthenticationToken","message":"{echoed}"}}}}"#),
            format!(r#"{{"error":"invalid_client","error_description":"{echoed}"}}"#),
            format!(r#"{{"code":"OperationNotAllowed","details":null,"message":"{echoed}"}}"#),
            format!(r#"{{"conflictingRequest":{{"code":409,"message":"{echoed}"}}}}"#),
            format!(r#"{{"errors":[{{"status":400,"title":"t","detail":"{echoed}"}}]}}"#),
            echoed.to_owned(),
        ] {
            let told = "refused: X-Auth-Token: (hidden), Authorization: Bearer (hidden)";
            assert_eq!(of_failure(body.as_bytes()), told, "{body}");
        }
    }
}
