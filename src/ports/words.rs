//! Texts of servers, libraries and commands for a message: on one line, without tokens, of bounded length.

use std::error::Error;

/// Maximum length: one or two lines.
const LONGEST: usize = 300;

/// The replacement of a token.
const HIDDEN: &str = "(hidden)";

/// Names of headers, members and variables whose value is a credential, in small letters.
const NAMES: [&str; 21] = [
    "access_token",
    "api-key",
    "apikey",
    "authorization",
    "client_assertion",
    "client_secret",
    "id_token",
    "passwd",
    "password",
    "private_key",
    "proxy-authorization",
    "refresh_token",
    "secret",
    "secret_access_key",
    "secretaccesskey",
    "token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-service-token",
    "x-subject-token",
];

/// The beginnings of tokens without a name before them: JSON Web Tokens, Keystone's, Google's, and sessions of AWS.
const BEGINNINGS: [&str; 6] = ["eyJ", "gAAAAA", "ya29.", "IQoJ", "FwoG", "FQoG"];

/// No word of a sentence that begins like a token is that long.
const SHORTEST_TOKEN: usize = 20;

/// Words after `Bearer` or `Basic` that are no credentials.
const NO_CREDENTIALS: [&str; 12] = [
    "auth",
    "authentication",
    "authorization",
    "challenge",
    "credentials",
    "error",
    "is",
    "realm",
    "scheme",
    "sku",
    "token",
    "tokens",
];

/// Text on one line, without control characters and without a token that it repeats, cut if it is too long.
#[must_use]
pub fn clean(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let line = without_tokens(&line);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None => line,
    }
}

/// The last cause of an error, which has the reason.
#[must_use]
pub fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean(&cause.to_string())
}

/// The preceding word, if a credential may follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A name such as `X-Auth-Token`.
    Name,
    /// A scheme such as `Bearer`.
    Scheme,
}

/// A text without the tokens, passwords and keys that it repeats: the text after `Bearer` or `Basic`, the values of
/// headers and members such as `X-Auth-Token`, and words in the form of a token.
#[must_use]
pub fn without_tokens(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, Before::Nothing);
    loop {
        if let Some(value) = value(before, rest) {
            kept.push_str(rest.strip_suffix(value).unwrap_or_default());
            kept.push_str(HIDDEN);
            // A credential may have any letters, so it ends where no header and no JSON continues it.
            let end = value.find(|letter: char| {
                letter.is_whitespace() || matches!(letter, '"' | '\'' | ',' | ';' | '&' | '}' | '<')
            });
            rest = value.split_at(end.unwrap_or(value.len())).1;
        }
        let (between, from) = rest.split_at(rest.find(is_of_word).unwrap_or(rest.len()));
        kept.push_str(between);
        if from.is_empty() {
            return kept;
        }
        let (word, after) = from.split_at(from.find(|letter| !is_of_word(letter)).unwrap_or(from.len()));
        kept.push_str(if is_token(word) { HIDDEN } else { word });
        rest = after;
        before = if is_scheme(word) {
            Before::Scheme
        } else if is_name(word) {
            Before::Name
        } else {
            Before::Nothing
        };
    }
}

/// The rest of a text from the credential on that follows directly, if one does: after a name `: `, `=` or `":"`, after a scheme
/// a space.
fn value(before: Before, rest: &str) -> Option<&str> {
    let blank = |letter| matches!(letter, ' ' | '"' | '\'' | '\\');
    let value = match before {
        Before::Nothing => return None,
        Before::Name => {
            let sign = rest.trim_start_matches(blank);
            let after = sign.strip_prefix("=>").or_else(|| sign.strip_prefix([':', '=']))?;
            after.trim_start_matches(blank)
        }
        Before::Scheme => rest.trim_start_matches([' ', '"', '\'', ':', '=']),
    };
    let word = value.split(|letter| !is_of_word(letter)).next().unwrap_or_default();
    let is_none = value
        .starts_with(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '}'))
        || value.is_empty()
        || value.len() == rest.len()
        || is_scheme(word)
        || before == Before::Scheme && NO_CREDENTIALS.contains(&word.to_ascii_lowercase().as_str());
    (!is_none).then_some(value)
}

/// Whether a word is a scheme of the header `Authorization`.
fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

/// Whether a word is the name of a credential, with any prefix: `OS_PASSWORD`.
fn is_name(word: &str) -> bool {
    let small = word.to_ascii_lowercase();
    let is_end = |name: &&str| {
        small.strip_suffix(*name).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(['_', '-', '.']))
    };
    NAMES.iter().any(is_end)
}

/// Whether a letter is one of names and tokens.
fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '~' | '+')
}

/// Whether a word has the form of a token.
fn is_token(word: &str) -> bool {
    word.len() >= SHORTEST_TOKEN && BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_line_of_bounded_length() {
        assert_eq!(clean(" a\n\tb\u{1b}[0m  c "), "a b [0m c");
        assert_eq!(clean(&"x".repeat(400)).len(), 303);
        assert_eq!(clean(&"x ".repeat(400)).len(), 303);
    }

    /// What gateways and clouds write when they repeat the request's headers or its form.
    #[test]
    fn a_token_that_a_server_repeats_is_hidden() {
        let long = format!("gAAAAAB{}", "nSECRET".repeat(20));
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.SECRET-_x";
        for text in [
            // Azure, and any gateway in front of a cloud.
            format!("upstream refused: Authorization: Bearer {jwt}"),
            format!(r#"{{"headers":{{"Authorization":"Bearer {jwt}","Accept":"*/*"}}}}"#),
            format!(r#"{{\"authorization\": \"Bearer {jwt}\"}}"#),
            format!("authorization=bearer {jwt}"),
            "grant_type=client_credentials&client_secret=SECRET~x.1&scope=a".to_owned(),
            r#"{"access_token":"SECRET","expires_in":3599}"#.to_owned(),
            // Keystone, Nova and Magnum.
            format!("X-Auth-Token: {long}"),
            format!("x-auth-token:{long} accept:*/*"),
            format!(r#"{{"X-Subject-Token": "{long}"}}"#),
            "X-Auth-Token=SECRET".to_owned(),
            "'X-Auth-Token': 'SECRET'".to_owned(),
            format!("Could not find token: {long}."),
            format!("Failed to validate token {long}"),
            // AWS repeats the request that it would have signed.
            "The Canonical String should have been 'POST / x-amz-security-token:IQoJSECRET/+SECRET== x-amz-target:a'"
                .to_owned(),
            "Authorization: Basic dXNlcjpTRUNSRVQ=SECRET".to_owned(),
            "bad token: Bearer SECRET".to_owned(),
            "got \"bearer SECRET\" from you".to_owned(),
            "password: pa$$w(SECRET".to_owned(),
            "password: $ecretSECRET".to_owned(),
            "Authorization: Bearer /abcSECRET".to_owned(),
            "refused: Basic +w/SECRET".to_owned(),
            // Commands of an operator repeat their environment.
            "OS_PASSWORD=SECRET".to_owned(),
            "aws_secret_access_key=SECRET".to_owned(),
            r#"{"secretAccessKey": "SECRET"}"#.to_owned(),
            "auth_token='SECRET'".to_owned(),
        ] {
            let shown = clean(&text);
            assert!(!shown.contains("SECRET") && !shown.contains("eyJ"), "{shown}");
            assert!(shown.contains("(hidden)"), "{shown}");
        }
        let text = format!("no: X-Auth-Token: {long}, Authorization: Bearer {jwt}; Accept: a/b");
        assert_eq!(clean(&text), "no: X-Auth-Token: (hidden), Authorization: Bearer (hidden); Accept: a/b");
        assert_eq!(clean("got \"bearer SECRET\" from you"), "got \"bearer (hidden)\" from you");
    }

    #[test]
    fn a_message_without_a_token_stays_as_it_is() {
        for text in [
            "The security token included in the request is invalid.",
            "The request you have made requires authentication.",
            "Basic SKU public IP addresses are not available, and basic authentication is disabled",
            "WWW-Authenticate: Bearer realm=\"https://login.example.com\", error=\"invalid_token\"",
            "the bearer token is missing: log in again",
            "AADSTS7000215: Invalid client secret provided.",
            "Quota exceeded for cores: Requested 4, but already used 20 of 20 cores",
            "eyJ is no token, and https://host/v2.1/servers/4f5a-1 is an address",
            "token expired at 2026-11-28T05:00:00Z",
            "",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    /// The last cause has the reason.
    #[test]
    fn the_last_cause_is_shown_without_its_token() {
        let inner = std::io::Error::other("refused\nX-Auth-Token: SECRET");
        let outer = std::io::Error::other(Outer(inner));
        assert_eq!(root_cause(&outer), "refused X-Auth-Token: (hidden)");
    }

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("it failed")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
}
